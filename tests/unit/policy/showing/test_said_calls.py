"""Sentences on calls. That each key is said at all is test_sentences' business."""

from __future__ import annotations

import pytest

from hushtape.policy.schema import Policy
from hushtape.policy.showing import said_calls
from tests.councils import POLICIES
from tests.policy_changes import changed

HAMS = POLICIES["south-hams"]


def test_numbers_without_queues_are_recorded_either_way() -> None:
    said = list(said_calls.recorded(POLICIES["hammersmith-fulham"]))
    assert said[0].startswith("Inbound calls to the numbers 020 8748 8588, 020 8748 3020")
    assert said[0].endswith("0800 023 4499 are recorded, whether they come through a queue or not")


def test_a_queue_s_calls_and_from_when_on() -> None:
    assert list(said_calls.recorded(HAMS)) == [
        (
            "Inbound calls are recorded while they are in the queue south-hams-contact, the talk"
            " with the adviser who takes them from it included"
        ),
        "The recording of a call in a queue begins as it enters the queue",
    ]


def test_who_calls_directly_is_told_either_way() -> None:
    direct = changed(("calls", "direct_dial"), True, HAMS)
    assert "dialled directly" in " ".join(said_calls.recorded(direct))
    assert "dialled directly to an individual" not in " ".join(said_calls.not_recorded(direct))
    assert "dialled directly to an individual" in " ".join(said_calls.not_recorded(HAMS))


def test_whom_staff_ring_unrecorded_is_only_who_is_named() -> None:
    said = " ".join(said_calls.not_recorded(POLICIES["uttlesford"]))
    assert "Outbound calls to" not in said  # the line has no number, "every outside" names none
    assert "to an outside organisation that takes payments (number 020 7946 0010)" in (
        " ".join(said_calls.not_recorded(POLICIES["surrey"]))
    )


def test_a_tag_without_conditions_is_every_recording_s() -> None:
    tagged = changed(("tag",), [{"name": "hams"}], HAMS)
    assert "A recording is marked \u201chams\u201d, whatever the call" in said_calls.recorded(
        tagged
    )


def not_recorded(policy: Policy) -> str:
    return " | ".join(said_calls.not_recorded(policy))


def test_a_queue_whose_destination_stops_is_not_said_to_be_recorded() -> None:
    queue = "south-hams-contact"
    stops: list[object] = [{"name": "ours", "queues": [queue], "on_transfer": "stop"}]
    policy = changed(("destination",), stops, changed(("payment", "lines"), [], HAMS))
    two = changed(("calls", "queues"), [queue, "b"], policy)
    assert "while they are in the queue b," in " ".join(said_calls.recorded(two))
    assert f"comes into the queue {queue} other than by a transfer is not" in not_recorded(two)
    assert "while they are in" not in " ".join(said_calls.recorded(policy))
    goes_on = changed(("destination", 0, "on_transfer"), "continue", two)
    assert "other than by a transfer" not in not_recorded(goes_on)


def test_by_a_number_alone_queues_of_destinations_that_stop_are_named() -> None:
    stops = changed(("destination", 1, "on_transfer"), "stop")
    assert "other than by a transfer" not in not_recorded(stops)  # no queue of [calls]
    assert "queue back-office other than" in not_recorded(changed(("calls", "queues"), [], stops))


@pytest.mark.parametrize(
    ("every", "consult", "said"),
    [
        (["extension", "queue", "outside"], "record", "the payment line"),
        (["extension", "queue"], "record", "anybody else"),
        (["extension", "queue", "outside"], "not recorded", "anybody"),
    ],
)
def test_with_whom_no_talk_is_recorded(every: list[str], consult: str, said: str) -> None:
    other = {"name": "others", "every": every, "on_consultation": consult}
    line = {"name": "the payment line", "extensions": ["700"]}
    policy = changed(("destination",), [other, line])
    assert f"adviser's talk with {said} is not recorded" in not_recorded(policy)


def test_exceptions_stop_transfers_to_extensions_too() -> None:
    inside = changed(("calls", "except_numbers"), ["350"])
    said = "Calls to the number 350 are never recorded; a transfer to it stops recording"
    assert said in not_recorded(inside)
    both = changed(("calls", "except_numbers"), ["350", "01737 276999"])
    assert "are never recorded; a transfer to one of them stops" in not_recorded(both)


def test_when_nothing_is_recorded_is_said_where_hours_leave_gaps() -> None:
    night = changed(("calls", "hours"), ["every day 20:00-06:00"], HAMS)
    assert "these times are not recorded: every day 06:00 to 20:00 |" in not_recorded(night)
    always = changed(("calls", "hours"), ["every day 00:00-24:00"], HAMS)
    assert "at these times" not in not_recorded(always)
