"""The dialplan asks before a payment: yes only where it is sure that nothing records."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ami_bridge import guard as guards
from ami_bridge.facts import (
    AnswerYes,
    Channel,
    Command,
    HungUp,
    NotePayment,
    NoteState,
    PaymentEnded,
    SilenceAsked,
    StopEveryRecorder,
)
from ami_bridge.guard import No
from hushtape.policy.schema import PaymentWay
from tests.unit.ami_bridge.paying import (
    AGENT,
    CALLER,
    NONCE,
    SECOND,
    Desk,
    answered,
    settled,
)


@pytest.fixture
async def desk() -> Desk:
    """A call whose agent has transferred it to the payment line: its recorder is being stopped."""
    desk = await answered()
    desk.pays(PaymentWay.TRANSFER, stops=True)
    return desk


def why(logs: list[dict[str, object]]) -> list[object]:
    return [each["why"] for each in logs if each["event"] == "guard: no"]


async def test_yes_when_every_recorder_is_shown_to_be_gone(desk: Desk) -> None:
    with capture_logs() as logs:
        assert await desk.asks() == NONCE
    assert desk.pbx.recorders[CALLER.uniqueid] == []
    told = [each for each in logs if each["event"] == "guard: yes"]
    assert told[0]["calls"] == [desk.call.id]
    assert NONCE not in str(logs)


async def test_the_answer_comes_last(desk: Desk) -> None:
    await desk.asks()
    order = [type(command) for _, command in desk.pbx.done]
    answer = order.index(AnswerYes)
    assert len(order) - 1 - order[::-1].index(NoteState) < answer
    assert max(n for n, kind in enumerate(order) if kind is StopEveryRecorder) < answer


async def test_the_state_that_is_noted_is_the_payments(desk: Desk) -> None:
    await desk.asks()
    assert ";silent;" in desk.pbx.variables[CALLER.uniqueid, "call"]


async def test_every_channel_of_the_call_is_looked_at(desk: Desk) -> None:
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    assert await desk.asks() == NONCE
    assert desk.pbx.recorders[AGENT.uniqueid] == []


async def test_on_the_agents_second_channel_the_caller_is_silenced_and_marked(desk: Desk) -> None:
    assert await desk.asks(SECOND) == NONCE
    assert desk.pbx.variables[CALLER.uniqueid, "payment"] == PaymentWay.TRANSFER
    assert (CALLER.uniqueid, "silence") not in desk.pbx.variables
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.TRANSFER))
    await settled(desk.bridge)
    assert desk.pbx.variables[CALLER.uniqueid, "payment"] == "", "and nobody else takes it off"


async def test_whom_no_policy_names_may_pay_where_nothing_records() -> None:
    desk = await answered()
    stranger = Channel("1.50", "PJSIP/trunk-50", "from-outside", "0800")
    desk.pbx.recorders[stranger.uniqueid] = ["0xffff", "0xfffe"]
    question = SilenceAsked(
        at=desk.pbx.now,
        nonce=NONCE,
        way=PaymentWay.TRANSFER,
        callers=(stranger,),
        channels=(stranger,),
    )
    desk.bridge.tell(desk.pbx, stranger, question)
    await settled(desk.bridge)
    assert desk.pbx.variables[stranger.uniqueid, "silence"] == NONCE
    assert desk.pbx.recorders[stranger.uniqueid] == []
    assert desk.pbx.recorders[CALLER.uniqueid] != [], "the other call has nothing to do with it"


async def test_who_has_hung_up_meanwhile_records_nothing(desk: Desk) -> None:
    desk.pbx.sticks.add(AGENT.uniqueid)
    desk.pbx.gone.add(AGENT.uniqueid)
    assert await desk.asks() == NONCE


# no


async def no(desk: Desk, **more: object) -> No:
    with capture_logs() as logs:
        assert await desk.asks(**more) == ""  # type: ignore[arg-type]
        async with asyncio.timeout(1):
            while not why(logs):  # noqa: ASYNC110
                await asyncio.sleep(0)
    (said,) = why(logs)
    return No(str(said))


async def test_whose_call_cannot_be_told_is_none(desk: Desk) -> None:
    assert await no(desk, sure=False) is No.UNKNOWN
    assert desk.pbx.commands(AnswerYes) == []


async def test_a_call_that_is_not_in_payment() -> None:
    assert await no(await answered()) is No.STATE


async def test_a_payment_that_is_over_before_the_answer(desk: Desk) -> None:
    """It is told while the spool is tried."""
    await settled(desk.bridge)
    task = asyncio.create_task(desk.asks())
    await asyncio.sleep(0)
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.TRANSFER))
    assert await task == ""


async def test_a_recorder_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "ANSWER_WITHIN_S", 0.02)
    desk = await answered()
    desk.pbx.sticks.add(CALLER.uniqueid)
    desk.pays(PaymentWay.TRANSFER, stops=True)
    assert await no(desk) is No.LATE


async def test_a_strange_recorder_that_is_stuck(desk: Desk) -> None:
    desk.pbx.sticks.add(AGENT.uniqueid)
    assert await no(desk) is No.RECORDER


@pytest.mark.parametrize(
    ("fails", "reason", "on"),
    [(NoteState, No.NOTE, CALLER), (NotePayment, No.NOTE, SECOND), (AnswerYes, No.LINK, CALLER)],
)
async def test_what_the_pbx_does_not_take(
    desk: Desk, fails: type[Command], reason: No, on: Channel
) -> None:
    desk.pbx.fails = (fails,)
    assert await no(desk, channel=on) is reason


async def test_a_spool_that_cannot_be_written(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.pbx.spool = tmp_path
    assert await desk.asks() == NONCE
    assert os.listdir(tmp_path) == [], "nothing of the trial stays"  # noqa: PTH208
    desk.pbx.variables.clear()

    monkeypatch.setattr(desk.pbx, "spool", tmp_path / "unmounted")
    assert await no(desk) is No.SPOOL


async def test_a_pbx_that_answers_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(desk.bridge)
    monkeypatch.setattr(guards, "ANSWER_WITHIN_S", 0.02)
    desk.pbx.hangs = True
    assert await no(desk) is No.LATE


async def test_a_bridge_that_ends(desk: Desk) -> None:
    await settled(desk.bridge)
    desk.bridge._guard.ending = True
    assert await no(desk) is No.ENDING


async def test_more_questions_than_anybody_asks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MOST_QUESTIONS", 0)
    assert await no(desk) is No.BUSY


async def test_a_bug_is_a_no_too(desk: Desk) -> None:
    await settled(desk.bridge)

    async def broken(*_: object) -> None:
        raise ValueError

    desk.pbx.carry_out = broken  # type: ignore[assignment, method-assign]
    assert await no(desk) is No.BUG


async def test_a_call_that_was_hung_up(desk: Desk) -> None:
    """It is asked for no more, so its channel is one of nobody's."""
    live = desk.live
    await settled(desk.bridge)
    desk.tell(HungUp(at=desk.pbx.now))
    await settled(desk.bridge)
    assert not live.in_payment


async def test_another_bridges_call(desk: Desk) -> None:
    await settled(desk.bridge)
    desk.live.disowned = True
    assert await no(desk) is No.STATE


def test_every_no_is_one_short_word_for_the_metrics() -> None:
    assert all(each.name.isalpha() for each in No)


async def test_what_nobody_here_can_stop_is_a_no(desk: Desk) -> None:
    with capture_logs() as logs:
        assert await desk.asks(overheard=True) == ""
    assert why(logs) == [No.OVERHEARD.value]
    assert desk.live.in_payment, "it is a payment all the same"
