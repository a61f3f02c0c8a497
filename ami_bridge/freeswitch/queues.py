"""The queues of a FreeSWITCH, ``callcenter`` and ``fifo``: who waits, and who answered. Pure.

A queue is named by what stands before the ``@``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ami_bridge import arrivals
from ami_bridge.facts import AgentAnswered, Channel, LeftTalk
from ami_bridge.freeswitch.dials import INTERCEPT, Dials
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.moves import Moves
from ami_bridge.places import person, queue_name
from ami_bridge.told import Told

Event = Mapping[str, str]

CALLCENTER = "callcenter::info"
FIFO = "fifo::info"
_ENTERED = ("member-queue-start", "member-queue-resume")
_GIVEN_UP = ("abort", "timeout")
_TAKEN = "caller_pop"  # by a fifo's consumer, just before the two talk
_TAKES = ("fifo", INTERCEPT)  # applications with which somebody takes a call from its queue


def name_of(text: str) -> str:
    """Name a queue as a policy does."""
    return queue_name(text.partition("@")[0])


class Queues:
    """Follows the queues of one PBX."""

    def __init__(self, known: Known, moves: Moves, dials: Dials) -> None:
        self._known = known
        self._moves = moves
        self._dials = dials
        self._waiting: set[str] = set()  # uniqueids
        self._taken: set[str] = set()  # uniqueids of those whom a consumer is about to have
        self._left: set[str] = set()  # uniqueids of those who have just left, and talk to nobody

    def caller(self, event: Event) -> str:
        """Name the channel of whom a queue's event is about, by its uuid."""
        return event.get("CC-Member-Session-UUID") or event.get("Unique-ID", "")

    def enters(self, event: Event) -> bool:
        """Tell whether somebody enters a queue."""
        return event.get("CC-Action") in _ENTERED or event.get("FIFO-Action") == "push"

    def take(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in an event of a queue; the channel that it is about is known."""
        waits = self._known.channel(self.caller(event))
        if waits is None:
            return
        # Who came through a loopback channel isn't the one who waits there: half of it does.
        channel = self._known.stands_for(waits)
        action = event.get("CC-Action") or event.get("FIFO-Action", "")
        if self.enters(event):
            if not self.comes(channel):
                return
            queue = event.get("CC-Queue") or event.get("FIFO-Name", "")
            if event.get("Unique-ID") == channel.uniqueid:
                self._dials.shows(channel, event)
            yield self.entry(channel, name_of(queue), at)
            waits.queue = channel.queue
            self._waiting.add(waits.uniqueid)
        elif action == "bridge-agent-start":
            self.forget(waits.uniqueid)
            yield from self._agent_answered(channel, event, at)
        elif action == _TAKEN:
            self._taken.add(waits.uniqueid)
        elif action in _GIVEN_UP or (
            action == "member-queue-end" and event.get("CC-Cause") == "Cancel"
        ):
            self._waiting.discard(waits.uniqueid if waits is not channel else "")
            yield from self._leaves(channel, at)

    def comes(self, channel: Channel, *, fresh: bool = False) -> bool:
        """Tell whether somebody comes into a queue of his own accord, or was transferred.

        Who was rung, and hasn't talked to anybody yet, was called back: that is a call to the
        outside, and begins when an agent has it. Of one that FreeSWITCH has recovered nobody knows
        whether he has opted out.

        Args:
            fresh: he had talked to nobody when this PBX was last heard.
        """
        leg = self._known.leg(channel)
        new = fresh or not leg.arrived
        called_back = leg.rung and new and self._known.party.is_outside(channel)
        return not called_back and not leg.recovered

    def entry(self, channel: Channel, queue: str, at: datetime, *, waits: bool = True) -> Told:
        """Tell that a channel is in a queue.

        Args:
            waits: or talks already with the agent.
        """
        # A queue that is entered anew ends a payment of which nobody has said so.
        channel.paying = None
        channel.queue = queue
        if waits:
            self._waiting.add(channel.uniqueid)
        self._left.discard(channel.uniqueid)
        self._moves.moved(channel)
        self._known.leg(channel).arrived = True
        number, name = channel.number, self._dials.name(channel)
        return arrivals.in_queue(self._known.party, channel, queue, number, name, at)

    def waits(self, channel: Channel) -> bool:
        """Tell whether a channel waits in a queue, or did just now."""
        return channel.uniqueid in self._waiting or channel.uniqueid in self._left

    def met(self, channel: Channel, other: Channel, app: str, at: datetime) -> Iterator[Told]:
        """Take in that somebody talks who waits in a queue, or has just left it.

        Args:
            app: what the bridge's first channel did last: after his key, a consumer's isn't "fifo".
        """
        waits = self.waits(channel)
        taken = app in _TAKES or channel.uniqueid in self._taken
        self.forget(channel.uniqueid)
        if waits and taken:
            talker = self._known.party.talker(other)
            agent = talker.telephone or talker.place.extension
            yield Told(channel, AgentAnswered(at=at, agent=person(agent), talker=talker))

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone, or waits no more."""
        for some in (self._waiting, self._taken, self._left):
            some.discard(uniqueid)

    def _leaves(self, channel: Channel, at: datetime) -> Iterator[Told]:
        if channel.uniqueid in self._waiting:
            self._waiting.discard(channel.uniqueid)
            self._left.add(channel.uniqueid)
            yield Told(channel, LeftTalk(at=at))

    def _agent_answered(self, channel: Channel, event: Event, at: datetime) -> Iterator[Told]:
        self.forget(channel.uniqueid)
        agent = self._known.channel(event.get("CC-Agent-UUID", ""))
        talker = self._known.party.talker(agent) if agent is not None else None
        name = person(event.get("CC-Agent", ""))
        yield Told(channel, AgentAnswered(at=at, agent=name, talker=talker))
