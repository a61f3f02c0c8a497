"""With whom a recorded call is: somebody who has it, strangers, a payment line, or nobody."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from ami_bridge.call import standing as machine
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    BridgeEnds,
    Channel,
    Command,
    ConsultationBegan,
    Fact,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    NobodyListened,
    Parked,
    RecorderStarted,
    Rest,
    Rested,
    StartRecorder,
    StopRecorder,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import (
    Calls,
    Destination,
    DestinationKind,
    OnTransfer,
    Policy,
)
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, SpanKind
from tests.unit.ami_bridge.call.test_company import ADVISER, COLLEAGUE, HALF, OTHER, person
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    PAYMENT_LINE,
    POLICIES,
    answered,
    at,
    entered,
    handoff_of,
    only,
    play,
    started,
    stopped,
    transfer,
)

LINE = Talker("1.730", PAYMENT_LINE, stands_in=True)
NOWHERE = Place(DestinationKind.UNKNOWN, "700")
REIGATE = POLICIES["reigate-banstead"]  # recording ends with every transfer
# Recording goes on with colleagues, and with nobody else.
MIXED = msgspec.structs.replace(
    REIGATE,
    destination=(
        REIGATE.destination[0],
        Destination(name="colleagues", extensions=("232",), on_transfer=OnTransfer.CONTINUE),
        Destination(name="parking", extensions=("700",), on_transfer=OnTransfer.CONTINUE),
    ),
)


def talk(seconds: float, *talkers: Talker) -> TalkChanged:
    return TalkChanged(at=at(seconds), talkers=talkers)


def settled(call: Call, commands: list[Command], seconds: float) -> list[Command]:
    """Let the rest pass that a fact led to, the talk being as it is."""
    (rest,) = [each for each in commands if isinstance(each, Rest)]
    return call.apply(Rested(at=at(seconds), rest=rest.rest))


def taken(*facts: Fact, policy: Policy = REIGATE) -> tuple[Call, list[list[Command]]]:
    """A call that an adviser has taken from the queue, and what came then."""
    call, _ = play(
        entered(0),
        started(0.01),
        AgentAnswered(at=at(1), agent="PJSIP/231", talker=ADVISER),
        talk(1, ADVISER),
        policy=policy,
    )
    call.apply(Rested(at=at(1.03), rest=1))
    return call, [call.apply(fact) for fact in facts]


# strangers


def test_left_alone_with_a_stranger_recording_ends_with_that_moment() -> None:
    call, steps = taken(talk(5, ADVISER, COLLEAGUE), talk(9, COLLEAGUE))
    assert call.stage is Stage.RECORDED
    assert only(Rest, steps[1]) == [Rest(3, machine.EXPLAINED_WITHIN_S)]
    assert only(StopRecorder, settled(call, steps[1], 9.25))
    call.apply(stopped(9.26))
    (segment,) = handoff_of(call.apply(HungUp(at=at(20)))).segments
    assert (segment.ended_at, segment.ended_by) == (at(9), EndedBy.TRANSFER)
    assert segment.cut_s == pytest.approx(0.26)


@pytest.mark.parametrize(
    "end",
    [
        HungUp(at=at(9.1)),
        HungUp(at=at(9.1), seen=False),
        BridgeEnds(at=at(9.1)),
        Held(at=at(9.1)),
        Parked(at=at(9.1)),
        transfer(9.1, BACK_OFFICE),
    ],
)
def test_whatever_comes_before_that_is_clear_nothing_with_a_stranger_is_kept(end: Fact) -> None:
    call, _ = taken(talk(9, COLLEAGUE), end, stopped(9.11))
    if not isinstance(end, HungUp):
        handoff = handoff_of(call.apply(HungUp(at=at(9.2))))
    else:
        call, steps = taken(talk(9, COLLEAGUE), end)
        handoff = handoff_of(steps[-1])
    assert handoff.segments[0].ended_at == at(9)
    assert all(each.ended_at is not None and each.ended_at <= at(9) for each in handoff.segments)


def test_with_those_with_whom_recording_goes_on_nothing_is_lost_by_a_hang_up() -> None:
    _, steps = taken(talk(9, COLLEAGUE), HungUp(at=at(9.1)), policy=MIXED)
    (segment,) = handoff_of(steps[1]).segments
    assert (segment.ended_at, segment.cut_s) == (at(9.1), 0)


def test_what_is_not_recorded_begins_when_the_stranger_came() -> None:
    """Asterisk 22, run: the colleague is in the talk before the transfer is told."""
    attended = TransferCompleted(at=at(5.002), place=BACK_OFFICE, how="attended")
    call, _ = taken(talk(5, COLLEAGUE), attended, stopped(5.01))
    (span,) = handoff_of(call.apply(HungUp(at=at(9)))).spans
    assert span.started_at == at(5)


def test_an_agent_who_answers_somebody_who_talks_already_lets_nobody_else_in() -> None:
    call, _ = taken(AgentAnswered(at=at(5), agent="PJSIP/231"), talk(6, ADVISER, COLLEAGUE))
    settled(call, call.apply(talk(7, COLLEAGUE)), 7.25)
    assert call.stage is Stage.UNRECORDED


def test_a_stranger_who_is_gone_again_at_once_was_none() -> None:
    call, steps = taken(talk(9, COLLEAGUE), talk(9.1, ADVISER))
    settled(call, steps[0], 9.25)
    assert call.stage is Stage.RECORDED


def test_where_recording_goes_on_with_them_it_does_with_a_new_recorder() -> None:
    call, steps = taken(talk(9, COLLEAGUE), policy=MIXED)
    assert only(StopRecorder, settled(call, steps[0], 9.25))
    assert call.stage is Stage.RECORDED
    call.apply(stopped(9.26))
    segment = call.papers.segments[0]
    assert (segment.ended_at, segment.cut_s) == (at(9.26), 0), "all of it may be kept"
    assert call.apply(talk(12, COLLEAGUE, OTHER))
    assert call.stage is Stage.RECORDED, "the colleague has the call now"


def test_half_of_a_local_channel_on_the_way_to_whom_a_transfer_led_is_not_judged() -> None:
    call, _ = taken(transfer(5, COLLEAGUE.place), stopped(5.01), talk(5.02), policy=MIXED)
    half = person("233", "1.half", stands_in=True)
    for rest in [each for each in call.apply(talk(5.1, half)) if isinstance(each, Rest)]:
        call.apply(Rested(at=at(5.35), rest=rest.rest))
    assert call.stage is Stage.RECORDED, "nobody has answered yet"
    call.apply(talk(6, OTHER))
    assert not call.company.knows(OTHER)


def test_of_several_strangers_the_strictest_ruling_counts() -> None:
    call, steps = taken(talk(9, COLLEAGUE, OTHER), policy=MIXED)
    settled(call, steps[0], 9.25)
    assert call.stage is Stage.UNRECORDED


def test_who_was_a_stranger_when_recording_ended_is_one_when_it_goes_on() -> None:
    """Back in the queue, the next to be met must not find the door open."""
    call, steps = taken(talk(9, COLLEAGUE))
    settled(call, steps[0], 9.25)
    call.apply(entered(20))
    assert call.stage is Stage.RECORDED
    call.apply(AgentAnswered(at=at(22), agent="PJSIP/231", talker=ADVISER))
    call.apply(talk(22, ADVISER))
    settled(call, call.apply(talk(30, COLLEAGUE)), 30.25)
    assert call.stage is Stage.UNRECORDED


def test_an_agent_of_a_queue_that_is_not_recorded_is_a_stranger() -> None:
    revenues = Place(DestinationKind.QUEUE, "632", queue="revenues")
    call, _ = taken(
        transfer(5, revenues),
        talk(5),
        entered(5.001, "revenues"),
        AgentAnswered(at=at(8), agent="PJSIP/233", talker=OTHER),
        talk(8, OTHER),
        talk(20),
        entered(20),
        AgentAnswered(at=at(22), agent="PJSIP/231", talker=ADVISER),
        talk(22, ADVISER),
    )
    assert call.stage is Stage.RECORDED
    settled(call, call.apply(talk(30, OTHER)), 30.25)
    assert call.stage is Stage.UNRECORDED


def test_who_takes_the_part_of_an_agents_local_channel_is_the_agent() -> None:
    call, _ = play(entered(0), started(0.01), AgentAnswered(at=at(1), agent="231", talker=HALF))
    call.apply(talk(1, HALF))
    commands = call.apply(talk(1.003, person("231", "1.2", halves=(HALF.uniqueid,))))
    settled(call, commands, 1.033)
    assert call.stage is Stage.RECORDED
    assert call.recorder is Recorder.RUNNING, "nobody was heard before"


def test_a_consultation_that_began_among_strangers_has_no_length() -> None:
    """The adviser had left with them there: that is told a moment later."""
    leg = Channel("1.231", "PJSIP/231-00000002", "internal", "s")
    began = ConsultationBegan(at=at(9.1), leg=leg, place=BACK_OFFICE, telephone="PJSIP/231")
    call, steps = taken(talk(9, COLLEAGUE), began)
    settled(call, steps[0], 9.25)
    call.apply(stopped(9.26))
    for span in handoff_of(call.apply(HungUp(at=at(20)))).spans:
        assert span.ended_at >= span.started_at


def test_a_successor_that_finds_strangers_waits_no_more() -> None:
    call, _ = taken(talk(9, COLLEAGUE))
    assert only(StopRecorder, call.apply(Adopted(at=at(20))))
    assert call.stage is Stage.UNRECORDED


# payment


def test_a_payment_line_in_the_talk_is_silence_whoever_else_is_there() -> None:
    call, steps = taken(talk(5, ADVISER, LINE))
    assert only(StopRecorder, steps[0]) == [StopRecorder(1, "0x1")]
    assert call.stage is Stage.SILENT
    for fact in (talk(8, ADVISER), talk(9, COLLEAGUE), Held(at=at(10)), transfer(11, BACK_OFFICE)):
        assert not only(StartRecorder, call.apply(fact))
    call.apply(stopped(5.01))
    handoff = handoff_of(call.apply(HungUp(at=at(20))))
    assert [(span.kind, span.started_at, span.ended_at) for span in handoff.spans] == [
        (SpanKind.PAYMENT, at(5), at(20))
    ]


OVER_A_TRUNK = Talker(
    "1.740", Place(DestinationKind.OUTSIDE, "0800", number="0800"), ways=(PAYMENT_LINE,)
)


def test_so_is_one_that_is_reached_over_a_trunk() -> None:
    call, _ = taken(talk(5, ADVISER, OVER_A_TRUNK))
    assert call.stage is Stage.SILENT


def test_so_is_a_strangers_telephone_that_is_rung_as_one() -> None:
    call, _ = taken(talk(5, ADVISER, replace(OTHER, ways=(PAYMENT_LINE,))))
    assert call.stage is Stage.SILENT


def test_a_payment_line_is_not_let_in_by_being_expected() -> None:
    call, _ = play(entered(0), started(0.01))
    call.apply(talk(1, LINE))
    assert call.stage is Stage.SILENT


def test_nothing_that_was_unexplained_before_breaks_the_silence() -> None:
    call, steps = taken(LeftTalk(at=at(5)), talk(5.1, LINE))
    assert call.stage is Stage.SILENT
    settled(call, steps[0], 5.25)
    call.apply(AgentAnswered(at=at(6), agent="PJSIP/231", talker=ADVISER))
    assert call.stage is Stage.SILENT
    call.apply(answered(7))
    assert call.stage is Stage.SILENT


# voices


def test_a_new_voice_gets_a_new_recorder() -> None:
    call, steps = taken(talk(5), talk(6, person("231", "1.99")))
    assert steps[0] == []
    assert only(StopRecorder, settled(call, steps[1], 6.03))
    call.apply(stopped(6.04))
    (segment,) = call.papers.segments
    assert (segment.ended_by, segment.cut_s) == (EndedBy.ANOTHER_VOICE, 0)


def test_the_same_voice_does_not() -> None:
    call, steps = taken(talk(5), talk(6, ADVISER))
    assert steps == [[], []]
    assert call.recorder is Recorder.RUNNING


def test_one_more_voice_does_not_and_one_less_does() -> None:
    call, steps = taken(talk(5, ADVISER, COLLEAGUE))
    assert not only(StopRecorder, settled(call, steps[0], 5.03)), "a mix has no gaps"
    assert only(StopRecorder, settled(call, call.apply(talk(9, ADVISER)), 9.03))


def test_voices_that_come_and_go_within_the_moment_count_when_they_have_settled() -> None:
    call, steps = taken(talk(5, HALF), talk(5.001), talk(5.002, ADVISER))
    for commands in steps:
        for each in commands:
            if isinstance(each, Rest):
                assert not only(StopRecorder, call.apply(Rested(at=at(5.04), rest=each.rest)))


def test_the_first_voice_after_a_new_beginning_is_no_new_one() -> None:
    call, _ = taken(transfer(5, BACK_OFFICE), stopped(5.01), Rested(at=at(5.1), rest=2), entered(9))
    call.apply(RecorderStarted(at=at(9.01), segment=2, recorder_id="0x2"))
    call.apply(AgentAnswered(at=at(12), agent="PJSIP/231", talker=person("231", "1.99")))
    commands = call.apply(talk(12, person("231", "1.99")))
    assert not only(StopRecorder, settled(call, commands, 12.03)), "its first words are kept"


def test_a_recorder_that_somebody_else_has_stopped_is_not_begun_anew_by_a_voice() -> None:
    call, _ = taken(stopped(5))
    assert call.recorder is Recorder.REFUSED
    assert not only(StartRecorder, call.apply(Held(at=at(6))))
    commands = call.apply(talk(7, person("231", "1.99")))
    assert not only(StartRecorder, settled(call, commands, 7.03))
    assert only(StartRecorder, call.apply(entered(9))), "only by a new place"


# hold


def test_on_hold_the_recorder_is_renewed() -> None:
    call, steps = taken(Held(at=at(5)), stopped(5.01))
    assert only(StopRecorder, steps[0])
    (segment,) = call.papers.segments
    assert (segment.ended_by, segment.ended_at, segment.cut_s) == (EndedBy.HELD, at(5.01), 0)
    commands = call.apply(talk(9, ADVISER))
    assert commands == [], "it is the same voice"


@pytest.mark.parametrize("away", [transfer(4, BACK_OFFICE), transfer(4, PAYMENT_LINE)])
def test_what_is_not_recorded_is_not_begun_by_a_hold(away: Fact) -> None:
    _, steps = taken(away, stopped(4.01), Held(at=at(5)))
    assert steps[2] == []


def test_while_the_bridge_ends_a_hold_begins_nothing() -> None:
    _, steps = taken(
        BridgeEnds(at=at(5)), Held(at=at(5.1)), stopped(5.2), Rested(at=at(5.3), rest=2)
    )
    assert not [each for step in steps for each in only(StartRecorder, step)]


# the link was away


def test_while_the_adviser_is_there_still_nothing_was_lost_with_the_link() -> None:
    call, steps = taken(NobodyListened(at=at(5)))
    assert steps == [[]]
    assert call.recorder is Recorder.RUNNING


def test_while_nobody_had_been_there_yet_nothing_was_lost_with_it() -> None:
    call, _ = play(entered(0), started(0.01), NobodyListened(at=at(5)))
    assert call.recorder is Recorder.RUNNING


def test_alone_where_somebody_had_been_what_came_meanwhile_is_not_kept() -> None:
    """Who knows who was there: a payment line, perhaps."""
    call, steps = taken(talk(5), NobodyListened(at=at(6)), stopped(9))
    assert only(StopRecorder, steps[1])
    (segment,) = call.papers.segments
    assert (segment.ended_at, segment.ended_by) == (at(6), EndedBy.LINK_LOST)
    assert segment.cut_s == pytest.approx(3)
    assert call.stage is Stage.RECORDED, "and it goes on"


def test_who_was_expected_before_may_have_been_and_gone() -> None:
    call, _ = play(entered(0), started(0.01), NobodyListened(at=at(5)))
    settled(call, call.apply(talk(6, COLLEAGUE)), 6.25)
    assert call.stage is Stage.UNRECORDED


def test_an_agent_who_answers_afterwards_is_let_in_all_the_same() -> None:
    call, _ = play(entered(0), started(0.01), NobodyListened(at=at(5)))
    call.apply(AgentAnswered(at=at(6), agent="PJSIP/231", talker=ADVISER))
    settled(call, call.apply(talk(6, ADVISER)), 6.03)
    assert call.stage is Stage.RECORDED


# Redirect


def redirected(seconds: float, place: Place = BACK_OFFICE) -> TransferCompleted:
    return TransferCompleted(at=at(seconds), place=place, how="redirected")


def test_as_long_as_the_adviser_comes_along_a_redirect_changes_nothing() -> None:
    """Into a conference, for instance, whose extension no policy knows."""
    for place in (BACK_OFFICE, NOWHERE):
        call, steps = taken(redirected(5, place), JoinedTalk(at=at(5)), talk(5.001, ADVISER))
        assert only(StopRecorder, steps[2]), "it begins anew"
        settled(call, steps[0], 5.25)
        assert call.stage is Stage.RECORDED
        call.apply(stopped(5.01))
        assert call.papers.segments[0].cut_s == 0


def test_a_redirect_to_strangers_ends_recording_at_once() -> None:
    call, steps = taken(redirected(5), JoinedTalk(at=at(5)), talk(5.002, COLLEAGUE))
    assert only(StopRecorder, steps[2])
    call.apply(stopped(5.01))
    assert call.stage is Stage.UNRECORDED
    assert call.papers.segments[0].ended_at == at(5)


def test_a_redirect_to_nobody_ends_it_a_moment_later_and_nothing_of_that_is_kept() -> None:
    call, steps = taken(redirected(5))
    assert only(StopRecorder, settled(call, steps[0], 5.25))
    call.apply(stopped(5.26))
    (segment,) = call.papers.segments
    assert (segment.ended_at, segment.cut_s) == (at(5), pytest.approx(0.26))
    call.apply(talk(6, ADVISER))
    assert call.stage is Stage.UNRECORDED, "who comes later has fetched it without being asked"


def test_a_redirect_to_a_payment_line_is_silence_at_once() -> None:
    call, _ = taken(redirected(5, PAYMENT_LINE))
    assert call.stage is Stage.SILENT


def test_a_redirect_shuts_the_door() -> None:
    call, _ = play(entered(0), started(0.01), redirected(5))
    call.apply(talk(5.1, COLLEAGUE))
    assert call.stage is Stage.UNRECORDED, "an agent was expected, and nobody else"


def test_a_successor_waits_for_nobody_to_come_along() -> None:
    call, _ = taken(redirected(5))
    call.apply(Adopted(at=at(9)))
    assert call.stage is Stage.UNRECORDED


def test_a_call_that_hangs_up_before_it_is_clear_who_came_keeps_nothing_of_it() -> None:
    _, steps = taken(redirected(5), HungUp(at=at(5.2)))
    (segment,) = handoff_of(steps[1]).segments
    assert (segment.ended_at, segment.cut_s) == (at(5), pytest.approx(0.2))


# parking


def test_parked_recording_waits_and_goes_on_with_who_had_the_call() -> None:
    call, steps = taken(Parked(at=at(5)), stopped(5.01), talk(9, person("231", "1.99")))
    assert only(StopRecorder, steps[0])
    assert only(Rest, steps[1]) == [Rest(2, 0.08)]
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, call.apply(Rested(at=at(9.01), rest=2)))
    commands = call.apply(talk(10, person("231", "1.99"), COLLEAGUE))
    assert not only(StopRecorder, settled(call, commands, 10.03))
    call.apply(started(10.1, segment=2))
    handoff = handoff_of(call.apply(HungUp(at=at(20))))
    assert [(span.kind, span.started_at, span.ended_at) for span in handoff.spans] == [
        (SpanKind.NOT_RECORDED, at(5), at(9))
    ]


def test_who_fetched_it_has_shut_the_door() -> None:
    call, _ = taken(Parked(at=at(5)), stopped(5.01), talk(9, ADVISER), talk(11))
    settled(call, call.apply(talk(12, COLLEAGUE)), 12.25)
    assert call.stage is Stage.UNRECORDED


def test_fetched_by_somebody_else_it_is_a_transfer_to_them() -> None:
    call, _ = taken(Parked(at=at(5)), stopped(5.01), talk(9, COLLEAGUE))
    assert call.stage is Stage.UNRECORDED
    call, _ = taken(Parked(at=at(5)), stopped(5.01), talk(9, COLLEAGUE), policy=MIXED)
    assert call.stage is Stage.RECORDED
    settled(call, call.apply(talk(12, OTHER)), 12.25)
    assert call.stage is Stage.UNRECORDED, "only who fetched it has it"


def test_fetched_into_a_talk_with_a_payment_line_it_is_silent() -> None:
    call, _ = taken(Parked(at=at(5)), stopped(5.01), talk(9, ADVISER, LINE))
    assert call.stage is Stage.SILENT


def test_whoever_was_expected_before_is_not_after_it_was_parked() -> None:
    """A transfer to the parking lot, which the policy lets go on, is told before the parking."""
    parking = Place(DestinationKind.EXTENSION, "700")
    call, _ = taken(transfer(5, parking), Parked(at=at(5.001)), stopped(5.01), policy=MIXED)
    call.apply(talk(9, OTHER))
    assert call.stage is Stage.UNRECORDED


@pytest.mark.parametrize(("seconds", "goes_on"), [(5.001, True), (5.9, True), (6.1, False)])
def test_a_transfer_to_nowhere_may_turn_out_to_have_been_parking(
    seconds: float, goes_on: bool
) -> None:
    call, _ = taken(transfer(5, NOWHERE), stopped(5.01), Parked(at=at(seconds)))
    call.apply(talk(9, ADVISER))
    assert (call.stage is Stage.RECORDED) is goes_on


def test_a_transfer_that_ended_recording_is_not_undone_by_parking() -> None:
    call, _ = taken(transfer(5, BACK_OFFICE), stopped(5.01), Parked(at=at(5.1)), talk(9, ADVISER))
    assert call.stage is Stage.UNRECORDED


def test_what_seemed_to_have_vanished_was_being_parked() -> None:
    call, steps = taken(LeftTalk(at=at(5)))
    settled(call, steps[0], 5.25)
    call.apply(stopped(5.26))
    call.apply(Parked(at=at(5.5)))
    assert call.stage is Stage.PARKED
    call.apply(talk(9, ADVISER))
    assert call.stage is Stage.RECORDED


def test_while_it_is_parked_the_dialplan_may_take_it_where_it_likes() -> None:
    """Its time is out, and the parker is rung from an extension of the PBX's own."""
    call, _ = taken(
        Parked(at=at(5)),
        stopped(5.01),
        redirected(9, Place(DestinationKind.UNKNOWN, "PJSIP_231")),
        talk(9, ADVISER),
    )
    assert call.stage is Stage.RECORDED


def test_the_moment_of_leaving_is_the_moment_of_parking() -> None:
    call, _ = taken(LeftTalk(at=at(5)), Parked(at=at(5.02)), stopped(5.03))
    assert call.papers.segments[0].ended_at == at(5)


# the adviser is called back


def test_a_transfer_that_nobody_answered_was_none() -> None:
    """Hung up while it rings, it is completed; refused, Asterisk rings the adviser again."""
    half = person("232", "1.half", stands_in=True)
    attended = TransferCompleted(at=at(5), place=BACK_OFFICE, how="attended")
    call, _ = taken(talk(4.9, half), attended, stopped(5.01), talk(7), Rested(at=at(7), rest=4))
    assert call.stage is Stage.UNRECORDED
    call.apply(talk(8, person("231", "1.99")))
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize(
    "meanwhile", [talk(6, COLLEAGUE), talk(6, person("232", "1.5", halves=("1.half",)))]
)
def test_a_transfer_that_somebody_answered_was_one(meanwhile: Fact) -> None:
    half = person("232", "1.half", stands_in=True)
    attended = TransferCompleted(at=at(5), place=BACK_OFFICE, how="attended")
    call, _ = taken(talk(4.9, half), attended, stopped(5.01), meanwhile, talk(8, ADVISER))
    assert call.stage is Stage.UNRECORDED


def test_a_colleague_who_was_there_when_it_was_told_has_taken_it_over() -> None:
    attended = TransferCompleted(at=at(5), place=BACK_OFFICE, how="attended")
    call, _ = taken(talk(4.999, COLLEAGUE), attended, stopped(5.01), talk(8, ADVISER))
    assert call.stage is Stage.UNRECORDED


def test_after_a_blind_transfer_nobody_is_called_back() -> None:
    call, _ = taken(talk(4.9), transfer(5, BACK_OFFICE), stopped(5.01), talk(8, ADVISER))
    assert call.stage is Stage.UNRECORDED


# calls that come through no queue


DIRECT = msgspec.structs.replace(REIGATE, calls=Calls(direct_dial=True))


def rung(seconds: float) -> Answered:
    fact = answered(seconds)
    return Answered(at=fact.at, arrival=fact.arrival, number="07900123003", agent="PJSIP/233")


def test_whom_the_dialplan_rings_next_has_the_call_too() -> None:
    call, _ = play(answered(0), started(0.01), policy=DIRECT)
    for fact in (talk(0.02, ADVISER), Rested(at=at(0.05), rest=1), LeftTalk(at=at(5)), talk(5)):
        call.apply(fact)
    for fact in (rung(5.01), JoinedTalk(at=at(5.02))):
        call.apply(fact)
    commands = call.apply(talk(5.02, OTHER))
    assert only(StopRecorder, settled(call, commands, 5.05)), "another voice"
    assert call.stage is Stage.RECORDED
    handoff = handoff_of(call.apply(HungUp(at=at(9))))
    assert handoff.party.agents == ("PJSIP/211", "PJSIP/233")
    assert handoff.call.answered_at == at(0), "the first answer counts"


def test_while_that_one_rings_nothing_is_recorded_and_then_it_goes_on() -> None:
    call, _ = play(answered(0), started(0.01), policy=DIRECT)
    for fact in (talk(0.02, ADVISER), Rested(at=at(0.05), rest=1)):
        call.apply(fact)
    settled(call, call.apply(LeftTalk(at=at(5))), 5.25)
    assert call.stage is Stage.UNRECORDED
    call.apply(talk(5))
    call.apply(stopped(5.26))
    call.apply(rung(9))
    call.apply(talk(9, OTHER))
    assert call.stage is Stage.RECORDED
