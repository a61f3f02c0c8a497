"""A policy's own examples, kept beside it: ``surrey.scenarios.toml`` beside ``surrey.toml``.

Each is a call, told in steps (script.py), and what is expected of it (expectation.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec

from hushtape import schema
from hushtape.errors import PolicyError
from hushtape.policy import parse
from hushtape.policy.dates import out_of_reach
from hushtape.policy.reading import source
from hushtape.policy.reading.source import Source
from hushtape.policy.schema import Policy
from hushtape.policy.trying import expectation, script
from hushtape.policy.trying.expectation import Expected
from hushtape.policy.trying.script import Step
from hushtape.recordings.manifest import Direction

MOST_SCENARIOS = 1000  # of one file
_WEDNESDAY = 2
_NOON = time(12)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[scenario]]``: one call."""

    name: str
    steps: str
    expect: str
    direction: Direction = Direction.INBOUND
    dialled: str = ""
    queue: str = ""
    extension: str = ""  # the agent's; outbound: who rings
    at: datetime | None = None  # when it begins, in the policy's time zone


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scenario: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A scenario, read.

    Args:
        at: when its call begins, aware.
        lines: where its steps stand.
    """

    scenario: Scenario
    steps: tuple[Step, ...]
    expected: Expected
    at: datetime
    lines: Lines


@dataclass(frozen=True, slots=True)
class Examples:
    """One file of them.

    Args:
        policies: all versions of the policy beside it; where there is none, of every policy of the
            folder.
        others: the other policies of the folder, of which only the payment lines count.
    """

    path: Path
    policies: tuple[Policy, ...]
    others: tuple[Policy, ...]
    examples: tuple[Example, ...]


def find(path: Path) -> tuple[Path, ...]:
    """Find the files of scenarios: of a folder, beside a policy, or the one that is named.

    Raises:
        PolicyError: there are none.
    """
    if path.is_dir():
        found = tuple(sorted(path.glob(f"*{parse.SCENARIOS}")))
        if not found:
            raise PolicyError(
                str(path), f"holds no scenarios: expected files named *{parse.SCENARIOS}"
            )
        return found
    if path.name.endswith(parse.SCENARIOS):
        return (path,)
    beside = path.with_name(f"{path.stem}{parse.SCENARIOS}")
    if not beside.exists():
        raise PolicyError(str(path), f"has no scenarios: expected {beside.name} beside it")
    return (beside,)


def load(path: Path) -> Examples:
    """Read a file of scenarios, and the policies that it is about.

    Raises:
        PolicyError: it can't be read, or something in it can't be understood.
    """
    text = source.read(path)
    try:
        read = schema.convert(text.document, _File)
    except schema.Mismatch as mismatch:
        raise PolicyError(text.where(mismatch.key), mismatch.what) from None
    if len(read.scenario) > MOST_SCENARIOS:
        raise PolicyError(str(path), f"expected {MOST_SCENARIOS} scenarios at the most")
    policies, others = _policies(path)
    names: set[str] = set()
    examples = []
    for index, scenario in enumerate(read.scenario):
        key = f"scenario[{index}]"
        if scenario.name in names:
            raise PolicyError(text.where(f"{key}.name"), f'"{scenario.name}" is there twice')
        names.add(scenario.name)
        lines = Lines(text, f"{key}.steps")
        try:
            steps = script.parse(scenario.steps)
        except script.ScriptError as error:
            raise PolicyError(lines.at(error.line), error.what) from None
        try:
            expected = expectation.parse(scenario.expect)
        except expectation.ExpectationError as error:
            where = Lines(text, f"{key}.expect").at(error.line)
            raise PolicyError(where, error.what) from None
        beyond = out_of_reach(scenario.at) if scenario.at is not None else ""
        if beyond:
            raise PolicyError(text.where(f"{key}.at"), beyond)
        if not steps:
            what = 'expected a step, such as "0 s enters queue help-line"'
            raise PolicyError(lines.at(1), what)
        examples.append(Example(scenario, steps, expected, _at(scenario, policies), lines))
    return Examples(path, policies, others, tuple(examples))


class Lines:
    """Where the lines of a text stand in its file, for errors.

    Args:
        source: the file.
        key: of the text.
    """

    def __init__(self, source: Source, key: str) -> None:
        self._path = source.path
        self._row = source.at(key).line
        rows = source.text.splitlines()
        opening = rows[self._row - 1] if self._row <= len(rows) else ""
        self._many = any(opening.count(quotes) == 1 for quotes in ('"""', "'''"))
        # The line break right after the quotes is none of the text's.
        self._below = self._many and opening.rstrip().endswith(('"""', "'''"))

    def at(self, line: int) -> str:
        """Name a line of the text, from 1: ``surrey.scenarios.toml:12``."""
        if not self._many:
            return f"{self._path}:{self._row}"
        return f"{self._path}:{self._row + line - (0 if self._below else 1)}"


def _policies(path: Path) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """The policy beside the file, in all its versions, and the others; else all of the folder."""
    beside = path.with_name(path.name.removesuffix(parse.SCENARIOS) + ".toml")
    if not beside.exists():
        return parse.load_folder(path.parent), ()
    own = parse.load(beside)
    versions, others = [own], list[Policy]()
    for other in parse.policy_files(path.parent):
        if other == beside:
            continue
        try:
            policy = parse.load(other)
        except PolicyError:
            continue  # another policy's trouble is none of these examples'
        (versions if policy.name == own.name else others).append(policy)
    return tuple(versions), tuple(others)


def _at(scenario: Scenario, policies: Sequence[Policy]) -> datetime:
    """When the call begins: as it says, else on the first Wednesday of the newest version, noon."""
    newest = max(policies, key=lambda each: each.policy.in_force_from)
    if scenario.at is not None:
        at = scenario.at
        return at if at.tzinfo is not None else at.replace(tzinfo=newest.zone).astimezone(UTC)
    day: date = newest.policy.in_force_from
    day += timedelta(days=(_WEDNESDAY - day.weekday()) % 7)
    return datetime.combine(day, _NOON, newest.zone).astimezone(UTC)
