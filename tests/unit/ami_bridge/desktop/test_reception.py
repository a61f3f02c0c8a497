"""What agents' desktops ask of the bridge."""

from __future__ import annotations

import msgspec
import pytest

from ami_bridge.call.recorder import Recorder
from ami_bridge.desktop.desk import Answer, Hearing, Outcome, Wanted
from ami_bridge.facts import (
    Channel,
    Fact,
    Held,
    HungUp,
    LeftTalk,
    MuteRecorder,
    OptedOut,
    Parked,
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)
from hushtape.policy.decide import Place
from hushtape.policy.schema import Asker, DestinationKind, OptOut, Pause, PaymentWay
from tests.unit.ami_bridge.paying import ADVISER, AGENT, CALLER, Desk, answered, policies
from tests.unit.ami_bridge.test_bridge import POLICIES, START, entered, until

MINE = Wanted(extension="211")
NOWHERE = Place(DestinationKind.UNKNOWN, "")
PATIENT_S = 5.0  # for what comes at once, however busy the machine is
SHORT_S = 0.05  # for what never comes


async def begin(desk: Desk, wanted: Wanted = MINE, within_s: float = PATIENT_S) -> Outcome:
    return await desk.bridge.begin_payment(wanted, "crm", within_s)


async def end(desk: Desk, wanted: Wanted = MINE) -> Outcome:
    return await desk.bridge.end_payment(wanted, "crm", PATIENT_S)


async def test_a_payment_begins_when_it_is_silent_and_ends() -> None:
    desk = await answered()
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    (now,) = outcome.calls
    assert (now.id, now.pbx, now.hearing) == (desk.call.id, "pbx1", Hearing.SILENT)
    assert now.acknowledged
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
    outcome = await begin(desk, within_s=SHORT_S)
    assert outcome.answer is Answer.UNCONFIRMED
    assert not outcome.calls[0].confirmed
    assert desk.live.in_payment


async def test_a_muted_one_is_acknowledged_and_not_confirmed() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    before = desk.bridge.find(MINE).calls[0]
    assert not before.acknowledged
    outcome = await begin(desk)
    assert outcome.answer is Answer.ACKNOWLEDGED
    assert "muted" in outcome.why
    (now,) = outcome.calls
    assert (now.hearing, now.acknowledged, now.confirmed) == (Hearing.SILENT, True, False)
    assert (await begin(desk)).answer is Answer.ACKNOWLEDGED
    assert desk.bridge.find(MINE).calls == outcome.calls
    (over,) = (await end(desk)).calls
    assert (over.hearing, over.acknowledged) == (Hearing.RECORDED, False)


async def test_a_mute_that_nobody_acknowledges_is_unconfirmed_until_all_is_stopped() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pbx.fails = (MuteRecorder,)
    desk.pbx.sticks.add(CALLER.uniqueid)
    outcome = await begin(desk, within_s=SHORT_S)
    assert outcome.answer is Answer.UNCONFIRMED
    (now,) = outcome.calls
    assert (now.acknowledged, now.confirmed) == (False, False)


async def test_a_mute_that_is_refused_is_a_stop_and_confirmed() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pbx.fails = (MuteRecorder,)
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    assert outcome.calls[0].confirmed


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


async def test_it_is_confirmed_only_when_nothing_else_records_around_it() -> None:
    desk = await answered()
    desk.pbx.near = {CALLER.uniqueid: (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    outcome = await begin(desk)
    assert outcome.answer is Answer.DONE
    assert desk.pbx.recorders[AGENT.uniqueid] == [], "before the answer"


async def test_somebody_elses_recorder_that_stays_is_no_silence() -> None:
    desk = await answered()
    desk.pbx.near = {CALLER.uniqueid: (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.pbx.sticks = {AGENT.uniqueid}
    outcome = await begin(desk, within_s=SHORT_S)
    assert outcome.answer is Answer.UNCONFIRMED
    assert "around the call" in outcome.why
    (now,) = outcome.calls
    assert (now.acknowledged, now.confirmed) == (False, False)
    assert desk.live.silent, "ours are gone"


async def test_a_mute_beside_somebody_elses_recorder_is_not_acknowledged() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pbx.near = {CALLER.uniqueid: (CALLER, AGENT)}
    desk.pbx.sticks = {AGENT.uniqueid}
    assert (await begin(desk, within_s=SHORT_S)).answer is Answer.UNCONFIRMED


OTHER = Channel("1.9", "PJSIP/trunk-9", "from-outside", "01737276000")
QUEUE = Place(DestinationKind.QUEUE, "611", queue="customer-service")


def next_call(desk: Desk) -> None:
    desk.tell(entered(), OTHER)
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=(ADVISER,)), OTHER)


@pytest.mark.parametrize(
    "taken",
    [
        (TransferCompleted(at=START, place=QUEUE), LeftTalk(at=START), TalkChanged(at=START)),
        (LeftTalk(at=START), TalkChanged(at=START), TransferCompleted(at=START, place=QUEUE)),
        (TalkChanged(at=START), LeftTalk(at=START)),
        (entered(),),
    ],
    ids=["transfer", "told afterwards", "redirected", "queue"],
)
async def test_a_former_caller_who_waits_elsewhere_is_not_meant(taken: tuple[Fact, ...]) -> None:
    desk = await answered()
    mine = desk.call.id
    for fact in taken:
        desk.tell(fact)
    assert desk.bridge.find(MINE).answer is Answer.NO_CALL
    next_call(desk)
    (now,) = desk.bridge.find(MINE).calls
    assert now.id != mine
    assert (await begin(desk)).answer is Answer.DONE
    assert desk.bridge._live["pbx1", CALLER.uniqueid].call.paying is None


@pytest.mark.parametrize(
    "waits",
    [
        (TalkChanged(at=START),),
        (Held(at=START), TalkChanged(at=START)),
        (TransferCompleted(at=START, place=QUEUE), TalkChanged(at=START), Parked(at=START)),
        (LeftTalk(at=START), TalkChanged(at=START), Parked(at=START)),
        (TransferCompleted(at=START, place=QUEUE), TransferFailed(at=START)),
        (TalkChanged(at=START, talkers=(Talker("1.8", NOWHERE, stands_in=True),)),),
    ],
    ids=["consulting", "held", "sent to be parked", "parked", "came to nothing", "behind a half"],
)
async def test_who_has_the_caller_waiting_has_the_call(waits: tuple[Fact, ...]) -> None:
    desk = await answered()
    for fact in waits:
        desk.tell(fact)
    (now,) = desk.bridge.find(MINE).calls
    assert now.id == desk.call.id


async def test_who_came_instead_has_it_now() -> None:
    desk = await answered()
    colleague = Talker("1.8", Place(DestinationKind.EXTENSION, "212"), "PJSIP/212")
    desk.tell(TalkChanged(at=START, talkers=(colleague,)))
    desk.tell(TalkChanged(at=START))
    assert desk.bridge.find(MINE).answer is Answer.NO_CALL
    assert desk.bridge.find(Wanted(extension="212")).answer is Answer.DONE
