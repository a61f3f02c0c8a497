"""Tells the workers what they should get: every call that has, or had, a recorder.

Told again and again, to a Redis that may be away or emptied meanwhile; it is about what is missing
afterwards, so whatever goes wrong here, calls go on and are recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import redis
import structlog

from ami_bridge.handoff import Outbox
from hushtape import redis_link
from hushtape.alarms import Kind, raise_alarm
from hushtape.errors import HushtapeError, RecordingError
from hushtape.recordings.ledger import Expectation, Ledger, of_handoff, of_unreadable
from hushtape.recordings.manifest import Handoff

PUBLISH_EVERY_S = 5.0
OUTBOX_EVERY_S = 30.0  # a Redis that was emptied lacks what waits in the outbox for no longer

log = structlog.get_logger()


class Expected:
    """What should become a recording, of all PBXes of a bridge.

    Args:
        connect: gives a connection to Redis, or raises ``Unreachable``.
        outbox: what waits in it is expected, too, also what a predecessor put there.
        now: tells the time, aware UTC.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(
        self,
        connect: Callable[[], redis.Redis],
        outbox: Outbox,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._outbox = outbox
        self._now = now
        self._clock_s = clock_s
        self._ledger: Ledger | None = None
        self._told_live: set[str] = set()
        self._over: dict[str, Expectation] = {}  # handed off, and not told yet
        self._waiting: dict[str, Expectation] = {}  # what was read in the outbox
        self._outbox_at_s: float | None = None
        self._is_away = False

    async def run(self, live: Callable[[], Mapping[str, Expectation]]) -> None:
        """Publish until cancelled; nothing else ever comes out of here.

        Args:
            live: gives all live calls that have had a recorder, by their id.
        """
        while True:
            try:
                await self.publish(live())
            except Exception as error:  # a bug; it must not end the bridge
                self._away(error)
            await asyncio.sleep(PUBLISH_EVERY_S)

    def handed_off(self, handoff: Handoff) -> None:
        """A call is over: from now on its recording is due. Call it before ``Outbox.put``."""
        self._over[handoff.id] = of_handoff(handoff)

    async def publish(self, live: Mapping[str, Expectation]) -> bool:
        """Tell once; False: Redis is away. A call of before that is neither live nor handed off
        any more had nothing to record, and is expected no longer."""
        over = dict(self._over)
        live = {call_id: each for call_id, each in live.items() if call_id not in over}
        gone = self._told_live - live.keys() - over.keys()
        try:
            await asyncio.to_thread(self._publish, live, over, gone)
        except (HushtapeError, redis.RedisError, OSError) as error:
            self._away(error)
            return False
        self._told_live = set(live)
        for call_id in over:
            self._over.pop(call_id, None)
        if self._is_away:
            self._is_away = False
            log.info("what is expected is told again")
        return True

    def _publish(
        self, live: Mapping[str, Expectation], over: Mapping[str, Expectation], gone: set[str]
    ) -> None:
        if self._ledger is None:
            self._ledger = Ledger(self._connect())
        self._ledger.settle(*gone)
        waiting = self._look_into_outbox()
        self._ledger.publish({**live, **waiting, **over}, self._now())

    def _look_into_outbox(self) -> dict[str, Expectation]:
        now_s = self._clock_s()
        if self._outbox_at_s is not None and now_s - self._outbox_at_s < OUTBOX_EVERY_S:
            return {}
        found = {}
        for call_id in self._outbox.waiting():
            known = self._waiting.get(call_id)
            if known is None:
                try:
                    known = of_handoff(self._outbox.read(call_id))
                except FileNotFoundError:
                    continue  # a worker has taken it this moment
                except (RecordingError, OSError):
                    known = of_unreadable(call_id)
            found[call_id] = known
        self._waiting = found
        self._outbox_at_s = now_s
        return found

    def _away(self, error: Exception) -> None:
        self._ledger = None
        self._outbox_at_s = None
        if self._is_away:
            return
        self._is_away = True
        if isinstance(error, (HushtapeError, redis.RedisError, OSError)):
            log.warning("what is expected can't be told", why=redis_link.words(error))
        else:
            raise_alarm(Kind.PROGRAM, "a bug: what is expected isn't told", exc_info=error)
