"""With whom a caller talks: bridges, Local channels, parking, consultations, transfers."""

from __future__ import annotations

from datetime import datetime

import pytest

from ami_bridge.asterisk import translate as translation
from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    AgentAnswered,
    Channel,
    Claimed,
    ConsultationBegan,
    ConsultationEnded,
    Fact,
    Held,
    JoinedTalk,
    LeftTalk,
    LegGone,
    OptedOut,
    Parked,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.told import Told
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.asterisk.test_translate import NOW, PBX, SINCE
from tests.unit.ami_bridge.asterisk.test_translate_dials import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    Pbx,
    inbound,
    local_call,
    status,
)


def queue_call() -> Pbx:
    """A caller who talks with the queue's adviser."""
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre", Exten="03456009009")
    for uniqueid in (AGENT, CALLER):
        pbx.enters("b1", uniqueid, "03456009009")
    return pbx


def of(told: list[Told], uniqueid: str, kind: type[Fact]) -> list[Fact]:
    return [
        each.fact
        for each in told
        if each.channel.uniqueid == uniqueid and isinstance(each.fact, kind)
    ]


def company(told: list[Told], uniqueid: str = CALLER) -> list[list[str]]:
    """With whom somebody talks, each time that it was told."""
    return [
        [talker.uniqueid for talker in fact.talkers]
        for fact in of(told, uniqueid, TalkChanged)
        if isinstance(fact, TalkChanged)
    ]


# talks


def test_both_are_told_when_they_meet_and_when_they_part() -> None:
    pbx = inbound()
    assert company(pbx.enters("b1", AGENT), AGENT) == []
    told = pbx.enters("b1", CALLER)
    assert company(told) == [[AGENT]]
    assert company(told, AGENT) == [[CALLER]]
    assert of(told, CALLER, JoinedTalk)
    told = pbx.leaves("b1", AGENT)
    assert company(told) == company(told, AGENT) == [[]]
    assert of(told, AGENT, LeftTalk)


def test_nothing_is_told_twice() -> None:
    pbx = queue_call()
    assert company(pbx.enters("b1", CALLER, "03456009009")) == []


def test_who_hangs_up_is_out_of_the_talk() -> None:
    pbx = queue_call()
    assert company(pbx.says("Hangup", Uniqueid=AGENT, Channel=NAMES[AGENT])) == [[]]


def test_a_channel_that_nobody_saw_arrive_is_heard_all_the_same() -> None:
    pbx = queue_call()
    assert company(pbx.enters("b1", "1.99")) == [[AGENT, "1.99"]]
    assert company(pbx.says("Hangup", Uniqueid="1.99")) == [[AGENT]]


def test_behind_a_local_channel_the_agent_is_heard() -> None:
    pbx = local_call()
    told = pbx.leaves("b2", AGENT)
    assert company(told) == [["1.8"]], "nobody is behind it"
    assert company(pbx.enters("b2", AGENT)) == [[AGENT]]
    assert of(told, "1.8", TalkChanged) == [], "half of a Local channel is nobody"


def test_where_nobody_talks_there_is_no_talk() -> None:
    pbx = queue_call()
    pbx.leaves("b1", CALLER)
    for kind in translation.PARKING:
        assert pbx.enters("b7", CALLER, kind=kind) == []
    assert pbx.says("BridgeEnter", Uniqueid=CALLER, BridgeUniqueid="") == []


def test_a_pickup_is_the_colleagues_answer() -> None:
    pbx = inbound("03456009009")
    pbx.rings(COLLEAGUE, "*8")
    (told,) = pbx.says(
        "AgentConnect",
        Uniqueid=CALLER,
        DestUniqueid=COLLEAGUE,
        DestChannel=NAMES[COLLEAGUE],
        Interface="PJSIP/211",
        MemberName="Alice",
    )
    fact = told.fact
    assert isinstance(fact, AgentAnswered)
    assert fact.agent == "PJSIP/212", "not whose phone rang"
    assert fact.talker is not None
    assert fact.talker.uniqueid == COLLEAGUE


# parking


def test_parked_is_the_caller() -> None:
    (told,) = queue_call().says("ParkedCall", ParkeeUniqueid=CALLER)
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, Parked)


def test_behind_a_local_channel_its_far_half_is_parked_and_with_it_the_caller() -> None:
    pbx = local_call()
    (told,) = pbx.says("ParkedCall", ParkeeUniqueid="1.9", ParkeeChannel=NAMES["1.9"])
    assert told.channel.uniqueid == CALLER


def test_what_nobody_knows_is_not_parked() -> None:
    assert queue_call().says("ParkedCall", ParkeeUniqueid="1.99") == []
    pbx = local_call()
    pbx.leaves("b1", CALLER)
    assert pbx.says("ParkedCall", ParkeeUniqueid="1.9") == [], "nobody is behind it"


# transfers


def attended(pbx: Pbx, **headers: str) -> list[Told]:
    return pbx.says(
        "AttendedTransfer",
        Result="Success",
        TransfereeUniqueid=CALLER,
        TransfereeChannel=NAMES[CALLER],
        OrigTransfererChannel=NAMES[AGENT],
        **headers,
    )


def test_a_three_way_call_is_no_transfer() -> None:
    told = attended(
        queue_call(), DestType="Threeway", TransferTargetChannel="Local/212@internal-00000001;1"
    )
    assert told == []


def test_who_takes_over_anothers_place_in_the_dialplan_is_there() -> None:
    """A REFER while the colleague's telephone rings, or in a queue (``DestType: App``)."""
    pbx = queue_call()
    pbx.rings("1.22", "612")
    told = attended(
        pbx,
        DestType="App",
        SecondTransfererUniqueid="1.22",
        SecondTransfererChannel=NAMES["1.22"],
    )
    (fact,) = of(told, CALLER, TransferCompleted)
    assert isinstance(fact, TransferCompleted)
    assert (fact.place.kind, fact.place.queue) == (DestinationKind.QUEUE, "surrey-adult-care")
    pbx.leaves("b1", CALLER)
    pbx.rings(COLLEAGUE)
    pbx.enters("b2", COLLEAGUE)
    assert not of(pbx.enters("b2", CALLER, "612"), CALLER, TransferCompleted), "that is known"


@pytest.mark.parametrize("kind", ["Bridge", "Link"])
def test_who_only_talks_to_somebody_else_stays_where_it_is_in_the_dialplan(kind: str) -> None:
    pbx = queue_call()
    attended(pbx, DestType=kind, TransferTargetChannel="Local/212@internal-00000001;1")
    told = pbx.enters("b1", CALLER, "03456009009")
    assert not of(told, CALLER, TransferCompleted)


def test_a_line_is_transferred_with_whoever_is_behind_it() -> None:
    pbx = local_call()
    told = pbx.says(
        "BlindTransfer",
        Result="Success",
        TransfereeUniqueid="1.9",
        TransfereeChannel=NAMES["1.9"],
        Extension="710",
    )
    (fact,) = of(told, CALLER, TransferCompleted)
    assert isinstance(fact, TransferCompleted)
    assert fact.place == pbx.translator.place("710")


# hold and consultations


def test_a_hold_is_told_of_all_who_are_in_the_talk() -> None:
    told = queue_call().says("Hold", Uniqueid=AGENT)
    assert of(told, CALLER, Held)
    assert of(local_call().says("Hold", Uniqueid=AGENT), CALLER, Held)
    assert queue_call().says("Hold", Uniqueid="1.99") == []
    assert queue_call().says("Unhold", Uniqueid="1.99") == []


def test_a_consultation_by_key_names_the_leg_and_the_place() -> None:
    pbx = queue_call()
    pbx.rings("1.8", "212")
    pbx.enters("b2", "1.8")
    pbx.leaves("b1", AGENT)
    (fact,) = of(pbx.enters("b2", AGENT), CALLER, ConsultationBegan)
    assert isinstance(fact, ConsultationBegan)
    assert (fact.leg.uniqueid, fact.telephone) == (AGENT, "PJSIP/211")
    assert fact.place == pbx.translator.place("211"), "as the Local channel is named"
    (ended,) = of(pbx.leaves("b2", AGENT), CALLER, ConsultationEnded)
    assert isinstance(ended, ConsultationEnded)
    assert ended.leg == AGENT


def second_line() -> tuple[Pbx, list[Told]]:
    pbx = queue_call()
    pbx.says("Hold", Uniqueid=AGENT)
    pbx.rings("1.22", "212")
    pbx.rings(COLLEAGUE)
    pbx.enters("b2", COLLEAGUE)
    return pbx, pbx.enters("b2", "1.22", "212")


def test_a_consultation_by_telephone_is_on_its_second_channel() -> None:
    pbx, told = second_line()
    (fact,) = of(told, CALLER, ConsultationBegan)
    assert isinstance(fact, ConsultationBegan)
    assert (fact.leg.uniqueid, fact.place) == ("1.22", pbx.translator.place("212"))
    assert of(pbx.says("Unhold", Uniqueid=AGENT), CALLER, ConsultationEnded)


def test_whoever_comes_into_a_consultation_is_told() -> None:
    pbx, _ = second_line()
    told = pbx.enters("b2", "1.99")
    (fact,) = of(told, CALLER, ConsultationBegan)
    assert isinstance(fact, ConsultationBegan)
    assert [talker.uniqueid for talker in fact.talkers] == [COLLEAGUE, "1.99"]
    assert fact.leg.uniqueid == "1.22"


def test_an_opt_out_during_a_consultation_is_that_of_the_caller_who_waits() -> None:
    pbx, _ = second_line()
    assert of(pbx.user("1.22", "opt-out", "agent"), CALLER, OptedOut)
    assert of(pbx.user(COLLEAGUE, "opt-out", "agent"), CALLER, OptedOut) == []


def test_a_leg_that_is_gone_is_told_before_it_is_forgotten() -> None:
    pbx, _ = second_line()
    (fact,) = of(pbx.says("Hangup", Uniqueid="1.22"), CALLER, LegGone)
    assert isinstance(fact, LegGone)
    assert fact.leg == "1.22"


# after the link was away


def living(*talks: tuple[str, str], **headers: str) -> list[dict[str, str]]:
    return [
        status(
            uniqueid,
            BridgeID=bridge,
            Exten="03456009009" if uniqueid == CALLER else "",
            Context="from-outside" if uniqueid == CALLER else "internal",
            **headers,
        )
        for uniqueid, bridge in talks
    ]


def test_after_a_resync_who_talks_is_known_anew() -> None:
    pbx = queue_call()
    now = living((CALLER, "b1"), (AGENT, "b1"), (COLLEAGUE, "b1"))
    told = list(pbx.translator.resync(now, NOW, SINCE))
    assert company(told) == [[AGENT, COLLEAGUE]]
    assert company(pbx.leaves("b1", COLLEAGUE)) == [[AGENT]]


def test_who_is_parked_talks_to_nobody_after_a_resync_either() -> None:
    pbx = queue_call()
    pbx.leaves("b1", CALLER)
    pbx.enters("lot", CALLER, kind="parking")
    now = living((CALLER, "lot"), (COLLEAGUE, "lot"), (AGENT, ""))
    assert company(list(pbx.translator.resync(now, NOW, SINCE))) == []


def test_after_a_resync_a_local_channel_still_leads_to_the_agent() -> None:
    pbx = local_call()
    now = living((CALLER, "b1"), ("1.8", "b1"), ("1.9", "b2"), (AGENT, "b2"))
    assert company(list(pbx.translator.resync(now, NOW, SINCE))) == [], "as it was"
    assert company(pbx.leaves("b2", AGENT)) == [["1.8"]]


def test_a_consultation_that_may_be_over_is_over() -> None:
    pbx, _ = second_line()
    now = living((CALLER, "b1"), (AGENT, "b1"), ("1.22", "b2"), (COLLEAGUE, "b2"))
    told = list(pbx.translator.resync(now, NOW, SINCE))
    (fact,) = of(told, CALLER, ConsultationEnded)
    assert isinstance(fact, ConsultationEnded)
    assert (fact.leg, fact.at) == ("1.22", SINCE)


def test_a_consultation_of_a_predecessor_whose_leg_is_gone_is_told() -> None:
    pbx = queue_call()
    caller, agent = pbx.translator.channel(CALLER), pbx.translator.channel(AGENT)
    assert caller is not None
    assert agent is not None
    translator = Translator(PBX)
    translator.know(caller, [agent])
    told = list(translator.resync(living((CALLER, "b1")), NOW, SINCE))
    (fact,) = of(told, CALLER, LegGone)
    assert isinstance(fact, LegGone)
    assert fact.leg == AGENT


def test_a_claim_says_with_whom_it_is_and_where_it_waits() -> None:
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"), Application="Queue", Data="help-line,t")
    caller["Variable"] = "HUSHTAPE_CALL=a;note=with;signs"
    told = list(Translator(PBX).resync([caller, agent], NOW, SINCE))
    (fact,) = of(told, CALLER, Claimed)
    assert isinstance(fact, Claimed)
    assert fact.note == "a;note=with;signs"
    assert [talker.uniqueid for talker in fact.talkers] == [AGENT]
    assert (fact.waits_in, fact.since, fact.at) == ("help-line", SINCE, NOW)
    assert fact.talkers[0].telephone == "PJSIP/211"


@pytest.mark.parametrize(("note", "since"), [("x;y", SINCE), ("(null)", NOW)])
def test_with_whom_another_bridges_call_talks_is_uncertain_since_it_was_last_there(
    note: str, since: datetime
) -> None:
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"))
    caller["Variable"] = f"HUSHTAPE_CALL={note}"
    told = list(Translator(PBX).resync([caller, agent], NOW, SINCE))
    (fact,) = of(told, CALLER, TalkChanged)
    assert fact.at == since


def test_a_leg_that_is_known_stays_what_it_is() -> None:
    """A note holds no more of an agent's channel than its name."""
    pbx = queue_call()
    caller, agent = pbx.translator.channel(CALLER), pbx.translator.channel(AGENT)
    assert caller is not None
    pbx.translator.know(caller, [Channel(AGENT, NAMES[AGENT], "", "")])
    assert pbx.translator.channel(AGENT) is agent
    assert agent is not None
    assert agent.context == "internal"


def test_of_a_call_that_we_know_the_note_is_our_own() -> None:
    pbx = queue_call()
    caller, agent = living((CALLER, "b1"), (AGENT, "b1"))
    caller["Variable"] = "HUSHTAPE_CALL=ours"
    told = list(pbx.translator.resync([caller, agent], NOW, SINCE))
    assert not of(told, CALLER, Claimed)


def test_several_variables_are_told_apart() -> None:
    class Several(dict[str, str]):
        def every(self, name: str) -> tuple[str, ...]:
            assert name == "Variable"
            return ("HUSHTAPE_CALL=x;y", "HUSHTAPE_OPT_OUT=(null)", "EMPTY=", "odd")

    assert translation.variables_of(Several()) == {"HUSHTAPE_CALL": "x;y"}
    assert translation.variables_of({}) == {}
