"""What an administrator sees when something is wrong: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        ("[pbx.town]", '[redis]\npassword_env = "NOPE"\n[pbx.town]', 2, "NOPE_FILE"),
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
        ["retention", "plan"],
        ["retention", "sweep"],
    ):
        done = hushtape(tmp_path, *command, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
