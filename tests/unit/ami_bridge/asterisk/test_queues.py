"""Who waits in an Asterisk's queue, and who answers."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import AgentAnswered, LeftTalk, QueueEntered
from ami_bridge.told import Told
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    NOW,
    PBX,
    Pbx,
    arrived,
    inbound,
    join,
    newchannel,
    replay,
)


def test_a_queue_entry_says_who_rang_what() -> None:
    _, told = replay("queue-hangup-by-caller")
    fact = told[0].fact
    assert isinstance(fact, QueueEntered)
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.arrival.dialled == "03456009009"
    assert fact.arrival.queue == "surrey-contact-centre"
    assert fact.number == "07900123001"


def test_a_call_from_inside_is_internal() -> None:
    translator = Translator(PBX)
    translator.translate(newchannel(context="internal"), NOW)
    (told,) = translator.translate(join(), NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.direction is Direction.INTERNAL


def test_what_a_channel_that_nobody_saw_arrive_dialled_is_not_guessed() -> None:
    (told,) = Translator(PBX).translate(join(Exten="611", DNID="611"), NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.dialled == ""
    assert told.fact.arrival.direction is Direction.INTERNAL, "nor that it came from outside"


def test_hostile_names_and_numbers_are_cut_to_plain_text() -> None:
    hostile = join(
        CallerIDName="Zoë\r\nAction: Originate\x00" + "x" * 5000, CallerIDNum="<unknown>"
    )
    (told,) = arrived().translator.translate(hostile, NOW)
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.name.startswith("ZoëAction: Originatexxx")
    assert len(told.fact.name) <= 200
    assert told.fact.number == ""


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ({"MemberName": "Alice", "Interface": "PJSIP/231"}, "Alice"),
        ({"MemberName": "", "Interface": "PJSIP/231"}, "PJSIP/231"),
        ({"Interface": "PJSIP/231"}, "PJSIP/231"),
        ({}, ""),
    ],
)
def test_an_agent_is_named_as_the_queue_names_the_member(
    headers: dict[str, str], agent: str
) -> None:
    (told,) = arrived().says("AgentConnect", Uniqueid=CALLER, **headers)
    assert told.fact == AgentAnswered(at=NOW, agent=agent)


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


# who comes through a Local channel: 1.8 is its near half, 1.9 the far one


def dials_a_queue(context: str = "from-outside") -> Pbx:
    """Somebody rings, and the dialplan dials a queue: ``Dial(Local/211@internal)``."""
    pbx = Pbx()
    pbx.rings(CALLER, "03456009009", context)
    pbx.rings("1.8", "611")
    pbx.rings("1.9", "611")
    pbx.dials(CALLER, "1.8", "03456009009")
    return pbx


def joins(pbx: Pbx, uniqueid: str = "1.9", queue: str = "surrey-contact-centre") -> list[Told]:
    return pbx.says("QueueCallerJoin", Uniqueid=uniqueid, Queue=queue, Exten="611")


def connects(pbx: Pbx, uniqueid: str, member: str = NAMES[AGENT]) -> list[Told]:
    return pbx.says("AgentConnect", Uniqueid=uniqueid, DestUniqueid=AGENT, DestChannel=member)


def test_who_comes_through_a_local_channel_is_the_caller() -> None:
    pbx = dials_a_queue()
    (told,) = joins(pbx)
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.direction is Direction.INBOUND
    assert told.fact.arrival.dialled == "03456009009"
    (left,) = pbx.says("QueueCallerLeave", Uniqueid="1.9", Queue="surrey-contact-centre")
    assert (left.channel.uniqueid, left.fact) == (CALLER, LeftTalk(at=NOW))
    (answered,) = connects(pbx, "1.9")
    assert answered.channel.uniqueid == CALLER
    assert isinstance(answered.fact, AgentAnswered)
    assert pbx.answers(CALLER, "1.8", "03456009009") == [], "it came through a queue"


@pytest.mark.parametrize(("context", "whose"), [("from-outside", [CALLER]), ("internal", [])])
def test_so_he_is_where_the_queue_is_told_of_before_he_dials(
    context: str, whose: list[str]
) -> None:
    pbx = dials_a_queue(context)
    pbx.says("Hangup", Uniqueid="1.8", Channel=NAMES["1.8"])
    pbx.says("Hangup", Uniqueid="1.9", Channel=NAMES["1.9"])
    pbx.rings("1.8", "611")
    pbx.rings("1.9", "611")
    (early,) = joins(pbx)
    assert early.channel.uniqueid == "1.9"
    dials = {"Uniqueid": CALLER, "DestUniqueid": "1.8", "Exten": "03456009009"}
    assert [each.channel.uniqueid for each in pbx.says("DialBegin", **dials)] == whose
    assert pbx.says("DialBegin", **dials) == [], "once"
    (answered,) = connects(pbx, "1.9")
    assert [answered.channel.uniqueid] == (whose or ["1.9"])


def test_so_he_is_where_the_far_half_had_answered_before() -> None:
    pbx = dials_a_queue()
    pbx.answers(CALLER, "1.8", "03456009009")
    pbx.enters("b1", "1.8")
    pbx.enters("b1", CALLER)
    (told,) = joins(pbx)
    assert told.channel.uniqueid == CALLER


def test_so_he_is_where_the_agent_behind_a_local_member_sends_him_to_a_queue() -> None:
    pbx = inbound("03456009009")
    joins(pbx, CALLER)
    pbx.rings("1.8", "211")
    pbx.rings("1.9", "211")
    pbx.says("QueueCallerLeave", Uniqueid=CALLER, Queue="surrey-contact-centre")
    connects(pbx, CALLER, NAMES["1.8"])
    for bridge, uniqueid in (("b2", AGENT), ("b2", "1.9"), ("b1", "1.8"), ("b1", CALLER)):
        pbx.enters(bridge, uniqueid)
    pbx.leaves("b2", "1.9")
    (told,) = joins(pbx, queue="surrey-adult-care")
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.queue == "surrey-adult-care"
    (answered,) = connects(pbx, "1.9")
    assert answered.channel.uniqueid == CALLER


def test_a_near_half_that_is_sent_to_a_queue_is_the_agents() -> None:
    pbx = inbound("03456009009")
    pbx.rings("1.8", "211")
    pbx.rings("1.9", "211")
    connects(pbx, CALLER, NAMES["1.8"])
    (told,) = joins(pbx, "1.8")
    assert told.channel.uniqueid == "1.8"


def test_a_colleague_who_comes_so_is_none() -> None:
    pbx = dials_a_queue("internal")
    (told,) = joins(pbx)
    assert told.channel.uniqueid == "1.9"
    assert isinstance(told.fact, QueueEntered)
    assert told.fact.arrival.direction is Direction.INTERNAL


def test_a_queue_to_which_a_member_leads_is_none_of_the_callers() -> None:
    """While he waits in the first one; its member is Local, and leads to a second queue."""
    pbx = dials_a_queue()
    joins(pbx, CALLER)
    (told,) = joins(pbx, queue="surrey-adult-care")
    assert told.channel.uniqueid == "1.9"


@pytest.mark.parametrize("gone", [CALLER, "1.9"])
def test_what_a_queue_says_of_somebody_who_is_gone_is_nothing(gone: str) -> None:
    pbx = dials_a_queue()
    joins(pbx)
    pbx.says("Hangup", Uniqueid=gone, Channel=NAMES[gone])
    told = connects(pbx, "1.9")
    assert [each for each in told if each.channel.uniqueid == gone] == []


def test_a_caller_whose_channel_to_a_queue_is_gone_may_come_through_another() -> None:
    pbx = dials_a_queue()
    joins(pbx)
    pbx.says("Hangup", Uniqueid="1.9", Channel=NAMES["1.9"])
    pbx.rings("1.9", "611")
    pbx.dials(CALLER, "1.8", "03456009009")
    (told,) = joins(pbx, queue="surrey-adult-care")
    assert told.channel.uniqueid == CALLER
