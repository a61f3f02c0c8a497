"""What agents' desktops ask of the bridge."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.call.recorder import Recorder
from ami_bridge.desktop.desk import Answer, Hearing, Outcome, Wanted
from ami_bridge.facts import Channel, HungUp, OptedOut, TalkChanged
from hushtape.policy.schema import Asker, OptOut, Pause, PaymentWay
from tests.unit.ami_bridge.paying import CALLER, Desk, answered, policies
from tests.unit.ami_bridge.test_bridge import POLICIES, entered, until

MINE = Wanted(extension="211")


async def begin(desk: Desk, wanted: Wanted = MINE) -> Outcome:
    return await desk.bridge.begin_payment(wanted, "crm", 0.05)


async def end(desk: Desk, wanted: Wanted = MINE) -> Outcome:
    return await desk.bridge.end_payment(wanted, "crm", 0.05)


async def test_a_payment_begins_when_it_is_silent_and_ends() -> None:
    desk = await answered()
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    (now,) = outcome.calls
    assert (now.id, now.pbx, now.hearing) == (desk.call.id, "pbx1", Hearing.SILENT)
    assert now.confirmed
    assert now.since is not None
    outcome = await end(desk)
    assert outcome.answer is Answer.DONE
    (now,) = outcome.calls
    assert (now.hearing, now.since, now.confirmed) == (Hearing.RECORDED, None, False)


async def test_it_may_be_meant_by_its_id() -> None:
    desk = await answered()
    assert (await begin(desk, Wanted(call=desk.call.id))).answer is Answer.DONE
    assert desk.live.silent


async def test_to_begin_again_only_waits() -> None:
    desk = await answered()
    await begin(desk)
    since = desk.call.paying and desk.call.paying.since
    assert (await begin(desk)).answer is Answer.DONE
    assert desk.call.paying is not None
    assert desk.call.paying.since == since


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(extension="212"),
        Wanted(call="20261121-130500-zzzzzzzz"),
        Wanted(pbx="pbx1", extension=""),
        Wanted(),
    ],
)
async def test_a_call_that_is_not_there(wanted: Wanted) -> None:
    desk = await answered()
    assert (await begin(desk, wanted)).answer is Answer.NO_CALL
    assert desk.bridge.find(wanted).answer is Answer.NO_CALL
    assert desk.live.call.recorder is Recorder.RUNNING


async def test_of_two_calls_of_one_agent_none_is_guessed() -> None:
    desk = await answered()
    other = Channel("1.9", "PJSIP/trunk-9", "from-outside", "01737276000")
    desk.tell(entered(), other)
    talkers = desk.bridge._live["pbx1", CALLER.uniqueid].call.company.talkers
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=talkers), other)
    outcome = await begin(desk)
    assert outcome.answer is Answer.SEVERAL
    assert len(outcome.calls) == 2
    assert len(desk.bridge.find(MINE).calls) == 2


async def test_an_agent_who_consults_has_the_call_still() -> None:
    desk = await answered()
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=()))
    assert desk.bridge.find(MINE).answer is Answer.DONE
    assert desk.bridge.find(Wanted(extension="11")).answer is Answer.NO_CALL


async def test_what_the_policy_does_not_know_is_refused() -> None:
    desk = await answered(policies(by=(PaymentWay.TRANSFER,)))
    outcome = await begin(desk)
    assert outcome.answer is Answer.REFUSED
    assert "api" in outcome.why
    assert desk.call.recorder is Recorder.RUNNING
    assert (await end(desk)).answer is Answer.REFUSED


async def test_only_what_a_desktop_has_begun_it_ends() -> None:
    desk = await answered()
    assert (await end(desk)).answer is Answer.REFUSED
    desk.pays(PaymentWay.KEY)
    outcome = await end(desk)
    assert outcome.answer is Answer.REFUSED
    assert outcome.calls[0].hearing is Hearing.SILENT


async def test_silence_that_is_not_confirmed_is_said_and_goes_on() -> None:
    desk = await answered()
    desk.pbx.sticks.add(CALLER.uniqueid)
    outcome = await begin(desk)
    assert outcome.answer is Answer.UNCONFIRMED
    assert not outcome.calls[0].confirmed
    assert desk.live.in_payment


async def test_a_muted_one_is_done_and_not_confirmed() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    assert not outcome.calls[0].confirmed


async def test_a_pbx_that_cannot_be_asked() -> None:
    desk = await answered()
    desk.pbx.up = False
    for wanted in (MINE, Wanted(pbx="pbx1", extension="211"), Wanted(pbx="pbx9", extension="211")):
        assert (await begin(desk, wanted)).answer is Answer.AWAY
        assert desk.bridge.find(wanted).answer is Answer.AWAY
    assert desk.call.recorder is Recorder.RUNNING


async def test_a_call_that_declined_is_silent_for_good() -> None:
    desk = await answered(
        [msgspec.structs.replace(each, opt_out=OptOut(by=(Asker.AGENT,))) for each in POLICIES]
    )
    desk.tell(OptedOut(at=desk.pbx.now, by=Asker.AGENT))
    await until(lambda: desk.live.silent)
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    assert (outcome.calls[0].hearing, outcome.calls[0].confirmed) == (Hearing.NOT_RECORDED, True)


async def test_one_that_is_over_is_none() -> None:
    desk = await answered()
    desk.tell(HungUp(at=desk.pbx.now))
    await until(lambda: not desk.bridge._live)
    assert desk.bridge.find(MINE).answer is Answer.NO_CALL
