"""Who talks with whom on an Asterisk."""

from __future__ import annotations

from ami_bridge.asterisk.talks import PARKING
from ami_bridge.facts import (
    ConsultationBegan,
    ConsultationEnded,
    Held,
    JoinedTalk,
    LeftTalk,
    LegGone,
    OptedOut,
    Parked,
    TalkChanged,
)
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    OUTSIDE,
    company,
    inbound,
    local_call,
    of,
    queue_call,
    second_line,
)


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


def test_half_of_a_local_channel_is_told_nothing() -> None:
    pbx = inbound()
    pbx.rings("1.8", "211")
    pbx.enters("b1", CALLER)
    told = pbx.enters("b1", "1.8")
    assert company(told) == [["1.8"]]
    assert of(told, "1.8", TalkChanged) == []


def test_where_nobody_talks_there_is_no_talk() -> None:
    pbx = queue_call()
    pbx.leaves("b1", CALLER)
    for kind in PARKING:
        assert pbx.enters("b7", CALLER, kind=kind) == []
    assert pbx.says("BridgeEnter", Uniqueid=CALLER, BridgeUniqueid="") == []


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
    assert (fact.leg.uniqueid, fact.telephone) == (AGENT, "PJSIP/211")
    assert fact.place == pbx.translator.place("211"), "as the Local channel is named"
    (ended,) = of(pbx.leaves("b2", AGENT), CALLER, ConsultationEnded)
    assert isinstance(ended, ConsultationEnded)
    assert ended.leg == AGENT


def test_a_consultation_by_telephone_is_on_its_second_channel() -> None:
    pbx, told = second_line()
    (fact,) = of(told, CALLER, ConsultationBegan)
    assert (fact.leg.uniqueid, fact.place) == ("1.22", pbx.translator.place("212"))
    assert of(pbx.says("Unhold", Uniqueid=AGENT), CALLER, ConsultationEnded)


def test_whoever_comes_into_a_consultation_is_told() -> None:
    pbx, _ = second_line()
    told = pbx.enters("b2", "1.99")
    (fact,) = of(told, CALLER, ConsultationBegan)
    assert [talker.uniqueid for talker in fact.talkers] == [COLLEAGUE, "1.99"]
    assert fact.leg.uniqueid == "1.22"


def test_an_opt_out_during_a_consultation_is_that_of_the_caller_who_waits() -> None:
    pbx, _ = second_line()
    assert of(pbx.user("1.22", "opt-out", "agent"), CALLER, OptedOut)
    assert of(pbx.user(COLLEAGUE, "opt-out", "agent"), CALLER, OptedOut) == []


def test_a_leg_that_is_gone_is_told_before_it_is_forgotten() -> None:
    pbx, _ = second_line()
    (fact,) = of(pbx.says("Hangup", Uniqueid="1.22"), CALLER, LegGone)
    assert fact.leg == "1.22"


def test_who_takes_the_part_of_half_a_local_channel_came_by_what_that_leads_to() -> None:
    """Also when the Local channel is gone, as it is at once."""
    pbx = queue_call()
    pbx.rings("1.8", "211")
    pbx.enters("b1", "1.8")
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.says("BridgeLeave", Uniqueid="1.8", BridgeUniqueid="b1")
    pbx.says("BridgeEnter", Uniqueid=OUTSIDE, BridgeUniqueid="b1", SwapUniqueid="1.8")
    told = pbx.says("Hangup", Uniqueid="1.8", Channel=NAMES["1.8"])
    told += pbx.leaves("b1", AGENT)
    changed = [each for each in of(told, CALLER, TalkChanged) if isinstance(each, TalkChanged)]
    (talker,) = changed[-1].talkers
    assert talker.ways == (pbx.translator.place("211"),)
