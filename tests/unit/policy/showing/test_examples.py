"""An example is a call whose period its rule decides."""

from __future__ import annotations

from datetime import date, datetime

from hushtape.policy.schema import Policy
from hushtape.policy.showing.examples import example
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

HAMS = POLICIES["south-hams"]


def began(policy: Policy, index: int | None) -> str:
    found = example(policy, index)
    return f"{found[0]:%a %-d %b %Y %H:%M}" if found else ""


def test_the_first_day_at_ten_unless_a_rule_decides_that() -> None:
    assert began(HAMS, 0) == "Fri 25 May 2018 10:00"
    assert began(HAMS, None) == "Wed 15 Jul 2020 10:00"
    assert began(POLICIES["surrey"], None) == "Fri 25 May 2018 10:00"


def test_hours_tags_and_queues_are_fitted() -> None:
    tags = [{"name": "late", "outside_hours": ["Mon-Fri 08:00-17:30"]}]
    rules = [{"keep": "2 years", "queues": ["appeals"]}, {"keep": "14 days", "tags": ["late"]}]
    policy = changed(("retention", "rule"), rules, changed(("tag",), tags, HAMS))
    assert [began(policy, each) for each in (0, 1, None)] == [
        "Fri 25 May 2018 10:00",
        "Fri 25 May 2018 17:30",
        "Fri 25 May 2018 10:00",
    ]
    evenings = changed(("calls", "hours"), ["Mon-Fri 16:00-20:00"], policy)
    assert [began(evenings, each) for each in (0, 1, None)] == [
        "Fri 25 May 2018 16:00",
        "Fri 25 May 2018 17:30",
        "Fri 25 May 2018 16:00",
    ]


def test_a_call_that_staff_make() -> None:
    tags = [{"name": "ours", "directions": ["outbound"]}]
    rules = [{"keep": "3 years", "tags": ["ours"]}]
    policy = changed(("retention", "rule"), rules, changed(("tag",), tags, POLICIES["surrey"]))
    assert example(policy, 0) == (
        datetime(2018, 5, 25, 10, tzinfo=policy.zone),
        datetime(2021, 5, 25, 10, tzinfo=policy.zone),
    )


def test_a_call_that_is_not_recorded_is_no_example() -> None:
    tags = [{"name": "other", "numbers": ["01632 960999"]}]
    rules = [{"keep": "1 week", "tags": ["other"]}]
    numbers = changed(("tag",), tags, POLICIES["hammersmith-fulham"])
    assert example(changed(("retention", "rule"), rules, numbers), 0) is None


def test_a_rule_that_decides_nothing_has_none() -> None:
    assert example(EVERYTHING, 0) is None  # its tag's hours contradict each other
    old = changed(("retention", "rule", 0, "calls_before"), date(2018, 1, 1), HAMS)
    assert example(old, 0) is None
