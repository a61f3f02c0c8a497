"""The loop: facts in, calls found and begun, commands carried out. The same for every kind of PBX.

Facts are taken in one at a time, in the order in which the PBX told them; what has to be waited for
(an answer, a disk) runs beside it and comes back as a fact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
import redis
import structlog

from ami_bridge.call import Call, Stage
from ami_bridge.facts import (
    BridgeEnds,
    Channel,
    Command,
    Fact,
    HandOff,
    LinkReturned,
    QueueEntered,
    RaiseAlarm,
    RecorderUncertain,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
)
from ami_bridge.handoff import Outbox
from hushtape.errors import HushtapeError, TooBig
from hushtape.policy import decide
from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import Handoff

PUT_AGAIN_S = 5.0  # the outbox's disk is full: somebody is told each time
DRAIN_INTERVAL_S = 1.0
DRAIN_LONGEST_PAUSE_S = 10.0
END_TIMEOUT_S = 10.0

log = structlog.get_logger()


class Station(Protocol):
    """One PBX, as the bridge sees it."""

    @property
    def name(self) -> str:
        """The PBX's name in the configuration."""

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


class Bridge:
    """Every live call of every PBX that a policy names.

    Args:
        policies: every version of every policy.
        outbox: takes the finished recordings.
        new_id: names a call that began at a moment.
    """

    def __init__(
        self, policies: Sequence[Policy], outbox: Outbox, new_id: Callable[[datetime], str]
    ) -> None:
        self._policies = policies
        self._outbox = outbox
        self._new_id = new_id
        self._live: dict[tuple[str, str], _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed_off = asyncio.Event()
        self._not_put: set[str] = set()

    async def run(self, stations: Sequence[Station], ended: asyncio.Event) -> None:
        """Serve until told to end; then stop every recorder and hand off every recording.

        From then on nobody would stop a recorder in time, so none is left behind.
        """
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(self._drain_for_ever())]
            serving += [group.create_task(station.run()) for station in stations]
            await ended.wait()
            await self._let_go()
            for task in serving:
                task.cancel()

    async def _let_go(self) -> None:
        if self._live:
            log.warning("bridge ends: the recording of live calls stops", calls=len(self._live))
        for live in list(self._live.values()):
            self.tell(live.station, live.channel, BridgeEnds(at=live.station.pbx_now()))
        deadline_s = asyncio.get_running_loop().time() + END_TIMEOUT_S
        while self._tasks and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.wait(self._tasks, timeout=deadline_s - asyncio.get_running_loop().time())
        left = [live.call.id for live in self._live.values()] + sorted(self._not_put)
        if left:
            log.error("alarm", what="bridge ends with recordings not handed off", calls=left)

    def tell(self, station: Station, channel: Channel, fact: Fact) -> None:
        """Take in one fact of the call to which an outside party's channel belongs."""
        key = (station.name, channel.uniqueid)
        live = self._live.get(key)
        if live is None:
            if isinstance(fact, QueueEntered):
                self._begin(station, channel, fact)
            return
        self._apply(live, fact)

    def _apply(self, live: _Live, fact: Fact) -> None:
        self._carry_out(live, live.call.apply(fact))
        if live.call.stage is Stage.OVER:
            self._live.pop((live.station.name, live.channel.uniqueid), None)

    def link_returned(self, station: Station, at: datetime) -> None:
        """Tell every call of a PBX that the link to it was away."""
        for live in [each for each in self._live.values() if each.station is station]:
            self.tell(station, live.channel, LinkReturned(at=at))

    def _begin(self, station: Station, channel: Channel, fact: QueueEntered) -> None:
        choice = decide.choose(self._policies, fact.arrival)
        if choice.policy is None:
            level = log.warning if choice.reason.rule == "ambiguous" else log.info
            level("call not recorded", pbx=station.name, why=choice.reason.words)
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
        self._carry_out(live, call.begin())

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
        try:
            fact = await live.station.carry_out(live.channel, command)
        except Exception:  # a bug there must not leave a call waiting for ever
            log.exception("alarm", call=live.call.id, what="a command failed")
            fact = _failed(command, live.station.pbx_now())
        if fact is not None:
            self._apply(live, fact)

    async def _hand_off(self, handoff: Handoff) -> None:
        self._not_put.add(handoff.id)
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
        log.info("call over", call=handoff.id, segments=len(handoff.segments))
        self._handed_off.set()

    async def _drain_for_ever(self) -> None:
        pause_s = DRAIN_INTERVAL_S
        away = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._handed_off.wait(), pause_s)
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
