"""Who talks with whom on a FreeSWITCH: bridges, conferences, consultations, holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.consulting import Consultation
from ami_bridge.facts import (
    Channel,
    ConsultationBegan,
    Held,
    JoinedTalk,
    LeftTalk,
    Parked,
)
from ami_bridge.freeswitch.bridges import Bridges, pair
from ami_bridge.freeswitch.dials import Dials
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.living import Living, conference_bridge, holds, joins
from ami_bridge.freeswitch.moves import Moves
from ami_bridge.freeswitch.queues import Queues
from ami_bridge.talking import BaseTalking
from ami_bridge.told import Told

Event = Mapping[str, str]


class Talking(BaseTalking):
    """Follows the talks of one PBX."""

    def __init__(
        self, known: Known, bridges: Bridges, moves: Moves, dials: Dials, queues: Queues
    ) -> None:
        super().__init__(known.channels, known.talks, known.consulting, known.party)
        self._known = known
        self._bridges = bridges
        self._moves = moves
        self._dials = dials
        self._queues = queues
        self._parked: set[str] = set()  # uniqueids of those of whom it was told

    def bridged(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in a bridge of two channels."""
        both = self._both(event)
        if len(both) < 2:
            return
        bridge, app = pair(*both), event.get("variable_current_application", "")
        changed: list[Consultation] = []
        interrupts = {}
        for uniqueid in both:
            before = self._talks.bridge_of(uniqueid)
            if before and before != bridge:
                changed += self._consulting.left(uniqueid)
                interrupts[uniqueid] = before
            self._bridges.join(bridge, uniqueid)
        yield from self._consultations(changed, at)
        self._shows(event)
        channels = [self._known.channels.get(each) for each in both]
        if channels[0] is not None and channels[1] is not None:
            one, other = channels[0], channels[1]
            in_queue = self._queues.waits(one) or self._queues.waits(other)
            for each, peer in ((one, other), (other, one)):
                yield from self._queues.met(each, peer, app, at)
            if not in_queue and not interrupts:
                yield from self._dials.connected(one, other, app, at)
        yield from self._joined(both, at)
        for before in dict.fromkeys(interrupts.values()):
            yield from self._talk_changed(before, at)
        yield from self._talk_changed(bridge, at)
        for uniqueid in both:
            entered = self._consulting.entered(bridge, uniqueid)
            yield from self._consultations(entered, at)

    def _shows(self, event: Event) -> None:
        """Take in whom the PBX shows as the caller by the time of his first talk."""
        own = self._known.channel(event.get("Unique-ID", ""))
        if own is not None and not self._known.leg(own).rung and not self._known.leg(own).arrived:
            self._dials.shows(own, event)

    def _joined(self, uniqueids: Iterable[str], at: datetime) -> Iterator[Told]:
        for uniqueid in uniqueids:
            self._parked.discard(uniqueid)
            yield from self._moves.meets(uniqueid, at)
            channel = self._known.channels.get(uniqueid)
            if channel is not None:
                self._known.leg(channel).arrived = True
                yield Told(channel, JoinedTalk(at=at))

    def unbridged(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in the end of a bridge."""
        both = self._both(event)
        own = self._known.channel(event.get("Unique-ID", ""))
        bridge = pair(*both) if len(both) == 2 else ""
        if not bridge and own is not None:  # it doesn't say of which: it hangs up
            bridge = self._talks.bridge_of(own.uniqueid)
            both = tuple(self._talks.members(bridge))
        for uniqueid in both:
            self._moves.parts(uniqueid)
        if own is not None:
            self._moves.ends(own, event, at)
            if event.get("Answer-State") != "hangup":
                yield from self._moves.routed(own, event, at)
        yield from self._part(bridge, both, at)

    def _part(self, bridge: str, uniqueids: Sequence[str], at: datetime) -> Iterator[Told]:
        """Take in that some leave a bridge, and are back in the one that it interrupted."""
        left = []
        for uniqueid in uniqueids:
            if self._talks.bridge_of(uniqueid) == bridge:
                yield from self._consultations(self._consulting.left(uniqueid), at)
            if self._bridges.leave(bridge, uniqueid):
                left.append(uniqueid)
        back = {}
        for uniqueid in left:
            channel = self._known.channels.get(uniqueid)
            if channel is not None and not self._moves.is_on_its_way(channel):
                yield Told(channel, LeftTalk(at=at))
            if not self._known.is_gone(uniqueid) and (again := self._bridges.come_back(uniqueid)):
                back[uniqueid] = again
        for uniqueid in left:
            yield from self.tell_company(uniqueid, at)
        yield from self._consulted_gone(bridge, at)
        yield from self._talk_changed(bridge, at)
        for uniqueid, again in back.items():
            yield from self._joined([uniqueid], at)
            yield from self._talk_changed(again, at)
            entered = self._consulting.entered(again, uniqueid)
            yield from self._consultations(entered, at)

    def conference(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in who comes into a conference, and who leaves it."""
        channel, name = (
            self._known.channel(event.get("Unique-ID", "")),
            event.get("Conference-Name", ""),
        )
        if channel is None or not name:
            return
        bridge, uniqueid = conference_bridge(name), channel.uniqueid
        if event.get("Action") == "del-member":
            self._moves.parts(uniqueid)
            yield from self._part(bridge, [uniqueid], at)
        elif event.get("Action") == "add-member":
            self._bridges.join(bridge, uniqueid)
            yield from self._joined([uniqueid], at)
            yield from self._talk_changed(bridge, at)
            entered = self._consulting.entered(bridge, uniqueid)
            yield from self._consultations(entered, at)

    def _both(self, event: Event) -> tuple[str, ...]:
        """Name the two of a bridge by their uniqueids."""
        uuids = (event.get(f"Bridge-{which}-Unique-ID", "") for which in "AB")
        return tuple(dict.fromkeys(self._known.uniqueid(uuid) for uuid in uuids if uuid))

    # consultations, holds

    def held(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that a channel put the others on hold."""
        channel = self._known.channel(event.get("Unique-ID", ""))
        if channel is not None:
            yield from self.tell_all(channel, Held(at=at))
            yield from self._consultations(self._consulting.held(channel), at)

    def unheld(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that it took them off hold."""
        channel = self._known.channel(event.get("Unique-ID", ""))
        if channel is not None:
            yield from self._consultations(self._consulting.unheld(channel), at)

    def _consultations(self, changed: Iterable[Consultation], at: datetime) -> Iterator[Told]:
        for told in super()._consultations(changed, at):
            if isinstance(told.fact, ConsultationBegan):
                self._moves.consults(told.fact, told.channel)
            yield told

    # parking, third persons, hang-ups

    def parks(self, channel: Channel, at: datetime) -> Iterator[Told]:
        """Take in that a channel is parked; it may be said more than once."""
        if channel.uniqueid not in self._parked:
            self._parked.add(channel.uniqueid)
            yield Told(channel, Parked(at=at))

    def comes_in(self, channel: Channel, uuid: str, at: datetime) -> Iterator[Told]:
        """Take in that somebody joins a talk as a third.

        Args:
            uuid: of the channel on which he speaks; "" isn't said: of the one who has rung him.
        """
        on = self._known.uniqueid(uuid) or self._known.leg(channel).rung_by
        if on in self._known.channels:
            self._moves.comes_in(channel.uniqueid)
            self._bridges.bring_in(channel.uniqueid, on)
            yield from self._talk_changed(self._talks.bridge_of(on), at)

    def goes(self, uniqueid: str) -> None:
        """Note with whom they talked whom a channel leaves behind that is about to be forgotten."""
        for each in self._talks.members(self._talks.bridge_of(uniqueid)):
            if each != uniqueid:
                self._moves.parts(each)

    def gone(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        """Take in that a channel is gone."""
        self._parked.discard(uniqueid)
        self._company.pop(uniqueid, None)
        bridge = self._bridges.forget(uniqueid)
        if bridge:
            yield from self._consulted_gone(bridge, at)
            yield from self._talk_changed(bridge, at)

    def resync(self, alive: Mapping[str, Living], at: datetime, since: datetime) -> Iterator[Told]:
        """Take in what lives, after nobody has listened; who is in which bridge is known."""
        self._parked.clear()
        known = self._known
        yield from self._consultations(known.consulting.resync(), since)
        for uniqueid, each in alive.items():
            other = known.uniqueid(each.get("variable_bridge_to", ""))
            if known.talks.bridge_of(uniqueid):
                self._moves.talks(uniqueid)
            if other and known.is_gone(other):
                self._moves.was_with(uniqueid, other)
        for uniqueid, bridge in self._bridges.waiting():
            yield from self._consultations(known.consulting.interrupted(bridge, uniqueid), at)
        for uniqueid, each in alive.items():
            if joins(each):
                self._moves.comes_in(uniqueid)
            if holds(each):
                yield from self._consultations(known.consulting.held(known.channels[uniqueid]), at)

    def _is_half(self, channel: Channel) -> bool:
        return self._talks.is_half(channel.uniqueid)
