"""Hours of the week, as a policy says them: ``Mon-Fri 08:30-17:00``.

They are times of the wall clock in the policy's zone: half past eight stays half past eight when
the clocks change.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORTEST_NAME = 3  # letters: "Mon"
_DASH = r"\s*(?:-|\u2013|\bto\b)\s*"
_TIME = r"(\d{1,2}):(\d{2})"
_HOURS = re.compile(rf"(.+?)\s+{_TIME}{_DASH}{_TIME}", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(_DASH)
_LIST = re.compile(r"\s*,\s*|\s+and\s+")
_EXPECTED = 'expected days and times, such as "Mon-Fri 08:30-17:00" or "every day 08:00-20:00"'


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of the week, from one time of day until before another.

    Args:
        days: on which it begins; Monday is 0.
        begins_min: minutes after midnight.
        ends_min: minutes after the same midnight; more than 24 hours: it ends on the next day.
    """

    days: frozenset[int]
    begins_min: int
    ends_min: int


@functools.cache
def parse_hours(text: str) -> Window:
    """Read ``Mon-Fri 08:30-17:00``, ``Sat, Sun 10:00-16:00``, ``every day 20:00-08:00``.

    Raises:
        ValueError: with what was expected.
    """
    found = _HOURS.fullmatch(text.strip())
    if not found:
        raise ValueError(f'{_EXPECTED}, not "{text}"')
    days = _days(found[1].lower(), text)
    begins_min, ends_min = _minutes(found[2], found[3], text), _minutes(found[4], found[5], text)
    if begins_min == DAY_MIN:
        raise ValueError(f'"{text}" begins at 24:00: that is 00:00 of the next day')
    if begins_min == ends_min:
        raise ValueError(f'"{text}" ends when it begins; a whole day is 00:00-24:00')
    if ends_min < begins_min:  # through the night
        ends_min += DAY_MIN
    return Window(days, begins_min, ends_min)


def begins_within(hours: Iterable[str], moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a moment is in one of some hours. Their first minute is, their end isn't.

    Args:
        hours: as a policy writes them.
        moment: aware.
        zone: in which the hours count.

    Raises:
        ValueError: some of them are no hours.
    """
    local = moment.astimezone(zone)
    minute = local.hour * 60 + local.minute
    day = local.weekday()
    for window in map(parse_hours, hours):
        if day in window.days and window.begins_min <= minute < window.ends_min:
            return True
        if (day - 1) % len(DAYS) in window.days and minute + DAY_MIN < window.ends_min:
            return True
    return False


def _minutes(hour: str, minute: str, text: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) >= 60 or minutes > DAY_MIN:
        raise ValueError(f'{hour}:{minute} is no time of day in "{text}"')
    return minutes


def _days(words: str, text: str) -> frozenset[int]:
    if words.strip() == "every day":
        return frozenset(range(len(DAYS)))
    days: set[int] = set()
    for part in _LIST.split(words.strip()):
        ends = [_day(word, text) for word in _RANGE.split(part)]
        if len(ends) > 2:
            raise ValueError(f'{_EXPECTED}, not "{text}"')
        span = (ends[-1] - ends[0]) % len(DAYS)
        days.update((ends[0] + each) % len(DAYS) for each in range(span + 1))
    return frozenset(days)


def _day(word: str, text: str) -> int:
    for number, day in enumerate(DAYS):
        if len(word) >= SHORTEST_NAME and day.startswith(word.removesuffix(".")):
            return number
    raise ValueError(f'"{word}" is no day in "{text}": {_EXPECTED}')
