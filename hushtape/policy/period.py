"""Calendar arithmetic: how long a recording is kept.

Kept until = the call's start plus the period, at the same local time. Days and weeks count days
of the calendar; months and years keep the day of the month, clamped to the month's last day.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MOST_YEARS = 100
MOST_WAIT_S = 3600
_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_WORDS += ["eleven", "twelve"]
NUMBER_WORDS = {"a": 1} | {word: number for number, word in enumerate(_WORDS, start=1)}
_COUNT = rf"(\d{{1,4}}|{'|'.join(NUMBER_WORDS)})"
_WAIT = re.compile(rf"{_COUNT}\s+(second|minute)s?", re.IGNORECASE | re.ASCII)
_PERIOD = re.compile(
    rf"{_COUNT}\s+(?:calendar\s+)?(day|week|month|year)s?"
    r"(?:\s+from\s+the\s+date\s+of\s+(?:the\s+)?(?:call|recording))?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of the calendar: so many days (weeks are seven), or so many months."""

    days: int
    months: int


def parse_period(text: str) -> Period:
    """Read ``62 days``, ``8 weeks``, ``3 calendar months``, ``a year`` or ``three months``.

    ``… from the date of the call`` may follow: it says what is so anyway.

    Raises:
        ValueError: with what was expected.
    """
    found = _PERIOD.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f'expected a number of days, weeks, months or years, such as "62 days", not "{text}"'
        )
    count, unit = _count(found.group(1)), found.group(2).lower()
    if count == 0:
        raise ValueError("a recording can't be kept for no time at all: don't record it instead")
    months = count * {"month": 1, "year": 12}.get(unit, 0)
    days = count * {"day": 1, "week": 7}.get(unit, 0)
    if months > MOST_YEARS * 12 or days > MOST_YEARS * 366:
        raise ValueError(f"longer than {MOST_YEARS} years")
    return Period(days=days, months=months)


def parse_wait_s(text: str) -> int:
    """Read ``60 seconds`` or ``2 minutes``.

    Raises:
        ValueError: with what was expected.
    """
    found = _WAIT.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f'expected a number of seconds or minutes, such as "60 seconds", not "{text}"'
        )
    wait_s = _count(found.group(1)) * {"second": 1, "minute": 60}[found.group(2).lower()]
    if not 0 < wait_s <= MOST_WAIT_S:
        raise ValueError(f"expected more than nothing and at most an hour, not {text}")
    return wait_s


def kept_until(start: datetime, period: Period, zone: ZoneInfo) -> datetime:
    """Add a period to the start of a call.

    A local time that the clocks skip in spring is read with the offset from before the change,
    one that comes twice in autumn is its first occurrence.

    Args:
        start: aware.
        zone: where the days are counted.

    Returns:
        The moment from which the recording is due to be deleted, in UTC.
    """
    return _moved(start, period, zone).replace(tzinfo=zone).astimezone(UTC)


def in_words(start: datetime, period: Period, zone: ZoneInfo) -> str:
    """Say from when to when, so that a person can check it with a calendar.

    ``from 31 January 2026 09:00 to 28 February 2026 09:00 (Europe/London; February 2026 has 28
    days)``
    """
    begun, until = start.astimezone(zone), kept_until(start, period, zone).astimezone(zone)
    notes = [zone.key]
    moved = _moved(start, period, zone)
    if period.months and moved.day < begun.day:
        notes.append(f"{moved:%B %Y} has {moved.day} days")
    if until.replace(tzinfo=None) != moved:
        notes.append(f"the clocks skip {moved:%H:%M}")
    elif until.utcoffset() != until.replace(fold=1).utcoffset():
        notes.append(f"the first {moved:%H:%M} of two")
    return f"from {begun:%-d %B %Y %H:%M} to {until:%-d %B %Y %H:%M} ({'; '.join(notes)})"


def _moved(start: datetime, period: Period, zone: ZoneInfo) -> datetime:
    """Add a period on the calendar and the wall clock of a zone, whose offset is left out."""
    local = start.astimezone(zone).replace(fold=0)
    index = local.month - 1 + period.months
    year, month = local.year + index // 12, index % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    moved = local.replace(tzinfo=None, year=year, month=month, day=day)
    return moved + timedelta(days=period.days)


def _count(word: str) -> int:
    return NUMBER_WORDS.get(word.lower()) or int(word)
