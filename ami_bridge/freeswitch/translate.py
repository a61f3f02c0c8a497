"""FreeSWITCH's events -> facts. Pure: it remembers the channels, and touches nothing.

Sources: what a FreeSWITCH 1.11 has said (from outside), sessions recorded on a 1.10.12 of our own
(tests/data/esl), and its own source. What it is asked to tell stands in said.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.facts import Channel, ForeignRecorder, HungUp, LegGone, Overheard
from ami_bridge.freeswitch.bridges import Bridges, pair
from ami_bridge.freeswitch.dials import Dials
from ami_bridge.freeswitch.esl import APPLICATION_DATA, CURRENT_DATA
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.listeners import Listeners
from ami_bridge.freeswitch.living import THREE_WAY, conference_bridge
from ami_bridge.freeswitch.moves import Moves
from ami_bridge.freeswitch.party import Leg, leg_of
from ami_bridge.freeswitch.queues import CALLCENTER, FIFO, Queues
from ami_bridge.freeswitch.resync import Resync
from ami_bridge.freeswitch.said import BUGS, OWN_EVENT
from ami_bridge.freeswitch.talks import Talking
from ami_bridge.payments import ACTS, Payments
from ami_bridge.places import person
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy.decide import Place

Event = Mapping[str, str]

MOST_CHANNELS = 20_000
_VALET = "valet_park"
# These introduce nobody: a state may come before all is known, a new uuid is the old channel's, and
# others may come when it is gone.
_NO_FIRST_WORD = (
    *("CHANNEL_STATE", "CHANNEL_UUID", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"),
    *("MEDIA_BUG_START", "MEDIA_BUG_STOP"),
)


class Translator:
    """Follows one PBX's channels and says what happened to calls."""

    def __init__(self, pbx: Pbx) -> None:
        self._known = known = Known(pbx)
        self._bridges = Bridges(known.talks)
        self._moves = Moves(known)
        self._dials = Dials(known, self._moves)
        self._queues = Queues(known, self._moves, self._dials)
        self._listeners = Listeners()
        self._payments = Payments(
            known.channels, known.talks, known.consulting, known.waits_for, self._is_overheard
        )
        self._talking = Talking(known, self._bridges, self._moves, self._dials, self._queues)
        self._resync = Resync(pbx, known, self._queues, self._dials, self._payments)
        self._handlers: dict[str, Callable[[Event, datetime], Iterable[Told]]] = {
            "CHANNEL_CREATE": self._created,
            "CHANNEL_STATE": self._routed,
            "CHANNEL_EXECUTE": self._executes,
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_BRIDGE": self._talking.bridged,
            "CHANNEL_UNBRIDGE": self._talking.unbridged,
            "CHANNEL_HOLD": self._talking.held,
            "CHANNEL_UNHOLD": self._talking.unheld,
            "CHANNEL_PARK": self._parks,
            "CHANNEL_UUID": self._renamed,
            "CHANNEL_HANGUP": self._hangs_up,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "CHANNEL_DESTROY": self._hung_up,
            "MEDIA_BUG_START": self._attached,
            "MEDIA_BUG_STOP": self._attached,
        }
        self._subclasses: dict[str, Callable[[Event, datetime], Iterable[Told]]] = {
            CALLCENTER: self._queue,
            FIFO: self._queue,
            "valet_parking::info": self._valet,
            "conference::maintenance": self._conference,
            OWN_EVENT: self._said_by_dialplan,
        }

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self._known.channel(uniqueid)

    def around(self, caller: Channel) -> tuple[Channel, ...]:
        """Name every channel on which a caller may be recorded, his own the first."""
        around = self._payments.around(caller)
        hearing = self._listeners.hearing({each.uniqueid for each in around})
        return (*around, *(self._known.channels[each] for each in hearing))

    def overheard(self, caller: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears a call."""
        return self._payments.overheard(caller)

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return self._known.party.place(extension)

    def know(self, channel: Channel, legs: Sequence[Channel] = ()) -> None:
        """Remember channels without having seen them: the next resync says what became of them.

        Args:
            channel: an outside party's.
            legs: of agents who consulted somebody in its call.
        """
        for each in (channel, *legs):
            if each.uniqueid not in self._known.channels:
                self._known.add(each, Leg(rung=False, arrived=True))
                self._known.rename(each.uniqueid, each.name)
        self._moves.moved(channel)
        for leg in legs:
            self._known.consulting.know(self._known.channels[leg.uniqueid], channel)

    def foreign(self, event: Event, at: datetime) -> list[Told]:
        """Take in a ``RECORD_START`` of a recorder that nobody here has asked for."""
        channel = self._known.channel(event.get("Unique-ID", ""))
        if channel is None:
            return []
        channel.strange = True
        told = list(self._payments.foreign(channel, "", at))
        heard = self._known.channels.get(self._listeners.heard_by(channel.uniqueid))
        concerned = self._payments.concerned(heard) if heard is not None else []
        return told + [Told(each, ForeignRecorder(at=at, on=channel)) for each in concerned]

    def translate(self, event: Event, at: datetime) -> list[Told]:
        """Take in one event.

        Args:
            event: header -> decoded value.
            at: when it happened, on the PBX's clock.

        Returns:
            The facts that follow, in order; most events say nothing to us.
        """
        name = event.get("Event-Name", "")
        handler = self._handlers.get(name)
        if name == "CUSTOM":
            handler = self._subclasses.get(event.get("Event-Subclass", ""))
        if handler is None:
            return []
        told = list(self._meet(event, at)) if name not in _NO_FIRST_WORD else []
        return told + list(handler(event, at))

    def resync(self, living: Sequence[Event], at: datetime, since: datetime) -> Iterator[Told]:
        """Compare what is remembered with what lives, after the link was away.

        Args:
            living: what said.py says, of every channel of the PBX.
            at: when that was asked for.
            since: from when on nobody listened. A transfer may have been at any moment after that,
                so it is taken to have been then: what is uncertain isn't kept.

        Yields:
            A hang-up for each channel that went while nobody listened, a transfer for each that is
            elsewhere now, a queue entry for each that waits or talks in a queue, an answer for each
            call to the outside that was answered, and the note of each call that another bridge
            has left.
        """
        alive = self._resync.alive(living)
        another = self._resync.is_another
        for uniqueid in [
            each for each in self._known.channels if each not in alive or another(each, alive[each])
        ]:
            yield from self._forget(uniqueid, HungUp(at=since, seen=False))
        new = [each for each in alive if each not in self._known.channels]
        for uniqueid in new:
            yield from self._remember(alive[uniqueid], at, uniqueid)
            self._moves.moved(self._known.channels[uniqueid])
        self._resync.place(alive, self._bridges)
        self._find_listeners(alive)
        yield from self._resync.tell(alive, new, at, since)
        yield from self._talking.resync(alive, at, since)
        for uniqueid in alive:
            known = uniqueid not in new or self._resync.is_noted(alive[uniqueid])
            yield from self._talking.tell_company(uniqueid, since if known else at)
        yield from self._resync.nobody_listened(alive, new, since)

    # channels

    def _meet(self, event: Event, at: datetime) -> Iterator[Told]:
        """Remember a channel that came while nobody listened, by whatever is told of it first."""
        uuid = event.get("Unique-ID", "")
        is_new = event.get("Channel-Name") and self._known.channel(uuid) is None
        if uuid and is_new and event.get("Answer-State") != "hangup":
            yield from self._remember(event, at, uuid)

    def _created(self, event: Event, at: datetime) -> Iterator[Told]:
        yield from ()  # it has been met

    def _remember(self, event: Event, at: datetime, uniqueid: str) -> Iterator[Told]:
        known = self._known
        if len(known.channels) >= MOST_CHANNELS:
            # Hang-ups were missed: the oldest goes, as a dict keeps the order.
            yield from self._forget(next(iter(known.channels)), HungUp(at=at, seen=False))
        leg = leg_of(event)
        dialled = event.get("initial_dest") or event.get("Caller-Destination-Number", "")
        who = "Caller-Callee-ID-Number" if leg.rung else "Caller-Caller-ID-Number"
        channel = Channel(
            uniqueid,
            event.get("Unique-ID") or uniqueid,
            event.get("initial_context") or event.get("Caller-Context", ""),
            "" if leg.rung else person(dialled),
            person(event.get("Caller-Destination-Number", "")),
            number=person(event.get(who, "")),
        )
        known.add(channel, leg)
        other = event.get("variable_other_loopback_leg_uuid", "")
        if leg.loops_to:
            halves = pair(uniqueid, other) if other else uniqueid
            known.talks.half(uniqueid, halves, event.get("Channel-Name", "")[-1:])
        self._dials.came(channel, event)

    def _renamed(self, event: Event, at: datetime) -> Iterator[Told]:
        self._known.rename(event.get("Old-Unique-ID", ""), event.get("Unique-ID", ""))
        yield from ()

    def _answered(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is None or self._known.leg(channel).answered:
            return
        self._known.leg(channel).answered = True
        heard = self._known.talks.company(channel.uniqueid)  # in a talk already: early media
        other = self._known.channels.get(heard[0].uniqueid) if len(heard) == 1 else None
        if other is not None and not self._queues.waits(other):
            yield from self._dials.answered(other, channel, at)

    def _hangs_up(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is not None:
            self._known.leg(channel).going = True
            self._moves.ends(channel, event, at)
        yield from ()

    def _hung_up(self, event: Event, at: datetime) -> Iterator[Told]:
        uniqueid = self._known.uniqueid(event.get("Unique-ID", ""))
        if uniqueid in self._known.channels:
            yield from self._forget(uniqueid, HungUp(at=at))

    def _forget(self, uniqueid: str, gone: HungUp) -> Iterator[Told]:
        leg = self._known.legs.get(uniqueid)
        if leg is not None:
            leg.going = True
        self._talking.goes(uniqueid)
        channel = self._known.channels[uniqueid]
        legs = self._known.consulting.forget(channel)
        self._known.remove(uniqueid)
        self._listeners.forget(uniqueid)
        self._queues.forget(uniqueid)
        self._dials.forget(uniqueid)
        self._moves.forget(channel)
        for caller in legs:
            yield Told(caller, LegGone(at=gone.at, leg=uniqueid))
        yield Told(channel, gone)
        yield from self._payments.gone(uniqueid, gone.at)
        yield from self._talking.gone(uniqueid, gone.at)

    def _channel(self, event: Event) -> Channel | None:
        return self._known.channel(event.get("Unique-ID", ""))

    # the dialplan, queues, parking

    def _routed(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is not None and event.get("Channel-State") == "CS_ROUTING":
            self._moves.parts(channel.uniqueid)
            yield from self._moves.routed(channel, event, at, anew=True)

    def _executes(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is None:
            return
        application, data = event.get("Application", ""), event.get(APPLICATION_DATA, "")
        self._listeners.does(channel.uniqueid, application, self._known.uniqueid(data))
        self._dials.does(channel.uniqueid, application)
        if application == _VALET:
            yield from self._parks(event, at)
        elif application == THREE_WAY:
            yield from self._talking.comes_in(channel, data, at)

    def _queue(self, event: Event, at: datetime) -> Iterator[Told]:
        yield from self._queues.take(event, at)

    def _parks(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is not None:
            yield from self._talking.parks(channel, at)

    def _valet(self, event: Event, at: datetime) -> Iterator[Told]:
        if event.get("Action") == "hold":
            yield from self._parks(event, at)

    def _conference(self, event: Event, at: datetime) -> Iterator[Told]:
        bridge = conference_bridge(event.get("Conference-Name", ""))
        self._listeners.conference(event.get("Action", ""), bridge)
        yield from self._talking.conference(event, at)

    # who listens in

    def _attached(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        if channel is None or not self._listeners.attached(event, channel.uniqueid):
            return
        for each in self._payments.concerned(channel):
            if self._payments.overheard(each):
                yield Told(each, Overheard(at=at))

    def _find_listeners(self, alive: Mapping[str, Event]) -> None:
        attached = {key: each.get(BUGS, "").split() for key, each in alive.items()}
        self._listeners.found(attached, {self._known.talks.bridge_of(each) for each in alive})
        for uniqueid, each in alive.items():
            target = self._known.uniqueid(each.get(CURRENT_DATA, ""))
            self._listeners.does(uniqueid, each.get("variable_current_application", ""), target)

    def _is_overheard(self, channels: list[Channel]) -> bool:
        bridges = [self._known.talks.bridge_of(each.uniqueid) for each in channels]
        return self._listeners.on(channels, bridges, self._bridges.joined())

    # what the dialplan says

    def _said_by_dialplan(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channel(event)
        act, by = event.get("Hushtape-Act", ""), event.get("Hushtape-By", "")
        if channel is None:
            return
        if act in ACTS:
            said = {"Act": act, "By": by, "Nonce": event.get("Hushtape-Nonce", "")}
            if not by:
                del said["By"]
            yield from self._payments.said(said, channel, at)
        else:
            yield from self._talking.said_of_consent(act, by, channel, at)
