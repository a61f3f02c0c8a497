"""Sentences on calls that move. That each key is said at all is test_sentences' business."""

from __future__ import annotations

from hushtape.policy.showing import said_moves
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

HAMS = POLICIES["south-hams"]
NONE = changed(("payment", "lines"), [], HAMS)


def test_payment_lines_come_first_as_they_do_in_decisions() -> None:
    said = list(said_moves.stops(HAMS))
    assert said[1].startswith("recording falls silent when a call is transferred to the payment")
    assert said[2].startswith("recording stops when a call is transferred to other officers")
    assert "On any other transfer recording stops" in said


def test_a_destination_that_tells_transfers_apart() -> None:
    (said,) = (each for each in said_moves.stops(EVERYTHING) if "the back office" in each)
    assert said == (
        "when a call is transferred to the back office (extensions 210 to 219 and 721 to 723;"
        " queue back-office; number 020 7946 0020; every queue): recording stops if it is passed on"
        " unannounced (blind), and recording goes on if the adviser has spoken with them first"
        " (attended); where it isn't known which, the stricter of the two counts; recording falls"
        " silent if it comes into the queue back-office without a transfer"
    )


def back(**keys: object) -> tuple[str, str]:
    """What is said of a transfer to one destination, and of calls that come into our queue."""
    place = {"name": "them", **keys}
    said = list(said_moves.stops(changed(("destination",), [place], NONE)))
    return said[1], next(each for each in said if each.startswith("A call that comes into"))


def test_without_a_transfer_is_said_where_there_are_queues_and_it_differs() -> None:
    assert "without a transfer" not in back(extensions=["20"], on_attended_transfer="continue")[0]
    assert "without a transfer" not in back(queues=["b"], on_transfer="stop")[0]
    assert "without a transfer" not in back(queues=["b"], on_transfer="continue")[0]
    assert back(queues=["b"], on_transfer="continue", on_blind_transfer="stop")[0].endswith(
        "; recording goes on if it comes into the queue b without a transfer"
    )


def test_a_transfer_that_stops_is_no_way_into_a_recorded_queue() -> None:
    ours = {"queues": ["south-hams-contact"], "on_transfer": "continue"}
    assert back(**ours)[1].endswith("is recorded from there on")
    assert back(**ours, on_blind_transfer="stop")[1].endswith(
        ", unless a transfer for which recording stops (see above) brought it there"
    )


def test_once_recording_has_stopped_a_number_brings_nothing_back() -> None:
    policy = changed(("calls", "except_queues"), ["safe"], POLICIES["hammersmith-fulham"])
    assert (
        "A call that the telephone system takes to another queue by itself is recorded on, except"
        " into the queue safe; once recording has stopped, no queue begins it again"
    ) in said_moves.stops(policy)


def test_only_what_is_left_of_patterns_is_explained() -> None:
    assert "stand for" not in " ".join(said_moves.stops(EVERYTHING))
    odd = changed(("destination", 1, "extensions"), ["2[13]X", "30X"])
    assert list(said_moves.stops(odd))[-1] == (
        "In the extensions above X stands for any digit and brackets stand for one of the digits"
        " in them"
    )
