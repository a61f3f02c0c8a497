"""How long a policy keeps a recording, and in which form."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from hushtape.policy.deciding.decision import quoted, reason_of
from hushtape.policy.duties import RetentionRule
from hushtape.policy.period import in_words, kept_until, parse_period
from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import AudioTerms, Keep


def keep(
    policy: Policy, started_at: datetime, queues: Iterable[str] = (), tags: Iterable[str] = ()
) -> Keep:
    """Settle how long the recording of a call is kept: the first rule that fits decides.

    Args:
        started_at: when the call began; aware.
        queues: those that the call has been in.
        tags: those that its recording carries.
    """
    day = started_at.astimezone(policy.zone).date()
    been_in, carried = frozenset(queues), frozenset(tags)
    text, rule, because = policy.retention.keep, "retention.keep", ""
    for index, each in enumerate(policy.retention.rule):
        if rule_fits(each, day, been_in, carried):
            text, rule, because = each.keep, f"retention.rule[{index}]", conditions(each) + ": "
            break
    period = parse_period(text)
    return Keep(
        until=kept_until(started_at, period, policy.zone),
        period=text,
        time_zone=policy.policy.time_zone,
        reason=reason_of(
            policy, rule, f"{because}kept {text}, {in_words(started_at, period, policy.zone)}"
        ),
    )


def rule_fits(
    rule: RetentionRule, day: date, queues: Collection[str], tags: Collection[str]
) -> bool:
    """Tell whether all that a rule asks for is so: of the call's first day, its queues and tags."""
    if rule.calls_before is not None and day >= rule.calls_before:
        return False
    if rule.calls_from is not None and day < rule.calls_from:
        return False
    if rule.queues and not set(rule.queues) & set(queues):
        return False
    return not rule.tags or bool(set(rule.tags) & set(tags))


def conditions(rule: RetentionRule) -> str:
    """Say what a rule asks for: ``calls before 15 July 2020, queue "housing"``."""
    parts = []
    if rule.calls_from is not None:
        parts.append(f"calls from {rule.calls_from:%-d %B %Y}")
    if rule.calls_before is not None:
        parts.append(f"calls before {rule.calls_before:%-d %B %Y}")
    if rule.queues:
        parts.append(f"queue {quoted(rule.queues)}")
    if rule.tags:
        parts.append(f"tag {quoted(rule.tags)}")
    return ", ".join(parts)


def audio_terms(policy: Policy) -> AudioTerms:
    """Say how a recording is to be encoded and tagged."""
    return AudioTerms(format=policy.audio.format, number_in_tags=policy.audio.number_in_tags)
