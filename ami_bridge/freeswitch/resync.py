"""What has become of a FreeSWITCH's channels while nobody listened. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.facts import (
    Channel,
    Claimed,
    NobodyListened,
    OptedOut,
    TransferCompleted,
)
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
from ami_bridge.freeswitch.party import leg_of
from ami_bridge.freeswitch.queues import Queues
from ami_bridge.freeswitch.said import CALL_VARIABLE, OPT_OUT_VARIABLE
from ami_bridge.payments import PAID_VARIABLE, PAYMENT_VARIABLE, Payments, read_note
from ami_bridge.places import person
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Asker, DestinationKind
from hushtape.recordings.manifest import Direction

_INLINE = "inline"


class Resync:
    """Tells what is otherwise than it was remembered."""

    def __init__(
        self, pbx: Pbx, known: Known, queues: Queues, dials: Dials, payments: Payments
    ) -> None:
        self._pbx = pbx
        self._known = known
        self._queues = queues
        self._dials = dials
        self._payments = payments
        self._fresh: set[str] = set()  # uniqueids of those who had not talked yet
        self._rang: set[str] = set()  # and who had not answered yet, and may have been heard

    def alive(self, living: Sequence[Living]) -> dict[str, Living]:
        """Sort what lives by the channels' uniqueids; what hangs up and isn't known, is nothing."""
        found = {self._known.uniqueid(uuid_of(each)): each for each in living if uuid_of(each)}
        known = self._known.channels
        return {key: each for key, each in found.items() if key in known or not hangs_up(each)}

    def is_noted(self, living: Living) -> bool:
        """Tell whether a bridge had the call of a channel."""
        return bool(_variable(living, CALL_VARIABLE))

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

    def tell(
        self, alive: Mapping[str, Living], new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of everybody who lives."""
        for uniqueid in alive:  # whoever began to record meanwhile has not been seen
            self._known.channels[uniqueid].strange = True
        payments = list(self._payments_noted(alive, at, since))
        for uniqueid, each in alive.items():
            channel, is_new = self._known.channels[uniqueid], uniqueid in new
            noted = is_new and self.is_noted(each)
            if noted:
                yield self._claimed(channel, each, at, since)
            yield from (told for told in payments if told.channel.uniqueid == uniqueid)
            if not is_new and not hangs_up(each):
                is_there = self._extension(each) == channel.extension
                yield from self._moved(channel, each, at, since)
                if is_there:
                    yield from self._answered_meanwhile(channel, at)
            yield from self._opted_out(channel, _variable(each, OPT_OUT_VARIABLE), since)
            if is_new and not noted:
                is_known = self._known.stands_for(channel).uniqueid not in new
                yield from self._found(channel, each, since if is_known else at)

    def nobody_listened(
        self, alive: Mapping[str, Living], new: Sequence[str], since: datetime
    ) -> Iterator[Told]:
        """Close the time in which nobody listened."""
        for uniqueid in alive:
            if uniqueid not in new:
                yield Told(self._known.channels[uniqueid], NobodyListened(at=since))

    def _payments_noted(
        self, alive: Mapping[str, Living], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of payments that began or ended unheard, those that are over first."""
        for uniqueid, each in alive.items():
            channel, text = self._known.channels[uniqueid], _variable(each, PAID_VARIABLE)
            over = self._payments.paid(text, channel, "", at, since)
            yield from (Told(meant, fact) for meant, fact in over)
        for uniqueid, each in alive.items():
            channel, text = self._known.channels[uniqueid], _variable(each, PAYMENT_VARIABLE)
            channel.paying = read_note(text, at, since) if text else None
            if text:
                noted = self._payments.noted(text, channel, "", at, since)
                yield from (Told(meant, fact) for meant, fact in noted)

    def _opted_out(self, channel: Channel, said: str, at: datetime) -> Iterator[Told]:
        """Tell of an opt-out that nobody heard: the dialplan has noted it on the channel."""
        if said and not channel.opted_out:
            channel.opted_out = True
            by = Asker.AGENT if said == Asker.AGENT else Asker.CALLER
            yield Told(channel, OptedOut(at=at, by=by))

    def _moved(
        self, channel: Channel, living: Living, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of a transfer that nobody saw: elsewhere in the dialplan, or with somebody else."""
        before = set(channel.others)
        now = {each.uniqueid for each in self._known.talks.company(channel.uniqueid)}
        channel.others = sorted(now)
        extension = self._extension(living)
        queue = waits_in(living, self._pbx)
        if left_queue(living):
            self._queues.forget(channel.uniqueid)
        if extension != channel.extension and living.get("Caller-Dialplan") != _INLINE:
            channel.extension = extension
            place = self._known.party.place(extension)
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))
            yield from self._found_in_queue(channel, living, at)
        elif queue and queue != channel.queue:  # the dialplan's doing
            yield from self._found_in_queue(channel, living, since)
        elif before and now and before != now:
            place = Place(DestinationKind.UNKNOWN, "")
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))

    def _extension(self, living: Living) -> str:
        return person(living.get("Caller-Destination-Number", ""))

    def _answered_meanwhile(self, caller: Channel, at: datetime) -> Iterator[Told]:
        """Tell of who was rung for somebody, and talks with him now: as if he answered now."""
        for heard in self._known.talks.company(caller.uniqueid):
            called = self._known.channels.get(heard.uniqueid)
            if called is None or self._known.leg(called).rung_by != caller.uniqueid:
                continue
            if caller.uniqueid in self._fresh or called.uniqueid in self._rang:
                yield from self._dials.answered(caller, called, at)

    def _found(self, channel: Channel, living: Living, at: datetime) -> Iterator[Told]:
        """Tell of a call that began while nobody listened, as if it began now.

        One that was known already, and has come into a queue through a loopback channel, did that
        when the link was lost: nobody knows any better, and it has left whom it talked with.
        """
        yield from self._found_in_queue(channel, living, at)
        known = self._known
        if not known.leg(channel).rung or not known.party.is_outside(channel):
            return
        for heard in known.talks.company(channel.uniqueid):
            caller = known.channels.get(heard.uniqueid)
            if caller is not None and not known.party.is_outside(caller):
                yield from self._dials.connected(caller, channel, "", at)

    def _found_in_queue(self, channel: Channel, living: Living, at: datetime) -> Iterator[Told]:
        """Take a channel that waits or talks in a queue for one that enters it now."""
        queue = waits_in(living, self._pbx) or talks_in(living, self._pbx)
        if queue:
            caller = self._known.stands_for(channel)  # half of a loopback channel may wait for him
            channel.queue = queue
            yield self._queues.entry(caller, queue, at, waits=waits(living))

    def _claimed(self, channel: Channel, living: Living, at: datetime, since: datetime) -> Told:
        heard = self._known.talks.company(channel.uniqueid)
        claimed = Claimed(
            at=at,
            arrival=Arrival(at=at, direction=Direction.INBOUND, dialled=person(channel.dialled)),
            number=channel.number,
            name=self._dials.name(channel),
            note=_variable(living, CALL_VARIABLE),
            since=since,
            talkers=self._known.party.talkers(heard),
            waits_in=waits_in(living, self._pbx) or talks_in(living, self._pbx),
        )
        return Told(channel, claimed)


def _variable(living: Living, name: str) -> str:
    return living.get(f"variable_{name}", "")
