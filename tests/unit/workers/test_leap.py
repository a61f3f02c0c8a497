"""A clock that leaps ahead holds deletions up, for as long as somebody needs to see to it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from workers.leap import HOLD_S, LEAP, RUNG_AT_S, STEP, Leaps, rung_at, running_s
from workers.listening import SAY_AGAIN_S

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
YEARS = timedelta(days=1000)


class Machine:
    """Says what the scheduler would ask it, and keeps what is told."""

    def __init__(self) -> None:
        self.leaps, self.now, self.passed_s = Leaps(), NOON, 5000.0
        self.told: list[str] = []
        assert not self.hold(0)

    def hold(self, seconds: float, leap: timedelta = timedelta()) -> float:
        self.passed_s += seconds
        self.now += timedelta(seconds=seconds) + leap
        with capture_logs() as lines:
            held_s = self.leaps.hold_s(self.now, self.passed_s)
        self.told += [each["what"] for each in lines]
        return held_s


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("leap", [timedelta(), -YEARS, LEAP - STEP, timedelta(hours=1)])
def test_a_clock_that_is_kept_or_set_back_holds_nothing(machine: Machine, leap: timedelta) -> None:
    assert not machine.hold(1, leap)
    assert not machine.hold(HOLD_S)
    assert machine.told == []


def test_one_that_leaps_ahead_holds_deletions_for_a_day_and_says_so_every_hour(
    machine: Machine,
) -> None:
    assert machine.hold(1, YEARS)
    (said,) = machine.told
    assert said.startswith("the clock has leapt ahead by 1000 days, to 2029-08-18 12:00 UTC: for")
    assert "`hushtape retention sweep` deletes what is due" in said
    assert machine.hold(SAY_AGAIN_S - 1)
    assert len(machine.told) == 1
    assert machine.hold(1)
    assert "for 23 hours" in machine.told[1]
    assert machine.hold(HOLD_S - SAY_AGAIN_S - 1)
    assert not machine.hold(1), "nobody has objected"
    assert not machine.hold(60)


def test_set_right_it_holds_nothing_any_more(machine: Machine) -> None:
    assert machine.hold(1, YEARS)
    assert not machine.hold(1, -YEARS)
    assert machine.hold(1, YEARS), "and again"
    assert not machine.hold(HOLD_S)


def test_what_a_clock_was_set_back_by_makes_up_for_no_later_leap(machine: Machine) -> None:
    assert not machine.hold(1, -YEARS)
    assert machine.hold(1, YEARS / 2)
    assert not machine.hold(HOLD_S)
    assert not machine.hold(1, -YEARS / 2), "set right after nobody had looked for a day"
    assert machine.hold(1, YEARS / 2)


def test_small_leaps_do_not_add_up(machine: Machine) -> None:
    """Of a machine that stands still for its snapshot every night, and is set right."""
    for _ in range(1000):
        assert not machine.hold(86_400, timedelta(minutes=2))


def test_one_more_leap_begins_the_day_anew(machine: Machine) -> None:
    assert machine.hold(1, YEARS) == HOLD_S
    assert machine.hold(HOLD_S - 60) == 60
    assert machine.hold(1, YEARS) == HOLD_S
    assert machine.told[-1].startswith("the clock has leapt ahead by 2000 days")
    assert machine.hold(1, -YEARS) == HOLD_S - 1, "half of it is set right"
    assert not machine.hold(1, -YEARS)


def test_a_machine_that_slept_has_not_leapt(machine: Machine) -> None:
    assert not machine.hold(30 * 24 * 3600)


def test_how_long_it_has_run_goes_forwards() -> None:
    before_s = running_s()
    assert 0 < before_s <= running_s()


def test_a_ring_says_when_it_was_by_the_clock_of_the_scheduler() -> None:
    at = NOON + timedelta(days=100)
    assert rung_at({RUNG_AT_S: at.timestamp()}, NOON) == at


@pytest.mark.parametrize(
    "meta",
    [{}, {RUNG_AT_S: None}, {RUNG_AT_S: "noon"}, {RUNG_AT_S: math.nan}, {RUNG_AT_S: 1e300}, None],
)
def test_where_it_does_not_it_was_when_it_came_into_the_queue(meta: object) -> None:
    """An older scheduler said nothing; and whatever else is there is no time."""
    assert rung_at(meta, NOON) == rung_at(meta, NOON.replace(tzinfo=None)) == NOON
    assert rung_at(meta, None) is None
