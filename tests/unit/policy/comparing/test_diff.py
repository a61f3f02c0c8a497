from __future__ import annotations

from datetime import date

import pytest

from hushtape.policy.comparing import diff
from hushtape.policy.comparing.diff import Change
from hushtape.policy.schema import Policy
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

SURREY = POLICIES["surrey"]
HAMS = POLICIES["south-hams"]
AUTUMN = date(2026, 9, 1)
HAMS_CALLS = "inbound calls through the queue south-hams-contact"
OUTSIDE_HOURS = "Monday to Friday 00:00 to 08:30 and 17:00 to 24:00; Saturday and Sunday all day"
SILENCE, GOES_ON = "silence, as for a payment", "recording goes on"


def calls(old: Policy, new: Policy) -> list[tuple[str, str, str]]:
    return [change[:3] for change in diff.compare(old, new).calls]


@pytest.mark.parametrize("name", [*POLICIES, "everything"])
def test_a_policy_and_itself_differ_in_nothing(name: str) -> None:
    policy = POLICIES.get(name, EVERYTHING)
    found = diff.compare(policy, policy)
    assert found == diff.Difference(policy.policy.in_force_from, (), (), (), (), ())
    later = changed(("policy", "in_force_from"), date(2030, 7, 1), policy)
    assert not diff.compare(policy, later).is_any


def test_a_queue_more() -> None:
    more = changed(("calls", "queues"), ["surrey-contact-centre", "adult-care"], SURREY)
    assert calls(SURREY, more) == [
        (
            "inbound calls through the queue adult-care",
            "not recorded",
            "recorded from the entry into the queue on, kept 62 days",
        )
    ]
    assert calls(more, SURREY)[0][2] == "not recorded"
    assert diff.compare(SURREY, more).transfers == (
        Change("calls that come by themselves to the queue adult-care", "not recorded", "recorded"),
    )


def test_what_only_the_new_one_records_is_told_its_period() -> None:
    two = changed(("calls", "queues"), ["south-hams-contact", "fraud"], HAMS)
    rules = [{"keep": "5 years", "queues": ["fraud"]}]
    assert calls(HAMS, changed(("retention", "rule"), rules, two))[0][2].endswith("kept 5 years")
    assert calls(HAMS, two)[0][2].endswith("kept 1 calendar month or 3 calendar months by its day")


def test_where_it_matters_whether_a_call_was_recorded_until_then() -> None:
    numbers = POLICIES["hammersmith-fulham"]
    queue = changed(("calls", "queues"), ["a"], numbers)
    told = [change.which for change in diff.compare(numbers, queue).transfers]
    assert told[1:] == [
        "calls that are no longer recorded and that come to the queue a",
        "calls that are recorded and that the telephone system takes to any other queue",
    ]


def test_hours() -> None:
    less = changed(("calls", "hours"), ["Mon-Fri 08:30-17:00"], HAMS)
    assert calls(HAMS, less) == [
        (
            f"{HAMS_CALLS} that begin {OUTSIDE_HOURS}",
            "recorded from the entry into the queue on",
            "not recorded",
        )
    ]


def test_who_rings_out() -> None:
    assert calls(SURREY, changed(("outbound", "extensions"), ["21X"], SURREY)) == [
        (
            "outbound calls from extension 21X (such as 210) to any number except 020 7946 0010",
            "not recorded",
            "recorded from the answer on, kept 62 days",
        )
    ]


def test_when_recording_begins_and_what_it_is_marked_with() -> None:
    answered = changed(("calls", "starts"), "answer", HAMS)
    marked = changed(("tag",), [{"name": "hams", "queues": ["south-hams-contact"]}], answered)
    assert calls(HAMS, marked) == [
        (
            HAMS_CALLS,
            "recorded from the entry into the queue on",
            "recorded from the answer on, marked \u201chams\u201d",
        )
    ]


def test_another_payment_line() -> None:
    found = diff.compare(SURREY, changed(("destination", 0, "extensions"), ["711"], SURREY))
    assert found.transfers == (
        Change(
            "transfers to the payment line (710)", "silence, as for a payment", "recording goes on"
        ),
        Change(
            "transfers to the payment line (711)", "recording goes on", "silence, as for a payment"
        ),
    )


def test_blind_and_attended_are_told_apart_where_they_differ() -> None:
    blind = changed(("destination", 1, "on_blind_transfer"), "continue", SURREY)
    where = "an outside organisation that takes payments (020 7946 0010)"
    assert diff.compare(SURREY, blind).transfers == (
        Change(f"blind transfers to {where}", "recording stops", "recording goes on"),
    )


def test_consultations() -> None:
    talk = changed(("destination", 0, "on_consultation"), "not recorded", EVERYTHING)
    assert not diff.compare(EVERYTHING, talk).is_any  # a payment line's never is
    talk = changed(("destination", 1, "on_consultation"), "not recorded", EVERYTHING)
    (change,) = diff.compare(EVERYTHING, talk).transfers
    assert change.which.startswith(
        "an adviser's talk, while the caller waits, with the back office"
    )
    assert change[1:3] == ("recorded", "not recorded")


def test_a_period_with_an_example_to_check_by_hand() -> None:
    longer = changed(("retention", "keep"), "90 days", SURREY)
    assert diff.compare(SURREY, longer).recordings == (
        Change(
            "inbound calls and outbound calls",
            "kept 62 days",
            "kept 90 days",
            "a call of 25 May 2018 at 10:00 is kept until 23 August 2018 at 10:00 instead of"
            " 26 July 2018 at 10:00",
        ),
    )


def test_the_same_period_in_other_words_is_no_difference() -> None:
    weeks = changed(("retention", "keep"), "2 weeks", POLICIES["reigate-banstead"])
    found = diff.compare(POLICIES["reigate-banstead"], weeks)
    assert not found.is_any
    assert [each.heading for each in found.only_words] == ["How long recordings are kept"]


def test_rules_by_date_and_queue() -> None:
    without = changed(("retention", "rule"), [], HAMS)
    (change,) = diff.compare(HAMS, without).recordings
    assert change.which == "inbound calls from 25 May 2018 to 14 July 2020"
    assert change[1:3] == ("kept 1 calendar month", "kept 3 calendar months")
    queue = changed(("retention", "rule"), [{"keep": "1 year", "queues": ["b"]}], HAMS)
    two = changed(("calls", "queues"), ["south-hams-contact", "b"], HAMS)
    both = changed(("calls", "queues"), ["south-hams-contact", "b"], queue)
    both = changed(("retention", "rule"), [*both_rules(two), *both_rules(both)], both)
    (change,) = diff.compare(two, both).recordings
    assert change.which == "inbound calls through the queue b from 15 July 2020 on"


def test_calls_before_the_newer_version_are_not_touched() -> None:
    new = changed(("retention", "rule"), [], changed(("policy", "in_force_from"), AUTUMN, HAMS))
    found = diff.compare(HAMS, new)
    assert found.since == AUTUMN
    assert found.recordings == ()  # the old one's rule is for calls of before 15 July 2020
    (change,) = diff.compare(HAMS, changed(("retention", "keep"), "1 year", new)).recordings
    assert change.which == "inbound calls"
    assert change.example.startswith("a call of 1 September 2026 at 10:00 is kept until")


def test_an_example_is_a_call_of_its_kind() -> None:
    tags = [{"name": "late", "outside_hours": ["Mon-Fri 08:00-17:00"]}]
    late = changed(("tag",), tags, changed(("retention", "rule"), [], HAMS))
    rules = [{"keep": "14 days", "tags": ["late"]}]
    (change,) = diff.compare(late, changed(("retention", "rule"), rules, late)).recordings
    assert change.which.endswith(
        "begin Monday to Friday 00:00 to 08:00 and 17:00 to 24:00; Saturday and Sunday all day"
    )
    assert change.example.startswith("a call of 28 May 2018 at 00:00 is kept until 11 June 2018")


def both_rules(policy: Policy) -> list[dict[str, object]]:
    rules = []
    for rule in policy.retention.rule:
        said: dict[str, object] = {"keep": rule.keep, "queues": list(rule.queues)}
        if rule.calls_before:
            said["calls_before"] = rule.calls_before
        rules.append(said)
    return rules


def test_where_nothing_is_recorded_by_both_periods_are_compared_by_their_words() -> None:
    found = diff.compare(POLICIES["reigate-banstead"], HAMS)
    assert found.recordings == ()
    (section,) = (each for each in found.said if each.heading == "How long recordings are kept")
    assert "Recordings are kept for 14 days, counted from the start of the call." in section.old


def test_duties_are_compared_by_their_sentences() -> None:
    found = diff.compare(SURREY, changed(("access", "listen", "roles"), ["mayor"], SURREY))
    assert (found.calls, found.transfers, found.recordings) == ((), (), ())
    (section,) = found.said
    assert section.heading == "Who may listen, and why"
    assert "Only the mayor may listen to a recording." in section.new


def test_another_title_is_only_words() -> None:
    found = diff.compare(SURREY, changed(("policy", "title"), "Surrey", SURREY))
    assert not found.is_any
    assert [each.new for each in found.only_words] == [("Surrey.",)]


@pytest.mark.parametrize("pattern", ["X" * 9, "9.", "[1-9]!"])
def test_patterns_of_any_sort_can_be_compared(pattern: str) -> None:
    wide = changed(("destination", 1, "extensions"), [pattern], SURREY)
    (change,) = diff.compare(SURREY, wide).transfers
    assert change.which.startswith("transfers to an outside organisation that takes payments")
    assert change[1:3] == (GOES_ON, "recording stops")
