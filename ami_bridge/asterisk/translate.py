"""Asterisk's events -> facts. Pure: it remembers the channels, and touches nothing.

Sources: the documentation of the AMI events in Asterisk 16 to 22, and sessions recorded on
Asterisk 22 (tests/data/ami).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.asterisk.dials import Dials
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.listeners import EVENTS as LISTENERS
from ami_bridge.asterisk.listeners import Listeners, begins_to_hear
from ami_bridge.asterisk.moves import Moves
from ami_bridge.asterisk.queues import Queues
from ami_bridge.asterisk.resync import Resync
from ami_bridge.asterisk.said import OWN_EVENT
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.asterisk.talks import PARKING, Talking
from ami_bridge.facts import Channel, HungUp, LegGone, Overheard
from ami_bridge.payments import ACTS, Payments
from ami_bridge.places import person
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy.decide import Place

Event = Mapping[str, str]

MOST_CHANNELS = 20_000


class Translator:
    """Follows one PBX's channels and says what happened to calls."""

    def __init__(self, pbx: Pbx) -> None:
        self._known = known = Known(pbx)
        self._moves = Moves(known)
        self._queues = Queues(known, self._moves)
        self._dials = Dials(known, self._moves, self._queues)
        self._talking = Talking(known, self._moves)
        self._listeners = Listeners(known.channels)
        self._payments = Payments(
            known.channels, known.talks, known.consulting, is_overheard=self._is_overheard
        )
        self._resync = Resync(known, self._queues, self._dials, self._payments)
        self._handlers: dict[str, Callable[[Event, datetime], Iterable[Told]]] = {
            "Newchannel": self._new_channel,
            "Rename": self._renamed,
            "QueueCallerJoin": self._queue_entered,
            "QueueCallerLeave": self._queues.left,
            "AgentConnect": self._queues.connected,
            "DialBegin": self._dials.began,
            "DialEnd": self._dials.ended,
            "BlindTransfer": self._moves.blind,
            "AttendedTransfer": self._moves.attended,
            "BridgeEnter": self._bridge_entered,
            "BridgeLeave": self._talking.left,
            "Hold": self._talking.held,
            "Unhold": self._talking.unheld,
            "ParkedCall": self._talking.parked,
            "UserEvent": self._said_by_dialplan,
            "Hangup": self._hung_up,
            **dict.fromkeys(LISTENERS, self._listening),
        }

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self._known.channel(uniqueid)

    def around(self, caller: Channel) -> tuple[Channel, ...]:
        """Name every channel on which a caller may be recorded, his own the first."""
        return self._payments.around(caller)

    def overheard(self, caller: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears a call."""
        return self._payments.overheard(caller)

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return self._known.party.place(extension)

    def know(self, channel: Channel, legs: Sequence[Channel] = ()) -> None:
        """Remember channels without having seen them: the next resync says what became of them.

        Args:
            channel: an outside party's.
            legs: of agents who consulted somebody in its call.
        """
        channels = self._known.channels
        channels[channel.uniqueid] = channel
        self._moves.moved(channel)
        for leg in legs:
            self._known.consulting.know(channels.setdefault(leg.uniqueid, leg), channel)

    def foreign(self, event: Event, at: datetime) -> list[Told]:
        """Take in a ``MixMonitorStart`` of a recorder that nobody here has asked for."""
        channel = self._known.of(event)
        if channel is None:
            return []
        channel.strange = True
        return list(self._payments.foreign(channel, event.get("Linkedid", ""), at))

    def translate(self, event: Event, at: datetime) -> list[Told]:
        """Take in one event.

        Args:
            event: header -> value, as on the wire.
            at: when it happened, on the PBX's clock.

        Returns:
            The facts that follow, in order; most events say nothing to us.
        """
        handler = self._handlers.get(event.get("Event", ""))
        return list(handler(event, at)) if handler is not None else []

    def resync(self, living: Sequence[Event], at: datetime, since: datetime) -> Iterator[Told]:
        """Compare what is remembered with what lives, after the link was away.

        Args:
            living: the ``Status`` events of every channel of the PBX, with VARIABLES.
            at: when they were asked for.
            since: from when on nobody listened. A transfer may have been at any moment after that,
                so it is taken to have been then: what is uncertain isn't kept.

        Yields:
            A hang-up for each channel that went while nobody listened, a transfer for each that is
            elsewhere in the dialplan now, a queue entry for each that waits or talks in a queue, an
            answer for each call to the outside that was answered, and the note of each call that
            another bridge has left.
        """
        alive = {event.get("Uniqueid", ""): event for event in living}
        for uniqueid in [known for known in self._known.channels if known not in alive]:
            yield from self._forget(uniqueid, HungUp(at=since, seen=False))
        self._moves.resync(alive)
        self._talking.found(alive)
        new = [uniqueid for uniqueid in alive if uniqueid not in self._known.channels]
        for uniqueid in new:
            event = alive[uniqueid]
            yield from self._remember(event, event.get("DNID") or event.get("Exten", ""), at)
            channel = self._known.channels[uniqueid]
            if in_subroutine(event):
                channel.extension = event.get("DNID", "")
            self._moves.moved(channel)
        yield from self._resync.tell(alive, new, at, since)
        yield from self._talking.resync(since)
        for uniqueid in alive:
            known = uniqueid not in new or self._resync.is_noted(alive[uniqueid])
            yield from self._talking.tell_company(uniqueid, since if known else at)
        yield from self._resync.nobody_listened(alive, new, since)

    # channels

    def _new_channel(self, event: Event, at: datetime) -> Iterator[Told]:
        yield from self._remember(event, event.get("Exten", ""), at)
        yield from self._listens_from_now(event, at)

    def _remember(self, event: Event, dialled: str, at: datetime) -> Iterator[Told]:
        uniqueid, channels = event.get("Uniqueid", ""), self._known.channels
        if len(channels) >= MOST_CHANNELS and uniqueid not in channels:
            # Hang-ups were missed: the oldest goes, as a dict keeps the order.
            yield from self._forget(next(iter(channels)), HungUp(at=at, seen=False))
        channel = Channel(
            uniqueid,
            event.get("Channel", ""),
            event.get("Context", ""),
            dialled,
            event.get("Exten", ""),
            number=person(event.get("CallerIDNum", "")),
        )
        self._known.add(channel)

    def _renamed(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._known.of(event)
        if channel is not None:
            self._known.rename(channel, event.get("Newname", channel.name))
        yield from ()

    def _hung_up(self, event: Event, at: datetime) -> Iterator[Told]:
        self._moves.hung_up(event.get("Channel", ""))
        uniqueid = event.get("Uniqueid", "")
        if uniqueid in self._known.channels:
            yield from self._forget(uniqueid, HungUp(at=at))
        else:
            yield from self._talking.gone(uniqueid, at)

    def _forget(self, uniqueid: str, gone: HungUp) -> Iterator[Told]:
        channel = self._known.remove(uniqueid)
        self._queues.forget(uniqueid)
        self._moves.forget(uniqueid)
        self._dials.forget(uniqueid)
        self._listeners.forget(uniqueid)
        for caller in self._known.consulting.forget(channel):
            yield Told(caller, LegGone(at=gone.at, leg=uniqueid))
        yield Told(channel, gone)
        yield from self._payments.gone(uniqueid, gone.at)
        yield from self._talking.gone(uniqueid, gone.at)

    # queues, bridges

    def _queue_entered(self, event: Event, at: datetime) -> Iterator[Told]:
        if self._known.of(event) is None:  # it came while nobody listened
            yield from self._remember(event, "", at)
        channel = self._known.channels[event.get("Uniqueid", "")]
        yield from self._queues.entered(channel, event, at)

    def _bridge_entered(self, event: Event, at: datetime) -> Iterator[Told]:
        if event.get("BridgeType") in PARKING:
            self._talking.is_parking_lot(event.get("BridgeUniqueid", ""))
            return
        yield from self._talking.entered(event, at)
        yield from self._listens_from_now(event, at)

    # who listens in

    def _listening(self, event: Event, at: datetime) -> Iterator[Told]:
        self._listeners.said(event)
        yield from self._listens_from_now(event, at)

    def _listens_from_now(self, event: Event, at: datetime) -> Iterator[Told]:
        heard = [self.channel(each) for each in begins_to_hear(event, self._known.talks.members)]
        concerned = (self._payments.concerned(each) for each in heard if each is not None)
        for each in {one.uniqueid: one for some in concerned for one in some}.values():
            yield Told(each, Overheard(at=at))

    def _is_overheard(self, channels: list[Channel]) -> bool:
        bridges = [self._known.talks.bridge_of(each.uniqueid) for each in channels]
        return self._listeners.on(channels, bridges)

    # what the dialplan says

    def _said_by_dialplan(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._known.of(event)
        if "Uniqueid" not in event:  # another program's, by the action
            channel = self._known.named(event.get("Channel", ""))
        if event.get("UserEvent") != OWN_EVENT or channel is None:
            return
        act = event.get("Act", "")
        if act in ACTS:
            yield from self._payments.said(event, channel, at)
        else:
            yield from self._talking.said_of_consent(act, event.get("By", ""), channel, at)
