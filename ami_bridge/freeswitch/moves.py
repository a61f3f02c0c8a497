"""Where a FreeSWITCH sends a call, and who did it. Pure.

No event says "transfer". A channel that goes into the dialplan anew says so (its destination is
another one), on leaving its talk or on being routed. Whoever sent it there is hanging up; if nobody
does, they may both be on their way to a conference. A telephone that connects its two calls (REFER
with Replaces) ends its own channels with ``ATTENDED_TRANSFER``; after a feature key the one who was
consulted is in the caller's bridge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ami_bridge.facts import Channel, ConsultationBegan, TransferCompleted
from ami_bridge.freeswitch.known import Known
from ami_bridge.places import person
from ami_bridge.told import Told
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

Event = Mapping[str, str]

CONNECTS_WITHIN_S = 5.0  # from a telephone's REFER to the bridge of the two
MOST_CONSULTED = 1000
_CONNECTED = "ATTENDED_TRANSFER"
_SAYS_SO = ("variable_endpoint_disposition", "Hangup-Cause")  # one or the other
_INLINE = "inline"  # a destination that is a list of applications


class _Left(NamedTuple):
    """With whom a channel talked last."""

    uniqueids: tuple[str, ...]
    telephones: tuple[str, ...]


class _Connects(NamedTuple):
    """A telephone that connects its two calls."""

    at: datetime
    leg: str  # uniqueid of the one that it has dialled
    place: Place  # to whom


class _Consulted(NamedTuple):
    """Somebody who was consulted."""

    place: Place
    callers: tuple[str, ...]  # uniqueids of those who waited


class Moves:
    """Follows the ways of one PBX's channels."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._left: dict[str, _Left] = {}  # by uniqueid
        self._connects: dict[str, _Connects] = {}  # by telephone
        self._consulted: dict[str, _Consulted] = {}  # by uniqueid
        self._moved: set[str] = set()  # uniqueids of those who are not where they had dialled
        self._on_its_way: set[str] = set()  # uniqueids of those of whom it was told where to

    def has_moved(self, channel: Channel) -> bool:
        """Tell whether somebody has sent a channel elsewhere than where it had dialled."""
        return channel.uniqueid in self._moved

    def moved(self, channel: Channel) -> None:
        """Note that a channel isn't where it had dialled."""
        self._moved.add(channel.uniqueid)

    def is_on_its_way(self, channel: Channel) -> bool:
        """Tell whether it was told where a channel goes: its leaving explains itself."""
        return channel.uniqueid in self._on_its_way

    def parts(self, uniqueid: str) -> None:
        """Note with whom a channel talks, just before it leaves."""
        heard = [each.uniqueid for each in self._known.talks.company(uniqueid)]
        if not heard:
            return
        others = [self._known.channels[each] for each in heard if each in self._known.channels]
        telephones = (self._known.party.telephone(each) for each in others)
        self._left[uniqueid] = _Left(tuple(heard), tuple(each for each in telephones if each))

    def was_with(self, uniqueid: str, other: str) -> None:
        """Note with whom a channel talks that is hanging up."""
        channel = self._known.channels.get(other)
        telephone = self._known.party.telephone(channel) if channel is not None else ""
        self._left[uniqueid] = _Left((other,), (telephone,) if telephone else ())

    def consults(self, fact: ConsultationBegan, caller: Channel) -> None:
        """Note whom an agent consults while a caller waits."""
        for talker in fact.talkers:
            before = self._consulted.pop(talker.uniqueid, None)
            callers = before.callers if before is not None else ()
            callers = (*(each for each in callers if each != caller.uniqueid), caller.uniqueid)
            self._consulted[talker.uniqueid] = _Consulted(fact.place, callers)
            if len(self._consulted) > MOST_CONSULTED:
                del self._consulted[next(iter(self._consulted))]

    def comes_in(self, uniqueid: str) -> None:
        """Somebody who was consulted has come into the talk as a third: that is no transfer."""
        self._consulted.pop(uniqueid, None)

    def ends(self, channel: Channel, event: Event, at: datetime) -> None:
        """Take in how a channel ends, or its talk: its telephone may connect its two calls."""
        telephone = self._known.party.telephone(channel)
        connects = any(event.get(header) == _CONNECTED for header in _SAYS_SO)
        if connects and telephone and channel.dialled:
            place = self._known.party.place(channel.dialled)
            self._connects[telephone] = _Connects(at, channel.uniqueid, place)

    def routed(
        self, channel: Channel, event: Event, at: datetime, *, anew: bool = False
    ) -> Iterator[Told]:
        """Take in where in the dialplan a channel is now.

        Args:
            anew: it has just been sent there, if it may be to where it was.
        """
        extension = event.get("Caller-Destination-Number", "")
        leg = self._known.leg(channel)
        is_there = extension in (channel.extension, leg.inline)
        if not extension or (is_there and (not anew or self.is_on_its_way(channel))):
            return
        inline = event.get("Caller-Dialplan") == _INLINE
        if inline:
            leg.inline = extension
        else:
            channel.extension = person(extension)
        if not leg.arrived:
            return  # the dialplan's own way to where the call begins
        place = Place(DestinationKind.UNKNOWN, "") if inline else self._known.party.place(extension)
        left = self._left.pop(channel.uniqueid, None)
        connects = self._connecting(left, at)
        if connects is not None:
            how, place = "attended", connects.place if inline else place
        elif left is not None and all(self._known.is_gone(each) for each in left.uniqueids):
            how = "blind"
        else:
            how = "redirected"
            if left is None and place.kind is DestinationKind.QUEUE:
                return  # the dialplan's doing, from queue to queue: its entry is told
        # Where the far half of a loopback channel goes, there goes whoever is behind it.
        behind = [each.uniqueid for each in self._known.talks.behind(channel.uniqueid)]
        for uniqueid in (channel.uniqueid, *behind):
            sent = self._known.channels.get(uniqueid)
            if sent is not None:
                self.moved(sent)
                self._on_its_way.add(uniqueid)
                yield Told(sent, TransferCompleted(at=at, place=place, how=how))

    def meets(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        """Take in that a channel talks: with somebody to whom its agent has connected it?"""
        channel = self._known.channels.get(uniqueid)
        left = self._left.pop(uniqueid, None)
        self._on_its_way.discard(uniqueid)
        self._on_its_way -= {each.uniqueid for each in self._known.talks.behind(uniqueid)}
        if channel is None or self._known.talks.is_half(uniqueid):
            return
        connects = self._connecting(left, at)
        place = connects.place if connects is not None else None
        for heard in self._known.talks.company(uniqueid):
            consulted = self._consulted.get(heard.uniqueid)
            if consulted is not None and uniqueid in consulted.callers:
                del self._consulted[heard.uniqueid]
                place = place or consulted.place
        if place is not None:
            self.moved(channel)
            yield Told(channel, TransferCompleted(at=at, place=place, how="attended"))

    def forget(self, channel: Channel) -> None:
        """Forget a channel that is gone."""
        self._left.pop(channel.uniqueid, None)
        self._consulted.pop(channel.uniqueid, None)
        self._moved.discard(channel.uniqueid)
        self._on_its_way.discard(channel.uniqueid)

    def talks(self, uniqueid: str) -> None:
        """Take in that a channel is found in a talk, after nobody has listened."""
        self._left.pop(uniqueid, None)
        self._on_its_way.discard(uniqueid)

    def _connecting(self, left: _Left | None, at: datetime) -> _Connects | None:
        """Find the telephone that connects whom it has left; it does so once.

        Whom it has dialled for that is the other one of the two.
        """
        for telephone in left.telephones if left is not None else ():
            connects = self._connects.get(telephone)
            if left is None or connects is None or connects.leg in left.uniqueids:
                continue
            del self._connects[telephone]
            if at - connects.at <= timedelta(seconds=CONNECTS_WITHIN_S):
                return connects
        return None
