from __future__ import annotations

from hushtape.policy.hours import DAY_MIN
from hushtape.policy.showing import week


def test_what_some_hours_leave() -> None:
    nights = ["Mon-Fri 18:00-08:00", "Sat, Sun 00:00-24:00"]
    monday = "Monday 00:00 to 18:00; Tuesday to Friday 08:00 to 18:00"
    assert week.said(week.gaps(nights)) == monday
    assert week.said(week.gaps([*nights, "Mon 00:00-08:00"])) == "Monday to Friday 08:00 to 18:00"
    assert week.gaps(["every day 00:00-24:00"]) == []
    assert week.gaps(["every day 00:00-24:00", "Mon 09:00-10:00"]) == []
    assert week.said(week.gaps(["Sun 20:00-04:00"])) == (
        "Monday 04:00 to 24:00; Tuesday to Saturday all day; Sunday 00:00 to 20:00"
    )


def test_a_stretch_through_midnight_is_of_both_days() -> None:
    night = (6 * DAY_MIN + 20 * 60, 8 * 60)
    assert week.said([night]) == "Monday 00:00 to 04:00; Sunday 20:00 to 24:00"
