"""Where the dialplan has stopped the recorders itself, before the bridge could.

Hushtape's own subroutines stop every recorder of their channel, and only then say that a payment
begins (dialplan/asterisk/hushtape.conf). The bridge's stop, which follows, then finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from ami_bridge.asterisk.said import OWN_EVENT
from ami_bridge.payments import STOPPED

ACTS = ("payment-began", "silence")


class _Said(NamedTuple):
    by_clock_s: float
    at: datetime  # on the PBX's clock


class Halts:
    """The channels on which the dialplan has just stopped every recorder.

    Args:
        within_s: so long after it said so, a stop of ours that finds nothing is explained.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(self, within_s: float, clock_s: Callable[[], float]) -> None:
        self._within_s = within_s
        self._clock_s = clock_s
        self._said: dict[str, _Said] = {}

    def hear(self, event: Mapping[str, str], at: datetime) -> None:
        """Take in a ``UserEvent``, whoever's it is."""
        if event.get("UserEvent") != OWN_EVENT or event.get("Act") not in ACTS:
            return
        uniqueid = event.get("Uniqueid", "")
        if event.get("By") in STOPPED and uniqueid:
            self._forget_old()
            self._said.pop(uniqueid, None)  # the dict keeps the order in which it was said
            self._said[uniqueid] = _Said(self._clock_s(), at)

    def started(self, uniqueid: str) -> None:
        """Take in that a recorder is asked for: what was stopped before explains nothing of it."""
        self._said.pop(uniqueid, None)

    def stopped_at(self, uniqueid: str) -> datetime | None:
        """Say by when nothing recorded on a channel any more; None: the dialplan has said nothing.

        A stop that finds nothing there is what was to be expected.
        """
        self._forget_old()
        said = self._said.get(uniqueid)
        return said.at if said is not None else None

    def _forget_old(self) -> None:
        oldest_s = self._clock_s() - self._within_s
        for uniqueid, said in list(self._said.items()):
            if said.by_clock_s >= oldest_s:
                return
            del self._said[uniqueid]
