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

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self._channels.get(uniqueid)

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
                self._remember(event, event.get("Exten", ""))
            case "Rename":
                known = self._channels.get(event.get("Uniqueid", ""))
                if known is not None:
                    known.name = event.get("Newname", known.name)
            case "QueueCallerJoin":
                return [self._queue_entered(event, at)]
            case "AgentConnect":
                return self._told(event, "Uniqueid", _agent_answered(event, at))
            case "BlindTransfer":
                return self._told(event, "TransfereeUniqueid", self._transfer(event, at))
            case "Hangup":
                told = self._told(event, "Uniqueid", HungUp(at=at))
                self._channels.pop(event.get("Uniqueid", ""), None)
                return told
        return []

    def resync(self, living: Sequence[Event], at: datetime) -> Iterator[Told]:
        """Compare what is remembered with what lives, after the link was away.

        Args:
            living: the ``Status`` events of every channel of the PBX.
            at: when they were asked for.

        Yields:
            A hang-up for each channel that went while nobody listened.
        """
        alive = {event.get("Uniqueid", ""): event for event in living}
        for uniqueid in [known for known in self._channels if known not in alive]:
            yield Told(self._channels.pop(uniqueid), HungUp(at=at, seen=False))
        for uniqueid, event in alive.items():
            known = self._channels.get(uniqueid)
            if known is None:
                self._remember(event, event.get("DNID") or event.get("Exten", ""))
            else:
                known.name = event.get("Channel", known.name)

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

    def _remember(self, event: Event, dialled: str) -> Channel:
        uniqueid = event.get("Uniqueid", "")
        if len(self._channels) >= MOST_CHANNELS:
            # Hang-ups were missed: the oldest goes, as a dict keeps the order.
            self._channels.pop(next(iter(self._channels)))
        channel = Channel(uniqueid, event.get("Channel", ""), event.get("Context", ""), dialled)
        self._channels[uniqueid] = channel
        return channel

    def _queue_entered(self, event: Event, at: datetime) -> Told:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is None:  # it came while nobody listened
            channel = self._remember(event, "")
        outside = channel.context in self._pbx.outside_contexts
        arrival = Arrival(
            at=at,
            direction=Direction.INBOUND if outside else Direction.INTERNAL,
            dialled=channel.dialled,
            queue=event.get("Queue", ""),
        )
        number = _person(event.get("CallerIDNum", ""))
        name = _person(event.get("CallerIDName", ""))
        return Told(channel, QueueEntered(at=at, arrival=arrival, number=number, name=name))

    def _transfer(self, event: Event, at: datetime) -> Fact:
        if event.get("Result") != "Success":
            return TransferFailed(at=at)
        return TransferCompleted(at=at, place=self.place(event.get("Extension", "")))

    def _told(self, event: Event, header: str, fact: Fact) -> list[Told]:
        channel = self._channels.get(event.get(header, ""))
        return [Told(channel, fact)] if channel is not None else []


def _agent_answered(event: Event, at: datetime) -> Fact:
    agent = event.get("MemberName") or event.get("Interface", "")
    return AgentAnswered(at=at, agent=_person(agent))


def _person(text: str) -> str:
    """Cut a name or number from the network to what is kept of it; Asterisk's word for none."""
    text = "".join(character for character in text[:TEXT_LIMIT] if character.isprintable())
    return "" if text == "<unknown>" else text
