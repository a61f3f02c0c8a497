"""A call that leaves its talk or its queue: explained by something else, or not at all."""

from __future__ import annotations

from datetime import datetime

from ami_bridge.call.standing import EXPLAINED_WITHIN_S, Standing
from ami_bridge.facts import Command, JoinedTalk, LeftTalk
from hushtape.policy import decide
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import EndedBy


def changed(call: Standing, fact: LeftTalk | JoinedTalk) -> list[Command]:
    """Wait for an explanation of a leave; a talk that is joined is one."""
    moving_until, call.moving_until = call.moving_until, None
    moving = moving_until is not None and fact.at <= moving_until
    if isinstance(fact, JoinedTalk):
        call.arriving, call.sent_out_to, call.came_into = False, "", ""
    if isinstance(fact, JoinedTalk) or moving:
        call.left_talk_at = None
        return []
    if call.stage is not Stage.RECORDED or call.left_talk_at is not None:
        return []
    call.left_talk_at = fact.at
    rest = call.new_rest(EXPLAINED_WITHIN_S)
    call.explaining = rest.rest
    return [rest]


def explanation_due(call: Standing) -> list[Command]:
    """The time for an explanation is over."""
    left_at, call.explaining = call.left_talk_at, 0
    return unexplained(call, left_at) if left_at is not None else []


def unexplained(call: Standing, left_at: datetime) -> list[Command]:
    """Nobody said where to: recording ends with that moment."""
    call.left_talk_at = None
    if call.stage is not Stage.RECORDED:
        return []
    call.vanished = True
    ruling = decide.on_vanishing(call.policy)
    call.tell(left_at, "left the talk without a transfer", ruling.reason)
    return call.turn(Turn.LEFT, left_at, ruling.reason, EndedBy.TRANSFER)
