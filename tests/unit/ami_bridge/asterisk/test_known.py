"""What is known of one Asterisk's channels."""

from __future__ import annotations

from ami_bridge.asterisk.known import Known
from ami_bridge.facts import Channel
from tests.unit.ami_bridge.asterisk.events import AGENT, CALLER, COLLEAGUE, NAMES, PBX

ONE, TWO = "1.8", "1.9"  # the halves of a Local channel


def known(*uniqueids: str) -> Known:
    found = Known(PBX)
    for each in uniqueids:
        found.add(Channel(each, NAMES[each], "internal", "211", "211"))
    return found


def test_an_event_is_of_the_channel_that_it_names() -> None:
    found = known(CALLER)
    assert found.of({"Uniqueid": CALLER}) is found.channel(CALLER) is not None
    assert found.of({"Uniqueid": AGENT}) is found.of({}) is None


def test_another_program_knows_a_channel_by_its_name() -> None:
    found = known(CALLER, AGENT)
    assert found.named(NAMES[AGENT]) is found.channel(AGENT)
    assert found.named("PJSIP/nobody-00000001") is found.named("") is None


def test_of_two_with_one_name_the_newer_is_meant() -> None:
    found = known(CALLER, AGENT)
    agent = found.channel(AGENT)
    assert agent is not None
    found.rename(agent, NAMES[CALLER])
    assert found.named(NAMES[CALLER]) is agent


def test_behind_a_half_is_whoever_is_alone_with_the_other_one() -> None:
    found = known(CALLER, AGENT, COLLEAGUE, ONE, TWO)
    for bridge, uniqueid in (("b1", CALLER), ("b1", ONE), ("b2", TWO), ("b2", AGENT)):
        found.talks.enter(bridge, uniqueid)
    assert found.behind(NAMES[ONE]) is found.channel(AGENT)
    assert found.behind(NAMES[TWO]) is found.channel(CALLER)
    found.talks.enter("b2", COLLEAGUE)
    assert found.behind(NAMES[ONE]) is None, "one of two: not sure which"


def test_a_channel_that_is_renamed_to_a_half_is_one() -> None:
    found = known(CALLER, AGENT, COLLEAGUE)
    colleague = found.channel(COLLEAGUE)
    assert colleague is not None
    found.rename(colleague, NAMES[ONE])
    assert found.talks.is_half(COLLEAGUE)


def test_in_a_subroutine_of_ours_somebody_dials_where_he_was_before() -> None:
    found = known(CALLER)
    assert found.dialled_in({"Uniqueid": CALLER, "Context": "internal", "Exten": "212"}) == "212"
    within = {"Uniqueid": CALLER, "Context": "hushtape-payment", "Exten": "s"}
    assert found.dialled_in(within) == "211"
    assert found.dialled_in({**within, "Uniqueid": AGENT}) == ""


def test_a_channel_that_is_gone_is_known_no_more() -> None:
    found = known(CALLER)
    found.party.dials(CALLER, "212")
    channel = found.remove(CALLER)
    assert found.channel(CALLER) is None
    found.add(channel)
    assert found.party.place_of(channel).extension != "212"
