"""A call that leaves its talk or its queue: explained by something else, or not at all."""

from __future__ import annotations

import pytest

from ami_bridge.call import standing as machine
from ami_bridge.call.machine import Call
from ami_bridge.facts import (
    AgentAnswered,
    Command,
    Fact,
    HungUp,
    JoinedTalk,
    LeftTalk,
    Rest,
    StartRecorder,
    StopRecorder,
    TransferCompleted,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import StopSeen
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    at,
    entered,
    handoff_of,
    only,
    play,
    rested,
    started,
    stopped,
    transfer,
)

COLLEAGUE = Place(DestinationKind.EXTENSION, "212")
TALK: list[Fact] = [
    started(0.01),
    LeftTalk(at=at(4)),  # the queue
    AgentAnswered(at=at(4), agent="PJSIP/231"),
    JoinedTalk(at=at(4.001)),
]


def left(seconds: float) -> LeftTalk:
    return LeftTalk(at=at(seconds))


def redirected(seconds: float, place: Place) -> TransferCompleted:
    return TransferCompleted(at=at(seconds), place=place, how="redirected")


def surrey(*facts: Fact) -> tuple[Call, list[list[Command]]]:
    return play(entered(0, "surrey-contact-centre"), *TALK, *facts, council="surrey")


def test_an_agent_who_answers_explains_that_the_queue_was_left() -> None:
    call, steps = play(entered(0), *TALK, rested(4.3))
    assert only(Rest, steps[2]) == [Rest(1, machine.EXPLAINED_WITHIN_S)]
    assert steps[5] == []
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize("where", ["talk", "queue"])
def test_what_nobody_explains_stops_the_recording_at_the_moment_of_leaving(where: str) -> None:
    facts = [*TALK, left(9), rested(9.25, 2)] if where == "talk" else [started(0.01), left(9)]
    facts += [] if where == "talk" else [rested(9.25, 1)]
    call, steps = play(entered(0), *facts, stopped(9.26), HungUp(at=at(20)))
    assert only(StopRecorder, steps[-3]) == [StopRecorder(1, "0x1")]
    (segment,) = handoff_of(steps[-1]).segments
    assert segment.ended_at == at(9)
    assert segment.cut_s == pytest.approx(0.26), "what came after the leave is cut"
    assert call.stage is Stage.OVER


def test_a_hang_up_explains_it_and_cuts_nothing() -> None:
    _, steps = play(entered(0), *TALK, left(9), HungUp(at=at(9.001)), rested(9.3, 2))
    (segment,) = handoff_of(steps[6]).segments
    assert segment.cut_s == 0.0
    assert steps[7] == []


def test_a_transfer_told_after_the_leave_explains_it() -> None:
    call, steps = surrey(left(9), transfer(9.001, COLLEAGUE), stopped(9.003), rested(9.25, 2))
    assert steps[-1] == []
    assert call.stage is Stage.RECORDED


def test_a_transfer_told_before_the_leave_explains_it() -> None:
    call, steps = surrey(transfer(9, COLLEAGUE), left(9.001), stopped(9.003))
    assert steps[6] == [], "nothing to explain"
    assert call.stage is Stage.RECORDED


def test_an_old_transfer_explains_nothing() -> None:
    call, steps = surrey(
        transfer(9, COLLEAGUE), stopped(9.003), rested(9.1, 2), JoinedTalk(at=at(12)), left(60)
    )
    assert only(Rest, steps[-1])
    call.apply(rested(60.25, 3))
    assert call.stage is Stage.UNRECORDED


def test_a_queue_explains_it() -> None:
    call, _ = play(entered(0), *TALK, left(9), entered(9.001), rested(9.25, 2))
    assert call.stage is Stage.RECORDED


def test_a_redirect_to_where_recording_goes_on_brings_it_back() -> None:
    call, steps = surrey(
        left(9),
        rested(9.25, 2),
        stopped(9.26),
        rested(9.35, 3),
        redirected(15, COLLEAGUE),
        JoinedTalk(at=at(15)),
    )
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, steps[-2])


def test_a_redirect_to_where_it_stops_stays_unrecorded() -> None:
    call, steps = play(
        entered(0),
        *TALK,
        left(9),
        rested(9.25, 2),
        stopped(9.26),
        redirected(15, BACK_OFFICE),
        JoinedTalk(at=at(15)),
    )
    assert call.stage is Stage.UNRECORDED
    assert not [c for step in steps[6:] for c in only(StartRecorder, step)]


def test_in_payment_leaving_the_talk_changes_nothing() -> None:
    payment = Place(DestinationKind.EXTENSION, "730")
    call, steps = play(entered(0), *TALK, transfer(9, payment), stopped(9.01), left(20))
    assert steps[-1] == []
    assert call.stage is Stage.SILENT


def test_the_pause_for_the_recorder_and_for_the_leave_are_not_mixed_up() -> None:
    call, steps = surrey(transfer(9, COLLEAGUE), stopped(9.003), left(9.5))
    (recorder_rest,) = only(Rest, steps[6])
    (leave_rest,) = only(Rest, steps[7])
    assert recorder_rest != leave_rest
    assert only(StartRecorder, call.apply(rested(9.1, 2)))
    call.apply(rested(9.75, 3))
    assert call.stage is Stage.UNRECORDED


def test_an_agent_who_answers_late_proves_that_the_queue_was_never_left() -> None:
    """A queue's gosub or AGI runs between QueueCallerLeave and AgentConnect."""
    call, steps = play(
        entered(0),
        started(0.01),
        left(4),
        rested(4.25, 1),
        stopped(4.26),
        rested(4.35, 2),
        AgentAnswered(at=at(5), agent="PJSIP/231"),
    )
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, steps[-1])


def test_a_subroutine_of_the_place_to_which_a_transfer_led_is_that_place() -> None:
    nowhere = Place(DestinationKind.UNKNOWN, "s")
    call, _ = surrey(transfer(9, COLLEAGUE), left(9.001), redirected(12, nowhere))
    assert call.stage is Stage.RECORDED
    call.apply(JoinedTalk(at=at(12)))
    (rest,) = only(Rest, call.apply(redirected(30, nowhere)))
    assert isinstance(rest, Rest)
    call.apply(rested(30.25, rest.rest))
    assert call.stage is Stage.UNRECORDED, "later it is a Redirect to nowhere"


def test_a_known_place_is_judged_even_on_arrival() -> None:
    call, _ = surrey(
        transfer(9, COLLEAGUE), left(9.001), redirected(12, Place(DestinationKind.EXTENSION, "710"))
    )
    assert call.stage is Stage.SILENT


def test_what_was_recorded_while_nobody_saw_is_cut_wherever_the_call_is_now() -> None:
    unseen = TransferCompleted(at=at(9), place=COLLEAGUE, how="unseen")
    call, _ = surrey(unseen, stopped(60), rested(60.1, 2), started(60.2, segment=2))
    assert call.stage is Stage.RECORDED
    (first, _) = handoff_of(call.apply(HungUp(at=at(70)))).segments
    assert (first.ended_at, first.cut_s) == (at(9), pytest.approx(51))


def test_a_hang_up_that_nobody_saw_keeps_what_came_before_the_last_sign() -> None:
    _, steps = play(entered(0), *TALK, HungUp(at=at(9), seen=False))
    (segment,) = handoff_of(steps[-1]).segments
    assert (segment.stop, segment.ended_at) == (StopSeen.UNSEEN, at(9))
