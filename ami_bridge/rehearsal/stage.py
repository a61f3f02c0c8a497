"""Where a call's script is played: who is there, and what a PBX would tell of each step.

A step becomes facts in the order in which an Asterisk tells them (tests/data/ami). Pure: the moment
at which the call begins is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Arrived,
    Channel,
    ConsultationBegan,
    ConsultationEnded,
    Fact,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    NobodyListened,
    OptedOut,
    Parked,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    QueueEntered,
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.rehearsal.rehearsal import Rehearsal
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import DestinationKind, PaymentWay, Permission, Policy
from hushtape.policy.trying.script import ScriptError, Step, Verb, asker
from hushtape.recordings.manifest import Direction

PlaceOf = Callable[[str, Sequence[Policy]], Place]
"""Says where a text leads to, in the words of policies; else ValueError, with what was expected."""


# The dialplan stops the recorders for these by itself, heard or not, and notes them on the channel.
_NOTED = (PaymentWay.KEY, PaymentWay.DIALPLAN)


@dataclass(frozen=True, slots=True)
class CallWords:
    """A call, as a person describes it.

    Args:
        at: when it begins, aware.
        dialled: the number that was rung, in any spelling.
        queue: the queue that it enters at once; "": the script says so, or it comes through none.
        extension: outbound: who of us rings. Else: the agent's.
    """

    at: datetime
    direction: Direction = Direction.INBOUND
    dialled: str = ""
    queue: str = ""
    extension: str = ""


class ScriptStage:
    """Where one script is played: who is there, and what the PBX tells of it."""

    def __init__(self, call: CallWords, policies: Sequence[Policy], place_of: PlaceOf) -> None:
        self.rehearsal = Rehearsal(policies)
        self._call = call
        self._policies = policies
        self._place_of = place_of
        self._channel = Channel("caller", "PJSIP/caller", "outside", call.dialled)
        self._agents = 0  # who have answered
        self._agent = self._agent_named(call.extension)
        self._talkers: tuple[Talker, ...] = ()
        self._waits_in = ""  # the queue
        self._begun = False
        self._is_parked = False
        self._consulted: Talker | None = None
        self._payment_by: PaymentWay | None = None
        self._away = ""  # what is lost: "link" or "bridge"
        self._lost_at = call.at
        self._missed: list[Callable[[datetime], Fact]] = []  # what is found out afterwards
        self._noted: set[PaymentWay] = set()  # payments among them

    def play(self, step: Step) -> None:
        """Let a step happen.

        Raises:
            ScriptError: it can't, here.
        """
        at = self._call.at + timedelta(seconds=step.at_s)
        self.rehearsal.pass_time(at)
        self._STEPS[step.verb](self, step, at)

    def check_back(self, last: Step) -> None:
        """See that what was lost came back: else nobody knows how the call ended."""
        if self._away:
            raise ScriptError(
                last.line, f'the {self._away} never comes back: expected "{self._away} back"'
            )

    # the beginning

    def _enters(self, step: Step, at: datetime) -> None:
        if self._talkers:
            self._tell(LeftTalk(at=at), TalkChanged(at=at))
        self._talkers, self._waits_in, self._is_parked = (), step.who, False
        direction = self._call.direction
        arrival = Arrival(at=at, direction=direction, dialled=self._call.dialled, queue=step.who)
        self._arrive(QueueEntered(at=at, arrival=arrival))

    def _moved(self, step: Step, at: datetime) -> None:
        if self._begun and not self._talkers:
            self._tell(LeftTalk(at=at))
        self._enters(step, at)

    def _answers(self, step: Step, at: datetime) -> None:
        if self._is_parked:
            raise ScriptError(step.line, 'the call is parked: expected "fetched by …"')
        if self._talkers and (not step.who or self._is_there(step.who)):
            return  # whoever it was transferred to: that they answer changes nothing
        outbound = self._call.direction is Direction.OUTBOUND
        if step.who and not (outbound and not self._begun):
            self._agent = self._agent_named(step.who)
        elif self._agents:
            self._agent = self._agent_named("")  # of the second queue: somebody else
        self._agents += 1
        if self._waits_in:
            self._waits_in = ""
            agent = AgentAnswered(at=at, agent="agent", talker=self._agent)
            self._tell(LeftTalk(at=at), agent)
        elif not self._begun:
            arrival = Arrival(
                at=at,
                direction=self._call.direction,
                dialled=self._call.dialled,
                extension=self._call.extension if outbound else "",
            )
            self._arrive(Answered(at=at, arrival=arrival, agent="agent"))
        self._talk(at, self._agent)

    def _arrive(self, fact: Arrived) -> None:
        self._begun = True
        if self._away:
            self._missed.append(lambda at: replace(fact, at=at))
        self._tell(fact)

    # transfers

    def _blind(self, step: Step, at: datetime) -> None:
        place = self._place(step)
        self._somebody(step)
        self._tell(LeftTalk(at=at), TalkChanged(at=at))
        self._tell(TransferCompleted(at=at, place=place, how="blind"))
        self._arrive_at(place, at, enters=True)

    def _attended(self, step: Step, at: datetime) -> None:
        place = self._place(step)
        self._somebody(step)
        self._hand_over(place, at)

    def _hand_over(self, place: Place, at: datetime) -> None:
        """The agent has announced the call there, and goes."""
        if place.kind is DestinationKind.QUEUE:
            self._tell(TransferCompleted(at=at, place=place, how="attended"))
            self._tell(LeftTalk(at=at), TalkChanged(at=at))
        else:
            self._tell(TransferCompleted(at=at, place=place, how="attended"))
        self._arrive_at(place, at, enters=False)

    def _redirected(self, step: Step, at: datetime) -> None:
        place = self._place(step)
        self._begun_for(step)
        if self._talkers:
            self._tell(LeftTalk(at=at), TalkChanged(at=at))
        if place.kind is not DestinationKind.QUEUE:  # a queue is told by its entry
            self._tell(TransferCompleted(at=at, place=place, how="redirected"))
        self._arrive_at(place, at, enters=True)

    def _arrive_at(self, place: Place, at: datetime, *, enters: bool) -> None:
        """Whoever is there answers at once: that nobody else is heard while it rings is the same.

        Args:
            enters: a queue is entered by the caller himself; else the agent waited there for him.
        """
        self._talkers, self._waits_in, self._consulted, self._is_parked = (), "", None, False
        if self._away:
            self._missed.append(_unseen(place, self._lost_at))
        if place.kind is not DestinationKind.QUEUE:
            self._talk(at, self._stranger(place))
            return
        self._waits_in = place.queue
        if enters:
            arrival = Arrival(
                at=at, direction=self._call.direction, dialled=self._call.dialled, queue=place.queue
            )
            self._arrive(QueueEntered(at=at, arrival=arrival))

    def _transfer_fails(self, step: Step, at: datetime) -> None:
        self._somebody(step)
        self._tell(TransferFailed(at=at))

    # consultations

    def _consults(self, step: Step, at: datetime) -> None:
        self._somebody(step)
        place = self._place(step)
        self._consulted = self._stranger(place)
        self._tell(Held(at=at))
        self._tell(self._consultation(at, place, ()))
        self._tell(self._consultation(at, place, (self._consulted,)))

    def _completes(self, step: Step, at: datetime) -> None:
        consulted = self._consulting(step)
        leg = self._agent.uniqueid
        if consulted.place.kind is DestinationKind.QUEUE:
            self._hand_over(consulted.place, at)
            self._tell(ConsultationEnded(at=at, leg=leg), LegGone(at=at, leg=leg))
            return
        self._consulted, self._talkers = None, (consulted,)
        if self._away:
            self._missed.append(_unseen(consulted.place, self._lost_at))
        self._tell(TalkChanged(at=at, talkers=self._talkers))
        self._tell(TransferCompleted(at=at, place=consulted.place, how="attended"))
        self._tell(ConsultationEnded(at=at, leg=leg), LegGone(at=at, leg=leg))

    def _returns(self, step: Step, at: datetime) -> None:
        self._consulting(step)
        self._consulted = None
        self._tell(ConsultationEnded(at=at, leg=self._agent.uniqueid))

    def _consultation(
        self, at: datetime, place: Place, talkers: tuple[Talker, ...]
    ) -> ConsultationBegan:
        agent = self._agent
        leg = Channel(agent.uniqueid, agent.telephone, "inside", place.extension)
        return ConsultationBegan(
            at=at, leg=leg, place=place, telephone=agent.telephone, talkers=talkers
        )

    def _consulting(self, step: Step) -> Talker:
        if self._consulted is None:
            raise ScriptError(step.line, 'nobody is consulted: expected "agent consults …" before')
        return self._consulted

    # parking, holding, talks of several

    def _parked(self, step: Step, at: datetime) -> None:
        self._somebody(step)
        self._tell(LeftTalk(at=at), TalkChanged(at=at), Parked(at=at))
        self._talkers, self._is_parked = (), True

    def _fetched(self, step: Step, at: datetime) -> None:
        if not self._is_parked:
            raise ScriptError(step.line, 'the call is not parked: expected "parked" before')
        self._is_parked = False
        who = self._agent if not step.who else self._stranger(self._place(step))
        self._tell(LeftTalk(at=at))
        self._talk(at, self._agent if who.place == self._agent.place else who)

    def _held(self, step: Step, at: datetime) -> None:
        self._somebody(step)
        self._tell(Held(at=at))

    def _resumes(self, step: Step, _at: datetime) -> None:
        self._somebody(step)

    def _conference(self, step: Step, at: datetime) -> None:
        self._somebody(step)
        joins = self._consulted or self._stranger(self._place(step))
        if self._consulted is not None:
            self._tell(ConsultationEnded(at=at, leg=self._agent.uniqueid))
            self._consulted = None
        self._talkers = (*self._talkers, joins)
        self._tell(TalkChanged(at=at, talkers=self._talkers))

    def _leaves(self, step: Step, at: datetime) -> None:
        leaver = step.who or self._agent.place.extension
        left = tuple(each for each in self._talkers if each.place.extension != leaver)
        if left == self._talkers:
            raise ScriptError(step.line, f"{step.who or 'the agent'} is not in the talk")
        self._talkers = left
        if not left:
            self._tell(LeftTalk(at=at))
        self._tell(TalkChanged(at=at, talkers=left))

    # wishes, permissions, payments

    def _opts_out(self, step: Step, at: datetime) -> None:
        by = asker(step.verb)
        if not self._begun:
            self._channel.opted_out = True
        elif self._away:  # the dialplan notes it on the channel
            self._missed.append(lambda _: OptedOut(at=self._lost_at, by=by))
        self._tell(OptedOut(at=at, by=by))

    def _permitted(self, step: Step, at: datetime) -> None:
        if not self._begun and step.permission is Permission.ANNOUNCEMENT:
            self._channel.announced = True
            return
        self._begun_for(step)
        self._tell(PermissionGiven(at=at, by=step.permission))

    def _payment_begins(self, step: Step, at: datetime) -> None:
        self._begun_for(step)
        way = step.way or PaymentWay.KEY
        self._payment_by = way
        fact = PaymentBegan(at=at, way=way, what=f"payment begun by {way}")
        if self._away and way in _NOTED:
            self._missed.append(lambda _: replace(fact, stops=True))
            self._noted.add(way)
        self._tell(fact)

    def _payment_ends(self, step: Step, at: datetime) -> None:
        way = step.way or self._payment_by
        if way is None:
            raise ScriptError(
                step.line,
                'no payment has begun: expected "payment begins by key" before; at a payment line'
                " it ends with the transfer",
            )
        if self._away == "bridge" and way in self._noted:
            # The note is gone with its end, and a new bridge begins every recorder anew.
            self._missed.append(lambda back: PaymentEnded(at=back, way=way))
        self._tell(PaymentEnded(at=at, way=way))

    # the end, and what goes wrong

    def _hangs_up(self, step: Step, at: datetime) -> None:
        self._begun_for(step)
        if self._away:
            raise ScriptError(step.line, f'expected "{self._away} back" before the end')
        self._tell(LeftTalk(at=at), TalkChanged(at=at), HungUp(at=at))

    def _link_lost(self, step: Step, at: datetime) -> None:
        self._lose("link", step, at)
        self.rehearsal.lose_link()

    def _link_back(self, step: Step, at: datetime) -> None:
        self._find_out("link", step, at)
        self.rehearsal.come_back(at, adopted=False)

    def _bridge_killed(self, step: Step, at: datetime) -> None:
        self._lose("bridge", step, at)
        self.rehearsal.kill_bridge()

    def _bridge_back(self, step: Step, at: datetime) -> None:
        self._find_out("bridge", step, at)
        self.rehearsal.come_back(at, adopted=True)

    def _lose(self, what: str, step: Step, at: datetime) -> None:
        if self._away:
            raise ScriptError(step.line, f"the {self._away} is lost already")
        self._begun_for(step)
        self._away, self._lost_at, self._missed, self._noted = what, at, [], set()

    def _find_out(self, what: str, step: Step, at: datetime) -> None:
        """Compare with what lives, as the translator does after the link was away."""
        if self._away != what:
            raise ScriptError(step.line, f"the {what} was not lost")
        self._away = ""
        self.rehearsal.linked = True
        for each in self._missed:
            self._tell(each(at))
        if self._missed:
            self._tell(TalkChanged(at=self._lost_at, talkers=self._talkers))
        self._tell(NobodyListened(at=self._lost_at))

    # inside

    def _tell(self, *facts: Fact) -> None:
        if self._away:
            return  # nobody hears it
        for fact in facts:
            self.rehearsal.tell(self._channel, fact)

    def _talk(self, at: datetime, who: Talker) -> None:
        self._talkers = (who,)
        self._tell(JoinedTalk(at=at), TalkChanged(at=at, talkers=(who,)))

    def _place(self, step: Step) -> Place:
        try:
            with suppress(ValueError):
                return self._place_of(step.who, self._own)  # two policies may use one name
            return self._place_of(step.who, self._policies)
        except ValueError as error:
            raise ScriptError(step.line, str(error)) from None

    @property
    def _own(self) -> Sequence[Policy]:
        """The policy that the call belongs to, if any does."""
        call = self.rehearsal.calls[0].call if self.rehearsal.calls else None
        return (call.policy,) if call is not None else ()

    def _somebody(self, step: Step) -> None:
        self._begun_for(step)
        if not self._talkers:
            raise ScriptError(
                step.line,
                f'"{step.words}": nobody talks with the caller; expected an answer before',
            )

    def _begun_for(self, step: Step) -> None:
        if not self._begun:
            raise ScriptError(
                step.line,
                f'"{step.words}": the call has not begun; expected "enters queue …" or "answered"',
            )

    def _is_there(self, extension: str) -> bool:
        return any(each.place.extension == extension for each in self._talkers)

    def _agent_named(self, extension: str) -> Talker:
        name = extension or "the agent"
        if not extension and self._agents:
            name = f"agent {self._agents + 1}"
        place = Place(DestinationKind.EXTENSION, extension or name)
        return Talker(f"agent {name}", place, telephone=name)

    def _stranger(self, place: Place) -> Talker:
        name = place.number or place.queue or place.extension
        inside = place.kind is DestinationKind.EXTENSION
        return Talker(f"party {name}", place, telephone=name if inside else "")

    _STEPS: ClassVar[dict[Verb, Callable[[Any, Step, datetime], None]]] = {
        Verb.ENTERS: _enters,
        Verb.MOVED: _moved,
        Verb.ANSWERS: _answers,
        Verb.BLIND: _blind,
        Verb.ATTENDED: _attended,
        Verb.REDIRECTED: _redirected,
        Verb.TRANSFER_FAILS: _transfer_fails,
        Verb.CONSULTS: _consults,
        Verb.COMPLETES: _completes,
        Verb.RETURNS: _returns,
        Verb.PARKED: _parked,
        Verb.FETCHED: _fetched,
        Verb.HELD: _held,
        Verb.RESUMES: _resumes,
        Verb.CALLER_OPTS_OUT: _opts_out,
        Verb.AGENT_OPTS_OUT: _opts_out,
        Verb.PERMITTED: _permitted,
        Verb.PAYMENT_BEGINS: _payment_begins,
        Verb.PAYMENT_ENDS: _payment_ends,
        Verb.CONFERENCE: _conference,
        Verb.LEAVES: _leaves,
        Verb.HANGS_UP: _hangs_up,
        Verb.LINK_LOST: _link_lost,
        Verb.LINK_BACK: _link_back,
        Verb.BRIDGE_KILLED: _bridge_killed,
        Verb.BRIDGE_BACK: _bridge_back,
    }


def _unseen(place: Place, at: datetime) -> Callable[[datetime], Fact]:
    return lambda _: TransferCompleted(at=at, place=place, how="unseen")
