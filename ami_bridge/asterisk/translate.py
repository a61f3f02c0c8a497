"""Asterisk's events -> facts. Pure: it remembers the channels, and touches nothing.

Sources: the documentation of the AMI events in Asterisk 16 to 22, and sessions recorded on
Asterisk 22 (tests/data/ami).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.asterisk.listeners import EVENTS as LISTENERS
from ami_bridge.asterisk.listeners import Listeners, begins_to_hear
from ami_bridge.asterisk.party import Party, unescaped
from ami_bridge.asterisk.rings import Rings
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.asterisk.talks import Talks, pair
from ami_bridge.consulting import Consultation, Consulting
from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Channel,
    Claimed,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    NobodyListened,
    OptedOut,
    Overheard,
    Parked,
    PermissionGiven,
    QueueEntered,
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.payments import ACTS, PAID_VARIABLE, PAYMENT_VARIABLE, Payments, read_note
from ami_bridge.places import person, queue_name
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Asker, DestinationKind, Permission
from hushtape.recordings.manifest import Direction

Event = Mapping[str, str]

MOST_CHANNELS = 20_000
MOST_PARKING_LOTS = 1000
PARKING = ("parking", "holding")  # bridges in which nobody talks
OWN_EVENT = "Hushtape"  # the name of the dialplan's events for us
CALL_VARIABLE = "HUSHTAPE_CALL"
OPT_OUT_VARIABLE = "HUSHTAPE_OPT_OUT"
VARIABLES = (CALL_VARIABLE, OPT_OUT_VARIABLE, PAYMENT_VARIABLE, PAID_VARIABLE)
_UNSET = "(null)"


class Translator:
    """Follows one PBX's channels and says what happened to calls."""

    def __init__(self, pbx: Pbx) -> None:
        self._channels: dict[str, Channel] = {}
        # A queue's Local member stands between caller and agent: its halves' common name -> caller.
        self._locals: dict[str, Channel] = {}
        self._queued: set[str] = set()  # uniqueids of those who wait in a queue
        self._moved_on: set[str] = set()  # uniqueids of those who are not where they had dialled
        self._rung_at: dict[str, str] = {}  # uniqueid -> extension, of those who dialled people
        self._rings = Rings()
        self._talks = Talks()
        self._parking_lots: dict[str, None] = {}  # their bridges
        self._company: dict[str, tuple[Talker, ...]] = {}  # what was told last
        self._party = Party(pbx, self._channels)
        self._consulting = Consulting(self._channels, self._talks, self._party.telephone)
        self._listeners = Listeners(self._channels)
        self._payments = Payments(
            self._channels, self._talks, self._consulting, is_overheard=self._is_overheard
        )
        self._handlers: dict[str, Callable[[Event, datetime], Iterable[Told]]] = {
            "Newchannel": self._new_channel,
            "Rename": self._renamed,
            "QueueCallerJoin": self._queue_entered,
            "QueueCallerLeave": self._queue_left,
            "AgentConnect": self._agent_connected,
            "DialBegin": self._dial_began,
            "DialEnd": self._dial_ended,
            "BlindTransfer": self._transferred,
            "AttendedTransfer": self._attended,
            "BridgeEnter": self._bridge_entered,
            "BridgeLeave": self._bridge_left,
            "Hold": self._held,
            "Unhold": self._unheld,
            "ParkedCall": self._parked,
            "UserEvent": self._said_by_dialplan,
            "Hangup": self._hung_up,
            **dict.fromkeys(LISTENERS, self._listening),
        }

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self._channels.get(uniqueid)

    def around(self, caller: Channel) -> tuple[Channel, ...]:
        """Name every channel on which a caller may be recorded, his own the first."""
        return self._payments.around(caller)

    def overheard(self, caller: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears a call."""
        return self._payments.overheard(caller)

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return self._party.place(extension)

    def know(self, channel: Channel, legs: Sequence[Channel] = ()) -> None:
        """Remember channels without having seen them: the next resync says what became of them.

        Args:
            channel: an outside party's.
            legs: of agents who consulted somebody in its call.
        """
        self._channels[channel.uniqueid] = channel
        self._moved_on.add(channel.uniqueid)
        for leg in legs:
            known = self._channels.setdefault(leg.uniqueid, leg)
            self._consulting.know(known, channel)

    def foreign(self, event: Event, at: datetime) -> list[Told]:
        """Take in a ``MixMonitorStart`` of a recorder that nobody here has asked for."""
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is None:
            return []
        channel.strange = True
        told = self._payments.foreign(channel, event.get("Linkedid", ""), at)
        return [Told(each, fact) for each, fact in told]

    def translate(self, event: Event, at: datetime) -> list[Told]:
        """Take in one event.

        Args:
            event: header -> value, as on the wire.
            at: when it happened, on the PBX's clock.

        Returns:
            The facts that follow, in order; most events say nothing to us.
        """
        handler = self._handlers.get(event.get("Event", ""))
        return list(handler(event, at)) if handler is not None else []

    # channels

    def _new_channel(self, event: Event, at: datetime) -> Iterator[Told]:
        yield from self._remember(event, event.get("Exten", ""), at)
        yield from self._listens_from_now(event, at)

    def _remember(self, event: Event, dialled: str, at: datetime) -> Iterator[Told]:
        uniqueid = event.get("Uniqueid", "")
        if len(self._channels) >= MOST_CHANNELS and uniqueid not in self._channels:
            # Hang-ups were missed: the oldest goes, as a dict keeps the order.
            yield from self._forget(next(iter(self._channels)), HungUp(at=at, seen=False))
        name = event.get("Channel", "")
        self._channels[uniqueid] = Channel(
            uniqueid,
            name,
            event.get("Context", ""),
            dialled,
            event.get("Exten", ""),
            number=person(event.get("CallerIDNum", "")),
        )
        self._talks.name(uniqueid, name)

    def _renamed(self, event: Event, at: datetime) -> Iterator[Told]:
        known = self._channels.get(event.get("Uniqueid", ""))
        if known is not None:
            known.name = event.get("Newname", known.name)
            self._talks.name(known.uniqueid, known.name)
        yield from ()

    def _hung_up(self, event: Event, at: datetime) -> Iterator[Told]:
        self._locals.pop(pair(event.get("Channel", "")), None)
        uniqueid = event.get("Uniqueid", "")
        if uniqueid in self._channels:
            yield from self._forget(uniqueid, HungUp(at=at))
        else:
            yield from self._out_of_talk(uniqueid, at)

    def _forget(self, uniqueid: str, gone: HungUp) -> Iterator[Told]:
        channel = self._channels.pop(uniqueid)
        self._queued.discard(uniqueid)
        self._moved_on.discard(uniqueid)
        self._rung_at.pop(uniqueid, None)
        self._rings.end(uniqueid)
        self._party.forget(uniqueid)
        self._listeners.forget(uniqueid)
        self._company.pop(uniqueid, None)
        for caller in self._consulting.forget(channel):
            yield Told(caller, LegGone(at=gone.at, leg=uniqueid))
        yield Told(channel, gone)
        yield from (Told(each, fact) for each, fact in self._payments.gone(uniqueid, gone.at))
        yield from self._out_of_talk(uniqueid, gone.at)

    def _out_of_talk(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        bridge = self._talks.forget(uniqueid)
        if bridge:
            yield from self._consulted_gone(bridge, at)
            yield from self._talk_changed(bridge, at)

    def _consulted_gone(self, bridge: str, at: datetime) -> Iterator[Told]:
        for caller in self._consulting.emptied(bridge):
            yield Told(caller, ConsultedGone(at=at))

    def _listening(self, event: Event, at: datetime) -> Iterator[Told]:
        self._listeners.said(event)
        yield from self._listens_from_now(event, at)

    def _listens_from_now(self, event: Event, at: datetime) -> Iterator[Told]:
        heard = [self.channel(each) for each in begins_to_hear(event, self._talks.members)]
        concerned = (self._payments.concerned(each) for each in heard if each is not None)
        for each in {one.uniqueid: one for some in concerned for one in some}.values():
            yield Told(each, Overheard(at=at))

    def _is_overheard(self, channels: list[Channel]) -> bool:
        bridges = [self._talks.bridge_of(each.uniqueid) for each in channels]
        return self._listeners.on(channels, bridges)

    # queues

    def _queue_entered(self, event: Event, at: datetime) -> Iterator[Told]:
        uniqueid = event.get("Uniqueid", "")
        if uniqueid not in self._channels:  # it came while nobody listened
            yield from self._remember(event, "", at)
        channel = self._channels[uniqueid]
        if not in_subroutine(event):
            channel.extension = event.get("Exten", channel.extension)
        channel.paying = (
            None  # a queue that is entered anew ends a payment of which nobody has said so
        )
        self._queued.add(uniqueid)
        self._moved_on.add(uniqueid)
        yield self._entry(channel, queue_name(event.get("Queue", "")), event, at)

    def _queue_left(self, event: Event, at: datetime) -> Iterator[Told]:
        self._queued.discard(event.get("Uniqueid", ""))
        yield from self._told(event, LeftTalk(at=at))

    def _entry(self, channel: Channel, queue: str, event: Event, at: datetime) -> Told:
        channel.queue = queue
        outside = self._party.is_outside(channel)
        arrival = Arrival(
            at=at,
            direction=Direction.INBOUND if outside else Direction.INTERNAL,
            dialled=person(channel.dialled),
            queue=queue,
        )
        number = person(event.get("CallerIDNum", ""))
        name = person(unescaped(event.get("CallerIDName", "")))
        return Told(channel, QueueEntered(at=at, arrival=arrival, number=number, name=name))

    def _agent_connected(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is None:
            return
        name = event.get("DestChannel", "")
        if pair(name):
            self._locals[pair(name)] = channel
        agent = self._channels.get(event.get("DestUniqueid", ""))
        talker = self._party.talker(agent) if agent is not None else None
        member = event.get("MemberName") or event.get("Interface", "")
        if talker is not None and talker.telephone not in ("", event.get("Interface", "")):
            member = talker.telephone  # it was picked up elsewhere
        yield Told(channel, AgentAnswered(at=at, agent=person(member), talker=talker))

    # calls that come through no queue

    def _dial_began(self, event: Event, at: datetime) -> Iterator[Told]:
        called, extension = event.get("DestUniqueid", ""), self._dialled_in(event)
        self._party.dials(called, extension)
        if called in self._channels:
            self._rings.begin(called, event.get("Uniqueid", ""), extension)
        yield from ()

    def _dialled_in(self, event: Event) -> str:
        """Say in which extension somebody dials; a subroutine of ours is none."""
        if not in_subroutine(event):
            return event.get("Exten", "")
        caller = self._channels.get(event.get("Uniqueid", ""))
        return caller.extension if caller is not None else ""

    def _dial_ended(self, event: Event, at: datetime) -> Iterator[Told]:
        caller = self._channels.get(event.get("Uniqueid", ""))
        called = self._channels.get(event.get("DestUniqueid", ""))
        self._rings.end(event.get("DestUniqueid", ""))
        if event.get("DialStatus") != "ANSWER" or caller is None or called is None:
            return
        if pair(caller.name):  # click-to-call, or a colleague who is consulted
            behind = self._behind(caller.name)
            if behind is None or self._consulting.consults(behind.uniqueid):
                return
            if self._party.is_outside(called):
                yield from self._answered(behind, called, event, at)
        elif caller.uniqueid not in self._queued and not self._consulting.holds(caller):
            yield from self._answered(caller, called, event, at)

    def _answered(
        self, caller: Channel, called: Channel, event: Event, at: datetime
    ) -> Iterator[Told]:
        """Tell of a call that was answered, on the channel of its outside party."""
        if self._party.is_outside(called) and not self._party.is_outside(caller):
            number = self._party.place_of(called).number
            arrival = Arrival(
                at=at,
                direction=Direction.OUTBOUND,
                dialled=number,
                extension=self._party.extension_of(caller),
                place=self._party.place_of(called),
            )
            agent = self._party.telephone(caller)
            yield Told(called, Answered(at=at, arrival=arrival, number=number, agent=agent))
        elif self._is_where_it_dialled(caller, self._dialled_in(event)):
            outside = self._party.is_outside(caller)
            direction = Direction.INBOUND if outside else Direction.INTERNAL
            arrival = Arrival(
                at=at,
                direction=direction,
                dialled=person(caller.dialled),
                place=self._party.place_of(called),
            )
            name = person(unescaped(event.get("CallerIDName", "")))
            agent = self._party.telephone(called)
            fact = Answered(at=at, arrival=arrival, number=caller.number, name=name, agent=agent)
            yield Told(caller, fact)

    def _is_where_it_dialled(self, caller: Channel, extension: str) -> bool:
        """Tell whether somebody was rung by the dialplan itself, and not after a Redirect.

        Where the first one answers, the dialplan may have gone from the number that was dialled.
        """
        if caller.uniqueid in self._moved_on:
            return False
        if caller.uniqueid not in self._rung_at:
            self._rung_at[caller.uniqueid] = extension
            caller.extension = extension or caller.extension
        return self._rung_at[caller.uniqueid] == extension

    # talks

    def _bridge_entered(self, event: Event, at: datetime) -> Iterator[Told]:
        bridge, uniqueid = event.get("BridgeUniqueid", ""), event.get("Uniqueid", "")
        if event.get("BridgeType") in PARKING:
            self._parking_lots[bridge] = None
            if len(self._parking_lots) > MOST_PARKING_LOTS:
                del self._parking_lots[next(iter(self._parking_lots))]
            return
        if not (bridge and uniqueid):
            return
        self._talks.enter(bridge, uniqueid, event.get("SwapUniqueid", ""))
        yield from self._joined(event, at)
        yield from self._talk_changed(bridge, at)
        yield from self._consultations(self._consulting.entered(bridge, uniqueid), at)
        yield from self._listens_from_now(event, at)

    def _bridge_left(self, event: Event, at: datetime) -> Iterator[Told]:
        uniqueid = event.get("Uniqueid", "")
        yield from self._consultations(self._consulting.left(uniqueid), at)
        bridge = self._talks.leave(uniqueid)
        yield from self._told(event, LeftTalk(at=at))
        if bridge:
            yield from self._tell_company(uniqueid, at)
            yield from self._consulted_gone(bridge, at)
            yield from self._talk_changed(bridge, at)

    def _joined(self, event: Event, at: datetime) -> Iterator[Told]:
        """A channel talks; if it is elsewhere in the dialplan than was told, it was redirected."""
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is None:
            return
        extension = event.get("Exten", "")
        if extension and extension != channel.extension and not in_subroutine(event):
            channel.extension = extension
            place = self.place(extension)
            yield Told(channel, TransferCompleted(at=at, place=place, how="redirected"))
        yield Told(channel, JoinedTalk(at=at))

    def _talk_changed(self, bridge: str, at: datetime) -> Iterator[Told]:
        for uniqueid in self._talks.listeners(bridge):
            yield from self._tell_company(uniqueid, at)

    def _tell_company(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(uniqueid)
        if channel is None or pair(channel.name):
            return
        heard = self._talks.company(uniqueid)
        talkers = self._party.talkers(heard)
        channel.others = [each.uniqueid for each in heard]
        if talkers != self._company.get(uniqueid, ()):
            self._company[uniqueid] = talkers
            yield Told(channel, TalkChanged(at=at, talkers=talkers))
            # Somebody else may have come into a consultation.
            yield from self._consultations(self._consulting.going_on(uniqueid), at)

    def _parked(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(event.get("ParkeeUniqueid", ""))
        if channel is not None and pair(channel.name):
            channel = self._behind(channel.name)
        if channel is not None:
            yield Told(channel, Parked(at=at))

    # consultations

    def _held(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is not None:
            yield from self._tell_all(channel, Held(at=at))
            linkedid = event.get("Linkedid", "")
            yield from self._consultations(self._consulting.held(channel, linkedid), at)

    def _unheld(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is not None:
            yield from self._consultations(self._consulting.unheld(channel), at)

    def _consultations(self, changed: Iterable[Consultation], at: datetime) -> Iterator[Told]:
        for leg, caller, began in changed:
            if not began:
                yield Told(caller, ConsultationEnded(at=at, leg=leg.uniqueid))
                continue
            heard = self._talks.company(leg.uniqueid)
            place = self._party.consulted(leg, heard)
            fact = ConsultationBegan(
                at=at,
                leg=leg,
                place=place,
                telephone=self._party.telephone(leg),
                talkers=self._party.talkers(heard),
            )
            yield Told(caller, fact)

    # what the dialplan says

    def _said_by_dialplan(self, event: Event, at: datetime) -> Iterator[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if "Uniqueid" not in event:  # another program's, by the action
            channel = self._named(event.get("Channel", ""))
        if event.get("UserEvent") != OWN_EVENT or channel is None:
            return
        outside = self._party.is_outside(channel)
        if event.get("Act") in ACTS:
            said = self._payments.said(event, channel, at)
            yield from (Told(each, fact) for each, fact in said)
        elif event.get("Act") == "opt-out":
            by = Asker.CALLER if outside or event.get("By") == Asker.CALLER else Asker.AGENT
            if by is Asker.CALLER:
                channel.opted_out = True
            yield from self._tell_all(channel, OptedOut(at=at, by=by))
        elif event.get("Act") == "permission":
            announced = event.get("By") == Permission.ANNOUNCEMENT
            permission = Permission.ANNOUNCEMENT if announced else Permission.KEY
            channel.announced = channel.announced or announced  # the answer comes after it
            if announced or not outside:  # nobody gives it to himself
                yield from self._tell_all(channel, PermissionGiven(at=at, by=permission))

    def _named(self, name: str) -> Channel | None:
        """Return a channel by its name, which another program knows."""
        found = [each for each in self._channels.values() if name and each.name == name]
        return found[-1] if found else None

    def _tell_all(self, channel: Channel, fact: Fact) -> Iterator[Told]:
        """Tell it of a channel and of those with whom it talks: one of them has the call."""
        yield Told(channel, fact)
        # Half of a Local channel stands for whoever is behind it.
        behind = self._talks.behind(channel.uniqueid)
        told = {channel.uniqueid}
        for heard in [*self._talks.company(channel.uniqueid), *behind]:
            other = self._channels.get(heard.uniqueid)
            if other is not None:
                told.add(heard.uniqueid)
                yield Told(other, fact)
        for waiting in self._consulting.going_on(channel.uniqueid):
            if waiting.caller.uniqueid not in told:
                yield Told(waiting.caller, fact)

    # transfers

    def _attended(self, event: Event, at: datetime) -> Iterator[Told]:
        if event.get("DestType") == "Threeway":
            return  # nobody has left: who is in the talk is what counts
        yield from self._transferred(event, at)
        yield from self._swapped(event, at)

    def _transferred(self, event: Event, at: datetime) -> Iterator[Told]:
        if event.get("Event") == "BlindTransfer":
            how, place = "blind", self.place(event.get("Extension", ""))
        else:
            how, place = "attended", self._attended_place(event)
        channel = self._channels.get(event.get("TransfereeUniqueid", ""))
        # Where a queue's member is a Local channel, its far half is transferred, and with it the
        # caller. (Run on Asterisk 22, with Local/211@internal/n.)
        half = event.get("TransfereeChannel", "")
        if pair(half):
            channel = self._locals.get(pair(half)) or self._behind(half)
            if channel is None:
                # Somebody near this caller was transferred, we can't tell who: not sure means no.
                channel = self._channels.get(event.get("TransfereeLinkedid", ""))
                place = Place(DestinationKind.UNKNOWN, place.extension)
        if channel is None:
            return
        if event.get("Result") != "Success":
            yield Told(channel, TransferFailed(at=at))
            return
        self._moved_on.add(channel.uniqueid)
        # In an attended one the caller stays where it is in the dialplan, unless it takes the place
        # of a channel that was dialling, or waiting, there.
        if how == "blind" or event.get("DestType") == "App":
            channel.extension = place.extension
        yield Told(channel, TransferCompleted(at=at, place=place, how=how))

    def _behind(self, half: str) -> Channel | None:
        """Return the one with whom a Local channel's half connects, if there is just one."""
        heard = self._talks.behind_name(half)
        return self._channels.get(heard[0].uniqueid) if len(heard) == 1 else None

    def _local_in_talk(self, uniqueid: str) -> str:
        """Return the name of the one Local channel with which a channel talks, else ``""``."""
        members = self._talks.members(self._talks.bridge_of(uniqueid))
        names = [self._channels[each].name for each in members if each in self._channels]
        locals_ = [name for name in names if pair(name)]
        return locals_[0] if len(locals_) == 1 else ""

    def _swapped(self, event: Event, at: datetime) -> Iterator[Told]:
        """An attended transfer the other way round: the caller is the one who is talked to."""
        target = self._channels.get(event.get("TransferTargetUniqueid", ""))
        if event.get("Result") != "Success" or target is None or pair(target.name):
            return
        first = self._channels.get(event.get("OrigTransfererUniqueid", ""))
        by_phone = event.get("SecondTransfererChannel") != event.get("OrigTransfererChannel")
        place = Place(DestinationKind.UNKNOWN, "")
        if first is not None and by_phone:
            place = self.place(first.dialled)
        yield Told(target, TransferCompleted(at=at, place=place, how="attended"))

    def _attended_place(self, event: Event) -> Place:
        """Say where an attended transfer led: to whom the transferer was talking.

        By feature code that is a Local channel, named after the extension. By phone it is what the
        transferer's second channel had dialled. Anything else can't be told.
        """
        target = event.get("TransferTargetChannel", "")
        if not target:
            # Run on Asterisk 22: every now and then the event names no target. It has joined the
            # caller's bridge by then.
            target = self._local_in_talk(event.get("TransfereeUniqueid", ""))
        if pair(target):
            return self.place(target.removeprefix("Local/").partition("@")[0])
        second = self._channels.get(event.get("SecondTransfererUniqueid", ""))
        by_phone = event.get("SecondTransfererChannel") != event.get("OrigTransfererChannel")
        if second is not None and by_phone:
            return self.place(second.dialled)
        return Place(DestinationKind.UNKNOWN, "")

    def _told(self, event: Event, fact: Fact) -> Iterator[Told]:
        channel = self._channels.get(event.get("Uniqueid", ""))
        if channel is not None:
            yield Told(channel, fact)

    # after the link was away

    def resync(self, living: Sequence[Event], at: datetime, since: datetime) -> Iterator[Told]:
        """Compare what is remembered with what lives, after the link was away.

        Args:
            living: the ``Status`` events of every channel of the PBX, with VARIABLES.
            at: when they were asked for.
            since: from when on nobody listened. A transfer may have been at any moment after that,
                so it is taken to have been then: what is uncertain isn't kept.

        Yields:
            A hang-up for each channel that went while nobody listened, a transfer for each that is
            elsewhere in the dialplan now, a queue entry for each that waits or talks in a queue, an
            answer for each call to the outside that was answered, and the note of each call that
            another bridge has left.
        """
        alive = {event.get("Uniqueid", ""): event for event in living}
        for uniqueid in [known for known in self._channels if known not in alive]:
            yield from self._forget(uniqueid, HungUp(at=since, seen=False))
        self._locals = {k: v for k, v in self._locals.items() if v.uniqueid in alive}
        self._talks.clear()
        for event in living:
            self._talks.name(event.get("Uniqueid", ""), event.get("Channel", ""))
            bridge = event.get("BridgeID", "")
            if bridge and bridge not in self._parking_lots and event.get("Uniqueid"):
                self._talks.enter(bridge, event["Uniqueid"])
        new = [uniqueid for uniqueid in alive if uniqueid not in self._channels]
        for uniqueid in new:
            event = alive[uniqueid]
            yield from self._remember(event, event.get("DNID") or event.get("Exten", ""), at)
            if in_subroutine(event):
                self._channels[uniqueid].extension = event.get("DNID", "")
            self._moved_on.add(uniqueid)
        for uniqueid in alive:  # whoever began to record meanwhile has not been seen
            self._channels[uniqueid].strange = True
        payments = list(self._payments_noted(alive, at, since))
        for uniqueid, event in alive.items():
            told = [each for each in payments if each.channel.uniqueid == uniqueid]
            is_new = uniqueid in new
            yield from self._looked_up(self._channels[uniqueid], event, told, at, since, is_new)
        yield from self._answered_meanwhile(alive, at)
        yield from self._consultations(self._consulting.resync(), since)
        for uniqueid in alive:
            noted = bool(variables_of(alive[uniqueid]).get(CALL_VARIABLE))
            known = uniqueid not in new or noted  # somebody had it before
            yield from self._tell_company(uniqueid, since if known else at)
        yield from (
            Told(self._channels[uniqueid], NobodyListened(at=since))
            for uniqueid in alive
            if uniqueid not in new
        )

    def _looked_up(
        self,
        channel: Channel,
        status: Event,
        payments: Sequence[Told],
        at: datetime,
        since: datetime,
        is_new: bool,
    ) -> Iterator[Told]:
        """Tell what has become of one channel.

        Args:
            payments: what is noted of it; told before anything from which recording may follow.
        """
        variables = variables_of(status)
        channel.name = status.get("Channel", channel.name)
        note = variables.get(CALL_VARIABLE, "")
        if is_new and note:
            yield self._claimed(channel, status, note, at, since)
        yield from payments
        if not is_new:
            yield from self._moved(channel, status, at, since)
        yield from self._opted_out(channel, variables.get(OPT_OUT_VARIABLE, ""), since)
        if is_new and not note:
            yield from self._found(channel, status, at)

    def _payments_noted(
        self, alive: Mapping[str, Event], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of payments that began while nobody listened, and of those that are known."""
        for uniqueid, event in alive.items():
            channel, linkedid = self._channels[uniqueid], event.get("Linkedid", "")
            paid = variables_of(event).get(PAID_VARIABLE, "")
            over = self._payments.paid(paid, channel, linkedid, at, since)
            yield from (Told(each, fact) for each, fact in over)
        for uniqueid, event in alive.items():
            channel, linkedid = self._channels[uniqueid], event.get("Linkedid", "")
            text = variables_of(event).get(PAYMENT_VARIABLE, "")
            channel.paying = read_note(text, at, since) if text else None
            if not text:
                continue
            noted = self._payments.noted(text, channel, linkedid, at, since)
            yield from (Told(each, fact) for each, fact in noted)

    def _opted_out(self, channel: Channel, said: str, at: datetime) -> Iterator[Told]:
        """Tell of an opt-out that nobody heard: the dialplan has noted it on the channel."""
        if said and not channel.opted_out:
            channel.opted_out = True
            by = Asker.AGENT if said == Asker.AGENT else Asker.CALLER
            yield Told(channel, OptedOut(at=at, by=by))

    def _moved(
        self, channel: Channel, status: Event, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of a transfer that nobody saw: elsewhere in the dialplan, or with somebody else."""
        before = set(channel.others)
        now = {each.uniqueid for each in self._talks.company(channel.uniqueid)}
        channel.others = sorted(now)
        extension = status.get("Exten", "")
        if extension != channel.extension and not in_subroutine(status):
            channel.extension = extension
            place = self.place(extension)
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))
            yield from self._found_in_queue(channel, status, at)
        elif channel.queue and _queue_of(status) not in ("", channel.queue):  # the dialplan's doing
            yield from self._found_in_queue(channel, status, since)
        elif before and now and before != now:
            place = Place(DestinationKind.UNKNOWN, "")
            yield Told(channel, TransferCompleted(at=since, place=place, how="unseen"))

    def _found(self, channel: Channel, status: Event, at: datetime) -> Iterator[Told]:
        """Tell of a call that began while nobody listened, as if it began now."""
        yield from self._found_in_queue(channel, status, at)
        if status.get("Application") != "AppDial" or not self._party.is_outside(channel):
            return
        for heard in self._talks.company(channel.uniqueid):
            caller = self._channels.get(heard.uniqueid)
            if caller is not None and not self._party.is_outside(caller):
                yield from self._answered(caller, channel, status, at)

    def _answered_meanwhile(self, alive: Mapping[str, Event], at: datetime) -> Iterator[Told]:
        """Tell of who was rung for somebody, and talks with him now: as if he answered now."""
        for ring in self._rings.answered(self._talks):
            caller, called = self._channels.get(ring.caller), self._channels.get(ring.called)
            if caller is None or called is None or caller.queue or pair(caller.name):
                continue
            is_there = self._dialled_in(alive[ring.caller]) == ring.extension
            if is_there and not self._consulting.holds(caller):
                yield from self._answered(caller, called, alive[ring.caller], at)

    def _found_in_queue(self, channel: Channel, status: Event, at: datetime) -> Iterator[Told]:
        """Take a channel that waits or talks in a queue for one that enters it now."""
        if status.get("Application") != "Queue":
            return
        if not status.get("BridgeID"):
            self._queued.add(channel.uniqueid)
        yield self._entry(channel, _queue_of(status), status, at)

    def _claimed(
        self, channel: Channel, status: Event, note: str, at: datetime, since: datetime
    ) -> Told:
        talkers = self._party.talkers(self._talks.company(channel.uniqueid))
        claimed = Claimed(
            at=at,
            arrival=Arrival(at=at, direction=Direction.INBOUND, dialled=person(channel.dialled)),
            number=person(status.get("CallerIDNum", "")),
            name=person(unescaped(status.get("CallerIDName", ""))),
            note=note,
            since=since,
            talkers=talkers,
            waits_in=_queue_of(status),
        )
        return Told(channel, claimed)


def variables_of(status: Event) -> dict[str, str]:
    """Return the variables that a ``Status`` event carries; those that are unset are left out."""
    every = getattr(status, "every", None)
    lines = every("Variable") if every is not None else (status.get("Variable", ""),)
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _, value in pairs if value and value != _UNSET}


def _queue_of(status: Event) -> str:
    """Name the queue in which a channel waits, or through which it came to its talk."""
    if status.get("Application") != "Queue":
        return ""
    return queue_name(status.get("Data", "").partition(",")[0])
