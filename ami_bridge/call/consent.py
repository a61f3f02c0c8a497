"""Whether the outside party agrees to be recorded: opt-out and permission."""

from __future__ import annotations

from datetime import datetime, timedelta

from ami_bridge.call.standing import Standing
from ami_bridge.facts import Command, OptedOut, PermissionGiven, RaiseAlarm
from hushtape.policy import decide
from hushtape.policy.schema import Permission
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import EndedBy


def opted_out(call: Standing, fact: OptedOut) -> list[Command]:
    """End recording for good, where the policy lets this one say so."""
    verdict = decide.on_opt_out(call.policy, fact.by)
    if call.stage is Stage.DECLINED:
        return []
    call.tell(fact.at, f"opt-out by the {fact.by}", verdict.reason)
    if not verdict.allowed:
        return [RaiseAlarm(verdict.reason.words)]
    if decide.discards_on_opt_out(call.policy):
        call.discard = verdict.reason
    return call.turn(Turn.DECLINED, fact.at, verdict.reason, EndedBy.OPT_OUT)


def await_permission(call: Standing, at: datetime) -> list[Command]:
    """Give permission its time, where the policy wants one."""
    terms = decide.permission_terms(call.policy, call.began.arrival.direction)
    if terms is None:
        return []
    call.discard = terms.reason  # until it is given
    within = timedelta(seconds=terms.within_s) - (at - call.began.at)
    rest = call.new_rest(max(0.0, within.total_seconds()))
    call.permitting = rest.rest
    return [rest]


def permission_given(call: Standing, fact: PermissionGiven) -> list[Command]:
    """What was recorded may be kept, if this is the permission that the policy asks for."""
    if not call.permitting or call.stage is Stage.DECLINED:
        return []
    if fact.by not in (call.policy.outbound.permission, Permission.KEY):
        call.tell(fact.at, f"permission by {fact.by}: the policy asks for another one")
        return []
    call.tell(fact.at, f"permission given ({fact.by})")
    call.permitting, call.discard = 0, None
    return []


def permission_due(call: Standing, at: datetime) -> list[Command]:
    """The time for permission is over."""
    call.permitting = 0
    reason = call.discard or call.reason
    call.tell(at, "permission was not given in time", reason)
    return call.turn(Turn.DECLINED, at, reason, EndedBy.NO_PERMISSION)
