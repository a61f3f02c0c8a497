"""Every command that the documentation shows is run: here, or by the test that claims it.

Those of `hushtape policy` are typed here as they stand, in a folder as an administrator has it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from lab import __main__ as tour
from lab import kinds, recipe
from lab.compose.__main__ import main as softphone

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICKSTART = ROOT / "docs" / "quickstart-asterisk.md"  # typed whole by tests/lab/test_quickstart.py
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NO_COMMANDS = {"toml", "ini", "xml", "json"}
# How a line begins that is typed, perhaps after a prompt.
TYPED = re.compile(
    r"(?:[$#] )?((?:\./run-\w+|/opt/\S+|(?:[A-Z_]+=\S+ )*(?:hushtape|python3?|pip|install|curl"
    r"|docker|docker-compose|asterisk|fs_cli|apt-get|setfacl|openssl|systemctl|redis-cli|runuser"
    r"|cp|ln|chown|chmod|mkdir|kill|useradd))(?: .*)?)"
)
COMMENT = re.compile(r"\s+#( .*)?$")
TIMEOUT_S = 60
USAGE_ERROR = 2  # of the command line: no such command, option or file

LISTED = '"exec", "-T", "worker", "hushtape", "recordings", "list"'

# Who runs what isn't run here: a command, the file that does, and what in it shows that.
CLAIMED = [
    (r"\./run-lab --yes", "tests/lab/test_tour.py", "run(Selection()"),
    (r"\./run-tests", "run-tests", "all)"),
    (r"install -d -o asterisk .*", "tests/lab/test_quickstart.py", "recipe.read(PAGE)"),
    *(
        (command, "tests/long/test_compose.py", shown)
        for command, shown in (
            (r"docker-compose up -d --build", 'composed.run("up", "-d", "--build"'),
            (r"docker-compose up -d", 'services.run("up", "-d")'),
            (r"docker-compose kill bridge", 'services.run("kill", service)'),
            (r"docker-compose down", 'services.run("down", timeout_s'),
            (r"docker-compose down -v", 'services.run("down", "-v", timeout_s'),
            (r"docker-compose exec worker hushtape recordings list", LISTED),
            (r"docker-compose run --rm softphone", 'talking("run", "--rm", "-T", "softphone")'),
            (r"docker-compose run --rm softphone calls", '"softphone", "calls"'),
            (r"docker-compose run --rm softphone tour", '"softphone", "tour", *only'),
            (r"docker-compose run --rm -T softphone recording >\S+", '"softphone", "recording"'),
            (r"docker-compose run --rm -T softphone heard >\S+", '"softphone", "heard"'),
            (r"docker-compose --profile freeswitch up -d --build", '*profile, "up", "-d", "--bu'),
            (
                r"docker-compose --profile freeswitch down -v",
                '"freeswitch", "down", "-v", timeout_s',
            ),
            (
                r"docker-compose --profile freeswitch run --rm softphone-freeswitch tour",
                '"softphone-freeswitch", "tour", *only',
            ),
            (r"python3 -m lab\.compose\.bases", "bases.make("),
        )
    ),
    (
        r"curl .*/v1/payments.*",
        "tests/integration/ami_bridge/desktop/test_server.py",
        "v1/payments",
    ),
    (r"hushtape recordings findings", "tests/lab/test_quickstart.py", "recipe.read(PAGE)"),
    (r"hushtape retention change .*", "tests/integration/workers/test_change.py", '"change"'),
    (r"hushtape bridge --trace .*", "tests/integration/ami_bridge/test_program.py", "--trace"),
    (
        r"hushtape policy test --session .*",
        "tests/integration/ami_bridge/rehearsal/test_policy_test_command.py",
        "--session",
    ),
]

# What no test runs, for want of a FreeSWITCH installed as an administrator has it. They
# were typed on a 1.10.12.
BY_HAND = [r"fs_cli .*", r"install .*freeswitch.*"]


def commands() -> Iterator[tuple[str, str]]:
    """Every page's commands, without prompts and comments."""
    for page in PAGES:
        if page == QUICKSTART:
            continue
        for kind, body in FENCED.findall(page.read_text(encoding="utf-8")):
            if kind in NO_COMMANDS:
                continue
            for line in body.replace("\\\n", " ").splitlines():
                if found := TYPED.fullmatch(COMMENT.sub("", line).rstrip()):
                    yield page.name, re.sub(r"\s+", " ", found[1])


ALL = sorted(set(commands()))
HERE = [
    command
    for _, command in ALL
    if command.startswith("hushtape policy ") and "--session" not in command
]
CHOSEN = re.compile(r"docker-compose run --rm softphone (tour --.*)")
TOURS = [command for _, command in ALL if CHOSEN.fullmatch(command)]


def test_the_commands_are_found() -> None:
    """The list would prove nothing if it were short."""
    assert len(ALL) > 30
    assert ("README.md", "./run-lab --yes") in ALL
    assert len(HERE) > 10
    assert len(TOURS) > 1


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_is_run_by_some_test(page: str, command: str) -> None:
    if command in (*HERE, *TOURS) or (page == "freeswitch.md" and _by_hand(command)):
        return
    claims = [(file, shown) for each, file, shown in CLAIMED if re.fullmatch(each, command)]
    assert claims, f"{page}: no test runs this: add a row to CLAIMED: {command}"
    for file, shown in claims:
        assert shown in (ROOT / file).read_text(encoding="utf-8"), f"{file} doesn't run {command}"


def _by_hand(command: str) -> bool:
    return any(re.fullmatch(each, command) for each in BY_HAND)


def test_no_claim_is_left_over() -> None:
    for each in (*(claimed for claimed, *_ in CLAIMED), *BY_HAND):
        assert any(re.fullmatch(each, command) for _, command in ALL), each


def test_what_the_asterisk_page_shows_is_typed_in_the_quick_start() -> None:
    typed = {each.command for each in recipe.read(QUICKSTART)}
    for page, command in ALL:
        if page == "asterisk.md":
            assert command in typed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What an administrator has: a configuration, a policy in two versions, and the examples."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "examples" / "policies", tmp_path / "policies")
    town = (ROOT / "examples" / "town-hall" / "town.toml").read_text(encoding="utf-8")
    later = town.replace("2026-01-01", "2027-01-01").replace('"62 days"', '"31 days"')
    assert later != town
    (tmp_path / "town.toml").write_text(town, encoding="utf-8")
    (tmp_path / "town-2027.toml").write_text(later, encoding="utf-8")
    for name in ("town.toml", "town-2027.toml"):
        shutil.copy(tmp_path / name, tmp_path / "policies")
    config = (ROOT / "examples" / "town-hall" / "hushtape.toml").read_text(encoding="utf-8")
    config = config.replace("/etc/hushtape/policies", "policies")
    (tmp_path / "hushtape.toml").write_text(config, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", HERE)
def test_a_policy_command_does_what_it_says(folder: Path, command: str) -> None:
    words, _, into = command.partition(" > ")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(words)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "HUSHTAPE_CONFIG": "hushtape.toml", "PYTHONPATH": str(ROOT)},
    )
    # What is found may be a reason for 1; that it can't be done at all never is.
    assert done.returncode < USAGE_ERROR, f"{command}\n{done.stderr or done.stdout}"
    assert done.stdout.strip(), f"{command} says nothing"
    assert "Traceback" not in done.stderr
    assert into.endswith(".svg") == done.stdout.startswith("<svg")


@pytest.mark.parametrize("command", TOURS)
def test_the_softphone_takes_the_tour_s_options(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is chosen is there. Tours in a container: tests/long/test_compose.py."""
    found = CHOSEN.fullmatch(command)
    assert found is not None
    toured = Mock(return_value=Mock(ok=True, summary=str, takes=[]))
    monkeypatch.setattr(tour, "run", toured)
    monkeypatch.setattr(kinds, "lacking", lambda kind: "")
    monkeypatch.setattr(tour.install, "offer", lambda yes: None)
    done = CliRunner().invoke(softphone, shlex.split(found[1]))
    assert done.exit_code == 0, done.output
    if "--list" in command:
        assert "blind-to-payment" in done.output
        toured.assert_not_called()
    else:
        (selection, *_), _ = toured.call_args
        for chosen in (selection.scenarios, selection.councils):
            assert len(chosen) == 1
