from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.clock import (
    BELIEVED,
    GENERATION,
    STEP,
    STEP_STAMPS,
    PbxClock,
    believable,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AHEAD = timedelta(hours=2)  # the PBX's clock is wrong


def test_without_stamps_it_is_our_time() -> None:
    assert PbxClock().pbx_time(NOON) == NOON


def test_the_smallest_lag_is_what_the_clocks_differ_by() -> None:
    clock = PbxClock()
    for late_ms in (30, 2, 2000):
        clock.note(NOON + AHEAD, NOON + timedelta(milliseconds=late_ms))
    difference = clock.pbx_time(NOON) - (NOON + AHEAD)
    assert difference == -timedelta(milliseconds=2)


def test_a_moment_is_never_earlier_than_it_was_by_more_than_the_way_on_the_wire() -> None:
    clock = PbxClock()
    clock.note(NOON, NOON + timedelta(milliseconds=5))
    assert clock.pbx_time(NOON + timedelta(seconds=1)) == NOON + timedelta(milliseconds=995)


def test_a_clock_that_was_set_is_followed_after_two_generations() -> None:
    clock = PbxClock()
    clock.note(NOON + AHEAD, NOON)
    later = NOON
    for _ in range(3):
        later += GENERATION + timedelta(seconds=1)
        clock.note(later, later)
    assert clock.pbx_time(later) == later


A_SECOND = timedelta(seconds=1)
A_MOMENT = timedelta(milliseconds=1)


def lag(clock: PbxClock, moment: datetime) -> timedelta:
    return moment - clock.pbx_time(moment)


def test_the_smallest_lag_still_counts_in_the_generation_after_its_own() -> None:
    clock = PbxClock()
    clock.note(NOON, NOON + timedelta(milliseconds=2))
    next_ = NOON + GENERATION + A_SECOND
    clock.note(next_, next_ + timedelta(milliseconds=500))
    assert lag(clock, next_) == timedelta(milliseconds=2)
    after_next = next_ + GENERATION + A_SECOND
    clock.note(after_next, after_next + timedelta(milliseconds=400))
    assert lag(clock, after_next) == timedelta(milliseconds=400)


@pytest.mark.parametrize("generations", [1, 2])
def test_a_clock_that_was_set_back_is_followed_after_some_stamps(generations: int) -> None:
    clock = PbxClock()
    for number in reversed(range(generations)):
        before = NOON - number * (GENERATION + A_SECOND)
        clock.note(before, before)
    back = STEP + A_SECOND
    for number in range(1, STEP_STAMPS + 1):
        assert lag(clock, NOON) == timedelta(0), f"after {number - 1} stamps"
        moment = NOON + number * timedelta(milliseconds=200)
        clock.note(moment - back, moment)
    assert lag(clock, NOON) == back


def test_what_has_piled_up_while_we_stood_still_is_no_clock_that_was_set() -> None:
    """As run: SIGSTOP for 6 s in the middle of a call, and then all its events at once."""
    clock = PbxClock()
    clock.note(NOON, NOON)
    awake = NOON + timedelta(seconds=6)
    for number in range(5 * STEP_STAMPS):
        clock.note(NOON + number * timedelta(milliseconds=30), awake + number * A_MOMENT)
        assert lag(clock, awake) == timedelta(0)


def test_some_late_events_are_no_clock_that_was_set() -> None:
    clock = PbxClock()
    moment = NOON
    clock.note(moment, moment)
    for number in range(5 * STEP_STAMPS):
        moment += timedelta(milliseconds=10)
        late = timedelta(0) if number % STEP_STAMPS == 0 else STEP + A_SECOND
        clock.note(moment - late, moment)
        assert lag(clock, moment) == timedelta(0)


def test_a_lag_that_grows_by_little_is_the_network() -> None:
    clock = PbxClock()
    clock.note(NOON, NOON)
    for _ in range(5 * STEP_STAMPS):
        clock.note(NOON - STEP, NOON)
    assert lag(clock, NOON) == timedelta(0)


def test_a_stamp_is_believed_up_to_a_minute_either_way() -> None:
    a_moment = timedelta(microseconds=1)
    assert believable(NOON, NOON + BELIEVED)
    assert believable(NOON + BELIEVED, NOON)
    assert not believable(NOON, NOON + BELIEVED + a_moment)
    assert not believable(NOON + BELIEVED + a_moment, NOON)
