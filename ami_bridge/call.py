"""ONE call as a table-driven state machine: fact in, commands out; no clock, no I/O.

Two tables rule. ``STAGES`` says where the call stands under its policy; ``RECORDERS`` says what
becomes of its recorder. What a fact means to the first table is a ``Turn``, decided by the policy;
what the stage means to the second is a ``Signal``. Every cell is filled: a missing one is a defect
that a test finds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    BridgeEnds,
    BridgeFact,
    Command,
    Fact,
    HandOff,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LinkReturned,
    NoteState,
    QueueEntered,
    RaiseAlarm,
    RecorderFact,
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
from hushtape.policy import decide
from hushtape.policy.schema import DestinationKind, OnTransfer, Policy
from hushtape.recordings.manifest import (
    CallFacts,
    EndedBy,
    Handoff,
    Happening,
    Party,
    Reason,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)

MOST_SEGMENTS = 200  # a call that goes round for ever stops being recorded, and somebody is told
MOST_HAPPENINGS = 2000
MOST_SPANS = 500
MOST_NAMES = 200  # of queues, and of agents

# A channel that leaves a bridge without a hang-up, a transfer or a queue to explain it has been
# taken somewhere by the dialplan or a Redirect, which sends no event. They come within 3 ms of
# each other on an idle Asterisk 22; what is recorded meanwhile is cut away.
EXPLAINED_WITHIN_S = 0.25

STUCK_REST_S = 5.0  # a recorder that can't be stopped is tried again after so long
MOST_STUCK_TRIES = 500  # three quarters of an hour

# Asterisk 22, run: a recorder that outlives a transfer, or follows another within milliseconds,
# loses what its channel hears every second time, for a while or for good. With 30 ms between the
# two, 24 of 24 heard everything; this is more, for networks with jitter. See docs/asterisk.md.
REST_S = 0.08


class Stage(StrEnum):
    """Where the call stands under its policy."""

    RECORDED = "recorded"
    UNRECORDED = "unrecorded"
    SILENT = "silent"  # in payment
    OVER = "over"


class Turn(StrEnum):
    """What a fact means under the policy."""

    ENTERED = "entered a recorded place"
    LEFT = "left for a place that is not recorded"
    WENT_ON = "went on to a place where recording goes on"
    PAYMENT_BEGAN = "payment began"
    HUNG_UP = "hung up"


class Recorder(StrEnum):
    """What we know of the recorder on the outside party's channel."""

    NONE = "none"
    STARTING = "starting"
    STARTING_IN_VAIN = "starting in vain"  # overtaken: stopped as soon as it has started
    RUNNING = "running"
    UNCERTAIN = "uncertain"  # no answer to the start: it may run, and we don't know its id
    STOPPING = "stopping"
    STOPPING_ALL = "stopping all"
    RESTING = "resting"  # stopped; the channel forgets it before a next one is started
    STUCK = "stuck"  # could not be stopped, or we can't tell
    REFUSED = "refused"  # the PBX would not start it
    GONE = "gone"  # with the channel


class Signal(StrEnum):
    """What the recorder's table is told."""

    WANTED = "wanted"
    WANTED_ANEW = "wanted anew"  # the outside party is about to hear somebody else
    UNWANTED = "unwanted"
    STARTED = "started"
    START_REFUSED = "start refused"
    START_UNCERTAIN = "start uncertain"
    STOPPED = "stopped"
    STOP_UNCONFIRMED = "stop unconfirmed"
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
    REST = "rest"
    ALARM = "alarm"


# A stopping recorder in silence stays silent wherever the call goes, until a queue is entered anew.
STAGES: dict[tuple[Stage, Turn], Stage] = {
    (Stage.UNRECORDED, Turn.ENTERED): Stage.RECORDED,
    (Stage.UNRECORDED, Turn.LEFT): Stage.UNRECORDED,
    (Stage.UNRECORDED, Turn.WENT_ON): Stage.UNRECORDED,
    (Stage.UNRECORDED, Turn.PAYMENT_BEGAN): Stage.SILENT,
    (Stage.UNRECORDED, Turn.HUNG_UP): Stage.OVER,
    (Stage.RECORDED, Turn.ENTERED): Stage.RECORDED,
    (Stage.RECORDED, Turn.LEFT): Stage.UNRECORDED,
    (Stage.RECORDED, Turn.WENT_ON): Stage.RECORDED,
    (Stage.RECORDED, Turn.PAYMENT_BEGAN): Stage.SILENT,
    (Stage.RECORDED, Turn.HUNG_UP): Stage.OVER,
    (Stage.SILENT, Turn.ENTERED): Stage.RECORDED,
    (Stage.SILENT, Turn.LEFT): Stage.SILENT,
    (Stage.SILENT, Turn.WENT_ON): Stage.SILENT,
    (Stage.SILENT, Turn.PAYMENT_BEGAN): Stage.SILENT,
    (Stage.SILENT, Turn.HUNG_UP): Stage.OVER,
    (Stage.OVER, Turn.ENTERED): Stage.OVER,
    (Stage.OVER, Turn.LEFT): Stage.OVER,
    (Stage.OVER, Turn.WENT_ON): Stage.OVER,
    (Stage.OVER, Turn.PAYMENT_BEGAN): Stage.OVER,
    (Stage.OVER, Turn.HUNG_UP): Stage.OVER,
}


def _row(
    recorder: Recorder, **cells: tuple[Recorder, Act]
) -> dict[tuple[Recorder, Signal], tuple[Recorder, Act]]:
    """Write one state's row: every signal that isn't named leaves all as it is."""
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
        channel_gone=_GONE,
    ),
    **_row(
        # Stopping while a start is under way crashed some Asterisk versions: the answer is awaited.
        Recorder.STARTING_IN_VAIN,
        started=(Recorder.STOPPING, Act.STOP),
        start_refused=(Recorder.NONE, Act.NOTHING),
        start_uncertain=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        adopted=(Recorder.STOPPING_ALL, Act.STOP_ALL),
        channel_gone=_GONE,
    ),
    **_row(
        Recorder.RUNNING,
        wanted_anew=(Recorder.STOPPING, Act.STOP),
        unwanted=(Recorder.STOPPING, Act.STOP),
        # Somebody else stopped it, and had a reason: it isn't started again before a new place.
        stopped=(Recorder.REFUSED, Act.ALARM),
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
    **_row(Recorder.GONE),
}

_RECORDER_SIGNALS: dict[type[RecorderFact], Signal] = {
    RecorderStarted: Signal.STARTED,
    RecorderRefused: Signal.START_REFUSED,
    RecorderUncertain: Signal.START_UNCERTAIN,
    RecorderStopped: Signal.STOPPED,
    StopUnconfirmed: Signal.STOP_UNCONFIRMED,
}

# What a ruling on a queue means.
_ENTRY_TURNS = {
    OnTransfer.CONTINUE: Turn.ENTERED,
    OnTransfer.STOP: Turn.LEFT,
    OnTransfer.SILENT: Turn.PAYMENT_BEGAN,
}

_WRITING = {
    Recorder.STARTING,
    Recorder.STARTING_IN_VAIN,
    Recorder.RUNNING,
    Recorder.UNCERTAIN,
    Recorder.STOPPING,
    Recorder.STOPPING_ALL,
    Recorder.STUCK,
}

_ALARMS = {
    (Recorder.REFUSED, Signal.START_REFUSED): "the PBX refused to start a recorder",
    (Recorder.REFUSED, Signal.STOPPED): "a recorder was stopped by somebody else",
    (Recorder.UNCERTAIN, Signal.START_UNCERTAIN): "the PBX didn't say whether a recorder started",
    (Recorder.STUCK, Signal.STOP_UNCONFIRMED): "a recorder could not be stopped, or we can't tell",
}


@dataclass(slots=True)
class _Draft:
    """The segment that is being written."""

    number: int
    started_at: datetime
    recorder_id: str = ""
    cause_at: datetime | None = None  # when it stopped being wanted
    ended_by: EndedBy | None = None

    def unwanted_since(self, at: datetime, ended_by: EndedBy) -> None:
        """Note the first moment from which on nothing may be kept; it is told late sometimes."""
        if self.cause_at is None or at < self.cause_at:
            self.cause_at, self.ended_by = at, ended_by


@dataclass(slots=True)
class _OpenSpan:
    kind: SpanKind
    started_at: datetime
    reason: Reason


@dataclass(slots=True)
class Call:
    """One call that a policy names, from its first recorded place to its end.

    Args:
        id: the call's id, of our own making.
        pbx: the PBX's name in the configuration.
        pbx_call: the PBX's own id of the outside party's channel.
        policy: the version in force when the call began; it decides to the end.
        began: the fact with which the call came into a recorded place.
        reason: why the policy names it.
    """

    id: str
    pbx: str
    pbx_call: str
    policy: Policy
    began: QueueEntered
    reason: Reason

    stage: Stage = Stage.UNRECORDED
    recorder: Recorder = Recorder.NONE
    _draft: _Draft | None = None
    _segments: list[Segment] = field(default_factory=list)
    _segment_count: int = 0
    _rests: int = 0
    _resting: int = 0  # the rest for which the recorder waits
    _stuck_tries: int = 0
    _ending: bool = False  # the bridge ends: no new recorder; its successor goes on
    _spans: list[Span] = field(default_factory=list)
    _open_span: _OpenSpan | None = None
    _story: list[Happening] = field(default_factory=list)
    _queues: list[str] = field(default_factory=list)
    _agents: list[str] = field(default_factory=list)
    _answered_at: datetime | None = None
    _ended_at: datetime | None = None
    _left_talk_at: datetime | None = None  # nobody to talk to since, unexplained so far
    _moving_until: datetime | None = None  # leaving the talk is part of the transfer until then
    _arriving: bool = False  # a blind transfer was told, and nobody was talked to since
    _vanished: bool = False  # unrecorded only because it left its talk unexplained
    _explaining: int = 0  # the rest after which a leave must have been explained
    _went_on_to: str = ""  # the queue to which a transfer allowed recording to go on
    _left_into: str = ""  # the queue whose entry ended recording, with no transfer to it so far

    @property
    def sound(self) -> bool:
        """Whether what was read back from a disk can be a call: a recorder has its segment."""
        return (self._draft is not None) == self.writing and self.began.at.tzinfo is not None

    @property
    def writing(self) -> bool:
        """Whether there is, or may be, a recorder on the channel."""
        return self.recorder in _WRITING

    def begin(self) -> list[Command]:
        """Carry out the fact with which the call began."""
        self._queues.append(self.began.arrival.queue)
        self._tell(self.began.at, f"queue {self.began.arrival.queue} entered", self.reason)
        return self._turn(Turn.ENTERED, self.began.at, self.reason, EndedBy.QUEUE)

    def apply(self, fact: Fact) -> list[Command]:
        """Take in one fact.

        Returns:
            What is to be done, in this order.
        """
        if self.stage is Stage.OVER:
            return []
        match fact:
            case QueueEntered():
                return self._queue_entered(fact)
            case AgentAnswered():
                return self._agent_answered(fact)
            case TransferCompleted():
                return self._transfer_completed(fact)
            case TransferFailed():
                self._tell(fact.at, "a transfer failed: recording stays as it was")
                return []
            case HungUp():
                return self._hung_up(fact)
            case LeftTalk() | JoinedTalk():
                return self._talk(fact)
            case BridgeFact():
                return self._bridge_fact(fact)
            case RecorderFact():
                return self._recorder_fact(fact)
            case _:
                raise TypeError(f"a call knows no fact {type(fact).__name__}")

    # facts -> turns

    def _queue_entered(self, fact: QueueEntered) -> list[Command]:
        queue = fact.arrival.queue
        if len(self._queues) < MOST_NAMES:
            self._queues.append(queue)
        went_on_to, self._went_on_to = self._went_on_to, ""
        self._left_into, self._left_talk_at, self._vanished = "", None, False
        if self.stage is Stage.RECORDED and queue == went_on_to:
            self._tell(fact.at, f"queue {queue} entered: recording goes on after the transfer")
            return []
        if self.stage is Stage.RECORDED:
            ruling = decide.on_move(self.policy, queue)
        else:
            ruling = decide.on_return(self.policy, queue)
        self._tell(fact.at, f"queue {queue} entered", ruling.reason)
        if self.stage is Stage.RECORDED and ruling.outcome is not OnTransfer.CONTINUE:
            self._left_into = queue
        turn = _ENTRY_TURNS[ruling.outcome]
        ended_by = EndedBy.PAYMENT if turn is Turn.PAYMENT_BEGAN else EndedBy.QUEUE
        return self._turn(turn, fact.at, ruling.reason, ended_by)

    def _agent_answered(self, fact: AgentAnswered) -> list[Command]:
        self._answered_at = self._answered_at or fact.at
        self._left_into, self._left_talk_at = "", None
        if fact.agent not in self._agents and len(self._agents) < MOST_NAMES:
            self._agents.append(fact.agent)
        self._tell(fact.at, "an agent answered")
        if self._vanished:
            # The queue let the call go to a subroutine or an AGI before the agent had it: it never
            # left. (Asterisk 22, run: QueueCallerLeave comes before them, AgentConnect after.)
            self._vanished = False
            return self._turn(Turn.ENTERED, fact.at, self.reason, EndedBy.QUEUE)
        return []

    def _talk(self, fact: LeftTalk | JoinedTalk) -> list[Command]:
        moving_until, self._moving_until = self._moving_until, None
        moving = moving_until is not None and fact.at <= moving_until
        if isinstance(fact, JoinedTalk):
            self._arriving = False
        if isinstance(fact, JoinedTalk) or moving:
            self._left_talk_at = None
            return []
        if self.stage is not Stage.RECORDED or self._left_talk_at is not None:
            return []
        self._left_talk_at = fact.at
        rest = self._rest(EXPLAINED_WITHIN_S)
        self._explaining = rest.rest
        return [rest]

    def _unexplained(self, left_at: datetime) -> list[Command]:
        self._left_talk_at, self._vanished = None, True
        ruling = decide.on_vanishing(self.policy)
        self._tell(left_at, "left the talk without a transfer", ruling.reason)
        return self._turn(Turn.LEFT, left_at, ruling.reason, EndedBy.TRANSFER)

    def _transfer_completed(self, fact: TransferCompleted) -> list[Command]:
        if self._is_arrival(fact):
            return []
        ruling = decide.on_transfer(self.policy, fact.place)
        self._tell(fact.at, f"{fact.how} transfer", ruling.reason)
        if fact.how == "unseen" and self._draft is not None:
            # Wherever it is now, nobody knows where it was meanwhile.
            self._draft.unwanted_since(fact.at, EndedBy.TRANSFER)
        left_into, self._left_into, self._went_on_to = self._left_into, "", ""
        vanished, self._vanished = self._vanished, False
        # A transfer is told before or after the channel leaves its talk.
        before_it = self._left_talk_at is None and fact.how == "blind"
        explained = timedelta(seconds=EXPLAINED_WITHIN_S)
        self._moving_until = fact.at + explained if before_it else None
        self._left_talk_at = None
        if ruling.outcome is OnTransfer.CONTINUE:
            self._went_on_to = fact.place.queue
            # Asterisk may say that the queue was entered before it says that a transfer led there;
            # and a call that vanished from its talk may turn up where recording goes on.
            arrived = bool(left_into) and left_into == fact.place.queue
            arrived = arrived or (fact.how == "redirected" and vanished)
            turn = Turn.ENTERED if arrived else Turn.WENT_ON
            return self._turn(turn, fact.at, ruling.reason, EndedBy.TRANSFER)
        if ruling.outcome is OnTransfer.SILENT:
            return self._turn(Turn.PAYMENT_BEGAN, fact.at, ruling.reason, EndedBy.PAYMENT)
        return self._turn(Turn.LEFT, fact.at, ruling.reason, EndedBy.TRANSFER)

    def _is_arrival(self, fact: TransferCompleted) -> bool:
        """Tell whether a call seen elsewhere is in a subroutine of where a transfer has sent it.

        Dialplans dial from a macro or a Gosub, whose extension ("s") says nothing.
        """
        arriving, self._arriving = self._arriving, fact.how == "blind"
        known = fact.place.kind is not DestinationKind.UNKNOWN
        return arriving and fact.how == "redirected" and not known

    def _hung_up(self, fact: HungUp) -> list[Command]:
        self._tell(fact.at, "hung up" if fact.seen else "gone when the link to the PBX came back")
        ended_by = EndedBy.HANG_UP if fact.seen else EndedBy.LINK_LOST
        commands = self._turn(Turn.HUNG_UP, fact.at, self.reason, ended_by)
        return commands + self._hand_off(fact.at)

    def _bridge_ends(self, fact: BridgeEnds) -> list[Command]:
        if self._ending:
            return []
        self._tell(fact.at, "the bridge ends: the recorder stops")
        self._ending = True
        return self._signal(Signal.UNWANTED, fact.at, EndedBy.BRIDGE_ENDED)

    def _adopted(self, fact: Adopted) -> list[Command]:
        self._tell(fact.at, "a new bridge has taken the call over")
        self._ending = False
        commands = self._signal(Signal.ADOPTED, fact.at, EndedBy.BRIDGE_ENDED)
        if self.stage is Stage.RECORDED and self.recorder is Recorder.NONE:
            commands += self._signal(Signal.WANTED, fact.at)
        return commands

    def hand_off_again(self) -> list[Command]:
        """Hand a call off that is over, for a bridge that died before it could."""
        return self._hand_off(self._ended_at or self.began.at)

    def _hand_off(self, at: datetime) -> list[Command]:
        self._ended_at = at
        return [HandOff(self._handoff(at))] if self._segments else []

    def _bridge_fact(self, fact: BridgeFact) -> list[Command]:
        match fact:
            case LinkReturned():
                self._tell(fact.at, "the link to the PBX was lost and is back")
                return self._signal(Signal.LINK_RETURNED, fact.at)
            case BridgeEnds():
                return self._bridge_ends(fact)
            case Adopted():
                return self._adopted(fact)
            case Rested() if fact.rest == self._explaining:
                left_at, self._explaining = self._left_talk_at, 0
                return self._unexplained(left_at) if left_at is not None else []
            case Rested() if fact.rest == self._resting:
                return self._signal(Signal.RESTED, fact.at)
            case _:
                return []  # the end of a pause that is over already

    def _recorder_fact(self, fact: RecorderFact) -> list[Command]:
        if self._draft is None or fact.segment != self._draft.number:
            return []  # a late answer about a segment that is closed already
        if isinstance(fact, RecorderStarted):
            self._draft.recorder_id = fact.recorder_id
        if isinstance(fact, RecorderStarted | RecorderUncertain):
            self._draft.started_at = fact.at
        return self._signal(_RECORDER_SIGNALS[type(fact)], fact.at)

    # turns -> stages

    def _turn(self, turn: Turn, at: datetime, reason: Reason, ended_by: EndedBy) -> list[Command]:
        before = self.stage
        self.stage = STAGES[before, turn]
        if self.stage is not before:
            self._change_span(at, reason)
        commands: list[Command] = []
        if self.stage is Stage.OVER:
            commands += self._signal(Signal.CHANNEL_GONE, at, ended_by)
        else:
            commands += self._signal(self._wish(before), at, ended_by)
            if self.stage is not before:
                commands.append(NoteState(f"{self.id};{self.stage}"))
        return commands

    def _wish(self, before: Stage) -> Signal:
        if self.stage is not Stage.RECORDED or self._ending:
            return Signal.UNWANTED
        return Signal.WANTED_ANEW if before is Stage.RECORDED else Signal.WANTED

    def _change_span(self, at: datetime, reason: Reason) -> None:
        if self._open_span is not None and len(self._spans) < MOST_SPANS:
            self._spans.append(
                Span(
                    kind=self._open_span.kind,
                    started_at=self._open_span.started_at,
                    ended_at=at,
                    reason=self._open_span.reason,
                )
            )
        kinds = {Stage.UNRECORDED: SpanKind.NOT_RECORDED, Stage.SILENT: SpanKind.PAYMENT}
        kind = kinds.get(self.stage)
        self._open_span = _OpenSpan(kind, at, reason) if kind else None

    # signals -> the recorder

    def _signal(
        self, signal: Signal, at: datetime, ended_by: EndedBy = EndedBy.HANG_UP
    ) -> list[Command]:
        before = self.recorder
        self.recorder, act = RECORDERS[before, signal]
        draft = self._draft
        if signal is Signal.UNWANTED and draft is not None:
            draft.unwanted_since(at, ended_by)
        anew = signal in (Signal.WANTED_ANEW, Signal.ADOPTED)
        if anew and draft is not None and draft.cause_at is None:
            draft.ended_by = ended_by
        if before in _WRITING and self.recorder not in _WRITING:
            self._close_segment(signal, at, ended_by)
        commands = self._act(act, at, signal)
        stopped = before is not Recorder.NONE and self.recorder is Recorder.NONE
        if stopped and self.stage is Stage.RECORDED and not self._ending:
            commands += self._signal(Signal.WANTED, at)
        return commands

    def _act(self, act: Act, at: datetime, signal: Signal) -> list[Command]:
        match act:
            case Act.NOTHING:
                return []
            case Act.START:
                return self._start(at)
            case Act.REST:
                self._stuck_tries = 0
                return [self._rest_recorder(REST_S)]
            case Act.ALARM:
                return self._alarm(at, signal)
        draft = self._draft
        if draft is None:
            raise RuntimeError(f"call {self.id}: {act} without a segment")
        if act is Act.STOP:
            return [StopRecorder(draft.number, draft.recorder_id)]
        return [StopEveryRecorder(draft.number)]

    def _alarm(self, at: datetime, signal: Signal) -> list[Command]:
        what = _ALARMS[self.recorder, signal]
        commands: list[Command] = []
        if self.recorder is Recorder.STUCK:
            self._stuck_tries += 1
            if self._stuck_tries <= MOST_STUCK_TRIES:
                commands.append(self._rest_recorder(STUCK_REST_S))
            if self._stuck_tries > 1:
                return commands  # it was told already
        self._tell(at, what)
        return [RaiseAlarm(what), *commands]

    def _rest_recorder(self, pause_s: float) -> Rest:
        rest = self._rest(pause_s)
        self._resting = rest.rest
        return rest

    def _rest(self, pause_s: float) -> Rest:
        self._rests += 1
        return Rest(self._rests, pause_s)

    def _start(self, at: datetime) -> list[Command]:
        if self._segment_count >= MOST_SEGMENTS:
            self.recorder = Recorder.REFUSED
            return [RaiseAlarm(f"more than {MOST_SEGMENTS} segments in one call: not recorded on")]
        self._segment_count += 1
        number = self._segment_count
        self._draft = _Draft(number, at)
        return [StartRecorder(number, self._file(number, "outside"), self._file(number, "inside"))]

    def _file(self, number: int, side: str) -> str:
        return f"{self.id}.{number}.{side}.wav"

    def _close_segment(self, signal: Signal, at: datetime, ended_by: EndedBy) -> None:
        draft, self._draft = self._draft, None
        if draft is None or signal is Signal.START_REFUSED:
            return
        if signal is Signal.STOPPED:
            seen = StopSeen.CONFIRMED
        else:
            seen = StopSeen.UNSEEN if ended_by is EndedBy.LINK_LOST else StopSeen.HANG_UP
        cut = timedelta(0)
        if draft.cause_at is not None:
            # What came in between the cause and the file's end is not ours to keep.
            cut = max(cut, at - draft.cause_at)
        if signal is Signal.STOPPED:
            ended_by = draft.ended_by or EndedBy.STOPPED_ELSEWHERE
        elif draft.cause_at is not None and draft.ended_by is not None:
            ended_by = draft.ended_by
        self._segments.append(
            Segment(
                number=draft.number,
                outside_file=self._file(draft.number, "outside"),
                inside_file=self._file(draft.number, "inside"),
                started_at=draft.started_at,
                ended_at=draft.cause_at or at,
                ended_by=ended_by,
                stop=seen,
                cut_s=cut.total_seconds(),
            )
        )

    # the end

    def _handoff(self, ended_at: datetime) -> Handoff:
        arrival = self.began.arrival
        return Handoff(
            id=self.id,
            call=CallFacts(
                pbx=self.pbx,
                pbx_call=self.pbx_call,
                direction=arrival.direction,
                queues=tuple(self._queues),
                started_at=self.began.at,
                answered_at=self._answered_at,
                ended_at=ended_at,
            ),
            party=Party(
                number=self.began.number,
                name=self.began.name,
                dialled=arrival.dialled,
                agents=tuple(self._agents),
            ),
            segments=tuple(self._segments),
            spans=tuple(self._spans),
            story=tuple(self._story),
            audio=decide.audio_terms(self.policy),
            keep=decide.keep(self.policy, self.began.at),
        )

    def _tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        if len(self._story) < MOST_HAPPENINGS:
            self._story.append(Happening(at=at, what=what, reason=reason))
