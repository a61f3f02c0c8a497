from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ami_bridge.asterisk.clock import GENERATION, PbxClock

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
