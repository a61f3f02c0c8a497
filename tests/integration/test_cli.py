"""What an administrator sees when something is wrong: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hushtape.cli import NOBODY_READS

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30

CONFIG = f"""
data = "data"
[policies]
folder = "{ROOT / "examples" / "policies"}"
[pbx.town]
kind = "asterisk"
host = "127.0.0.1"
port = 9
password_env = "TOWN_SECRET"
spool = "/var/spool/asterisk/hushtape"
outside_contexts = ["from-trunk"]
[archive]
region = "GB"
owner = "South Hams District Council"
"""


def hushtape(folder: Path, *arguments: str, secret: str = "x") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "HUSHTAPE_CONFIG": str(folder / "hushtape.toml")}
    if secret:
        environ["TOWN_SECRET"] = secret
    return subprocess.run(
        [sys.executable, "-m", "hushtape", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environ,
        cwd=folder,
        check=False,
    )


def configure(folder: Path, text: str = CONFIG) -> None:
    (folder / "hushtape.toml").write_text(text, encoding="utf-8")


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stderr.splitlines()[-1]


def test_check_says_what_the_configuration_means(tmp_path: Path) -> None:
    configure(tmp_path)
    done = hushtape(tmp_path, "check")
    assert done.returncode == 0, done.stderr
    assert "PBX town: asterisk at 127.0.0.1:9, without TLS" in done.stdout
    assert "policy reigate-banstead" in done.stdout


@pytest.mark.parametrize(
    ("good", "bad", "code", "words"),
    [
        ("port = 9", 'port = "nine"', 2, "pbx.town.port: expected a whole number"),
        ('host = "127.0.0.1"', "", 2, "pbx.town.host: is missing"),
        (str(ROOT / "examples" / "policies"), "/nonexistent", 2, "there is no such folder"),
        ('data = "data"', 'data = "afile"', 2, "afile: File exists"),
        ('data = "data"', 'data = ""', 2, "data: is empty"),
        ("[pbx.town]", '[redis]\nurl = "redis://h:notaport"\n[pbx.town]', 2, "redis.url"),
        ("[pbx.town]", '[redis]\nurl = "redis://h:1/0?foo=1"\n[pbx.town]', 2, "no option foo"),
        ("[pbx.town]", '[redis]\npassword_env = "NOPE"\n[pbx.town]', 2, "NOPE_FILE"),
        ('data = "data"', r'data = "data\u0000"', 2, "data: holds a line break or another"),
    ],
)
def test_a_broken_configuration_is_one_line(
    tmp_path: Path, good: str, bad: str, code: int, words: str
) -> None:
    (tmp_path / "afile").touch()
    assert good in CONFIG
    configure(tmp_path, CONFIG.replace(good, bad))
    assert_one_line(hushtape(tmp_path, "run"), code, words)


def test_a_missing_secret_is_one_line(tmp_path: Path) -> None:
    configure(tmp_path)
    for command in ("check", "run", "bridge"):
        assert_one_line(hushtape(tmp_path, command, secret=""), 2, "TOWN_SECRET")


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    for command in (["check"], ["run"], ["recordings", "list"], ["retention", "plan"]):
        assert_one_line(hushtape(tmp_path, *command), 2, "there is no such file")


def test_without_redis_the_catalogue_says_so(tmp_path: Path) -> None:
    configure(tmp_path)
    assert_one_line(hushtape(tmp_path, "recordings", "list"), 3, "hushtape run brings it along")


def test_a_policy_that_the_configuration_breaks_is_refused_by_every_program(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    text = (ROOT / "examples" / "policies" / "reigate-banstead.toml").read_text(encoding="utf-8")
    assert "[storage]" not in text
    text += '\n[storage]\nregions = ["UK", "EEA"]\n'
    (tmp_path / "policies" / "one.toml").write_text(text, encoding="utf-8")
    config = CONFIG.replace(str(ROOT / "examples" / "policies"), "policies")
    config = config.partition("[archive]")[0]
    configure(tmp_path, config)
    for command in ("check", "run", "bridge", "worker"):
        done = hushtape(tmp_path, command)
        assert_one_line(done, 2, 'write it down, such as region = "GB" under [archive]')
        assert "policy reigate-banstead of" in done.stderr
    configure(tmp_path, f'{config}[archive]\nregion = "US"\n')
    assert_one_line(hushtape(tmp_path, "check"), 2, 'the archive is in "US"')
    configure(tmp_path, f'{config}[archive]\nregion = "IE"\n')
    assert hushtape(tmp_path, "check").returncode == 0


def test_a_reader_that_goes_ends_a_command_silently(tmp_path: Path) -> None:
    policy = ROOT / "examples" / "policies" / "surrey.toml"
    arguments = ("policy", "show", str(policy), "--as", "json")
    with subprocess.Popen(
        [sys.executable, "-m", "hushtape", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as `head` does when it has enough
        told = process.stderr.read()
        assert process.wait(TIMEOUT_S) == NOBODY_READS
    assert told == ""


def test_every_command_explains_itself(tmp_path: Path) -> None:
    for command in (
        [],
        ["run"],
        ["bridge"],
        ["worker"],
        ["scheduler"],
        ["check"],
        ["recordings", "list"],
        ["recordings", "show"],
        ["recordings", "findings"],
        ["recordings", "findings", "seen"],
        ["policy"],
        ["policy", "lint"],
        ["retention", "plan"],
        ["retention", "sweep"],
        ["retention", "change"],
    ):
        done = hushtape(tmp_path, *command, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
