"""The loop: facts in, calls found and begun, commands carried out. The same for every kind of PBX.

Facts are taken in one at a time, in the order in which the PBX told them; what has to be waited for
(an answer, a disk) runs beside it and comes back as a fact.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import structlog

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import MOST_STUCK_TRIES, STUCK_REST_S, Recorder
from ami_bridge.delivery import Delivery
from ami_bridge.desktop.desk import Outcome, Wanted
from ami_bridge.desktop.reception import Reception
from ami_bridge.expected import Expected
from ami_bridge.facts import (
    Adopted,
    Arrived,
    BridgeEnds,
    Channel,
    Claimed,
    Command,
    Fact,
    ForeignRecorder,
    HandOff,
    HungUp,
    LegGone,
    LinkReturned,
    MuteRecorder,
    MuteUnconfirmed,
    Overheard,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    RaiseAlarm,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    Rested,
    SilenceAsked,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.guard import Guard
from ami_bridge.handoff import Outbox
from ami_bridge.live import LiveCall, LiveCalls, heard_until
from ami_bridge.living import Live, Station
from ami_bridge.orders import Orders
from ami_bridge.refusals import Refusal, refusal_of
from ami_bridge.silence import CONFIRMED_WITHIN_S, Before, Silence, begins_strictly
from ami_bridge.tasks import Tasks
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.schema import Asker, DestinationKind, PaymentWay, Permission, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.ledger import Expectation
from hushtape.recordings.manifest import Reason

END_TIMEOUT_S = 10.0
SIGN_OF_LIFE_S = 1.0

log = structlog.get_logger()


class Bridge:
    """Every live call of every PBX that a policy names.

    Args:
        policies: every version of every policy.
        outbox: takes the finished recordings.
        kept: keeps what is known of live calls, for the next bridge.
        new_id: names a call that began at a moment.
        expected: is told which recordings are to come.
        orders: takes what is to be destroyed that something else has recorded.
        confirmed_within_s: so soon after a payment's beginning it must be sure that it is silent.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        outbox: Outbox,
        kept: LiveCalls,
        new_id: Callable[[datetime], str],
        expected: Expected | None = None,
        orders: Orders | None = None,
        confirmed_within_s: float = CONFIRMED_WITHIN_S,
    ) -> None:
        self._expected = expected
        self._tasks = Tasks()
        self._delivery = Delivery(outbox, kept, expected, orders)
        self._silence = Silence(self._tasks.begin, self._find, orders, confirmed_within_s)
        self._guard = Guard(self._find)
        self._reception = Reception(self._every, self._serves, self._apply)
        self._stations: dict[str, Station] = {}
        self._policies = policies
        self._kept = kept
        self._new_id = new_id
        self._live: dict[tuple[str, str], Live] = {}
        self._ending = False
        self._left_over: list[Live] = []  # over, and not in the outbox yet

    async def run(self, stations: Sequence[Station], ended: asyncio.Event) -> None:
        """Serve until told to end; then stop every recorder.

        From then on nobody would stop one in time, so none is left behind. What was recorded waits
        for the next bridge, which goes on with the calls that are still there.
        """
        self._stations = {station.name: station for station in stations}
        async with asyncio.TaskGroup() as group:
            serving = [
                group.create_task(each) for each in (self._delivery.drain(), self._note(stations))
            ]
            if self._expected is not None:
                serving.append(group.create_task(self._expected.run(self._expectations)))
            for live in self._left_over:
                self._carry_out(live, live.call.hand_off_again())
            serving += [group.create_task(station.run()) for station in stations]
            await ended.wait()
            await self._let_go()
            for task in serving:
                task.cancel()

    def use(self, policies: Sequence[Policy]) -> None:
        """Decide on calls that begin from now on by these; live ones keep what they began with."""
        self._policies = policies

    def adopt(self, stations: Sequence[Station]) -> None:
        """Take over what a predecessor left; each PBX is asked about it as soon as it answers."""
        by_name = {station.name: station for station in stations}
        left = self._kept.load()
        for found in left:
            station = by_name.get(found.call.pbx)
            if station is None and found.call.done and stations:
                # It needs nothing of its PBX any more.
                self._left_over.append(Live(found.call, stations[0], found.channel))
                continue
            if station is None:
                raise_alarm(Kind.RECORDER, f"PBX {found.call.pbx} is gone", call=found.call.id)
                continue
            live = Live(found.call, station, found.channel, adopted=False)
            live.heard_until = found.heard_until
            if found.call.done:
                self._left_over.append(live)
                continue
            self._live[station.name, found.channel.uniqueid] = live
            noted_at = self._kept.heard_until(station.name)
            since = heard_until(noted_at, (each for each in left if each.call.pbx == station.name))
            since = since or found.call.began.at
            station.know(found.channel, found.call.legs, since, live.recorders)

    async def _let_go(self) -> None:
        self._ending = self._guard.ending = True
        if self._live:
            log.warning("bridge ends: live calls are not recorded on", calls=len(self._live))
        for live in list(self._live.values()):
            self._apply(live, BridgeEnds(at=live.station.pbx_now()))
        deadline_s = asyncio.get_running_loop().time() + END_TIMEOUT_S
        while self._tasks and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.wait(self._tasks, timeout=deadline_s - asyncio.get_running_loop().time())
        self._note_life(self._stations.values())  # until now nothing went unseen
        left = [live.call.id for live in self._live.values() if live.call.writing]
        if left:
            raise_alarm(Kind.RECORDER, "bridge ends with recorders not stopped", calls=left)
        if self._delivery.not_put:
            what = "bridge ends with recordings not in the outbox"
            raise_alarm(Kind.DISK, what, calls=sorted(self._delivery.not_put))

    def tell(self, station: Station, channel: Channel, fact: Fact) -> None:
        """Take in one fact of the call to which an outside party's channel belongs."""
        if isinstance(fact, SilenceAsked):
            self._tasks.begin(self._guard.answer(station, channel, fact))
            return
        live = self._whose(station, channel, fact)
        if live is not None and station.up:
            live.heard(fact.at)
        if isinstance(fact, ForeignRecorder | Overheard):
            if live is not None:
                self._foreign(live, fact)
            return
        if isinstance(fact, PaymentBegan | PaymentEnded):
            self._tell_those_beside(station, channel, fact)
        if live is not None and live.call.stage is Stage.OVER and isinstance(fact, Arrived):
            live = None  # it only waits for an answer about its recorder; this is the next call
        if live is not None and not isinstance(fact, Claimed):
            self._apply(live, fact)
        elif live is None and isinstance(fact, Claimed):
            self._resume(station, channel, fact)
        elif isinstance(fact, Arrived) and not self._ending:
            self._begin(station, channel, fact)

    def _tell_those_beside(
        self, station: Station, channel: Channel, fact: PaymentBegan | PaymentEnded
    ) -> None:
        """Other calls in the same talk hear the payment, too."""
        if fact.way is PaymentWay.KEY:
            return  # it comes for each of them, and a caller's own key is nobody's
        for other in station.around(channel):
            live = self._find(station, other)
            if live is not None and other.uniqueid != channel.uniqueid:
                self._apply(live, fact)

    def _foreign(self, live: Live, fact: ForeignRecorder | Overheard) -> None:
        if isinstance(fact, Overheard):
            self._silence.overheard(live)
            return
        paying = begins_strictly(live, fact.at)
        if paying is not None:
            self._apply(live, paying)
        self._silence.foreign(live, fact)

    def _find(self, station: Station, channel: Channel) -> Live | None:
        return self._live.get((station.name, channel.uniqueid))

    def _whose(self, station: Station, channel: Channel, fact: Fact) -> Live | None:
        if isinstance(fact, RecorderStopped):  # it may have been on an agent's channel
            for live in self._live.values():
                on = ((each.channel.uniqueid, each.segment) for each in live.recorders)
                if live.station is station and (channel.uniqueid, fact.segment) in on:
                    return live
        return self._find(station, channel)

    def _every(self) -> list[Live]:
        return list(self._live.values())

    def _serves(self, pbx: str) -> bool:
        station = self._stations.get(pbx)
        return station is not None and station.up and not self._ending

    async def begin_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """Begin a payment for a desktop; see ``desk.Desk``."""
        return await self._reception.begin_payment(wanted, who, within_s)

    async def end_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        """End a payment for a desktop; see ``desk.Desk``."""
        return await self._reception.end_payment(wanted, who, within_s)

    def find(self, wanted: Wanted) -> Outcome:
        """Tell a desktop how calls stand; see ``desk.Desk``."""
        return self._reception.find(wanted)

    def _apply(self, live: Live, fact: Fact) -> None:
        if live.disowned:
            return
        before = Before.of(live)
        self._follow(live, live.call.apply(fact))
        self._silence.follow(live, before, fact)
        strictly = begins_strictly(live, fact.at) if live.channel.strange else None
        if strictly is not None:  # what only is muted hides what somebody else has started
            self._apply(live, strictly)
        live.stirred.set()
        if live.call.done:
            key = (live.station.name, live.channel.uniqueid)
            if self._live.get(key) is live:  # the channel may have a new call by now
                del self._live[key]

    def _follow(self, live: Live, commands: list[Command]) -> None:
        """Keep what is known now, and only then do what follows from it."""
        self._keep(live, commands)
        self._carry_out(live, commands)

    def _keep(self, live: Live, commands: list[Command]) -> None:
        try:
            if live.call.done and not any(isinstance(each, HandOff) for each in commands):
                self._kept.forget(live.call.id)
            else:
                kept = LiveCall(call=live.call, channel=live.channel, heard_until=live.heard_until)
                self._kept.write(kept)
        except OSError as error:
            raise_alarm(Kind.DISK, f"a live call can't be kept: {error}", call=live.call.id)

    def link_up(self, station: Station, at: datetime) -> None:
        """Tell every call of a PBX that the link to it is there, for the first time or again."""
        for live in [each for each in self._live.values() if each.station is station]:
            # A bridge that ends takes over nothing any more: its successor does.
            back = LinkReturned(at=at) if live.adopted or self._ending else Adopted(at=at)
            live.adopted = live.adopted or not self._ending
            self._apply(live, back)

    def disown(self, station: Station, living: Collection[str], since: datetime) -> None:
        """Let go of a PBX's calls: another bridge has served it, and has gone on with them.

        Those that are still there come back by the notes on their channels. Of those that are gone
        nobody knows whether the other one ever saw them, so they are handed off as far as they are
        known; what the other one has archived stays as it is.

        Args:
            living: the uniqueids of the channels that are there.
            since: when this bridge last listened, at the earliest.
        """
        for key, live in list(self._live.items()):
            if live.station is not station:
                continue
            if live.channel.uniqueid not in living:
                for leg in live.call.legs:
                    self._apply(live, LegGone(at=since, leg=leg.uniqueid))
                self._apply(live, HungUp(at=since, seen=False))
                continue
            log.warning("a call was taken over by another bridge", call=live.call.id)
            live.disowned = True
            live.stirred.set()
            del self._live[key]
            self._kept.forget(live.call.id)

    def _begin(self, station: Station, channel: Channel, fact: Arrived) -> None:
        choice = decide.choose(self._policies, fact.arrival)
        if choice.policy is None:
            _tell_refusal(station, choice.reason)
            return
        if channel.opted_out:
            verdict = decide.on_opt_out(choice.policy, Asker.CALLER)
            if not verdict.allowed:  # the dialplan has promised what the policy doesn't keep
                raise_alarm(Kind.POLICY, verdict.reason.words, pbx=station.name)
            else:
                _tell_refusal(station, verdict.reason)
                return
        call = Call(
            id=self._new_id(fact.at),
            pbx=station.name,
            pbx_call=channel.uniqueid,
            policy=choice.policy,
            began=fact,
            reason=choice.reason,
            one_file=station.one_file,
        )
        live = self._live[station.name, channel.uniqueid] = Live(call, station, channel)
        if station.up:
            live.heard(fact.at)
        log.info("call recorded", call=call.id, pbx=station.name, policy=choice.policy.name)
        before = Before.of(live)
        self._follow(live, call.begin(channel.paying))
        self._silence.follow(live, before, channel.paying or fact)
        if channel.announced:
            self._apply(live, PermissionGiven(at=fact.at, by=Permission.ANNOUNCEMENT))

    def _resume(self, station: Station, channel: Channel, fact: Claimed) -> None:
        """Go on with a call of which only its channel knows: its bridge was on another machine."""
        live = self._found(station, channel, fact)
        if live is None:
            self._tasks.begin(self._silence_unknown(station, channel))
            return
        self._live[station.name, channel.uniqueid] = live
        for leg in live.call.legs:
            if not station.lives(leg.uniqueid):
                self._apply(live, LegGone(at=fact.since, leg=leg.uniqueid))
        station.know(channel, live.call.legs, fact.since, live.recorders)
        log.warning("a call of another bridge is taken over", call=live.call.id, pbx=station.name)
        if not live.call.is_where_it_was(fact):
            unknown = Place(DestinationKind.UNKNOWN, "")
            self._apply(live, TransferCompleted(at=fact.since, place=unknown, how="unseen"))

    def _found(self, station: Station, channel: Channel, fact: Claimed) -> Live | None:
        try:
            state = noted.read(fact.note)
        except ValueError:
            what = "a call's note can't be read: not recorded on"
            raise_alarm(Kind.RECORDER, what, pbx=station.name)
            return None
        for policy in self._policies:
            if (policy.name, policy.version) == (state.policy, state.version):
                current = decide.in_force(self._policies, state.began_at)
                whole = decide.beside(policy, current)
                call = Call.resumed(
                    state,
                    station.name,
                    channel.uniqueid,
                    whole,
                    fact,
                    one_file=station.one_file,
                )
                return Live(call, station, channel, adopted=False)
        what = (
            f"the call began under policy {state.policy} of {state.version}, and no file in the"
            " policies' folder is that version: not recorded on"
        )
        raise_alarm(Kind.POLICY, what, call=state.id, pbx=station.name)
        return None

    async def _silence_unknown(self, station: Station, channel: Channel) -> None:
        """Stop whatever records on a channel of which nothing is known; not sure means no."""
        for _ in range(MOST_STUCK_TRIES):
            done = await station.carry_out(channel, StopEveryRecorder(0))
            if isinstance(done, RecorderStopped) or not station.lives(channel.uniqueid):
                return
            what = "an unknown call's recorders aren't stopped"
            raise_alarm(Kind.RECORDER, what, pbx=station.name)
            await asyncio.sleep(STUCK_REST_S)

    def _carry_out(self, live: Live, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case HandOff():
                    self._tasks.begin(self._delivery.hand_off(command.handoff))
                case RaiseAlarm():
                    kind = Kind.RECORDER if live.call.paying is None else Kind.SILENCE
                    pbx = live.station.name
                    raise_alarm(kind, command.what, call=live.call.id, pbx=pbx)
                case Rest():
                    self._tasks.begin(self._rest(live, command))
                case _:
                    self._tasks.begin(self._ask_pbx(live, command))

    async def _rest(self, live: Live, rest: Rest) -> None:
        await asyncio.sleep(rest.pause_s)
        self._apply(live, Rested(at=live.station.pbx_now(), rest=rest.rest))

    async def _ask_pbx(self, live: Live, command: Command) -> None:
        began_s = time.monotonic()
        try:
            channel = getattr(command, "leg", None) or live.channel
            fact = await live.station.carry_out(channel, command)
        except Exception:  # a bug there must not leave a call waiting for ever
            raise_alarm(Kind.PROGRAM, "a command failed", call=live.call.id, exc_info=True)
            fact = _failed(command, live.station.pbx_now())
        outcome = type(fact).__name__ if fact is not None else "done"
        metrics.command(type(command).__name__, time.monotonic() - began_s, outcome)
        if fact is not None and not isinstance(fact, VariableSet):
            self._apply(live, fact)

    def _expectations(self) -> dict[str, Expectation]:
        """What is to come of the live calls that have had a recorder."""
        return {
            live.call.id: _expectation(live) for live in self._live.values() if live.call.segments
        }

    def _measure(self, station: Station) -> None:
        calls = [live.call for live in self._live.values() if live.station is station]
        states = Counter(call.recorder.value for call in calls)
        metrics.live(
            station.name, len(calls), {each.value: states[each.value] for each in Recorder}
        )

    async def _note(self, stations: Sequence[Station]) -> None:
        while True:
            for station in stations:
                self._measure(station)
            self._note_life(stations)
            await asyncio.sleep(SIGN_OF_LIFE_S)

    def _note_life(self, stations: Iterable[Station]) -> None:
        try:
            for station in stations:
                if station.heard_at is not None:
                    self._kept.touch(station.name, station.heard_at)
        except OSError as error:
            raise_alarm(Kind.DISK, f"the folder of live calls can't be written: {error}")


def _tell_refusal(station: Station, reason: Reason) -> None:
    refusal = refusal_of(reason)
    level = log.warning if refusal is Refusal.AMBIGUOUS else log.info
    level("call not recorded", pbx=station.name, reason=refusal.value, why=reason.words)
    metrics.not_recorded(refusal.value)


def _expectation(live: Live) -> Expectation:
    call = live.call
    arrival, queues = call.began.arrival, call.papers.queues
    tags = decide.tags(call.policy, arrival, queues)
    return Expectation(
        pbx=live.station.name,
        policy=call.policy.name,
        version=call.policy.version,
        started_at=call.began.at,
        segments=call.segments,
        keep=decide.keep(call.policy, call.began.at, queues, tags),
        tags=tags,
        audio=decide.audio_terms(call.policy),
        discard=call.discard,
    )


def _failed(command: Command, at: datetime) -> Fact | None:
    """Say what we know of a command's recorder when carrying it out broke: nothing."""
    match command:
        case StartRecorder():
            return RecorderUncertain(at=at, segment=command.segment)
        case StopRecorder() | StopEveryRecorder():
            by_id = isinstance(command, StopRecorder)
            return StopUnconfirmed(at=at, segment=command.segment, by_id=by_id)
        case MuteRecorder() | UnmuteRecorder():
            return MuteUnconfirmed(at=at, segment=command.segment)
        case _:
            return None
