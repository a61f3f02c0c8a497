"""Where a call is, followed by the facts alone, as the promises and the policy's words have it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from ami_bridge.call.moves import PARKED_WITHIN_S
from ami_bridge.call.standing import EXPLAINED_WITHIN_S
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    BridgeEnds,
    ConsultationBegan,
    ConsultationEnded,
    Fact,
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
    Rested,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from ami_bridge.walk.follow_talk import TalkFollower
from ami_bridge.walk.seen import FOR_GOOD, LINE, Seen, Wait, Where, Writes
from hushtape.policy.schema import (
    AfterPayment,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Permission,
)

_EXPLAINED = timedelta(seconds=EXPLAINED_WITHIN_S)
_PARKED = timedelta(seconds=PARKED_WITHIN_S)


class Follower(TalkFollower):
    """Takes in the facts of calls under one policy."""

    def take_in(self, seen: Seen, fact: Fact) -> None:
        """Follow one fact; what it says of recorders is nothing to where the call is."""
        before = self._recordable(seen)
        for kind in type(fact).__mro__:
            if kind in self._HANDLERS:
                self._HANDLERS[kind](self, seen, fact)
                break
        if seen.where not in (Where.IN, Where.WAITS) or seen.pays or seen.declined:
            seen.went_on_to = ""
        if self._recordable(seen) and not before:
            seen.sent_out_to = ""
        if seen.where is not Where.OUT:
            seen.parkable_until = None
        if not seen.pays - {LINE, FOR_GOOD}:
            seen.waits.pop(Wait.PAYMENT, None)

    def _recordable(self, seen: Seen) -> bool:
        here = seen.where in (Where.IN, Where.WAITS)
        return here and not seen.pays and not seen.declined

    def take_over(self, seen: Seen) -> None:
        """Another bridge goes on, with nothing but what was noted; it is told the rest."""
        seen.waits, seen.talk, seen.door = {}, (), ""
        seen.went_on_to = seen.left_into = seen.sent_out_to = seen.came_into = ""
        seen.left = seen.vanished = seen.doubt = seen.arriving = seen.recallable = False
        seen.moving_until = seen.parkable_until = None

    def silence(self, seen: Seen) -> str:
        """Say why nothing of the outside party may be recorded now; "" where it may."""
        if seen.declined:
            return "after the outside party has declined"
        if seen.pays:
            return "during a payment"
        if any(self._reading.line(each.place) for each in seen.talk):
            return "with a payment line in the talk"
        return "" if seen.where is Where.IN else f"while the call is {seen.where.value}"

    def _entrance(self, seen: Seen) -> Where:
        return Where.WAITS if seen.awaits_answer else Where.IN

    def _entered(self, seen: Seen, fact: QueueEntered) -> None:
        queue = fact.arrival.queue
        on_the_way = seen.where in (Where.IN, Where.WAITS) and not seen.pays
        expected = bool(queue) and seen.went_on_to == queue and on_the_way
        outcome = self._reading.queue(queue, on_the_way=on_the_way or seen.vanished)
        sent_out = bool(queue) and seen.sent_out_to == queue and (seen.doubt or not on_the_way)
        seen.went_on_to = seen.left_into = seen.sent_out_to = seen.came_into = ""
        seen.left = seen.vanished = seen.recallable = False
        seen.parkable_until = None
        seen.talk = ()  # who waits in a queue talks to nobody
        if sent_out and seen.doubt:
            self._goes_out(seen)
        if seen.declined or expected or sent_out:
            return
        if outcome is OnTransfer.SILENT:
            self._pays(seen, LINE)
        elif outcome is OnTransfer.CONTINUE:
            seen.consulted, seen.came_into = False, queue
            # What was told to begin is told to end; a payment line's is left behind.
            told = frozenset() if FOR_GOOD in seen.pays else seen.pays - {LINE}
            seen.where, seen.pays, seen.door = self._entrance(seen), told, "any"
            seen.doubt = seen.recallable = False
        else:
            seen.left_into = queue if on_the_way else ""
            self._goes_out(seen)

    def _agent(self, seen: Seen, fact: AgentAnswered) -> None:
        talker = fact.talker
        seen.left_into, seen.left = "", False
        seen.sent_out_to = seen.came_into = ""
        waited, vanished = seen.where is Where.WAITS, seen.vanished
        if waited or vanished:
            seen.where, seen.vanished = Where.IN, False
            seen.awaits_answer = seen.awaits_answer and not waited
        if seen.where is not Where.IN or (seen.talk and not (waited or vanished)):
            return
        if talker is not None:
            self._lets_in(seen, (talker,))
        else:
            seen.door = "" if vanished and seen.talk else "any"
        if seen.talk:
            self._looks(seen, seen.talk)

    def _transferred(self, seen: Seen, fact: TransferCompleted) -> None:
        arriving, seen.arriving = seen.arriving, fact.how == "blind"
        seen.consulted = False
        unknown = fact.place.kind is DestinationKind.UNKNOWN
        redirected = fact.how == "redirected"
        if redirected and ((arriving and unknown) or seen.where is Where.PARKED):
            return
        outcome = self._reading.transfer(fact.place, fact.how)
        left_into, seen.left_into, seen.went_on_to = seen.left_into, "", ""
        came_into, seen.came_into, seen.sent_out_to = seen.came_into, "", ""
        vanished, seen.vanished = seen.vanished, False
        explains = not seen.left and fact.how in ("blind", "attended")
        seen.moving_until = fact.at + _EXPLAINED if explains else None
        seen.left = seen.doubt = seen.recallable = False
        seen.parkable_until = None
        if outcome is OnTransfer.CONTINUE:
            back = bool(left_into) and left_into == fact.place.queue
            here = seen.where is not Where.OUT and not seen.pays
            was_out = seen.where is Where.OUT
            if seen.where is Where.OUT and (back or (redirected and vanished)):
                seen.where = self._entrance(seen)
            elif seen.where is Where.PARKED:
                seen.where = Where.IN
            seen.went_on_to = fact.place.queue if here else ""
            if seen.where is Where.IN and was_out:
                seen.door = "any" if fact.place.kind is DestinationKind.QUEUE else fact.how
                self._looks(seen, seen.talk)
            elif seen.where is Where.IN:
                seen.consults = frozenset()
                self._opens(seen, "any" if fact.place.kind is DestinationKind.QUEUE else fact.how)
            return
        seen.sent_out_to = fact.place.queue if fact.place.queue != came_into else ""
        if outcome is OnTransfer.SILENT:
            seen.door = ""
            self._pays(seen, LINE)
            return
        recorded = seen.where is Where.IN and not seen.pays and not seen.declined
        if redirected and recorded:
            seen.doubt, seen.door = True, ""
            return
        if recorded:
            nobody = all(each.stands_in for each in seen.talk)
            seen.recallable = fact.how == "attended" and nobody
            seen.parkable_until = fact.at + _PARKED if unknown else None
        self._goes_out(seen)

    def _talks(self, seen: Seen, fact: TalkChanged) -> None:
        self._looks(seen, fact.talkers)

    def _looks(self, seen: Seen, talkers: tuple[Talker, ...]) -> None:
        """Look who is in the talk."""
        seen.talk = tuple(each for each in talkers if each.uniqueid not in seen.lines)
        voices = [each for each in talkers if not each.stands_in]
        recallable, seen.recallable = seen.recallable, seen.recallable and not voices
        if seen.where is Where.OUT and recallable and not seen.pays and not seen.declined:
            back = any(each.telephone and each.telephone in seen.have_it for each in voices)
            if back and not self._line_in(seen):
                seen.where, seen.door = Where.IN, ""
            return
        if seen.pays and self._line_in(seen):
            self._pays(seen, LINE)
        if seen.where in (Where.OUT, Where.WAITS) or seen.declined or not seen.talk:
            return
        line = self._line_in(seen)
        self._joins(seen, voices, line=line)
        if line:
            self._pays(seen, LINE)
        elif not seen.pays and seen.where is Where.PARKED:
            self._fetched(seen)
        elif not seen.pays and seen.doubt:
            seen.doubt = False
            if not self._somebody_has_it(seen):
                self._goes_out(seen)

    def _joins(self, seen: Seen, voices: list[Talker], *, line: bool) -> None:
        """Let in who may be."""
        if line or (seen.door not in ("", "any") and self._stops_with(voices, seen.door)):
            seen.door = ""
        for each in seen.talk:
            if seen.have_it.intersection(each.halves) and not seen.door:
                self._lets_in(seen, (each,))
                seen.have_it -= set(each.halves)
                seen.lines |= set(each.halves)
        if seen.door:
            self._lets_in(seen, seen.talk)

    def _fetched(self, seen: Seen) -> None:
        if not self._somebody_has_it(seen):
            if self._strictest(seen) is not OnTransfer.CONTINUE:
                self._goes_out(seen)
                return
            self._lets_in(seen, seen.talk)
        seen.where = Where.IN

    def _leaves(self, seen: Seen, fact: LeftTalk | JoinedTalk) -> None:
        joined = isinstance(fact, JoinedTalk)
        until, seen.moving_until = seen.moving_until, None
        moving = until is not None and fact.at <= until
        if joined:
            seen.arriving = False
            seen.sent_out_to = seen.came_into = ""
        if joined or moving:
            seen.left = False
        elif seen.where is Where.IN and not seen.pays and not seen.declined:
            seen.left = True

    def _parked(self, seen: Seen, fact: Parked) -> None:
        in_time = seen.parkable_until is not None and fact.at <= seen.parkable_until
        back = seen.where is Where.IN or seen.vanished or in_time
        if back and not seen.declined:
            seen.where, seen.consults = Where.PARKED, frozenset()
        seen.left = seen.vanished = seen.doubt = seen.recallable = False
        seen.parkable_until = None
        seen.talk, seen.door = (), ""

    def _rested(self, seen: Seen, fact: Rested) -> None:
        kinds = [kind for kind, number in seen.waits.items() if number == fact.rest]
        for kind in kinds:
            del seen.waits[kind]
            self._waited(seen, kind)

    def _waited(self, seen: Seen, kind: Wait) -> None:
        recorded = seen.where is Where.IN and not seen.pays and not seen.declined
        match kind:
            case Wait.EXPLANATION if seen.left:
                seen.left = False
                if recorded:
                    self._goes_out(seen)
                    seen.vanished = True
            case Wait.COMPANY if seen.doubt:
                self._goes_out(seen)
            case Wait.STRANGERS if recorded:
                self._among_strangers(seen)
            case Wait.PERMISSION:
                seen.declined = seen.declined or not seen.permitted
            case Wait.PAYMENT if seen.pays:
                self._overdue(seen)
            case Wait.LINE if seen.consulted:
                seen.consulted = False
                if seen.pays and self._knows_somebody(seen):
                    self._paid(seen, {PaymentWay.TRANSFER.value})

    def _overdue(self, seen: Seen) -> None:
        if self._policy.payment.when_too_long is AfterPayment.STAY_SILENT:
            seen.pays |= {FOR_GOOD}
            return
        if any(way not in self._policy.payment.by for way in seen.pays - {LINE, FOR_GOOD}):
            return
        seen.pays &= {LINE, FOR_GOOD}
        if self._line_in(seen):
            seen.pays |= {LINE}
        if not seen.pays:
            self._after_payment(seen)

    def _among_strangers(self, seen: Seen) -> None:
        if not seen.talk or self._somebody_has_it(seen):
            return
        if self._strictest(seen) is OnTransfer.CONTINUE:
            self._lets_in(seen, seen.talk)
        else:
            self._goes_out(seen)

    def _adopted(self, seen: Seen, fact: Adopted) -> None:
        seen.ending, seen.consults = False, frozenset()
        there = seen.recorders.items()  # nobody is left who would hear an answer
        seen.recorders = {n: each for n, each in there if each[1] is not Writes.UNANSWERED}
        if seen.over:
            return
        for kind in (Wait.EXPLANATION, Wait.COMPANY, Wait.STRANGERS):
            self._waited(seen, kind)
        for kind in (Wait.PERMISSION, Wait.PAYMENT):
            seen.waits.pop(kind, None)  # told anew

    def _consults(self, seen: Seen, fact: ConsultationBegan) -> None:
        agent = {fact.leg.uniqueid, fact.telephone} & seen.have_it
        there = [fact.place, *(each.place for each in fact.talkers)]
        lines = [each for each in there if self._sometimes_silent(each)]
        if agent and lines and not seen.declined and (seen.pays or seen.where is Where.IN):
            self._pays(seen, LINE)
            seen.consulted = True
        if not agent or self.silence(seen):
            return
        told = [fact.place, *(each.place for each in fact.talkers if not each.stands_in)]
        if all(self._reading.consultation(each) for each in told):
            seen.consults |= {fact.leg.uniqueid}
        else:
            seen.consults -= {fact.leg.uniqueid}

    def _answered(self, seen: Seen, fact: Answered) -> None:
        seen.left = False
        if seen.vanished:
            seen.where, seen.vanished = Where.IN, False
        if seen.where is Where.IN and not seen.pays:
            self._opens(seen, "any")

    def _payment_began(self, seen: Seen, fact: PaymentBegan) -> None:
        self._pays(seen, fact.way.value)

    def _payment_ended(self, seen: Seen, fact: PaymentEnded) -> None:
        if seen.pays:
            self._paid(seen, {fact.way.value})

    def _opted_out(self, seen: Seen, fact: OptedOut) -> None:
        if fact.by in self._policy.opt_out.by and not seen.over:
            if not seen.declined:
                seen.opted_out_at, seen.opted_out_of = fact.at, frozenset(seen.recorders)
            seen.declined = True

    def _permitted(self, seen: Seen, fact: PermissionGiven) -> None:
        awaited = Wait.PERMISSION in seen.waits and not seen.declined
        if awaited and fact.by in (self._policy.outbound.permission, Permission.KEY):
            seen.permitted = True
            del seen.waits[Wait.PERMISSION]

    def _unheard(self, seen: Seen, fact: NobodyListened) -> None:
        seen.door = ""

    def _bridge_ends(self, seen: Seen, fact: BridgeEnds) -> None:
        seen.ending, seen.consults = True, frozenset()

    def _hung_up(self, seen: Seen, fact: HungUp) -> None:
        seen.over = True
        self._gone(seen, "")

    def _consulted(self, seen: Seen, fact: ConsultationEnded) -> None:
        seen.consults -= {fact.leg}

    def _leg_gone(self, seen: Seen, fact: LegGone) -> None:
        seen.consults -= {fact.leg}
        self._gone(seen, fact.leg)

    def _gone(self, seen: Seen, leg: str) -> None:
        """A channel is gone, and its recorder with it; the answer to a start is still to come."""
        for number, (on, writes) in list(seen.recorders.items()):
            if on == leg and writes in (Writes.ASKED, Writes.UNANSWERED):
                seen.recorders[number] = (on, Writes.UNANSWERED)
            elif on == leg:
                del seen.recorders[number]

    _HANDLERS: ClassVar[dict[type, Callable[[Any, Seen, Any], None]]] = {
        QueueEntered: _entered,
        Answered: _answered,
        AgentAnswered: _agent,
        TransferCompleted: _transferred,
        TalkChanged: _talks,
        LeftTalk: _leaves,
        JoinedTalk: _leaves,
        Parked: _parked,
        PaymentBegan: _payment_began,
        PaymentEnded: _payment_ended,
        OptedOut: _opted_out,
        PermissionGiven: _permitted,
        Rested: _rested,
        NobodyListened: _unheard,
        BridgeEnds: _bridge_ends,
        Adopted: _adopted,
        HungUp: _hung_up,
        ConsultationBegan: _consults,
        ConsultationEnded: _consulted,
        LegGone: _leg_gone,
    }
