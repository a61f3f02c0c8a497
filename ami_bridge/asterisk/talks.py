"""Who is in a bridge with whom, also through Local channels. Pure.

A Local channel is two halves, ``…;1`` and ``…;2``: what one half's bridge hears comes from those in
the bridge of the other. A caller whose agent is behind a Local channel talks with the agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_IN_TALK = 500  # channels in a conference that are told who comes and goes
MOST_LOCALS = 4  # Local channels in a row between two people
_HALVES = {";1": ";2", ";2": ";1"}


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody who is heard in a talk.

    Args:
        through: the half of a Local channel through which that is; "" where there is none.
        replaces: whose part in the bridge it took over.
    """

    uniqueid: str
    through: str = ""
    replaces: str = ""


def pair(name: str) -> str:
    """Return what the two halves of a Local channel have in common, ``""`` for other channels."""
    return name[:-2] if name.startswith("Local/") and name.endswith((";1", ";2")) else ""


class Talks:
    """The bridges of one PBX and their members."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, str]] = {}  # bridge -> uniqueid -> whom it replaced
        self._bridge_of: dict[str, str] = {}
        self._halves: dict[str, str] = {}  # a Local half's name -> its uniqueid
        self._names: dict[str, str] = {}  # and back

    def name(self, uniqueid: str, name: str) -> None:
        """Note the name of a channel; only a Local channel's counts."""
        if pair(name):
            self._halves[name] = uniqueid
            self._names[uniqueid] = name

    def enter(self, bridge: str, uniqueid: str, replaces: str = "") -> None:
        """Take in that a channel entered a bridge."""
        self.leave(uniqueid)
        # Only half of a Local channel stood for whoever takes its part; a person is somebody else.
        self._members.setdefault(bridge, {})[uniqueid] = replaces if replaces in self._names else ""
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
        self._halves.pop(self._names.pop(uniqueid, ""), None)
        return self.leave(uniqueid)

    def bridge_of(self, uniqueid: str) -> str:
        """Return the bridge in which a channel is, else ``""``."""
        return self._bridge_of.get(uniqueid, "")

    def members(self, bridge: str) -> list[str]:
        """Return the uniqueids of a bridge's members."""
        return sorted(self._members.get(bridge, {}))

    def company(self, uniqueid: str) -> list[Heard]:
        """Say with whom a channel talks; half of a Local channel only if nobody is behind it."""
        return list(self._company(uniqueid, MOST_LOCALS))

    def behind(self, half: str) -> list[Heard]:
        """Say who is behind the other half of a Local channel, by a half's name."""
        other = self._halves.get(half[:-2] + _HALVES.get(half[-2:], ""), "")
        return self.company(other) if other else []

    def clear(self) -> None:
        """Forget everybody: a resync says anew who is there."""
        for held in (self._members, self._bridge_of, self._halves, self._names):
            held.clear()

    def listeners(self, bridge: str) -> list[str]:
        """Return those who may have somebody else to talk to when a bridge changed."""
        found: dict[str, None] = {}
        bridges, seen = {bridge}, {bridge, ""}
        for _ in range(MOST_LOCALS + 1):
            members = [each for one in sorted(bridges) for each in self.members(one)]
            found |= dict.fromkeys(members[:MOST_IN_TALK])
            bridges = {self.bridge_of(self._other_half(each)) for each in members} - seen
            seen |= bridges
        return list(found)

    def _company(self, uniqueid: str, depth: int) -> Iterator[Heard]:
        members = self._members.get(self.bridge_of(uniqueid), {})
        for member in sorted(members):
            if member == uniqueid:
                continue
            other = self._other_half(member)
            behind = list(self._company(other, depth - 1)) if other and depth else []
            if not behind:
                yield Heard(member, "", members[member])
            for each in behind:
                yield Heard(each.uniqueid, member, each.replaces or member)

    def _other_half(self, uniqueid: str) -> str:
        name = self._names.get(uniqueid, "")
        return self._halves.get(name[:-2] + _HALVES[name[-2:]], "") if name else ""
