"""Who rings for whom: a link that is lost meanwhile hides the answer. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ami_bridge.asterisk.halves import Talks


class Ring(NamedTuple):
    """Somebody who rings."""

    called: str  # uniqueid
    caller: str  # uniqueid
    extension: str  # in which the caller dials


class Rings:
    """Remembers everybody who rings, until that is over."""

    def __init__(self) -> None:
        self._rings: dict[str, Ring] = {}  # by the called one's uniqueid

    def begin(self, called: str, caller: str, extension: str) -> None:
        """Take in that somebody is rung for a caller."""
        self._rings[called] = Ring(called, caller, extension)

    def end(self, called: str) -> None:
        """Take in that he rings no more."""
        self._rings.pop(called, None)

    def caller_of(self, called: str) -> str:
        """Name the one for whom somebody rings, by uniqueids; ``""``: nobody."""
        ring = self._rings.get(called)
        return ring.caller if ring is not None else ""

    def answered(self, talks: Talks) -> list[Ring]:
        """Name those who talk by now with whom they were rung for."""
        met = [
            each
            for each in self._rings.values()
            if each.called in {heard.uniqueid for heard in talks.company(each.caller)}
        ]
        for each in met:
            self.end(each.called)
        return met
