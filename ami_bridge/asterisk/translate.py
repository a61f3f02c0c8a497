"""Asterisk's events -> facts. Pure: it remembers the channels, and touches nothing.

Sources: the documentation of the AMI events in Asterisk 16 to 22, and sessions recorded on
Asterisk 22 (tests/data/ami).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ami_bridge.facts import (
    AgentAnswered,
    Channel,
    Fact,
    HungUp,
    JoinedTalk,
    LeftTalk,
    QueueEntered,
    TransferCompleted,
    TransferFailed,
)
from hushtape.config import Pbx
from hushtape.policy import numbers
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction

Event = Mapping[str, str]

MOST_CHANNELS = 20_000
PARKING = ("parking", "holding")  # bridges in which nobody talks
TALK_LIMIT = 20  # channels in a bridge; beyond that it is a conference, and members come and go
TEXT_LIMIT = 200  # characters of a caller's name or number that are kept


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, and the channel of the outside party to whose call it belongs."""

    channel: Channel
    fact: Fact


class Translator:
    """Follows one PBX's channels and says what happened to calls."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._channels: dict[str, Channel] = {}
        # A queue's Local member stands between caller and agent: its halves' common name -> caller.
        self._locals: dict[str, Channel] = {}
        self._talks = _Talks()

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self._channels.get(uniqueid)

    def know(self, channel: Channel) -> None:
        """Remember a channel without having seen it: the next resync says what became of it."""
        self._channels[channel.uniqueid] = channel

    def translate(self, event: Event, at: datetime) -> list[Told]:
        """Take in one event.

        Args:
            event: header -> value, as on the wire.
            at: when it happened, on the PBX's clock.

        Returns:
            The facts that follow, in order; most events say nothing to us.
        """
        match event.get("Event"):
            case "Newchannel":
                return self._remember(event, event.get("Exten", ""), at)
            case "Rename":
                known = self._channels.get(event.get("Uniqueid", ""))
                if known is not None:
                    known.name = event.get("Newname", known.name)
            case "QueueCallerJoin":
                return self._queue_entered(event, at)
            case "AgentConnect":
                return self._agent_connected(event, at)
            case "BlindTransfer" | "AttendedTransfer":
                return [*self._transferred(event, at), *self._swapped(event, at)]
            case "BridgeLeave" | "QueueCallerLeave":
                self._talks.leave(event)
                return self._told(event, LeftTalk(at=at))
            case "BridgeEnter" if event.get("BridgeType") not in PARKING:
                self._talks.enter(event, self._channels)
                return self._joined(event, at)
            case "Hangup":
                self._locals.pop(_pair(event.get("Channel", "")), None)
                self._talks.leave(event)
                channel = self._channels.pop(event.get("Uniqueid", ""), None)
                return [Told(channel, HungUp(at=at))] if channel is not None else []
        return []

    def resync(self, living: Sequence[Event], at: datetime, since: datetime) -> Iterator[Told]:
        """Compare what is remembered with what lives, after the link was away.

        Args:
            living: the ``Status`` events of every channel of the PBX, with CALL_VARIABLE.
            at: when they were asked for.
            since: from when on nobody listened. A transfer may have been at any moment after that,
                so it is taken to have been then: what is uncertain isn't kept.

        Yields:
            A hang-up for each channel that went while nobody listened, a transfer for each that is
            elsewhere in the dialplan now, a queue entry for each that waits or talks in a queue.
        """
        alive = {event.get("Uniqueid", ""): event for event in living}
        for uniqueid in [known for known in self._channels if known not in alive]:
            yield Told(self._channels.pop(uniqueid), HungUp(at=since, seen=False))
        self._locals = {k: v for k, v in self._locals.items() if v.uniqueid in alive}
        self._talks = _Talks()
        for event in living:
            self._talks.enter(event, {})
        for uniqueid, event in alive.items():
            known = self._channels.get(uniqueid)
            if known is None:
                yield from self._remember(event, event.get("DNID") or event.get("Exten", ""), at)
                if _is_unclaimed(event):
                    yield from self._found_in_queue(self._channels[uniqueid], event, at)
                continue
            known.name = event.get("Channel", known.name)
            yield from self._moved(known, event, at, since)

    def _moved(
        self, channel: Channel, status: Event, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of a transfer that nobody saw: elsewhere in the dialplan, or with somebody else."""
        before, channel.others = channel.others, self._talks.others(status)
        extension = status.get("Exten", "")
        if extension != channel.extension:
            channel.extension = extension
            place = self.place(extension)
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))
            yield from self._found_in_queue(channel, status, at)
        elif before and channel.others and set(before) != set(channel.others):
            place = Place(DestinationKind.UNKNOWN, "")
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        pbx = self._pbx
        if extension in pbx.queues:
            return Place(DestinationKind.QUEUE, extension, queue=pbx.queues[extension])
        if any(numbers.matches(pattern, extension) for pattern in pbx.extensions):
            return Place(DestinationKind.EXTENSION, extension)
        if any(numbers.matches(pattern, extension) for pattern in pbx.outside):
            number = extension.removeprefix(pbx.outside_prefix)
            return Place(DestinationKind.OUTSIDE, extension, number=number)
        return Place(DestinationKind.UNKNOWN, extension)

    def _told(self, event: Event, fact: Fact) -> list[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        return [Told(channel, fact)] if channel is not None else []

    def _joined(self, event: Event, at: datetime) -> list[Told]:
        """A channel talks; if it is elsewhere in the dialplan than was told, it was redirected."""
        told = self._told(event, JoinedTalk(at=at))
        if told:
            channel, extension = told[0].channel, event.get("Exten", "")
            if extension != channel.extension:
                channel.extension = extension
                place = self.place(extension)
                sent = TransferCompleted(at=at, place=place, how="redirected")
                return [Told(channel, sent), *told]
        return told

    def _remember(self, event: Event, dialled: str, at: datetime) -> list[Told]:
        uniqueid = event.get("Uniqueid", "")
        told = []
        if len(self._channels) >= MOST_CHANNELS and uniqueid not in self._channels:
            # Hang-ups were missed: the oldest goes, as a dict keeps the order.
            oldest = self._channels.pop(next(iter(self._channels)))
            told.append(Told(oldest, HungUp(at=at, seen=False)))
        self._channels[uniqueid] = Channel(
            uniqueid,
            event.get("Channel", ""),
            event.get("Context", ""),
            dialled,
            event.get("Exten", ""),
        )
        return told

    def _queue_entered(self, event: Event, at: datetime) -> list[Told]:
        told = []
        if event.get("Uniqueid", "") not in self._channels:  # it came while nobody listened
            told = self._remember(event, "", at)
        channel = self._channels[event.get("Uniqueid", "")]
        channel.extension = event.get("Exten", channel.extension)
        return [*told, self._entry(channel, event.get("Queue", ""), event, at)]

    def _found_in_queue(self, channel: Channel, status: Event, at: datetime) -> Iterator[Told]:
        """Take a channel that waits or talks in a queue for one that enters it now."""
        if status.get("Application") == "Queue":
            queue = status.get("Data", "").partition(",")[0]
            yield self._entry(channel, queue, status, at)

    def _entry(self, channel: Channel, queue: str, event: Event, at: datetime) -> Told:
        outside = channel.context in self._pbx.outside_contexts
        arrival = Arrival(
            at=at,
            direction=Direction.INBOUND if outside else Direction.INTERNAL,
            dialled=channel.dialled,
            queue=queue,
        )
        number = _person(event.get("CallerIDNum", ""))
        name = _person(event.get("CallerIDName", ""))
        return Told(channel, QueueEntered(at=at, arrival=arrival, number=number, name=name))

    def _agent_connected(self, event: Event, at: datetime) -> list[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is None:
            return []
        pair = _pair(event.get("DestChannel", ""))
        if pair:
            self._locals[pair] = channel
        return [Told(channel, _agent_answered(event, at))]

    def _transferred(self, event: Event, at: datetime) -> list[Told]:
        if event.get("Event") == "BlindTransfer":
            how, place = "blind", self.place(event.get("Extension", ""))
        else:
            how, place = "attended", self._attended_place(event)
        channel = self._channels.get(event.get("TransfereeUniqueid", ""))
        # Where a queue's member is a Local channel, its far half is transferred, and with it the
        # caller. (Run on Asterisk 22, with Local/211@internal/n.)
        pair = _pair(event.get("TransfereeChannel", ""))
        if pair:
            channel = self._locals.get(pair)
            if channel is None:
                # Somebody near this caller was transferred, we can't tell who: not sure means no.
                channel = self._channels.get(event.get("TransfereeLinkedid", ""))
                place = Place(DestinationKind.UNKNOWN, place.extension)
        if channel is None:
            return []
        if event.get("Result") != "Success":
            return [Told(channel, TransferFailed(at=at))]
        if how == "blind":  # in an attended one the caller stays where it is in the dialplan
            channel.extension = place.extension
        return [Told(channel, TransferCompleted(at=at, place=place, how=how))]

    def _local_in_talk(self, uniqueid: str) -> str:
        """Return the name of the one Local channel with which a channel talks, else ``""``."""
        channel = self._channels.get(uniqueid)
        others = channel.others if channel is not None else []
        names = [self._channels[each].name for each in others if each in self._channels]
        locals_ = [name for name in names if _pair(name)]
        return locals_[0] if len(locals_) == 1 else ""

    def _swapped(self, event: Event, at: datetime) -> list[Told]:
        """An attended transfer the other way round: the caller is the one who is talked to."""
        target = self._channels.get(event.get("TransferTargetUniqueid", ""))
        if event.get("Event") != "AttendedTransfer" or event.get("Result") != "Success":
            return []
        if target is None or _pair(target.name):
            return []
        first = self._channels.get(event.get("OrigTransfererUniqueid", ""))
        by_phone = event.get("SecondTransfererChannel") != event.get("OrigTransfererChannel")
        place = Place(DestinationKind.UNKNOWN, "")
        if first is not None and by_phone:
            place = self.place(first.dialled)
        return [Told(target, TransferCompleted(at=at, place=place, how="attended"))]

    def _attended_place(self, event: Event) -> Place:
        """Say where an attended transfer led: to whom the transferer was talking.

        By feature code that is a Local channel, named after the extension. By phone it is what the
        transferer's second channel had dialled. Anything else can't be told.
        """
        target = event.get("TransferTargetChannel", "")
        if not target:
            # Run on Asterisk 22: every now and then the event names no target. It has joined the
            # caller's bridge by then.
            target = self._local_in_talk(event.get("TransfereeUniqueid", ""))
        if _pair(target):
            return self.place(target.removeprefix("Local/").partition("@")[0])
        second = self._channels.get(event.get("SecondTransfererUniqueid", ""))
        by_phone = event.get("SecondTransfererChannel") != event.get("OrigTransfererChannel")
        if second is not None and by_phone:
            return self.place(second.dialled)
        return Place(DestinationKind.UNKNOWN, "")


class _Talks:
    """Who is in a bridge with whom."""

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}
        self._bridge_of: dict[str, str] = {}

    def enter(self, event: Event, channels: Mapping[str, Channel]) -> None:
        """Take in a ``BridgeEnter`` or a ``Status``."""
        bridge = event.get("BridgeUniqueid") or event.get("BridgeID", "")
        uniqueid = event.get("Uniqueid", "")
        if not bridge or not uniqueid:
            return
        self.leave(event)
        members = self._members.setdefault(bridge, set())
        members.add(uniqueid)
        self._bridge_of[uniqueid] = bridge
        if len(members) <= TALK_LIMIT:
            for each in members:
                if each in channels:
                    channels[each].others = sorted(members - {each})

    def leave(self, event: Event) -> None:
        """Take in a ``BridgeLeave`` or a ``Hangup``."""
        uniqueid = event.get("Uniqueid", "")
        bridge = self._bridge_of.pop(uniqueid, "")
        members = self._members.get(bridge)
        if members is not None:
            members.discard(uniqueid)
            if not members:
                del self._members[bridge]

    def others(self, event: Event) -> list[str]:
        """Return the uniqueids of those with whom a channel talks."""
        uniqueid = event.get("Uniqueid", "")
        members = self._members.get(self._bridge_of.get(uniqueid, ""), set())
        return sorted(members - {uniqueid}) if len(members) <= TALK_LIMIT else []


def _pair(name: str) -> str:
    """Return what the two halves of a Local channel have in common, ``""`` for other channels."""
    return name[:-2] if name.startswith("Local/") and name.endswith((";1", ";2")) else ""


def _is_unclaimed(status: Event) -> bool:
    """Tell whether no bridge has taken this channel's call on, by its variable."""
    return status.get("Variable", "").endswith("=(null)")


def _agent_answered(event: Event, at: datetime) -> Fact:
    agent = event.get("MemberName") or event.get("Interface", "")
    return AgentAnswered(at=at, agent=_person(agent))


def _person(text: str) -> str:
    """Cut a name or number from the network to what is kept of it; Asterisk's word for none."""
    text = "".join(character for character in text[:TEXT_LIMIT] if character.isprintable())
    return "" if text == "<unknown>" else text
