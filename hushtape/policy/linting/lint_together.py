"""Doubts about several policies at once: calls that two of them name, and days that none covers.

Pure. Whether a call is ambiguous is asked of ``choose``, which decides it when it rings: of each
two policies a few calls are tried that both of them might name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from hushtape.policy import numbers, patterns
from hushtape.policy.deciding.choose import choose, in_force
from hushtape.policy.deciding.decision import Arrival
from hushtape.policy.hours import DAYS, parse_hours
from hushtape.policy.linting.findings import Remark, error, warning
from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import Direction

MOST_SHARED = 5  # numbers or queues that two policies share: so many are tried
_SOME_QUEUE = "a-queue-that-nobody-names"
_SOME_EXTENSION = "1000000"


@dataclass(frozen=True, slots=True)
class Rival:
    """Two policies that name the same call, at a time when both are in force."""

    one: Policy
    other: Policy
    remark: Remark  # about the second


def rivals(policies: Sequence[Policy], today: date) -> Iterator[Rival]:
    """Find each two policies that may both name a call, from today on."""
    seen: set[tuple[str, str, str, str]] = set()
    for day, current in together(policies, today):
        for index, one in enumerate(current):
            for other in current[index + 1 :]:
                pair = (one.name, one.version, other.name, other.version)
                if pair in seen:
                    continue
                seen.add(pair)
                remark = _clash(one, other, day)
                if remark is not None:
                    yield Rival(one, other, remark)


def together(policies: Sequence[Policy], today: date) -> Iterator[tuple[date, tuple[Policy, ...]]]:
    """List which versions are in force at once, from today on; a day of each such stretch."""
    for day in _days(policies, today):
        yield day, in_force(policies, datetime.combine(day, time(12), UTC))


def not_yet(policies: Iterable[Policy], today: date) -> Iterator[tuple[Policy, Remark]]:
    """Find the policies of which no version is in force today."""
    first: dict[str, Policy] = {}
    for policy in policies:
        known = first.setdefault(policy.name, policy)
        if policy.policy.in_force_from < known.policy.in_force_from:
            first[policy.name] = policy
    for policy in first.values():
        begins = policy.policy.in_force_from
        if begins > today:
            what = (
                f'no version of "{policy.name}" is in force before {begins}: until then its calls'
                " aren't recorded"
            )
            yield policy, warning("policy.in_force_from", what)


def _days(policies: Sequence[Policy], today: date) -> list[date]:
    """One day of each stretch in which the same versions are in force, from today on."""
    begins = {policy.policy.in_force_from for policy in policies}
    later = {day for day in begins if day > today}
    return sorted({today, *later})


def _clash(one: Policy, other: Policy, day: date) -> Remark | None:
    maybe: Remark | None = None
    for direction in one.calls.directions:
        if direction not in other.calls.directions:
            continue
        for sample in _samples(one, other, direction):
            for moment in _moments(one, other, day):
                arrival = Arrival(moment, direction, sample.number, sample.queue, sample.extension)
                if choose((one, other), arrival).reason.rule != "ambiguous":
                    continue
                what = f'{sample.words} belong to policy "{one.name}", too'
                if sample.certain:
                    expected = "expected each call in one policy only, or it isn't recorded"
                    return error(sample.key, f"{what}; {expected}", sample.entry)
                if maybe is None:
                    expected = "where that happens, the call isn't recorded"
                    maybe = warning(sample.key, f"{what}: {expected}", sample.entry)
                break
    return maybe


@dataclass(frozen=True, slots=True)
class _Sample:
    """A call to try; ``certain``: both policies name it by the same number, queue or extension."""

    key: str
    words: str
    certain: bool
    number: str = ""
    queue: str = ""
    extension: str = ""
    entry: str = ""


def _samples(one: Policy, other: Policy, direction: Direction) -> Iterator[_Sample]:
    if direction is Direction.OUTBOUND:
        for mine, pattern in product(one.outbound.extensions, other.outbound.extensions):
            extension = patterns.meet(mine, pattern)
            if extension:
                words = f"outbound calls of extension {extension}"
                number = numbers.normal("01632 960000", other.policy.country_code)
                yield _Sample("outbound.extensions", words, True, number, "", extension, pattern)
        return
    shared_queues, queues = _either(one.calls.queues, other.calls.queues)
    shared_numbers, dialled = _either(_plain(one), _plain(other))
    theirs = dict(zip(_plain(other), other.calls.numbers, strict=True))
    spelled = {**dict(zip(_plain(one), one.calls.numbers, strict=True)), **theirs}
    both_direct = one.calls.direct_dial and other.calls.direct_dial
    for queue, number in product([*queues, _SOME_QUEUE, ""], [*dialled, _SOME_EXTENSION]):
        certain = queue in shared_queues or number in shared_numbers
        certain |= not queue and both_direct and number == _SOME_EXTENSION
        words = f"{direction} calls"
        words += f" to {spelled.get(number, number)}" if number in dialled else ""
        words += f" in queue {queue}" if queue in queues else ""
        if not queue:
            words += " that come through no queue"
        key, entry = "calls", ""
        if queue in other.calls.queues:
            key, entry = "calls.queues", queue
        elif number in theirs:
            key, entry = "calls.numbers", theirs[number]
        yield _Sample(key, words, certain, number, queue, "", entry)


def _either(mine: Sequence[str], theirs: Sequence[str]) -> tuple[set[str], list[str]]:
    """Return what both name, and that with one that only either names."""
    shared = [each for each in mine if each in theirs][:MOST_SHARED]
    only = [each for each in mine if each not in theirs][:1]
    only += [each for each in theirs if each not in mine][:1]
    return set(shared), shared + only


def _plain(policy: Policy) -> list[str]:
    about = policy.policy
    return [
        numbers.normal(each, about.country_code, about.trunk_prefix)
        for each in policy.calls.numbers
    ]


def _moments(one: Policy, other: Policy, day: date) -> list[datetime]:
    """The moments of a week at which the hours of either begin: two hours meet where one begins."""
    found = {datetime.combine(day + timedelta(days=1), time(12), UTC)}
    for policy in (one, other):
        for text in policy.calls.hours:
            window = parse_hours(text)
            for ahead in range(1, len(DAYS) + 1):
                begins = day + timedelta(days=ahead)
                if begins.weekday() in window.days:
                    hour, minute = divmod(window.begins_min, 60)
                    found.add(_at(begins, time(hour, minute), policy.zone))
    return sorted(found)


def _at(day: date, moment: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, moment, zone).astimezone(UTC)
