"""What is over goes into the outbox, and from there to the workers, beside the loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import redis
import structlog

from ami_bridge.expected import Expected
from ami_bridge.handoff import Outbox
from ami_bridge.live import LiveCalls
from ami_bridge.orders import Orders
from hushtape import redis_link
from hushtape.alarms import Kind, raise_alarm
from hushtape.errors import HushtapeError, TooBig
from hushtape.recordings.manifest import Handoff

PUT_AGAIN_S = 5.0  # the outbox's disk is full: somebody is told each time
DRAIN_INTERVAL_S = 1.0
DRAIN_LONGEST_PAUSE_S = 10.0

log = structlog.get_logger()


class Delivery:
    """Hands recordings off.

    Args:
        outbox: takes the finished recordings.
        kept: forgets a call when the outbox has it.
        expected: is told which recordings are no more to come from here.
        orders: drained with the outbox.
    """

    def __init__(
        self, outbox: Outbox, kept: LiveCalls, expected: Expected | None, orders: Orders | None
    ) -> None:
        self._outbox = outbox
        self._kept = kept
        self._expected = expected
        self._orders = orders
        self._handed_off = asyncio.Event()
        self.not_put: set[str] = set()  # recordings that the outbox hasn't taken yet

    async def hand_off(self, handoff: Handoff) -> None:
        """Put one into the outbox, however long its disk is full."""
        self.not_put.add(handoff.id)
        if self._expected is not None:
            self._expected.handed_off(handoff)
        while True:
            try:
                await asyncio.to_thread(self._outbox.put, handoff)
                break
            except TooBig as error:
                raise_alarm(Kind.RECORDING, f"its story is dropped: {error}", call=handoff.id)
                handoff = msgspec.structs.replace(handoff, story=())
            except OSError as error:
                what = f"the outbox can't be written: {error}"
                raise_alarm(Kind.DISK, what, call=handoff.id)
                await asyncio.sleep(PUT_AGAIN_S)
        self.not_put.discard(handoff.id)
        self._kept.forget(handoff.id)
        log.info("call over", call=handoff.id, segments=len(handoff.segments))
        self._handed_off.set()

    async def drain(self) -> None:
        """Ring for what waits, until cancelled."""
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
                if self._orders is not None:
                    await asyncio.to_thread(self._orders.drain)
            except (HushtapeError, redis.RedisError, OSError) as error:
                if not away:
                    log.error("recordings wait in the outbox", why=redis_link.words(error))
                away = True
                pause_s = min(pause_s * 2, DRAIN_LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
            else:
                if away:
                    log.info("Redis is back, the outbox drains")
                away, pause_s = False, DRAIN_INTERVAL_S
