"""The moments that two policies can tell apart: hours of the week, and days of retention rules."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from hushtape.policy.comparing.kinds import Kind, Pair, sort
from hushtape.policy.hours import DAY_MIN, DAYS, begins_within, parse_hours
from hushtape.policy.schema import Policy
from hushtape.policy.showing import week
from hushtape.policy.showing.wording import day

NOON = time(12)
EXAMPLE_TIME = time(10)
WEEK = timedelta(days=7)


def times(pair: Pair) -> list[Kind[datetime]]:
    """Sort the moments of a week in which both policies are in force, by the hours they name."""
    monday = _week(pair)
    groups = [(group, policy) for policy in pair for group in _hour_groups(policy)]
    if not groups:
        return [Kind("", monday)]
    edges = {monday}
    for group, policy in groups:
        edges.update(_edges(group, monday, policy))
    begins = sorted(each for each in edges if monday <= each < monday + WEEK)
    spans = list(zip(begins, [*begins[1:], monday + WEEK], strict=True))

    def alike(span: tuple[datetime, datetime]) -> Hashable:
        return tuple(begins_within(group, span[0], policy.zone) for group, policy in groups)

    return [
        Kind(kind.words, kind.sample[0])
        for kind in sort(spans, alike, lambda some: _said_hours(some, pair[1]))
    ]


def first_day(pair: Pair) -> date:
    """Return the day from which both are known: no later version touches an earlier call."""
    return max(policy.policy.in_force_from for policy in pair)


def days(pair: Pair) -> list[Kind[datetime]]:
    """Sort the days from the newer version's first on, by the dates of the retention rules."""
    newest, zone = first_day(pair), pair[1].zone
    dates = {
        each
        for policy in pair
        for rule in policy.retention.rule
        for each in (rule.calls_before, rule.calls_from)
        if each and each > newest
    }
    edges = [newest, *sorted(dates)]
    found = [
        Kind(f"from {day(begin)} to {day(end - timedelta(days=1))}", begin)
        for begin, end in itertools.pairwise(edges)
    ]
    found.append(Kind(f"from {day(edges[-1])} on", edges[-1]))
    return [Kind(kind.words, datetime.combine(kind.sample, EXAMPLE_TIME, zone)) for kind in found]


def like(at: datetime, day: datetime, pair: Pair) -> datetime:
    """Find a moment on a day or soon after it that lies in the week as another one does.

    Where neither policy names hours, that is the day itself.
    """
    if not any(True for policy in pair for _ in _hour_groups(policy)):
        return day
    local = at.astimezone(pair[1].zone)
    later = (local.weekday() - day.weekday()) % len(DAYS)
    return datetime.combine(day.date() + timedelta(days=later), local.time(), pair[1].zone)


def _hour_groups(policy: Policy) -> Iterator[tuple[str, ...]]:
    groups = [policy.calls.hours]
    groups += [each for tag in policy.tag for each in (tag.hours, tag.outside_hours)]
    yield from (group for group in groups if group)


def _week(pair: Pair) -> datetime:
    """Find the Monday of a week in which both are in force and no clock is changed."""
    begin = first_day(pair)
    begin += timedelta(days=(len(DAYS) - begin.weekday()) % len(DAYS) or len(DAYS))
    while True:
        edges = [datetime.combine(each, NOON, UTC) for each in (begin, begin + WEEK)]
        offsets = [{each.astimezone(policy.zone).utcoffset() for each in edges} for policy in pair]
        if all(len(each) == 1 for each in offsets):
            return datetime.combine(begin, time(0), pair[1].zone).astimezone(UTC)
        begin += WEEK


def _edges(group: tuple[str, ...], begin: datetime, policy: Policy) -> Iterator[datetime]:
    """List the moments at which a group of hours begins or ends, in and around a week."""
    monday = begin.astimezone(policy.zone).date()
    for window in map(parse_hours, group):
        for number in range(-1, len(DAYS) + 1):
            on = monday + timedelta(days=number)
            if on.weekday() not in window.days:
                continue
            for minutes in (window.begins_min, window.ends_min):
                local = datetime.combine(on, time(0)) + timedelta(minutes=minutes)
                yield local.replace(tzinfo=policy.zone).astimezone(UTC)


def _said_hours(spans: list[tuple[datetime, datetime]], policy: Policy) -> str:
    """Write stretches of a week: ``Monday to Friday 17:00 to 18:00``."""
    stretches = []
    for begin, end in spans:
        local = begin.astimezone(policy.zone)
        at = local.weekday() * DAY_MIN + local.hour * 60 + local.minute
        stretches.append((at, int((end - begin).total_seconds()) // 60))
    return week.said(stretches)
