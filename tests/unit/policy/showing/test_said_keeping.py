"""Sentences on periods. That each key is said is test_sentences' business."""

from __future__ import annotations

from datetime import date

import pytest

from hushtape.policy.showing import said_keeping
from tests.councils import POLICIES
from tests.policy_changes import changed

HAMS, SURREY = POLICIES["south-hams"], POLICIES["surrey"]


def test_each_period_has_an_example_that_can_be_checked_by_hand() -> None:
    assert list(said_keeping.kept(HAMS))[:4] == [
        (
            "Recordings of calls that began before 15 July 2020 are kept for 1 calendar month,"
            " counted from the start of the call. For example, such a call of 25 May 2018 at 10:00"
            " is kept until 25 June 2018 at 10:00"
        ),
        (
            "All other recordings are kept for 3 calendar months, counted from the start of the"
            " call. For example, a call of 15 July 2020 at 10:00 is kept until 15 October 2020 at"
            " 10:00"
        ),
        "Then they are deleted",
        "Days and times are counted in the time zone Europe/London",
    ]


def test_a_rule_for_calls_before_its_version_says_whose_they_are() -> None:
    earlier = "; they were made under an earlier version of this policy, and keep its period until"
    later = changed(("policy", "in_force_from"), date(2020, 7, 15), HAMS)
    assert earlier in " ".join(said_keeping.kept(later))
    before = changed(("policy", "in_force_from"), date(2020, 7, 14), HAMS)
    assert earlier not in " ".join(said_keeping.kept(before))


@pytest.mark.parametrize(
    ("keep", "since", "until"),
    [
        ("1 month", date(2027, 1, 31), "28 February 2027 at 10:00"),
        ("1 year", date(2028, 2, 29), "28 February 2029 at 10:00"),
        ("2 days", date(2026, 3, 28), "30 March 2026 at 10:00"),
    ],
)
def test_the_example_is_calendar_arithmetic(keep: str, since: date, until: str) -> None:
    policy = changed(("retention", "keep"), keep, SURREY)
    policy = changed(("policy", "in_force_from"), since, policy)
    assert f"is kept until {until}" in " ".join(said_keeping.kept(policy))


def test_a_period_that_says_from_when_isnt_told_it_twice() -> None:
    dated = changed(("retention", "keep"), "three months from the date of the call", SURREY)
    (said, *_) = said_keeping.kept(dated)
    assert said.startswith("Recordings are kept for three months from the date of the call. For")
