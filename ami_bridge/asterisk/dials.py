"""Calls that come through no queue: who rang whom, and who answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ami_bridge import arrivals
from ami_bridge.asterisk.halves import pair
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.moves import Moves
from ami_bridge.asterisk.party import name_in
from ami_bridge.asterisk.queues import Queues
from ami_bridge.asterisk.subroutines import leads_back
from ami_bridge.facts import Channel
from ami_bridge.told import Told

Event = Mapping[str, str]


class Dials:
    """Follows the dialled calls of one PBX."""

    def __init__(self, known: Known, moves: Moves, queues: Queues) -> None:
        self._known = known
        self._moves = moves
        self._queues = queues
        self._rung_at: dict[str, str] = {}  # uniqueid -> extension, of those who dialled people

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._rung_at.pop(uniqueid, None)
        self._known.rings.end(uniqueid)

    def began(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that somebody is rung."""
        called, extension = event.get("DestUniqueid", ""), self._known.dialled_in(event)
        self._known.party.dials(called, "" if leads_back(event) else extension)
        if called in self._known.channels:
            self._known.rings.begin(called, event.get("Uniqueid", ""), extension)
            yield from self._queues.rung(called, at)

    def ended(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in that somebody rings no more: he may have answered."""
        caller = self._known.of(event)
        called = self._known.channel(event.get("DestUniqueid", ""))
        self._known.rings.end(event.get("DestUniqueid", ""))
        if event.get("DialStatus") != "ANSWER" or caller is None or called is None:
            return
        if pair(caller.name):  # click-to-call, or a colleague who is consulted
            behind = self._known.behind(caller.name)
            if behind is None or self._known.consulting.consults(behind.uniqueid):
                return
            if self._known.party.is_outside(called):
                yield from self.answered(behind, called, event, at)
        elif not self._queues.waits(caller) and not self._known.consulting.holds(caller):
            yield from self.answered(caller, called, event, at)

    def meanwhile(self, alive: Mapping[str, Event], at: datetime) -> Iterator[Told]:
        """Tell of who was rung for somebody, and talks with him now: as if he answered now.

        Args:
            alive: the ``Status`` events of every channel, by uniqueid.
        """
        known = self._known
        for ring in known.rings.answered(known.talks):
            caller, called = known.channel(ring.caller), known.channel(ring.called)
            if caller is None or called is None or caller.queue or pair(caller.name):
                continue
            is_there = known.dialled_in(alive[ring.caller]) == ring.extension
            if is_there and not known.consulting.holds(caller):
                yield from self.answered(caller, called, alive[ring.caller], at)

    def answered(
        self, caller: Channel, called: Channel, event: Event, at: datetime
    ) -> Iterator[Told]:
        """Tell of a call that was answered, on the channel of its outside party."""
        party, dialled = self._known.party, self._known.dialled_in(event)
        if party.is_outside(called) and not party.is_outside(caller):
            extensions = (dialled, caller.dialled)  # the dialplan may dial from a subroutine
            yield arrivals.answered_outside(party, caller, called, extensions, at)
        elif self._is_where_it_dialled(caller, dialled):
            agent = party.telephone(called)
            yield arrivals.answered(party, caller, called, name_in(event), agent, at)

    def _is_where_it_dialled(self, caller: Channel, extension: str) -> bool:
        """Tell whether somebody was rung by the dialplan itself, and not after a Redirect.

        Where the first one answers, the dialplan may have gone from the number that was dialled.
        """
        if self._moves.has_moved(caller):
            return False
        if caller.uniqueid not in self._rung_at:
            self._rung_at[caller.uniqueid] = extension
            caller.extension = extension or caller.extension
        return self._rung_at[caller.uniqueid] == extension
