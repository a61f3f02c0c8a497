"""Which policy a call belongs to, and which words its recording carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from hushtape.policy import numbers
from hushtape.policy.deciding.coverage import beside, listed, payment_line
from hushtape.policy.deciding.decision import Arrival, Beside, Choice, quoted, reason_of
from hushtape.policy.deciding.transfers import OUTCOME_WORDS, kept_out, on_dialling
from hushtape.policy.duties import Tag
from hushtape.policy.hours import begins_within
from hushtape.policy.schema import OnTransfer, Policy
from hushtape.recordings.manifest import Direction, Reason

MOST_TIES = 3  # policies that came equally near, of which each is told why


class _Nearness(IntEnum):
    """How near a policy came to naming a call: at what it failed."""

    DIRECTION = 0
    SCOPE = 1  # neither its number nor its queue
    HALF = 2  # its number or its queue, where both are asked for
    EXCEPTION = 3
    HOURS = 4
    VERSION = 5  # it would name it, but isn't in force yet


@dataclass(frozen=True, slots=True)
class _Miss:
    nearness: _Nearness
    reason: Reason


def in_force(policies: Iterable[Policy], at: datetime) -> tuple[Policy, ...]:
    """Return of each policy the version that is in force at a moment."""
    newest: dict[str, Policy] = {}
    for policy in policies:
        if policy.policy.in_force_from > at.astimezone(policy.zone).date():
            continue
        known = newest.get(policy.name)
        if known is None or known.policy.in_force_from < policy.policy.in_force_from:
            newest[policy.name] = policy
    return tuple(newest.values())


def choose(policies: Iterable[Policy], arrival: Arrival) -> Choice:
    """Find the one policy that names this call. None, or more than one: not recorded.

    A payment line of any policy in force is one for all of them, for as long as the call lasts:
    the policy that is returned knows those of the others.
    """
    policies = tuple(policies)
    current = in_force(policies, arrival.at)
    for policy in current:
        found_line = payment_line(policy, arrival)
        if found_line is not None:
            owner, line = found_line
            words = f"{arrival.direction} call to {line.name}, a payment line: not recorded"
            return Choice(None, reason_of(owner, f"destination: {line.name}", words))
    misses = [(policy, _miss(policy, arrival)) for policy in current]
    found = [policy for policy, miss in misses if miss is None]
    told = [miss for _, miss in misses if miss is not None]
    others = tuple(miss.reason for miss in told)
    if len(found) == 1:
        return _belongs(beside(found[0], current), arrival, others)
    if found:
        among = " and ".join(policy.name for policy in found)
        words = f"more than one policy names this call ({among}): not recorded"
        reason = Reason(policy="", version="", rule="ambiguous", words=words)
        return Choice(None, reason, others)
    told += _not_yet(policies, current, arrival)
    return Choice(None, _nearest(told, arrival), others)


def tags(policy: Policy, arrival: Arrival, queues: Iterable[str]) -> tuple[str, ...]:
    """Return the words that a call's recording carries, in the order of the file.

    Args:
        arrival: as the call began.
        queues: all that the call has been in; its first one may be left out.
    """
    been_in = {arrival.queue, *queues} - {""}
    found = [tag.name for tag in policy.tag if _carries(policy, tag, arrival, been_in)]
    return tuple(dict.fromkeys(found))


def _carries(policy: Policy, tag: Tag, arrival: Arrival, queues: set[str]) -> bool:
    if tag.directions and arrival.direction not in tag.directions:
        return False
    if tag.numbers and not listed(policy, tag.numbers, arrival.dialled):
        return False
    if tag.queues and not queues & set(tag.queues):
        return False
    if tag.hours and not begins_within(tag.hours, arrival.at, policy.zone):
        return False
    return not (tag.outside_hours and begins_within(tag.outside_hours, arrival.at, policy.zone))


def _belongs(policy: Beside, arrival: Arrival, misses: tuple[Reason, ...]) -> Choice:
    """Say whether the one policy that names a call has it recorded from here."""
    out = kept_out(policy, arrival.queue) if arrival.queue else None
    if arrival.direction is Direction.OUTBOUND:
        out = on_dialling(policy, arrival)
    if out is not None and out.outcome is not OnTransfer.CONTINUE:
        words = out.reason.words.replace(OUTCOME_WORDS[out.outcome], "not recorded")
        return Choice(None, reason_of(policy, out.reason.rule, words), misses)
    reason = reason_of(policy, "calls", f"{_what(policy, arrival)}: recorded")
    return Choice(policy, reason, misses)


def _miss(policy: Policy, arrival: Arrival) -> _Miss | None:
    """Say why a policy doesn't name a call; None: it does."""
    return _scope_miss(policy, arrival) or _exception(policy, arrival)


def _scope_miss(policy: Policy, arrival: Arrival) -> _Miss | None:
    calls, queue = policy.calls, arrival.queue

    def miss(nearness: _Nearness, rule: str, words: str) -> _Miss:
        return _Miss(nearness, reason_of(policy, rule, f"{words}: not recorded"))

    if arrival.direction not in calls.directions:
        words = f"an {arrival.direction} call; directions = {quoted(calls.directions)}"
        return miss(_Nearness.DIRECTION, "calls.directions", words)
    if arrival.direction is Direction.OUTBOUND:
        if any(numbers.matches(each, arrival.extension) for each in policy.outbound.extensions):
            return None
        words = "an outbound call of none of the extensions of [outbound]"
        return miss(_Nearness.SCOPE, "outbound.extensions", words)
    if not queue and calls.direct_dial:
        return None
    number_fits = not calls.numbers or listed(policy, calls.numbers, arrival.dialled)
    queue_fits = not calls.queues or queue in calls.queues
    if number_fits and queue_fits and (calls.queues or calls.numbers):
        return None
    half = (calls.numbers and number_fits) or (calls.queues and queue_fits)
    nearness = _Nearness.HALF if half else _Nearness.SCOPE
    if not queue and not (calls.numbers and number_fits):
        words = "dialled directly, and direct_dial = false"
        return miss(nearness, "calls.direct_dial", words)
    if not queue_fits:
        where = f"queue {queue} is" if queue else "it came through no queue:"
        return miss(nearness, "calls.queues", f"{where} none of {quoted(calls.queues)}")
    if not number_fits:
        words = f"the dialled number is none of the {len(calls.numbers)} of the policy"
        return miss(nearness, "calls.numbers", words)
    words = "it came through a queue, and the policy names calls that are dialled directly"
    return miss(nearness, "calls.queues", words)


def _exception(policy: Policy, arrival: Arrival) -> _Miss | None:
    calls = policy.calls
    if arrival.queue in calls.except_queues:
        rule, nearness = "calls.except_queues", _Nearness.EXCEPTION
        words = f'queue {arrival.queue} is one of except_queues ("{arrival.queue}")'
    elif listed(policy, calls.except_numbers, arrival.dialled):
        rule, nearness = "calls.except_numbers", _Nearness.EXCEPTION
        words = "the dialled number is one of except_numbers"
    elif calls.hours and not begins_within(calls.hours, arrival.at, policy.zone):
        rule, nearness = "calls.hours", _Nearness.HOURS
        began = arrival.at.astimezone(policy.zone)
        what = "it came into the queue" if arrival.queue else "it was answered"
        words = f"{what} on {began:%a %H:%M}, outside {quoted(calls.hours)}"
    else:
        return None
    return _Miss(nearness, reason_of(policy, rule, f"{words}: not recorded"))


def _not_yet(
    policies: tuple[Policy, ...], current: tuple[Policy, ...], arrival: Arrival
) -> list[_Miss]:
    """Find the policies that would name a call, but of which no version is in force yet."""
    names = {policy.name for policy in current}
    later = [policy for policy in policies if policy.name not in names]
    return [
        _Miss(
            _Nearness.VERSION,
            reason_of(
                policy,
                "policy.in_force_from",
                f"in force only from {policy.policy.in_force_from:%-d %B %Y}: not recorded",
            ),
        )
        for policy in sorted(later, key=lambda each: each.policy.in_force_from)
        if _miss(policy, arrival) is None
    ]


def _nearest(misses: list[_Miss], arrival: Arrival) -> Reason:
    """Of all reasons why no policy names a call, the one of the policy that came nearest."""
    nearest = max(misses, key=lambda miss: miss.nearness, default=None)
    if nearest is not None and nearest.nearness > _Nearness.SCOPE:
        return nearest.reason
    where = f"of queue {arrival.queue} to the number that was dialled"
    if not arrival.queue:
        outbound = arrival.direction is Direction.OUTBOUND
        where = "of this extension" if outbound else "that come through no queue, to this number"
    words = f"no policy names {arrival.direction} calls {where}: not recorded"
    if nearest is not None:
        ties = [miss.reason for miss in misses if miss.nearness is nearest.nearness]
        whys = [
            f"{reason.policy}, {reason.rule}: {reason.words.removesuffix(': not recorded')}"
            for reason in ties[:MOST_TIES]
        ]
        more = f", and {len(ties) - MOST_TIES} more" if len(ties) > MOST_TIES else ""
        words += f" (nearest: {'; '.join(whys)}{more})"
    return Reason(policy="", version="", rule="no policy", words=words)


def _what(policy: Policy, arrival: Arrival) -> str:
    parts = [f"{arrival.direction} call"]
    if arrival.queue:
        parts.append(f"queue {arrival.queue}")
    if arrival.direction is Direction.OUTBOUND:
        parts[0] += " of an extension of the policy"
    elif policy.calls.direct_dial and not arrival.queue:
        parts.append("dialled directly")
    elif policy.calls.numbers:
        parts.append("to a number of the policy")
    if policy.calls.hours:
        parts.append(f"within {quoted(policy.calls.hours)}")
    return ", ".join(parts)
