"""A payment told in words: silence from its beginning on, and where the call is afterwards."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.resumed import state_of
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Command,
    Fact,
    HungUp,
    LeftTalk,
    Parked,
    PaymentBegan,
    PaymentEnded,
    PaymentTooLong,
    RaiseAlarm,
    Rest,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    TalkChanged,
    Talker,
)
from hushtape.policy.schema import AfterPayment, PaymentWay, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, SpanKind
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
    stopped,
    transfer,
)

LINE = Talker("1.730", PAYMENT_LINE, stands_in=True)
TALK: list[Fact] = [
    started(0.01),
    AgentAnswered(at=at(1), agent="PJSIP/231", talker=ADVISER),
    TalkChanged(at=at(1), talkers=(ADVISER,)),
]
PAYING, RESTING = 2, 3  # the rests of a payment that begins in TALK, and of its recorder
SILENT: list[Fact] = [
    PaymentBegan(at=at(5), way=PaymentWay.KEY),
    stopped(5.01),
    rested(5.1, RESTING),
]


def began(seconds: float, way: PaymentWay = PaymentWay.KEY) -> PaymentBegan:
    return PaymentBegan(at=at(seconds), way=way)


def ended(seconds: float, way: PaymentWay = PaymentWay.KEY) -> PaymentEnded:
    return PaymentEnded(at=at(seconds), way=way)


def talks(seconds: float, *talkers: Talker) -> TalkChanged:
    return TalkChanged(at=at(seconds), talkers=talkers)


def paying(council: str = "reigate-banstead", **words: Any) -> Policy:
    policy = POLICIES[council]
    payment = msgspec.structs.replace(policy.payment, by=tuple(PaymentWay), **words)
    return msgspec.structs.replace(policy, payment=payment)


def call_of(*facts: Fact, policy: Policy | None = None) -> tuple[Call, list[list[Command]]]:
    call, steps = play(entered(0), *TALK, *facts, policy=policy or paying())
    return call, steps[1 + len(TALK) :]


def test_it_stops_the_recorder_and_goes_on_with_a_new_segment() -> None:
    call, steps = call_of(began(5), stopped(5.01), rested(5.1, RESTING), ended(9))
    assert only(StopRecorder, steps[0]) == [StopRecorder(1, "0x1")]
    assert only(Rest, steps[0]) == [Rest(PAYING, 15 * 60)]
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, steps[3])
    call.apply(started(9.01, segment=2))
    handoff = handoff_of(call.apply(HungUp(at=at(12))))
    (span,) = handoff.spans
    assert (span.kind, span.started_at, span.ended_at) == (SpanKind.PAYMENT, at(5), at(9))
    assert [each.ended_by for each in handoff.segments] == [EndedBy.PAYMENT, EndedBy.HANG_UP]
    assert handoff.segments[0].ended_at == at(5)


def test_an_end_that_comes_before_the_recorder_has_stopped_starts_the_next_one_then() -> None:
    _, steps = call_of(began(5), ended(5.005), stopped(5.01), rested(5.1, RESTING))
    assert not only(StartRecorder, [each for step in steps[:3] for each in step])
    assert only(StartRecorder, steps[3])


def test_it_never_goes_on_where_nobody_is_until_somebody_is_who_has_the_call() -> None:
    call, steps = call_of(*SILENT, talks(6), ended(9), talks(10, ADVISER))
    assert not only(StartRecorder, steps[-2])
    assert only(StartRecorder, steps[-1])
    assert call.stage is Stage.RECORDED


def test_who_is_there_instead_is_judged_as_after_a_transfer() -> None:
    call, _ = call_of(*SILENT, talks(6), ended(9), talks(10, OTHER))
    assert call.stage is Stage.UNRECORDED


def test_it_goes_on_with_nobody_but_those_who_have_the_call() -> None:
    call, steps = call_of(*SILENT, talks(6, OTHER), ended(9))
    assert call.stage is Stage.UNRECORDED
    assert not only(StartRecorder, steps[-1])


def test_a_payment_line_in_the_talk_is_silence_whoever_says_what() -> None:
    call, _ = call_of(*SILENT, talks(6, ADVISER, LINE), ended(9))
    assert call.stage is Stage.SILENT
    call.apply(talks(11, ADVISER))
    assert call.stage is Stage.SILENT, "that it is gone is not that it is over"
    call.apply(ended(12))
    assert call.stage is Stage.RECORDED


def test_what_was_sent_away_meanwhile_is_not_recorded_afterwards() -> None:
    call, _ = call_of(*SILENT, transfer(6, BACK_OFFICE), ended(9))
    assert call.stage is Stage.UNRECORDED


def test_what_went_on_meanwhile_goes_on_with_whom_it_went_to() -> None:
    moved: list[Fact] = [transfer(6, COLLEAGUE.place), talks(7), talks(8, COLLEAGUE)]
    first = entered(0, "surrey-contact-centre")
    call, _ = play(first, *TALK, *SILENT, *moved, policy=paying("surrey"))
    call.apply(ended(9))
    assert call.stage is Stage.RECORDED


def test_what_was_not_recorded_before_is_not_recorded_afterwards() -> None:
    call, _ = call_of(transfer(3, BACK_OFFICE), stopped(3.01), rested(3.1, 2), began(5), ended(9))
    assert call.stage is Stage.UNRECORDED


def test_parked_during_it_waits_to_be_fetched_afterwards() -> None:
    call, _ = call_of(*SILENT, Parked(at=at(6)), ended(9))
    assert call.stage is Stage.PARKED
    call.apply(talks(10, ADVISER))
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize("leave_s", [4.0, 4.99])
def test_a_leave_that_it_explains_ends_nothing(leave_s: float) -> None:
    left: list[Fact] = [LeftTalk(at=at(leave_s)), talks(leave_s)]
    late = [rested(4.3, 2)] if leave_s < 4.5 else []
    call, _ = call_of(*left, *late, began(5), ended(9))
    assert call.stage is Stage.PARKED
    call.apply(talks(9.1, ADVISER))
    assert call.stage is Stage.RECORDED


def test_two_that_overlap_are_over_when_both_are() -> None:
    call, _ = call_of(*SILENT, began(6, PaymentWay.DIALPLAN), ended(7))
    assert call.stage is Stage.SILENT
    call.apply(ended(8, PaymentWay.DIALPLAN))
    assert call.stage is Stage.RECORDED


def test_a_second_beginning_lengthens_nothing() -> None:
    _, steps = call_of(*SILENT, began(100), began(200, PaymentWay.API))
    assert not only(Rest, steps[-1])
    assert not only(Rest, steps[-2])


def test_too_long_it_is_told_and_stays_silent() -> None:
    call, steps = call_of(*SILENT, rested(905, PAYING))
    (alarm,) = only(RaiseAlarm, steps[-1])
    assert isinstance(alarm, PaymentTooLong)
    assert "15 minutes" in alarm.what
    assert call.stage is Stage.SILENT
    assert call.papers.story[-1].what == "the payment lasts too long"


def test_too_long_it_may_be_over_by_itself() -> None:
    policy = paying(when_too_long=AfterPayment.RESUME)
    call, steps = call_of(*SILENT, rested(905, PAYING), policy=policy)
    assert call.stage is Stage.RECORDED
    assert not only(RaiseAlarm, steps[-1])
    assert only(StartRecorder, steps[-1])


@pytest.mark.parametrize("there", [transfer(6, PAYMENT_LINE), talks(6, ADVISER, LINE)])
def test_a_payment_line_is_not_over_by_itself(there: Fact) -> None:
    policy = paying(when_too_long=AfterPayment.RESUME)
    call, _ = call_of(*SILENT, there, rested(905, PAYING), policy=policy)
    assert call.stage is Stage.SILENT
    assert call.paying is not None
    assert call.paying.ways == [PaymentWay.TRANSFER]


def test_the_rest_of_a_payment_that_is_over_is_nothing_to_the_next_one() -> None:
    policy = paying(when_too_long=AfterPayment.RESUME)
    call, _ = call_of(*SILENT, ended(9), began(20), rested(905, PAYING), policy=policy)
    assert call.stage is Stage.SILENT


def test_an_end_without_a_beginning_is_nothing() -> None:
    call, steps = call_of(ended(5))
    assert steps[0] == []
    assert call.stage is Stage.RECORDED


TOLD = [way for way in PaymentWay if way is not PaymentWay.TRANSFER]


@pytest.mark.parametrize("way", TOLD)
def test_a_bridge_that_knows_only_the_note_goes_on_with_the_payment(way: PaymentWay) -> None:
    call, _ = call_of(began(5, way), stopped(5.01), rested(5.1, RESTING))
    state = noted.read(noted.write(state_of(call)))
    again = Call.resumed(state, "pbx1", "1.1", call.policy, call.began)
    assert (again.stage, again.beneath) == (Stage.SILENT, Stage.RECORDED)
    told = again.apply(Adopted(at=at(65)))
    assert not only(StartRecorder, told)
    assert only(StopEveryRecorder, told)
    assert only(Rest, told) == [Rest(1, 14 * 60)], "its time runs on"
    again.apply(talks(66, ADVISER))
    again.apply(ended(70, way))
    assert again.stage is Stage.RECORDED


def test_of_a_silence_of_which_nothing_is_noted_only_a_queue_makes_a_recording() -> None:
    call, _ = call_of(*SILENT)
    text = ";".join(noted.write(state_of(call)).split(";")[:10])
    again = Call.resumed(noted.read(text), "pbx1", "1.1", call.policy, call.began)
    again.apply(Adopted(at=at(65)))
    again.apply(talks(66, ADVISER))
    again.apply(ended(70))
    assert again.stage is Stage.UNRECORDED
    again.apply(entered(80))
    assert again.stage is Stage.RECORDED
