from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hushtape.policy.dates import out_of_reach


@pytest.mark.parametrize(
    "day", [date(1990, 1, 1), date(2200, 12, 31), datetime(2026, 1, 1, tzinfo=UTC)]
)
def test_what_a_policy_may_speak_of(day: date) -> None:
    assert out_of_reach(day) == ""


@pytest.mark.parametrize("day", [date.min, date(1989, 12, 31), date(2201, 1, 1), date.max])
def test_what_it_may_not(day: date) -> None:
    assert out_of_reach(day) == f"expected a year from 1990 to 2200, not {day.year}"
