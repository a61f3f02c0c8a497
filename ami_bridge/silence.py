"""Sees to it that a payment is silent, and stays so: the part of the bridge that looks after that.

The call machine stops its own recorders. Here is waited for that, measured, and looked at what else
may record: a recorder that somebody else has started is stopped, on every channel of the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from ami_bridge.call.recorder import MOST_STUCK_TRIES, STUCK_REST_S
from ami_bridge.facts import (
    Channel,
    Fact,
    ForeignRecorder,
    NotePayment,
    PaymentBegan,
    PaymentEnded,
    RecorderStopped,
    StopEveryRecorder,
)
from ami_bridge.living import Live, Station
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.policy.schema import PaymentWay
from hushtape.policy.stages import Stage
from hushtape.recordings.foreign import Order

CONFIRMED_WITHIN_S = 2.0  # then somebody is told, while it is tried further

log = structlog.get_logger()

Beside = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of a call before a fact."""

    stage: Stage
    ways: tuple[PaymentWay, ...] = ()

    @classmethod
    def of(cls, live: Live) -> Before:
        """Take down what is known now."""
        paying = live.call.paying
        return cls(live.call.stage, tuple(paying.ways) if paying is not None else ())


class Silence:
    """Looks after the payments of a bridge.

    Args:
        beside: runs something beside the bridge's loop.
        find: the live call of an outside party's channel, if there is one.
        order: keeps an order to destroy what something else recorded.
    """

    def __init__(
        self,
        beside: Beside,
        find: Callable[[Station, Channel], Live | None],
        order: Callable[[Order], None],
        confirmed_within_s: float = CONFIRMED_WITHIN_S,
    ) -> None:
        self._beside = beside
        self._find = find
        self._order = order
        self._confirmed_within_s = confirmed_within_s

    def follow(self, live: Live, before: Before, fact: Fact) -> None:
        """See what a fact has made of a call."""
        stage, paying = live.call.stage, live.call.paying
        if paying is not None:
            for way in paying.ways:
                if way not in before.ways:
                    metrics.payment_began(way)
                    log.info("a payment begins", call=live.call.id, pbx=live.station.name, way=way)
        if stage is Stage.SILENT and before.stage is not Stage.SILENT:
            way = paying.ways[0] if paying is not None and paying.ways else PaymentWay.TRANSFER
            self._beside(self._confirm(live, fact.at, way))
        if before.stage is Stage.SILENT and stage is not Stage.SILENT:
            self._over(live, before, fact)

    def _over(self, live: Live, before: Before, fact: Fact) -> None:
        way = fact.way.value if isinstance(fact, PaymentEnded) else _HOWS.get(live.call.stage, "")
        metrics.payment_ended(way or "another place")
        log.info("a payment is over", call=live.call.id, pbx=live.station.name, by=way)
        noted = isinstance(fact, PaymentEnded) and fact.noted
        if live.call.stage is not Stage.OVER and not noted:
            self._beside(self._unmark(live))

    async def _unmark(self, live: Live) -> None:
        await live.station.carry_out(live.channel, NotePayment(None))

    async def _confirm(self, live: Live, since: datetime, way: PaymentWay) -> None:
        """Wait until every recorder is gone, or says that it is muted, and look for others."""
        station = live.station
        if not await live.until_quiet(self._confirmed_within_s) and live.in_payment:
            metrics.silence_unconfirmed(way)
            what = (
                f"{self._confirmed_within_s:g} s after a payment began it isn't sure that nothing"
            )
            raise_alarm(Kind.SILENCE, f"{what} records it", call=live.call.id, pbx=station.name)
        while live.in_payment and not live.quiet:
            await live.until_stirred()
        if not live.in_payment:
            return
        took_s = max(0.0, (station.pbx_now() - since).total_seconds())
        muted = live.call.writing
        if not muted:
            metrics.silence(way, took_s)
        log.info(
            "payment: muted" if muted else "payment: silent",
            call=live.call.id,
            pbx=station.name,
            way=way,
            after_ms=round(1000 * took_s, 1),
        )
        for channel in station.around(live.channel):
            await self._sweep(live, channel, since)

    async def _sweep(self, live: Live, channel: Channel, since: datetime) -> None:
        """Stop on one channel what isn't ours."""
        if not _may_sweep(live, channel, self._find(live.station, channel)):
            return
        done = await live.station.carry_out(channel, StopEveryRecorder(0))
        if isinstance(done, RecorderStopped) and done.found:
            self._tell_foreign(live)
            self._destroy(live, since, done.at)

    def foreign(self, live: Live, fact: ForeignRecorder) -> None:
        """Stop at once what somebody else has started during a payment."""
        if live.call.stage is Stage.SILENT:
            self._tell_foreign(live)
            self._beside(self._stop_foreign(live, fact))

    async def _stop_foreign(self, live: Live, fact: ForeignRecorder) -> None:
        if live.call.writing and live.call.paying is not None:
            # Everything on the channel is stopped, so a recorder of ours mustn't be muted only.
            await live.until_silent(self._confirmed_within_s)
        for _ in range(MOST_STUCK_TRIES):
            done = await live.station.carry_out(fact.on, StopEveryRecorder(0))
            gone = live.call.stage is Stage.OVER or not live.station.lives(fact.on.uniqueid)
            if isinstance(done, RecorderStopped) or gone:
                self._destroy(live, fact.at, live.station.pbx_now())
                return
            what = "somebody else's recorder could not be stopped in a payment, or we can't tell"
            raise_alarm(Kind.FOREIGN, what, call=live.call.id, pbx=live.station.name)
            await asyncio.sleep(STUCK_REST_S)

    def _tell_foreign(self, live: Live) -> None:
        metrics.foreign_recorder()
        what = "somebody else records during a payment: it is stopped, and its file destroyed if it"
        what = f"{what} is in the spool"
        raise_alarm(Kind.FOREIGN, what, call=live.call.id, pbx=live.station.name)

    def _destroy(self, live: Live, since: datetime, until: datetime) -> None:
        order = Order(
            pbx=live.station.name, call=live.call.id, since=since, until=max(since, until)
        )
        self._beside(self._put(order))

    async def _put(self, order: Order) -> None:
        try:
            await asyncio.to_thread(self._order, order)
        except OSError as error:
            what = f"what somebody else recorded can't be ordered to be destroyed: {error.strerror}"
            raise_alarm(Kind.FOREIGN, what, call=order.call, pbx=order.pbx)


_HOWS = {
    Stage.OVER: "hang-up",
    Stage.DECLINED: "opt-out",
    Stage.RECORDED: "another place",
    Stage.WAITING: "another place",
    Stage.PARKED: "time",
    Stage.UNRECORDED: "time",
}


def begins_strictly(live: Live, at: datetime) -> PaymentBegan | None:
    """Make the fact by which a payment that is muted stops its recorders; None: none is."""
    paying = live.call.paying
    if paying is None or not live.call.writing:
        return None
    way = paying.ways[0] if paying.ways else PaymentWay.TRANSFER
    return PaymentBegan(at=at, way=way, stops=True)


def _may_sweep(live: Live, channel: Channel, other: Live | None) -> bool:
    """Tell whether all that records on a channel isn't ours, or wanted by another call."""
    if not live.in_payment or not live.station.lives(channel.uniqueid):
        return False
    if other is not None and other is not live and not other.silent:
        return False
    on = "" if channel.uniqueid == live.channel.uniqueid else channel.uniqueid
    return not any(
        track.writing
        for track in live.call.tracks
        if (track.channel.uniqueid if track.channel is not None else "") == on
    )
