"""The house's own rules: who may import whom, and what may never be in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {"ami_bridge", "workers", "console"}
SHARED = "hushtape"

# The pure core touches nothing of the world: no clock, no randomness, no files, no network.
PURE = [
    "ami_bridge/arrivals.py",
    "ami_bridge/asterisk/actions.py",
    "ami_bridge/asterisk/dials.py",
    "ami_bridge/asterisk/forgery.py",
    "ami_bridge/asterisk/halts.py",
    "ami_bridge/asterisk/halves.py",
    "ami_bridge/asterisk/known.py",
    "ami_bridge/asterisk/listeners.py",
    "ami_bridge/asterisk/living.py",
    "ami_bridge/asterisk/moves.py",
    "ami_bridge/asterisk/party.py",
    "ami_bridge/asterisk/queues.py",
    "ami_bridge/asterisk/resync.py",
    "ami_bridge/asterisk/rights.py",
    "ami_bridge/asterisk/rings.py",
    "ami_bridge/asterisk/said.py",
    "ami_bridge/asterisk/session.py",
    "ami_bridge/asterisk/starts.py",
    "ami_bridge/asterisk/subroutines.py",
    "ami_bridge/asterisk/talks.py",
    "ami_bridge/asterisk/translate.py",
    "ami_bridge/asterisk/written.py",
    "ami_bridge/call/company.py",
    "ami_bridge/call/consent.py",
    "ami_bridge/call/consultation.py",
    "ami_bridge/call/judging.py",
    "ami_bridge/call/machine.py",
    "ami_bridge/call/meeting.py",
    "ami_bridge/call/moves.py",
    "ami_bridge/call/noted.py",
    "ami_bridge/call/outage.py",
    "ami_bridge/call/papers.py",
    "ami_bridge/call/parking.py",
    "ami_bridge/call/payment.py",
    "ami_bridge/call/recorder.py",
    "ami_bridge/call/resumed.py",
    "ami_bridge/call/standing.py",
    "ami_bridge/call/talk.py",
    "ami_bridge/clock.py",
    "ami_bridge/consulting.py",
    "ami_bridge/desktop/desk.py",
    "ami_bridge/facts.py",
    "ami_bridge/freeswitch/bridges.py",
    "ami_bridge/freeswitch/commands.py",
    "ami_bridge/freeswitch/dials.py",
    "ami_bridge/freeswitch/known.py",
    "ami_bridge/freeswitch/listeners.py",
    "ami_bridge/freeswitch/living.py",
    "ami_bridge/freeswitch/moves.py",
    "ami_bridge/freeswitch/party.py",
    "ami_bridge/freeswitch/queues.py",
    "ami_bridge/freeswitch/recorders.py",
    "ami_bridge/freeswitch/resync.py",
    "ami_bridge/freeswitch/said.py",
    "ami_bridge/freeswitch/session.py",
    "ami_bridge/freeswitch/talks.py",
    "ami_bridge/freeswitch/tenants.py",
    "ami_bridge/freeswitch/translate.py",
    "ami_bridge/party.py",
    "ami_bridge/payments.py",
    "ami_bridge/places.py",
    "ami_bridge/played.py",
    "ami_bridge/refusals.py",
    "ami_bridge/rehearsal/outcome.py",
    "ami_bridge/rehearsal/performance.py",
    "ami_bridge/rehearsal/places.py",
    "ami_bridge/rehearsal/rehearsal.py",
    "ami_bridge/rehearsal/stage.py",
    "ami_bridge/resync.py",
    "ami_bridge/session.py",
    "ami_bridge/talking.py",
    "ami_bridge/talks.py",
    "ami_bridge/told.py",
    "ami_bridge/variables.py",
    "ami_bridge/walk/facts.py",
    "ami_bridge/walk/follow.py",
    "ami_bridge/walk/follow_talk.py",
    "ami_bridge/walk/observer.py",
    "ami_bridge/walk/reading.py",
    "ami_bridge/walk/seen.py",
    "ami_bridge/walk/state.py",
    "ami_bridge/walk/views.py",
    "ami_bridge/walk/walk.py",
    "hushtape/ids.py",
    "hushtape/policy/comparing/boxes.py",
    "hushtape/policy/comparing/calls_to_try.py",
    "hushtape/policy/comparing/diff.py",
    "hushtape/policy/comparing/diff_text.py",
    "hushtape/policy/comparing/kinds.py",
    "hushtape/policy/comparing/pattern_samples.py",
    "hushtape/policy/comparing/shapes.py",
    "hushtape/policy/comparing/times_to_try.py",
    "hushtape/policy/dates.py",
    "hushtape/policy/decide.py",
    "hushtape/policy/deciding/choose.py",
    "hushtape/policy/deciding/consent.py",
    "hushtape/policy/deciding/coverage.py",
    "hushtape/policy/deciding/decision.py",
    "hushtape/policy/deciding/keeping.py",
    "hushtape/policy/deciding/transfers.py",
    "hushtape/policy/duties.py",
    "hushtape/policy/hours.py",
    "hushtape/policy/linting/findings.py",
    "hushtape/policy/linting/lint_calls.py",
    "hushtape/policy/linting/lint_keeping.py",
    "hushtape/policy/linting/lint_lines.py",
    "hushtape/policy/linting/lint_payments.py",
    "hushtape/policy/linting/lint_pbx.py",
    "hushtape/policy/linting/lint_people.py",
    "hushtape/policy/linting/lint_places.py",
    "hushtape/policy/linting/lint_together.py",
    "hushtape/policy/numbers.py",
    "hushtape/policy/patterns.py",
    "hushtape/policy/period.py",
    "hushtape/policy/reading/duty_problems.py",
    "hushtape/policy/reading/locate.py",
    "hushtape/policy/reading/problems.py",
    "hushtape/policy/reading/structure.py",
    "hushtape/policy/reading/syntax.py",
    "hushtape/policy/schema.py",
    "hushtape/policy/showing/diagram.py",
    "hushtape/policy/showing/examples.py",
    "hushtape/policy/showing/extensions.py",
    "hushtape/policy/showing/picture.py",
    "hushtape/policy/showing/queues.py",
    "hushtape/policy/showing/regions.py",
    "hushtape/policy/showing/said_calls.py",
    "hushtape/policy/showing/said_duties.py",
    "hushtape/policy/showing/said_keeping.py",
    "hushtape/policy/showing/said_moves.py",
    "hushtape/policy/showing/said_payments.py",
    "hushtape/policy/showing/sentences.py",
    "hushtape/policy/showing/show.py",
    "hushtape/policy/showing/week.py",
    "hushtape/policy/showing/wording.py",
    "hushtape/policy/stages.py",
    "hushtape/policy/storage.py",
    "hushtape/policy/trying/expectation.py",
    "hushtape/policy/trying/places.py",
    "hushtape/policy/trying/script.py",
    "hushtape/policy/trying/timeline.py",
    "hushtape/recordings/change.py",
    "hushtape/recordings/layout.py",
    "hushtape/recordings/manifest.py",
    "hushtape/recordings/proof.py",
    "hushtape/recordings/retention.py",
    "workers/silence.py",
]
WORLDLY = {
    "asyncio",
    "io",
    "os",
    "random",
    "redis",
    "rq",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
CLOCK = re.compile(r"^[^#\n]*\.(?:now|utcnow|today)\b", re.MULTILINE)

# By lines, which the formatter makes: parsing three hundred files takes as long as all other tests.
# Words in a docstring that look like an import are one too many, never one too few.
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\S+)[ \t]+import\b|import[ \t]+([^#\n]+))", re.MULTILINE)


@cache
def text_of(path: Path) -> str:
    """Read a file, once for all rules."""
    return path.read_text(encoding="utf-8")


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Name every module that a file imports, also inside functions and for type checking."""
    found: list[str] = []
    for module, modules in IMPORT.findall(text_of(path)):
        assert not module.startswith("."), f"{path}: relative imports hide where a name comes from"
        found += [module] if module else [each.split()[0] for each in modules.split(",")]
    return tuple(found)


def top_levels(folder: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module in imports(path):
            yield path, module.partition(".")[0]


def wrong_imports(folder: str) -> list[str]:
    forbidden = PROGRAMS if folder == SHARED else PROGRAMS - {folder}
    forbidden = forbidden | {"lab", "tests"}
    return [
        f"{path.relative_to(ROOT)}: {top}" for path, top in top_levels(folder) if top in forbidden
    ]


@pytest.mark.parametrize("folder", [SHARED, "ami_bridge", "workers"])
def test_programs_import_hushtape_and_never_each_other(folder: str) -> None:
    assert list((ROOT / folder).rglob("*.py")), f"{folder} is empty: the rule would prove nothing"
    assert wrong_imports(folder) == []


@pytest.mark.parametrize(
    "words",
    [
        "def f():\n    from ami_bridge import call\n",
        "from ami_bridge.call import (\n    noted,\n)\n",
        "import ami_bridge\n",
        "import os, ami_bridge.call as call  # both\n",
    ],
)
def test_the_rule_would_find_a_wrong_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "bad.py").write_text(words)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert wrong_imports("workers") == ["workers/bad.py: ami_bridge"]


def test_the_rule_would_find_a_relative_import(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("from . import call\n")
    with pytest.raises(AssertionError, match="relative"):
        imports(tmp_path / "bad.py")


def test_the_rule_would_find_a_clock() -> None:
    assert CLOCK.findall("x = 1\nat = datetime.now(UTC)\n")
    assert CLOCK.findall("def f(clock=date.today):\n")
    assert not CLOCK.findall("at = now  # not datetime.now\n")


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    path = ROOT / name
    worldly = {module for module in imports(path) if module.partition(".")[0] in WORLDLY}
    assert not worldly
    assert not CLOCK.findall(text_of(path)), "the clock is an argument"


def test_every_file_says_what_it_is() -> None:
    for folder in (SHARED, "ami_bridge", "workers", "lab"):
        for path in (ROOT / folder).rglob("*.py"):
            assert re.match(r'(?:#.*\n)*"""\S', text_of(path)), path
