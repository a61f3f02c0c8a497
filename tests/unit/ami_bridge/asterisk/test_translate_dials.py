"""Calls that come through no queue, and what the dialplan says of a call itself."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    Answered,
    Fact,
    HungUp,
    OptedOut,
    PermissionGiven,
    QueueEntered,
    TransferCompleted,
)
from ami_bridge.told import Told
from hushtape.policy.schema import Asker, Permission
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.asterisk.test_translate import NOW, PBX, SINCE, event

CALLER, AGENT, COLLEAGUE, OUTSIDE = "1.1", "1.2", "1.3", "1.4"
NAMES = {
    CALLER: "PJSIP/trunk-00000001",
    AGENT: "PJSIP/211-00000002",
    COLLEAGUE: "PJSIP/212-00000003",
    OUTSIDE: "PJSIP/outside1-00000004",
    "1.22": "PJSIP/211-00000022",
    "1.8": "Local/211@internal-00000008;1",
    "1.9": "Local/211@internal-00000008;2",
}


class Pbx:
    """Says what an Asterisk says."""

    def __init__(self) -> None:
        self.translator = Translator(PBX)

    def says(self, name: str, **headers: str) -> list[Told]:
        return self.translator.translate(event(Event=name, **headers), NOW)

    def rings(self, uniqueid: str, extension: str = "s", context: str = "internal") -> None:
        self.says(
            "Newchannel",
            Uniqueid=uniqueid,
            Channel=NAMES[uniqueid],
            Context=context,
            Exten=extension,
            CallerIDNum=NAMES[uniqueid][6:9] if context == "internal" else "07900123001",
        )

    def dials(self, caller: str, called: str, extension: str) -> None:
        self.says(
            "DialBegin", Uniqueid=caller, DestUniqueid=called, Exten=extension, DialString="x"
        )

    def answers(
        self, caller: str, called: str, extension: str, status: str = "ANSWER"
    ) -> list[Fact]:
        told = self.says(
            "DialEnd",
            Uniqueid=caller,
            DestUniqueid=called,
            Exten=extension,
            DialStatus=status,
            CallerIDName="Zoë",
        )
        return [each.fact for each in told]

    def enters(
        self, bridge: str, uniqueid: str, extension: str = "", kind: str = "basic"
    ) -> list[Told]:
        return self.says(
            "BridgeEnter",
            Uniqueid=uniqueid,
            BridgeUniqueid=bridge,
            BridgeType=kind,
            Exten=extension,
        )

    def leaves(self, bridge: str, uniqueid: str) -> list[Told]:
        return self.says("BridgeLeave", Uniqueid=uniqueid, BridgeUniqueid=bridge)

    def user(self, uniqueid: str, act: str, by: str, name: str = "Hushtape") -> list[Told]:
        return self.says("UserEvent", UserEvent=name, Uniqueid=uniqueid, Act=act, By=by)

    def channel(self, uniqueid: str) -> object:
        return self.translator.channel(uniqueid)


def inbound(dialled: str = "0199200211") -> Pbx:
    """Somebody outside has dialled an adviser's own number."""
    pbx = Pbx()
    pbx.rings(CALLER, dialled, "from-outside")
    pbx.rings(AGENT)
    pbx.dials(CALLER, AGENT, dialled)
    return pbx


def outbound(caller: str = AGENT) -> Pbx:
    """An adviser has dialled somebody outside."""
    pbx = Pbx()
    pbx.rings(caller, "902079460010")
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials(caller, OUTSIDE, "902079460010")
    return pbx


# answers


def test_an_outbound_call_is_its_outside_partys() -> None:
    pbx = outbound()
    (told,) = pbx.says(
        "DialEnd",
        Uniqueid=AGENT,
        DestUniqueid=OUTSIDE,
        Exten="902079460010",
        DialStatus="ANSWER",
    )
    assert told.channel.uniqueid == OUTSIDE
    fact = told.fact
    assert isinstance(fact, Answered)
    assert fact.arrival.direction is Direction.OUTBOUND
    assert (fact.arrival.extension, fact.arrival.dialled) == ("211", "02079460010")
    assert (fact.number, fact.agent) == ("02079460010", "PJSIP/211")


@pytest.mark.parametrize("status", ["BUSY", "NOANSWER", "CANCEL", ""])
def test_what_is_not_answered_is_no_call(status: str) -> None:
    assert outbound().answers(AGENT, OUTSIDE, "902079460010", status) == []


def test_a_direct_call_is_its_callers() -> None:
    pbx = inbound()
    (fact,) = pbx.answers(CALLER, AGENT, "0199200211")
    assert isinstance(fact, Answered)
    assert fact.arrival.direction is Direction.INBOUND
    assert (fact.arrival.dialled, fact.arrival.queue) == ("0199200211", "")
    assert (fact.number, fact.name, fact.agent) == ("07900123001", "Zoë", "PJSIP/211")


def test_two_of_ours_have_an_internal_call() -> None:
    pbx = Pbx()
    pbx.rings(COLLEAGUE, "211")
    pbx.rings(AGENT)
    (fact,) = pbx.answers(COLLEAGUE, AGENT, "211")
    assert isinstance(fact, Answered)
    assert fact.arrival.direction is Direction.INTERNAL


def test_what_a_queue_rings_is_the_queues() -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    assert pbx.answers(CALLER, AGENT, "03456009009") == []


def test_after_a_transfer_an_answer_is_no_new_call() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    pbx.says("BlindTransfer", Result="Success", TransfereeUniqueid=CALLER, Extension="212")
    pbx.rings(COLLEAGUE)
    assert pbx.answers(CALLER, COLLEAGUE, "212") == []


def test_whom_the_dialplan_rings_next_answers_too() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    pbx.rings(COLLEAGUE)
    (fact,) = pbx.answers(CALLER, COLLEAGUE, "0199200211")
    assert isinstance(fact, Answered)


def test_after_a_redirect_an_answer_is_no_answer_where_it_had_dialled() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    pbx.rings(COLLEAGUE)
    assert pbx.answers(CALLER, COLLEAGUE, "212") == []
    told = pbx.enters("b2", CALLER, "212")
    (fact,) = [each.fact for each in told if isinstance(each.fact, TransferCompleted)]
    assert (fact.how, fact.place.extension) == ("redirected", "212")


def test_where_the_dialplan_has_gone_before_anybody_answered_is_no_redirect() -> None:
    """From the number to a person's extension, and from there to a macro's ``s``."""
    pbx = inbound()
    assert pbx.answers(CALLER, AGENT, "s")
    told = pbx.enters("b1", CALLER, "s")
    assert not [each for each in told if isinstance(each.fact, TransferCompleted)]


def test_a_forwarded_call_is_answered_through_a_local_channel() -> None:
    pbx = inbound()
    pbx.rings("1.8", "212")
    pbx.rings("1.9", "212")
    (fact,) = pbx.answers(CALLER, "1.8", "0199200211")
    assert isinstance(fact, Answered)
    assert fact.agent == "", "whose telephone that is can't be told"


def test_a_second_line_while_somebody_is_held_is_a_consultation_and_no_call_of_its_own() -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    for uniqueid in (AGENT, CALLER):
        pbx.enters("b1", uniqueid, "03456009009")
    pbx.says("Hold", Uniqueid=AGENT)
    pbx.rings("1.22", "902079460010")
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials("1.22", OUTSIDE, "902079460010")
    assert pbx.answers("1.22", OUTSIDE, "902079460010") == []
    pbx.says("Unhold", Uniqueid=AGENT)
    assert pbx.answers("1.22", OUTSIDE, "902079460010"), "without one held it is a call"


def click_to_call(first: str, second: str) -> Pbx:
    """A web page rings the adviser through a Local channel, and then the number."""
    pbx = Pbx()
    pbx.rings("1.8", "211")
    pbx.rings("1.9", "211")
    pbx.rings(AGENT)
    pbx.enters("b1", AGENT)
    pbx.enters("b1", "1.9", "211")
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials("1.8", OUTSIDE, "902079460010")
    return pbx


def test_click_to_call_is_the_call_of_the_adviser_behind_the_local_channel() -> None:
    (fact,) = click_to_call("1.8", AGENT).answers("1.8", OUTSIDE, "902079460010")
    assert isinstance(fact, Answered)
    assert (fact.arrival.direction, fact.arrival.extension) == (Direction.OUTBOUND, "211")
    assert fact.agent == "PJSIP/211"


def test_a_colleague_who_is_consulted_is_nobodys_call() -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    for uniqueid in (AGENT, CALLER):
        pbx.enters("b1", uniqueid, "03456009009")
    pbx.rings("1.8", "902079460010")
    pbx.rings("1.9", "902079460010")
    pbx.enters("b2", "1.8")
    pbx.leaves("b1", AGENT)
    pbx.enters("b2", AGENT)
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials("1.9", OUTSIDE, "902079460010")
    assert pbx.answers("1.9", OUTSIDE, "902079460010") == []


def test_answers_of_channels_that_nobody_knows_are_passed_over() -> None:
    assert Pbx().answers("1.99", "1.98", "1") == []
    assert inbound().answers(CALLER, "1.98", "1") == []


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


def local_call() -> Pbx:
    pbx = inbound("03456009009")
    pbx.rings("1.8", "211")
    pbx.rings("1.9", "211")
    for bridge, uniqueid in (("b2", AGENT), ("b2", "1.9"), ("b1", "1.8"), ("b1", CALLER)):
        pbx.enters(bridge, uniqueid)
    return pbx


@pytest.mark.parametrize("who", [AGENT, "1.9", "1.8"])
def test_a_key_behind_a_local_channel_is_the_callers_call_too(who: str) -> None:
    """With ``peer`` the dialplan's key runs on the half that stands for the caller."""
    told = facts(local_call().user(who, "opt-out", "agent"))
    assert told[CALLER] == OptedOut(at=NOW, by=Asker.AGENT)


def test_permission_is_given_by_the_agents_key() -> None:
    pbx = outbound()
    for uniqueid in (OUTSIDE, AGENT):
        pbx.enters("b1", uniqueid)
    told = facts(pbx.user(AGENT, "permission", "agent"))
    assert told[OUTSIDE] == PermissionGiven(at=NOW, by=Permission.KEY)


def test_nobody_gives_it_to_himself() -> None:
    pbx = outbound()
    for uniqueid in (OUTSIDE, AGENT):
        pbx.enters("b1", uniqueid)
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


# after the link was away


def status(uniqueid: str, **headers: str) -> dict[str, str]:
    return event(Event="Status", Uniqueid=uniqueid, Channel=NAMES[uniqueid], **headers)


def test_an_opt_out_that_nobody_heard_stands_in_a_variable() -> None:
    entered = status(
        CALLER,
        Context="from-outside",
        Exten="03456009009",
        Application="Queue",
        Data="surrey-contact-centre,t",
        Variable="HUSHTAPE_OPT_OUT=yes",
    )
    opted_out, told = Translator(PBX).resync([entered], NOW, SINCE)
    assert isinstance(told.fact, QueueEntered)
    assert told.channel.opted_out
    assert opted_out.fact == OptedOut(at=SINCE, by=Asker.CALLER)
    (told,) = Translator(PBX).resync(
        [{**entered, "Variable": "HUSHTAPE_OPT_OUT=(null)"}], NOW, SINCE
    )
    assert not told.channel.opted_out


@pytest.mark.parametrize(
    ("value", "by"), [("yes", Asker.CALLER), ("agent", Asker.AGENT), ("caller", Asker.CALLER)]
)
def test_so_does_one_in_a_call_that_we_know(value: str, by: Asker) -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre", Exten="03456009009")
    now = status(CALLER, Exten="03456009009", Variable=f"HUSHTAPE_OPT_OUT={value}")
    told = list(pbx.translator.resync([now], NOW, SINCE))
    assert [each.fact for each in told if isinstance(each.fact, OptedOut)] == [
        OptedOut(at=SINCE, by=by)
    ]
    told = list(pbx.translator.resync([now], NOW, SINCE))
    assert not [each for each in told if isinstance(each.fact, OptedOut)], "once"


def test_an_outbound_call_that_was_answered_meanwhile_begins_now() -> None:
    agent = status(
        AGENT, Context="internal", Exten="902079460010", BridgeID="b1", CallerIDNum="211"
    )
    called = status(
        OUTSIDE,
        Context="from-outside",
        Exten="",
        BridgeID="b1",
        Application="AppDial",
        CallerIDNum="02079460010",
    )
    told = [
        each
        for each in Translator(PBX).resync([agent, called], NOW, SINCE)
        if isinstance(each.fact, Answered)
    ]
    (each,) = told
    assert each.channel.uniqueid == OUTSIDE
    fact = each.fact
    assert isinstance(fact, Answered)
    assert (fact.arrival.extension, fact.number, fact.at) == ("211", "02079460010", NOW)


def test_a_direct_call_that_was_answered_meanwhile_is_not_guessed_at() -> None:
    caller = status(CALLER, Context="from-outside", Exten="0199200211", BridgeID="b1")
    agent = status(AGENT, Context="internal", Exten="", BridgeID="b1", Application="AppDial")
    told = Translator(PBX).resync([caller, agent], NOW, SINCE)
    assert not [each for each in told if isinstance(each.fact, Answered | QueueEntered)]


def answered_meanwhile(pbx: Pbx, *living: dict[str, str]) -> list[Told]:
    told = pbx.translator.resync(living, NOW, SINCE)
    return [each for each in told if isinstance(each.fact, Answered)]


THERE = status(CALLER, Context="from-outside", Exten="0199200211", BridgeID="b1")
ANSWERS = status(AGENT, Context="internal", Exten="", BridgeID="b1", Application="AppDial")


def test_one_that_was_seen_to_ring_begins_now() -> None:
    pbx = inbound()
    assert answered_meanwhile(pbx, THERE, ANSWERS | {"BridgeID": ""}) == [], "it rings still"
    (told,) = answered_meanwhile(pbx, THERE, ANSWERS)
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, Answered)
    assert (told.fact.at, told.fact.arrival.direction) == (NOW, Direction.INBOUND)
    assert answered_meanwhile(pbx, THERE, ANSWERS) == [], "it begins once"


def test_so_does_one_to_the_outside_that_was_seen_to_ring() -> None:
    agent = status(AGENT, Context="internal", Exten="902079460010", BridgeID="b1")
    line = status(OUTSIDE, Context="from-outside", BridgeID="b1", Application="AppDial")
    (told,) = answered_meanwhile(outbound(), agent, line)
    assert told.channel.uniqueid == OUTSIDE


@pytest.mark.parametrize(
    "living",
    [
        pytest.param((THERE | {"Exten": "212"}, ANSWERS), id="sent elsewhere"),
        pytest.param(
            (THERE, ANSWERS | {"BridgeID": "b2"}, ANSWERS | {"Uniqueid": COLLEAGUE}),
            id="with somebody else",
        ),
    ],
)
def test_one_that_may_have_been_transferred_meanwhile_does_not(
    living: tuple[dict[str, str], ...],
) -> None:
    assert answered_meanwhile(inbound(), *living) == []


def test_an_answer_that_was_told_is_not_told_again() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    assert answered_meanwhile(pbx, THERE, ANSWERS) == []


def test_a_queues_agent_at_home_is_no_called_person() -> None:
    pbx = outbound()
    pbx.says("QueueCallerJoin", Uniqueid=AGENT, Queue="surrey-contact-centre", Exten="601")
    agent = status(AGENT, Context="internal", Exten="902079460010", BridgeID="b1")
    line = status(OUTSIDE, Context="from-outside", BridgeID="b1", Application="AppDial")
    assert answered_meanwhile(pbx, agent, line) == []


def test_whoever_is_gone_rings_nobody_and_nobody_rings_him() -> None:
    pbx = inbound()
    pbx.says("Hangup", Uniqueid=AGENT, Channel=NAMES[AGENT])
    pbx.rings(AGENT)
    assert answered_meanwhile(pbx, THERE, ANSWERS) == []


def test_a_caller_that_is_forgotten_may_dial_again() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    (gone, *_) = pbx.says("Hangup", Uniqueid=CALLER, Channel=NAMES[CALLER])
    assert isinstance(gone.fact, HungUp)
    pbx.rings(CALLER, "0199200212", "from-outside")
    (fact,) = pbx.answers(CALLER, AGENT, "0199200212")
    assert isinstance(fact, Answered)
