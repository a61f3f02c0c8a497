"""Sees to it that a payment is silent, and stays so: the part of the bridge that looks after that.

The call machine stops its own recorders. Here is waited for that, measured, and looked at what else
may record: a recorder that somebody else has started is stopped, on every channel of the call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from ami_bridge.call.recorder import MOST_STUCK_TRIES, STUCK_REST_S
from ami_bridge.facts import (
    Adopted,
    Channel,
    Fact,
    ForeignRecorder,
    LinkReturned,
    NotePayment,
    PaymentBegan,
    PaymentEnded,
    RecorderStopped,
    StopEveryRecorder,
)
from ami_bridge.living import Live, Station
from ami_bridge.orders import Orders
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.policy.schema import PaymentWay
from hushtape.policy.stages import Stage
from hushtape.recordings.foreign import Order

CONFIRMED_WITHIN_S = 2.0  # then somebody is told, while it is tried further

_ORDERED = "what it has recorded is destroyed if it is in the spool, and else out of reach"
SEEN = "somebody else records during a payment: it is being stopped"
STOPPED = f"somebody else's recorder in a payment is stopped: {_ORDERED}"
FOUND = f"somebody else recorded during a payment, and is stopped: {_ORDERED}"
STUCK = "somebody else's recorder could not be stopped in a payment, or we can't tell"
OVERHEARD = "something that Hushtape can't stop records a call in payment, or listens in"

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
        orders: keeps orders to destroy what something else recorded; None: nobody does.
    """

    def __init__(
        self,
        beside: Beside,
        find: Callable[[Station, Channel], Live | None],
        orders: Orders | None,
        confirmed_within_s: float = CONFIRMED_WITHIN_S,
    ) -> None:
        self._beside = beside
        self._find = find
        self._orders = orders
        self._intended: Counter[Order] = Counter()  # several channels may have the same
        self._confirmed_within_s = confirmed_within_s

    def follow(self, live: Live, before: Before, fact: Fact) -> None:
        """See what a fact has made of a call."""
        stage, paying = live.call.stage, live.call.paying
        if paying is not None:
            for way in paying.ways:
                if way not in before.ways:
                    metrics.payment_began(way)
                    log.info("a payment begins", call=live.call.id, pbx=live.station.name, way=way)
        if stage is Stage.SILENT:
            if before.stage is not Stage.SILENT:
                live.looked_at.clear()
                way = paying.ways[0] if paying is not None and paying.ways else PaymentWay.TRANSFER
                self._beside(self._confirm(live, fact.at, way))
            elif isinstance(fact, Adopted | LinkReturned):
                live.looked_at.clear()  # somebody may have begun while nobody listened
            self._look(live)
            if live.silent:
                self._look_beside(live)
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
        """Wait until every recorder is gone, or says that it is muted, and no other is there."""
        station = live.station
        in_time = await live.until_sure(self._confirmed_within_s)
        if not in_time and live.in_payment:
            metrics.silence_unconfirmed(way)
            what = (
                f"{self._confirmed_within_s:g} s after a payment began it isn't sure that nothing"
            )
            raise_alarm(Kind.SILENCE, f"{what} records it", call=live.call.id, pbx=station.name)
        while live.in_payment and not (live.quiet and live.alone):
            await live.until_stirred()
        if not live.in_payment:
            return
        if station.overheard(live.channel):
            if in_time:  # else it is counted already
                metrics.silence_unconfirmed(way)
            _tell_overheard(live)
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

    def _look(self, live: Live) -> None:
        """Look at every channel around a call that hasn't been looked at: whoever comes, too."""
        around = live.station.around(live.channel)
        live.looked_at &= {each.uniqueid for each in around}
        for channel in around:
            seen = channel.uniqueid in live.looked_at or live.looking[channel.uniqueid]
            if not seen and self._may_sweep(live, channel):
                live.looking[channel.uniqueid] += 1
                self._beside(self._sweep(live, channel))

    def _look_beside(self, live: Live) -> None:
        """What a call of the same talk has to do with is free to be looked at now."""
        for channel in live.station.around(live.channel):
            other = self._find(live.station, channel)
            if other is not None and other is not live and other.call.stage is Stage.SILENT:
                self._look(other)

    def _may_sweep(self, live: Live, channel: Channel) -> bool:
        """Tell whether all that records on a channel isn't ours, or wanted by another call."""
        if not live.in_payment or not live.station.lives(channel.uniqueid):
            return False
        other = self._find(live.station, channel)
        if other is not None and other is not live and not other.silent:
            return False
        return not live.has_ours(channel.uniqueid)

    async def _sweep(self, live: Live, channel: Channel) -> None:
        """Stop on one channel what isn't ours, until nothing is left of it."""
        span = live.call.papers.open_span
        since = span.started_at if span is not None else live.station.pbx_now()
        intended = self._intend(live, since)
        stuck = False  # something may record there still, or may have
        try:
            for _ in range(MOST_STUCK_TRIES):
                if not self._may_sweep(live, channel):
                    break
                done = await live.station.carry_out(channel, StopEveryRecorder(0))
                if isinstance(done, RecorderStopped):
                    live.looked_at.add(channel.uniqueid)
                    if done.found:
                        metrics.foreign_recorder()
                        _tell(live, FOUND)
                        await self._put(_order(live, since, done.at))
                    stuck = False
                    break
                stuck = True
                if not live.station.lives(channel.uniqueid):
                    break
                _tell(live, STUCK)
                await asyncio.sleep(STUCK_REST_S)
            if stuck:
                await self._put(_order(live, since, live.station.pbx_now()))
            self._withdraw(intended)
        finally:
            self._looked(live, channel)

    def _looked(self, live: Live, channel: Channel) -> None:
        live.looking[channel.uniqueid] -= 1
        live.stirred.set()

    def overheard(self, live: Live) -> None:
        """Say so: it isn't ours to stop."""
        if live.call.stage is Stage.SILENT:
            _tell_overheard(live)

    def foreign(self, live: Live, fact: ForeignRecorder) -> None:
        """Stop at once what somebody else has started during a payment."""
        if live.call.stage is Stage.SILENT:
            metrics.foreign_recorder()
            _tell(live, SEEN)
            live.looked_at.discard(fact.on.uniqueid)
            live.looking[fact.on.uniqueid] += 1
            self._beside(self._stop_foreign(live, fact, self._intend(live, fact.at)))

    async def _stop_foreign(self, live: Live, fact: ForeignRecorder, intended: Order) -> None:
        try:
            if live.call.writing and live.call.paying is not None:
                # All on the channel is stopped, so a recorder of ours mustn't be muted only.
                await live.until_silent(self._confirmed_within_s)
            for _ in range(MOST_STUCK_TRIES):
                done = await live.station.carry_out(fact.on, StopEveryRecorder(0))
                gone = live.call.stage is Stage.OVER or not live.station.lives(fact.on.uniqueid)
                if isinstance(done, RecorderStopped) or gone:
                    if isinstance(done, RecorderStopped):
                        live.looked_at.add(fact.on.uniqueid)
                    await self._put(_order(live, fact.at, live.station.pbx_now()))
                    self._withdraw(intended)
                    _tell(live, STOPPED)
                    return
                _tell(live, STUCK)
                await asyncio.sleep(STUCK_REST_S)
        finally:
            self._looked(live, fact.on)

    def _intend(self, live: Live, since: datetime) -> Order:
        """Keep what may become an order, before anything is stopped: a bridge may be killed."""
        order = _order(live, since, live.station.pbx_now())
        self._intended[order] += 1
        if self._orders is not None:
            try:
                self._orders.intend(order)
            except OSError as error:  # it is stopped all the same
                _tell_not_kept(order, error)
        return order

    def _withdraw(self, order: Order) -> None:
        self._intended[order] -= 1
        if self._orders is not None and not self._intended[order]:
            del self._intended[order]
            try:
                self._orders.withdraw(order)
            except OSError as error:
                log.warning("an order is left that was only intended", why=error.strerror)

    async def _put(self, order: Order) -> None:
        if self._orders is None:
            return
        try:
            await asyncio.to_thread(self._orders.put, order)
        except OSError as error:
            _tell_not_kept(order, error)


def _tell(live: Live, what: str) -> None:
    raise_alarm(Kind.FOREIGN, what, call=live.call.id, pbx=live.station.name)


def _tell_overheard(live: Live) -> None:
    raise_alarm(Kind.SILENCE, OVERHEARD, call=live.call.id, pbx=live.station.name)


def _order(live: Live, since: datetime, until: datetime) -> Order:
    pbx = live.station.name
    return Order(pbx=pbx, call=live.call.id, since=since, until=max(since, until))


def _tell_not_kept(order: Order, error: OSError) -> None:
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
    if paying is None or paying.stops or not live.call.writing:
        return None
    way = paying.ways[0] if paying.ways else PaymentWay.TRANSFER
    return PaymentBegan(at=at, way=way, stops=True)
