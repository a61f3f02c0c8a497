"""Payments that are told: by which way they end, and when it is too late for that."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.resumed import state_of
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Fact,
    HungUp,
    PaymentBegan,
    PaymentEnded,
    PaymentTooLong,
    Rest,
    TalkChanged,
    Talker,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import AfterPayment, DestinationKind, Payment, PaymentWay, Policy
from hushtape.policy.stages import Stage
from tests.unit.ami_bridge.call.test_machine import (
    ID,
    POLICIES,
    at,
    entered,
    only,
    play,
    rested,
    started,
    stopped,
)

KEY, API, EVENT, DIALPLAN = (
    PaymentWay.KEY,
    PaymentWay.API,
    PaymentWay.EVENT,
    PaymentWay.DIALPLAN,
)
LONGEST_S = 90
AGENT = Talker("1.7", Place(DestinationKind.EXTENSION, "231"), telephone="PJSIP/231")
IN_TALK: tuple[Fact, ...] = (
    AgentAnswered(at=at(4), agent="PJSIP/231", talker=AGENT),
    TalkChanged(at=at(4), talkers=(AGENT,)),
)


def policy(
    *by: PaymentWay,
    too_long: AfterPayment = AfterPayment.STAY_SILENT,
    afterwards: AfterPayment = AfterPayment.RESUME,
) -> Policy:
    longest = f"{LONGEST_S} seconds"
    payment = Payment(by=by, longest=longest, when_too_long=too_long, afterwards=afterwards)
    return msgspec.structs.replace(POLICIES["reigate-banstead"], payment=payment)


def began(seconds: float, way: PaymentWay) -> PaymentBegan:
    return PaymentBegan(at=at(seconds), way=way)


def ended(seconds: float, way: PaymentWay) -> PaymentEnded:
    return PaymentEnded(at=at(seconds), way=way)


def after(*facts: Fact, under: Policy) -> Call:
    call, _ = play(entered(0), started(0.01), *IN_TALK, *facts, policy=under)
    return call


def overdue(call: Call) -> None:
    """Let the payment's longest time pass."""
    assert call.paying is not None
    (alarm,) = only(PaymentTooLong, call.apply(rested(10 + LONGEST_S, call.paying.rest)))
    assert isinstance(alarm, PaymentTooLong)
    assert "90 seconds" in alarm.what


@pytest.mark.parametrize(
    ("by", "begins", "ends", "stage"),
    [
        ((KEY,), [KEY], [KEY], Stage.RECORDED),
        ((KEY,), [API], [API], Stage.RECORDED),
        ((KEY,), [API], [KEY], Stage.RECORDED),
        ((KEY,), [API], [EVENT], Stage.RECORDED),
        ((), [API], [KEY], Stage.RECORDED),
        ((KEY, API), [KEY], [API], Stage.SILENT),  # that was the end of another one
        ((KEY,), [KEY], [API], Stage.SILENT),
        ((KEY,), [KEY, API], [API], Stage.SILENT),
        ((KEY,), [KEY, API], [KEY], Stage.RECORDED),
        ((KEY,), [KEY, API], [API, KEY], Stage.RECORDED),
    ],
)
def test_by_which_way_a_payment_ends(
    by: tuple[PaymentWay, ...], begins: list[PaymentWay], ends: list[PaymentWay], stage: Stage
) -> None:
    facts = [began(10, way) for way in begins] + [ended(20, way) for way in ends]
    assert after(*facts[: len(begins)], under=policy(*by)).stage is Stage.SILENT
    assert after(*facts, under=policy(*by)).stage is stage


def test_an_end_that_is_told_too_late_brings_nothing_back() -> None:
    call = after(began(10, KEY), stopped(10.1), under=policy(KEY))
    overdue(call)
    for way in (KEY, API):
        call.apply(ended(200, way))
        assert call.stage is Stage.SILENT
    reason = call.papers.story[-1].reason
    assert reason is not None
    assert reason.rule == "payment.when_too_long"
    call.apply(began(300, KEY))
    call.apply(ended(310, KEY))
    assert call.stage is Stage.SILENT, "one more payment mends nothing"
    call.apply(entered(400))
    assert call.stage is Stage.RECORDED, "a queue that is entered anew does"


def test_after_a_queue_the_next_payment_has_its_own_time() -> None:
    call = after(began(10, KEY), stopped(10.1), under=policy(KEY))
    overdue(call)
    for fact in (entered(400), *IN_TALK, began(410, KEY), ended(420, KEY)):
        call.apply(fact)
    assert call.stage is Stage.RECORDED


@pytest.mark.parametrize(("seconds", "stage"), [(99, Stage.RECORDED), (101, Stage.SILENT)])
def test_what_counts_is_when_the_end_is_told_and_not_when_the_rest_is_over(
    seconds: float, stage: Stage
) -> None:
    call = after(began(10, KEY), stopped(10.1), under=policy(KEY))
    commands = call.apply(ended(seconds, KEY))
    assert call.stage is stage
    assert len(only(PaymentTooLong, commands)) == (stage is Stage.SILENT)


def test_where_it_is_to_go_on_when_too_long_an_end_is_never_too_late() -> None:
    resumes = policy(KEY, too_long=AfterPayment.RESUME)
    call = after(began(10, KEY), stopped(10.1), ended(101, KEY), under=resumes)
    assert call.stage is Stage.RECORDED


def test_another_bridge_knows_that_it_was_too_late() -> None:
    under = policy(KEY)
    call = after(began(10, KEY), stopped(10.1), under=under)
    overdue(call)
    text = noted.write(state_of(call))
    assert text.endswith(";k:recorded:l")
    state = noted.read(text)
    assert state.payment is not None
    assert state.payment.late
    resumed = Call.resumed(state, "pbx1", "pbx1-1.1", under, entered(0))
    assert resumed.id == ID
    facts: list[Fact] = [Adopted(at=at(150)), TalkChanged(at=at(150), talkers=(AGENT,))]
    commands = [each for fact in facts for each in resumed.apply(fact)]
    waits = [each.pause_s for each in commands if isinstance(each, Rest)]
    assert not [pause_s for pause_s in waits if pause_s > 1], "it has no time left"
    resumed.apply(ended(160, KEY))
    assert resumed.stage is Stage.SILENT
    resumed.apply(HungUp(at=at(170)))
    assert resumed.stage is Stage.OVER


@pytest.mark.parametrize("since", ["late", "x", "1l", "ll"])
def test_no_other_word_for_late_is_read(since: str) -> None:
    call = after(began(10, KEY), stopped(10.1), under=policy(KEY))
    overdue(call)
    text = noted.write(state_of(call))
    with pytest.raises(ValueError):
        noted.read(text.removesuffix("l") + since)
