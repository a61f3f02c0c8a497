"""When a recording that couldn't be archived is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

TRY_AGAIN_FIRST = timedelta(seconds=30)
TRY_AGAIN_LONGEST = timedelta(hours=1)


def next_try_at(tries: int, now: datetime) -> datetime:
    """When to try again after so many failures: each wait is twice the one before."""
    return now + min(TRY_AGAIN_FIRST * 2 ** min(tries, 10), TRY_AGAIN_LONGEST)


def is_due(again_at: datetime | None, now: datetime) -> bool:
    """Tell whether to try now.

    A time further ahead than any wait was noted by a clock that has been set back since.
    """
    return again_at is None or not now < again_at <= now + TRY_AGAIN_LONGEST
