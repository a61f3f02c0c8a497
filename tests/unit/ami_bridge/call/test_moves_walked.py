"""Moves that the walk of every state has found to go wrong, and recording from an answer on."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Fact,
    HungUp,
    LeftTalk,
    Rest,
    StartRecorder,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import Destination, DestinationKind, OnTransfer, Policy, Starts
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import SpanKind
from tests.unit.ami_bridge.call.test_company import ADVISER, COLLEAGUE, OTHER
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    PAYMENT_LINE,
    POLICIES,
    at,
    entered,
    handoff_of,
    only,
    play,
    rested,
    started,
    transfer,
)

REIGATE = POLICIES["reigate-banstead"]
LATE = msgspec.structs.replace(
    REIGATE, calls=msgspec.structs.replace(REIGATE.calls, starts=Starts.ANSWER)
)
QUEUE = Place(DestinationKind.QUEUE, "611", queue="help-line")
LINE = Talker("1.730", PAYMENT_LINE, stands_in=True)


def agent(seconds: float, talker: Talker | None = ADVISER) -> AgentAnswered:
    return AgentAnswered(at=at(seconds), agent="PJSIP/231", talker=talker)


def talks(seconds: float, *talkers: Talker) -> TalkChanged:
    return TalkChanged(at=at(seconds), talkers=talkers)


TALK: list[Fact] = [started(0.01), agent(1), talks(1, ADVISER)]
ATTENDED = TransferCompleted(at=at(5), place=BACK_OFFICE, how="attended")


# from the answer on


def test_recording_may_begin_with_the_agents_answer() -> None:
    _, steps = play(entered(0), agent(8), started(8.01, 1), HungUp(at=at(20)), policy=LATE)
    assert not only(StartRecorder, steps[0])
    assert only(StartRecorder, steps[1])
    handoff = handoff_of(steps[3])
    assert handoff.segments[0].started_at == at(8.01)
    (span,) = handoff.spans
    assert (span.kind, span.started_at, span.ended_at) == (SpanKind.NOT_RECORDED, at(0), at(8))
    assert "starts" in span.reason.words


def test_who_hangs_up_before_leaves_nothing() -> None:
    call, steps = play(entered(0), HungUp(at=at(20)), policy=LATE)
    assert steps[1] == []
    assert call.done


def test_the_next_queue_is_waited_in_as_the_first() -> None:
    call, _ = play(entered(0), entered(5), policy=LATE)
    assert call.stage is Stage.WAITING
    call.apply(entered(9, "elsewhere"))
    call.apply(agent(10))
    assert call.stage is Stage.UNRECORDED
    call.apply(entered(20))
    assert call.stage is Stage.WAITING


def test_once_answered_a_queue_is_recorded_from_its_entry_on() -> None:
    call, _ = play(entered(0), agent(5), entered(9), policy=LATE)
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize(
    "fact",
    [LeftTalk(at=at(5)), Answered(at=at(5), arrival=entered(0).arrival), talks(5, ADVISER)],
)
def test_nothing_but_the_agents_answer_begins_it(fact: Fact) -> None:
    call, _ = play(entered(0), fact, rested(6), policy=LATE)
    assert call.stage is Stage.WAITING


def test_a_payment_line_that_is_there_first_is_silence() -> None:
    call, steps = play(entered(0), talks(4, ADVISER, LINE), agent(5), policy=LATE)
    assert call.stage is Stage.SILENT
    assert not only(StartRecorder, steps[2])
    assert call.company.knows(ADVISER)


def test_who_is_there_before_the_answer_is_the_agent() -> None:
    call, _ = play(entered(0), talks(4.9, COLLEAGUE), agent(5, None), policy=LATE)
    assert call.company.knows(COLLEAGUE)


# two kinds of transfer, and who answers them

WORDS = [(OnTransfer.STOP, OnTransfer.CONTINUE), (OnTransfer.CONTINUE, OnTransfer.STOP)]


def by_kind(blind: OnTransfer, attended: OnTransfer) -> Policy:
    colleagues = Destination(
        name="colleagues",
        every=(DestinationKind.EXTENSION,),
        on_blind_transfer=blind,
        on_attended_transfer=attended,
    )
    return msgspec.structs.replace(REIGATE, destination=(*REIGATE.destination[:1], colleagues))


@pytest.mark.parametrize(("blind", "attended"), WORDS)
def test_who_answers_is_judged_by_the_kind_that_led_there(
    blind: OnTransfer, attended: OnTransfer
) -> None:
    how = "blind" if blind is OnTransfer.CONTINUE else "attended"
    moved = TransferCompleted(at=at(5), place=COLLEAGUE.place, how=how)
    call, _ = play(entered(0), *TALK, moved, talks(6, COLLEAGUE), policy=by_kind(blind, attended))
    assert call.stage is Stage.RECORDED
    assert call.company.knows(COLLEAGUE)


@pytest.mark.parametrize(("blind", "attended"), WORDS)
def test_strangers_are_judged_by_the_strictest(blind: OnTransfer, attended: OnTransfer) -> None:
    call, steps = play(entered(0), *TALK, talks(6, COLLEAGUE), policy=by_kind(blind, attended))
    (rest,) = steps[-1]
    assert isinstance(rest, Rest)
    call.apply(rested(6.3, rest.rest))
    assert call.stage is Stage.UNRECORDED


# what the walk has found


def test_an_adviser_who_comes_back_with_a_payment_line_is_not_recorded() -> None:
    call, steps = play(entered(0), *TALK, talks(4), ATTENDED, talks(6, ADVISER, LINE))
    assert not only(StartRecorder, steps[-1])
    assert call.stage is Stage.UNRECORDED


@pytest.mark.parametrize("between", [transfer(6, QUEUE), entered(6, "elsewhere")])
def test_nobody_is_called_back_after_the_call_has_gone_on(between: Fact) -> None:
    call, _ = play(entered(0), *TALK, talks(4), ATTENDED, between, talks(8, ADVISER))
    assert call.stage is Stage.UNRECORDED


def test_an_agent_who_answers_late_lets_nobody_else_in() -> None:
    facts: list[Fact] = [started(0.01), LeftTalk(at=at(2)), rested(2.3, 1), agent(3)]
    call, _ = play(entered(0), *facts, talks(4, OTHER))
    assert call.stage is Stage.RECORDED
    assert not call.company.knows(OTHER)


def test_a_payment_line_that_came_meanwhile_is_found_when_the_agent_answers_late() -> None:
    facts: list[Fact] = [started(0.01), LeftTalk(at=at(2)), rested(2.3, 1), talks(2.5, LINE)]
    call, steps = play(entered(0), *facts, agent(3))
    assert call.stage is Stage.SILENT
    assert not only(StartRecorder, steps[-1])


def test_a_stranger_who_is_there_before_a_transfer_to_somebody_else_is_told_is_judged() -> None:
    surrey = POLICIES["surrey"]
    outside = Talker("3.1", Place(DestinationKind.OUTSIDE, "9", number="020 7946 0010"), "")
    facts: list[Fact] = [*TALK, talks(4.999, outside), transfer(5, COLLEAGUE.place)]
    call, _ = play(entered(0, "surrey-contact-centre"), *facts, policy=surrey)
    assert not call.company.knows(outside)
    call.apply(rested(5.25, call.meeting))
    assert call.stage is Stage.UNRECORDED


def test_a_redirect_into_a_recorded_queue_is_no_question_of_who_came_along() -> None:
    redirected = TransferCompleted(at=at(5), place=BACK_OFFICE, how="redirected")
    call, _ = play(entered(0), *TALK, redirected, entered(5.1))
    call.apply(rested(5.3, call.together))
    assert call.stage is Stage.RECORDED


def test_strangers_who_are_let_in_do_not_undo_where_a_redirect_has_led() -> None:
    words = by_kind(OnTransfer.CONTINUE, OnTransfer.CONTINUE)
    calls = msgspec.structs.replace(words.calls, queues=(), numbers=("01737 276000",))
    words = msgspec.structs.replace(words, calls=calls)
    elsewhere = Place(DestinationKind.QUEUE, "612", queue="elsewhere")
    redirected = TransferCompleted(at=at(5), place=elsewhere, how="redirected")
    call, _ = play(entered(0), *TALK, talks(4.9, COLLEAGUE), redirected, policy=words)
    call.apply(rested(5.15, call.meeting))
    call.apply(entered(5.2, "elsewhere"))
    assert call.stage is Stage.UNRECORDED
