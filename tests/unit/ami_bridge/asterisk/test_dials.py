"""Calls that come through no queue."""

from __future__ import annotations

import pytest

from ami_bridge.facts import Answered, HungUp, TalkChanged, TransferCompleted
from ami_bridge.told import Told
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    NOW,
    OUTSIDE,
    SINCE,
    Pbx,
    inbound,
    of,
    outbound,
    queue_call,
    status,
)


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


@pytest.mark.parametrize(
    ("dialled", "rung"), [("710", "710"), ("710", "s"), ("s", "710"), ("212", "710")]
)
def test_an_extension_that_leads_outside_is_dialled_all_the_same(dialled: str, rung: str) -> None:
    """A payment line: the dialplan rings it over a trunk, perhaps from a macro."""
    pbx = Pbx()
    pbx.rings(AGENT, dialled)
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials(AGENT, OUTSIDE, rung)
    (fact,) = pbx.answers(AGENT, OUTSIDE, rung)
    assert isinstance(fact, Answered)
    assert fact.arrival.place is not None
    assert fact.arrival.place.kind is DestinationKind.OUTSIDE
    assert (fact.arrival.place.extension, fact.number) == ("710", "07900123001")


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


def test_so_is_an_agent_outside_whom_it_rings_for_one_of_ours() -> None:
    pbx = outbound()
    pbx.says("QueueCallerJoin", Uniqueid=AGENT, Queue="surrey-contact-centre")
    assert pbx.answers(AGENT, OUTSIDE, "601") == []


def test_whom_the_dialplan_rings_after_a_queue_is_no_answer_where_the_caller_had_dialled() -> None:
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    pbx.says("QueueCallerLeave", Uniqueid=CALLER, Queue="surrey-contact-centre")
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
    pbx = queue_call()
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
    pbx = queue_call()
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


def test_a_caller_that_is_forgotten_may_dial_again() -> None:
    pbx = inbound()
    pbx.answers(CALLER, AGENT, "0199200211")
    (gone, *_) = pbx.says("Hangup", Uniqueid=CALLER, Channel=NAMES[CALLER])
    assert isinstance(gone.fact, HungUp)
    pbx.rings(CALLER, "0199200212", "from-outside")
    (fact,) = pbx.answers(CALLER, AGENT, "0199200212")
    assert isinstance(fact, Answered)


# after the link was away


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


@pytest.mark.parametrize(
    ("context", "ways"),
    [
        ("hushtape-payment-line", ["710"]),
        ("hushtape-turned-back", []),
        ("hushtape-head-of-queue", []),
    ],
)
def test_who_is_rung_for_a_caller_who_was_turned_back_is_no_payment_line(
    context: str, ways: list[str]
) -> None:
    """They are rung in its own extension, also through Local channels, and on outside lines."""
    pbx = queue_call()
    pbx.says(
        "BlindTransfer",
        Result="Success",
        TransfereeChannel=NAMES[CALLER],
        TransfereeUniqueid=CALLER,
        Extension="710",
    )
    pbx.leaves("b1", CALLER)
    pbx.rings("1.22")
    pbx.says("DialBegin", Uniqueid=CALLER, DestUniqueid="1.22", Exten="s", Context=context)
    pbx.enters("b5", "1.22")
    told = pbx.enters("b5", CALLER)
    (talk,) = of(told, CALLER, TalkChanged)
    assert isinstance(talk, TalkChanged)
    (talker,) = talk.talkers
    assert [each.extension for each in talker.ways] == ways
