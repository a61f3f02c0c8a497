"""Who talks with whom on a FreeSWITCH."""

from __future__ import annotations

import pytest

from ami_bridge.facts import ConsultationBegan, Fact, Held, TalkChanged
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    SECOND,
    Heard,
    answers,
    bridge,
    callcenter,
    came,
    conference,
    custom,
    dialled,
    goes,
    gone,
    loopback,
    queue_call,
    rung,
    said,
    unbridge,
)


def company(facts: list[Fact]) -> list[list[str]]:
    return [
        [talker.uniqueid for talker in each.talkers]
        for each in facts
        if isinstance(each, TalkChanged)
    ]


def consulted(facts: list[Fact]) -> list[tuple[str, str]]:
    return [
        (each.leg.uniqueid, each.place.extension)
        for each in facts
        if isinstance(each, ConsultationBegan)
    ]


def by_key() -> Heard:
    """A caller whose agent has a colleague on a second bridge, on top of the first."""
    heard = queue_call(rung(COLLEAGUE, "212", AGENT, "x7-211"), answers(COLLEAGUE))
    heard.hear(bridge(AGENT, COLLEAGUE, "att_xfer"))
    return heard


# bridges


def test_both_of_a_bridge_talk() -> None:
    heard = Heard(came(CALLER), rung(AGENT, "211", CALLER, "x"))
    told = heard.hear(bridge(CALLER, AGENT))
    assert {each.channel.uniqueid for each in told if type(each.fact).__name__ == "JoinedTalk"} == {
        CALLER,
        AGENT,
    }
    assert company([each.fact for each in told if each.channel.uniqueid == CALLER]) == [[AGENT]]


def test_its_end_is_both_leaving() -> None:
    heard = queue_call()
    assert heard.kinds(CALLER, unbridge(CALLER, AGENT)) == ["LeftTalk", "TalkChanged"]
    assert heard.kinds(CALLER, unbridge(CALLER, AGENT)) == []


def test_an_end_that_doesnt_say_of_what_is_of_the_one_in_which_it_was() -> None:
    heard = queue_call()
    end = said("CHANNEL_UNBRIDGE", CALLER, Answer_State="hangup")
    assert heard.kinds(CALLER, end) == ["LeftTalk", "TalkChanged"]


def test_a_bridge_with_itself_or_nobody_is_none() -> None:
    heard = queue_call()
    assert heard.kinds(CALLER, bridge(CALLER, CALLER), bridge(CALLER, "")) == []
    assert heard.kinds(CALLER, unbridge("", "")) == []


def test_whom_nobody_saw_arrive_is_somewhere_unknown() -> None:
    heard = Heard(came(CALLER))
    (fact,) = [each for each in heard.of(CALLER, bridge(CALLER, "u-unseen")) if not company([each])]
    assert type(fact).__name__ == "JoinedTalk"
    heard = Heard(came(CALLER))
    changed = [
        each
        for each in heard.of(CALLER, bridge(CALLER, "u-unseen"))
        if isinstance(each, TalkChanged)
    ]
    assert changed[0].talkers[0].place.kind is DestinationKind.UNKNOWN


def test_who_is_gone_is_in_no_talk() -> None:
    heard = queue_call()
    assert company(heard.of(CALLER, goes(AGENT), gone(AGENT))) == [[]]


# consultations


def test_an_agent_who_consults_by_key_leaves_the_caller_alone() -> None:
    heard = queue_call(rung(COLLEAGUE, "212", AGENT, "x7-211"), answers(COLLEAGUE))
    facts = heard.of(CALLER, bridge(AGENT, COLLEAGUE, "att_xfer"))
    assert company(facts) == [[]]
    assert consulted(facts) == [(AGENT, "212")]
    assert not [each for each in facts if type(each).__name__ == "LeftTalk"], "he stays"


def test_he_comes_back() -> None:
    heard = by_key()
    facts = heard.of(CALLER, goes(COLLEAGUE), unbridge(AGENT, COLLEAGUE, "att_xfer"))
    kinds = [type(each).__name__ for each in facts]
    assert kinds == ["ConsultationEnded", "ConsultedGone", "TalkChanged"]
    assert company(facts) == [[AGENT]]


def test_he_hangs_up_and_comes_back_no_more() -> None:
    heard = by_key()
    facts = heard.of(CALLER, goes(AGENT), unbridge(AGENT, COLLEAGUE, "att_xfer"))
    assert company(facts) == []
    assert heard.kinds(CALLER, gone(AGENT)) == ["LegGone"]


def test_the_caller_hangs_up_meanwhile() -> None:
    heard = by_key()
    heard.hear(goes(CALLER), unbridge(CALLER, AGENT), gone(CALLER))
    told = heard.hear(goes(COLLEAGUE), unbridge(AGENT, COLLEAGUE, "att_xfer"))
    assert company([each.fact for each in told if each.channel.uniqueid == AGENT]) == [[]]


def test_a_telephone_that_holds_a_caller_consults_on_its_second_call() -> None:
    heard = queue_call()
    assert heard.kinds(CALLER, said("CHANNEL_HOLD", AGENT)) == ["Held"]
    heard.hear(dialled(SECOND, "211", "212"), rung(COLLEAGUE, "212", SECOND, "212"))
    facts = heard.of(CALLER, answers(COLLEAGUE), bridge(SECOND, COLLEAGUE))
    assert consulted(facts) == [(SECOND, "212")]
    kinds = heard.kinds(CALLER, said("CHANNEL_UNHOLD", AGENT))
    assert kinds == ["ConsultationEnded"]


def test_also_if_it_holds_only_then() -> None:
    heard = queue_call(dialled(SECOND, "211", "212"), rung(COLLEAGUE, "212", SECOND, "212"))
    heard.hear(answers(COLLEAGUE), bridge(SECOND, COLLEAGUE))
    assert consulted(heard.of(CALLER, said("CHANNEL_HOLD", AGENT))) == [(SECOND, "212")]


def test_another_telephones_calls_are_its_own() -> None:
    heard = queue_call(said("CHANNEL_HOLD", AGENT), dialled(SECOND, "213", "212"))
    heard.hear(rung(COLLEAGUE, "212", SECOND, "212"), answers(COLLEAGUE))
    assert heard.kinds(CALLER, bridge(SECOND, COLLEAGUE)) == []


def test_a_held_caller_is_told_of_through_a_loopback() -> None:
    heard = Heard(
        came(CALLER),
        loopback("u-a", "211", "a", "u-b", CALLER),
        loopback("u-b", "211", "b", "u-a"),
        rung(AGENT, "211", "u-b", "211"),
        bridge("u-b", AGENT),
        bridge(CALLER, "u-a"),
    )
    facts = heard.of(CALLER, said("CHANNEL_HOLD", AGENT))
    assert [type(each) for each in facts] == [Held]


def test_a_hold_of_nobody() -> None:
    assert Heard().hear(said("CHANNEL_HOLD", "u-x"), said("CHANNEL_UNHOLD", "u-x")) == []


# three of them


def test_a_third_person_is_in_the_talk() -> None:
    heard = by_key()
    heard.hear(said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way"))
    facts = heard.of(
        CALLER,
        unbridge(AGENT, COLLEAGUE, "att_xfer"),
        unbridge(CALLER, AGENT),
        bridge(AGENT, CALLER, "att_xfer"),
    )
    assert sorted(company(facts)[-1]) == [AGENT, COLLEAGUE]
    assert company(heard.of(CALLER, gone(COLLEAGUE))) == [[AGENT]]


@pytest.mark.parametrize("whom", [AGENT, CALLER])
def test_a_supervisor_comes_in_on_whose_channel_he_says(whom: str) -> None:
    heard = queue_call(dialled(COLLEAGUE, "212", "800"))
    event = said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way", Application_Data=whom)
    assert [sorted(each) for each in company(heard.of(CALLER, event))] == [[AGENT, COLLEAGUE]]
    assert company(heard.of(CALLER, gone(COLLEAGUE))) == [[AGENT]]
    assert heard.hear(event | {"Application-Data": "u-nobody"}) == []


def test_whom_nobody_has_rung_comes_in_nowhere() -> None:
    heard = queue_call(dialled(COLLEAGUE, "212", "800"))
    event = said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way")
    assert heard.hear(event) == []


def test_a_conference() -> None:
    heard = queue_call(unbridge(CALLER, AGENT))
    facts = heard.of(CALLER, conference("add-member", CALLER), conference("add-member", AGENT))
    assert company(facts) == [[AGENT]]
    heard.hear(dialled(COLLEAGUE, "212", "651"))
    assert company(heard.of(CALLER, conference("add-member", COLLEAGUE))) == [[AGENT, COLLEAGUE]]
    assert company(heard.of(CALLER, conference("del-member", AGENT))) == [[COLLEAGUE]]
    kinds = heard.kinds(CALLER, conference("del-member", CALLER))
    assert kinds == ["LeftTalk", "TalkChanged"]


def test_two_conferences_are_two() -> None:
    heard = queue_call(unbridge(CALLER, AGENT))
    heard.hear(conference("add-member", CALLER, "651"))
    assert company(heard.of(CALLER, conference("add-member", AGENT, "652"))) == []


def test_what_else_a_conference_says_is_nothing() -> None:
    heard = queue_call()
    for action in ("start-talking", "floor-change", "dtmf", "conference-create"):
        assert heard.hear(conference(action, CALLER)) == []
    assert (
        heard.hear(conference("add-member", "u-unseen"), conference("add-member", CALLER, "")) == []
    )


# parking


def test_a_parked_caller() -> None:
    heard = queue_call(unbridge(CALLER, AGENT))
    executes = said("CHANNEL_EXECUTE", CALLER, Application="valet_park")
    assert heard.kinds(CALLER, executes) == ["Parked"]
    hold = custom("valet_parking::info", CALLER, Action="hold")
    assert heard.kinds(CALLER, hold) == [], "after the place was read out"
    assert heard.kinds(CALLER, said("CHANNEL_PARK", CALLER)) == []


def test_each_way_of_parking_says_so() -> None:
    for event in (
        custom("valet_parking::info", CALLER, Action="hold"),
        said("CHANNEL_PARK", CALLER),
    ):
        heard = queue_call(unbridge(CALLER, AGENT))
        assert heard.kinds(CALLER, event) == ["Parked"]
    heard = queue_call()
    assert heard.hear(custom("valet_parking::info", CALLER, Action="bridge")) == []
    assert heard.hear(said("CHANNEL_EXECUTE", CALLER, Application="playback")) == []


def test_who_was_fetched_can_be_parked_again() -> None:
    heard = queue_call(unbridge(CALLER, AGENT), said("CHANNEL_PARK", CALLER))
    heard.hear(dialled(COLLEAGUE, "212", "701"), bridge(CALLER, COLLEAGUE))
    heard.hear(unbridge(CALLER, COLLEAGUE))
    assert heard.kinds(CALLER, said("CHANNEL_PARK", CALLER)) == ["Parked"]


def test_nobody_parks() -> None:
    assert Heard().hear(said("CHANNEL_PARK", "u-x"), callcenter("members-count")) == []
