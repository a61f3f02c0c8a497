"""A payment that begins and ends while somebody of us has the call: silence in between.

Payment lines are seen by themselves (moves, meeting, parking); here is what is told in words.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

import msgspec

from ami_bridge.call import judging
from ami_bridge.call.standing import EXPLAINED_WITHIN_S, Paying, Standing
from ami_bridge.facts import (
    Command,
    ConsultationBegan,
    ConsultedGone,
    Fact,
    PaymentBegan,
    PaymentEnded,
    PaymentTooLong,
    Rested,
    TransferCompleted,
)
from hushtape.policy import decide
from hushtape.policy.schema import AfterPayment, OnTransfer, PaymentWay
from hushtape.policy.stages import Stage, Turn
from hushtape.recordings.manifest import EndedBy, Reason


class _There(Enum):
    """Who is in the talk."""

    NOBODY = auto()
    KNOWN = auto()  # somebody who has the call
    STRANGERS = auto()
    LINE = auto()  # a payment line, whoever else


def began(call: Standing, fact: PaymentBegan) -> list[Command]:
    """Be silent, also where the policy doesn't know this way: not sure means no."""
    verdict = decide.on_payment(call.policy, fact.way)
    reason = verdict.reason
    if not verdict.allowed:
        words = f"{reason.words}: silent until an end is told"
        reason = msgspec.structs.replace(reason, words=words)
    before = call.paying
    if before is None or fact.way not in before.ways:
        call.tell(fact.at, fact.what or f"payment begun by {fact.way}", reason)
    commands = call.silence(fact.way, fact.at, reason, stops=fact.stops)
    paying = call.paying
    if paying is None:
        return commands
    paying.consulted |= fact.consulting
    if fact.way is not PaymentWay.TRANSFER and paying.since is None and not paying.late:
        paying.since = fact.at  # to begin once more lengthens nothing
        commands += await_end(call, paying, fact.at)
    return commands


def begins_in_one(call: Standing, fact: PaymentBegan) -> list[Command]:
    """A call that begins is in payment already: it is recorded only when that is over."""
    commands = began(call, fact)
    if call.paying is not None:
        call.paying.beneath = Stage.WAITING if call.awaits_answer else Stage.RECORDED
        if not call.awaits_answer:
            call.company.expect()
    return commands


def line_consulted(call: Standing, fact: ConsultationBegan) -> list[Command]:
    """The agent has a payment line on the telephone: a card number may be read out to it."""
    there = [place for each in fact.talkers for place in (each.place, *each.ways)]
    line = judging.line_at(call.policy, (fact.place, *there))
    if line is None:
        return []
    call.tell(fact.at, "the agent calls a payment line", line.reason)
    commands = call.silence(PaymentWay.TRANSFER, fact.at, line.reason)
    if call.paying is not None:
        call.paying.consulted = True
    return commands


def moved(call: Standing, fact: Fact) -> None:
    """Somebody comes or goes during a payment."""
    if call.paying is not None:
        call.paying.moved = True
        if isinstance(fact, TransferCompleted):
            call.paying.consulted = False  # the caller is at the line now, not the agent


def consulted_gone(call: Standing, fact: ConsultedGone) -> list[Command]:
    """The payment line whom the agent had called is gone, or has just come to the caller."""
    paying = call.paying
    if paying is None or not paying.consulted:
        return []
    rest = call.new_rest(EXPLAINED_WITHIN_S)
    paying.leaving = rest.rest
    return [rest]


def line_left(call: Standing, at: datetime) -> list[Command]:
    """The agent has the caller again, or hasn't: then silence goes on."""
    paying = call.paying
    if paying is None or not paying.consulted:
        return []
    paying.leaving, paying.consulted = 0, False
    named = decide.on_payment(call.policy, PaymentWay.TRANSFER).allowed
    if _there(call) is not _There.KNOWN or not named:
        return []
    return ended(call, PaymentEnded(at=at, way=PaymentWay.TRANSFER))


def await_end(call: Standing, paying: Paying, at: datetime) -> list[Command]:
    """Give the payment its longest time, counted from its first beginning."""
    longest = timedelta(seconds=decide.payment_terms(call.policy).longest_s)
    rest = call.new_rest(max(0.0, (longest - (at - (paying.since or at))).total_seconds()))
    paying.rest = rest.rest
    return [rest]


def ended(call: Standing, fact: PaymentEnded) -> list[Command]:
    """End what this way has begun; where nothing is left of the payment, go back.

    What has begun by a way that the policy doesn't name is over with any end: nobody is bound to
    tell it by the same.
    """
    paying = call.paying
    if paying is None:
        return []
    terms = decide.payment_terms(call.policy)
    commands = end_overdue(call, fact.at) if _lasts_too_long(call, paying, fact.at) else []
    if paying.late:
        what = f"payment ended by {fact.way}, too late: still silent"
        call.tell(fact.at, what, terms.too_long)
        return commands
    there = _there(call)
    over = [fact.way, *_not_named(call, paying)]  # of a transfer: a line not rung, or gone
    if there is _There.KNOWN and not paying.consulted:
        over.append(PaymentWay.TRANSFER)  # the line is gone again
    paying.consulted = paying.consulted and PaymentWay.TRANSFER not in over
    paying.ways = [way for way in paying.ways if way not in over]
    if there is _There.LINE and PaymentWay.TRANSFER not in paying.ways:
        paying.ways.append(PaymentWay.TRANSFER)
    if not [way for way in paying.ways if way is not PaymentWay.TRANSFER]:
        paying.since, paying.rest = None, 0
    if paying.ways:
        call.tell(fact.at, f"payment ended by {fact.way}; another one goes on")
        return []
    call.tell(fact.at, f"payment ended by {fact.way}", terms.ended)
    if terms.afterwards is AfterPayment.STAY_SILENT:
        paying.late = True  # nor does the next one's end bring the recording back
        return []
    return _go_back(call, paying, there, fact.at, terms.ended)


def rested(call: Standing, paying: Paying, fact: Rested) -> list[Command]:
    """Take in the end of a rest that a payment waits for."""
    if fact.rest == paying.leaving:
        return line_left(call, fact.at)
    return end_overdue(call, fact.at)


def _not_named(call: Standing, paying: Paying) -> list[PaymentWay]:
    """List what has begun by ways that the policy doesn't name; who is there ends a line's."""
    told = [way for way in paying.ways if way is not PaymentWay.TRANSFER]
    return [way for way in told if not decide.on_payment(call.policy, way).allowed]


def _lasts_too_long(call: Standing, paying: Paying, at: datetime) -> bool:
    """Tell whether its time was over for good, though the rest's end comes later than this."""
    terms = decide.payment_terms(call.policy)
    if paying.late or paying.since is None or terms.when_too_long is AfterPayment.RESUME:
        return False
    return at > paying.since + timedelta(seconds=terms.longest_s)


def end_overdue(call: Standing, at: datetime) -> list[Command]:
    """Nobody has said that the payment is over, for as long as the policy waits."""
    paying = call.paying
    if paying is None:
        return []
    paying.rest = 0
    terms, there = decide.payment_terms(call.policy), _there(call)
    call.tell(at, "the payment lasts too long", terms.too_long)
    if terms.when_too_long is AfterPayment.STAY_SILENT:
        paying.late = True
        return [PaymentTooLong(f"a payment lasts too long: {terms.too_long.words}")]
    if _not_named(call, paying):
        return []  # the policy knows nothing of it, so nor how long it lasts
    paying.ways = [way for way in paying.ways if way is PaymentWay.TRANSFER]
    paying.since = None
    if there is _There.LINE and not paying.ways:
        paying.ways.append(PaymentWay.TRANSFER)
    if paying.ways:
        return []  # a payment line's lasts as long as the transfer
    return _go_back(call, paying, there, at, terms.too_long)


def _there(call: Standing) -> _There:
    company = call.company
    if judging.payment_line(call.policy, company, company.talkers) is not None:
        return _There.LINE
    if not company.talkers:
        return _There.NOBODY
    known = any(company.knows(talker) for talker in company.talkers)
    return _There.KNOWN if known else _There.STRANGERS


def _judged(call: Standing, at: datetime) -> _There:
    """Judge strangers now, who came while nothing was recorded: as if by a transfer."""
    ruling = judging.talk(call.policy, call.company.talkers)
    if ruling is None or ruling.outcome is not OnTransfer.CONTINUE:
        return _There.STRANGERS
    call.tell(at, "in a talk with somebody else, who came during the payment", ruling.reason)
    call.company.let_in(*call.company.talkers)
    return _There.KNOWN


def _go_back(
    call: Standing, paying: Paying, there: _There, at: datetime, reason: Reason
) -> list[Command]:
    """Be where the call would be without the payment, if somebody is there who has it."""
    if there is _There.STRANGERS and paying.beneath in (Stage.RECORDED, Stage.PARKED):
        there = _judged(call, at)
    match paying.beneath, there:
        case Stage.WAITING, _:
            return call.turn(Turn.WAITS, at, decide.on_waiting(call.policy), EndedBy.PAYMENT)
        case ((Stage.RECORDED | Stage.PARKED), _There.NOBODY):
            return call.turn(Turn.PAYMENT_ENDED_ALONE, at, reason, EndedBy.PAYMENT)
        case ((Stage.RECORDED | Stage.PARKED), _There.KNOWN):
            commands = call.turn(Turn.PAYMENT_ENDED, at, reason, EndedBy.PAYMENT)
            call.company.heard = call.company.voice  # who is heard is there already
            return commands
        case _:
            return call.turn(Turn.PAYMENT_ENDED_ELSEWHERE, at, reason, EndedBy.PAYMENT)
