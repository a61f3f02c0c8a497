"""Who talks with whom on an Asterisk: bridges, parking, consultations, holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ami_bridge.asterisk.halves import pair
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.living import Living, bridge_of
from ami_bridge.asterisk.moves import Moves
from ami_bridge.facts import (
    Channel,
    Held,
    JoinedTalk,
    LeftTalk,
    Parked,
)
from ami_bridge.talking import BaseTalking
from ami_bridge.told import Told

Event = Mapping[str, str]

MOST_PARKING_LOTS = 1000
PARKING = ("parking", "holding")  # bridges in which nobody talks


class Talking(BaseTalking):
    """Follows the talks of one PBX."""

    def __init__(self, known: Known, moves: Moves) -> None:
        super().__init__(known.channels, known.talks, known.consulting, known.party)
        self._known = known
        self._moves = moves
        self._parking_lots: dict[str, None] = {}  # their bridges

    # bridges

    def is_parking_lot(self, bridge: str) -> None:
        """Note a bridge in which nobody talks."""
        self._parking_lots[bridge] = None
        if len(self._parking_lots) > MOST_PARKING_LOTS:
            del self._parking_lots[next(iter(self._parking_lots))]

    def entered(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in who comes into a bridge."""
        bridge, uniqueid = event.get("BridgeUniqueid", ""), event.get("Uniqueid", "")
        if not (bridge and uniqueid):
            return
        self._talks.enter(bridge, uniqueid, event.get("SwapUniqueid", ""))
        channel = self._known.of(event)
        half = self._known.channel(event.get("SwapUniqueid", ""))
        if channel is not None and half is not None:
            self._known.party.takes_part_of(channel, half)
        if channel is not None:
            yield from self._moves.redirected(channel, event, at)
            yield Told(channel, JoinedTalk(at=at))
        yield from self._talk_changed(bridge, at)
        yield from self._consultations(self._consulting.entered(bridge, uniqueid), at)

    def left(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in who leaves his bridge."""
        uniqueid, channel = event.get("Uniqueid", ""), self._known.of(event)
        yield from self._consultations(self._consulting.left(uniqueid), at)
        bridge = self._talks.leave(uniqueid)
        if channel is not None:
            yield Told(channel, LeftTalk(at=at))
        if bridge:
            yield from self.tell_company(uniqueid, at)
            yield from self._consulted_gone(bridge, at)
            yield from self._talk_changed(bridge, at)

    def gone(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        """Take in that a channel is gone."""
        self._company.pop(uniqueid, None)
        bridge = self._talks.forget(uniqueid)
        if bridge:
            yield from self._consulted_gone(bridge, at)
            yield from self._talk_changed(bridge, at)

    def found(self, alive: Mapping[str, Living]) -> None:
        """Take in who is in which bridge, after nobody has listened."""
        talks = self._known.talks
        talks.clear()
        for uniqueid, each in alive.items():
            talks.name(uniqueid, each.get("Channel", ""))
            bridge = bridge_of(each)
            if bridge and bridge not in self._parking_lots and uniqueid:
                talks.enter(bridge, uniqueid)

    def parked(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that somebody is parked."""
        channel = self._known.channel(event.get("ParkeeUniqueid", ""))
        if channel is not None and pair(channel.name):
            channel = self._known.behind(channel.name)
        if channel is not None:
            yield Told(channel, Parked(at=at))

    # consultations, holds

    def held(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that a channel put the others on hold."""
        channel = self._known.of(event)
        if channel is not None:
            yield from self.tell_all(channel, Held(at=at))
            linkedid = event.get("Linkedid", "")
            yield from self._consultations(self._consulting.held(channel, linkedid), at)

    def unheld(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that it took them off hold."""
        channel = self._known.of(event)
        if channel is not None:
            yield from self._consultations(self._consulting.unheld(channel), at)

    def resync(self, since: datetime) -> Iterator[Told]:
        """End the consultations, after nobody has listened: they may be over."""
        yield from self._consultations(self._consulting.resync(), since)

    def _is_half(self, channel: Channel) -> bool:
        return bool(pair(channel.name))
