"""One recorder as a table, and the segment that it writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from ami_bridge.call import recorder as machine
from ami_bridge.call.recorder import (
    RECORDERS,
    WRITING,
    Act,
    Draft,
    Recorder,
    Signal,
    Track,
    file_name,
)
from ami_bridge.facts import (
    Channel,
    Command,
    MuteRecorder,
    MuteUnconfirmed,
    RaiseAlarm,
    RecorderMuted,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    UnmuteRecorder,
)
from hushtape.recordings.manifest import EndedBy, Leg, Reason, Segment, StopSeen
from tests.samples import START

ID = "20261121-130500-abcdefgh"
AGENT = Channel("1.2", "PJSIP/211-00000002", "internal", "s")


@dataclass
class Book:
    """What a call is to its recorders."""

    id: str = ID
    one_file: bool = False
    most: int = 9
    numbers: int = 0
    rests: int = 0
    kept: list[Segment] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    muted: bool = False

    def is_muted(self) -> None:
        self.muted = True

    def new_segment(self) -> int:
        if self.numbers >= self.most:
            return 0
        self.numbers += 1
        return self.numbers

    def new_rest(self, pause_s: float) -> Rest:
        self.rests += 1
        return Rest(self.rests, pause_s)

    def keep(self, segment: Segment) -> None:
        self.kept.append(segment)

    def tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        self.told.append(what)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def running(book: Book, track: Track) -> Track:
    track.signal(book, Signal.WANTED, at(0))
    track.answered(book, RecorderStarted(at=at(0.01), segment=1, recorder_id="0x1"))
    assert track.recorder is Recorder.RUNNING
    return track


# the table


def test_every_cell_is_filled() -> None:
    assert set(RECORDERS) == {(state, signal) for state in Recorder for signal in Signal}


def test_every_state_and_every_act_can_be_reached() -> None:
    found, waiting = {Recorder.NONE}, [Recorder.NONE]
    acts = set()
    while waiting:
        state = waiting.pop()
        for signal in Signal:
            after, act = RECORDERS[state, signal]
            acts.add(act)
            if after not in found:
                found.add(after)
                waiting.append(after)
    assert found == set(Recorder)
    assert acts == set(Act)


def test_no_recorder_is_started_but_when_one_is_wanted() -> None:
    for (_, signal), (_, act) in RECORDERS.items():
        assert (act is Act.START) <= (signal in (Signal.WANTED, Signal.WANTED_ANEW))


@pytest.mark.parametrize("signal", [Signal.WANTED, Signal.WANTED_ANEW])
def test_where_nothing_records_and_nothing_rests_a_wanted_recorder_is_started(
    signal: Signal,
) -> None:
    starting = {state for state in Recorder if RECORDERS[state, signal][1] is Act.START}
    assert starting == {Recorder.NONE, Recorder.REFUSED}
    for state in starting:
        assert RECORDERS[state, signal] == (Recorder.STARTING, Act.START)


def test_beside_a_recorder_that_may_run_none_is_started() -> None:
    for state in WRITING:
        for signal in Signal:
            assert RECORDERS[state, signal][1] is not Act.START


def test_a_recorder_that_may_run_is_never_let_alone_when_it_is_unwanted() -> None:
    for state in (Recorder.STARTING, Recorder.RUNNING, Recorder.UNCERTAIN, Recorder.STUCK):
        for signal in (Signal.UNWANTED, Signal.WANTED_ANEW):
            after, _ = RECORDERS[state, signal]
            assert after in (Recorder.STARTING_IN_VAIN, Recorder.STOPPING, Recorder.STOPPING_ALL)


def test_to_be_hushed_is_to_be_unwanted_for_any_but_one_that_runs() -> None:
    for state in set(Recorder) - {Recorder.RUNNING, Recorder.MUTING, Recorder.MUTED}:
        assert RECORDERS[state, Signal.HUSHED] == RECORDERS[state, Signal.UNWANTED]
    assert RECORDERS[Recorder.RUNNING, Signal.HUSHED] == (Recorder.MUTING, Act.MUTE)


def test_only_one_that_the_pbx_says_is_muted_is_ever_unmuted() -> None:
    unmuted = {state for (state, _), (_, act) in RECORDERS.items() if act is Act.UNMUTE}
    assert unmuted == {Recorder.MUTED}


def test_one_that_is_starting_is_only_stopped_when_it_has_started() -> None:
    """Stopping while a start is under way crashed some Asterisk versions."""
    for signal in Signal:
        if signal is not Signal.ADOPTED:  # nobody is left who would hear the answer
            assert RECORDERS[Recorder.STARTING, signal][1] not in (Act.STOP, Act.STOP_ALL)
    assert RECORDERS[Recorder.STARTING_IN_VAIN, Signal.STARTED] == (Recorder.STOPPING, Act.STOP)


def test_what_its_successor_can_not_know_for_certain_is_stopped() -> None:
    certain = {Recorder.NONE, Recorder.RUNNING, Recorder.RESTING, Recorder.REFUSED, Recorder.GONE}
    certain |= {Recorder.GONE_UNANSWERED}  # its channel is no more
    for state in Recorder:
        stops = RECORDERS[state, Signal.ADOPTED] == (Recorder.STOPPING_ALL, Act.STOP_ALL)
        assert stops is (state not in certain)


def test_a_stop_that_was_shown_is_followed_by_a_rest_wherever_it_was_awaited() -> None:
    for state in (Recorder.STOPPING, Recorder.STOPPING_ALL, Recorder.STUCK):
        assert RECORDERS[state, Signal.STOPPED] == (Recorder.RESTING, Act.REST)


def test_a_stop_is_widened_and_then_told() -> None:
    assert RECORDERS[Recorder.STOPPING, Signal.STOP_UNCONFIRMED] == (
        Recorder.STOPPING_ALL,
        Act.STOP_ALL,
    )
    assert RECORDERS[Recorder.STOPPING_ALL, Signal.STOP_UNCONFIRMED] == (Recorder.STUCK, Act.ALARM)


@pytest.mark.parametrize("signal", [Signal.RESTED, Signal.LINK_RETURNED, Signal.UNWANTED])
def test_one_that_is_stuck_is_tried_again(signal: Signal) -> None:
    assert RECORDERS[Recorder.STUCK, signal] == (Recorder.STOPPING_ALL, Act.STOP_ALL)


def test_a_channel_that_is_gone_takes_every_recorder_with_it() -> None:
    unanswered = {Recorder.STARTING, Recorder.STARTING_IN_VAIN, Recorder.GONE_UNANSWERED}
    for recorder in Recorder:
        gone = Recorder.GONE_UNANSWERED if recorder in unanswered else Recorder.GONE
        assert RECORDERS[recorder, Signal.CHANNEL_GONE] == (gone, Act.NOTHING)


def test_one_that_is_gone_waits_for_the_answer_to_its_start_and_for_nothing_else() -> None:
    answers = {Signal.STARTED, Signal.START_REFUSED, Signal.START_UNCERTAIN, Signal.ADOPTED}
    for signal in Signal:
        after = Recorder.GONE if signal in answers else Recorder.GONE_UNANSWERED
        assert RECORDERS[Recorder.GONE_UNANSWERED, signal] == (after, Act.NOTHING)


def test_gone_is_gone() -> None:
    assert {RECORDERS[Recorder.GONE, signal] for signal in Signal} == {(Recorder.GONE, Act.NOTHING)}


# the segment


def test_a_consultations_recorder_is_on_the_agents_channel() -> None:
    book = Book()
    track = Track(leg=Leg.CONSULTATION, channel=AGENT)
    (start,) = track.signal(book, Signal.WANTED, at(0))
    assert start == StartRecorder(1, f"{ID}.1.outside.wav", f"{ID}.1.inside.wav", leg=AGENT)
    track.answered(book, RecorderStarted(at=at(0.01), segment=1, recorder_id="0x1"))
    (stop,) = track.signal(book, Signal.UNWANTED, at(2), EndedBy.CONSULTED)
    assert stop == StopRecorder(1, "0x1", leg=AGENT)
    (every,) = track.answered(book, StopUnconfirmed(at=at(4), segment=1))
    assert every == StopEveryRecorder(1, leg=AGENT)
    track.answered(book, RecorderStopped(at=at(5), segment=1))
    (segment,) = book.kept
    assert (segment.leg, segment.ended_by, segment.ended_at) == (
        Leg.CONSULTATION,
        EndedBy.CONSULTED,
        at(2),
    )
    assert segment.cut_s == pytest.approx(3)


def test_the_outside_partys_needs_no_channel_to_be_named() -> None:
    (start,) = Track().signal(Book(), Signal.WANTED, at(0))
    assert isinstance(start, StartRecorder)
    assert start.leg is None


@pytest.mark.parametrize(
    ("signal", "seen", "cut_s"),
    [
        (Signal.STOPPED, StopSeen.CONFIRMED, 1.0),
        (Signal.CHANNEL_GONE, StopSeen.HANG_UP, 1.0),
    ],
)
def test_how_a_segment_ended_and_what_is_cut(signal: Signal, seen: StopSeen, cut_s: float) -> None:
    book = Book()
    track = running(book, Track())
    track.signal(book, Signal.UNWANTED, at(5), EndedBy.TRANSFER)
    track.signal(book, signal, at(6))
    (segment,) = book.kept
    assert (segment.stop, segment.ended_by) == (seen, EndedBy.TRANSFER)
    assert (segment.started_at, segment.ended_at) == (at(0.01), at(5))
    assert segment.cut_s == pytest.approx(cut_s)


def test_a_channel_that_went_while_nobody_listened_ends_it_unseen() -> None:
    book = Book()
    running(book, Track()).signal(book, Signal.CHANNEL_GONE, at(6), EndedBy.LINK_LOST)
    (segment,) = book.kept
    assert (segment.stop, segment.ended_by) == (StopSeen.UNSEEN, EndedBy.LINK_LOST)


def test_of_one_that_another_bridge_had_begun_to_stop_no_more_is_kept_than_it_knew() -> None:
    """How long its file is nobody knows, so nothing is cut from its end: its beginning counts."""
    book = Book()
    draft = Draft(3, at(0), at(0), cause_at=at(5), ended_by=EndedBy.LINK_LOST, unseen=True)
    track = Track(recorder=Recorder.STOPPING_ALL, draft=draft)
    track.signal(book, Signal.STOPPED, at(60))
    (segment,) = book.kept
    assert (segment.stop, segment.ended_at, segment.cut_s) == (StopSeen.UNSEEN, at(5), 0)
    assert segment.ended_by is EndedBy.LINK_LOST


def test_the_earliest_cause_counts_however_late_it_is_told() -> None:
    draft = Draft(1, at(0), at(0))
    draft.unwanted_since(at(5), EndedBy.TRANSFER)
    draft.unwanted_since(at(3), EndedBy.PAYMENT)
    draft.unwanted_since(at(4), EndedBy.QUEUE)
    assert (draft.cause_at, draft.ended_by) == (at(3), EndedBy.PAYMENT)


def test_a_refused_start_leaves_no_segment() -> None:
    book = Book()
    track = Track()
    track.signal(book, Signal.WANTED, at(0))
    (alarm,) = track.answered(book, RecorderRefused(at=at(1), segment=1))
    assert isinstance(alarm, RaiseAlarm)
    assert book.kept == []
    assert track.draft is None


def test_an_answer_about_nothing_is_passed_over() -> None:
    track = Track()
    assert track.answered(Book(), RecorderStarted(at=at(1), segment=1, recorder_id="0x1")) == []
    assert track.recorder is Recorder.NONE


def test_wanted_again_while_it_stops_it_begins_anew_after_its_rest() -> None:
    book = Book()
    track = running(book, Track())
    track.signal(book, Signal.UNWANTED, at(5), EndedBy.TRANSFER)
    track.signal(book, Signal.WANTED, at(5.1))
    (rest,) = track.answered(book, RecorderStopped(at=at(5.2), segment=1))
    assert rest == Rest(1, machine.REST_S)
    assert track.resting == 1
    (start,) = track.signal(book, Signal.RESTED, at(5.3))
    assert isinstance(start, StartRecorder)
    assert start.segment == 2


def test_when_there_were_too_many_segments_somebody_is_told_and_nothing_waits() -> None:
    book = Book(most=0)
    track = Track()
    (alarm,) = track.signal(book, Signal.WANTED, at(0))
    assert isinstance(alarm, RaiseAlarm)
    assert track.recorder is Recorder.REFUSED
    assert track.sound


def test_a_stuck_recorder_is_told_once_and_given_up_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "MOST_STUCK_TRIES", 2)
    book = Book()
    track = running(book, Track())
    track.signal(book, Signal.UNWANTED, at(1))
    track.answered(book, StopUnconfirmed(at=at(2), segment=1))
    told: list[list[Command]] = []
    for second in (3, 8, 13):
        told.append(track.answered(book, StopUnconfirmed(at=at(second), segment=1)))
        track.signal(book, Signal.RESTED, at(second + 4))
    assert [type(each) for each in told[0]] == [RaiseAlarm, Rest]
    assert [type(each) for each in told[1]] == [Rest]
    assert told[2] == []


def test_what_is_to_be_expected_of_it() -> None:
    book = Book()
    track = Track()
    assert track.idle
    assert not track.writing
    track.signal(book, Signal.WANTED, at(0))
    assert track.writing
    assert not track.idle
    track.answered(book, RecorderUncertain(at=at(5), segment=1))
    track.signal(book, Signal.UNWANTED, at(6))
    assert track.writing
    track.answered(book, RecorderStopped(at=at(7), segment=1))
    assert not track.writing
    assert not track.idle, "it rests"
    track.signal(book, Signal.RESTED, at(8))
    assert track.idle


def test_a_recorder_without_its_segment_is_not_sound() -> None:
    assert Track().sound
    assert not Track(recorder=Recorder.RUNNING).sound
    assert not Track(draft=Draft(1, at(0), at(0))).sound
    with pytest.raises(RuntimeError, match="without a segment"):
        Track(recorder=Recorder.RUNNING).signal(Book(), Signal.UNWANTED, at(1))


def test_where_the_pbx_writes_one_file_both_sides_have_its_name() -> None:
    book, track = Book(one_file=True), Track()
    (start,) = track.signal(book, Signal.WANTED, at(0))
    name = f"{ID}.1.both.wav"
    assert start == StartRecorder(1, name, name)
    track.answered(book, RecorderStarted(at=at(0), segment=1, recorder_id="/spool/x.wav"))
    track.signal(book, Signal.CHANNEL_GONE, at(9))
    (kept,) = book.kept
    assert kept.files == (("both", name),)


def test_file_names_hold_the_calls_id_the_segment_and_the_side() -> None:
    assert file_name(ID, 12, "outside") == f"{ID}.12.outside.wav"


# muting


def hushed(book: Book) -> Track:
    track = running(book, Track())
    (mute,) = track.signal(book, Signal.HUSHED, at(5), EndedBy.PAYMENT)
    assert mute == MuteRecorder(1, "0x1")
    return track


def muted(book: Book) -> Track:
    track = hushed(book)
    assert track.answered(book, RecorderMuted(at=at(5.01), segment=1)) == []
    assert track.recorder is Recorder.MUTED
    return track


def closed(book: Book, track: Track, seconds: float) -> Segment:
    track.answered(book, RecorderStopped(at=at(seconds), segment=1))
    (segment,) = book.kept
    return segment


def test_a_mute_leaves_the_segment_as_it_is() -> None:
    book = Book()
    track = muted(book)
    assert book.muted
    (unmute,) = track.signal(book, Signal.WANTED, at(9))
    assert unmute == UnmuteRecorder(1, "0x1")
    assert track.draft is not None
    assert track.draft.ends_at is None, "a successor keeps what comes now"
    track.signal(book, Signal.UNWANTED, at(20), EndedBy.TRANSFER)
    segment = closed(book, track, 20.1)
    assert (segment.ended_at, segment.cut_s) == (at(20), pytest.approx(0.1))


@pytest.mark.parametrize("signal", [Signal.UNWANTED, Signal.ADOPTED])
def test_what_follows_a_mute_that_ends_in_a_stop_is_cut_from_its_beginning(signal: Signal) -> None:
    """The zeros as well: nobody looks whether they are."""
    book = Book()
    track = muted(book)
    (stop,) = track.signal(book, signal, at(7), EndedBy.PAYMENT)
    assert isinstance(stop, StopRecorder | StopEveryRecorder)
    segment = closed(book, track, 7.5)
    assert (segment.ended_at, segment.cut_s) == (at(5), 2.5)
    assert segment.ended_by is EndedBy.PAYMENT


def test_a_mute_that_is_not_acknowledged_is_a_stop() -> None:
    book = Book()
    track = hushed(book)
    (stop,) = track.answered(book, MuteUnconfirmed(at=at(10), segment=1))
    assert stop == StopRecorder(1, "0x1")
    assert not book.muted
    segment = closed(book, track, 10.5)
    assert (segment.ended_at, segment.cut_s) == (at(5), 5.5)


def test_a_payment_that_is_over_before_the_mute_is_acknowledged_begins_anew() -> None:
    book = Book()
    track = hushed(book)
    (stop,) = track.signal(book, Signal.WANTED, at(5.2))
    assert stop == StopRecorder(1, "0x1")
    assert closed(book, track, 5.3).ended_at == at(5), "it may be zeros from then on, or not"


def test_after_somebody_came_or_went_a_muted_one_begins_anew_and_its_zeros_stay() -> None:
    book = Book()
    track = muted(book)
    (stop,) = track.signal(book, Signal.WANTED_ANEW, at(9), EndedBy.PAYMENT)
    assert stop == StopRecorder(1, "0x1")
    segment = closed(book, track, 9.1)
    assert (segment.ended_at, segment.cut_s) == (at(9.1), 0.0)


def test_a_muted_one_ends_with_its_channel_and_its_zeros_stay() -> None:
    book = Book()
    track = muted(book)
    track.signal(book, Signal.CHANNEL_GONE, at(9), EndedBy.HANG_UP)
    (segment,) = book.kept
    assert (segment.ended_at, segment.cut_s) == (at(9), 0.0)


def test_of_one_whose_mute_was_never_acknowledged_nothing_is_kept_from_there_on() -> None:
    book = Book()
    track = hushed(book)
    track.signal(book, Signal.CHANNEL_GONE, at(9), EndedBy.HANG_UP)
    (segment,) = book.kept
    assert (segment.ended_at, segment.cut_s) == (at(5), 4.0)


def test_an_unmute_that_is_not_acknowledged_begins_anew() -> None:
    book = Book()
    track = muted(book)
    track.signal(book, Signal.WANTED, at(9))
    (stop,) = track.answered(book, MuteUnconfirmed(at=at(14), segment=1))
    assert stop == StopRecorder(1, "0x1")
    assert track.wanted


def test_the_note_of_a_muted_one_keeps_nothing_from_there_on() -> None:
    draft = muted(Book()).draft
    assert draft is not None
    assert draft.ends_at == at(5)


# stopped by somebody else


def test_a_late_word_of_its_id_is_none_of_the_wider_stop() -> None:
    """The key was pressed while no bridge was there: the next one stops it, and adopts the call."""
    book = Book()
    track = running(book, Track())
    track.signal(book, Signal.UNWANTED, at(5), EndedBy.PAYMENT)
    track.signal(book, Signal.ADOPTED, at(9))
    late = StopUnconfirmed(at=at(9.1), segment=1, by_id=True)
    assert track.answered(book, late) == []
    assert track.recorder is Recorder.STOPPING_ALL
    (alarm, _) = track.answered(book, StopUnconfirmed(at=at(9.2), segment=1))
    assert isinstance(alarm, RaiseAlarm)
    assert track.recorder is Recorder.STUCK


def test_what_the_dialplan_has_stopped_before_is_kept_up_to_the_cause_and_no_further() -> None:
    """Its stop came at once; ours comes late, and finds nothing. Not all of that time is cut."""
    book = Book()
    track = running(book, Track())
    track.signal(book, Signal.UNWANTED, at(5), EndedBy.PAYMENT)
    track.answered(book, StopUnconfirmed(at=at(35), segment=1))
    track.answered(book, RecorderStopped(at=at(35), segment=1, found=0))
    (segment,) = book.kept
    assert (segment.ended_at, segment.cut_s, segment.stop) == (at(5), 0.0, StopSeen.UNSEEN)
