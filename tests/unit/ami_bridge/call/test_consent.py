"""Opt-out and permission: what is recorded, and what is destroyed."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.call.machine import Call
from ami_bridge.facts import (
    Adopted,
    Command,
    ConsultationBegan,
    Fact,
    HandOff,
    HungUp,
    OptedOut,
    PermissionGiven,
    RaiseAlarm,
    RecorderUncertain,
    Rest,
    StartRecorder,
    StopRecorder,
    TalkChanged,
)
from hushtape.policy.schema import Asker, OptOut, Permission, Policy, SoFar
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, Reason, SpanKind
from tests.unit.ami_bridge.call.test_company import ADVISER
from tests.unit.ami_bridge.call.test_consultation import LEG
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    POLICIES,
    answered,
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

SURREY = POLICIES["surrey"]  # a key within 60 seconds
UTTLESFORD = POLICIES["uttlesford"]  # no permission; both may opt out, and it is discarded


def with_opt_out(policy: Policy, so_far: SoFar = SoFar.DISCARD) -> Policy:
    return msgspec.structs.replace(
        policy, opt_out=OptOut(by=(Asker.CALLER, Asker.AGENT), recorded_so_far=so_far)
    )


def with_permission(permission: Permission) -> Policy:
    return msgspec.structs.replace(
        SURREY, outbound=msgspec.structs.replace(SURREY.outbound, permission=permission)
    )


def opted_out(seconds: float, by: Asker = Asker.CALLER) -> OptedOut:
    return OptedOut(at=at(seconds), by=by)


def permitted(seconds: float, by: Permission = Permission.KEY) -> PermissionGiven:
    return PermissionGiven(at=at(seconds), by=by)


def queue_call(*facts: Fact, policy: Policy = UTTLESFORD) -> tuple[Call, list[list[Command]]]:
    return play(entered(0, "customer-service"), started(0.01), *facts, policy=policy)


def outbound(*facts: Fact, policy: Policy = SURREY) -> tuple[Call, list[list[Command]]]:
    return play(answered(0), started(0.01), *facts, policy=policy)


def discarded(commands: list[Command]) -> Reason | None:
    return handoff_of(commands).discard


# opt-out


@pytest.mark.parametrize("by", Asker)
def test_who_opts_out_is_recorded_no_more_and_what_there_was_is_destroyed(by: Asker) -> None:
    call, steps = queue_call(opted_out(5, by), stopped(5.01), HungUp(at=at(9)))
    assert only(StopRecorder, steps[2]) == [StopRecorder(1, "0x1")]
    handoff = handoff_of(steps[4])
    (segment,) = handoff.segments
    assert (segment.ended_at, segment.ended_by) == (at(5), EndedBy.OPT_OUT)
    assert handoff.discard is not None
    assert (handoff.discard.policy, handoff.discard.rule) == ("uttlesford", "opt_out")
    assert [(span.kind, span.started_at) for span in handoff.spans] == [
        (SpanKind.NOT_RECORDED, at(5))
    ]
    assert call.stage is Stage.OVER


def test_where_the_policy_keeps_what_there_was_it_is_kept() -> None:
    policy = with_opt_out(UTTLESFORD, SoFar.KEEP)
    _, steps = queue_call(opted_out(5), stopped(5.01), HungUp(at=at(9)), policy=policy)
    assert discarded(steps[-1]) is None


@pytest.mark.parametrize(
    "later",
    [
        entered(8, "customer-service"),
        transfer(8, BACK_OFFICE),
        permitted(8),
        Adopted(at=at(8)),
        TalkChanged(at=at(8), talkers=(ADVISER,)),
    ],
)
def test_nothing_brings_back_the_recording_of_who_opted_out(later: Fact) -> None:
    call, steps = queue_call(opted_out(5), stopped(5.01), rested(5.1), later, HungUp(at=at(9)))
    assert not [each for step in steps[2:] for each in only(StartRecorder, step)]
    assert discarded(steps[-1]) is not None
    assert call.stage is Stage.OVER


def test_where_the_policy_knows_no_opt_out_recording_goes_on_and_somebody_is_told() -> None:
    call, steps = play(entered(0), started(0.01), opted_out(5), HungUp(at=at(9)))
    assert [type(each) for each in steps[2]] == [RaiseAlarm]
    assert discarded(steps[-1]) is None
    (segment,) = handoff_of(steps[-1]).segments
    assert segment.ended_at == at(9)
    assert call.stage is Stage.OVER


def test_only_those_whom_the_policy_names_may_opt_out() -> None:
    policy = msgspec.structs.replace(UTTLESFORD, opt_out=OptOut(by=(Asker.AGENT,)))
    call, _ = queue_call(opted_out(5, Asker.CALLER), policy=policy)
    assert call.stage is Stage.RECORDED
    call.apply(opted_out(6, Asker.AGENT))
    assert call.stage is Stage.DECLINED


def test_who_opts_out_twice_is_told_of_once() -> None:
    _, steps = queue_call(opted_out(5), stopped(5.01), opted_out(6, Asker.AGENT), HungUp(at=at(9)))
    told = [each.what for each in handoff_of(steps[-1]).story if "opt-out" in each.what]
    assert told == ["opt-out by the caller"]
    assert steps[4] == []


def test_what_was_recorded_before_a_transfer_is_destroyed_too() -> None:
    _, steps = queue_call(
        transfer(5, BACK_OFFICE), stopped(5.01), opted_out(8, Asker.AGENT), HungUp(at=at(9))
    )
    assert discarded(steps[-1]) is not None


def test_during_a_payment_one_may_opt_out_too() -> None:
    payment = msgspec.structs.replace(BACK_OFFICE_PAYS, on_transfer="stop")
    policy = msgspec.structs.replace(
        UTTLESFORD,
        destination=(payment,),
        payment=msgspec.structs.replace(UTTLESFORD.payment, lines=(payment.name,)),
    )
    call, _ = queue_call(transfer(5, BACK_OFFICE), stopped(5.01), policy=policy)
    assert call.stage is Stage.SILENT
    call.apply(opted_out(6))
    assert call.stage is Stage.DECLINED
    handoff = handoff_of(call.apply(HungUp(at=at(9))))
    assert [span.kind for span in handoff.spans] == [SpanKind.PAYMENT, SpanKind.NOT_RECORDED]
    assert handoff.discard is not None


def test_a_consultation_ends_with_the_opt_out() -> None:
    began = ConsultationBegan(at=at(4), leg=LEG, place=BACK_OFFICE, telephone="PJSIP/231")
    call, steps = queue_call(
        TalkChanged(at=at(1), talkers=(ADVISER,)), began, started(4.1, 2), opted_out(5)
    )
    assert only(StopRecorder, steps[-1]) == [
        StopRecorder(1, "0x1"),
        StopRecorder(2, "0x2", leg=LEG),
    ]
    assert call.stage is Stage.DECLINED


BACK_OFFICE_PAYS = msgspec.structs.replace(
    UTTLESFORD.destination[0], name="the back office", extensions=(BACK_OFFICE.extension,)
)


# permission


def test_without_permission_in_time_recording_ends_and_what_there_was_is_destroyed() -> None:
    call, steps = outbound(rested(60, 1), stopped(60.01), HungUp(at=at(90)))
    assert only(Rest, steps[0]) == [Rest(1, 60.0)]
    assert only(StopRecorder, steps[2])
    handoff = handoff_of(steps[-1])
    assert handoff.discard is not None
    assert handoff.discard.rule == "outbound.permission"
    (segment,) = handoff.segments
    assert (segment.ended_at, segment.ended_by) == (at(60), EndedBy.NO_PERMISSION)
    assert call.stage is Stage.OVER


def test_with_permission_it_is_kept() -> None:
    call, steps = outbound(permitted(20), rested(60, 1), HungUp(at=at(90)))
    assert steps[2] == steps[3] == []
    handoff = handoff_of(steps[-1])
    assert handoff.discard is None
    assert handoff.segments[0].ended_at == at(90)
    assert call.stage is Stage.OVER


def test_a_call_that_ends_before_permission_was_given_is_destroyed() -> None:
    _, steps = outbound(HungUp(at=at(9)))
    assert discarded(steps[-1]) is not None


def test_permission_that_comes_too_late_is_none() -> None:
    call, steps = outbound(rested(60, 1), stopped(60.01), permitted(61), HungUp(at=at(90)))
    assert discarded(steps[-1]) is not None
    assert not [each for step in steps[2:] for each in only(StartRecorder, step)]
    assert call.stage is Stage.OVER


def test_permission_does_not_undo_an_opt_out() -> None:
    policy = with_opt_out(SURREY)
    _, steps = outbound(opted_out(5), stopped(5.01), permitted(6), HungUp(at=at(9)), policy=policy)
    assert discarded(steps[-1]) is not None
    policy = with_opt_out(SURREY, SoFar.KEEP)
    _, steps = outbound(opted_out(5), stopped(5.01), permitted(6), HungUp(at=at(9)), policy=policy)
    assert discarded(steps[-1]) is not None, "nobody had agreed to what there was"


def test_an_opt_out_takes_back_a_permission() -> None:
    policy = with_opt_out(SURREY)
    _, steps = outbound(permitted(5), opted_out(6), stopped(6.01), HungUp(at=at(9)), policy=policy)
    assert discarded(steps[-1]) is not None


@pytest.mark.parametrize(
    ("asked", "given", "enough"),
    [
        (Permission.KEY, Permission.KEY, True),
        (Permission.KEY, Permission.ANNOUNCEMENT, False),
        (Permission.ANNOUNCEMENT, Permission.ANNOUNCEMENT, True),
        (Permission.ANNOUNCEMENT, Permission.KEY, True),  # whoever was asked has agreed
    ],
)
def test_which_permission_is_enough(asked: Permission, given: Permission, enough: bool) -> None:
    _, steps = outbound(permitted(5, given), HungUp(at=at(9)), policy=with_permission(asked))
    assert (discarded(steps[-1]) is None) is enough


def test_where_none_is_needed_none_is_waited_for() -> None:
    _, steps = play(answered(0), started(0.01), HungUp(at=at(90)), policy=UTTLESFORD)
    assert only(Rest, steps[0]) == []
    assert discarded(steps[-1]) is None


def test_inbound_calls_need_none() -> None:
    _, steps = play(
        entered(0, "surrey-contact-centre"), started(0.01), HungUp(at=at(9)), policy=SURREY
    )
    assert only(Rest, steps[0]) == []
    assert discarded(steps[-1]) is None


def test_a_successor_waits_for_what_is_left_of_the_time() -> None:
    call, _ = outbound()
    assert only(Rest, call.apply(Adopted(at=at(45)))) == [Rest(2, 15.0)]
    assert call.apply(rested(50, 1)) == [], "the predecessor's time"
    call.apply(rested(60, 2))
    assert call.stage is Stage.DECLINED


def test_a_successor_that_comes_too_late_waits_no_more() -> None:
    call, _ = outbound()
    assert only(Rest, call.apply(Adopted(at=at(300)))) == [Rest(2, 0.0)]


def test_a_successor_waits_for_nothing_that_was_given() -> None:
    call, _ = outbound(permitted(5))
    assert only(Rest, call.apply(Adopted(at=at(45)))) == []


def test_without_a_recording_there_is_nothing_to_destroy() -> None:
    facts = (answered(0), HungUp(at=at(0.001)), RecorderUncertain(at=at(5), segment=1))
    _, steps = play(*facts, policy=with_permission(Permission.KEY))
    (handoff,) = [each.handoff for each in steps[-1] if isinstance(each, HandOff)]
    assert handoff.discard is not None, "a recorder was asked for: there may be a file"
