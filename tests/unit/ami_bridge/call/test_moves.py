"""Queues to which a transfer leads; the rest of moves.py is looked at in test_call.py."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.call.machine import Call
from ami_bridge.facts import (
    AgentAnswered,
    Fact,
    JoinedTalk,
    PaymentBegan,
    PaymentEnded,
    TransferCompleted,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import (
    Calls,
    Destination,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Policy,
    Starts,
)
from hushtape.policy.stages import Stage
from tests.unit.ami_bridge.call.test_machine import (
    POLICIES,
    at,
    entered,
    play,
    started,
    stopped,
    transfer,
)

BASE = POLICIES["reigate-banstead"]
LENDING = Place(DestinationKind.QUEUE, "", queue="lending")
SOMEBODY = Place(DestinationKind.EXTENSION, "240")


def policy(blind: OnTransfer, attended: OnTransfer, starts: Starts = Starts.QUEUE_ENTRY) -> Policy:
    """Lending is recorded, but for calls that are transferred there as this says."""
    queues = Destination(
        name="our own queues",
        queues=("lending",),
        on_transfer=OnTransfer.CONTINUE,
        on_blind_transfer=blind,
        on_attended_transfer=attended,
    )
    calls = Calls(queues=("help-line", "lending"), starts=starts)
    return msgspec.structs.replace(BASE, destination=(queues,), calls=calls)


STOPS = policy(OnTransfer.STOP, OnTransfer.CONTINUE)
ANSWERED = AgentAnswered(at=at(4), agent="PJSIP/231")


def sent(how: str, seconds: float = 5, place: Place = LENDING) -> TransferCompleted:
    return TransferCompleted(at=at(seconds), place=place, how=how)


def after(*facts: Fact, under: Policy = STOPS) -> Call:
    call, _ = play(entered(0), started(0.01), ANSWERED, *facts, policy=under)
    return call


@pytest.mark.parametrize(
    ("under", "how", "stage"),
    [
        (STOPS, "blind", Stage.UNRECORDED),
        (STOPS, "attended", Stage.RECORDED),
        (STOPS, "unseen", Stage.UNRECORDED),
        (STOPS, "redirected", Stage.UNRECORDED),
        (policy(OnTransfer.SILENT, OnTransfer.CONTINUE), "blind", Stage.SILENT),
        (policy(OnTransfer.CONTINUE, OnTransfer.STOP), "attended", Stage.UNRECORDED),
        (policy(OnTransfer.CONTINUE, OnTransfer.STOP), "blind", Stage.RECORDED),
    ],
)
def test_what_a_transfer_to_a_queue_does_stays_so_when_the_queue_is_entered(
    under: Policy, how: str, stage: Stage
) -> None:
    call = after(sent(how), entered(5.01, "lending"), under=under)
    assert call.stage is stage


@pytest.mark.parametrize("how", ["blind", "unseen"])
def test_the_entry_may_be_told_before_the_transfer(how: str) -> None:
    call = after(entered(4.99, "lending"), sent(how))
    assert call.stage is Stage.UNRECORDED
    call.apply(entered(9, "lending"))
    assert call.stage is Stage.RECORDED, "the next entry is no arrival of that transfer"


@pytest.mark.parametrize(
    "between",
    [
        [entered(5.01, "lending")],
        [entered(6, "somewhere-else")],
        [AgentAnswered(at=at(6), agent="PJSIP/232")],
        [JoinedTalk(at=at(6))],
        [transfer(6, SOMEBODY)],
    ],
    ids=["entered already", "another queue", "answered", "in a talk", "sent on"],
)
def test_who_comes_to_the_queue_later_and_otherwise_is_recorded_again(between: list[Fact]) -> None:
    assert after(sent("blind"), *between, entered(9, "lending")).stage is Stage.RECORDED


def test_an_entry_of_another_queue_is_no_arrival() -> None:
    assert after(sent("blind"), entered(5.01, "help-line")).stage is Stage.RECORDED


def test_where_recording_begins_with_the_answer_it_stays_so_too() -> None:
    late = policy(OnTransfer.STOP, OnTransfer.CONTINUE, Starts.ANSWER)
    call = after(sent("blind"), entered(5.01, "lending"), under=late)
    assert call.stage is Stage.UNRECORDED
    call.apply(AgentAnswered(at=at(6), agent="PJSIP/232"))
    assert call.stage is Stage.UNRECORDED


def test_a_transfer_out_of_a_payment_to_where_recording_stops_ends_no_silence() -> None:
    pays = PaymentBegan(at=at(4.5), way=PaymentWay.KEY)
    call = after(pays, stopped(4.6), sent("blind"), entered(5.01, "lending"))
    assert call.stage is Stage.SILENT
    assert call.beneath is Stage.UNRECORDED
    call.apply(entered(9, "lending"))
    assert call.stage is Stage.SILENT
    assert call.beneath is Stage.RECORDED


def test_a_payment_that_was_told_to_begin_lasts_through_another_queue() -> None:
    pays = PaymentBegan(at=at(4.5), way=PaymentWay.KEY)
    call = after(pays, stopped(4.6), entered(9), ANSWERED)
    assert call.stage is Stage.SILENT
    assert not call.writing
    call.apply(PaymentEnded(at=at(20), way=PaymentWay.KEY))
    assert call.stage is not Stage.SILENT


def test_the_wait_and_the_answer_have_reasons_of_their_own() -> None:
    late = policy(OnTransfer.STOP, OnTransfer.CONTINUE, Starts.ANSWER)
    call, _ = play(entered(0), ANSWERED, policy=late)
    rules = [each.reason.rule for each in call.papers.story if each.reason is not None]
    assert rules == ["calls", "calls.starts", "calls.starts"]


def test_in_a_payment_a_transfer_that_goes_on_is_said_to_end_nothing() -> None:
    pays = PaymentBegan(at=at(4.5), way=PaymentWay.KEY)
    call = after(pays, stopped(4.6), sent("attended"))
    reason = call.papers.story[-1].reason
    assert reason is not None
    assert reason.rule == "payment"
    assert "silent until" in reason.words
