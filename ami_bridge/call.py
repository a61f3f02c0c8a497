"""ONE call as a table-driven state machine: fact in, commands out; no clock, no I/O.

Two tables rule. ``STAGES`` (stages.py) says where the call stands under its policy; ``RECORDERS``
(recorder.py) says what becomes of its recorder. What a fact means to the first table is a ``Turn``,
decided by the policy; what the stage means to the second is a ``Signal``. Every cell is filled: a
missing one is a defect that a test finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ami_bridge import noted
from ami_bridge.company import Company, Meeting
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    Arrived,
    BridgeEnds,
    Channel,
    Claimed,
    Command,
    ConsultationBegan,
    ConsultationEnded,
    Fact,
    HandOff,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    LinkReturned,
    NobodyListened,
    NoteState,
    OptedOut,
    Parked,
    PermissionGiven,
    QueueEntered,
    RaiseAlarm,
    RecorderFact,
    Rest,
    Rested,
    StartRecorder,
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.noted import NotedSegment
from ami_bridge.recorder import Draft, Recorder, Signal, Track, file_name
from ami_bridge.stages import STAGES, Stage, Turn
from hushtape.policy import decide
from hushtape.policy.decide import Ruling, Verdict
from hushtape.policy.schema import DestinationKind, OnTransfer, Permission, Policy
from hushtape.recordings.manifest import (
    CallFacts,
    EndedBy,
    Handoff,
    Happening,
    Leg,
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
# taken somewhere by the dialplan or a Redirect, which sends no event; one that talks to strangers
# has been left with them. Transfer and talk are told within 3 ms of each other on an idle
# Asterisk 22; what is recorded meanwhile is cut away.
EXPLAINED_WITHIN_S = 0.25

# While Local channels are optimised away, people come and go within the millisecond.
SETTLED_AFTER_S = 0.03

# A transfer to a parking lot is told before it is told that this is one. (Asterisk 22, run: within
# the millisecond; the phone's own announcement comes after it.)
PARKED_WITHIN_S = 1.0

# What a ruling on a queue means.
_ENTRY_TURNS = {
    OnTransfer.CONTINUE: Turn.ENTERED,
    OnTransfer.STOP: Turn.LEFT,
    OnTransfer.SILENT: Turn.PAYMENT_BEGAN,
}

# Of several strangers the strictest ruling counts.
_STRICTEST = (OnTransfer.SILENT, OnTransfer.STOP, OnTransfer.CONTINUE)

_SPAN_KINDS = {
    Stage.UNRECORDED: SpanKind.NOT_RECORDED,
    Stage.PARKED: SpanKind.NOT_RECORDED,
    Stage.DECLINED: SpanKind.NOT_RECORDED,
    Stage.SILENT: SpanKind.PAYMENT,
}


@dataclass(slots=True)
class _OpenSpan:
    kind: SpanKind
    started_at: datetime
    reason: Reason


@dataclass(slots=True)
class _Redirect:
    at: datetime
    reason: Reason  # for stopping, unless somebody who has the call came along


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
    began: Arrived
    reason: Reason

    stage: Stage = Stage.UNRECORDED
    _track: Track = field(default_factory=Track)
    _consultations: list[Track] = field(default_factory=list)
    _company: Company = field(default_factory=Company)
    _segments: list[Segment] = field(default_factory=list)
    _segment_count: int = 0
    _rests: int = 0
    _ending: bool = False  # the bridge ends: no new recorder; its successor goes on
    _spans: list[Span] = field(default_factory=list)
    _open_span: _OpenSpan | None = None
    _consulting: _OpenSpan | None = None
    _story: list[Happening] = field(default_factory=list)
    _queues: list[str] = field(default_factory=list)
    _agents: list[str] = field(default_factory=list)
    _answered_at: datetime | None = None
    _ended_at: datetime | None = None
    _left_talk_at: datetime | None = None  # nobody to talk to since, unexplained so far
    _moving_until: datetime | None = None  # leaving the talk is part of the transfer until then
    _arriving: bool = False  # a blind transfer was told, and nobody was talked to since
    _parking_until: datetime | None = None  # the unknown place may be a parking lot until then
    _recallable: bool = False  # nobody has answered the transfer; the adviser may be called back
    _vanished: bool = False  # unrecorded only because it left its talk unexplained
    _explaining: int = 0  # the rest after which a leave must have been explained
    _redirected: _Redirect | None = None  # it isn't clear yet who came along
    _together: int = 0  # the rest after which somebody must have come along
    _meeting: int = 0  # the rest after which strangers in the talk must have been explained
    _listening: int = 0  # the rest after which it is clear who is heard
    _permitting: int = 0  # the rest after which permission must have been given; 0: not awaited
    _discard: Reason | None = None
    _went_on_to: str = ""  # the queue to which a transfer allowed recording to go on
    _left_into: str = ""  # the queue whose entry ended recording, with no transfer to it so far
    _noted: str = ""  # what stands in the channel's variable

    def __post_init__(self) -> None:
        """What is kept of the first fact is the same for every kind."""
        began = self.began
        self.began = Arrived(
            at=began.at,
            arrival=began.arrival,
            number=began.number,
            name=began.name,
            agent=began.agent,
        )

    @property
    def recorder(self) -> Recorder:
        """What we know of the recorder on the outside party's channel."""
        return self._track.recorder

    @property
    def sound(self) -> bool:
        """Whether what was read back from a disk can be a call: a recorder has its segment."""
        return all(track.sound for track in self._tracks) and self.began.at.tzinfo is not None

    @property
    def writing(self) -> bool:
        """Whether there is, or may be, a recorder of this call."""
        return any(track.writing for track in self._tracks)

    @property
    def done(self) -> bool:
        """Whether nothing more is to come: it is over, and every recorder is gone."""
        return self.stage is Stage.OVER and not self.writing

    @property
    def legs(self) -> list[Channel]:
        """The agents' channels on which a consultation is, or may be, recorded."""
        return [track.channel for track in self._consultations if track.channel is not None]

    @property
    def segments(self) -> int:
        """How many recorders were started."""
        return self._segment_count

    @property
    def discard(self) -> Reason | None:
        """Why nothing of it may be kept, as things stand; None: it may."""
        return self._discard

    @property
    def _tracks(self) -> list[Track]:
        return [self._track, *self._consultations]

    def begin(self) -> list[Command]:
        """Carry out the fact with which the call began."""
        arrival = self.began.arrival
        if arrival.queue:
            self._queues.append(arrival.queue)
        what = f"queue {arrival.queue} entered" if arrival.queue else "answered"
        self.tell(self.began.at, what, self.reason)
        commands = self._turn(Turn.ENTERED, self.began.at, self.reason, EndedBy.QUEUE)
        if not arrival.queue:
            commands += self._answered(self.began)
        commands += self._await_permission(self.began.at)
        return self._with_note(commands)

    def apply(self, fact: Fact) -> list[Command]:
        """Take in one fact.

        Returns:
            What is to be done, in this order.
        """
        if self.stage is Stage.OVER:
            return self._after_the_end(fact)
        return self._with_note(self._apply(fact))

    def _apply(self, fact: Fact) -> list[Command]:
        for kind in type(fact).__mro__:
            handler = self._HANDLERS.get(kind)
            if handler is not None:
                return handler(self, fact)
        raise TypeError(f"a call knows no fact {type(fact).__name__}")

    # facts -> turns

    def _queue_entered(self, fact: QueueEntered) -> list[Command]:
        queue = fact.arrival.queue
        if len(self._queues) < MOST_NAMES:
            self._queues.append(queue)
        went_on_to, self._went_on_to = self._went_on_to, ""
        vanished, self._vanished = self._vanished, False
        self._left_into, self._left_talk_at = "", None
        if self.stage is Stage.DECLINED:
            self.tell(fact.at, f"queue {queue} entered: still not recorded")
            return []
        if self.stage is Stage.RECORDED and queue == went_on_to:
            self.tell(fact.at, f"queue {queue} entered: recording goes on after the transfer")
            return []
        if self.stage is Stage.RECORDED or vanished:  # the dialplan took it there, with a pause
            ruling = decide.on_move(self.policy, queue)
        else:
            ruling = decide.on_return(self.policy, queue)
        self.tell(fact.at, f"queue {queue} entered", ruling.reason)
        if self.stage is Stage.RECORDED and ruling.outcome is not OnTransfer.CONTINUE:
            self._left_into = queue
        turn = _ENTRY_TURNS[ruling.outcome]
        ended_by = EndedBy.PAYMENT if turn is Turn.PAYMENT_BEGAN else EndedBy.QUEUE
        return self._turn(turn, fact.at, ruling.reason, ended_by)

    def _answered(self, fact: Arrived) -> list[Command]:
        self._answered_at = self._answered_at or fact.at
        self._name_agent(fact.agent)
        return []

    def _answered_again(self, fact: Answered) -> list[Command]:
        """The dialplan rang somebody else, where the call had been dialled: it never left."""
        self._left_talk_at = None
        commands = self._answered(fact)
        if self._vanished:
            self._vanished = False
            return commands + self._turn(Turn.ENTERED, fact.at, self.reason, EndedBy.QUEUE)
        if self.stage is Stage.RECORDED:
            self._company.expect()
        return commands

    def _agent_answered(self, fact: AgentAnswered) -> list[Command]:
        self._answered_at = self._answered_at or fact.at
        self._left_into, self._left_talk_at = "", None
        self._name_agent(fact.agent)
        self.tell(fact.at, "an agent answered")
        recorded = self.stage is Stage.RECORDED or self._vanished
        if recorded and not self._company.talkers:
            if fact.talker is not None:
                self._company.let_in(fact.talker)
            else:
                self._company.expect()
        if self._vanished:
            # The queue let the call go to a subroutine or an AGI before the agent had it: it never
            # left. (Asterisk 22, run: QueueCallerLeave comes before them, AgentConnect after.)
            self._vanished = False
            return self._turn(Turn.ENTERED, fact.at, self.reason, EndedBy.QUEUE)
        return []

    def _name_agent(self, agent: str) -> None:
        if agent and agent not in self._agents and len(self._agents) < MOST_NAMES:
            self._agents.append(agent)

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
        rest = self.new_rest(EXPLAINED_WITHIN_S)
        self._explaining = rest.rest
        return [rest]

    def _unexplained(self, left_at: datetime) -> list[Command]:
        self._left_talk_at = None
        if self.stage is not Stage.RECORDED:
            return []
        self._vanished = True
        ruling = decide.on_vanishing(self.policy)
        self.tell(left_at, "left the talk without a transfer", ruling.reason)
        return self._turn(Turn.LEFT, left_at, ruling.reason, EndedBy.TRANSFER)

    def _talk_changed(self, fact: TalkChanged) -> list[Command]:
        company = self._company
        if self.stage is Stage.UNRECORDED:
            return self._recalled(fact)
        if self.stage not in (Stage.RECORDED, Stage.PARKED):
            company.talkers = fact.talkers
            return []
        if self.stage is Stage.PARKED:
            return self._fetched(fact)
        if company.judged and self._stops_with(fact.talkers):
            company.expected = False
        meeting = company.change(fact.talkers, fact.at)
        ruling = self._ruling_on_talk()
        if ruling is not None and ruling.outcome is OnTransfer.SILENT:
            self.tell(fact.at, "a payment line is in the talk", ruling.reason)
            return self._turn(Turn.PAYMENT_BEGAN, fact.at, ruling.reason, EndedBy.PAYMENT)
        if self._redirected is not None and meeting is not Meeting.NOBODY:
            return self._came_along(fact.at, meeting)
        if meeting is Meeting.STRANGERS:
            rest = self.new_rest(EXPLAINED_WITHIN_S)
            self._meeting = rest.rest
            return [rest]
        if meeting is Meeting.KNOWN and company.voice != company.heard:
            rest = self.new_rest(SETTLED_AFTER_S)
            self._listening = rest.rest
            return [rest]
        return []

    def _recalled(self, fact: TalkChanged) -> list[Command]:
        """A transfer after which nobody came to the talk but the adviser was none.

        Asterisk 22, run: who hangs up while the colleague's telephone rings has completed an
        attended transfer; if the colleague doesn't answer, the adviser is called back.
        """
        company = self._company
        company.talkers = fact.talkers
        voices = [talker for talker in fact.talkers if not talker.stands_in]
        recallable, self._recallable = self._recallable, self._recallable and not voices
        back = any(talker.telephone in company.known for talker in voices if talker.telephone)
        if not recallable or not back:
            return []
        reason = decide.on_recall(self.policy)
        self.tell(fact.at, "the adviser has the call again", reason)
        commands = self._turn(Turn.ENTERED, fact.at, reason, EndedBy.TRANSFER)
        company.expected, company.heard = False, company.voice  # who came is there already
        return commands

    def _voice_settled(self, at: datetime) -> list[Command]:
        self._listening = 0
        if self.stage is not Stage.RECORDED or not self._company.hears_somebody_else():
            return []
        if self._track.writing:  # one that somebody else has stopped waits for a new place
            return self._signal(Signal.WANTED_ANEW, at, EndedBy.ANOTHER_VOICE)
        return []

    def _ruling_on_talk(self) -> Ruling | None:
        """Judge those who are there as if the call were being transferred to them."""
        return self._ruling_on(self._company.talkers)

    def _ruling_on(self, talkers: tuple[Talker, ...]) -> Ruling | None:
        rulings = [decide.on_transfer(self.policy, each.place) for each in talkers]
        return min(rulings, key=lambda each: _STRICTEST.index(each.outcome), default=None)

    def _stops_with(self, talkers: tuple[Talker, ...]) -> bool:
        """Tell whether the policy stops where somebody of them is."""
        return any(
            decide.on_transfer(self.policy, each.place).outcome is not OnTransfer.CONTINUE
            for each in talkers
            if not each.stands_in
        )

    def _perhaps_together(self, at: datetime, reason: Reason) -> list[Command]:
        """A Redirect may take the adviser along, into a conference: who is there is what counts."""
        rest = self.new_rest(EXPLAINED_WITHIN_S)
        self._redirected, self._together = _Redirect(at, reason), rest.rest
        self._company.expected = False
        return [rest]

    def _came_along(self, at: datetime, meeting: Meeting) -> list[Command]:
        if meeting is not Meeting.KNOWN:
            return self._not_together()
        self._redirected = None
        self.tell(at, "somebody who has the call came along", decide.on_fetching(self.policy))
        commands = self._signal(Signal.WANTED_ANEW, at, EndedBy.TRANSFER)
        self._company.heard = self._company.voice
        return commands

    def _not_together(self) -> list[Command]:
        redirected, self._redirected = self._redirected, None
        if redirected is None or self.stage is not Stage.RECORDED:
            return []
        return self._turn(Turn.LEFT, redirected.at, redirected.reason, EndedBy.TRANSFER)

    def _doubted_since(self) -> datetime | None:
        """Since when the talk may be a forbidden one; in a moment it will be clear."""
        if self._redirected is not None:
            return self._redirected.at
        if self._company.strangers_since is None:
            return None
        ruling = self._ruling_on(self._company.strangers)
        if ruling is None or ruling.outcome is OnTransfer.CONTINUE:
            return None
        return self._company.strangers_since

    def _among_strangers(self) -> list[Command]:
        since, ruling = self._company.strangers_since, self._ruling_on_talk()
        if since is None or ruling is None or self.stage is not Stage.RECORDED:
            self._company.strangers_since = None  # they are gone again
            return []
        self.tell(since, "in a talk with somebody else, without a transfer", ruling.reason)
        if ruling.outcome is not OnTransfer.CONTINUE:
            return self._turn(Turn.LEFT, since, ruling.reason, EndedBy.TRANSFER)
        commands = self._turn(Turn.WENT_ON, since, ruling.reason, EndedBy.TRANSFER)
        self._company.heard = self._company.voice
        return commands

    def _held(self, fact: Held) -> list[Command]:
        """Renew the recorder while only music is lost by it.

        Asterisk 22, run: a telephone that begins its RTP anew after the hold, with lower numbers,
        is never heard again by a recorder that ran through it (0 of 15; renewed 10 of 10).
        """
        if self.stage is not Stage.RECORDED or not self._track.writing:
            return []
        return self._signal(Signal.WANTED_ANEW, fact.at, EndedBy.HELD)

    def _parked(self, fact: Parked) -> list[Command]:
        left_at, self._left_talk_at = self._left_talk_at, None
        since = min(left_at or fact.at, fact.at)
        reason = decide.on_parking(self.policy)
        self.tell(since, "parked", reason)
        parking = self._parking_until is not None and fact.at <= self._parking_until
        turn = Turn.TURNED_OUT_PARKED if self._vanished or parking else Turn.PARKED
        self._vanished, self._parking_until = False, None
        commands = self._turn(turn, since, reason, EndedBy.PARKED)
        self._company.talkers, self._company.expected = (), False
        return commands

    def _fetched(self, fact: TalkChanged) -> list[Command]:
        company = self._company
        company.change(fact.talkers, fact.at)
        company.strangers_since = None
        ruling = self._ruling_on_talk()
        if ruling is None:
            return []
        if ruling.outcome is OnTransfer.SILENT:
            self.tell(fact.at, "fetched", ruling.reason)
            return self._turn(Turn.PAYMENT_BEGAN, fact.at, ruling.reason, EndedBy.PAYMENT)
        if any(company.knows(talker) for talker in company.talkers):
            reason = decide.on_fetching(self.policy)
            self.tell(fact.at, "fetched", reason)
            commands = self._turn(Turn.ENTERED, fact.at, reason, EndedBy.PARKED)
            company.expected = False  # who came is there already
            return commands
        self.tell(fact.at, "fetched by somebody else", ruling.reason)
        if ruling.outcome is not OnTransfer.CONTINUE:
            return self._turn(Turn.LEFT, fact.at, ruling.reason, EndedBy.PARKED)
        commands = self._turn(Turn.WENT_ON, fact.at, ruling.reason, EndedBy.PARKED)
        company.let_in(*company.talkers)
        return commands

    def _transfer_completed(self, fact: TransferCompleted) -> list[Command]:
        if self._is_arrival(fact):
            return []
        if self.stage is Stage.PARKED and fact.how == "redirected":
            return []  # who fetches it is what counts
        ruling = decide.on_transfer(self.policy, fact.place)
        self.tell(fact.at, f"{fact.how} transfer", ruling.reason)
        draft = self._track.draft
        if fact.how == "unseen" and draft is not None:
            # Wherever it is now, nobody knows where it was meanwhile.
            draft.unwanted_since(fact.at, EndedBy.TRANSFER)
        left_into, self._left_into, self._went_on_to = self._left_into, "", ""
        vanished, self._vanished = self._vanished, False
        self._redirected = None
        # A transfer is told before or after the channel leaves its talk, if it does.
        before_it = self._left_talk_at is None and fact.how in ("blind", "attended")
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
            commands = self._turn(turn, fact.at, ruling.reason, EndedBy.TRANSFER)
            # Who answers in a queue is its agent; who answers elsewhere may be somebody else.
            self._company.judged = fact.place.kind is not DestinationKind.QUEUE
            return commands
        if (
            fact.how == "redirected"
            and self.stage is Stage.RECORDED
            and ruling.outcome is OnTransfer.STOP
        ):
            return self._perhaps_together(fact.at, ruling.reason)
        since = min(fact.at, self._company.strangers_since or fact.at)
        nobody = all(talker.stands_in for talker in self._company.talkers)
        self._recallable = fact.how == "attended" and nobody and self.stage is Stage.RECORDED
        if fact.place.kind is DestinationKind.UNKNOWN and self.stage is Stage.RECORDED:
            self._parking_until = fact.at + timedelta(seconds=PARKED_WITHIN_S)
        if ruling.outcome is OnTransfer.SILENT:
            return self._turn(Turn.PAYMENT_BEGAN, since, ruling.reason, EndedBy.PAYMENT)
        return self._turn(Turn.LEFT, since, ruling.reason, EndedBy.TRANSFER)

    def _is_arrival(self, fact: TransferCompleted) -> bool:
        """Tell whether a call seen elsewhere is in a subroutine of where a transfer has sent it.

        Dialplans dial from a macro or a Gosub, whose extension ("s") says nothing.
        """
        arriving, self._arriving = self._arriving, fact.how == "blind"
        known = fact.place.kind is not DestinationKind.UNKNOWN
        return arriving and fact.how == "redirected" and not known

    # consultations

    def _consultation_began(self, fact: ConsultationBegan) -> list[Command]:
        verdict = self._verdict_on_consultation(fact)
        agent = Talker(fact.leg.uniqueid, fact.place, telephone=fact.telephone)
        if self.stage is not Stage.RECORDED or not self._company.knows(agent):
            return []  # what somebody else does who is in the talk is no part of the call
        if self._consulting is None or self._consulting.reason != verdict.reason:
            self.tell(fact.at, "the agent consults somebody", verdict.reason)
            self._close_consultation(fact.at)
            self._consulting = _OpenSpan(SpanKind.CONSULTATION, fact.at, verdict.reason)
        track = self._consultation(fact.leg.uniqueid)
        if not verdict.allowed or self._ending:
            if track is None:
                return []
            return track.signal(self, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)
        self._consultations = [
            each for each in self._consultations if each is track or not each.idle
        ]
        if track is None:
            track = Track(leg=Leg.CONSULTATION, channel=fact.leg)
            self._consultations.append(track)
        return track.signal(self, Signal.WANTED, fact.at)

    def _verdict_on_consultation(self, fact: ConsultationBegan) -> Verdict:
        """Judge whom the agent has called, and everybody who is there by now."""
        verdict = decide.on_consultation(self.policy, fact.place)
        for talker in fact.talkers:
            if verdict.allowed and not talker.stands_in:
                verdict = decide.on_consultation(self.policy, talker.place)
        return verdict

    def _consultation_ended(self, fact: ConsultationEnded) -> list[Command]:
        if self._consulting is not None:
            self.tell(fact.at, "the consultation is over")
        self._close_consultation(fact.at)
        track = self._consultation(fact.leg)
        if track is None:
            return []
        return track.signal(self, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)

    def _leg_gone(self, fact: LegGone) -> list[Command]:
        track = self._consultation(fact.leg)
        if track is None:
            return []
        if self._consulting is not None:
            self.tell(fact.at, "the consultation is over: the agent's channel is gone")
        self._close_consultation(fact.at)
        commands = track.signal(self, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)
        # What the stop would have shown, the hang-up shows: nothing is to be sent.
        track.signal(self, Signal.CHANNEL_GONE, fact.at, EndedBy.CONSULTED)
        return [each for each in commands if isinstance(each, RaiseAlarm)]

    def _consultation(self, uniqueid: str) -> Track | None:
        for track in self._consultations:
            if track.channel is not None and track.channel.uniqueid == uniqueid:
                return track
        return None

    def _end_consultations(self, at: datetime, ended_by: EndedBy) -> list[Command]:
        self._close_consultation(at)
        commands: list[Command] = []
        for track in self._consultations:
            commands += track.signal(self, Signal.UNWANTED, at, ended_by)
        return commands

    def _close_consultation(self, at: datetime) -> None:
        span, self._consulting = self._consulting, None
        self._close_span(span, at)

    # opt-out and permission

    def _opted_out(self, fact: OptedOut) -> list[Command]:
        verdict = decide.on_opt_out(self.policy, fact.by)
        if self.stage is Stage.DECLINED:
            return []
        self.tell(fact.at, f"opt-out by the {fact.by}", verdict.reason)
        if not verdict.allowed:
            return [RaiseAlarm(verdict.reason.words)]
        if decide.discards_on_opt_out(self.policy):
            self._discard = verdict.reason
        return self._turn(Turn.DECLINED, fact.at, verdict.reason, EndedBy.OPT_OUT)

    def _await_permission(self, at: datetime) -> list[Command]:
        terms = decide.permission_terms(self.policy, self.began.arrival.direction)
        if terms is None:
            return []
        self._discard = terms.reason  # until it is given
        within = timedelta(seconds=terms.within_s) - (at - self.began.at)
        rest = self.new_rest(max(0.0, within.total_seconds()))
        self._permitting = rest.rest
        return [rest]

    def _permission_given(self, fact: PermissionGiven) -> list[Command]:
        if not self._permitting or self.stage is Stage.DECLINED:
            return []
        if fact.by not in (self.policy.outbound.permission, Permission.KEY):
            self.tell(fact.at, f"permission by {fact.by}: the policy asks for another one")
            return []
        self.tell(fact.at, f"permission given ({fact.by})")
        self._permitting, self._discard = 0, None
        return []

    def _not_permitted(self, at: datetime) -> list[Command]:
        self._permitting = 0
        reason = self._discard or self.reason
        self.tell(at, "permission was not given in time", reason)
        return self._turn(Turn.DECLINED, at, reason, EndedBy.NO_PERMISSION)

    # the end

    def _transfer_failed(self, fact: TransferFailed) -> list[Command]:
        self.tell(fact.at, "a transfer failed: recording stays as it was")
        return []

    def _hung_up(self, fact: HungUp) -> list[Command]:
        self.tell(fact.at, "hung up" if fact.seen else "gone when the link to the PBX came back")
        ended_by = EndedBy.HANG_UP if fact.seen else EndedBy.LINK_LOST
        self._ended_at = fact.at
        commands = self._turn(Turn.HUNG_UP, fact.at, self.reason, ended_by)
        return commands + self._hand_off()

    def _after_the_end(self, fact: Fact) -> list[Command]:
        """It is over, and perhaps a recorder on the agent's channel is still being stopped."""
        if self.done:
            return []
        if not isinstance(fact, LegGone | LinkReturned | Adopted | Rested | RecorderFact):
            return []
        return self._apply(fact) + self._hand_off()

    def hand_off_again(self) -> list[Command]:
        """Hand a call off that is over, for a bridge that died before it could."""
        return self._hand_off()

    def _hand_off(self) -> list[Command]:
        if not self.done or not self._segments:
            return []
        return [HandOff(self._handoff(self._ended_at or self.began.at))]

    # the bridge

    def _bridge_ends(self, fact: BridgeEnds) -> list[Command]:
        if self._ending:
            return []
        self.tell(fact.at, "the bridge ends: the recorder stops")
        self._ending = True
        commands = self._signal(Signal.UNWANTED, fact.at, EndedBy.BRIDGE_ENDED)
        return commands + self._end_consultations(fact.at, EndedBy.BRIDGE_ENDED)

    def _adopted(self, fact: Adopted) -> list[Command]:
        commands: list[Command] = []
        for track in self._consultations:
            track.wanted = False  # nobody knows whether the agent still consults
            commands += track.signal(self, Signal.UNWANTED, fact.at, EndedBy.BRIDGE_ENDED)
            commands += track.signal(self, Signal.ADOPTED, fact.at, EndedBy.BRIDGE_ENDED)
        if self.stage is Stage.OVER:
            return commands
        self.tell(fact.at, "a new bridge has taken the call over")
        self._ending = False
        # The timers were the predecessor's; and nothing is begun that would have to be stopped.
        if self._permitting:
            commands += self._await_permission(fact.at)
        if self._left_talk_at is not None:
            commands += self._unexplained(self._left_talk_at)
        commands += self._not_together() + self._among_strangers()
        self._track.wanted = self.stage is Stage.RECORDED
        commands += self._signal(Signal.ADOPTED, fact.at, EndedBy.BRIDGE_ENDED)
        if self._track.wanted and self.recorder is Recorder.NONE:
            commands += self._signal(Signal.WANTED, fact.at)
        return commands

    def _link_returned(self, fact: LinkReturned) -> list[Command]:
        self.tell(fact.at, "the link to the PBX was lost and is back")
        commands: list[Command] = []
        for track in self._tracks:
            commands += track.signal(self, Signal.LINK_RETURNED, fact.at)
        return commands

    def _nobody_listened(self, fact: NobodyListened) -> list[Command]:
        """Whoever was expected may have been and gone; somebody else may have been there.

        Where somebody who has the call is there still, or nobody was yet, nothing is lost.
        """
        company, draft = self._company, self._track.draft
        company.expected = False
        if self.stage is not Stage.RECORDED or draft is None:
            return []
        if company.talkers or not company.heard:
            return []
        draft.unwanted_since(fact.at, EndedBy.LINK_LOST)
        return self._signal(Signal.WANTED_ANEW, fact.at, EndedBy.LINK_LOST)

    def _rested(self, fact: Rested) -> list[Command]:
        if fact.rest == self._explaining:
            left_at, self._explaining = self._left_talk_at, 0
            return self._unexplained(left_at) if left_at is not None else []
        if fact.rest == self._meeting:
            self._meeting = 0
            return self._among_strangers()
        if fact.rest == self._together:
            self._together = 0
            return self._not_together()
        if fact.rest == self._listening:
            return self._voice_settled(fact.at)
        if fact.rest == self._permitting:
            return self._not_permitted(fact.at)
        for track in self._tracks:
            if fact.rest == track.resting:
                return track.signal(self, Signal.RESTED, fact.at)
        return []  # the end of a pause that is over already

    def _recorder_fact(self, fact: RecorderFact) -> list[Command]:
        for track in self._tracks:
            if track.draft is not None and track.draft.number == fact.segment:
                return track.answered(self, fact)
        return []  # a late answer about a segment that is closed already

    # turns -> stages

    def _turn(self, turn: Turn, at: datetime, reason: Reason, ended_by: EndedBy) -> list[Command]:
        before = self.stage
        self.stage = STAGES[before, turn]
        if self.stage is not before:
            self._change_span(at, reason)
        if turn in (Turn.ENTERED, Turn.WENT_ON) and self.stage is Stage.RECORDED:
            self._company.expect()
        commands: list[Command] = []
        if self.stage is Stage.OVER:
            commands += self._signal(Signal.CHANNEL_GONE, at, ended_by)
        else:
            commands += self._signal(self._wish(before), at, ended_by)
        if self.stage is not Stage.RECORDED:
            self._redirected = self._company.strangers_since = None
        if self.stage is not Stage.RECORDED or turn in (Turn.ENTERED, Turn.WENT_ON):
            commands += self._end_consultations(at, ended_by)
        return commands

    def _wish(self, before: Stage) -> Signal:
        if self.stage is not Stage.RECORDED or self._ending:
            return Signal.UNWANTED
        return Signal.WANTED_ANEW if before is Stage.RECORDED else Signal.WANTED

    def _signal(
        self, signal: Signal, at: datetime, ended_by: EndedBy = EndedBy.HANG_UP
    ) -> list[Command]:
        """Tell the recorder on the outside party's channel something."""
        if signal is Signal.WANTED_ANEW and self._ending:
            return []
        if signal in (Signal.WANTED, Signal.WANTED_ANEW):
            # The new recorder hears who is there; after a transfer nobody is yet.
            goes_on = ended_by in (EndedBy.ANOTHER_VOICE, EndedBy.HELD, EndedBy.PARKED)
            self._company.heard = self._company.voice if goes_on else ""
        doubted_since, draft = self._doubted_since(), self._track.draft
        if doubted_since is not None and draft is not None:
            draft.unwanted_since(doubted_since, EndedBy.TRANSFER)
        return self._track.signal(self, signal, at, ended_by)

    def _change_span(self, at: datetime, reason: Reason) -> None:
        self._close_span(self._open_span, at)
        kind = _SPAN_KINDS.get(self.stage)
        self._open_span = _OpenSpan(kind, at, reason) if kind else None

    def _close_span(self, span: _OpenSpan | None, at: datetime) -> None:
        if span is not None and len(self._spans) < MOST_SPANS:
            ended_at = max(at, span.started_at)  # what ended it may have been before, and told late
            self._spans.append(
                Span(
                    kind=span.kind,
                    started_at=span.started_at,
                    ended_at=ended_at,
                    reason=span.reason,
                )
            )

    # what stands in the channel's variable

    def is_where_it_was(self, found: Claimed) -> bool:
        """Tell whether a call is still in the talk, or the queue, that its note tells of."""
        if found.talkers:
            return any(self._company.knows(talker) for talker in found.talkers)
        return bool(found.waits_in) and found.waits_in in self._queues

    def _with_note(self, commands: list[Command]) -> list[Command]:
        """Note the call's state where it has changed: after a stop, before a start."""
        text = noted.write(self._state())
        if self.stage is Stage.OVER or text == self._noted:
            return commands
        self._noted = text
        starts = [n for n, each in enumerate(commands) if isinstance(each, StartRecorder)]
        at = starts[0] if starts else len(commands)
        return [*commands[:at], NoteState(text), *commands[at:]]

    def _state(self) -> noted.Noted:
        segments = [
            NotedSegment(each.number, each.leg, each.started_at, each.ended_at)
            for each in self._segments[-noted.MOST_SEGMENTS :]
        ]
        for track in self._tracks:
            draft = track.draft
            if draft is not None:
                leg = track.channel
                on = f"{leg.uniqueid}~{leg.name}" if leg is not None else ""
                segments.append(
                    NotedSegment(draft.number, track.leg, draft.asked_at, draft.cause_at, on)
                )
        return noted.Noted(
            id=self.id,
            stage=self.stage,
            policy=self.policy.name,
            version=self.policy.version,
            direction=self.began.arrival.direction,
            began_at=self.began.at,
            discards=self._discard is not None,
            awaits_permission=bool(self._permitting),
            queue=self._queues[-1] if self._queues else "",
            known=tuple(self._company.known[-noted.MOST_KNOWN :]),
            segments=tuple(segments),
        )

    @classmethod
    def resumed(
        cls, state: noted.Noted, pbx: str, pbx_call: str, policy: Policy, began: Arrived
    ) -> Call:
        """Make a call anew of what a bridge noted on its channel; apply ``Adopted`` next.

        Args:
            policy: the one that the note names.
            began: who the outside party is, as the PBX shows it now.
        """
        reason = decide.on_resuming(policy)
        arrival = replace(began.arrival, at=state.began_at, direction=state.direction)
        began = Arrived(at=state.began_at, arrival=arrival, number=began.number, name=began.name)
        call = cls(
            id=state.id, pbx=pbx, pbx_call=pbx_call, policy=policy, began=began, reason=reason
        )
        call.stage = state.stage
        call.tell(state.began_at, "began; the rest of its story is lost with its bridge", reason)
        call._segment_count = noted.newest(state.segments)
        call._discard = reason if state.discards else None
        call._permitting = -1 if state.awaits_permission else 0  # Adopted gives it its time
        call._queues = [state.queue] if state.queue else []
        call._company.known = list(state.known)
        last = noted.newest([each for each in state.segments if each.leg is Leg.OUTSIDE])
        for each in state.segments:
            if each.number == last:
                # Its recorder may run on, also where it should not: Adopted stops it.
                call._track.recorder = Recorder.UNCERTAIN
                call._track.draft = Draft(each.number, each.started_at, each.started_at)
                if each.ended_at is not None:
                    call._track.draft.unwanted_since(each.ended_at, EndedBy.LINK_LOST)
                    call._track.draft.unseen = True
                continue
            if each.on:
                uniqueid, _, name = each.on.partition("~")
                track = Track(leg=each.leg, channel=Channel(uniqueid, name, "", ""))
                track.recorder = Recorder.UNCERTAIN
                track.draft = Draft(each.number, each.started_at, each.started_at)
                track.draft.unwanted_since(each.ended_at or each.started_at, EndedBy.LINK_LOST)
                track.draft.unseen = True
                call._consultations.append(track)
                continue
            call._segments.append(
                Segment(
                    number=each.number,
                    outside_file=file_name(state.id, each.number, "outside"),
                    inside_file=file_name(state.id, each.number, "inside"),
                    started_at=each.started_at,
                    ended_at=each.ended_at or each.started_at,
                    ended_by=EndedBy.LINK_LOST,
                    stop=StopSeen.UNSEEN,
                    leg=each.leg,
                )
            )
        return call

    # what the recorders write into (recorder.Book)

    def new_segment(self) -> int:
        """Number the next segment; 0 if there were too many."""
        if self._segment_count >= MOST_SEGMENTS:
            return 0
        self._segment_count += 1
        return self._segment_count

    def new_rest(self, pause_s: float) -> Rest:
        """Number the next rest."""
        self._rests += 1
        return Rest(self._rests, pause_s)

    def keep(self, segment: Segment) -> None:
        """Add a segment that is closed."""
        self._segments.append(segment)

    def tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        """Add a line to the call's story."""
        if len(self._story) < MOST_HAPPENINGS:
            self._story.append(Happening(at=at, what=what, reason=reason))

    # what is known elsewhere

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
            discard=self._discard,
        )

    # What a call does with a fact: the handler of its own class, else of the class above it.
    _HANDLERS: ClassVar[dict[type, Callable[[Any, Any], list[Command]]]] = {
        QueueEntered: _queue_entered,
        Answered: _answered_again,
        AgentAnswered: _agent_answered,
        TransferCompleted: _transfer_completed,
        TransferFailed: _transfer_failed,
        HungUp: _hung_up,
        LeftTalk: _talk,
        JoinedTalk: _talk,
        TalkChanged: _talk_changed,
        Held: _held,
        Parked: _parked,
        ConsultationBegan: _consultation_began,
        ConsultationEnded: _consultation_ended,
        LegGone: _leg_gone,
        OptedOut: _opted_out,
        PermissionGiven: _permission_given,
        LinkReturned: _link_returned,
        NobodyListened: _nobody_listened,
        BridgeEnds: _bridge_ends,
        Adopted: _adopted,
        Rested: _rested,
        RecorderFact: _recorder_fact,
    }
