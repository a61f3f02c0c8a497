"""The loop: facts in, calls found and begun, commands carried out. The same for every kind of PBX.

Facts are taken in one at a time, in the order in which the PBX told them; what has to be waited for
(an answer, a disk) runs beside it and comes back as a fact.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
import redis
import structlog

from ami_bridge import noted
from ami_bridge.call import Call
from ami_bridge.expected import Expected
from ami_bridge.facts import (
    Adopted,
    Arrived,
    BridgeEnds,
    Channel,
    Claimed,
    Command,
    Fact,
    HandOff,
    HungUp,
    LegGone,
    LinkReturned,
    PermissionGiven,
    RaiseAlarm,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
)
from ami_bridge.handoff import Outbox
from ami_bridge.live import LiveCall, LiveCalls
from ami_bridge.recorder import MOST_STUCK_TRIES, STUCK_REST_S, Recorder
from hushtape import metrics
from hushtape.errors import HushtapeError, TooBig
from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.schema import Asker, DestinationKind, Permission, Policy
from hushtape.recordings.ledger import Expectation
from hushtape.recordings.manifest import Handoff

PUT_AGAIN_S = 5.0  # the outbox's disk is full: somebody is told each time
DRAIN_INTERVAL_S = 1.0
DRAIN_LONGEST_PAUSE_S = 10.0
END_TIMEOUT_S = 10.0
SIGN_OF_LIFE_S = 1.0

log = structlog.get_logger()


class Station(Protocol):
    """One PBX, as the bridge sees it."""

    @property
    def name(self) -> str:
        """The PBX's name in the configuration."""

    @property
    def heard_at(self) -> datetime | None:
        """When the PBX was last known to be there, aware UTC, our clock."""

    def lives(self, uniqueid: str) -> bool:
        """Tell whether a channel is there, as far as is known."""

    def know(self, channel: Channel, legs: Sequence[Channel], since: datetime) -> None:
        """Remember the channels of a call that a predecessor left, alive until ``since``.

        Args:
            channel: the outside party's.
            legs: of the agents who consulted somebody.
        """

    async def run(self) -> None:
        """Keep the link up, and tell the bridge every fact, until cancelled."""

    def pbx_now(self) -> datetime:
        """Tell the time on the PBX's clock, aware UTC."""

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        """Carry out a command on a channel; the PBX's answer is a fact."""


@dataclass(slots=True)
class _Live:
    call: Call
    station: Station
    channel: Channel
    adopted: bool = True  # False: a predecessor's, and its PBX has not been asked about it yet
    disowned: bool = False  # another bridge's by now: what comes late of it is nothing to us


class Bridge:
    """Every live call of every PBX that a policy names.

    Args:
        policies: every version of every policy.
        outbox: takes the finished recordings.
        kept: keeps what is known of live calls, for the next bridge.
        new_id: names a call that began at a moment.
        expected: is told which recordings are to come.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        outbox: Outbox,
        kept: LiveCalls,
        new_id: Callable[[datetime], str],
        expected: Expected | None = None,
    ) -> None:
        self._expected = expected
        self._policies = policies
        self._outbox = outbox
        self._kept = kept
        self._new_id = new_id
        self._live: dict[tuple[str, str], _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed_off = asyncio.Event()
        self._not_put: set[str] = set()
        self._ending = False
        self._left_over: list[_Live] = []  # over, and not in the outbox yet

    async def run(self, stations: Sequence[Station], ended: asyncio.Event) -> None:
        """Serve until told to end; then stop every recorder.

        From then on nobody would stop one in time, so none is left behind. What was recorded waits
        for the next bridge, which goes on with the calls that are still there.
        """
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(each) for each in (self._drain(), self._note(stations))]
            if self._expected is not None:
                serving.append(group.create_task(self._expected.run(self._expectations)))
            for live in self._left_over:
                self._carry_out(live, live.call.hand_off_again())
            serving += [group.create_task(station.run()) for station in stations]
            await ended.wait()
            await self._let_go()
            for task in serving:
                task.cancel()

    def adopt(self, stations: Sequence[Station]) -> None:
        """Take over what a predecessor left; each PBX is asked about it as soon as it answers."""
        by_name = {station.name: station for station in stations}
        for found in self._kept.load():
            station = by_name.get(found.call.pbx)
            if station is None and found.call.done and stations:
                # It needs nothing of its PBX any more.
                self._left_over.append(_Live(found.call, stations[0], found.channel))
                continue
            if station is None:
                log.error("alarm", call=found.call.id, what=f"PBX {found.call.pbx} is gone")
                continue
            live = _Live(found.call, station, found.channel, adopted=False)
            if found.call.done:
                self._left_over.append(live)
                continue
            self._live[station.name, found.channel.uniqueid] = live
            heard_until = self._kept.heard_until(station.name)
            since = heard_until or found.call.began.at
            station.know(found.channel, found.call.legs, since)

    async def _let_go(self) -> None:
        self._ending = True
        if self._live:
            log.warning("bridge ends: live calls are not recorded on", calls=len(self._live))
        for live in list(self._live.values()):
            self._apply(live, BridgeEnds(at=live.station.pbx_now()))
        deadline_s = asyncio.get_running_loop().time() + END_TIMEOUT_S
        while self._tasks and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.wait(self._tasks, timeout=deadline_s - asyncio.get_running_loop().time())
        left = [live.call.id for live in self._live.values() if live.call.writing]
        if left:
            log.error("alarm", what="bridge ends with recorders not stopped", calls=left)
        if self._not_put:
            log.error(
                "alarm",
                what="bridge ends with recordings not in the outbox",
                calls=sorted(self._not_put),
            )

    def tell(self, station: Station, channel: Channel, fact: Fact) -> None:
        """Take in one fact of the call to which an outside party's channel belongs."""
        key = (station.name, channel.uniqueid)
        live = self._live.get(key)
        if live is not None and not isinstance(fact, Claimed):
            self._apply(live, fact)
        elif live is None and isinstance(fact, Claimed):
            self._resume(station, channel, fact)
        elif live is None and isinstance(fact, Arrived) and not self._ending:
            self._begin(station, channel, fact)

    def _apply(self, live: _Live, fact: Fact) -> None:
        if live.disowned:
            return
        self._follow(live, live.call.apply(fact))
        if live.call.done:
            key = (live.station.name, live.channel.uniqueid)
            if self._live.get(key) is live:  # the channel may have a new call by now
                del self._live[key]

    def _follow(self, live: _Live, commands: list[Command]) -> None:
        """Keep what is known now, and only then do what follows from it."""
        self._keep(live, commands)
        self._carry_out(live, commands)

    def _keep(self, live: _Live, commands: list[Command]) -> None:
        try:
            if live.call.done and not any(isinstance(each, HandOff) for each in commands):
                self._kept.forget(live.call.id)
            else:
                self._kept.write(LiveCall(call=live.call, channel=live.channel))
        except OSError as error:
            log.error("alarm", call=live.call.id, what=f"a live call can't be kept: {error}")

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
            del self._live[key]
            self._kept.forget(live.call.id)

    def _begin(self, station: Station, channel: Channel, fact: Arrived) -> None:
        choice = decide.choose(self._policies, fact.arrival)
        if choice.policy is None:
            level = log.warning if choice.reason.rule == "ambiguous" else log.info
            level("call not recorded", pbx=station.name, why=choice.reason.words)
            metrics.not_recorded(choice.reason.rule)
            return
        if channel.opted_out:
            verdict = decide.on_opt_out(choice.policy, Asker.CALLER)
            if not verdict.allowed:  # the dialplan has promised what the policy doesn't keep
                log.error("alarm", pbx=station.name, what=verdict.reason.words)
            else:
                log.info("call not recorded", pbx=station.name, why=verdict.reason.words)
                metrics.not_recorded(verdict.reason.rule)
                return
        call = Call(
            id=self._new_id(fact.at),
            pbx=station.name,
            pbx_call=channel.uniqueid,
            policy=choice.policy,
            began=fact,
            reason=choice.reason,
        )
        live = self._live[station.name, channel.uniqueid] = _Live(call, station, channel)
        log.info("call recorded", call=call.id, pbx=station.name, policy=choice.policy.name)
        self._follow(live, call.begin())
        if channel.announced:
            self._apply(live, PermissionGiven(at=fact.at, by=Permission.ANNOUNCEMENT))

    def _resume(self, station: Station, channel: Channel, fact: Claimed) -> None:
        """Go on with a call of which only its channel knows: its bridge was on another machine."""
        live = self._found(station, channel, fact)
        if live is None:
            log.error(
                "alarm", pbx=station.name, what="a call's note can't be read: not recorded on"
            )
            self._beside(self._silence(station, channel))
            return
        self._live[station.name, channel.uniqueid] = live
        for leg in live.call.legs:
            if not station.lives(leg.uniqueid):
                self._apply(live, LegGone(at=fact.since, leg=leg.uniqueid))
        station.know(channel, live.call.legs, fact.since)
        log.warning("a call of another bridge is taken over", call=live.call.id, pbx=station.name)
        if not live.call.is_where_it_was(fact):
            unknown = Place(DestinationKind.UNKNOWN, "")
            self._apply(live, TransferCompleted(at=fact.since, place=unknown, how="unseen"))

    def _found(self, station: Station, channel: Channel, fact: Claimed) -> _Live | None:
        try:
            state = noted.read(fact.note)
        except ValueError:
            return None
        for policy in self._policies:
            if (policy.name, policy.version) == (state.policy, state.version):
                call = Call.resumed(state, station.name, channel.uniqueid, policy, fact)
                return _Live(call, station, channel, adopted=False)
        return None

    async def _silence(self, station: Station, channel: Channel) -> None:
        """Stop whatever records on a channel of which nothing is known; not sure means no."""
        for _ in range(MOST_STUCK_TRIES):
            done = await station.carry_out(channel, StopEveryRecorder(0))
            if isinstance(done, RecorderStopped) or not station.lives(channel.uniqueid):
                return
            log.error("alarm", pbx=station.name, what="an unknown call's recorders aren't stopped")
            await asyncio.sleep(STUCK_REST_S)

    def _carry_out(self, live: _Live, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case HandOff():
                    self._beside(self._hand_off(command.handoff))
                case RaiseAlarm():
                    log.error("alarm", call=live.call.id, pbx=live.station.name, what=command.what)
                case Rest():
                    self._beside(self._rest(live, command))
                case _:
                    self._beside(self._ask_pbx(live, command))

    async def _rest(self, live: _Live, rest: Rest) -> None:
        await asyncio.sleep(rest.pause_s)
        self._apply(live, Rested(at=live.station.pbx_now(), rest=rest.rest))

    async def _ask_pbx(self, live: _Live, command: Command) -> None:
        began_s = time.monotonic()
        try:
            channel = getattr(command, "leg", None) or live.channel
            fact = await live.station.carry_out(channel, command)
        except Exception:  # a bug there must not leave a call waiting for ever
            log.exception("alarm", call=live.call.id, what="a command failed")
            fact = _failed(command, live.station.pbx_now())
        outcome = type(fact).__name__ if fact is not None else "done"
        metrics.command(type(command).__name__, time.monotonic() - began_s, outcome)
        if fact is not None:
            self._apply(live, fact)

    async def _hand_off(self, handoff: Handoff) -> None:
        self._not_put.add(handoff.id)
        if self._expected is not None:
            self._expected.handed_off(handoff)
        while True:
            try:
                await asyncio.to_thread(self._outbox.put, handoff)
                break
            except TooBig as error:
                log.error("alarm", call=handoff.id, what=f"its story is dropped: {error}")
                handoff = msgspec.structs.replace(handoff, story=())
            except OSError as error:
                log.error("alarm", call=handoff.id, what=f"the outbox can't be written: {error}")
                await asyncio.sleep(PUT_AGAIN_S)
        self._not_put.discard(handoff.id)
        self._kept.forget(handoff.id)
        log.info("call over", call=handoff.id, segments=len(handoff.segments))
        self._handed_off.set()

    def _expectations(self) -> dict[str, Expectation]:
        """What is to come of the live calls that have had a recorder."""
        return {
            live.call.id: Expectation(
                pbx=live.station.name,
                policy=live.call.policy.name,
                version=live.call.policy.version,
                started_at=live.call.began.at,
                segments=live.call.segments,
                discard=live.call.discard,
            )
            for live in self._live.values()
            if live.call.segments
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
            try:
                for station in stations:
                    if station.heard_at is not None:
                        self._kept.touch(station.name, station.heard_at)
            except OSError as error:
                log.error("alarm", what=f"the folder of live calls can't be written: {error}")
            await asyncio.sleep(SIGN_OF_LIFE_S)

    async def _drain(self) -> None:
        pause_s = DRAIN_INTERVAL_S
        away = False
        while True:
            # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._handed_off.wait()
            self._handed_off.clear()
            try:
                await asyncio.to_thread(self._outbox.drain)
            except (HushtapeError, redis.RedisError, OSError) as error:
                if not away:
                    log.error("recordings wait in the outbox", why=str(error))
                away = True
                pause_s = min(pause_s * 2, DRAIN_LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
            else:
                if away:
                    log.info("Redis is back, the outbox drains")
                away, pause_s = False, DRAIN_INTERVAL_S

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("alarm", what="a bug in the bridge", exc_info=task.exception())


def _failed(command: Command, at: datetime) -> Fact | None:
    """Say what we know of a command's recorder when carrying it out broke: nothing."""
    match command:
        case StartRecorder():
            return RecorderUncertain(at=at, segment=command.segment)
        case StopRecorder() | StopEveryRecorder():
            return StopUnconfirmed(at=at, segment=command.segment)
        case _:
            return None
