"""Calls that come through no queue: who rang whom, and who answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ami_bridge import arrivals
from ami_bridge.facts import Channel
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.moves import Moves
from ami_bridge.places import person
from ami_bridge.told import Told

Event = Mapping[str, str]

INTERCEPT = "intercept"  # the application with which somebody takes another's ringing call
PICKUP = "pickup"  # and one of a group's, which rings "pickup/GROUP" beside its telephones


class Dials:
    """Follows the dialled calls of one PBX."""

    def __init__(self, known: Known, moves: Moves) -> None:
        self._known = known
        self._moves = moves
        self._names: dict[str, str] = {}  # uniqueid -> the caller's name
        self._rung_at: dict[str, str] = {}  # uniqueid -> extension, of those who dialled people
        self._begun: set[str] = set()  # uniqueids of called persons of whom it was told
        self._picks: set[str] = set()  # uniqueids of those who take a group's call

    def came(self, channel: Channel, event: Event) -> None:
        """Take in a new channel."""
        self._names[channel.uniqueid] = person(event.get("Caller-Caller-ID-Name", ""))

    def shows(self, channel: Channel, event: Event) -> None:
        """Take in what the PBX shows of a caller by now: its dialplan may have written it anew."""
        channel.number = person(event.get("Caller-Caller-ID-Number", "")) or channel.number
        name = person(event.get("Caller-Caller-ID-Name", ""))
        self._names[channel.uniqueid] = name or self.name(channel)

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._names.pop(uniqueid, None)
        self._rung_at.pop(uniqueid, None)
        self._begun.discard(uniqueid)
        self._picks.discard(uniqueid)

    def does(self, uniqueid: str, application: str) -> None:
        """Take in what a channel does."""
        if application == PICKUP:
            self._picks.add(uniqueid)
        else:
            self._picks.discard(uniqueid)

    def name(self, channel: Channel) -> str:
        """Return the caller's name."""
        return self._names.get(channel.uniqueid, "")

    def connected(self, one: Channel, other: Channel, app: str, at: datetime) -> Iterator[Told]:
        """Tell of a call that was answered, on the channel of its outside party.

        Args:
            one: the first channel of a bridge; it runs the application.
            other: the second.
        """
        if app == INTERCEPT:
            # Whoever takes a call is the first in the bridge; the second has rung somebody else.
            if not self._known.leg(other).arrived:
                yield from self._rung(other, one, at, unasked=True)
            return
        for caller, called in ((one, other), (other, one)):
            picks = called.uniqueid in self._picks  # nobody rang his own channel
            self._picks.discard(called.uniqueid)
            yield from self._rung(caller, called, at, unasked=picks)

    def answered(self, caller: Channel, called: Channel, at: datetime) -> Iterator[Told]:
        """Tell of a call whose two were heard before the called one answered (early media)."""
        yield from self._rung(caller, called, at)

    def _rung(
        self, caller: Channel, called: Channel, at: datetime, *, unasked: bool = False
    ) -> Iterator[Told]:
        known = self._known
        leg = known.leg(called)
        if not (leg.rung or unasked) or not leg.answered:
            return
        if leg.recovered or known.leg(caller).recovered:
            return
        if known.consulting.holds(caller) or known.consulting.consults(caller.uniqueid):
            return
        if caller.queue and leg.rung_by != caller.uniqueid:
            return  # a queue's agent, wherever he is
        outside = known.party.is_outside(called)
        if outside and not known.party.is_outside(caller):
            yield from self._outbound(caller, called, at)
        elif known.leg(caller).rung and known.party.is_outside(caller):  # by a dialler, the first
            yield from self._outbound(called, caller, at) if not outside else ()
        elif unasked or self._is_for(caller, called):
            yield from self._inbound(caller, called, at)

    def _is_for(self, caller: Channel, called: Channel) -> bool:
        """Tell whether somebody was rung for a caller.

        Who was rung by a command, or as one of several at once, says nothing of whom it was for.
        """
        by = self._known.leg(called).rung_by
        return by == caller.uniqueid or (not by and not self._known.leg(caller).rung)

    def _outbound(self, caller: Channel, called: Channel, at: datetime) -> Iterator[Told]:
        if called.uniqueid in self._begun or known_half(self._known, caller):
            return
        self._begun.add(called.uniqueid)
        party = self._known.party
        own, rung_as = party.extension_of(caller), self._known.leg(called).rung_as
        dialled = [each for each in (rung_as, caller.extension, caller.dialled) if each != own]
        yield arrivals.answered_outside(party, caller, called, dialled, at)

    def _inbound(self, caller: Channel, called: Channel, at: datetime) -> Iterator[Told]:
        if caller.uniqueid in self._begun or known_half(self._known, caller):
            return
        if not self._is_where_it_dialled(caller):
            return
        party = self._known.party
        agent = party.telephone(called) or self._behind(called)
        yield arrivals.answered(party, caller, called, self.name(caller), agent, at)

    def _behind(self, half: Channel) -> str:
        """Name the telephone behind half of a loopback channel, if it is but one."""
        heard = self._known.talks.behind(half.uniqueid)
        found = self._known.channels.get(heard[0].uniqueid) if len(heard) == 1 else None
        return self._known.party.telephone(found) if found is not None else ""

    def _is_where_it_dialled(self, caller: Channel) -> bool:
        """Tell whether somebody was rung by the dialplan itself, and not after a transfer."""
        if self._moves.has_moved(caller):
            return False
        return self._rung_at.setdefault(caller.uniqueid, caller.extension) == caller.extension


def known_half(known: Known, channel: Channel) -> bool:
    """Tell whether a channel is half of a loopback one: nobody's own."""
    return known.talks.is_half(channel.uniqueid)
