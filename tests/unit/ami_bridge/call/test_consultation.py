"""A consultation that the policy records: a recorder on the agent's channel, for just that time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.resumed import state_of
from ami_bridge.facts import (
    Adopted,
    BridgeEnds,
    Channel,
    Command,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    HandOff,
    HungUp,
    LegGone,
    LinkReturned,
    Parked,
    PaymentBegan,
    PaymentEnded,
    RaiseAlarm,
    RecorderRefused,
    RecorderUncertain,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TalkChanged,
    Talker,
)
from ami_bridge.live import LiveCall, LiveCalls
from hushtape.policy.decide import Place
from hushtape.policy.schema import AfterPayment, DestinationKind, PaymentWay
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, Leg, SpanKind, StopSeen
from tests.unit.ami_bridge.call.test_company import ADVISER
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    ID,
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

LEG = Channel(ADVISER.uniqueid, "PJSIP/231-00000002", "internal", "s")
SECOND = Channel("1.77", "PJSIP/231-00000077", "internal", "232")
OUTSIDE = Channel("pbx1-1.1", "PJSIP/trunk-1", "from-outside", "01799510510")
PAYMENT_LINE = Place(DestinationKind.EXTENSION, "720")
ABROAD = Place(DestinationKind.OUTSIDE, "9020", number="020")
ENDED = ConsultationEnded(at=at(8), leg=LEG.uniqueid)


def began(seconds: float, place: Place = BACK_OFFICE, leg: Channel = LEG) -> ConsultationBegan:
    return ConsultationBegan(at=at(seconds), leg=leg, place=place, telephone="PJSIP/231")


def uttlesford(*facts: Fact) -> tuple[Call, list[list[Command]]]:
    """A call that an adviser has taken from the queue."""
    talk = TalkChanged(at=at(1), talkers=(ADVISER,))
    first = entered(0, "customer-service")
    call, steps = play(first, started(0.01), talk, *facts, council="uttlesford")
    return call, steps[3:]


def commands(steps: list[list[Command]]) -> list[Command]:
    return [each for step in steps for each in step]


def test_the_agents_channel_gets_a_recorder_for_just_that_time() -> None:
    _, steps = uttlesford(began(5), started(5.01, 2), ENDED, stopped(8.02, 2), HungUp(at=at(9)))
    assert steps[0] == [StartRecorder(2, f"{ID}.2.outside.wav", f"{ID}.2.inside.wav", leg=LEG)]
    assert steps[2] == [StopRecorder(2, "0x2", leg=LEG)]
    handoff = handoff_of(steps[4])
    beside, own = handoff.segments
    assert (own.number, own.leg, own.ended_at) == (1, Leg.OUTSIDE, at(9)), "it went on"
    assert (beside.number, beside.leg) == (2, Leg.CONSULTATION)
    assert (beside.started_at, beside.ended_at) == (at(5.01), at(8))
    assert (beside.ended_by, beside.stop) == (EndedBy.CONSULTED, StopSeen.CONFIRMED)
    assert beside.cut_s == pytest.approx(0.02)
    (span,) = handoff.spans
    assert (span.kind, span.started_at, span.ended_at) == (SpanKind.CONSULTATION, at(5), at(8))
    assert span.reason.rule == "destination: an internal extension"


@pytest.mark.parametrize("place", [ABROAD, Place(DestinationKind.UNKNOWN, "")])
def test_a_consultation_that_the_policy_does_not_record_is_only_a_span(place: Place) -> None:
    _, steps = uttlesford(began(5, place), ENDED, HungUp(at=at(9)))
    assert steps[0] == steps[1] == []
    handoff = handoff_of(steps[2])
    assert [segment.leg for segment in handoff.segments] == [Leg.OUTSIDE]
    assert [span.kind for span in handoff.spans] == [SpanKind.CONSULTATION]


def test_an_agent_who_calls_a_payment_line_silences_the_whole_call() -> None:
    call, steps = uttlesford(began(5, PAYMENT_LINE))
    assert call.stage is Stage.SILENT
    (stop,) = only(StopRecorder, steps[0])
    assert isinstance(stop, StopRecorder)
    assert stop.leg is None, "the caller's recorder, and the agent gets none"
    assert only(StartRecorder, steps[0]) == []


@pytest.mark.parametrize(
    "line", [Talker("1.99", PAYMENT_LINE), Talker("1.99", BACK_OFFICE, ways=(PAYMENT_LINE,))]
)
def test_a_payment_line_that_comes_into_a_consultation_silences_it_too(line: Talker) -> None:
    call, _ = uttlesford(began(5), replace(began(6), talkers=(line,)))
    assert call.stage is Stage.SILENT


def test_what_somebody_does_who_does_not_have_the_call_is_not_recorded() -> None:
    """A colleague in a three-way call rings somebody of his own."""
    colleague = Channel("1.232", "PJSIP/232-00000004", "internal", "s")
    fact = ConsultationBegan(at=at(5), leg=colleague, place=BACK_OFFICE, telephone="PJSIP/232")
    _, steps = uttlesford(fact, HungUp(at=at(9)))
    assert steps[0] == []
    assert handoff_of(steps[1]).spans == ()


def test_the_agents_second_channel_is_the_agents() -> None:
    _, steps = uttlesford(began(5, leg=SECOND))
    (start,) = only(StartRecorder, steps[0])
    assert isinstance(start, StartRecorder)
    assert start.leg == SECOND


@pytest.mark.parametrize("left", [transfer(4, BACK_OFFICE), Parked(at=at(4))])
def test_where_the_call_is_not_recorded_its_consultations_are_not(left: Fact) -> None:
    _, steps = uttlesford(left, began(5))
    assert steps[1] == []


@pytest.mark.parametrize(
    "end",
    [
        ENDED,
        transfer(8, BACK_OFFICE),
        transfer(8, PAYMENT_LINE),
        Parked(at=at(8)),
        HungUp(at=at(8)),
        BridgeEnds(at=at(8)),
        TalkChanged(at=at(8), talkers=(ADVISER, Talker("1.720", PAYMENT_LINE, stands_in=True))),
    ],
)
def test_whatever_ends_it_the_recorder_is_stopped_at_once(end: Fact) -> None:
    call, steps = uttlesford(began(5), started(5.01, 2), end)
    assert StopRecorder(2, "0x2", leg=LEG) in steps[2]
    assert not [track for track in call.consultations if track.wanted]


def test_the_hand_off_waits_for_a_recorder_that_is_still_being_stopped() -> None:
    call, steps = uttlesford(began(5), started(5.01, 2), HungUp(at=at(8)), stopped(8.01, 2))
    assert only(HandOff, steps[2]) == []
    handoff = handoff_of(steps[3])
    assert handoff.call.ended_at == at(8)
    beside = {segment.leg: segment for segment in handoff.segments}[Leg.CONSULTATION]
    assert beside.ended_at == at(8)
    assert beside.cut_s == pytest.approx(0.01)
    assert call.done


@pytest.mark.parametrize(
    "end",
    [LegGone(at=at(9), leg=LEG.uniqueid), stopped(9, 2), RecorderRefused(at=at(9), segment=2)],
)
def test_after_the_end_whatever_shows_that_it_is_gone_lets_the_call_go(end: Fact) -> None:
    facts: list[Fact] = [began(5)]
    if not isinstance(end, RecorderRefused):
        facts.append(started(5.01, 2))
    call, steps = uttlesford(*facts, HungUp(at=at(8)), end)
    assert not only(HandOff, commands(steps[:-1]))
    assert only(HandOff, steps[-1])
    assert call.done


def test_after_the_end_only_that_recorder_is_cared_for() -> None:
    call, steps = uttlesford(
        began(5),
        started(5.01, 2),
        HungUp(at=at(8)),
        entered(8.1, "customer-service"),
        began(8.2),
        StopUnconfirmed(at=at(10), segment=2),
        StopUnconfirmed(at=at(12), segment=2),
        LinkReturned(at=at(13)),
        stopped(13.1, 2),
    )
    assert steps[3] == steps[4] == []
    assert steps[5] == [StopEveryRecorder(2, leg=LEG)]
    assert only(RaiseAlarm, steps[6])
    assert steps[7] == [StopEveryRecorder(2, leg=LEG)]
    assert only(HandOff, steps[8])
    assert call.apply(LegGone(at=at(20), leg=LEG.uniqueid)) == [], "it is handed off once"


def test_a_stuck_one_is_tried_again_after_the_end() -> None:
    _, steps = uttlesford(
        began(5),
        started(5.01, 2),
        HungUp(at=at(8)),
        StopUnconfirmed(at=at(10), segment=2),
        StopUnconfirmed(at=at(12), segment=2),
        rested(17, 2),
    )
    assert only(Rest, steps[4]) == [Rest(2, 5.0)]
    assert steps[5] == [StopEveryRecorder(2, leg=LEG)]


def test_an_agent_whose_channel_goes_takes_the_recorder_along() -> None:
    call, steps = uttlesford(
        began(5), started(5.01, 2), LegGone(at=at(8), leg=LEG.uniqueid), HungUp(at=at(9))
    )
    assert steps[2] == [], "there is nothing left to stop"
    handoff = handoff_of(steps[3])
    beside = {segment.leg: segment for segment in handoff.segments}[Leg.CONSULTATION]
    assert (beside.ended_at, beside.stop, beside.cut_s) == (at(8), StopSeen.HANG_UP, 0)
    assert beside.ended_by is EndedBy.CONSULTED
    assert [span.ended_at for span in handoff.spans] == [at(8)]
    assert call.done


def test_a_channel_that_is_no_consultations_may_go() -> None:
    _, steps = uttlesford(LegGone(at=at(8), leg="1.999"), ConsultationEnded(at=at(8), leg="1.999"))
    assert steps == [[], []]


def test_one_that_ends_before_its_start_is_answered_is_stopped_once_it_is() -> None:
    _, steps = uttlesford(began(5), ENDED, started(8.1, 2))
    assert steps[1] == []
    assert steps[2] == [StopRecorder(2, "0x2", leg=LEG)]


def test_an_uncertain_one_is_stopped_with_everything_on_the_agents_channel() -> None:
    _, steps = uttlesford(began(5), RecorderUncertain(at=at(6), segment=2), ENDED)
    assert steps[2] == [StopEveryRecorder(2, leg=LEG)]


def test_a_second_consultation_is_a_segment_of_its_own() -> None:
    _, steps = uttlesford(
        began(5),
        started(5.01, 2),
        ENDED,
        stopped(8.01, 2),
        rested(8.1, 2),
        began(9),
        started(9.01, 3),
        HungUp(at=at(12)),
        stopped(12.01, 3),
    )
    (start,) = only(StartRecorder, steps[5])
    assert isinstance(start, StartRecorder)
    assert start.segment == 3
    handoff = handoff_of(steps[8])
    assert sorted(segment.number for segment in handoff.segments) == [1, 2, 3]
    assert [(span.started_at, span.ended_at) for span in handoff.spans] == [
        (at(5), at(8)),
        (at(9), at(12)),
    ]


def test_to_and_fro_before_the_stop_is_shown_begins_anew_after_its_rest() -> None:
    _, steps = uttlesford(
        began(5), started(5.01, 2), ENDED, began(8.001), stopped(8.01, 2), rested(8.1, 2)
    )
    assert only(StartRecorder, steps[3]) == []
    assert only(Rest, steps[4]) == [Rest(2, 0.08)]
    assert only(StartRecorder, steps[5])


def test_two_channels_of_the_agent_have_a_recorder_each() -> None:
    _, steps = uttlesford(
        began(5),
        started(5.01, 2),
        began(6, leg=SECOND),
        started(6.01, 3),
        ENDED,
        ConsultationEnded(at=at(9), leg=SECOND.uniqueid),
    )
    assert steps[4] == [StopRecorder(2, "0x2", leg=LEG)]
    assert steps[5] == [StopRecorder(3, "0x3", leg=SECOND)]


def test_while_the_bridge_ends_none_is_begun() -> None:
    _, steps = uttlesford(BridgeEnds(at=at(4)), began(5))
    assert only(StartRecorder, steps[1]) == []


def test_many_consultations_leave_no_more_behind_than_one() -> None:
    facts: list[Fact] = []
    for number in range(20):
        leg = Channel(f"1.{number + 100}", "PJSIP/231-00000077", "internal", "232")
        second = 10 + number * 10
        facts += [
            began(second, leg=leg),
            started(second + 1, number + 2),
            ConsultationEnded(at=at(second + 2), leg=leg.uniqueid),
            stopped(second + 3, number + 2),
            rested(second + 4, number + 2),
        ]
    call, _ = uttlesford(*facts)
    assert len(call.legs) <= 2


# its bridge dies


def through_the_disk(folder: Path, *facts: Fact) -> Call:
    call, _ = uttlesford(*facts)
    LiveCalls(folder).write(LiveCall(call=call, channel=OUTSIDE))
    (found,) = LiveCalls(folder).load()
    assert found.call == call
    assert msgspec.json.encode(found.call) == msgspec.json.encode(call)
    return found.call


@pytest.mark.parametrize(
    ("facts", "stop"),
    [
        ([], StopEveryRecorder(2, leg=LEG)),
        ([started(5.01, 2)], StopRecorder(2, "0x2", leg=LEG)),
        ([started(5.01, 2), ENDED], StopEveryRecorder(2, leg=LEG)),
    ],
)
def test_a_successor_stops_what_was_recorded_of_a_consultation(
    tmp_path: Path, facts: list[Fact], stop: Command
) -> None:
    """Nobody knows whether the agent still consults."""
    call = through_the_disk(tmp_path, began(5), *facts)
    assert call.legs == [LEG]
    told = call.apply(Adopted(at=at(20)))
    assert stop in told
    assert not only(StartRecorder, told)
    call.apply(stopped(20.01, 2))
    assert not [track for track in call.consultations if track.writing or track.wanted]


def test_a_call_that_was_over_is_let_go_when_the_consultations_recorder_is_gone(
    tmp_path: Path,
) -> None:
    call = through_the_disk(tmp_path, began(5), started(5.01, 2), HungUp(at=at(8)))
    assert not call.done
    told = call.apply(Adopted(at=at(20)))
    assert StopEveryRecorder(2, leg=LEG) in told
    handoff = handoff_of(call.apply(stopped(20.01, 2)))
    beside = {segment.leg: segment for segment in handoff.segments}[Leg.CONSULTATION]
    assert beside.ended_at == at(8)
    assert beside.cut_s == pytest.approx(12.01)
    assert handoff.call.ended_at == at(0) + timedelta(seconds=8)


# an agent who calls a payment line

AWAY = TalkChanged(at=at(4.9))
BACK = TalkChanged(at=at(20), talkers=(ADVISER,))
LINE_GONE = ConsultedGone(at=at(19.9))


def rest_of(commands: list[Command]) -> Rest:
    (rest,) = only(Rest, commands)
    assert isinstance(rest, Rest)
    return rest


def line_called(*facts: Fact) -> tuple[Call, list[list[Command]]]:
    return uttlesford(AWAY, began(5, PAYMENT_LINE), stopped(5.01), rested(5.1, 2), *facts)


def test_when_the_agent_has_the_caller_again_recording_goes_on() -> None:
    call, steps = line_called(LINE_GONE, BACK)
    assert call.stage is Stage.SILENT, "it isn't clear yet"
    due = rest_of(steps[4])
    commands = call.apply(Rested(at=at(20.2), rest=due.rest))
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, commands)


def test_where_the_policy_says_so_it_stays_silent() -> None:
    policy = POLICIES["uttlesford"]
    terms = msgspec.structs.replace(policy.payment, afterwards=AfterPayment.STAY_SILENT)
    stays = msgspec.structs.replace(policy, payment=terms)
    talk = TalkChanged(at=at(1), talkers=(ADVISER,))
    first = entered(0, "customer-service")
    facts = (started(0.01), talk, began(5, PAYMENT_LINE), LINE_GONE)
    call, steps = play(first, *facts, policy=stays)
    call.apply(Rested(at=at(20.2), rest=rest_of(steps[-1]).rest))
    assert call.stage is Stage.SILENT


@pytest.mark.parametrize("talkers", [(), (Talker("1.99", PAYMENT_LINE),)])
def test_whoever_else_is_there_then_keeps_it_silent(talkers: tuple[Talker, ...]) -> None:
    """The caller hangs in the air, or the line has come to the caller: a transfer."""
    call, steps = line_called(LINE_GONE, TalkChanged(at=at(20), talkers=talkers))
    call.apply(Rested(at=at(20.2), rest=rest_of(steps[4]).rest))
    assert call.stage is Stage.SILENT


def test_a_caller_who_is_transferred_to_the_line_is_not_back() -> None:
    call, steps = line_called(LINE_GONE, transfer(20, PAYMENT_LINE), BACK)
    call.apply(Rested(at=at(20.2), rest=rest_of(steps[4]).rest))
    assert call.stage is Stage.SILENT


def test_what_began_by_key_does_not_end_with_the_line() -> None:
    key = PaymentBegan(at=at(4), way=PaymentWay.KEY)
    call, steps = uttlesford(key, began(5, PAYMENT_LINE), LINE_GONE, BACK)
    call.apply(Rested(at=at(20.2), rest=rest_of(steps[2]).rest))
    assert call.stage is Stage.SILENT
    call.apply(PaymentEnded(at=at(21), way=PaymentWay.KEY))
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize("way", [PaymentWay.KEY, PaymentWay.API, PaymentWay.EVENT])
@pytest.mark.parametrize("told_first", [True, False])
def test_no_told_end_is_an_end_while_the_line_is_on_the_telephone(
    way: PaymentWay, *, told_first: bool
) -> None:
    """On a second line the caller is only held: the agent is in the talk with him all the time."""
    told, line = PaymentBegan(at=at(6), way=way), began(5, PAYMENT_LINE)
    call, _ = uttlesford(*((told, line) if told_first else (line, told)), stopped(6.1))
    call.apply(PaymentEnded(at=at(21), way=way))
    assert call.stage is Stage.SILENT
    call.apply(PaymentEnded(at=at(22), way=PaymentWay.EVENT))
    assert call.stage is Stage.SILENT, "whatever else is told"
    due = rest_of(call.apply(ConsultedGone(at=at(30))))
    assert call.stage is Stage.SILENT
    call.apply(Rested(at=at(30.3), rest=due.rest))
    assert call.stage is Stage.RECORDED


def test_a_line_that_was_not_rung_is_not_on_the_telephone() -> None:
    """The guard has said no to the agent who asked: its subroutine tells the end."""
    asks = PaymentBegan(at=at(5), way=PaymentWay.TRANSFER, stops=True, consulting=True)
    call, _ = uttlesford(asks, stopped(5.1))
    call.apply(PaymentEnded(at=at(7), way=PaymentWay.TRANSFER))
    assert call.stage is Stage.RECORDED


def test_a_line_that_is_asked_for_during_a_payment_lasts_as_long_as_it_is_there() -> None:
    asks = PaymentBegan(at=at(5), way=PaymentWay.TRANSFER, stops=True, consulting=True)
    call, _ = uttlesford(PaymentBegan(at=at(4), way=PaymentWay.KEY), stopped(4.1), asks)
    call.apply(PaymentEnded(at=at(7), way=PaymentWay.KEY))
    assert call.stage is Stage.SILENT


def test_to_be_gone_means_nothing_without_a_payment() -> None:
    call, steps = uttlesford(began(5), LINE_GONE)
    assert steps[1] == []
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize("on_the_telephone", [True, False])
def test_another_bridge_knows_that_the_line_is_on_the_telephone(*, on_the_telephone: bool) -> None:
    facts = (began(5, PAYMENT_LINE),) if on_the_telephone else (transfer(5, PAYMENT_LINE),)
    call, _ = uttlesford(PaymentBegan(at=at(4), way=PaymentWay.KEY), stopped(4.1), *facts)
    found = noted.read(noted.write(state_of(call))).payment
    assert found is not None
    assert found.consulted is on_the_telephone
    assert set(found.ways) == {PaymentWay.KEY, PaymentWay.TRANSFER}
