"""Who is in a bridge with whom, also through channels that are two halves. Pure.

Asterisk's Local channels and FreeSWITCH's loopback ones are two halves: what one half's bridge
hears comes from those in the bridge of the other. A caller whose agent is behind one talks with the
agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_IN_TALK = 500  # channels in a conference that are told who comes and goes
MOST_LOCALS = 4  # channels of two halves in a row between two people


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody who is heard in a talk.

    Args:
        through: the half of a channel through which that is; "" where there is none.
        halves: whose part in the talk it took over: in its own bridge, and on the way to it.
    """

    uniqueid: str
    through: str = ""
    halves: tuple[str, ...] = ()


class Talks:
    """The bridges of one PBX and their members."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, str]] = {}  # bridge -> uniqueid -> whom it replaced
        self._bridge_of: dict[str, str] = {}
        self._half_of: dict[str, tuple[str, str]] = {}  # uniqueid -> channel, end
        self._ends: dict[str, dict[str, str]] = {}  # channel -> end -> uniqueid

    def half(self, uniqueid: str, channel: str, end: str) -> None:
        """Note that somebody's channel is one of the two halves of another.

        Args:
            channel: what both halves have in common.
            end: which half it is.
        """
        self._no_half(uniqueid)
        self._half_of[uniqueid] = (channel, end)
        self._ends.setdefault(channel, {})[end] = uniqueid

    def is_half(self, uniqueid: str) -> bool:
        """Tell whether nobody speaks on a channel himself: it is half of another."""
        return uniqueid in self._half_of

    def other_half(self, uniqueid: str) -> str:
        """Name the other half of a channel, by a half's uniqueid; "" if there is none."""
        channel, _ = self._half_of.get(uniqueid, ("", ""))
        others = (each for each in self._ends.get(channel, {}).values() if each != uniqueid)
        return next(others, "")

    def enter(self, bridge: str, uniqueid: str, replaces: str = "") -> None:
        """Take in that a channel entered a bridge."""
        self.leave(uniqueid)
        # Only half of a channel stood for whoever takes its part; a person is somebody else.
        self._members.setdefault(bridge, {})[uniqueid] = replaces if self.is_half(replaces) else ""
        self._bridge_of[uniqueid] = bridge

    def leave(self, uniqueid: str) -> str:
        """Take in that a channel left its bridge, and name that; "" if it was in none."""
        bridge = self._bridge_of.pop(uniqueid, "")
        members = self._members.get(bridge, {})
        members.pop(uniqueid, None)
        if not members:
            self._members.pop(bridge, None)
        return bridge

    def forget(self, uniqueid: str) -> str:
        """Take in that a channel is gone; name the bridge in which it was."""
        self._no_half(uniqueid)
        return self.leave(uniqueid)

    def bridge_of(self, uniqueid: str) -> str:
        """Return the bridge in which a channel is, else ``""``."""
        return self._bridge_of.get(uniqueid, "")

    def members(self, bridge: str) -> list[str]:
        """Return the uniqueids of a bridge's members."""
        return sorted(self._members.get(bridge, {}))

    def company(self, uniqueid: str) -> list[Heard]:
        """Say with whom a channel talks; half of another one only if nobody is behind it."""
        return list(self._company(uniqueid, MOST_LOCALS))

    def behind(self, half: str) -> list[Heard]:
        """Say who is behind the other half of a channel, by a half's uniqueid."""
        other = self.other_half(half)
        return self.company(other) if other else []

    def clear(self) -> None:
        """Forget everybody: a resync says anew who is there."""
        for held in (self._members, self._bridge_of, self._half_of, self._ends):
            held.clear()

    def listeners(self, bridge: str) -> list[str]:
        """Return those who may have somebody else to talk to when a bridge changed."""
        found: dict[str, None] = {}
        bridges, seen = {bridge}, {bridge, ""}
        for _ in range(MOST_LOCALS + 1):
            members = [each for one in sorted(bridges) for each in self.members(one)]
            found |= dict.fromkeys(members[:MOST_IN_TALK])
            bridges = {self.bridge_of(self.other_half(each)) for each in members} - seen
            seen |= bridges
        return list(found)

    def _company(self, uniqueid: str, depth: int) -> Iterator[Heard]:
        members = self._members.get(self.bridge_of(uniqueid), {})
        for member in sorted(members):
            if member == uniqueid:
                continue
            other = self.other_half(member)
            behind = list(self._company(other, depth - 1)) if other and depth else []
            if not behind:
                yield Heard(member, "", (members[member],) if members[member] else ())
            for each in behind:
                yield Heard(each.uniqueid, member, (*each.halves, member))

    def _no_half(self, uniqueid: str) -> None:
        channel, end = self._half_of.pop(uniqueid, ("", ""))
        ends = self._ends.get(channel, {})
        ends.pop(end, None)
        if not ends:
            self._ends.pop(channel, None)
