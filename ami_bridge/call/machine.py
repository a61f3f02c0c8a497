"""ONE call as a table-driven state machine: fact in, commands out; no clock, no I/O.

What is known of it, and the two tables that move it, are in standing.py. Here each fact finds the
function that takes it in: this file is the way in, and the list of all facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ami_bridge.call import (
    consent,
    consultation,
    meeting,
    moves,
    noted,
    outage,
    parking,
    payment,
    resumed,
    talk,
)
from ami_bridge.call.recorder import Signal
from ami_bridge.call.standing import Standing
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    Arrived,
    BridgeEnds,
    Claimed,
    Command,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    ForeignRecorder,
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
    Overheard,
    Parked,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    QueueEntered,
    RecorderFact,
    Rested,
    SilenceAsked,
    StartRecorder,
    TalkChanged,
    TransferCompleted,
    TransferFailed,
)
from hushtape.policy import decide
from hushtape.policy.decide import Beside
from hushtape.policy.schema import Starts
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import CallFacts, EndedBy, Handoff, Party


@dataclass(slots=True)
class Call(Standing):
    """One call that a policy names, from its first recorded place to its end."""

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

    @classmethod
    def resumed(
        cls,
        state: noted.Noted,
        pbx: str,
        pbx_call: str,
        policy: Beside,
        began: Arrived,
        *,
        one_file: bool = False,
    ) -> Call:
        """Make a call anew of what a bridge noted on its channel; apply ``Adopted`` next.

        Args:
            policy: the one that the note names.
            began: who the outside party is, as the PBX shows it now.
            one_file: see ``Standing``.
        """
        arrival = replace(began.arrival, at=state.began_at, direction=state.direction)
        began = Arrived(at=state.began_at, arrival=arrival, number=began.number, name=began.name)
        reason = decide.on_resuming(policy)
        call = cls(
            id=state.id,
            pbx=pbx,
            pbx_call=pbx_call,
            policy=policy,
            began=began,
            reason=reason,
            one_file=one_file,
        )
        resumed.fill(call, state)
        return call

    def is_where_it_was(self, found: Claimed) -> bool:
        """Tell whether it is still in the talk, or the queue, that its note tells of."""
        return resumed.is_where_it_was(self, found)

    def begin(self, paying: PaymentBegan | None = None) -> list[Command]:
        """Carry out the fact with which the call began.

        Args:
            paying: a payment in which it is already.
        """
        arrival = self.began.arrival
        if arrival.queue:
            self.papers.name_queue(arrival.queue)
        what = f"queue {arrival.queue} entered" if arrival.queue else "answered"
        self.tell(self.began.at, what, self.reason)
        starts = self.policy.calls.starts
        self.awaits_answer = bool(arrival.queue) and starts is Starts.ANSWER
        if paying is not None:
            commands = payment.begins_in_one(self, paying)
        else:
            commands = moves.enter(self, self.began.at, self.reason, EndedBy.QUEUE)
        if not arrival.queue:
            commands += moves.answered(self, self.began)
        commands += consent.await_permission(self, self.began.at)
        return self._with_note(commands)

    def apply(self, fact: Fact) -> list[Command]:
        """Take in one fact.

        Returns:
            What is to be done, in this order.
        """
        if self.stage is Stage.OVER:
            return self._after_the_end(fact)
        if isinstance(fact, _MOVES):
            payment.moved(self, fact)
        self.company.follow(fact)
        commands = self._with_note(_handler(fact)(self, fact))
        return commands + self._hand_off() if isinstance(fact, HungUp) else commands

    def _after_the_end(self, fact: Fact) -> list[Command]:
        """It is over, and perhaps a recorder on the agent's channel is still being stopped."""
        if self.done:
            return []
        if not isinstance(fact, LegGone | LinkReturned | Adopted | Rested | RecorderFact):
            return []
        return _handler(fact)(self, fact) + self._hand_off()

    def hand_off_again(self) -> list[Command]:
        """Hand a call off that is over, for a bridge that died before it could."""
        return self._hand_off()

    def _hand_off(self) -> list[Command]:
        if not self.done or not self.papers.segments:
            return []
        return [HandOff(self._handoff())]

    def _handoff(self) -> Handoff:
        arrival, papers = self.began.arrival, self.papers
        tags = decide.tags(self.policy, arrival, papers.queues)
        return Handoff(
            id=self.id,
            call=CallFacts(
                pbx=self.pbx,
                pbx_call=self.pbx_call,
                direction=arrival.direction,
                queues=tuple(papers.queues),
                started_at=self.began.at,
                answered_at=papers.answered_at,
                ended_at=papers.ended_at or self.began.at,
            ),
            party=Party(
                number=self.began.number,
                name=self.began.name,
                dialled=arrival.dialled,
                agents=tuple(papers.agents),
            ),
            segments=tuple(papers.segments),
            spans=tuple(papers.spans),
            story=tuple(papers.story),
            audio=decide.audio_terms(self.policy),
            keep=decide.keep(self.policy, self.began.at, papers.queues, tags),
            tags=tags,
            discard=self.discard,
        )

    def _with_note(self, commands: list[Command]) -> list[Command]:
        """Note the call's state where it has changed: after a stop, before a start."""
        text = noted.write(resumed.state_of(self))
        if self.stage is Stage.OVER or text == self.papers.noted:
            return commands
        self.papers.noted = text
        starts = [n for n, each in enumerate(commands) if isinstance(each, StartRecorder)]
        at = starts[0] if starts else len(commands)
        return [*commands[:at], NoteState(text), *commands[at:]]


def _hung_up(call: Standing, fact: HungUp) -> list[Command]:
    call.tell(fact.at, "hung up" if fact.seen else "gone when the link to the PBX came back")
    ended_by = EndedBy.HANG_UP if fact.seen else EndedBy.LINK_LOST
    call.papers.ended_at = fact.at
    return call.turn(Turn.HUNG_UP, fact.at, call.reason, ended_by)


def _rested(call: Standing, fact: Rested) -> list[Command]:
    """Give a rest's end to whoever waits for it; 0 is nobody's."""
    match fact.rest:
        case 0:
            return []
        case call.explaining:
            return talk.explanation_due(call)
        case call.meeting:
            return meeting.strangers_due(call)
        case call.together:
            return meeting.not_together(call)
        case call.listening:
            return meeting.voice_settled(call, fact.at)
        case call.permitting:
            return consent.permission_due(call, fact.at)
    if call.paying is not None and fact.rest in (call.paying.rest, call.paying.leaving):
        return payment.rested(call, call.paying, fact)
    for track in call.tracks:
        if fact.rest == track.resting:
            return track.signal(call, Signal.RESTED, fact.at)
    return []  # the end of a pause that is over already


def _recorder_fact(call: Standing, fact: RecorderFact) -> list[Command]:
    for track in call.tracks:
        if track.draft is not None and track.draft.number == fact.segment:
            return track.answered(call, fact)
    return []  # a late answer about a segment that is closed already


def _for_the_bridge(call: Standing, fact: Fact) -> list[Command]:
    """What the dialplan asks, and what others record, is the bridge's to see to."""
    return []


# With these somebody comes or goes, or only seems to: a recorder that runs through it may be deaf.
_MOVES = (TalkChanged, Held, Parked, TransferCompleted, JoinedTalk, LeftTalk, LinkReturned)

# What a call does with a fact: the function of its own class, else of the class above it.
_HANDLERS: dict[type, Callable[[Any, Any], list[Command]]] = {
    QueueEntered: moves.queue_entered,
    Answered: moves.answered_again,
    AgentAnswered: moves.agent_answered,
    TransferCompleted: moves.transfer_completed,
    TransferFailed: moves.transfer_failed,
    HungUp: _hung_up,
    LeftTalk: talk.changed,
    JoinedTalk: talk.changed,
    TalkChanged: meeting.changed,
    Held: meeting.held,
    Parked: parking.parked,
    ConsultationBegan: consultation.began,
    ConsultationEnded: consultation.ended,
    LegGone: consultation.leg_gone,
    OptedOut: consent.opted_out,
    PermissionGiven: consent.permission_given,
    PaymentBegan: payment.began,
    PaymentEnded: payment.ended,
    ConsultedGone: payment.consulted_gone,
    LinkReturned: outage.link_returned,
    NobodyListened: outage.nobody_listened,
    BridgeEnds: outage.bridge_ends,
    Adopted: outage.adopted,
    SilenceAsked: _for_the_bridge,
    ForeignRecorder: _for_the_bridge,
    Overheard: _for_the_bridge,
    Rested: _rested,
    RecorderFact: _recorder_fact,
}


def _handler(fact: Fact) -> Callable[[Any, Any], list[Command]]:
    for kind in type(fact).__mro__:
        if kind in _HANDLERS:
            return _HANDLERS[kind]
    raise TypeError(f"a call knows no fact {type(fact).__name__}")
