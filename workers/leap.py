"""A clock that is set ahead by months would have destroyed, for good, what isn't due yet.

The scheduler sees it, and notes in Redis that for a while nothing may be destroyed by the clock:
all workers keep to that, also those whose clocks are right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from hushtape.alarms import Kind, raise_alarm
from workers.listening import SAY_AGAIN_S

LEAP = timedelta(hours=6)  # more than any clock is off that somebody looks at
STEP = timedelta(minutes=1)  # less is a clock that is kept right
HOLD_S = 24 * 3600.0  # in which somebody can set it right
HELD = "hushtape:held"  # while it is there, nothing is destroyed by the clock
RUNG_AT_S = "rung_at_s"  # in a job's meta: the scheduler's clock when it rang


def running_s() -> float:
    """How long this machine has run, its sleep included; nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Leaps:
    """Compares the clock with the time that has passed, and says for how long nothing may go."""

    _looked: tuple[datetime, float] | None = None
    _ahead: timedelta = timedelta()
    _until_s: float = 0.0
    _say_at_s: float = 0.0

    def hold_s(self, now: datetime, passed_s: float) -> float:
        """Tell for how long nothing may be destroyed, since the clock has leapt ahead; 0: it may.

        Args:
            now: what the clock says.
            passed_s: what ``running_s`` says.
        """
        if self._looked is not None:
            then, then_s = self._looked
            leap = now - then - timedelta(seconds=passed_s - then_s)
            if leap >= LEAP:
                self._until_s, self._say_at_s = passed_s + HOLD_S, passed_s
            if leap >= LEAP or (self._ahead and abs(leap) >= STEP):
                self._ahead += leap
        self._looked = now, passed_s
        if self._ahead < LEAP or passed_s >= self._until_s:
            self._ahead = timedelta()
            return 0.0
        left_s = self._until_s - passed_s
        if passed_s >= self._say_at_s:
            self._say_at_s = passed_s + SAY_AGAIN_S
            self._tell(now, left_s / 3600)
        return left_s

    def _tell(self, now: datetime, hours: float) -> None:
        hours_ahead = self._ahead / timedelta(hours=1)
        by = f"{hours_ahead / 24:.0f} days" if hours_ahead >= 48 else f"{hours_ahead:.0f} hours"
        raise_alarm(
            Kind.RETENTION,
            f"the clock has leapt ahead by {by}, to {now:%Y-%m-%d %H:%M} UTC: for {hours:.0f} hours"
            " nothing is deleted. If it is wrong, set it right; if it is right,"
            " `hushtape retention sweep` deletes what is due",
        )


@dataclass
class Hold:
    """What a scheduler has noted in Redis of its own clock's leaps."""

    leaps: Leaps
    _noted: bool = False

    def look(self, client: redis.Redis, now: datetime, passed_s: float) -> None:
        """Note what is to be held, before anything is rung for; take it back when it is over.

        Left alone it lasts as long as was said, whoever is started again meanwhile.
        """
        left_s = self.leaps.hold_s(now, passed_s)
        if left_s:
            client.set(HELD, b"1", ex=max(1, round(left_s)))
            self._noted = True
        elif self._noted:
            client.delete(HELD)
            self._noted = False


def rung_at(meta: Any, enqueued_at: datetime | None) -> datetime | None:
    """When a scheduler rang, by its clock.

    Args:
        meta: the job's, as Redis has it.
        enqueued_at: where nothing is said there, as by an older scheduler, when RQ took the job in.
    """
    try:
        return datetime.fromtimestamp(meta[RUNG_AT_S], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        if enqueued_at is None or enqueued_at.tzinfo is not None:
            return enqueued_at
        return enqueued_at.replace(tzinfo=UTC)


def is_held(client: redis.Redis, now: datetime, rung_at: datetime | None = None) -> bool:
    """Tell whether nothing may be destroyed by the clock now.

    Args:
        now: this worker's clock.
        rung_at: when it was asked to, by the scheduler's clock. A ring is a minute old or two:
            where the clocks differ by hours one of them is wrong, and nobody knows which.
    """
    return bool(client.exists(HELD)) or (rung_at is not None and abs(now - rung_at) >= LEAP)
