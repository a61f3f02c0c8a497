"""Stretches of a week in English: ``Monday to Friday 17:00 to 18:00; Sunday all day``."""

from __future__ import annotations

from collections.abc import Iterable

from hushtape.policy.hours import DAY_MIN, DAYS, parse_hours
from hushtape.policy.showing.wording import clock, listing, weekdays

WEEK_MIN = len(DAYS) * DAY_MIN
Stretch = tuple[int, int]  # minutes after the week's first midnight, and how many minutes


def said(stretches: Iterable[Stretch]) -> str:
    """Say stretches of a week; days that are alike are said together. What ends late wraps."""
    by_day: dict[int, list[list[int]]] = {}
    for begin, length in sorted(stretches):
        number, at = divmod(begin, DAY_MIN)
        left = length
        while left > 0:
            until = min(at + left, DAY_MIN)
            of_day = by_day.setdefault(number % len(DAYS), [])
            if of_day and of_day[-1][1] == at:
                of_day[-1][1] = until
            else:
                of_day.append([at, until])
            left -= until - at
            at, number = 0, number + 1
    alike: dict[str, list[int]] = {}
    for number, of_day in sorted(by_day.items()):
        words = listing(
            "all day" if each == [0, DAY_MIN] else f"{clock(each[0])} to {clock(each[1])}"
            for each in sorted(of_day)
        )
        alike.setdefault(words, []).append(number)
    return "; ".join(f"{weekdays(days)} {words}" for words, days in alike.items())


def gaps(hours: Iterable[str]) -> list[Stretch]:
    """Return what some hours leave of a week, as a policy writes them; none: nothing is left."""
    taken: list[Stretch] = []  # beginning and end
    for window in map(parse_hours, hours):
        for day in window.days:
            begin, end = (day * DAY_MIN + each for each in (window.begins_min, window.ends_min))
            taken += [(begin, min(end, WEEK_MIN)), (0, max(0, end - WEEK_MIN))]
    found: list[Stretch] = []
    free = 0
    for begin, end in [*sorted(taken), (WEEK_MIN, WEEK_MIN)]:
        if begin > free:
            found.append((free, begin - free))
        free = max(free, end)
    return found
