"""The queues of an Asterisk: who waits, and who answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ami_bridge import arrivals
from ami_bridge.asterisk.halves import pair
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.living import bridge_of, in_queue, queue_of
from ami_bridge.asterisk.moves import Moves
from ami_bridge.asterisk.party import name_in
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.facts import AgentAnswered, Channel, LeftTalk
from ami_bridge.places import person, queue_name
from ami_bridge.told import Told

Event = Mapping[str, str]


class Queues:
    """Follows the queues of one PBX."""

    def __init__(self, known: Known, moves: Moves) -> None:
        self._known = known
        self._moves = moves
        self._waiting: set[str] = set()  # uniqueids
        # Who came through a Local channel: the uniqueid of its half in the queue -> the caller.
        self._callers: dict[str, Channel] = {}
        self._early: dict[str, Event] = {}  # such a half's entry: nobody is known to be behind it

    def waits(self, channel: Channel) -> bool:
        """Tell whether a channel waits in a queue."""
        return channel.uniqueid in self._waiting

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._waiting.discard(uniqueid)
        self._early.pop(uniqueid, None)
        caller = self._callers.pop(uniqueid, None)
        if caller is not None:
            self._waiting.discard(caller.uniqueid)

    def entered(self, channel: Channel, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that somebody entered a queue."""
        caller = self._through(channel)
        if caller is not None:
            self._callers[channel.uniqueid] = channel = caller
        else:
            if pair(channel.name):
                self._early[channel.uniqueid] = event
            if not in_subroutine(event):
                channel.extension = event.get("Exten", channel.extension)
        # A queue that is entered anew ends a payment of which nobody has said so.
        channel.paying = None
        self._waiting.add(channel.uniqueid)
        self._moves.moved(channel)
        yield self._entry(channel, queue_name(event.get("Queue", "")), event, at)

    def rung(self, called: str, at: datetime) -> Iterator[Told]:
        """Take in that somebody is rung: half of a Local channel whose other one is in a queue?

        Run on Asterisk 22: one in twenty times ``QueueCallerJoin`` comes before ``DialBegin``.
        """
        far = self._known.channel(self._known.talks.other_half(called))
        if far is None or far.uniqueid not in self._early or self._through(far) is None:
            return
        self._waiting.discard(far.uniqueid)
        yield from self.entered(far, self._early.pop(far.uniqueid), at)

    def left(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that somebody left a queue, with an agent or without."""
        channel = self._of(event)
        if channel is not None:
            self._waiting.discard(channel.uniqueid)
            yield Told(channel, LeftTalk(at=at))

    def connected(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that a queue connected somebody with an agent."""
        channel = self._of(event)
        if channel is None:
            return
        self._moves.connects(event.get("DestChannel", ""), channel)
        agent = self._known.channel(event.get("DestUniqueid", ""))
        talker = self._known.party.talker(agent) if agent is not None else None
        member = event.get("MemberName") or event.get("Interface", "")
        if talker is not None and talker.telephone not in ("", event.get("Interface", "")):
            member = talker.telephone  # it was picked up elsewhere
        yield Told(channel, AgentAnswered(at=at, agent=person(member), talker=talker))

    def found(self, channel: Channel, living: Event, at: datetime) -> Iterator[Told]:
        """Take a channel that waits or talks in a queue for one that enters it now."""
        if not in_queue(living):
            return
        if not bridge_of(living):
            self._waiting.add(channel.uniqueid)
        yield self._entry(channel, queue_of(living), living, at)

    def _of(self, event: Event) -> Channel | None:
        """Return the channel of whom a queue says something."""
        caller = self._callers.get(event.get("Uniqueid", ""))
        if caller is None:
            return self._known.of(event)
        return self._known.channel(caller.uniqueid)

    def _through(self, half: Channel) -> Channel | None:
        """Return the outside caller who comes to a queue through a Local channel, if one does.

        The dialplan may dial a queue (``Dial(Local/600@queues)``), and behind a queue's Local
        member it is the channel's far half that an agent sends to a queue. While a caller waits
        in a queue himself a queue that one of its members leads to is none of his.
        """
        if not pair(half.name):
            return None
        caller = self._known.behind(half.name)
        if caller is None:
            near = self._known.talks.other_half(half.uniqueid)
            caller = self._known.channel(self._known.rings.caller_of(near))
        if caller is None or not self._known.party.is_outside(caller) or self.waits(caller):
            return None
        return caller

    def _entry(self, channel: Channel, queue: str, event: Event, at: datetime) -> Told:
        channel.queue = queue
        number, name = person(event.get("CallerIDNum", "")), name_in(event)
        return arrivals.in_queue(self._known.party, channel, queue, number, name, at)
