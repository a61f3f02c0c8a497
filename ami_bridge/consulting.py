"""Which agent consults somebody while a caller waits. Pure.

Two ways lead there. By feature code the agent's channel leaves the caller's bridge and enters
another one, and the caller stays behind. By telephone the agent's channel is put on hold, and a
second channel of the same telephone dials somebody. Either ends when the agent leaves that talk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ami_bridge.facts import Channel
from ami_bridge.talks import Talks

MOST_WAITED = 20  # callers, for one channel of an agent that lives for days
MOST_TABLES = 1000
NOBODY_DIALLED = ("", "s")  # the extension with which a channel that is called begins


class Consultation(NamedTuple):
    """One that began, or that is over."""

    leg: Channel  # the agent's
    caller: Channel  # who waits
    began: bool


class _Table(NamedTuple):
    """A bridge in which an agent talks with somebody whom he has called."""

    leg: str  # the agent's uniqueid there
    callers: dict[str, Channel]  # who waits or has waited, by uniqueid


class Consulting:
    """Follows the agents of one PBX.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        talks: the bridges; already up to date when something is told here, but for ``left``.
        telephone: names a channel's telephone, "" for a line to the outside.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        talks: Talks,
        telephone: Callable[[Channel], str],
    ) -> None:
        self._telephone = telephone
        self._channels = channels
        self._talks = talks
        self._came_from: dict[str, str] = {}  # an agent's uniqueid -> the bridge left behind
        self._on_hold: dict[str, dict[str, Channel]] = {}  # telephone -> its channels that hold
        self._legs: dict[str, dict[str, Channel]] = {}  # a leg's uniqueid -> callers, by uniqueid
        self._ever: dict[str, list[Channel]] = {}  # a leg's uniqueid -> callers who ever waited
        self._held_as: dict[str, str] = {}  # a holding channel's uniqueid -> its Linkedid then
        self._tables: dict[str, _Table] = {}  # by the bridge in which somebody is consulted

    def going_on(self, uniqueid: str) -> list[Consultation]:
        """Return the consultations on a channel, for each who waits."""
        leg, callers = self._channels.get(uniqueid), self._legs.get(uniqueid, {})
        if leg is None:
            return []
        return [Consultation(leg, caller, began=True) for caller in callers.values()]

    def consults(self, uniqueid: str) -> bool:
        """Tell whether a channel is an agent's who consults somebody."""
        return uniqueid in self._legs

    def holds(self, channel: Channel) -> bool:
        """Tell whether a telephone holds somebody on another of its channels."""
        held = self._on_hold.get(self._telephone(channel), {})
        return any(uniqueid != channel.uniqueid for uniqueid in held)

    def on_other_lines(self, channel: Channel) -> list[Channel]:
        """Return those with whom a telephone has to do on its other channels.

        While it holds somebody that is who waits; what it has on a line that it doesn't hold may be
        part of the same, with a telephone that never says "hold".
        """
        telephone = self._telephone(channel)
        if not telephone:
            return []
        held = self._on_hold.get(telephone, {})
        lines = [each for each in held.values() if each.uniqueid != channel.uniqueid]
        if not lines:
            lines = [
                each
                for each in self._channels.values()
                if each.uniqueid != channel.uniqueid and self._telephone(each) == telephone
            ]
        return [
            waiting
            for line in lines
            if self._bridge(line)
            for waiting in self._waiting_in(self._bridge(line), line.uniqueid)
        ]

    def dialling_with(self, linkedid: str) -> list[Channel]:
        """Return those who wait while an agent dials by feature code.

        What he dials with is a Local channel that carries his own Linkedid of that moment, and
        nothing else that would tell whose it is.
        """
        return [
            waiting
            for held in self._on_hold.values()
            for holding in held.values()
            if linkedid and self._held_as.get(holding.uniqueid) == linkedid
            for waiting in self._waiting_in(self._bridge(holding), holding.uniqueid)
        ]

    def waited_for(self, uniqueid: str) -> list[Consultation]:
        """Return the consultations during which somebody waits."""
        return [
            each
            for leg, callers in self._legs.items()
            if uniqueid in callers
            for each in self.going_on(leg)
            if each.caller.uniqueid == uniqueid
        ]

    def emptied(self, bridge: str) -> list[Channel]:
        """Take in that somebody left a bridge; return who had waited for a talk that is over."""
        table = self._tables.get(bridge)
        if table is None or set(self._talks.members(bridge)) - {table.leg}:
            return []
        del self._tables[bridge]
        return list(table.callers.values())

    def know(self, leg: Channel, caller: Channel) -> None:
        """Remember a consultation of a call that a predecessor left."""
        self._legs.setdefault(leg.uniqueid, {})[caller.uniqueid] = caller
        self._remember(leg, caller)

    def interrupted(self, bridge: str, uniqueid: str) -> list[Consultation]:
        """Take in that a channel was found in a talk, and another one waits for it to come back."""
        self._came_from[uniqueid] = bridge
        return self.entered(self._talks.bridge_of(uniqueid), uniqueid)

    def left(self, uniqueid: str) -> list[Consultation]:
        """Take in that a channel is about to leave its bridge."""
        bridge = self._talks.bridge_of(uniqueid)
        if bridge:
            self._came_from[uniqueid] = bridge
        return self._end(uniqueid)

    def entered(self, bridge: str, uniqueid: str) -> list[Consultation]:
        """Take in that a channel entered a bridge."""
        channel = self._channels.get(uniqueid)
        behind = self._came_from.pop(uniqueid, "")
        if channel is None or self._talks.is_half(uniqueid):
            return []
        if behind and behind != bridge:
            return list(self._begin(channel, self._waiting_in(behind)))
        return list(self._on_second_line(channel))

    def held(self, channel: Channel, linkedid: str = "") -> list[Consultation]:
        """Take in that a channel put the others on hold; its telephone may be in another talk."""
        telephone = self._telephone(channel)
        if not telephone:
            return []
        self._held_as[channel.uniqueid] = linkedid
        self._on_hold.setdefault(telephone, {})[channel.uniqueid] = channel
        changed = self._end(channel.uniqueid) if channel.dialled not in NOBODY_DIALLED else []
        for other in list(self._channels.values()):
            if self._talks.bridge_of(other.uniqueid) and self._telephone(other) == telephone:
                changed += self._on_second_line(other)
        return changed

    def unheld(self, channel: Channel) -> list[Consultation]:
        """Take in that a channel took the others off hold."""
        telephone = self._telephone(channel)
        held = self._on_hold.get(telephone, {})
        self._held_as.pop(channel.uniqueid, None)
        if held.pop(channel.uniqueid, None) is None:
            return []
        if not held:
            del self._on_hold[telephone]
        changed = []
        waiting = {each.uniqueid for each in self._waiting_in(self._bridge(channel))}
        for leg, callers in list(self._legs.items()):
            if waiting & callers.keys() and leg != channel.uniqueid:
                changed += self._end(leg)
        return [*changed, *self._on_second_line(channel)]

    def forget(self, channel: Channel) -> list[Channel]:
        """Take in that a channel is gone; return who ever waited for it.

        A recorder of a consultation that is over may still be being stopped: the hang-up shows that
        it is gone.
        """
        self._came_from.pop(channel.uniqueid, None)
        self._held_as.pop(channel.uniqueid, None)
        held = self._on_hold.get(self._telephone(channel), {})
        held.pop(channel.uniqueid, None)
        if not held:
            self._on_hold.pop(self._telephone(channel), None)
        self._legs.pop(channel.uniqueid, None)
        return self._ever.pop(channel.uniqueid, [])

    def resync(self) -> list[Consultation]:
        """Forget what was going on: it may be over."""
        changed = [each for leg in list(self._legs) for each in self._end(leg)]
        for known in (self._came_from, self._on_hold, self._held_as, self._tables):
            known.clear()
        return changed

    def _on_second_line(self, leg: Channel) -> Iterator[Consultation]:
        """A telephone that holds somebody talks on a channel with which it has dialled."""
        held = self._on_hold.get(self._telephone(leg), {})
        if not held or leg.uniqueid in held or leg.dialled in NOBODY_DIALLED:
            return
        for holding in held.values():
            if self._bridge(holding) != self._bridge(leg) != "":
                waiting = self._waiting_in(self._bridge(holding), holding.uniqueid)
                yield from self._begin(leg, waiting)

    def _bridge(self, channel: Channel) -> str:
        return self._talks.bridge_of(channel.uniqueid)

    def _waiting_in(self, bridge: str, but: str = "") -> list[Channel]:
        """Return those who are left in a bridge, seen through channels of two halves."""
        found: dict[str, Channel] = {}
        for member in self._talks.members(bridge):
            channel = self._channels.get(member)
            if member == but or channel is None:
                continue
            if self._talks.is_half(member):
                for heard in self._talks.behind(member):
                    if heard.uniqueid in self._channels:
                        found[heard.uniqueid] = self._channels[heard.uniqueid]
            else:
                found[member] = channel
        return list(found.values())

    def _begin(self, leg: Channel, callers: list[Channel]) -> Iterator[Consultation]:
        known = self._legs.setdefault(leg.uniqueid, {})
        for caller in callers:
            if caller.uniqueid not in known:
                known[caller.uniqueid] = caller
                self._remember(leg, caller)
                table = self._tables.setdefault(self._bridge(leg), _Table(leg.uniqueid, {}))
                table.callers[caller.uniqueid] = caller
                if len(self._tables) > MOST_TABLES:
                    del self._tables[next(iter(self._tables))]
                yield Consultation(leg, caller, began=True)
        if not known:
            del self._legs[leg.uniqueid]

    def _remember(self, leg: Channel, caller: Channel) -> None:
        callers = self._ever.setdefault(leg.uniqueid, [])
        if caller not in callers:
            callers.append(caller)
            del callers[:-MOST_WAITED]

    def _end(self, uniqueid: str) -> list[Consultation]:
        """End a consultation; its channel lives on, and may begin another one."""
        leg, callers = self._channels.get(uniqueid), self._legs.pop(uniqueid, {})
        if leg is None:
            return []
        return [Consultation(leg, caller, began=False) for caller in callers.values()]
