from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hushtape.policy.hours import Window, begins_within, parse_hours

LONDON = ZoneInfo("Europe/London")
WEEK = frozenset(range(7))
WEEKDAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("Mon-Fri 08:30-17:00", WEEKDAYS, 510, 1020),
        ("Monday to Friday 8:30 to 17:00", WEEKDAYS, 510, 1020),
        ("mon\u2013fri 08:30\u201317:00", WEEKDAYS, 510, 1020),
        ("Sat 09:00-13:00", {5}, 540, 780),
        ("Mon, Wed and Fri 09:00-12:00", {0, 2, 4}, 540, 720),
        ("Mon-Wed, Sat 09:00-12:00", {0, 1, 2, 5}, 540, 720),
        ("Tues, Thurs 09:00-12:00", {1, 3}, 540, 720),
        ("Sat-Mon 10:00-16:00", {5, 6, 0}, 600, 960),
        ("every day 00:00-24:00", WEEK, 0, 1440),
        ("  Every Day  20:00 - 08:00 ", WEEK, 1200, 1920),
        ("Fri 18:00-24:00", {4}, 1080, 1440),
    ],
)
def test_reads_hours(text: str, days: set[int], begins: int, ends: int) -> None:
    assert parse_hours(text) == Window(frozenset(days), begins, ends)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "expected days and times"),
        ("Mon-Fri", "expected days and times"),
        ("08:30-17:00", "expected days and times"),
        ("Mon-Fri 9am-5pm", "expected days and times"),
        ("Mon-Fri 08:30", "expected days and times"),
        ("Mon-Wed-Fri 08:30-17:00", "expected days and times"),
        ("Mo-Fr 08:30-17:00", '"mo" is no day'),
        ("Funday 08:30-17:00", '"funday" is no day'),
        ("Mon, 08:30-17:00", '"" is no day'),
        ("Mon-Fri 08:60-17:00", "08:60 is no time of day"),
        ("Mon-Fri 08:30-24:01", "24:01 is no time of day"),
        ("Mon-Fri 24:00-08:00", "00:00 of the next day"),
        ("Mon-Fri 08:30-08:30", "00:00-24:00"),
        ("Mon-Fri \u0660\u0668:30-17:00", "expected days and times"),
    ],
)
def test_refuses_what_are_no_hours(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse_hours(text)


def within(at: str, *hours: str) -> bool:
    return begins_within(hours, datetime.fromisoformat(at).replace(tzinfo=LONDON), LONDON)


@pytest.mark.parametrize(
    ("at", "hours", "inside"),
    [
        # 23 November 2026 is a Monday
        ("2026-11-23T08:29:59", "Mon-Fri 08:30-17:00", False),
        ("2026-11-23T08:30:00", "Mon-Fri 08:30-17:00", True),
        ("2026-11-23T16:59:59", "Mon-Fri 08:30-17:00", True),
        ("2026-11-23T17:00:00", "Mon-Fri 08:30-17:00", False),
        ("2026-11-22T12:00:00", "Mon-Fri 08:30-17:00", False),
        # through the night: of the day on which it begins
        ("2026-11-27T23:00:00", "Fri 22:00-06:00", True),
        ("2026-11-28T05:59:00", "Fri 22:00-06:00", True),
        ("2026-11-28T06:00:00", "Fri 22:00-06:00", False),
        ("2026-11-27T05:59:00", "Fri 22:00-06:00", False),
        ("2026-11-30T02:00:00", "Sun 22:00-06:00", True),
        ("2026-11-23T00:00:00", "every day 00:00-24:00", True),
        ("2026-11-23T23:59:59", "every day 00:00-24:00", True),
    ],
)
def test_a_moment_is_in_hours_from_their_first_minute_until_before_their_end(
    at: str, hours: str, inside: bool
) -> None:
    assert within(at, hours) is inside


def test_one_of_several_is_enough() -> None:
    hours = ("Mon-Fri 08:30-17:00", "Sat 09:00-13:00")
    assert within("2026-11-28T09:00:00", *hours)
    assert not within("2026-11-29T09:00:00", *hours)
    assert not within("2026-11-29T09:00:00")


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-03-27T08:30:00+00:00", True),  # a Friday, before the clocks change
        ("2026-03-30T07:30:00+00:00", True),  # the Monday after it: half past eight, summer time
        ("2026-03-30T16:00:00+00:00", False),
        ("2026-10-26T08:29:00+00:00", False),  # the Monday after they change back
        ("2026-10-26T16:59:00+00:00", True),
    ],
)
def test_half_past_eight_is_half_past_eight_in_summer_too(at: str, inside: bool) -> None:
    assert begins_within(["Mon-Fri 08:30-17:00"], datetime.fromisoformat(at), LONDON) is inside


def test_an_hour_that_comes_twice_counts_twice() -> None:
    for at in ("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"):
        assert begins_within(["Sun 01:00-02:00"], datetime.fromisoformat(at), LONDON)


def test_the_zone_says_which_day_it_is() -> None:
    midnight = datetime.fromisoformat("2026-11-23T01:00:00+00:00")
    assert begins_within(["Mon 00:00-02:00"], midnight, LONDON)
    assert begins_within(["Sun 20:00-21:00"], midnight, ZoneInfo("America/New_York"))
