"""The queues of a FreeSWITCH."""

from __future__ import annotations

import pytest

from ami_bridge.facts import AgentAnswered, Answered, PaymentBegan, QueueEntered, TalkChanged
from ami_bridge.freeswitch.queues import name_of
from hushtape.policy.schema import DestinationKind, PaymentWay
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NOW,
    Event,
    Heard,
    agent_has,
    answers,
    bridge,
    callcenter,
    came,
    custom,
    dialled,
    loopback,
    rung,
    rung_outside,
    unbridge,
)

CANCELS = callcenter("member-queue-end") | {"CC-Cause": "Cancel"}


def fifo(action: str, name: str = "counter@lab") -> Event:
    return custom("fifo::info", CALLER, FIFO_Action=action, FIFO_Name=name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("desk@lab", "desk"), ("desk", "desk"), ("a b@lab", "a_b"), ("@lab", ""), ("", "")],
)
def test_a_queue_is_named_by_what_stands_before_the_at(text: str, name: str) -> None:
    assert name_of(text) == name


@pytest.mark.parametrize(
    ("event", "queue"),
    [
        (callcenter("member-queue-start"), "customer-service"),
        (callcenter("member-queue-resume"), "customer-service"),
        (fifo("push"), "counter"),
    ],
)
def test_a_call_begins_when_it_enters(event: Event, queue: str) -> None:
    (fact,) = Heard(came(CALLER)).of(CALLER, event)
    assert isinstance(fact, QueueEntered)
    assert fact.arrival.queue == queue
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.arrival.dialled == "03456009009"
    assert (fact.number, fact.name) == ("07900123001", "Zephyrine Quill")


def test_a_caller_is_who_the_dialplan_says_he_is() -> None:
    """A trunk shows a number as it likes; what stands on the channel by now is what people see."""
    shown = {"Caller-Caller-ID-Number": "+447900123001", "Caller-Caller-ID-Name": "Z. Quill"}
    (fact,) = Heard(came(CALLER)).of(CALLER, callcenter("member-queue-start") | shown)
    assert isinstance(fact, QueueEntered)
    assert (fact.number, fact.name) == ("+447900123001", "Z. Quill")


def test_a_telephone_of_ours_in_a_queue_is_no_outside_caller() -> None:
    (fact,) = Heard(dialled(CALLER, "211", "611")).of(CALLER, callcenter("member-queue-start"))
    assert isinstance(fact, QueueEntered)
    assert fact.arrival.direction is Direction.INTERNAL


def test_a_queue_that_is_entered_anew_ends_a_payment() -> None:
    heard = Heard(came(CALLER))
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    channel.paying = PaymentBegan(at=NOW, way=PaymentWay.EVENT)
    heard.hear(callcenter("member-queue-start"))
    now = heard.translator.channel(CALLER)
    assert now is channel
    assert (now.paying, now.queue) == (None, "customer-service")


def test_its_agent_answers() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"), rung(AGENT, "211"))
    (fact,) = heard.of(CALLER, agent_has())
    assert isinstance(fact, AgentAnswered)
    assert fact.agent == "211@lab"
    assert fact.talker is not None
    assert fact.talker.telephone == "211@192.0.2.2"
    assert heard.kinds(CALLER, bridge(CALLER, AGENT, "callcenter")) == ["JoinedTalk", "TalkChanged"]


def test_an_agent_behind_a_loopback_stands_there_by_its_half() -> None:
    heard = Heard(
        came(CALLER), callcenter("member-queue-start"), loopback("u-a", "211", "a", "u-b")
    )
    (fact,) = heard.of(CALLER, agent_has("u-a"))
    assert isinstance(fact, AgentAnswered)
    assert fact.talker is not None
    assert fact.talker.stands_in


def test_an_agent_whom_nobody_saw_arrive_is_nobody_yet() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"))
    event = agent_has() | {"Unique-ID": ""}
    (fact,) = heard.of(CALLER, event)
    assert isinstance(fact, AgentAnswered)
    assert fact.talker is None


@pytest.mark.parametrize("event", [CANCELS, fifo("abort"), fifo("timeout")])
def test_who_gives_up_leaves(event: Event) -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"))
    assert heard.kinds(CALLER, event) == ["LeftTalk"]
    assert heard.kinds(CALLER, event) == []


def test_the_end_of_a_talk_is_no_leaving_of_the_queue() -> None:
    """It is told by a thread that looks every 100 ms whether the agent is there."""
    heard = Heard(came(CALLER), callcenter("member-queue-start"), rung(AGENT, "211"), agent_has())
    over = callcenter("member-queue-end") | {"CC-Cause": "Terminated"}
    assert heard.kinds(CALLER, over) == heard.kinds(CALLER, CANCELS) == []
    # It may wait in the next one by then.
    heard.hear(callcenter("member-queue-start", queue="housing@lab"))
    assert heard.kinds(CALLER, over) == []
    assert heard.kinds(CALLER, CANCELS) == ["LeftTalk"]


def test_a_fifo_is_answered_by_whoever_takes_the_call() -> None:
    heard = Heard(came(CALLER), fifo("push"), dialled(AGENT, "211", "603"), answers(AGENT))
    kinds = heard.kinds(CALLER, bridge(AGENT, CALLER, "fifo"))
    assert kinds == ["AgentAnswered", "JoinedTalk", "TalkChanged"]


def test_a_colleague_takes_a_call_from_its_queue() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"), CANCELS)
    heard.hear(dialled(COLLEAGUE, "212", "*8"), answers(COLLEAGUE))
    facts = heard.of(CALLER, bridge(COLLEAGUE, CALLER, "intercept"))
    assert isinstance(facts[0], AgentAnswered)
    assert facts[0].agent == "212@192.0.2.2"
    assert facts[0].talker is not None
    assert facts[0].talker.place.kind is DestinationKind.EXTENSION


def test_who_is_connected_otherwise_has_no_agent() -> None:
    heard = Heard(came(CALLER), callcenter("member-queue-start"), CANCELS)
    heard.hear(dialled(COLLEAGUE, "212", "800"), answers(COLLEAGUE))
    kinds = heard.kinds(CALLER, bridge(CALLER, COLLEAGUE, "playback"))
    assert kinds == ["JoinedTalk", "TalkChanged"]


def test_a_call_of_which_nobody_knows_is_met_by_its_queue() -> None:
    event = came(CALLER) | callcenter("member-queue-start")
    assert Heard().kinds(CALLER, event) == ["QueueEntered"]


def test_what_is_of_nobody_says_nothing() -> None:
    heard = Heard()
    assert heard.hear(callcenter("member-queue-start", uuid=""), agent_has()) == []
    assert heard.hear(custom("callcenter::info", CC_Action="members-count")) == []


def test_who_comes_through_a_loopback_channel_is_the_caller() -> None:
    """The dialplan sends him to ``loopback/611``: half of that channel enters the queue."""
    heard = Heard(came(CALLER), loopback("u-a", "611", "a", "u-b", CALLER))
    heard.hear(loopback("u-b", "611", "b", "u-a"))
    event = callcenter("member-queue-start", "u-b") | {"CC-Member-Session-UUID": "u-b"}
    told = heard.hear(event)
    assert [each.channel.uniqueid for each in told] == [CALLER]
    (entered,) = [each.fact for each in told]
    assert isinstance(entered, QueueEntered)
    assert entered.arrival.direction is Direction.INBOUND
    assert entered.number == "07900123001"
    assert "Answered" not in heard.kinds(CALLER, bridge(CALLER, "u-a"))
    heard.hear(rung(AGENT, "211"), answers(AGENT))
    answered = heard.hear(agent_has() | {"CC-Member-Session-UUID": "u-b"})
    assert [each.channel.uniqueid for each in answered] == [CALLER]
    facts = heard.of(CALLER, bridge("u-b", AGENT, "callcenter"))
    (changed,) = [each for each in facts if isinstance(each, TalkChanged)]
    assert [each.uniqueid for each in changed.talkers] == [AGENT]


def test_a_fifo_is_answered_by_one_who_waits_for_callers_too() -> None:
    """Whatever his key did last stands in his bridge by then. (Run on 1.10.12.)"""
    heard = Heard(came(CALLER), fifo("push"), dialled(AGENT, "211", "603"), answers(AGENT))
    kinds = heard.kinds(CALLER, fifo("caller_pop"), bridge(AGENT, CALLER, "stop_record_session"))
    assert kinds == ["AgentAnswered", "JoinedTalk", "TalkChanged"]


def test_that_one_was_taken_counts_for_one_talk() -> None:
    heard = Heard(came(CALLER), fifo("push"), dialled(AGENT, "211", "603"), answers(AGENT))
    heard.hear(fifo("caller_pop"), bridge(AGENT, CALLER, "fifo"), unbridge(AGENT, CALLER))
    kinds = heard.kinds(CALLER, fifo("push"), bridge(AGENT, CALLER, "uuid_bridge"))
    assert "AgentAnswered" not in kinds


CALLED_BACK = rung_outside(CALLER, "07900123001", **{"Answer-State": "answered"})


@pytest.mark.parametrize("enters", [callcenter("member-queue-start"), fifo("push")])
def test_who_is_called_back_into_a_queue_is_called_to_the_outside(enters: Event) -> None:
    """It begins when an agent has him, and is judged as a call of that agent's."""
    heard = Heard(CALLED_BACK)
    assert heard.of(CALLER, enters) == []
    heard.hear(rung(AGENT, "211"), answers(AGENT))
    facts = heard.of(CALLER, bridge(CALLER, AGENT, "callcenter"))
    (fact,) = [each for each in facts if isinstance(each, Answered)]
    assert fact.arrival.direction is Direction.OUTBOUND
    assert fact.arrival.extension == "211"


def test_an_outside_call_that_is_transferred_into_a_queue_enters_it() -> None:
    heard = Heard(CALLED_BACK, rung(AGENT, "211"), answers(AGENT), bridge(CALLER, AGENT))
    assert heard.kinds(CALLER, callcenter("member-queue-start")) == ["QueueEntered"]


def test_who_was_recovered_after_a_crash_enters_none() -> None:
    heard = Heard(came(CALLER, variable_recovered="true"))
    assert heard.of(CALLER, callcenter("member-queue-start")) == []
