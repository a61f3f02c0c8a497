"""What a policy says of periods, in English: how long recordings are kept."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.policy.duties import RetentionRule
from hushtape.policy.schema import Policy
from hushtape.policy.showing.examples import example
from hushtape.policy.showing.wording import day, listing, moment, named, quoted, the, tidy


def kept(policy: Policy) -> Iterator[str]:
    """Say how long recordings are kept, each period with an example to check by hand."""
    for index, rule in enumerate(policy.retention.rule):
        yield f"{_of_rule(policy, rule)}{_example(policy, index)}"
    yield from _order(policy)
    yield f"{_of_others(policy)}{_example(policy, None)}"
    yield "Then they are deleted"
    yield from zone(policy)
    yield from holds(policy)


def periods(policy: Policy) -> Iterator[str]:
    """Say how long recordings are kept: each rule, and what counts where none fits."""
    for rule in policy.retention.rule:
        yield _of_rule(policy, rule)
    yield from _order(policy)
    yield _of_others(policy)


def zone(policy: Policy) -> Iterator[str]:
    """Say where days begin, and which moment counts."""
    yield f"Days and times are counted in the time zone {policy.policy.time_zone}"
    yield (
        "The start of a call is the moment at which it enters its queue or, if it comes through"
        " none, at which it is answered"
    )


def holds(policy: Policy) -> Iterator[str]:
    """Say why a recording may be kept beyond its time, and who looks whether it still must."""
    said = policy.holds
    if said.reasons:
        yield (
            "A recording may be kept longer for one of these reasons, until that has ended:"
            f" {listing(said.reasons, 'or')}"
        )
    if said.reviewed_by:
        who = listing(the(each) for each in said.reviewed_by)
        yield f"Whether it must be kept on is reviewed by {who}"
    if said.reviewed_every:
        yield f"The time from one such review to the next is {tidy(said.reviewed_every)}"


def _of_rule(policy: Policy, rule: RetentionRule) -> str:
    earlier = rule.calls_before and rule.calls_before <= policy.policy.in_force_from
    whose = (
        "; they were made under an earlier version of this policy, and keep its period until"
        " theirs is changed"
    )
    return (
        f"Recordings of calls{_ruled(rule)} are kept for {_period(rule.keep)}"
        f"{whose if earlier else ''}"
    )


def _of_others(policy: Policy) -> str:
    retention = policy.retention
    others = "All other recordings" if retention.rule else "Recordings"
    return f"{others} are kept for {_period(retention.keep)}"


def _order(policy: Policy) -> Iterator[str]:
    if len(policy.retention.rule) > 1:
        yield "Where more than one of these fits, the first one counts"


def _period(text: str) -> str:
    period = tidy(text)
    return period if " from " in period else f"{period}, counted from the start of the call"


def _ruled(rule: RetentionRule) -> str:
    """Say of which calls a rule speaks: each key that is given narrows."""
    ways = []
    if rule.calls_from:
        ways.append(f"that began on {day(rule.calls_from)} or later")
    if rule.calls_before:
        ways.append(f"that began before {day(rule.calls_before)}")
    if rule.queues:
        ways.append(f"that were in {named('the queue', 'one of the queues', rule.queues)}")
    if rule.tags:
        marks = listing((quoted(each) for each in rule.tags), "or")
        ways.append(f"that are marked {marks}")
    return f" {listing(ways)}" if ways else ""


def _example(policy: Policy, index: int | None) -> str:
    found = example(policy, index)
    if found is None:
        return ""
    began, until = (each.astimezone(policy.zone) for each in found)
    call = "a call" if index is None else "such a call"
    return f". For example, {call} of {moment(began)} is kept until {moment(until)}"
