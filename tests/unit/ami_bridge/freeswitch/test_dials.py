"""Calls that come through no queue: who rang whom, and who answered."""

from __future__ import annotations

from ami_bridge.facts import Answered
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    LINE,
    SECOND,
    Event,
    Heard,
    agent_has,
    answers,
    bridge,
    callcenter,
    came,
    dialled,
    goes,
    gone,
    loopback,
    queue_call,
    routed,
    rung,
    rung_outside,
    said,
    unbridge,
)

RINGS_OUTSIDE = (
    dialled(AGENT, "211", "902079460010"),
    rung_outside(LINE, "02079460010", AGENT, "902079460010"),
)
DIRECT = (came(CALLER), rung(AGENT, "211", CALLER, "03456009009"))


def answered(heard: Heard, uniqueid: str, *events: Event) -> list[Answered]:
    return [each for each in heard.of(uniqueid, *events) if isinstance(each, Answered)]


def test_a_telephone_that_answers_an_outside_caller() -> None:
    heard = Heard(*DIRECT)
    (fact,) = answered(heard, CALLER, answers(AGENT), bridge(CALLER, AGENT))
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.arrival.dialled == "03456009009"
    assert fact.arrival.place is not None
    assert fact.arrival.place.extension == "211"
    assert (fact.number, fact.name) == ("07900123001", "Zephyrine Quill")
    assert fact.agent == "211@192.0.2.2"


def test_the_dialplan_may_have_written_anew_who_calls() -> None:
    heard = Heard(*DIRECT, answers(AGENT))
    shown = {"Caller-Caller-ID-Number": "01799510510", "Caller-Caller-ID-Name": "Aurelia Finch"}
    (fact,) = answered(heard, CALLER, bridge(CALLER, AGENT, **shown))
    assert (fact.number, fact.name) == ("01799510510", "Aurelia Finch")


def test_whom_the_pbx_shows_after_a_transfer_is_not_the_caller() -> None:
    """It has told of the agent, and then shows his telephone as the caller's number."""
    heard = Heard(*DIRECT, answers(AGENT), bridge(CALLER, AGENT))
    shown = {"Caller-Caller-ID-Number": "211", "Caller-Caller-ID-Name": "agent"}
    heard.hear(bridge(CALLER, COLLEAGUE, **shown))
    channel = heard.translator.channel(CALLER)
    assert channel is not None
    assert channel.number == "07900123001"


def test_it_is_told_before_the_talk() -> None:
    kinds = Heard(*DIRECT).kinds(CALLER, answers(AGENT), bridge(CALLER, AGENT))
    assert kinds == ["Answered", "JoinedTalk", "TalkChanged"]


def test_one_that_only_rings_and_is_heard_already_hasnt_answered() -> None:
    heard = Heard(*DIRECT)
    assert answered(heard, CALLER, bridge(CALLER, AGENT)) == []
    assert len(answered(heard, CALLER, answers(AGENT))) == 1
    assert answered(heard, CALLER, answers(AGENT)) == [], "it is told once"
    assert answered(heard, CALLER, answers(CALLER)) == [], "the PBX answers the caller after that"


def test_a_call_that_an_agent_makes_is_told_of_the_called_person() -> None:
    heard = Heard(*RINGS_OUTSIDE)
    (fact,) = answered(heard, LINE, answers(LINE), bridge(AGENT, LINE))
    assert fact.arrival.direction is Direction.OUTBOUND
    assert fact.arrival.dialled == fact.number == "02079460010"
    assert fact.arrival.extension == "211"
    assert fact.agent == "211@192.0.2.2"


def test_it_begins_once() -> None:
    heard = Heard(*RINGS_OUTSIDE, answers(LINE), bridge(AGENT, LINE), unbridge(AGENT, LINE))
    heard.hear(rung(COLLEAGUE, "212", LINE, "212"), answers(COLLEAGUE))
    assert answered(heard, LINE, bridge(LINE, COLLEAGUE)) == []


def test_click_to_call() -> None:
    """The agent's telephone was rung first, by a command."""
    heard = Heard(
        rung(AGENT, "211"),
        answers(AGENT),
        routed(AGENT, "902079460010"),
        rung_outside(LINE, "02079460010", AGENT, "902079460010"),
    )
    (fact,) = answered(heard, LINE, answers(LINE), bridge(AGENT, LINE))
    assert fact.arrival.direction is Direction.OUTBOUND
    assert fact.arrival.extension == "211"


def test_a_call_between_telephones() -> None:
    heard = Heard(dialled(AGENT, "211", "212"), rung(COLLEAGUE, "212", AGENT, "212"))
    (fact,) = answered(heard, AGENT, answers(COLLEAGUE), bridge(AGENT, COLLEAGUE))
    assert fact.arrival.direction is Direction.INTERNAL


def test_the_dialplan_may_send_a_call_to_another_extension_before_anybody_answers() -> None:
    heard = Heard(came(CALLER), routed(CALLER, "211"), rung(AGENT, "211", CALLER, "211"))
    (fact,) = answered(heard, CALLER, answers(AGENT), bridge(CALLER, AGENT))
    assert fact.arrival.dialled == "03456009009"


def test_and_ring_somebody_else_in_the_same_one_afterwards() -> None:
    heard = Heard(*DIRECT, answers(AGENT), bridge(CALLER, AGENT), unbridge(CALLER, AGENT))
    heard.hear(rung(COLLEAGUE, "212", CALLER, "03456009009"), answers(COLLEAGUE))
    assert len(answered(heard, CALLER, bridge(CALLER, COLLEAGUE))) == 1


def test_whoever_answers_after_a_transfer_was_transferred_to() -> None:
    heard = Heard(*DIRECT, answers(AGENT), bridge(CALLER, AGENT), goes(AGENT))
    heard.hear(unbridge(CALLER, AGENT, **{"Caller-Destination-Number": "212"}), gone(AGENT))
    heard.hear(rung(COLLEAGUE, "212", CALLER, "212"), answers(COLLEAGUE))
    assert answered(heard, CALLER, bridge(CALLER, COLLEAGUE)) == []


def test_nobody_answers_a_queues_call_but_its_agent() -> None:
    heard = queue_call(unbridge(CALLER, AGENT))
    heard.hear(rung(COLLEAGUE, "212", CALLER, "03456009009"), answers(COLLEAGUE))
    assert answered(heard, CALLER, bridge(CALLER, COLLEAGUE)) == []


def test_whom_an_agent_consults_is_no_call_of_its_own() -> None:
    by_phone = queue_call(
        said("CHANNEL_HOLD", AGENT),
        dialled(SECOND, "211", "902079460010"),
        rung_outside(LINE, "02079460010", SECOND, "902079460010"),
        answers(LINE),
    )
    assert answered(by_phone, LINE, bridge(SECOND, LINE)) == []
    by_key = queue_call(rung_outside(LINE, "02079460010", AGENT, "x7-211"), answers(LINE))
    assert answered(by_key, LINE, bridge(AGENT, LINE, "att_xfer")) == []


def test_whom_nobody_of_the_two_has_rung_has_answered_nothing() -> None:
    heard = Heard(came(CALLER), dialled(AGENT, "211", "800"), answers(AGENT))
    assert answered(heard, CALLER, bridge(CALLER, AGENT)) == []
    heard = Heard(came(CALLER), rung(AGENT, "211", COLLEAGUE, "x"), answers(AGENT))
    assert answered(heard, CALLER, bridge(CALLER, AGENT)) == []


def test_who_was_rung_by_a_command_or_as_one_of_several_answers_who_came_in() -> None:
    """``park``, ``originate`` and ``uuid_bridge``; or ``a:_:b``: nothing says for whom."""
    heard = Heard(came(CALLER), rung(AGENT, "211"), answers(AGENT))
    (fact,) = answered(heard, CALLER, bridge(CALLER, AGENT, "park"))
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.agent == "211@192.0.2.2"
    clicked = Heard(rung(AGENT, "211"), answers(AGENT), rung_outside(LINE, "02079460010"))
    clicked.hear(answers(LINE))
    assert answered(clicked, LINE, bridge(AGENT, LINE))[0].arrival.direction is Direction.OUTBOUND


def test_a_colleague_takes_a_call_that_rings_elsewhere() -> None:
    heard = Heard(*DIRECT, dialled(COLLEAGUE, "212", "*8"), answers(COLLEAGUE))
    (fact,) = answered(heard, CALLER, bridge(COLLEAGUE, CALLER, "intercept"))
    assert fact.agent == "212@192.0.2.2"


def test_a_colleague_who_takes_a_talk_has_answered_nothing() -> None:
    heard = Heard(*DIRECT, answers(AGENT), bridge(CALLER, AGENT), unbridge(CALLER, AGENT))
    heard.hear(dialled(COLLEAGUE, "212", "*8"), answers(COLLEAGUE))
    assert answered(heard, CALLER, bridge(COLLEAGUE, CALLER, "intercept")) == []


def test_a_loopback_answers_for_whoever_is_behind_it() -> None:
    heard = Heard(
        came(CALLER),
        loopback("u-a", "211", "a", "u-b", CALLER),
        loopback("u-b", "211", "b", "u-a"),
        rung(AGENT, "211", "u-b", "211"),
        answers(AGENT),
        answers("u-a"),
    )
    facts = [each.fact for each in heard.hear(bridge("u-b", AGENT))]
    assert not [each for each in facts if isinstance(each, Answered)]
    (fact,) = answered(heard, CALLER, bridge(CALLER, "u-a"))
    assert fact.arrival.place is not None
    assert fact.arrival.place.extension == "211"
    assert fact.agent == "211@192.0.2.2"


def test_a_callers_name_is_cut_to_plain_text() -> None:
    name = "x\nUnique-ID: spoofed" + "y" * 5000
    heard = Heard(DIRECT[0] | {"Caller-Caller-ID-Name": name}, DIRECT[1])
    (fact,) = answered(heard, CALLER, answers(AGENT), bridge(CALLER, AGENT))
    assert fact.name.startswith("xUnique-ID: spoofedy")
    assert len(fact.name) < 300


def test_whom_a_dialler_rings_first_is_called_and_calls_nobody() -> None:
    heard = Heard(rung_outside(LINE, "02079460010"), answers(LINE))
    heard.hear(rung(AGENT, "211", LINE, "201"), answers(AGENT))
    (fact,) = answered(heard, LINE, bridge(LINE, AGENT))
    assert (fact.arrival.direction, fact.arrival.extension) == (Direction.OUTBOUND, "211")
    assert fact.agent == "211@192.0.2.2"


def test_an_agent_at_home_is_no_call_to_the_outside() -> None:
    """A colleague waits in a queue; its agent is rung through a gateway, and is told to talk."""
    heard = Heard(dialled(COLLEAGUE, "212", "611"))
    heard.hear(callcenter("member-queue-start", COLLEAGUE) | {"CC-Member-Session-UUID": COLLEAGUE})
    heard.hear(rung_outside(LINE, "02079460010"), answers(LINE))
    heard.hear(agent_has(LINE) | {"CC-Member-Session-UUID": COLLEAGUE})
    assert answered(heard, LINE, bridge(COLLEAGUE, LINE, "callcenter")) == []


PICKS = (
    came(CALLER),
    rung(AGENT, "211", CALLER, "03456009009"),
    dialled(COLLEAGUE, "212", "*8"),
    answers(COLLEAGUE),
)


def test_one_of_a_group_picks_up_what_another_telephone_rings_with() -> None:
    heard = Heard(*PICKS, said("CHANNEL_EXECUTE", COLLEAGUE, Application="pickup"))
    (fact,) = answered(heard, CALLER, bridge(CALLER, COLLEAGUE))
    assert fact.arrival.direction is Direction.INBOUND
    assert fact.arrival.place is not None
    assert fact.arrival.place.extension == "212"
    assert fact.agent == "212@192.0.2.2"


def test_a_pickup_that_came_to_nothing_is_none() -> None:
    heard = Heard(*PICKS, said("CHANNEL_EXECUTE", COLLEAGUE, Application="pickup"))
    heard.hear(said("CHANNEL_EXECUTE", COLLEAGUE, Application="bridge"))
    assert answered(heard, CALLER, bridge(CALLER, COLLEAGUE)) == []


def test_a_pickup_counts_for_one_talk() -> None:
    heard = Heard(*PICKS, said("CHANNEL_EXECUTE", COLLEAGUE, Application="pickup"))
    heard.hear(bridge(CALLER, COLLEAGUE), unbridge(CALLER, COLLEAGUE), gone(CALLER))
    heard.hear(came("u-other"))
    assert answered(heard, "u-other", bridge("u-other", COLLEAGUE)) == []


RECOVERED = {"variable_recovered": "true", "Answer-State": "answered"}


def test_a_call_that_was_recovered_after_a_crash_does_not_begin_anew() -> None:
    """Its payment, the opt-out and the agent's keys are lost with the crash."""
    for recovered in ((CALLER,), (AGENT,), (CALLER, AGENT)):
        events = [
            each | (RECOVERED if each["Unique-ID"] in recovered else {})
            for each in (*DIRECT, answers(AGENT))
        ]
        heard = Heard(*events)
        assert answered(heard, CALLER, bridge(CALLER, AGENT, "uuid_bridge")) == []


def test_nor_does_one_to_the_outside() -> None:
    heard = Heard(*(each | RECOVERED for each in RINGS_OUTSIDE))
    assert answered(heard, LINE, bridge(AGENT, LINE, "uuid_bridge")) == []


def test_an_agent_who_dials_a_payment_line_is_at_that_extension() -> None:
    """Which the dialplan rings over a trunk, by a number that no policy names. (Run on 1.10.12.)"""
    dials = dialled(AGENT, "211", "710")
    click = rung(AGENT, "211"), answers(AGENT), routed(AGENT, "710")
    told = rung_outside(LINE, "2000", AGENT, "710"), answers(LINE)
    untold = rung_outside(LINE, "2000"), answers(LINE)  # one of several that were rung at once
    for events in ((dials, *told), (dials, *untold), (*click, *told), (*click, *untold)):
        (fact,) = answered(Heard(*events), LINE, bridge(AGENT, LINE))
        assert fact.arrival.direction is Direction.OUTBOUND
        assert fact.arrival.place == Place(DestinationKind.OUTSIDE, "710", number="2000")


def test_whom_a_dialler_connects_with_an_agent_is_not_at_the_agents_extension() -> None:
    agent = rung(AGENT, "211", **{"Caller-Destination-Number": "211"})
    events = rung_outside(CALLER, "07900123001"), answers(CALLER), agent, answers(AGENT)
    (fact,) = answered(Heard(*events), CALLER, bridge(CALLER, AGENT))
    assert fact.arrival.extension == "211"
    assert fact.arrival.place is not None
    assert fact.arrival.place.extension == "07900123001"
