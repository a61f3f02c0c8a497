"""Why a call isn't recorded, as one of few words: for the log and the metrics.

The reason's own words name the policy's queues and destinations; these words never do.
"""

from __future__ import annotations

from enum import StrEnum

from hushtape.recordings.manifest import Reason


class Refusal(StrEnum):
    """Why nothing of a call is recorded from its beginning."""

    NO_POLICY = "no policy"  # none names it, or one only half of it
    AMBIGUOUS = "ambiguous"  # more than one names it
    HOURS = "out of hours"
    NOT_YET = "not in force yet"
    EXCEPTED = "excepted"  # a number or a queue that is never recorded
    DESTINATION = "destination"  # it begins where a destination says that recording stops
    OPT_OUT = "opt-out"  # the caller said so before it began
    OTHER = "other"


# By the rule of the policy that decided, up to its first colon.
_BY_RULE = {
    "no policy": Refusal.NO_POLICY,
    "calls.numbers": Refusal.NO_POLICY,
    "calls.queues": Refusal.NO_POLICY,
    "calls.direct_dial": Refusal.NO_POLICY,
    "ambiguous": Refusal.AMBIGUOUS,
    "policy.in_force_from": Refusal.NOT_YET,
    "calls.hours": Refusal.HOURS,
    "calls.except_numbers": Refusal.EXCEPTED,
    "calls.except_queues": Refusal.EXCEPTED,
    "destination": Refusal.DESTINATION,
    "opt_out": Refusal.OPT_OUT,
}


def refusal_of(reason: Reason) -> Refusal:
    """Say in one of few words what a decision not to record rests on."""
    return _BY_RULE.get(reason.rule.partition(":")[0], Refusal.OTHER)
