"""What makes a policy unusable: of what it says of recordings that exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hushtape.policy.dates import out_of_reach
from hushtape.policy.duties import Access, Act, RetentionRule
from hushtape.policy.period import parse_period
from hushtape.policy.reading.problems import (
    Problem,
    hour_problems,
    nearest,
    number_problems,
    queue_problems,
)
from hushtape.policy.schema import Policy

MOST_PEOPLE = 10  # who must agree to one act
MOST_CALLS_A_WEEK = 10_000
_REGION = re.compile(r"UK|EEA|[A-Z]{2}")
_TAG = re.compile(r"[^\s\W](?:[\w .-]{0,62}\w)?")


def retention_problems(policy: Policy) -> Iterator[Problem]:
    """Name what is wrong with ``[retention]`` and its rules."""
    retention = policy.retention
    yield from _period_problems(retention.keep, "retention.keep")
    tags = [tag.name for tag in policy.tag]
    asked: list[RetentionRule] = []
    for index, rule in enumerate(retention.rule):
        key = f"retention.rule[{index}]"
        yield from _period_problems(rule.keep, f"{key}.keep")
        yield from queue_problems(rule.queues, f"{key}.queues")
        for at, tag in enumerate(rule.tags):
            if tag not in tags:
                what = f'there is no [[tag]] named "{tag}"{nearest(tag, tags)}'
                yield f"{key}.tags[{at}]", what
        yield from _condition_problems(rule, asked, key)
        asked.append(rule)


def _condition_problems(
    rule: RetentionRule, before: list[RetentionRule], key: str
) -> Iterator[Problem]:
    for name, day in (("calls_before", rule.calls_before), ("calls_from", rule.calls_from)):
        beyond = out_of_reach(day) if day is not None else ""
        if beyond:
            yield f"{key}.{name}", beyond
    dated = rule.calls_before is not None or rule.calls_from is not None
    if not (dated or rule.queues or rule.tags):
        yield (
            key,
            (
                "fits every call: expected calls_before, calls_from, queues or tags beside keep;"
                " what is kept otherwise stands in [retention] itself"
            ),
        )
    if rule.calls_before and rule.calls_from and rule.calls_from >= rule.calls_before:
        yield f"{key}.calls_from", "fits no call: expected a day before calls_before"
    for index, other in enumerate(before):
        if _asks(rule) == _asks(other):
            yield key, f"can never apply: retention.rule[{index}] asks for the same and comes first"
            return


def _asks(rule: RetentionRule) -> tuple[object, ...]:
    return rule.calls_before, rule.calls_from, frozenset(rule.queues), frozenset(rule.tags)


def tag_problems(policy: Policy) -> Iterator[Problem]:
    """Name what is wrong with each ``[[tag]]``."""
    for index, tag in enumerate(policy.tag):
        key = f"tag[{index}]"
        if not _TAG.fullmatch(tag.name):
            what = "expected a word, or a few, of letters, digits, spaces, . and -, up to 64 in all"
            yield f"{key}.name", what
        yield from number_problems(policy, tag.numbers, f"{key}.numbers")
        yield from queue_problems(tag.queues, f"{key}.queues")
        yield from hour_problems(tag.hours, f"{key}.hours")
        yield from hour_problems(tag.outside_hours, f"{key}.outside_hours")


def duty_problems(policy: Policy) -> Iterator[Problem]:
    """Name what is wrong with storage, access, holds, monitoring and the lists of words."""
    for index, region in enumerate(policy.storage.regions):
        if not _REGION.fullmatch(region):
            what = f'expected "UK", "EEA" or a country\'s two letters, such as "FR", not "{region}"'
            yield f"storage.regions[{index}]", what
    yield from _access_problems(policy.access)
    if policy.holds.reviewed_every:
        yield from _period_problems(policy.holds.reviewed_every, "holds.reviewed_every")
    if not 0 <= policy.monitoring.calls_a_week <= MOST_CALLS_A_WEEK:
        what = f"expected a number of calls from 0 to {MOST_CALLS_A_WEEK}"
        yield "monitoring.calls_a_week", what
    for key, words in (
        ("storage.processed_by", policy.storage.processed_by),
        ("holds.reasons", policy.holds.reasons),
        ("holds.reviewed_by", policy.holds.reviewed_by),
        ("announcement.notices", policy.announcement.notices),
        ("use.purposes", policy.use.purposes),
    ):
        yield from _word_problems(words, key)


def _access_problems(access: Access) -> Iterator[Problem]:
    yield from _word_problems(access.reasons, "access.reasons")
    for name in access.__struct_fields__:
        act = getattr(access, name)
        if not isinstance(act, Act):
            continue
        key = f"access.{name}"
        if not 1 <= act.people <= MOST_PEOPLE:
            yield f"{key}.people", f"expected a number of people from 1 to {MOST_PEOPLE}"
        yield from _word_problems(act.roles, f"{key}.roles")
        yield from _word_problems(act.reasons, f"{key}.reasons")


def _word_problems(words: Iterable[str], key: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, word in enumerate(words):
        if not word.strip():
            yield f"{key}[{index}]", "is empty: expected words, or one entry less"
        elif word in seen:
            yield f"{key}[{index}]", f'"{word}" stands there twice'
        seen.add(word)


def _period_problems(text: str, key: str) -> Iterator[Problem]:
    try:
        parse_period(text)
    except ValueError as error:
        yield key, str(error)
