"""Doubts about how long recordings are kept and which words they carry. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from hushtape.policy.deciding.coverage import listed
from hushtape.policy.deciding.decision import Place
from hushtape.policy.deciding.transfers import on_transfer
from hushtape.policy.duties import RetentionRule, Tag
from hushtape.policy.linting.findings import Remark, warning
from hushtape.policy.linting.lint_calls import Says, hour_remarks, minutes
from hushtape.policy.reading.problems import nearest
from hushtape.policy.schema import DestinationKind, OnTransfer, Policy

_Span = tuple[date, date]  # the first day, and the first day after


def remarks(policy: Policy, says: Says) -> Iterator[Remark]:
    """Name what is said of keeping and of tags and can never apply."""
    for index, tag in enumerate(policy.tag):
        why = _never_given(policy, tag)
        if why:
            yield warning(f"tag[{index}].name", f'"{tag.name}" is never given: {why}')
        yield from hour_remarks(tag.hours, f"tag[{index}].hours")
        yield from hour_remarks(tag.outside_hours, f"tag[{index}].outside_hours")
        yield from _strange_queues(policy, tag.queues, f"tag[{index}].queues")
    rules = policy.retention.rule
    for index, rule in enumerate(rules):
        key = f"retention.rule[{index}]"
        yield from _rule(policy, rule, rules[:index], key)
    if _days_left((policy.policy.in_force_from, date.max), [_span(r) for r in rules if _plain(r)]):
        return
    what = "can never apply: the rules fit every call of this version"
    yield warning("retention.keep", what)


def _rule(
    policy: Policy, rule: RetentionRule, before: Sequence[RetentionRule], key: str
) -> Iterator[Remark]:
    begins = policy.policy.in_force_from
    if rule.calls_before is not None and rule.calls_before <= begins:
        what = (
            f"can never apply: this version is in force from {begins} on, and decides only on"
            " calls that begin from then on"
        )
        yield warning(f"{key}.calls_before", what)
        return
    for position, word in enumerate(rule.queues):
        if word in policy.calls.except_queues:
            what = f'"{word}" is in calls.except_queues: none of its calls is recorded'
            yield warning(f"{key}.queues[{position}]", what)
    yield from _strange_queues(policy, rule.queues, f"{key}.queues")
    wider = [_span(each) for each in before if _asks_no_more(each, rule)]
    first, last = _span(rule)
    span = (max(first, begins), last)
    if span[0] < span[1] and wider and not _days_left(span, wider):
        yield warning(key, "can never apply: earlier rules fit all of its calls")
    elif rule.calls_from is not None and rule.calls_from <= begins:
        what = f"excludes no call: this version is in force only from {begins} on"
        yield warning(f"{key}.calls_from", what)


def _strange_queues(policy: Policy, queues: Sequence[str], key: str) -> Iterator[Remark]:
    """Name the queues of which the policy says nothing else, and where it records nothing."""
    calls = policy.calls
    if calls.numbers and not calls.queues:
        return  # whatever queue takes a call to one of its numbers
    named = {*calls.queues, *calls.except_queues}
    named |= {queue for destination in policy.destination for queue in destination.queues}
    for index, queue in enumerate(queues):
        place = Place(DestinationKind.QUEUE, "", queue=queue)
        rulings = (on_transfer(policy, place, how) for how in ("blind", "attended"))
        if queue in named or any(each.outcome is OnTransfer.CONTINUE for each in rulings):
            continue
        what = (
            f'no call is recorded in queue "{queue}": neither calls.queues nor a destination names'
            f" it{nearest(queue, sorted(named))}"
        )
        yield warning(f"{key}[{index}]", what)


def _span(rule: RetentionRule) -> _Span:
    return rule.calls_from or date.min, rule.calls_before or date.max


def _plain(rule: RetentionRule) -> bool:
    return not (rule.queues or rule.tags)


def _asks_no_more(earlier: RetentionRule, later: RetentionRule) -> bool:
    """Tell whether, but for its days, an earlier rule fits whatever a later one does."""
    queues = not earlier.queues or (later.queues and set(later.queues) <= set(earlier.queues))
    tags = not earlier.tags or (later.tags and set(later.tags) <= set(earlier.tags))
    return bool(queues and tags)


def _days_left(span: _Span, taken: Sequence[_Span]) -> bool:
    """Tell whether some day of a span is in none of others."""
    day, end = span
    for first, last in sorted(taken):
        if first > day:
            return True
        day = max(day, last)
        if day >= end:
            return False
    return day < end


def _never_given(policy: Policy, tag: Tag) -> str:
    """Say why no recording carries a tag; "": one may."""
    calls = policy.calls
    if tag.directions and not set(tag.directions) & set(calls.directions):
        return f"no {' or '.join(tag.directions)} call is recorded"
    narrow = calls.numbers and not calls.direct_dial and set(calls.directions) == {"inbound"}
    if narrow and tag.numbers and not any(listed(policy, calls.numbers, n) for n in tag.numbers):
        return "calls.numbers has none of its numbers"
    if tag.queues and set(tag.queues) <= set(calls.except_queues):
        return "its queues are in calls.except_queues"
    when = minutes(tag.hours) if tag.hours else None
    if calls.hours:
        when = minutes(calls.hours) & when if when is not None else minutes(calls.hours)
    if when is not None and not when:
        return "no recorded call begins in its hours"
    if tag.outside_hours and when is not None and when <= minutes(tag.outside_hours):
        return "all recorded calls begin within its outside_hours"
    return ""
