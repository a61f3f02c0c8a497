"""Calls that a period fits, as examples: each is decided as a real one would be. Pure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from hushtape.policy import decide
from hushtape.policy.comparing.pattern_samples import samples
from hushtape.policy.decide import Arrival
from hushtape.policy.deciding.keeping import rule_fits
from hushtape.policy.duties import RetentionRule
from hushtape.policy.hours import DAY_MIN, DAYS, begins_within, parse_hours
from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import Direction

USUAL_MIN = 10 * 60  # minutes after midnight at which an example's call begins, if it can
POLICIES_AT_ONCE = 2  # whose moments are remembered: each rule of one asks for them


def example(policy: Policy, index: int | None) -> tuple[datetime, datetime] | None:
    """Find a call whose period a retention rule decides.

    Args:
        index: the rule's; None: no rule fits, ``[retention]`` ``keep`` decides.

    Returns:
        When it begins, and until when it is kept. None: there is no such call.
    """
    rule = None if index is None else policy.retention.rule[index]
    moments = _moments(policy)
    for arrival, been_in in _calls(policy, rule):
        for at in moments:
            call = replace(arrival, at=at)
            marks = decide.tags(policy, call, been_in)
            if _deciding(policy, at.date(), been_in, marks) != index:
                continue
            if decide.choose((policy,), call).policy is not None:
                return at, decide.keep(policy, at, been_in, marks).until
    return None


def _deciding(
    policy: Policy, day: date, been_in: Sequence[str], marks: Sequence[str]
) -> int | None:
    """Return the index of the rule that decides, None: none does."""
    for at, rule in enumerate(policy.retention.rule):
        if rule_fits(rule, day, been_in, marks):
            return at
    return None


def _calls(policy: Policy, rule: RetentionRule | None) -> Iterator[tuple[Arrival, list[str]]]:
    """Name calls of each sort, and the queues that each has been in; when isn't looked at."""
    tags = [tag for tag in policy.tag if rule is not None and tag.name in rule.tags]
    later = [queue for each in (rule, *tags) if each is not None for queue in each.queues]
    dialled = [*policy.calls.numbers[:1], *(tag.numbers[0] for tag in tags if tag.numbers), ""]
    queues = [*later, *policy.calls.queues, ""]
    ours = next(iter(samples(policy.outbound.extensions)), "")
    never = datetime.combine(date.min, time(0), policy.zone)
    for direction in policy.calls.directions:
        outbound = direction is Direction.OUTBOUND
        for number, queue in itertools.product(
            dict.fromkeys(dialled), [""] if outbound else dict.fromkeys(queues)
        ):
            arrival = Arrival(never, direction, number, queue, ours if outbound else "")
            first = [queue] if queue else []
            yield arrival, first
            yield from ((arrival, [*first, each]) for each in later if each not in first)


@functools.lru_cache(POLICIES_AT_ONCE)
def _moments(policy: Policy) -> tuple[datetime, ...]:
    """Return moments at which hours and dates tell calls apart: the usual time before any other."""
    dates = {
        each
        for rule in policy.retention.rule
        for each in (rule.calls_before, rule.calls_from)
        if each
    }
    first = policy.policy.in_force_from
    of_tags = [each for tag in policy.tag for each in (tag.hours, tag.outside_hours)]
    groups = [each for each in (policy.calls.hours, *of_tags) if each]
    windows = [parse_hours(text) for group in groups for text in group]
    edges = {edge % DAY_MIN for each in windows for edge in (each.begins_min, each.ends_min)}
    found: list[datetime] = []
    for begin in (first, *sorted(each for each in dates if each > first)):
        seen: set[Hashable] = set()
        for number, minutes in itertools.product(range(len(DAYS)), (USUAL_MIN, *sorted(edges))):
            local = datetime.combine(begin, time(0)) + timedelta(days=number, minutes=minutes)
            at = local.replace(tzinfo=policy.zone)
            sort = tuple(begins_within(group, at, policy.zone) for group in groups)
            if sort not in seen:
                seen.add(sort)
                found.append(at)
    return tuple(found)
