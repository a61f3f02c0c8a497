"""Where a call is taken: queues, agents who answer, transfers."""

from __future__ import annotations

from datetime import datetime, timedelta

from ami_bridge.call import judging, meeting
from ami_bridge.call.standing import EXPLAINED_WITHIN_S, Standing
from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Arrived,
    Command,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
    TransferFailed,
)
from hushtape.policy import decide
from hushtape.policy.schema import DestinationKind, OnTransfer, PaymentWay
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import EndedBy, Reason

# A transfer to a parking lot is told before it is told that this is one. (Asterisk 22, run: within
# the millisecond; the phone's own announcement comes after it.)
PARKED_WITHIN_S = 1.0


def queue_entered(call: Standing, fact: QueueEntered) -> list[Command]:
    """Judge the queue, unless it is where a transfer has led."""
    queue = fact.arrival.queue
    call.papers.name_queue(queue)
    went_on_to, call.went_on_to = call.went_on_to, ""
    vanished, call.vanished = call.vanished, False
    sent_out_to, call.sent_out_to, call.came_into = call.sent_out_to, "", ""
    call.left_into, call.left_talk_at = "", None
    redirected = call.redirected
    call.recallable, call.parking_until, call.redirected = False, None, None  # it is here now
    call.company.talkers = ()  # who waits in a queue talks to nobody, and this may be told first
    if call.stage is Stage.DECLINED:
        call.tell(fact.at, f"queue {queue} entered: still not recorded")
        return []
    here = call.stage in (Stage.RECORDED, Stage.WAITING)
    if here and queue == went_on_to:
        call.tell(fact.at, f"queue {queue} entered: recording goes on after the transfer")
        return []
    if queue == sent_out_to and (redirected is not None or not here):
        call.tell(fact.at, f"queue {queue} entered: all stays as after the transfer")
        if redirected is None:
            return []
        return call.turn(Turn.LEFT, redirected.at, redirected.reason, EndedBy.TRANSFER)
    if here or vanished:  # the dialplan took it there, with a pause
        ruling = decide.on_move(call.policy, queue)
    else:
        ruling = decide.on_return(call.policy, queue)
    call.tell(fact.at, f"queue {queue} entered", ruling.reason)
    if ruling.outcome is OnTransfer.SILENT:
        return call.silence(PaymentWay.TRANSFER, fact.at, ruling.reason)
    if ruling.outcome is OnTransfer.CONTINUE:
        call.came_into = queue
        return enter(call, fact.at, ruling.reason, EndedBy.QUEUE)
    if here:
        call.left_into = queue
    return call.turn(Turn.LEFT, fact.at, ruling.reason, EndedBy.QUEUE)


def enter(call: Standing, at: datetime, reason: Reason, ended_by: EndedBy) -> list[Command]:
    """Come into a recorded place: recorded at once, or from the agent's answer on.

    Not while a payment lasts of which only the one who began it can tell the end.
    """
    paying = call.paying
    if paying is not None and paying.told:
        why = decide.still_paying(call.policy, told=True)
        call.tell(at, "the payment goes on: silent here, too", why)
        paying.beneath = Stage.WAITING if call.awaits_answer else Stage.RECORDED
        paying.ways = [way for way in paying.ways if way is not PaymentWay.TRANSFER]
        paying.consulted = False
        if not call.awaits_answer:
            call.company.expect()
        return []
    if call.awaits_answer:
        waits = decide.on_waiting(call.policy)
        call.tell(at, "waits for an agent", waits)
        return call.turn(Turn.WAITS, at, waits, ended_by)
    return call.turn(Turn.ENTERED, at, reason, ended_by)


def _back(call: Standing, at: datetime, reason: Reason, ended_by: EndedBy) -> list[Command]:
    """Come back to where it never really left; somebody may have come into the talk meanwhile."""
    call.company.expected = False  # whom an earlier transfer led to is no question any more
    line = judging.payment_line(call.policy, call.company, call.company.talkers)
    if line is not None:
        return call.silence(PaymentWay.TRANSFER, at, line.reason)
    call.vanished = False
    return enter(call, at, reason, ended_by)


def answered(call: Standing, fact: Arrived) -> list[Command]:
    """Note that somebody of ours talks with the outside party."""
    call.papers.answered_at = call.papers.answered_at or fact.at
    call.papers.name_agent(fact.agent)
    return []


def answered_again(call: Standing, fact: Answered) -> list[Command]:
    """The dialplan rang somebody else, where the call had been dialled: it never left."""
    call.left_talk_at = None
    commands = answered(call, fact)
    if call.vanished:
        commands += _back(call, fact.at, call.reason, EndedBy.QUEUE)
        return commands + _look_again(call, fact.at)
    if call.stage is Stage.RECORDED:
        call.company.expect()
    return commands


def agent_answered(call: Standing, fact: AgentAnswered) -> list[Command]:
    """The queue's agent has the call."""
    call.papers.answered_at = call.papers.answered_at or fact.at
    call.left_into, call.left_talk_at = "", None
    call.sent_out_to = call.came_into = ""
    call.papers.name_agent(fact.agent)
    call.tell(fact.at, "an agent answered")
    if call.beneath is Stage.WAITING:
        return _has_waited(call, fact)
    recorded = call.beneath is Stage.RECORDED or call.vanished
    talkers = call.company.talkers
    if recorded and fact.talker is not None and (call.vanished or not talkers):
        call.company.let_in(fact.talker)
    elif recorded and not talkers:
        call.company.expect()
    if call.vanished:
        # The queue let the call go to a subroutine or an AGI before the agent had it: it never
        # left. (Asterisk 22, run: QueueCallerLeave comes before them, AgentConnect after.)
        commands = _back(call, fact.at, call.reason, EndedBy.QUEUE)
        if fact.talker is not None or talkers:
            call.company.expected = False  # nobody else is let in
        return commands + _look_again(call, fact.at)
    return []


def _has_waited(call: Standing, fact: AgentAnswered) -> list[Command]:
    """Recording begins with the answer; who is there already is looked at first."""
    company, commands = call.company, []
    call.awaits_answer = False
    line = judging.payment_line(call.policy, company, company.talkers)
    if line is not None:
        commands += call.silence(PaymentWay.TRANSFER, fact.at, line.reason)
    if fact.talker is not None:
        company.let_in(fact.talker)
    elif line is None:
        company.expect()
    commands += call.turn(Turn.ANSWERED, fact.at, call.reason, EndedBy.QUEUE)
    if call.stage is Stage.RECORDED:
        call.tell(fact.at, "recorded from here on", decide.on_first_answer(call.policy))
    return commands + _look_again(call, fact.at)


def _look_again(call: Standing, at: datetime) -> list[Command]:
    """Judge those who came into the talk while nothing was recorded."""
    talkers = call.company.talkers
    return meeting.changed(call, TalkChanged(at=at, talkers=talkers)) if talkers else []


def transfer_completed(call: Standing, fact: TransferCompleted) -> list[Command]:
    """Judge where the call was sent."""
    if _is_arrival(call, fact):
        return []
    if call.beneath is Stage.PARKED and fact.how == "redirected":
        return []  # who fetches it is what counts
    ruling = decide.on_transfer(call.policy, fact.place, fact.how)
    stays_silent = call.stage is Stage.SILENT and ruling.outcome is OnTransfer.CONTINUE
    reason = decide.still_paying(call.policy) if stays_silent else ruling.reason
    call.tell(fact.at, f"{fact.how} transfer", reason)
    draft = call.track.draft
    if fact.how == "unseen" and draft is not None:
        # Wherever it is now, nobody knows where it was meanwhile.
        draft.unwanted_since(fact.at, EndedBy.TRANSFER)
    left_into, call.left_into, call.went_on_to = call.left_into, "", ""
    came_into, call.came_into, call.sent_out_to = call.came_into, "", ""
    vanished, call.vanished = call.vanished, False
    call.redirected, call.recallable, call.parking_until = None, False, None
    # A transfer is told before or after the channel leaves its talk, if it does.
    before_it = call.left_talk_at is None and fact.how in ("blind", "attended")
    explained = timedelta(seconds=EXPLAINED_WITHIN_S)
    call.moving_until = fact.at + explained if before_it else None
    call.left_talk_at = None
    if ruling.outcome is OnTransfer.CONTINUE:
        here = call.stage in (Stage.RECORDED, Stage.WAITING, Stage.PARKED)
        call.went_on_to = fact.place.queue if here else ""
        # Asterisk may say that the queue was entered before it says that a transfer led there;
        # and a call that vanished from its talk may turn up where recording goes on.
        arrived = bool(left_into) and left_into == fact.place.queue
        arrived = arrived or (fact.how == "redirected" and vanished)
        by = "" if fact.place.kind is DestinationKind.QUEUE else fact.how
        early, since = call.company.early, call.company.strangers_since
        if arrived:
            call.vanished = vanished
            commands = _back(call, fact.at, ruling.reason, EndedBy.TRANSFER)
        else:
            commands = call.turn(Turn.WENT_ON, fact.at, ruling.reason, EndedBy.TRANSFER)
        # Who answers in a queue is its agent; who answers elsewhere may be somebody else.
        call.company.came_by = by
        if since is not None and by and judging.stops_with(call.policy, early, by):
            call.company.mistook(early, since)
        return commands + _look_again(call, fact.at) if arrived else commands
    # Its entry, if it wasn't told before, is no way back into the recording.
    call.sent_out_to = fact.place.queue if fact.place.queue != came_into else ""
    recorded = call.stage is Stage.RECORDED
    if fact.how == "redirected" and recorded and ruling.outcome is OnTransfer.STOP:
        return meeting.perhaps_together(call, fact.at, ruling.reason)
    since = min(fact.at, call.company.strangers_since or fact.at)
    nobody = all(talker.stands_in for talker in call.company.talkers)
    call.recallable = fact.how == "attended" and nobody and recorded
    if fact.place.kind is DestinationKind.UNKNOWN and recorded:
        call.parking_until = fact.at + timedelta(seconds=PARKED_WITHIN_S)
    if ruling.outcome is OnTransfer.SILENT:
        call.company.expected = False
        return call.silence(PaymentWay.TRANSFER, since, ruling.reason)
    return call.turn(Turn.LEFT, since, ruling.reason, EndedBy.TRANSFER)


def _is_arrival(call: Standing, fact: TransferCompleted) -> bool:
    """Tell whether a call seen elsewhere is in a subroutine of where a transfer has sent it.

    Dialplans dial from a macro or a Gosub, whose extension ("s") says nothing.
    """
    arriving, call.arriving = call.arriving, fact.how == "blind"
    known = fact.place.kind is not DestinationKind.UNKNOWN
    return arriving and fact.how == "redirected" and not known


def transfer_failed(call: Standing, fact: TransferFailed) -> list[Command]:
    """All is as it was."""
    call.tell(fact.at, "a transfer failed: recording stays as it was")
    return []
