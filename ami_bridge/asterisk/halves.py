"""Which of an Asterisk's channels are halves of a Local channel. Pure."""

from __future__ import annotations

from ami_bridge import talks
from ami_bridge.talks import Heard


def pair(name: str) -> str:
    """Return what the two halves of a Local channel have in common, ``""`` for other channels."""
    return name[:-2] if name.startswith("Local/") and name.endswith((";1", ";2")) else ""


class Talks(talks.Talks):
    """The bridges of one Asterisk and their members: a channel's name tells what it is."""

    def name(self, uniqueid: str, name: str) -> None:
        """Note the name of a channel; only a Local channel's counts."""
        if pair(name):
            self.half(uniqueid, pair(name), name[-1])

    def behind_name(self, name: str) -> list[Heard]:
        """Say who is behind the other half of a Local channel, by a half's name."""
        ends = self._ends.get(pair(name), {})
        other = next((ends[end] for end in ends if end != name[-1:]), "")
        return self.company(other) if other else []
