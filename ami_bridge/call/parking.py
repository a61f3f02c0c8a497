"""A call that is parked, and fetched."""

from __future__ import annotations

from ami_bridge.call import judging
from ami_bridge.call.standing import Standing
from ami_bridge.facts import Command, Parked, TalkChanged
from hushtape.policy import decide
from hushtape.policy.schema import OnTransfer, PaymentWay
from hushtape.policy.stages import Turn
from hushtape.recordings.manifest import EndedBy


def parked(call: Standing, fact: Parked) -> list[Command]:
    """Recording waits; the moment of leaving the talk is the moment of parking."""
    left_at, call.left_talk_at = call.left_talk_at, None
    since = min(left_at or fact.at, fact.at)
    reason = decide.on_parking(call.policy)
    call.tell(since, "parked", reason)
    in_time = call.parking_until is not None and fact.at <= call.parking_until
    turn = Turn.TURNED_OUT_PARKED if call.vanished or in_time else Turn.PARKED
    call.vanished, call.recallable, call.parking_until = False, False, None
    commands = call.turn(turn, since, reason, EndedBy.PARKED)
    call.company.talkers, call.company.expected = (), False
    return commands


def fetched(call: Standing, fact: TalkChanged) -> list[Command]:
    """Somebody is there again: who had the call before, or somebody else."""
    company = call.company
    _, line = judging.look(call.policy, company, fact.talkers, fact.at)
    company.strangers_since = None
    ruling = judging.talk(call.policy, company.talkers)
    if ruling is None:
        return []
    if line is not None:
        call.tell(fact.at, "fetched", line.reason)
        return call.silence(PaymentWay.TRANSFER, fact.at, line.reason)
    if any(company.knows(talker) for talker in company.talkers):
        reason = decide.on_fetching(call.policy)
        call.tell(fact.at, "fetched", reason)
        commands = call.turn(Turn.ENTERED, fact.at, reason, EndedBy.PARKED)
        company.expected = False  # who came is there already
        return commands
    call.tell(fact.at, "fetched by somebody else", ruling.reason)
    if ruling.outcome is not OnTransfer.CONTINUE:
        return call.turn(Turn.LEFT, fact.at, ruling.reason, EndedBy.PARKED)
    commands = call.turn(Turn.WENT_ON, fact.at, ruling.reason, EndedBy.PARKED)
    company.let_in(*company.talkers)
    return commands
