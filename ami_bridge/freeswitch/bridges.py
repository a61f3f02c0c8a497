"""Which channels talk with each other, as FreeSWITCH tells it. Pure.

A bridge is two channels, and one may be in several at a time: an agent who consults somebody by
feature key is in a second bridge on top of the first, which lasts. Only the newest one counts. A
third person (``three_way``) listens and speaks on one of the two channels, and nothing tells of him
but the application: he comes along with whoever brought him in.
"""

from __future__ import annotations

from ami_bridge.talks import Talks

MOST_BENEATH = 8  # bridges of one channel at a time


def pair(one: str, other: str) -> str:
    """Name the bridge of two channels."""
    return "+".join(sorted((one, other)))


class Bridges:
    """Follows one PBX's bridges.

    Args:
        talks: is told who is in a talk with whom.
    """

    def __init__(self, talks: Talks) -> None:
        self._talks = talks
        self._beneath: dict[str, list[str]] = {}  # uniqueid -> bridges that it will come back to
        self._thirds: dict[str, str] = {}  # uniqueid of a third person -> who brought him in

    def join(self, bridge: str, uniqueid: str) -> str:
        """Take in that a channel is in a bridge; name the one that this interrupts."""
        before = self._talks.bridge_of(uniqueid)
        if before == bridge:
            return ""
        if before and uniqueid not in self._thirds:
            self._put_beneath(before, uniqueid)
        self._thirds.pop(uniqueid, None)
        self._talks.enter(bridge, uniqueid)
        self._bring_along(uniqueid)
        return before

    def leave(self, bridge: str, uniqueid: str) -> bool:
        """Take in that a channel left a bridge; false: it talks elsewhere already."""
        if self._talks.bridge_of(uniqueid) == bridge:
            self._talks.leave(uniqueid)
            self._bring_along(uniqueid)
            return True
        beneath = self._beneath.get(uniqueid, [])
        if bridge in beneath:
            beneath.remove(bridge)
        return False

    def come_back(self, uniqueid: str) -> str:
        """Bring a channel back to the bridge that was interrupted; name it, "" if there is none."""
        beneath = self._beneath.pop(uniqueid, [])
        while beneath:
            bridge = beneath.pop()
            if self._talks.members(bridge):
                if beneath:
                    self._beneath[uniqueid] = beneath
                self._talks.enter(bridge, uniqueid)
                self._bring_along(uniqueid)
                return bridge
        return ""

    def interrupted(self, bridge: str, uniqueid: str) -> None:
        """Note a bridge that a channel will come back to."""
        self._put_beneath(bridge, uniqueid)

    def bring_in(self, third: str, uniqueid: str) -> None:
        """Take in that somebody speaks on another's channel from now on, wherever that goes."""
        self._thirds[third] = uniqueid
        self._bring_along(uniqueid)

    def joined(self) -> list[str]:
        """Name whom a third person speaks on, once for each."""
        return list(self._thirds.values())

    def forget(self, uniqueid: str) -> str:
        """Take in that a channel is gone; name the bridge in which it was."""
        self._beneath.pop(uniqueid, None)
        self._thirds.pop(uniqueid, None)
        bridge = self._talks.forget(uniqueid)
        self._bring_along(uniqueid)
        for third in [each for each, by in self._thirds.items() if by == uniqueid]:
            del self._thirds[third]
        return bridge

    def waiting(self) -> list[tuple[str, str]]:
        """Name the channels that will come back to a bridge, and that one."""
        return [(uniqueid, beneath[-1]) for uniqueid, beneath in self._beneath.items() if beneath]

    def clear(self) -> None:
        """Forget everybody: a resync says anew who is there."""
        self._beneath.clear()
        self._thirds.clear()
        self._talks.clear()

    def _put_beneath(self, bridge: str, uniqueid: str) -> None:
        beneath = self._beneath.setdefault(uniqueid, [])
        beneath.append(bridge)
        del beneath[:-MOST_BENEATH]

    def _bring_along(self, uniqueid: str) -> None:
        bridge = self._talks.bridge_of(uniqueid)
        for third in [each for each, by in self._thirds.items() if by == uniqueid]:
            if bridge:
                self._talks.enter(bridge, third)
            else:
                self._talks.leave(third)
