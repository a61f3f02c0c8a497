"""One recorder on one channel, as a table: what it is told, what becomes of it, what is to be done.

A call has one on the outside party's channel, and one on the agent's for each consultation that its
policy records. Pure, as the call is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ami_bridge.facts import (
    Channel,
    Command,
    MuteRecorder,
    MuteUnconfirmed,
    RaiseAlarm,
    RecorderFact,
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
from hushtape.recordings.manifest import (
    BOTH,
    INSIDE,
    OUTSIDE,
    EndedBy,
    Leg,
    Reason,
    Segment,
    StopSeen,
)

STUCK_REST_S = 5.0  # a recorder that can't be stopped is tried again after so long
MOST_STUCK_TRIES = 500  # three quarters of an hour

# Asterisk 22, run: a recorder that outlives a transfer, or follows another within milliseconds,
# loses what its channel hears every second time, for a while or for good. With 30 ms between the
# two, 24 of 24 heard everything; this is more, for networks with jitter. See docs/asterisk.md.
REST_S = 0.08


class Recorder(StrEnum):
    """What we know of the recorder on the outside party's channel."""

    NONE = "none"
    STARTING = "starting"
    STARTING_IN_VAIN = "starting in vain"  # overtaken: stopped as soon as it has started
    RUNNING = "running"
    UNCERTAIN = "uncertain"  # no answer to the start: it may run, and we don't know its id
    MUTING = "muting"
    MUTED = "muted"  # so the PBX says
    STOPPING = "stopping"
    STOPPING_ALL = "stopping all"
    RESTING = "resting"  # stopped; the channel forgets it before a next one is started
    STUCK = "stuck"  # could not be stopped, or we can't tell
    REFUSED = "refused"  # the PBX would not start it
    GONE_UNANSWERED = "gone, its start unanswered"  # the answer tells whether there is a file
    GONE = "gone"  # with the channel


class Signal(StrEnum):
    """What the recorder's table is told."""

    WANTED = "wanted"
    WANTED_ANEW = "wanted anew"  # the outside party is about to hear somebody else
    UNWANTED = "unwanted"
    HUSHED = "hushed"  # unwanted for a while, and zeros will do
    STARTED = "started"
    START_REFUSED = "start refused"
    START_UNCERTAIN = "start uncertain"
    STOPPED = "stopped"
    STOP_UNCONFIRMED = "stop unconfirmed"
    MUTED = "muted"
    MUTE_UNCONFIRMED = "mute unconfirmed"
    RESTED = "rested"
    LINK_RETURNED = "link returned"
    ADOPTED = "adopted"  # by a bridge that doesn't know what its predecessor was answered
    CHANNEL_GONE = "channel gone"


class Act(StrEnum):
    """What the recorder's table asks for."""

    NOTHING = "nothing"
    START = "start"
    STOP = "stop"
    STOP_ALL = "stop all"
    MUTE = "mute"
    UNMUTE = "unmute"
    REST = "rest"
    ALARM = "alarm"


def _row(
    recorder: Recorder, **cells: tuple[Recorder, Act]
) -> dict[tuple[Recorder, Signal], tuple[Recorder, Act]]:
    """Write one state's row: every signal that isn't named leaves all as it is.

    Only a recorder that runs can be muted: to any other, being hushed is being unwanted.
    """
    if "unwanted" in cells:
        cells.setdefault("hushed", cells["unwanted"])
    return {
        (recorder, signal): cells.get(signal.name.lower(), (recorder, Act.NOTHING))
        for signal in Signal
    }


_GONE = (Recorder.GONE, Act.NOTHING)

RECORDERS: dict[tuple[Recorder, Signal], tuple[Recorder, Act]] = {
    **_row(
        Recorder.NONE,
        wanted=(Recorder.STARTING, Act.START),
        wanted_anew=(Recorder.STARTING, Act.START),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.STARTING,
        wanted_anew=(Recorder.STARTING_IN_VAIN, Act.NOTHING),
        unwanted=(Recorder.STARTING_IN_VAIN, Act.NOTHING),
        started=(Recorder.RUNNING, Act.NOTHING),
        start_refused=(Recorder.REFUSED, Act.ALARM),
        start_uncertain=(Recorder.UNCERTAIN, Act.ALARM),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=(Recorder.GONE_UNANSWERED, Act.NOTHING),
    ),
    **_row(
        # Stopping while a start is under way crashed some Asterisk versions: the answer is awaited.
        Recorder.STARTING_IN_VAIN,
        started=(Recorder.STOPPING, Act.STOP),
        start_refused=(Recorder.NONE, Act.NOTHING),
        start_uncertain=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=(Recorder.GONE_UNANSWERED, Act.NOTHING),
    ),
    **_row(
        Recorder.RUNNING,
        wanted_anew=(Recorder.STOPPING, Act.STOP),
        unwanted=(Recorder.STOPPING, Act.STOP),
        hushed=(Recorder.MUTING, Act.MUTE),
        mute_unconfirmed=(Recorder.STOPPING, Act.STOP),  # it may write zeros still
        # Somebody else stopped it, and had a reason: it isn't started again before a new place.
        stopped=(Recorder.REFUSED, Act.ALARM),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.MUTING,
        wanted=(Recorder.STOPPING, Act.STOP),
        wanted_anew=(Recorder.STOPPING, Act.STOP),
        unwanted=(Recorder.STOPPING, Act.STOP),
        hushed=(Recorder.MUTING, Act.NOTHING),
        muted=(Recorder.MUTED, Act.NOTHING),
        mute_unconfirmed=(Recorder.STOPPING, Act.STOP),
        link_returned=(Recorder.STOPPING, Act.STOP),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.MUTED,
        wanted=(Recorder.RUNNING, Act.UNMUTE),
        wanted_anew=(Recorder.STOPPING, Act.STOP),
        unwanted=(Recorder.STOPPING, Act.STOP),
        hushed=(Recorder.MUTED, Act.NOTHING),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.UNCERTAIN,
        wanted_anew=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        unwanted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        link_returned=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.STOPPING,
        stopped=(Recorder.RESTING, Act.REST),
        stop_unconfirmed=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.STOPPING_ALL,
        stopped=(Recorder.RESTING, Act.REST),
        stop_unconfirmed=(Recorder.STUCK, Act.ALARM),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.STUCK,
        wanted_anew=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        unwanted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        stopped=(Recorder.RESTING, Act.REST),
        rested=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        link_returned=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.RESTING,
        rested=(Recorder.NONE, Act.NOTHING),
        adopted=(Recorder.NONE, Act.NOTHING),
        channel_gone=_GONE,
    ),
    **_row(
        # A new entry into a recorded place is a new cause, and so a new try.
        Recorder.REFUSED,
        wanted=(Recorder.STARTING, Act.START),
        wanted_anew=(Recorder.STARTING, Act.START),
        unwanted=(Recorder.NONE, Act.NOTHING),
        channel_gone=_GONE,
    ),
    **_row(
        # Every start is answered, if only by the link's end; a bridge that dies hears no answer.
        Recorder.GONE_UNANSWERED,
        started=_GONE,
        start_refused=_GONE,
        start_uncertain=_GONE,
        adopted=_GONE,
    ),
    **_row(Recorder.GONE),
}

_RECORDER_SIGNALS: dict[type[RecorderFact], Signal] = {
    RecorderStarted: Signal.STARTED,
    RecorderRefused: Signal.START_REFUSED,
    RecorderUncertain: Signal.START_UNCERTAIN,
    RecorderStopped: Signal.STOPPED,
    StopUnconfirmed: Signal.STOP_UNCONFIRMED,
    RecorderMuted: Signal.MUTED,
    MuteUnconfirmed: Signal.MUTE_UNCONFIRMED,
}

WRITING = {
    Recorder.STARTING,
    Recorder.STARTING_IN_VAIN,
    Recorder.RUNNING,
    Recorder.UNCERTAIN,
    Recorder.MUTING,
    Recorder.MUTED,
    Recorder.STOPPING,
    Recorder.STOPPING_ALL,
    Recorder.STUCK,
    Recorder.GONE_UNANSWERED,
}
_HUSHED = (Recorder.MUTING, Recorder.MUTED)
_UNWANTED = (Signal.UNWANTED, Signal.HUSHED)

_ALARMS = {
    (Recorder.REFUSED, Signal.START_REFUSED): "the PBX refused to start a recorder",
    (Recorder.REFUSED, Signal.STOPPED): "a recorder was stopped by somebody else",
    (Recorder.UNCERTAIN, Signal.START_UNCERTAIN): "the PBX didn't say whether a recorder started",
    (Recorder.STUCK, Signal.STOP_UNCONFIRMED): "a recorder could not be stopped, or we can't tell",
}


@dataclass(slots=True)
class Draft:
    """The segment that is being written."""

    number: int
    asked_at: datetime  # when its recorder was asked for
    started_at: datetime
    recorder_id: str = ""
    cause_at: datetime | None = None  # when it stopped being wanted
    ended_by: EndedBy | None = None
    unseen: bool = False  # somebody else ended it, and may have made sure or not
    hushed_at: datetime | None = None  # from then on it was to write zeros
    gone_at: datetime | None = None  # with its channel, before its start was answered
    gone_by: EndedBy = EndedBy.HANG_UP

    @property
    def ends_at(self) -> datetime | None:
        """From when on nothing may be kept, should it end now; None: all of it may."""
        return self.cause_at or self.hushed_at

    def unwanted_since(self, at: datetime, ended_by: EndedBy) -> None:
        """Note the first moment from which on nothing may be kept; it is told late sometimes."""
        if self.cause_at is None or at < self.cause_at:
            self.cause_at, self.ended_by = at, ended_by


class Book(Protocol):
    """The call, as its recorders see it."""

    id: str
    one_file: bool  # its PBX writes both sides of a recorder into one file

    def new_segment(self) -> int:
        """Number the next segment; 0 if there were too many."""

    def new_rest(self, pause_s: float) -> Rest:
        """Number the next rest."""

    def keep(self, segment: Segment) -> None:
        """Add a segment that is closed."""

    def tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        """Add a line to the call's story."""

    def is_muted(self) -> None:
        """Note that the stretch without sound is, in part at least, zeros."""


@dataclass(slots=True)
class Track:
    """One channel's recorder, and the segment that it writes.

    Args:
        leg: whose channel it is.
        channel: the agent's; None for the outside party's, which the bridge knows.
    """

    leg: Leg = Leg.OUTSIDE
    channel: Channel | None = None
    recorder: Recorder = Recorder.NONE
    wanted: bool = False
    resting: int = 0  # the rest for which the recorder waits
    draft: Draft | None = None
    stuck_tries: int = 0

    @property
    def writing(self) -> bool:
        """Whether there is, or may be, a recorder on the channel."""
        return self.recorder in WRITING

    @property
    def sound(self) -> bool:
        """Whether what was read back from a disk can be: a recorder has its segment."""
        return (self.draft is not None) == self.writing

    @property
    def idle(self) -> bool:
        """Whether nothing is to be expected of it any more."""
        return not self.wanted and self.recorder in (Recorder.NONE, Recorder.GONE)

    def answered(self, book: Book, fact: RecorderFact) -> list[Command]:
        """Take in the PBX's answer about this track's segment."""
        if self.draft is None:
            return []
        if isinstance(fact, RecorderStarted):
            self.draft.recorder_id = fact.recorder_id
        if isinstance(fact, RecorderStarted | RecorderUncertain):
            self.draft.started_at = fact.at
        if (
            isinstance(fact, StopUnconfirmed)
            and fact.by_id
            and self.recorder is not Recorder.STOPPING
        ):
            return []  # everything on the channel is being stopped by now
        if isinstance(fact, RecorderMuted):
            book.is_muted()
        if isinstance(fact, RecorderStopped) and not fact.found:
            self.draft.unseen = True  # what came after its cause is in the file, or isn't
        return self.signal(book, _RECORDER_SIGNALS[type(fact)], fact.at)

    def signal(
        self, book: Book, signal: Signal, at: datetime, ended_by: EndedBy = EndedBy.HANG_UP
    ) -> list[Command]:
        """Tell the recorder something.

        Args:
            at: since when it is so.
            ended_by: why the segment ends, if it does.

        Returns:
            What is to be done, in this order.
        """
        if signal in (Signal.WANTED, Signal.WANTED_ANEW, *_UNWANTED):
            self.wanted = signal not in _UNWANTED
        before = self.recorder
        self.recorder, act = RECORDERS[before, signal]
        if self.draft is not None:
            self._judge_end(self.draft, before, signal, at, ended_by)
        draft = self.draft
        anew = signal in (Signal.WANTED_ANEW, Signal.ADOPTED)
        if anew and draft is not None and draft.cause_at is None:
            draft.ended_by = ended_by
        if signal is Signal.CHANNEL_GONE and draft is not None and draft.gone_at is None:
            draft.gone_at, draft.gone_by = at, ended_by
        if before in WRITING and self.recorder not in WRITING:
            self._close_segment(book, signal, at, ended_by)
        commands = self._act(book, act, at, signal)
        stopped = before is not Recorder.NONE and self.recorder is Recorder.NONE
        if stopped and self.wanted:
            commands += self.signal(book, Signal.WANTED, at)
        return commands

    def _judge_end(
        self, draft: Draft, before: Recorder, signal: Signal, at: datetime, ended_by: EndedBy
    ) -> None:
        """Say from when on nothing of the segment may be kept, if from any time on."""
        if self.recorder in _HUSHED:
            if signal is Signal.HUSHED:
                draft.hushed_at = min(at, draft.hushed_at or at)
            return
        if before in _HUSHED and draft.hushed_at is not None:
            if before is Recorder.MUTED and (self.wanted or signal is Signal.CHANNEL_GONE):
                draft.hushed_at = None  # the zeros stay where they are
            else:
                draft.unwanted_since(draft.hushed_at, EndedBy.PAYMENT)
        if signal in _UNWANTED:
            draft.unwanted_since(at, ended_by)

    def _act(self, book: Book, act: Act, at: datetime, signal: Signal) -> list[Command]:
        match act:
            case Act.NOTHING:
                return []
            case Act.START:
                return self._start(book, at)
            case Act.REST:
                self.stuck_tries = 0
                return [self._rest(book, REST_S)]
            case Act.ALARM:
                return self._alarm(book, at, signal)
        draft = self.draft
        if draft is None:
            raise RuntimeError(f"call {book.id}: {act} without a segment")
        match act:
            case Act.STOP:
                return [StopRecorder(draft.number, draft.recorder_id, leg=self.channel)]
            case Act.MUTE:
                return [MuteRecorder(draft.number, draft.recorder_id, leg=self.channel)]
            case Act.UNMUTE:
                return [UnmuteRecorder(draft.number, draft.recorder_id, leg=self.channel)]
        return [StopEveryRecorder(draft.number, leg=self.channel)]

    def _alarm(self, book: Book, at: datetime, signal: Signal) -> list[Command]:
        what = _ALARMS[self.recorder, signal]
        commands: list[Command] = []
        if self.recorder is Recorder.STUCK:
            self.stuck_tries += 1
            if self.stuck_tries <= MOST_STUCK_TRIES:
                commands.append(self._rest(book, STUCK_REST_S))
            if self.stuck_tries > 1:
                return commands  # it was told already
        book.tell(at, what)
        return [RaiseAlarm(what), *commands]

    def _rest(self, book: Book, pause_s: float) -> Rest:
        rest = book.new_rest(pause_s)
        self.resting = rest.rest
        return rest

    def _start(self, book: Book, at: datetime) -> list[Command]:
        number = book.new_segment()
        if not number:
            self.recorder = Recorder.REFUSED
            return [RaiseAlarm("too many segments in one call: not recorded on")]
        self.draft = Draft(number, at, at)
        outside, inside = file_names(book.id, number, one_file=book.one_file)
        return [StartRecorder(number, outside, inside, leg=self.channel)]

    def _close_segment(self, book: Book, signal: Signal, at: datetime, ended_by: EndedBy) -> None:
        draft, self.draft = self.draft, None
        if draft is None or signal is Signal.START_REFUSED:
            return
        if draft.gone_at is not None:
            at, ended_by = draft.gone_at, draft.gone_by
        if signal is Signal.STOPPED:
            seen = StopSeen.CONFIRMED
        else:
            seen = StopSeen.UNSEEN if ended_by is EndedBy.LINK_LOST else StopSeen.HANG_UP
        cut = timedelta(0)
        if draft.unseen:
            seen = StopSeen.UNSEEN
        elif draft.cause_at is not None:
            # What came in between the cause and the file's end is not ours to keep.
            cut = max(cut, at - draft.cause_at)
        if signal is Signal.STOPPED:
            ended_by = draft.ended_by or EndedBy.STOPPED_ELSEWHERE
        elif draft.cause_at is not None and draft.ended_by is not None:
            ended_by = draft.ended_by
        ended_at = draft.cause_at or at
        started_at = draft.started_at
        if draft.asked_at <= ended_at < started_at:
            started_at = ended_at  # the answer came after the end
        outside, inside = file_names(book.id, draft.number, one_file=book.one_file)
        book.keep(
            Segment(
                number=draft.number,
                outside_file=outside,
                inside_file=inside,
                started_at=started_at,
                ended_at=ended_at,
                ended_by=ended_by,
                stop=seen,
                cut_s=cut.total_seconds(),
                leg=self.leg,
            )
        )


def file_name(call_id: str, segment: int, side: str) -> str:
    """Name a segment's file: "outside" is what the channel says, "inside" what it hears."""
    return f"{call_id}.{segment}.{side}.wav"


def file_names(call_id: str, segment: int, *, one_file: bool) -> tuple[str, str]:
    """Name the file of what the channel says, and that of what it hears; they may be the same."""
    sides = (BOTH, BOTH) if one_file else (OUTSIDE, INSIDE)
    outside, inside = (file_name(call_id, segment, side) for side in sides)
    return outside, inside
