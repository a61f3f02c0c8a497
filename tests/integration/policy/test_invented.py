"""Ten written policies of offices that don't exist, said in TOML from docs/policies.md alone.

Their prose stands at the top of each file. Whoever wrote them read no code. That none of them
breaks a promise is shown by `hushtape policy prove`; some are walked in
tests/long/replays/test_walk.py.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from hushtape.cli import main

FOLDER = Path(__file__).parents[2] / "data" / "policies" / "invented"
SCENARIOS = ".scenarios.toml"
POLICIES = sorted(path for path in FOLDER.glob("*.toml") if not path.name.endswith(SCENARIOS))

# Two of the ten are two files each: day and night, and the version of a later decision.
OFFICES = 10
FILES = 12


def scenarios() -> list[tuple[str, str]]:
    """Each scenario of the folder: the name of its file's beginning, and its own."""
    return [
        (path.name.removesuffix(SCENARIOS), scenario["name"])
        for path in sorted(FOLDER.glob(f"*{SCENARIOS}"))
        for scenario in tomllib.loads(path.read_text())["scenario"]
    ]


@pytest.fixture(scope="module")
def played() -> dict[tuple[str, str], list[object]]:
    """What differs, by file and scenario: all are played at once."""
    done = CliRunner().invoke(main, ["policy", "test", "--json", str(FOLDER)])
    assert done.exit_code in (0, 1), done.output
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {
        (Path(one["file"]).name.removesuffix(SCENARIOS), one["scenario"]): one["differs"]
        for one in found
    }


def test_there_are_ten_and_each_says_its_prose() -> None:
    assert len(POLICIES) == FILES
    assert len(list(FOLDER.glob(f"*{SCENARIOS}"))) == OFFICES
    assert all(path.read_text().startswith("# ") for path in POLICIES)


def test_every_scenario_is_played(played: dict[tuple[str, str], list[object]]) -> None:
    assert set(played) == set(scenarios())
    assert len(played) == len(scenarios()), "two scenarios of one name"


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_it_lints_without_errors(path: Path) -> None:
    done = CliRunner().invoke(main, ["policy", "lint", str(path)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("office", "name"), scenarios())
def test_what_its_author_meant_happens(
    played: dict[tuple[str, str], list[object]], office: str, name: str
) -> None:
    assert played[office, name] == []
