"""Which agent consults somebody while a caller waits. Pure.

Two ways lead there. By feature code the agent's channel leaves the caller's bridge and enters
another one, and the caller stays behind. By telephone the agent's channel is put on hold, and a
second channel of the same telephone dials somebody. Either ends when the agent leaves that talk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ami_bridge.asterisk.talks import Talks, pair
from ami_bridge.facts import Channel

NOBODY_DIALLED = ("", "s")  # the extension with which a channel that is called begins


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
        self._held: dict[str, str] = {}  # telephone -> uniqueid of its channel that holds somebody
        self._legs: dict[str, dict[str, Channel]] = {}  # a leg's uniqueid -> callers, by uniqueid

    def consults(self, uniqueid: str) -> bool:
        """Tell whether a channel is an agent's who consults somebody."""
        return uniqueid in self._legs

    def know(self, leg: Channel, caller: Channel) -> None:
        """Remember a consultation of a call that a predecessor left."""
        self._legs.setdefault(leg.uniqueid, {})[caller.uniqueid] = caller

    def left(self, uniqueid: str) -> list[Channel]:
        """Take in that a channel is about to leave its bridge; return who waited for it."""
        bridge = self._talks.bridge_of(uniqueid)
        if bridge:
            self._came_from[uniqueid] = bridge
        return self._end(uniqueid)

    def entered(self, bridge: str, uniqueid: str) -> list[tuple[Channel, Channel]]:
        """Take in that a channel entered a bridge; return who consults now, and for whom."""
        channel = self._channels.get(uniqueid)
        behind = self._came_from.pop(uniqueid, "")
        if channel is None or pair(channel.name):
            return []
        if behind and behind != bridge:
            return list(self._begin(channel, self._waiting_in(behind)))
        return list(self._on_second_line(channel))

    def held(self, uniqueid: str) -> list[tuple[Channel, Channel]]:
        """Take in that a channel put the others on hold; its telephone may be in a second talk."""
        channel = self._channels.get(uniqueid)
        telephone = self._telephone(channel) if channel is not None else ""
        if not telephone:
            return []
        self._held[telephone] = uniqueid
        found: list[tuple[Channel, Channel]] = []
        for other in self._channels.values():
            if self._talks.bridge_of(other.uniqueid):
                found += self._on_second_line(other)
        return found

    def unheld(self, uniqueid: str) -> list[tuple[Channel, Channel]]:
        """Take in that a channel took the others off hold; return whose consultation is over."""
        channel = self._channels.get(uniqueid)
        telephone = self._telephone(channel) if channel is not None else ""
        if self._held.pop(telephone, "") != uniqueid:
            return []
        ended = []
        for leg in [self._channels[each] for each in self._legs if each in self._channels]:
            if leg.uniqueid != uniqueid and self._telephone(leg) == telephone:
                ended += [(leg, caller) for caller in self._end(leg.uniqueid)]
        return ended

    def forget(self, channel: Channel) -> list[Channel]:
        """Take in that a channel is gone; return who waited for it."""
        self._came_from.pop(channel.uniqueid, None)
        telephone = self._telephone(channel)
        if self._held.get(telephone) == channel.uniqueid:
            del self._held[telephone]
        return list(self._legs.pop(channel.uniqueid, {}).values())

    def resync(self) -> list[tuple[Channel, Channel]]:
        """Forget what was going on; return each caller, and the leg on which it was."""
        legs, self._legs = self._legs, {}
        self._came_from.clear()
        self._held.clear()
        return [
            (caller, self._channels[leg])
            for leg, callers in legs.items()
            for caller in callers.values()
            if leg in self._channels
        ]

    def _on_second_line(self, leg: Channel) -> Iterator[tuple[Channel, Channel]]:
        holding = self._held.get(self._telephone(leg), "")
        if not holding or holding == leg.uniqueid or leg.dialled in NOBODY_DIALLED:
            return
        if self._talks.bridge_of(holding) != self._talks.bridge_of(leg.uniqueid):
            yield from self._begin(leg, self._waiting_in(self._talks.bridge_of(holding), holding))

    def _waiting_in(self, bridge: str, but: str = "") -> list[Channel]:
        """Return those who are left in a bridge, seen through Local channels."""
        found: dict[str, Channel] = {}
        for member in self._talks.members(bridge):
            channel = self._channels.get(member)
            if member == but or channel is None:
                continue
            if pair(channel.name):
                for heard in self._talks.behind(channel.name):
                    if heard.uniqueid in self._channels:
                        found[heard.uniqueid] = self._channels[heard.uniqueid]
            else:
                found[member] = channel
        return list(found.values())

    def _begin(self, leg: Channel, callers: list[Channel]) -> Iterator[tuple[Channel, Channel]]:
        known = self._legs.setdefault(leg.uniqueid, {})
        for caller in callers:
            if caller.uniqueid not in known:
                known[caller.uniqueid] = caller
                yield leg, caller
        if not known:
            del self._legs[leg.uniqueid]

    def _end(self, uniqueid: str) -> list[Channel]:
        """End a consultation; its channel lives on, and may begin another one."""
        return list(self._legs.pop(uniqueid, {}).values())
