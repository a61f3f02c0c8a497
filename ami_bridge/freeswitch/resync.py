"""What has become of a FreeSWITCH's channels while nobody listened. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.bridges import Bridges, pair
from ami_bridge.freeswitch.dials import Dials
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.living import (
    Living,
    bridges,
    hangs_up,
    joins,
    left_queue,
    speaks_on,
    talks_in,
    uuid_of,
    waits,
    waits_in,
)
from ami_bridge.freeswitch.party import is_recovered, leg_of
from ami_bridge.freeswitch.queues import Queues
from ami_bridge.payments import Payments
from ami_bridge.places import person
from ami_bridge.resync import BaseResync
from ami_bridge.told import Told
from hushtape.config import Pbx

_INLINE = "inline"


class Resync(BaseResync):
    """Tells what is otherwise than it was remembered."""

    def __init__(
        self, pbx: Pbx, known: Known, queues: Queues, dials: Dials, payments: Payments
    ) -> None:
        super().__init__(known.channels, known.talks, known.party, payments)
        self._pbx = pbx
        self._known = known
        self._queues = queues
        self._dials = dials
        self._fresh: set[str] = set()  # uniqueids of those who had not talked yet
        self._rang: set[str] = set()  # and who had not answered yet, and may have been heard

    def alive(self, living: Sequence[Living]) -> dict[str, Living]:
        """Sort what lives by the channels' uniqueids; what hangs up and isn't known, is nothing."""
        found = {self._known.uniqueid(uuid_of(each)): each for each in living if uuid_of(each)}
        known = self._known.channels
        return {key: each for key, each in found.items() if key in known or not hangs_up(each)}

    def is_noted(self, living: Living) -> bool:
        """Tell whether a bridge had the call of a channel, and it is that call still."""
        return super().is_noted(living) and not is_recovered(living)

    def is_another(self, uniqueid: str, living: Living) -> bool:
        """Tell whether a channel was recovered after a crash: by its name alone it is the same."""
        return is_recovered(living) and not self._known.legs[uniqueid].recovered

    def place(self, alive: Mapping[str, Living], talks: Bridges) -> None:
        """Take in who is in which bridge."""
        talks.clear()
        known = self._known
        self._fresh = {each for each in alive if not known.legs[each].arrived}
        self._rang = {each for each in alive if not known.legs[each].answered}
        for uniqueid, each in alive.items():
            leg, found = known.leg(known.channels[uniqueid]), leg_of(each)
            leg.rung, leg.loops_to = found.rung, found.loops_to
            leg.telephone = leg.telephone or found.telephone
            leg.gateway = leg.gateway or found.gateway
            leg.answered, leg.going = found.answered, found.going
            other = known.uniqueid(each.get("variable_other_loopback_leg_uuid", ""))
            if leg.loops_to:
                halves = pair(uniqueid, other) if other else uniqueid
                known.talks.half(uniqueid, halves, each.get("Channel-Name", "")[-1:])
        for uuid, (bridge, mutual) in bridges(list(alive.values())).items():
            uniqueid = known.uniqueid(uuid)
            if known.legs[uniqueid].going:
                continue
            other = known.uniqueid(alive[uniqueid].get("variable_bridge_to", ""))
            name = bridge if ":" in bridge else pair(uniqueid, other)
            known.talks.enter(name, uniqueid)
            known.legs[uniqueid].arrived = True
            if not mutual and other in known.channels:
                talks.interrupted(name, other)
        for uniqueid, each in alive.items():
            on = known.uniqueid(speaks_on(each)) or known.legs[uniqueid].rung_by
            if joins(each) and on in known.channels:
                talks.bring_in(uniqueid, on)

    def _variable(self, living: Living, name: str) -> str:
        return living.get(f"variable_{name}", "")

    def _name(self, channel: Channel, living: Living) -> str:
        return self._dials.name(channel)

    def _queue(self, living: Living) -> str:
        return waits_in(living, self._pbx) or talks_in(living, self._pbx)

    def _moved(
        self, channel: Channel, living: Living, at: datetime, since: datetime
    ) -> Iterator[Told]:
        if hangs_up(living):
            return
        extension = person(living.get("Caller-Destination-Number", ""))
        is_there = extension == channel.extension
        others = self._is_with_others(channel)
        queue = waits_in(living, self._pbx)
        if left_queue(living):
            self._queues.forget(channel.uniqueid)
        if not is_there and living.get("Caller-Dialplan") != _INLINE:
            channel.extension = extension
            yield self._went(channel, since, self._party.place(extension))
            yield from self._found_in_queue(channel, living, at)
        elif queue and queue != channel.queue:  # the dialplan's doing
            yield from self._found_in_queue(channel, living, since)
        elif others:
            yield self._went(channel, since)
        if is_there:
            yield from self._answered_meanwhile(channel, at)

    def _answered_meanwhile(self, caller: Channel, at: datetime) -> Iterator[Told]:
        """Tell of who was rung for somebody, and talks with him now: as if he answered now."""
        for heard in self._known.talks.company(caller.uniqueid):
            called = self._known.channels.get(heard.uniqueid)
            if called is None or self._known.leg(called).rung_by != caller.uniqueid:
                continue
            if caller.uniqueid in self._fresh or called.uniqueid in self._rang:
                yield from self._dials.answered(caller, called, at)

    def _found(
        self, channel: Channel, living: Living, new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of a call that began while nobody listened, as if it began now.

        One that was known already, and has come into a queue through a loopback channel, did that
        when the link was lost: nobody knows any better, and it has left whom it talked with.
        """
        if self._known.stands_for(channel).uniqueid not in new:
            at = since
        yield from self._found_in_queue(channel, living, at)
        if self._known.leg(channel).rung and self._party.is_outside(channel):
            for caller in self._insiders_with(channel):
                yield from self._dials.connected(caller, channel, "", at)

    def _found_in_queue(self, channel: Channel, living: Living, at: datetime) -> Iterator[Told]:
        """Take a channel that waits or talks in a queue for one that enters it now."""
        queue = self._queue(living)
        caller = self._known.stands_for(channel)  # half of a loopback channel may wait for him
        if queue and self._queues.comes(caller, fresh=caller.uniqueid in self._fresh):
            channel.queue = queue
            yield self._queues.entry(caller, queue, at, waits=waits(living))
