"""What is asked of a policy, and what it answers: with its reason, always."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hushtape.policy.schema import (
    AfterPayment,
    DestinationKind,
    OnTransfer,
    Pause,
    Permission,
    Policy,
)
from hushtape.recordings.manifest import Direction, Reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is being transferred to, in the PBX's terms."""

    kind: DestinationKind
    extension: str
    queue: str = ""  # for a queue: its name
    number: str = ""  # for an outside number: what is dialled, without the prefix


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call where its recording may begin, as far as a policy may look at it."""

    at: datetime
    direction: Direction
    dialled: str  # the number that was rung, as the PBX got it; "" when not known
    queue: str = ""  # "": it was answered without having been in one
    extension: str = ""  # outbound: who of us rang
    place: Place | None = None  # where it was answered, for a call that came through no queue


class Beside(Policy, frozen=True, kw_only=True):
    """A policy as it stands beside others: their payment lines are silent for its calls, too.

    It is made when a call begins, and kept with the call; no policy's file says it.

    Args:
        others: those of them that have lines, with nothing else left in them.
    """

    others: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which policy a call belongs to; None: it isn't recorded.

    Args:
        policy: beside the others that are in force.
        misses: of each policy in force that doesn't name the call, why it doesn't.
    """

    policy: Beside | None
    reason: Reason
    misses: tuple[Reason, ...] = ()


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


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """How a payment that begins while somebody of us talks with the outside party is kept silent.

    A payment line isn't meant: there it lasts as long as the line is in the talk.
    """

    pause: Pause
    longest_s: int
    afterwards: AfterPayment  # when its end is told
    when_too_long: AfterPayment  # when it isn't, for longest_s
    ended: Reason  # for what comes when its end is told
    too_long: Reason  # for what comes when it isn't


def reason_of(policy: Policy, rule: str, words: str) -> Reason:
    """Say why, naming the policy, its version and the rule: the key's path in the file.

    Reasons go into logs and manifests, so words quote no telephone number and no extension.
    """
    return Reason(policy=policy.name, version=policy.version, rule=rule, words=words)


def quoted(words: tuple[str, ...]) -> str:
    """List the values of a key as the file does: ``"main", "housing"``; many are cut short."""
    shown = ", ".join(f'"{word}"' for word in words[:MOST_QUOTED])
    return shown if len(words) <= MOST_QUOTED else f"{shown} and {len(words) - MOST_QUOTED} more"


MOST_QUOTED = 4  # values of a list in a reason's words
