from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ami_bridge.call import papers
from ami_bridge.call import recorder as machine
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    Arrived,
    BridgeEnds,
    Command,
    Fact,
    HandOff,
    HungUp,
    LinkReturned,
    NoteState,
    QueueEntered,
    RaiseAlarm,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
    TransferFailed,
)
from hushtape.policy import decide, parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Destination, DestinationKind, Payment, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import (
    HANDOFF_LIMIT_BYTES,
    Direction,
    EndedBy,
    Handoff,
    SpanKind,
    StopSeen,
)
from tests.samples import REASON

EXAMPLES = Path(__file__).parents[4] / "examples" / "policies"
POLICIES = {policy.name: policy for policy in parse.load_folder(EXAMPLES)}
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
ID = "20261121-130500-abcdefgh"

BACK_OFFICE = Place(DestinationKind.EXTENSION, "232")
PAYMENT_LINE = Place(DestinationKind.EXTENSION, "730")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def entered(seconds: float, queue: str = "help-line") -> QueueEntered:
    moment = at(seconds)
    arrival = Arrival(at=moment, direction=Direction.INBOUND, dialled="01737276000", queue=queue)
    return QueueEntered(at=moment, arrival=arrival, number="07900123003", name="A Caller")


def started(seconds: float, segment: int = 1) -> RecorderStarted:
    return RecorderStarted(at=at(seconds), segment=segment, recorder_id=f"0x{segment}")


def stopped(seconds: float, segment: int = 1) -> RecorderStopped:
    return RecorderStopped(at=at(seconds), segment=segment)


def rested(seconds: float, rest: int = 1) -> Rested:
    return Rested(at=at(seconds), rest=rest)


def transfer(seconds: float, place: Place) -> TransferCompleted:
    return TransferCompleted(at=at(seconds), place=place)


def answered(seconds: float, direction: Direction = Direction.OUTBOUND) -> Answered:
    """A call that came through no queue; an outbound one was made by an adviser of Surrey's."""
    moment = at(seconds)
    arrival = Arrival(at=moment, direction=direction, dialled="02079460010", extension="211")
    return Answered(at=moment, arrival=arrival, number="02079460010", agent="PJSIP/211")


def play(
    *facts: Fact, council: str = "reigate-banstead", policy: Policy | None = None
) -> tuple[Call, list[list[Command]]]:
    """Begin a call with the first fact and apply the rest; return what each led to."""
    first = facts[0]
    assert isinstance(first, Arrived)
    policy = decide.beside(policy or POLICIES[council], ())
    reason = decide.choose([policy], first.arrival).reason
    call = Call(id=ID, pbx="pbx1", pbx_call="pbx1-1.1", policy=policy, began=first, reason=reason)
    return call, [bare(call.begin()), *(bare(call.apply(fact)) for fact in facts[1:])]


def bare(commands: list[Command]) -> list[Command]:
    """Leave out what is noted on the channel: test_noted.py looks at that."""
    return [each for each in commands if not isinstance(each, NoteState)]


def handoff_of(commands: list[Command]) -> Handoff:
    (handoff,) = [each.handoff for each in commands if isinstance(each, HandOff)]
    return handoff


def only(kind: type[Command], commands: list[Command]) -> list[Command]:
    return [each for each in commands if isinstance(each, kind)]


# calls


def test_a_queue_call_is_recorded_from_entry_to_hang_up() -> None:
    call, steps = play(
        entered(0), started(0.01), AgentAnswered(at=at(4), agent="PJSIP/231"), HungUp(at=at(9))
    )
    assert steps[0] == [StartRecorder(1, f"{ID}.1.outside.wav", f"{ID}.1.inside.wav")]
    assert steps[1] == steps[2] == []
    handoff = handoff_of(steps[3])
    (segment,) = handoff.segments
    assert (segment.started_at, segment.ended_at) == (at(0.01), at(9))
    assert (segment.ended_by, segment.stop, segment.cut_s) == (
        EndedBy.HANG_UP,
        StopSeen.HANG_UP,
        0.0,
    )
    assert handoff.spans == ()
    assert handoff.call.answered_at == at(4)
    assert handoff.call.queues == ("help-line",)
    assert handoff.party.agents == ("PJSIP/231",)
    assert handoff.keep.until == START + timedelta(days=14)
    assert call.stage is Stage.OVER


def test_what_is_so_is_noted_after_a_stop_and_before_a_start() -> None:
    """So that whoever reads the note knows of every recorder that there may be."""
    call, _ = play(entered(0), started(0.01))
    first = entered(0)
    reason = decide.choose([POLICIES["reigate-banstead"]], first.arrival).reason
    fresh = Call(ID, "pbx1", "1.1", POLICIES["reigate-banstead"], first, reason)
    assert [type(each) for each in fresh.begin()] == [NoteState, StartRecorder]
    told = call.apply(transfer(5, PAYMENT_LINE))
    assert [type(each) for each in told] == [StopRecorder, NoteState]
    assert isinstance(told[1], NoteState)
    assert ";silent;" in told[1].text
    assert call.apply(TransferFailed(at=at(6))) == [], "what is as it was isn't noted again"


def test_file_names_hold_nothing_of_the_caller() -> None:
    _, steps = play(entered(0))
    (start,) = only(StartRecorder, steps[0])
    assert isinstance(start, StartRecorder)
    for name in (start.outside_file, start.inside_file):
        assert "07900123003" not in name
        assert "Caller" not in name


def test_a_transfer_that_the_policy_stops_cuts_what_came_after_it() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        stopped(5.012),
        HungUp(at=at(9)),
    )
    assert only(StopRecorder, steps[2]) == [StopRecorder(1, "0x1")]
    handoff = handoff_of(steps[4])
    (segment,) = handoff.segments
    assert segment.stop is StopSeen.CONFIRMED
    assert segment.ended_by is EndedBy.TRANSFER
    assert segment.ended_at == at(5)
    assert segment.cut_s == pytest.approx(0.012)
    (span,) = handoff.spans
    assert (span.kind, span.started_at, span.ended_at) == (SpanKind.NOT_RECORDED, at(5), at(9))
    assert span.reason.rule == "destination: a direct extension"


def test_a_transfer_to_the_payment_line_is_a_payment_span() -> None:
    _, steps = play(
        entered(0), started(0.01), transfer(5, PAYMENT_LINE), stopped(5.01), HungUp(at=at(9))
    )
    handoff = handoff_of(steps[4])
    assert [span.kind for span in handoff.spans] == [SpanKind.PAYMENT]
    assert handoff.segments[0].ended_by is EndedBy.PAYMENT


def test_a_transfer_that_the_policy_lets_go_on_is_recorded_by_a_fresh_recorder() -> None:
    colleague = Place(DestinationKind.EXTENSION, "212")
    _call, steps = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        transfer(5, colleague),
        stopped(5.002),
        rested(5.08),
        started(5.09, segment=2),
        HungUp(at=at(9)),
        council="surrey",
    )
    assert steps[2] == [StopRecorder(1, "0x1")]
    assert steps[3] == [Rest(1, machine.REST_S)]
    assert steps[4] == [StartRecorder(2, f"{ID}.2.outside.wav", f"{ID}.2.inside.wav")]
    handoff = handoff_of(steps[6])
    assert [(s.ended_by, s.cut_s) for s in handoff.segments] == [
        (EndedBy.TRANSFER, 0.0),
        (EndedBy.HANG_UP, 0.0),
    ], "nothing is cut: all of it may be kept"
    assert handoff.spans == ()


def test_a_call_that_is_sent_away_while_its_recorder_is_renewed_stops_all_the_same() -> None:
    colleague = Place(DestinationKind.EXTENSION, "212")
    away = Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")
    _call, steps = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        transfer(5, colleague),
        transfer(5.001, away),
        stopped(5.004),
        rested(5.08),
        HungUp(at=at(9)),
        council="surrey",
    )
    assert not only(StartRecorder, [*steps[4], *steps[5]])
    (segment,) = handoff_of(steps[6]).segments
    assert segment.cut_s == pytest.approx(0.003)


def test_recording_goes_on_into_the_queue_to_which_a_transfer_led() -> None:
    queue = Place(DestinationKind.QUEUE, "612", queue="surrey-adult-care")
    _, steps = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        transfer(5, queue),
        entered(5.001, "surrey-adult-care"),
        stopped(5.002),
        rested(5.08),
        started(5.09, segment=2),
        HungUp(at=at(9)),
        council="surrey",
    )
    assert steps[3] == [], "the transfer has renewed the recorder already"
    assert [s.number for s in handoff_of(steps[7]).segments] == [1, 2]


def test_a_dialplan_that_takes_the_call_to_another_recorded_queue_renews_the_recorder() -> None:
    _, steps = play(entered(0), started(0.01), entered(5), stopped(5.002), rested(5.08))
    assert steps[2] == [StopRecorder(1, "0x1")]
    assert only(StartRecorder, steps[4])


def test_a_call_that_leaves_while_the_channel_rests_gets_no_recorder() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        stopped(5.002),
        transfer(5.01, PAYMENT_LINE),
        rested(5.08),
    )
    assert not only(StartRecorder, [*steps[4], *steps[5]])
    assert call.recorder is Recorder.NONE


def test_a_rest_that_is_over_late_starts_nothing() -> None:
    call, steps = play(entered(0), started(0.01), rested(1), rested(1, rest=7))
    assert steps[2] == steps[3] == []
    assert call.recorder is Recorder.RUNNING


def test_the_queue_may_be_entered_before_the_transfer_is_told() -> None:
    queue = Place(DestinationKind.QUEUE, "612", queue="surrey-adult-care")
    call, steps = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        entered(5, "surrey-adult-care"),
        transfer(5.0005, queue),
        stopped(5.002),
        rested(5.08),
        council="surrey",
    )
    assert only(StartRecorder, steps[5])
    assert call.stage is Stage.RECORDED


def test_a_transfer_told_late_to_another_place_brings_no_recording_back() -> None:
    other = Place(DestinationKind.EXTENSION, "212")
    call, _ = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        entered(5, "surrey-adult-care"),
        transfer(5.0005, other),
        council="surrey",
    )
    assert call.stage is Stage.UNRECORDED


def test_a_dialplan_that_takes_the_call_to_an_unnamed_queue_ends_the_recording() -> None:
    _, steps = play(entered(0), started(0.01), entered(5, "revenues"))
    assert only(StopRecorder, steps[2]) == [StopRecorder(1, "0x1")]


def test_back_in_a_recorded_queue_a_new_segment_begins() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        stopped(5.01),
        rested(5.09),
        entered(8),
        started(8.01, segment=2),
        HungUp(at=at(12)),
    )
    assert only(StartRecorder, steps[5]) == [
        StartRecorder(2, f"{ID}.2.outside.wav", f"{ID}.2.inside.wav")
    ]
    handoff = handoff_of(steps[7])
    assert [segment.number for segment in handoff.segments] == [1, 2]
    assert [(span.started_at, span.ended_at) for span in handoff.spans] == [(at(5), at(8))]


def test_back_before_the_stop_is_confirmed_waits_for_it_and_begins_anew() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        entered(5.005),
        stopped(5.01),
        rested(5.09),
    )
    assert not only(StartRecorder, [*steps[3], *steps[4]])
    assert only(StartRecorder, steps[5])
    assert call.recorder is Recorder.STARTING


def test_a_transfer_before_the_start_is_answered_stops_once_it_is() -> None:
    _, steps = play(
        entered(0), transfer(0.5, BACK_OFFICE), started(0.6), stopped(0.61), HungUp(at=at(3))
    )
    assert not only(StopRecorder, steps[1])
    assert only(StopRecorder, steps[2]) == [StopRecorder(1, "0x1")]
    (segment,) = handoff_of(steps[4]).segments
    assert segment.cut_s == pytest.approx(0.11)


@pytest.mark.parametrize(
    "answer", [started(0.7), RecorderUncertain(at=at(5), segment=1), Adopted(at=at(9))]
)
def test_a_hang_up_before_the_start_is_answered_waits_for_the_answer(answer: Fact) -> None:
    call, steps = play(entered(0), HungUp(at=at(0.5)))
    assert (call.stage, call.done, steps[1]) == (Stage.OVER, False, [])
    handoff = handoff_of(call.apply(answer))
    (segment,) = handoff.segments
    assert (segment.stop, segment.ended_by) == (StopSeen.HANG_UP, EndedBy.HANG_UP)
    assert segment.started_at <= at(0.5)
    assert (segment.ended_at, segment.cut_s) == (at(0.5), 0.0), "whenever the answer came"
    assert call.done


def test_a_recorder_that_was_refused_since_the_channel_was_gone_is_nobodys_fault() -> None:
    call, steps = play(entered(0), HungUp(at=at(0.5)), RecorderRefused(at=at(0.6), segment=1))
    assert steps[1:] == [[], []], "no alarm, and no file is expected"
    assert call.done


def test_a_start_that_is_answered_after_the_end_takes_no_time() -> None:
    """The answer is dated when it came, and the hang-up when it was."""
    _, steps = play(entered(0), started(0.3), HungUp(at=at(0.2)))
    (segment,) = handoff_of(steps[2]).segments
    assert (segment.started_at, segment.ended_at) == (at(0.2), at(0.2))


def test_one_that_was_overtaken_and_then_gone_ends_where_it_was_overtaken() -> None:
    call, _ = play(entered(0), transfer(0.1, BACK_OFFICE), HungUp(at=at(0.5)))
    (segment,) = handoff_of(call.apply(started(0.7))).segments
    assert (segment.ended_by, segment.ended_at) == (EndedBy.TRANSFER, at(0.1))
    assert segment.cut_s == pytest.approx(0.4)


def test_a_refused_start_is_told_and_leaves_no_segment() -> None:
    call, steps = play(entered(0), RecorderRefused(at=at(0.01), segment=1), HungUp(at=at(5)))
    assert only(RaiseAlarm, steps[1])
    assert not only(HandOff, steps[2])
    assert call.stage is Stage.OVER


def test_an_uncertain_start_is_told_and_stopped_with_everything_on_the_channel() -> None:
    _, steps = play(entered(0), RecorderUncertain(at=at(5), segment=1), transfer(6, BACK_OFFICE))
    assert only(RaiseAlarm, steps[1])
    assert only(StopEveryRecorder, steps[2]) == [StopEveryRecorder(1)]


def test_an_uncertain_recorder_is_made_certain_when_the_link_is_back() -> None:
    _, steps = play(
        entered(0),
        RecorderUncertain(at=at(5), segment=1),
        LinkReturned(at=at(9)),
        stopped(9.01),
        rested(9.09),
    )
    assert steps[2] == [StopEveryRecorder(1)]
    assert only(StartRecorder, steps[4])


def test_an_unconfirmed_stop_is_widened_and_then_told() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        HungUp(at=at(20)),
    )
    assert only(StopEveryRecorder, steps[3]) == [StopEveryRecorder(1)]
    assert only(RaiseAlarm, steps[4])
    (segment,) = handoff_of(steps[5]).segments
    assert segment.cut_s == pytest.approx(15.0), "all that came after the cause goes"
    assert call.recorder is Recorder.GONE


def test_a_stuck_recorder_is_stopped_when_the_link_is_back() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        LinkReturned(at=at(15)),
        stopped(15.01),
        HungUp(at=at(20)),
    )
    assert only(StopEveryRecorder, steps[5]) == [StopEveryRecorder(1)]
    (segment,) = handoff_of(steps[7]).segments
    assert segment.cut_s == pytest.approx(10.01)
    assert call.stage is Stage.OVER


def test_a_stuck_recorder_is_tried_again_and_again_and_told_once() -> None:
    facts: list[Fact] = [
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        rested(14, rest=1),
        StopUnconfirmed(at=at(16), segment=1),
        rested(21, rest=2),
        stopped(21.01),
    ]
    call, steps = play(*facts)
    assert only(Rest, steps[4]) == [Rest(1, machine.STUCK_REST_S)]
    assert steps[5] == [StopEveryRecorder(1)]
    assert steps[6] == [Rest(2, machine.STUCK_REST_S)], "no second alarm"
    assert call.recorder is Recorder.RESTING


def test_a_payment_stops_a_stuck_recorder_at_once() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        transfer(10, PAYMENT_LINE),
    )
    assert only(StopEveryRecorder, steps[5]) == [StopEveryRecorder(1)]


def test_a_stuck_recorder_is_given_up_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MOST_STUCK_TRIES", 1)
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        rested(14, rest=1),
        StopUnconfirmed(at=at(16), segment=1),
    )
    assert steps[6] == []


def test_somebody_elses_stop_is_respected_until_the_next_place() -> None:
    call, steps = play(entered(0), started(0.01), stopped(3), entered(8))
    assert only(RaiseAlarm, steps[2])
    assert not only(StartRecorder, steps[2])
    assert only(StartRecorder, steps[3])
    assert call.recorder is Recorder.STARTING


def test_a_payment_queue_is_silent_however_the_call_comes_to_it() -> None:
    base = POLICIES["reigate-banstead"]
    till = Destination(name="the till", queues=("till",))
    policy = msgspec.structs.replace(
        base, destination=(*base.destination, till), payment=Payment(lines=("the till",))
    )
    call = Call(id=ID, pbx="pbx1", pbx_call="1.1", policy=policy, began=entered(0), reason=REASON)
    call.begin()
    call.apply(started(0.01))
    commands = call.apply(entered(5, "till"))
    assert only(StopRecorder, commands)
    assert call.stage is Stage.SILENT


def test_an_old_transfer_lets_no_later_entry_pass() -> None:
    queue = Place(DestinationKind.QUEUE, "612", queue="surrey-adult-care")
    call, _ = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        transfer(5, queue),
        entered(5.001, "surrey-adult-care"),
        entered(50, "surrey-contact-centre"),
        entered(90, "surrey-adult-care"),
        council="surrey",
    )
    assert call.stage is Stage.UNRECORDED


def test_an_old_entry_lets_no_later_transfer_bring_recording_back() -> None:
    queue = Place(DestinationKind.QUEUE, "612", queue="surrey-adult-care")
    call, _ = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        entered(5, "surrey-adult-care"),
        AgentAnswered(at=at(9), agent="213"),
        transfer(600, queue),
        council="surrey",
    )
    assert call.stage is Stage.UNRECORDED


def test_a_bridge_that_ends_stops_and_leaves_the_call_to_its_successor() -> None:
    call, steps = play(entered(0), started(0.01), BridgeEnds(at=at(5)), stopped(5.01))
    assert only(StopRecorder, steps[2])
    assert not [c for step in steps for c in step if isinstance(c, HandOff)]
    assert call.stage is Stage.RECORDED
    assert not call.writing


def test_a_call_that_ends_while_the_bridge_ends_is_handed_off_once() -> None:
    _, steps = play(
        entered(0), started(0.01), BridgeEnds(at=at(5)), HungUp(at=at(5.005)), stopped(5.01)
    )
    assert len([c for step in steps for c in step if isinstance(c, HandOff)]) == 1


def test_an_endless_call_stays_small() -> None:
    facts: list[Fact] = [entered(0), started(0.01)]
    for round_ in range(1, 1200):
        facts += [transfer(round_, BACK_OFFICE), entered(round_ + 0.5)]
    facts.append(HungUp(at=at(5000)))
    _, steps = play(*facts)
    size = len(msgspec.json.encode(handoff_of(steps[-1])))
    assert size < HANDOFF_LIMIT_BYTES


def test_no_new_recorder_beside_a_stuck_one() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        entered(12),
    )
    assert not only(StartRecorder, steps[5])


def test_a_failed_transfer_leaves_the_recording_as_it_was() -> None:
    call, steps = play(entered(0), started(0.01), TransferFailed(at=at(5)))
    assert steps[2] == []
    assert call.recorder is Recorder.RUNNING


def test_silence_outlasts_a_transfer_out_of_the_payment_line() -> None:
    call, _ = play(
        entered(0),
        started(0.01),
        transfer(5, PAYMENT_LINE),
        stopped(5.01),
        transfer(8, BACK_OFFICE),
    )
    assert call.stage is Stage.SILENT


def test_late_answers_about_a_closed_segment_are_passed_over() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        stopped(5.01),
        started(5.02),
        stopped(5.03),
        StopUnconfirmed(at=at(5.04), segment=1),
    )
    assert steps[4] == steps[5] == steps[6] == []
    assert call.recorder is Recorder.RESTING


def test_nothing_is_done_after_the_end() -> None:
    _, steps = play(entered(0), started(0.01), HungUp(at=at(5)), HungUp(at=at(6)), entered(7))
    assert steps[3] == steps[4] == []


def test_a_hang_up_that_nobody_saw_says_so() -> None:
    _, steps = play(entered(0), started(0.01), HungUp(at=at(5), seen=False))
    (segment,) = handoff_of(steps[2]).segments
    assert segment.ended_by is EndedBy.LINK_LOST


def test_a_call_that_goes_round_for_ever_is_told_and_stays_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(papers, "MOST_SEGMENTS", 2)
    facts: list[Fact] = [entered(0), started(0.1)]
    for number in (1, 2, 3):
        facts += [
            transfer(number * 10, BACK_OFFICE),
            stopped(number * 10 + 0.01, number),
            rested(number * 10 + 0.09, number),
            entered(number * 10 + 5),
            started(number * 10 + 5.1, number + 1),
        ]
    _, steps = play(*facts)
    commands = [command for step in steps for command in step]
    assert len(only(StartRecorder, commands)) == 2
    assert only(RaiseAlarm, commands)


def test_the_story_names_nobody() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        AgentAnswered(at=at(1), agent="Alice Agent"),
        transfer(5, PAYMENT_LINE),
        stopped(5.01),
        HungUp(at=at(9)),
    )
    told = repr(handoff_of(steps[5]).story)
    for personal in ("Alice", "Caller", "07900123003"):
        assert personal not in told


# what is easily lost

COLLEAGUE = Place(DestinationKind.EXTENSION, "212")
ADULT_CARE = Place(DestinationKind.QUEUE, "612", queue="surrey-adult-care")


def test_back_before_a_start_in_vain_is_refused_is_a_new_try() -> None:
    call, steps = play(
        entered(0),
        transfer(0.1, BACK_OFFICE),
        entered(0.2),
        RecorderRefused(at=at(0.3), segment=1),
    )
    assert steps[3] == [StartRecorder(2, f"{ID}.2.outside.wav", f"{ID}.2.inside.wav")]
    assert call.recorder is Recorder.STARTING


def test_a_refused_start_in_vain_bothers_nobody() -> None:
    call, steps = play(
        entered(0), transfer(0.1, BACK_OFFICE), RecorderRefused(at=at(0.3), segment=1)
    )
    assert steps[2] == []
    assert call.recorder is Recorder.NONE


def test_a_start_in_vain_that_nobody_answers_is_stopped_all_the_same() -> None:
    call, steps = play(
        entered(0), transfer(0.1, PAYMENT_LINE), RecorderUncertain(at=at(5), segment=1)
    )
    assert steps[2] == [StopEveryRecorder(1)]
    assert call.recorder is Recorder.STOPPING_ALL


@pytest.mark.parametrize("between", [[], [transfer(3, BACK_OFFICE)], [transfer(3, PAYMENT_LINE)]])
def test_after_a_refusal_the_next_entry_is_a_new_try(between: list[Fact]) -> None:
    call, steps = play(entered(0), RecorderRefused(at=at(1), segment=1), *between, entered(8))
    assert only(StartRecorder, steps[-1]) == [
        StartRecorder(2, f"{ID}.2.outside.wav", f"{ID}.2.inside.wav")
    ]
    assert call.recorder is Recorder.STARTING


def test_a_stuck_recorder_that_is_seen_to_be_gone_after_all_is_one_no_more() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        stopped(11),
        HungUp(at=at(20)),
    )
    assert only(Rest, steps[5])
    (segment,) = handoff_of(steps[6]).segments
    assert (segment.stop, segment.ended_at) == (StopSeen.CONFIRMED, at(5))
    assert segment.cut_s == pytest.approx(6), "and what comes after it is no part of the file"
    assert call.stage is Stage.OVER


def test_of_two_causes_the_first_counts() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        transfer(6, PAYMENT_LINE),
        stopped(6.5),
        HungUp(at=at(9)),
    )
    handoff = handoff_of(steps[5])
    (segment,) = handoff.segments
    assert (segment.ended_at, segment.ended_by) == (at(5), EndedBy.TRANSFER)
    assert segment.cut_s == pytest.approx(1.5)
    assert [span.kind for span in handoff.spans] == [SpanKind.NOT_RECORDED, SpanKind.PAYMENT]


def test_what_ended_a_segment_is_not_changed_by_what_renews_the_next() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        transfer(5, BACK_OFFICE),
        entered(5.2),
        entered(5.4),
        stopped(5.5),
        HungUp(at=at(9)),
    )
    (segment,) = handoff_of(steps[6]).segments
    assert (segment.ended_by, segment.ended_at) == (EndedBy.TRANSFER, at(5))
    assert segment.cut_s == pytest.approx(0.5)


def test_a_cause_that_comes_while_a_recorder_is_renewed_is_the_cause() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        transfer(5.2, PAYMENT_LINE),
        stopped(5.5),
        HungUp(at=at(9)),
    )
    (segment,) = handoff_of(steps[5]).segments
    assert (segment.ended_by, segment.ended_at) == (EndedBy.PAYMENT, at(5.2))
    assert segment.cut_s == pytest.approx(0.3)


def test_a_second_transfer_takes_back_what_the_first_allowed() -> None:
    call, _ = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        transfer(5, ADULT_CARE),
        transfer(6, COLLEAGUE),
        entered(7, "surrey-adult-care"),
        council="surrey",
    )
    assert call.stage is Stage.UNRECORDED


def test_the_first_answer_counts_and_each_agent_once() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        *(AgentAnswered(at=at(s), agent=a) for s, a in ((3, "231"), (7, "232"), (9, "231"))),
        HungUp(at=at(20)),
    )
    handoff = handoff_of(steps[-1])
    assert handoff.call.answered_at == at(3)
    assert handoff.party.agents == ("231", "232")


@pytest.mark.parametrize("answer", [started(4), RecorderUncertain(at=at(4), segment=1)])
def test_a_segment_begins_when_its_start_was_answered(answer: Fact) -> None:
    _, steps = play(entered(0), answer, HungUp(at=at(9)))
    (segment,) = handoff_of(steps[2]).segments
    assert segment.started_at == at(4)


def test_a_file_that_ended_before_the_cause_is_not_cut() -> None:
    _, steps = play(
        entered(0), started(0.01), transfer(5, BACK_OFFICE), stopped(4.9), HungUp(at=at(9))
    )
    (segment,) = handoff_of(steps[4]).segments
    assert segment.cut_s == 0


def test_after_the_last_segment_that_is_allowed_no_recorder_is_thought_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(papers, "MOST_SEGMENTS", 1)
    call, steps = play(entered(0), started(0.01), entered(5), stopped(5.01), rested(5.09))
    assert only(RaiseAlarm, steps[4])
    assert not only(StartRecorder, steps[4])
    assert call.recorder is Recorder.REFUSED
    assert bare(call.apply(transfer(6, PAYMENT_LINE))) == []
    assert call.stage is Stage.SILENT
    assert len(handoff_of(call.apply(HungUp(at=at(9)))).segments) == 1


def test_a_rest_that_was_overtaken_wakes_nothing() -> None:
    _, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        transfer(10, PAYMENT_LINE),
        StopUnconfirmed(at=at(12), segment=1),
        rested(14, rest=1),
        rested(17, rest=2),
    )
    assert steps[7] == []
    assert steps[8] == [StopEveryRecorder(1)]


def test_an_older_rest_does_not_shorten_a_newer_one() -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
        stopped(13.999),
        rested(14, rest=1),
    )
    assert only(Rest, steps[5]) == [Rest(2, machine.REST_S)]
    assert steps[6] == []
    assert call.recorder is Recorder.RESTING


def test_a_story_a_list_and_a_span_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers, "MOST_HAPPENINGS", 4)
    monkeypatch.setattr(papers, "MOST_NAMES", 3)
    monkeypatch.setattr(papers, "MOST_SPANS", 2)
    facts: list[Fact] = [entered(0), started(0.01)]
    for second in range(1, 10):
        agent = AgentAnswered(at=at(second), agent=f"23{second}")
        facts += [agent, transfer(second, BACK_OFFICE), entered(second + 0.5)]
    _, steps = play(*facts, HungUp(at=at(20)))
    handoff = handoff_of(steps[-1])
    assert len(handoff.story) == 4
    assert len(handoff.call.queues) == len(handoff.party.agents) == 3
    assert len(handoff.spans) == 2


@pytest.mark.parametrize(
    "late",
    [
        stopped(7),
        StopUnconfirmed(at=at(7), segment=1),
        started(7),
        RecorderRefused(at=at(7), segment=1),
        RecorderUncertain(at=at(7), segment=1),
    ],
)
def test_an_answer_about_an_older_segment_leaves_the_newer_alone(late: Fact) -> None:
    call, steps = play(
        entered(0),
        started(0.01),
        entered(5),
        stopped(5.01),
        rested(5.09),
        started(5.1, segment=2),
        late,
        transfer(8, BACK_OFFICE),
    )
    assert steps[6] == []
    assert only(StopRecorder, steps[7]) == [StopRecorder(2, "0x2")]
    assert call.recorder is Recorder.STOPPING


def test_a_bridge_that_ends_starts_nothing_more() -> None:
    call, steps = play(
        entered(0),
        BridgeEnds(at=at(0.1)),
        entered(0.2),
        RecorderRefused(at=at(0.3), segment=1),
    )
    assert not only(StartRecorder, steps[3])
    assert not call.writing


def test_a_recorder_that_starts_before_a_transfer_does_not_outlive_it() -> None:
    """Asterisk 22 loses what such a channel hears: see REST_S."""
    _, steps = play(
        entered(0, "surrey-contact-centre"),
        transfer(0.1, COLLEAGUE),
        started(0.2),
        council="surrey",
    )
    assert only(StopRecorder, steps[2]) == [StopRecorder(1, "0x1")]
