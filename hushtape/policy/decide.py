"""What follows from a policy for a call. Every decision carries its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hushtape.policy import numbers
from hushtape.policy.period import kept_until, parse_period, parse_wait_s
from hushtape.policy.schema import (
    Asker,
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    Permission,
    Policy,
    SoFar,
)
from hushtape.recordings.manifest import AudioTerms, Direction, Keep, Reason


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call where its recording may begin, as far as a policy may look at it."""

    at: datetime
    direction: Direction
    dialled: str  # the number that was rung, as the PBX got it; "" when not known
    queue: str = ""  # "": it was answered without having been in one
    extension: str = ""  # outbound: who of us rang


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is being transferred to, in the PBX's terms."""

    kind: DestinationKind
    extension: str
    queue: str = ""  # for a queue: its name
    number: str = ""  # for an outside number: what is dialled, without the prefix


@dataclass(frozen=True, slots=True)
class Choice:
    """Which policy a call belongs to; None: it isn't recorded."""

    policy: Policy | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a transfer does to the recording."""

    outcome: OnTransfer
    reason: Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may be, and why."""

    allowed: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class PermissionTerms:
    """The permission without which an outbound call isn't recorded on."""

    permission: Permission
    within_s: int
    reason: Reason  # for discarding, should it not come


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
    """Find the one policy that names this call. None, or more than one: not recorded."""
    found = [policy for policy in in_force(policies, arrival.at) if _names(policy, arrival)]
    if len(found) == 1:
        policy = found[0]
        kept_out = _kept_out(policy, arrival.queue) if arrival.queue else None
        if kept_out is not None:
            return Choice(None, kept_out.reason)
        return Choice(policy, _reason(policy, "calls", f"{_what(policy, arrival)}: recorded"))
    if not found:
        where = f"of queue {arrival.queue} to the number that was dialled"
        if not arrival.queue:
            outbound = arrival.direction is Direction.OUTBOUND
            where = (
                "of this extension" if outbound else "that come through no queue, to this number"
            )
        words = f"no policy names {arrival.direction} calls {where}: not recorded"
        return Choice(None, Reason(policy="", version="", rule="no policy", words=words))
    names = " and ".join(policy.name for policy in found)
    words = f"more than one policy names this call ({names}): not recorded"
    return Choice(None, Reason(policy="", version="", rule="ambiguous", words=words))


def on_move(policy: Policy, queue: str) -> Ruling:
    """Decide on a recorded call that the dialplan takes into another queue, without a transfer."""
    if not policy.calls.queues:
        words = f"queue {queue}: the policy names no queues, recording goes on"
        goes_on = Ruling(OnTransfer.CONTINUE, _reason(policy, "calls", words))
        return _kept_out(policy, queue) or goes_on
    return on_return(policy, queue)


def on_return(policy: Policy, queue: str) -> Ruling:
    """Decide on a call that comes to a queue after it had left the recorded place.

    A queue that the policy names is a recorded place of its own. A number is only a way in: once
    a call has left, the number that was dialled brings it back no more.
    """
    kept_out = _kept_out(policy, queue)
    if kept_out is not None:
        return kept_out
    if queue in policy.calls.queues:
        return Ruling(
            OnTransfer.CONTINUE, _reason(policy, "calls.queues", f"back in queue {queue}: recorded")
        )
    return Ruling(
        OnTransfer.STOP,
        _reason(policy, "calls.queues", f"queue {queue} is not in the policy: not recorded"),
    )


def on_transfer(policy: Policy, place: Place) -> Ruling:
    """Decide what a transfer does: payment lines first, then the first destination that fits."""
    if place.kind is DestinationKind.QUEUE and place.queue in policy.calls.queues:
        listed = any(place.queue in destination.queues for destination in policy.destination)
        if not listed:
            words = f"queue {place.queue} is recorded: goes on"
            return Ruling(OnTransfer.CONTINUE, _reason(policy, "calls.queues", words))
    for destination in _in_order(policy):
        if _covers(policy, destination, place):
            return _by(policy, destination, "transfer to")
    if place.kind is DestinationKind.UNKNOWN:
        words = "transfer to a place that neither policy nor configuration knows: recording stops"
        return Ruling(OnTransfer.STOP, _reason(policy, "transfer.otherwise", words))
    outcome = policy.transfer.otherwise
    words = f"transfer to no destination of the policy: {_OUTCOME_WORDS[outcome]}"
    return Ruling(outcome, _reason(policy, "transfer.otherwise", words))


def on_vanishing(policy: Policy) -> Ruling:
    """Decide on a call that left its talk, nobody said where to: it may be anywhere."""
    words = "gone from the talk without a transfer: recording stops"
    return Ruling(OnTransfer.STOP, _reason(policy, "calls", words))


def on_consultation(policy: Policy, place: Place) -> Verdict:
    """Decide whether what the agent and a place say is recorded, while the outside party waits."""
    for destination in _in_order(policy):
        if not _covers(policy, destination, place):
            continue
        pays = destination.name in policy.payment.lines
        recorded = destination.on_consultation is OnConsultation.RECORD and not pays
        words = (
            f"consultation with {destination.name}: {'recorded' if recorded else 'not recorded'}"
        )
        return Verdict(recorded, _reason(policy, f"destination: {destination.name}", words))
    words = "consultation with no destination of the policy: not recorded"
    return Verdict(False, _reason(policy, "destination", words))


def on_opt_out(policy: Policy, by: Asker) -> Verdict:
    """Decide whether a wish not to be recorded ends recording."""
    if by in policy.opt_out.by:
        so_far = "discarded" if discards_on_opt_out(policy) else "kept"
        words = f"the {by} opted out: not recorded, what there was is {so_far}"
        return Verdict(True, _reason(policy, "opt_out", words))
    words = f"the policy knows no opt-out by the {by}: recording stays as it was"
    return Verdict(False, _reason(policy, "opt_out.by", words))


def discards_on_opt_out(policy: Policy) -> bool:
    """Tell whether what was recorded before an opt-out is discarded."""
    return policy.opt_out.recorded_so_far is SoFar.DISCARD


def permission_terms(policy: Policy, direction: Direction) -> PermissionTerms | None:
    """Say which permission a call needs; None where it needs none."""
    outbound = policy.outbound
    if direction is not Direction.OUTBOUND or outbound.permission is Permission.NONE:
        return None
    words = (
        f"no permission ({outbound.permission}) within {outbound.permission_within}: recording"
        " ends, and what there was is discarded"
    )
    return PermissionTerms(
        outbound.permission,
        parse_wait_s(outbound.permission_within),
        _reason(policy, "outbound.permission", words),
    )


def on_parking(policy: Policy) -> Reason:
    """Say what parking does: nobody is there, so recording waits."""
    return _reason(policy, "calls", "parked: recording waits for whoever fetches the call")


def on_fetching(policy: Policy) -> Reason:
    """Say what a fetch by somebody who had the call before does."""
    return _reason(policy, "calls", "fetched by somebody who had the call: recording goes on")


def on_recall(policy: Policy) -> Reason:
    """Say what becomes of a call that nobody took over: it is with its adviser as before."""
    return _reason(policy, "calls", "nobody took the call over, the adviser has it: goes on")


def on_resuming(policy: Policy) -> Reason:
    """Say why a call is recorded of which only its policy is known."""
    return _reason(policy, "calls", "recorded, as another bridge had decided when the call began")


def keep(policy: Policy, started_at: datetime) -> Keep:
    """Settle how long the recording of a call is kept."""
    day = started_at.astimezone(policy.zone).date()
    rules = sorted(policy.retention.rule, key=lambda rule: rule.calls_before)
    period, rule, words = policy.retention.keep, "retention", f"kept {policy.retention.keep}"
    for dated in rules:
        if day < dated.calls_before:
            period, rule = dated.keep, "retention.rule"
            words = f"calls before {dated.calls_before:%-d %B %Y}: kept {dated.keep}"
            break
    until = kept_until(started_at, parse_period(period), policy.zone)
    return Keep(
        until=until,
        period=period,
        time_zone=policy.policy.time_zone,
        reason=_reason(policy, rule, words),
    )


def audio_terms(policy: Policy) -> AudioTerms:
    """Say how a recording is to be encoded and tagged."""
    return AudioTerms(format=policy.audio.format, number_in_tags=policy.audio.number_in_tags)


_OUTCOME_WORDS = {
    OnTransfer.STOP: "recording stops",
    OnTransfer.CONTINUE: "recording goes on",
    OnTransfer.SILENT: "a payment: silence",
}


def _in_order(policy: Policy) -> list[Destination]:
    """A payment line is one whatever stands before it in the file."""
    lines = policy.payment.lines
    return sorted(policy.destination, key=lambda destination: destination.name not in lines)


def _kept_out(policy: Policy, queue: str) -> Ruling | None:
    """Return the ruling of a destination that names this queue, unless recording goes on there."""
    for destination in _in_order(policy):
        if queue in destination.queues:
            ruling = _by(policy, destination, "queue of")
            return None if ruling.outcome is OnTransfer.CONTINUE else ruling
    return None


def _by(policy: Policy, destination: Destination, how: str) -> Ruling:
    outcome = destination.on_transfer
    if destination.name in policy.payment.lines:
        outcome = OnTransfer.SILENT
    words = f"{how} {destination.name}: {_OUTCOME_WORDS[outcome]}"
    return Ruling(outcome, _reason(policy, f"destination: {destination.name}", words))


def _names(policy: Policy, arrival: Arrival) -> bool:
    calls = policy.calls
    if arrival.direction not in calls.directions:
        return False
    if arrival.direction is Direction.OUTBOUND:
        return any(numbers.matches(each, arrival.extension) for each in policy.outbound.extensions)
    if not arrival.queue and calls.direct_dial:
        return True
    if not (calls.queues or calls.numbers):
        return False  # only what it names: calls that are dialled directly, or outbound ones
    if calls.queues and arrival.queue not in calls.queues:
        return False
    return not calls.numbers or _listed(policy, calls.numbers, arrival.dialled)


def _covers(policy: Policy, destination: Destination, place: Place) -> bool:
    return (
        place.kind in destination.every
        or any(numbers.matches(pattern, place.extension) for pattern in destination.extensions)
        or bool(place.queue and place.queue in destination.queues)
        or _listed(policy, destination.numbers, place.number)
    )


def _listed(policy: Policy, spelled: tuple[str, ...], number: str) -> bool:
    country, trunk = policy.policy.country_code, policy.policy.trunk_prefix
    plain = numbers.normal(number, country, trunk)
    return bool(plain) and any(numbers.normal(each, country, trunk) == plain for each in spelled)


def _what(policy: Policy, arrival: Arrival) -> str:
    parts = [f"{arrival.direction} call"]
    if arrival.queue:
        parts.append(f"queue {arrival.queue}")
    if arrival.direction is Direction.OUTBOUND:
        return f"{parts[0]} of an extension of the policy"
    if policy.calls.direct_dial and not arrival.queue:
        return f"{parts[0]}, dialled directly"
    if policy.calls.numbers:
        parts.append("to a number of the policy")
    return ", ".join(parts)


def _reason(policy: Policy, rule: str, words: str) -> Reason:
    return Reason(policy=policy.name, version=policy.version, rule=rule, words=words)
