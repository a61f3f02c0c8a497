from __future__ import annotations

from datetime import date, datetime, timedelta

from hushtape.policy.comparing import times_to_try
from hushtape.policy.comparing.kinds import Pair
from hushtape.policy.hours import begins_within
from tests.policy_changes import EVERYTHING, changed

HOURS = ("calls", "hours")


def pair(old: list[str], new: list[str], zone: str = "Europe/Dublin") -> Pair:
    plain = changed(("tag",), [])
    later = changed(HOURS, new, plain)
    return changed(HOURS, old, plain), changed(("policy", "time_zone"), zone, later)


def test_without_hours_any_moment_does() -> None:
    assert [kind.words for kind in times_to_try.times(pair([], []))] == [""]


def test_hours_that_became_longer_are_one_kind_more() -> None:
    words = [
        kind.words
        for kind in times_to_try.times(pair(["Mon-Fri 09:00-17:00"], ["Mon-Fri 09:00-18:00"]))
    ]
    assert sorted(words) == [
        "Monday to Friday 00:00 to 09:00 and 18:00 to 24:00; Saturday and Sunday all day",
        "Monday to Friday 09:00 to 17:00",
        "Monday to Friday 17:00 to 18:00",
    ]


def test_every_minute_of_the_week_is_of_one_kind() -> None:
    two = pair(["Mon-Fri 20:00-04:00", "Sun 09:30-09:45"], ["Fri-Mon 21:15-06:30"], "Asia/Kolkata")
    kinds = times_to_try.times(two)

    def judged(moment: object) -> tuple[bool, ...]:
        return tuple(begins_within(each.calls.hours, moment, each.zone) for each in two)  # type: ignore[arg-type]

    known = {judged(kind.sample) for kind in kinds}
    assert len(known) == len(kinds)
    first = min(kind.sample for kind in kinds)
    assert known == {judged(first + timedelta(minutes=5 * each)) for each in range(7 * 288)}


def test_a_night_that_ends_on_monday_is_one_stretch() -> None:
    words = [kind.words for kind in times_to_try.times(pair(["Sun 20:00-04:00"], []))]
    assert "Monday 00:00 to 04:00; Sunday 20:00 to 24:00" in words


def test_the_week_is_one_in_which_both_are_in_force_and_no_clock_changes() -> None:
    early, late = pair(["Mon 09:00-10:00"], [])
    late = changed(("policy", "in_force_from"), date(2026, 3, 20), late)  # clocks: 29 March
    for kind in times_to_try.times((early, late)):
        assert date(2026, 3, 30) <= kind.sample.astimezone(late.zone).date() < date(2026, 4, 6)


def test_days_lie_on_both_sides_of_each_date() -> None:
    kinds = times_to_try.days((EVERYTHING, EVERYTHING))
    assert [(kind.words, str(kind.sample)) for kind in kinds] == [
        ("from 31 January 2026 to 14 July 2027", "2026-01-31 10:00:00+00:00"),
        ("from 15 July 2027 on", "2027-07-15 10:00:00+01:00"),
    ]
    later = changed(("policy", "in_force_from"), date(2027, 7, 15))
    assert [kind.words for kind in times_to_try.days((EVERYTHING, later))] == [
        "from 15 July 2027 on"
    ]


def test_a_moment_that_lies_in_the_week_as_another() -> None:
    two = pair(["Mon-Fri 09:00-17:00"], [])
    tuesday = datetime(2026, 3, 3, 9, 30, tzinfo=two[1].zone)
    thursday = datetime(2026, 7, 2, 10, tzinfo=two[1].zone)
    assert times_to_try.like(tuesday, thursday, two) == datetime(
        2026, 7, 7, 9, 30, tzinfo=two[1].zone
    )
    assert times_to_try.like(tuesday, thursday, pair([], [])) == thursday
