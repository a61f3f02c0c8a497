"""Doubts about which calls a policy records, how people are told, and who may end it. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from hushtape.policy import numbers
from hushtape.policy.duties import Told
from hushtape.policy.hours import DAY_MIN, DAYS, parse_hours
from hushtape.policy.linting.findings import Remark, warning
from hushtape.policy.schema import Asker, Permission, Policy, Starts
from hushtape.recordings.manifest import Direction

Says = Callable[[str], bool]  # whether the file has a key itself

WEEK_MIN = DAY_MIN * len(DAYS)


def remarks(policy: Policy, says: Says) -> Iterator[Remark]:
    """Name what is said of calls and callers, and can never apply."""
    yield from _repeated(policy)
    yield from _scope(policy, says)
    yield from _exceptions(policy)
    yield from hour_remarks(policy.calls.hours, "calls.hours")
    yield from _outbound(policy, says)
    yield from _opt_out(policy, says)
    yield from _announcement(policy)


@functools.cache
def minutes_of_week(text: str) -> frozenset[int]:
    """Return the minutes of the week, from Monday's first on, that some hours cover."""
    window = parse_hours(text)
    return frozenset(
        (day * DAY_MIN + minute) % WEEK_MIN
        for day in window.days
        for minute in range(window.begins_min, window.ends_min)
    )


def minutes(hours: Sequence[str]) -> frozenset[int]:
    """Return the minutes of the week that any of some hours covers."""
    return frozenset().union(*map(minutes_of_week, hours))


def hour_remarks(hours: tuple[str, ...], key: str) -> Iterator[Remark]:
    """Name every entry that lies inside an earlier or longer one."""
    for index, text in enumerate(hours):
        for other in hours[:index] + hours[index + 1 :]:
            inside = minutes_of_week(text) <= minutes_of_week(other)
            if inside and (
                minutes_of_week(text) != minutes_of_week(other) or text in hours[:index]
            ):
                yield warning(f"{key}[{index}]", f'"{text}" adds nothing: it lies inside "{other}"')
                break


def _repeated(policy: Policy) -> Iterator[Remark]:
    about = policy.policy
    lists = [("calls.numbers", policy.calls.numbers)]
    lists += [("calls.except_numbers", policy.calls.except_numbers)]
    lists += [(f"destination[{i}].numbers", d.numbers) for i, d in enumerate(policy.destination)]
    for key, spelled in lists:
        seen: dict[str, str] = {}
        for index, number in enumerate(spelled):
            plain = numbers.normal(number, about.country_code, about.trunk_prefix)
            if plain in seen:
                what = f'"{number}" is the same number as "{seen[plain]}"'
                yield warning(f"{key}[{index}]", what)
            seen.setdefault(plain, number)


def _scope(policy: Policy, says: Says) -> Iterator[Remark]:
    calls = policy.calls
    not_outbound = set(calls.directions) - {Direction.OUTBOUND}
    if not not_outbound:
        for key in ("numbers", "queues", "direct_dial"):
            if getattr(calls, key):
                what = "can never apply: only outbound calls are recorded, by outbound.extensions"
                yield warning(f"calls.{key}", what)
    if (
        says("calls.starts")
        and calls.starts is Starts.ANSWER
        and not (calls.queues or calls.numbers)
    ):
        what = "can never apply: it is about queue calls, and the policy names none"
        yield warning("calls.starts", what)


def _exceptions(policy: Policy) -> Iterator[Remark]:
    calls = policy.calls
    left_queues = [each for each in calls.queues if each not in calls.except_queues]
    for index, queue in enumerate(calls.queues):
        if queue in calls.except_queues:
            what = f'"{queue}" is in calls.except_queues, too: none of its calls is recorded'
            yield warning(f"calls.queues[{index}]", what)
    about = policy.policy

    def plain(number: str) -> str:
        return numbers.normal(number, about.country_code, about.trunk_prefix)

    excepted = {plain(each) for each in calls.except_numbers}
    left_numbers = [each for each in calls.numbers if plain(each) not in excepted]
    for index, number in enumerate(calls.numbers):
        if plain(number) in excepted:
            what = f'"{number}" is in calls.except_numbers, too: no call to it is recorded'
            yield warning(f"calls.numbers[{index}]", what)
    nothing = (calls.queues and not left_queues) or (calls.numbers and not left_numbers)
    if nothing and not calls.direct_dial and Direction.OUTBOUND not in calls.directions:
        yield warning("calls", "records no call at all: what it names is excepted")


def _outbound(policy: Policy, says: Says) -> Iterator[Remark]:
    outbound = policy.outbound
    if Direction.OUTBOUND not in policy.calls.directions:
        for key in ("permission", "permission_within"):
            if says(f"outbound.{key}"):
                what = 'can never apply: calls.directions doesn\'t have "outbound"'
                yield warning(f"outbound.{key}", what)
        return
    if outbound.permission is Permission.NONE and says("outbound.permission_within"):
        what = 'can never apply: permission is "none"; expected "key" or "announcement"'
        yield warning("outbound.permission_within", what)
    if outbound.permission is Permission.ANNOUNCEMENT and not policy.announcement.outbound:
        what = (
            'permission is by "announcement", but announcement.outbound doesn\'t say what is played'
        )
        yield warning("outbound.permission", what)


def _opt_out(policy: Policy, says: Says) -> Iterator[Remark]:
    if not policy.opt_out.by:
        for key in ("recorded_so_far", "pointed_to"):
            if says(f"opt_out.{key}"):
                what = 'can never apply: opt_out.by names nobody; expected by = ["caller", "agent"]'
                yield warning(f"opt_out.{key}", what)
    told = policy.announcement.played not in (None, Told.NOT_PLAYED)
    if Asker.CALLER in policy.opt_out.by and not told:
        what = (
            "a caller opts out by a key during the announcement, but announcement.played is"
            ' "not played" or missing: expected "welcome message" or "before an adviser"'
        )
        yield warning("opt_out.by", what, Asker.CALLER)


def _announcement(policy: Policy) -> Iterator[Remark]:
    announcement = policy.announcement
    if announcement.says and announcement.played in (None, Told.NOT_PLAYED):
        what = (
            'is never heard: announcement.played is "not played" or missing; expected'
            ' "welcome message" or "before an adviser"'
        )
        yield warning("announcement.says", what)
    if announcement.outbound and Direction.OUTBOUND not in policy.calls.directions:
        what = 'is never said: calls.directions doesn\'t have "outbound"'
        yield warning("announcement.outbound", what)
