"""When a recording that couldn't be archived is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers.retry import is_due, next_try_at

NOW = datetime(2026, 11, 21, 17, 21, 44, tzinfo=UTC)


def test_every_failure_doubles_the_wait_up_to_an_hour() -> None:
    waits = [(next_try_at(tries, NOW) - NOW).total_seconds() for tries in range(9)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert next_try_at(10_000, NOW) == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("ahead_s", "due"),
    [(None, True), (-1, True), (0, True), (1, False), (3600, False), (3601, True), (10**8, True)],
)
def test_what_a_wrong_clock_put_off_is_due(ahead_s: float | None, due: bool) -> None:
    again_at = None if ahead_s is None else NOW + timedelta(seconds=ahead_s)
    assert is_due(again_at, NOW) is due
