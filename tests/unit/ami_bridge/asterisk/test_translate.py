"""Replays what a real Asterisk 22 said (tests/data/ami), and what it might say."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    AgentAnswered,
    Channel,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    OptedOut,
    PermissionGiven,
    QueueEntered,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.told import Told
from hushtape.policy.schema import Asker, DestinationKind, Permission
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    NAMES,
    NOW,
    OUTSIDE,
    PBX,
    Pbx,
    arrived,
    inbound,
    join,
    local_call,
    newchannel,
    outbound,
    queue_call,
    replay,
)


@pytest.mark.parametrize(
    ("session", "kinds"),
    [
        ("queue-hangup-by-caller", [QueueEntered, AgentAnswered, HungUp]),
        ("queue-hangup-by-agent", [QueueEntered, AgentAnswered, HungUp]),
        ("queue-abandoned", [QueueEntered, HungUp]),
        ("blind-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("blind-to-outside", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("blind-to-payment", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("feature-blind-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("feature-blind-to-nowhere", [QueueEntered, AgentAnswered, HungUp]),
        ("attended-to-back-office", [QueueEntered, AgentAnswered, TransferCompleted, HungUp]),
        ("caller-hangs-up-while-consulting", [QueueEntered, AgentAnswered, HungUp]),
        (
            "blind-to-other-queue",
            [QueueEntered, AgentAnswered, TransferCompleted, QueueEntered, AgentAnswered, HungUp],
        ),
    ],
)
def test_what_a_real_asterisk_said_becomes_these_facts(session: str, kinds: list[type]) -> None:
    caller, told = replay(session)
    assert caller.startswith("PJSIP/caller1-")
    talk = (JoinedTalk, LeftTalk, TalkChanged, Held, ConsultationBegan, ConsultationEnded, LegGone)
    talk = (*talk, ConsultedGone)
    assert [type(each.fact) for each in told if not isinstance(each.fact, talk)] == kinds
    moments = [each.fact.at for each in told]
    assert moments == sorted(moments)
    assert all(moment.year == 2026 for moment in moments)


def test_a_transfer_to_a_number_that_is_not_configured_is_unknown() -> None:
    assert Translator(PBX).place("4711").kind is DestinationKind.UNKNOWN
    assert Translator(PBX).place("").kind is DestinationKind.UNKNOWN


def test_a_renamed_channel_is_addressed_by_its_new_name() -> None:
    pbx = arrived()
    pbx.says("Rename", Uniqueid=CALLER, Channel="PJSIP/trunk-1.1", Newname="PJSIP/x")
    (told,) = pbx.translator.translate(join(), NOW)
    assert told.channel.name == "PJSIP/x"


def test_a_hung_up_channel_is_forgotten() -> None:
    pbx = arrived()
    assert pbx.says("Hangup", Uniqueid=CALLER)
    assert pbx.channel(CALLER) is None
    assert pbx.says("Hangup", Uniqueid=CALLER) == []


def test_events_without_their_headers_raise_nothing() -> None:
    translator = Translator(PBX)
    for name in ("Rename", "AgentConnect", "BlindTransfer", "Hangup", "Newchannel"):
        translator.translate({"Event": name}, NOW)
    translator.translate({"Event": "QueueCallerJoin"}, NOW)
    assert translator.translate({}, NOW) == []


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.asterisk.translate.MOST_CHANNELS", 3)
    translator = Translator(PBX)
    told = [
        (each.channel.uniqueid, each.fact)
        for number in range(5)
        for each in translator.translate(newchannel(f"1.{number}"), NOW)
    ]
    gone = HungUp(at=NOW, seen=False)
    assert told == [("1.0", gone), ("1.1", gone)], "what is forgotten is handed off"
    assert translator.channel("1.4") is not None


def test_a_leg_that_is_known_stays_what_it_is() -> None:
    """A note holds no more of an agent's channel than its name."""
    pbx = queue_call()
    caller, agent = pbx.translator.channel(CALLER), pbx.translator.channel(AGENT)
    assert caller is not None
    pbx.translator.know(caller, [Channel(AGENT, NAMES[AGENT], "", "")])
    assert pbx.translator.channel(AGENT) is agent
    assert agent is not None
    assert agent.context == "internal"


# what the dialplan says


def facts(told: list[Told]) -> dict[str, Fact]:
    return {each.channel.uniqueid: each.fact for each in told}


@pytest.mark.parametrize(
    ("who", "by", "asker"),
    [
        (CALLER, "caller", Asker.CALLER),
        (CALLER, "agent", Asker.CALLER),  # on the outside party's channel nobody else can ask
        (CALLER, "peer", Asker.CALLER),
        (AGENT, "agent", Asker.AGENT),
        (AGENT, "peer", Asker.AGENT),
        (AGENT, "", Asker.AGENT),
        (AGENT, "caller", Asker.CALLER),
    ],
)
def test_an_opt_out_is_told_of_all_who_are_in_the_talk(who: str, by: str, asker: Asker) -> None:
    pbx = inbound()
    for uniqueid in (AGENT, CALLER):
        pbx.enters("b1", uniqueid)
    told = facts(pbx.user(who, "opt-out", by))
    assert told == {each: OptedOut(at=NOW, by=asker) for each in (CALLER, AGENT)}


def test_an_opt_out_before_the_queue_is_remembered() -> None:
    pbx = inbound("03456009009")
    assert facts(pbx.user(CALLER, "opt-out", "caller"))
    (told,) = pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    assert isinstance(told.fact, QueueEntered)
    assert told.channel.opted_out


def test_an_agents_key_marks_no_channel() -> None:
    pbx = inbound()
    pbx.user(AGENT, "opt-out", "agent")
    channel = pbx.translator.channel(AGENT)
    assert channel is not None
    assert not channel.opted_out


@pytest.mark.parametrize("who", [AGENT, "1.9", "1.8"])
def test_a_key_behind_a_local_channel_is_the_callers_call_too(who: str) -> None:
    """With ``peer`` the dialplan's key runs on the half that stands for the caller."""
    told = facts(local_call().user(who, "opt-out", "agent"))
    assert told[CALLER] == OptedOut(at=NOW, by=Asker.AGENT)


def outbound_talk() -> Pbx:
    """An adviser who talks with somebody outside."""
    pbx = outbound()
    for uniqueid in (OUTSIDE, AGENT):
        pbx.enters("b1", uniqueid)
    return pbx


def test_permission_is_given_by_the_agents_key() -> None:
    pbx = outbound_talk()
    told = facts(pbx.user(AGENT, "permission", "agent"))
    assert told[OUTSIDE] == PermissionGiven(at=NOW, by=Permission.KEY)


def test_nobody_gives_it_to_himself() -> None:
    pbx = outbound_talk()
    for by in ("agent", "caller", ""):
        assert pbx.user(OUTSIDE, "permission", by) == []


def test_an_announcement_comes_before_the_answer_and_is_remembered() -> None:
    pbx = outbound()
    (told,) = pbx.user(OUTSIDE, "permission", "announcement")
    assert told.fact == PermissionGiven(at=NOW, by=Permission.ANNOUNCEMENT)
    assert told.channel.announced
    key = outbound()
    (told,) = key.user(AGENT, "permission", "agent")
    assert not told.channel.announced


@pytest.mark.parametrize(
    ("act", "by", "name"),
    [
        ("opt-out", "caller", "HUSHTAPE"),
        ("opt-out", "caller", "Somebody"),
        ("Opt-Out", "caller", "Hushtape"),
        ("opt-out ", "caller", "Hushtape"),
        ("", "", "Hushtape"),
        ("pay", "agent", "Hushtape"),
    ],
)
def test_other_events_of_the_dialplan_are_none_of_ours(act: str, by: str, name: str) -> None:
    assert inbound().user(CALLER, act, by, name) == []


def test_an_event_of_a_channel_that_nobody_knows_is_passed_over() -> None:
    assert Pbx().user("1.99", "opt-out", "caller") == []
