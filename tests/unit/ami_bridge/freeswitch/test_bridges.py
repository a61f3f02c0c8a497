"""Which channels talk with each other, as FreeSWITCH tells it."""

from __future__ import annotations

from ami_bridge.freeswitch import bridges as module
from ami_bridge.freeswitch.bridges import Bridges, pair
from ami_bridge.talks import Talks

CALLER, AGENT, COLLEAGUE = "c", "a", "b"
FIRST, SECOND = pair(CALLER, AGENT), pair(AGENT, COLLEAGUE)


def joined(*pairs: tuple[str, str]) -> tuple[Talks, Bridges]:
    talks = Talks()
    bridges = Bridges(talks)
    for one, other in pairs:
        for each in (one, other):
            bridges.join(pair(one, other), each)
    return talks, bridges


def company(talks: Talks, uniqueid: str) -> list[str]:
    return [each.uniqueid for each in talks.company(uniqueid)]


def test_a_bridge_is_named_after_both_whoever_comes_first() -> None:
    assert pair("a", "b") == pair("b", "a") != pair("a", "c")


def test_of_two_bridges_the_newer_counts_and_the_older_lasts() -> None:
    talks, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    assert company(talks, AGENT) == [COLLEAGUE]
    assert company(talks, CALLER) == []
    assert bridges.leave(SECOND, AGENT)
    assert bridges.leave(SECOND, COLLEAGUE)
    assert bridges.come_back(AGENT) == FIRST
    assert bridges.come_back(COLLEAGUE) == ""
    assert company(talks, CALLER) == [AGENT]


def test_joining_names_what_it_interrupts() -> None:
    _, bridges = joined((CALLER, AGENT))
    assert bridges.join(FIRST, AGENT) == ""
    assert bridges.join(SECOND, AGENT) == FIRST


def test_an_interrupted_bridge_that_ended_meanwhile_brings_nobody_back() -> None:
    talks, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    assert bridges.leave(FIRST, CALLER)
    assert not bridges.leave(FIRST, AGENT), "he talks elsewhere"
    bridges.leave(SECOND, AGENT)
    assert bridges.come_back(AGENT) == ""
    assert company(talks, AGENT) == []


def test_nobody_comes_back_to_where_nobody_is() -> None:
    _, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    bridges.forget(CALLER)
    bridges.leave(SECOND, AGENT)
    assert bridges.come_back(AGENT) == ""


def test_a_third_person_goes_wherever_the_one_goes_who_brought_him() -> None:
    talks, bridges = joined((AGENT, COLLEAGUE))
    bridges.leave(SECOND, AGENT)
    bridges.leave(SECOND, COLLEAGUE)
    bridges.bring_in(COLLEAGUE, AGENT)
    assert company(talks, COLLEAGUE) == []
    bridges.join(FIRST, CALLER)
    bridges.join(FIRST, AGENT)
    assert company(talks, CALLER) == [AGENT, COLLEAGUE]
    bridges.leave(FIRST, AGENT)
    assert company(talks, CALLER) == []


def test_a_third_person_who_has_a_bridge_of_his_own_is_a_third_no_more() -> None:
    talks, bridges = joined((CALLER, AGENT))
    bridges.bring_in(COLLEAGUE, AGENT)
    bridges.join(pair(COLLEAGUE, CALLER), COLLEAGUE)
    bridges.join(pair(COLLEAGUE, CALLER), CALLER)
    assert company(talks, CALLER) == [COLLEAGUE]
    bridges.leave(pair(COLLEAGUE, CALLER), COLLEAGUE)
    assert bridges.come_back(COLLEAGUE) == "", "the bridge in which he was a third isn't his"


def test_who_is_gone_is_gone_from_everywhere() -> None:
    talks, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    assert bridges.forget(AGENT) == SECOND
    assert bridges.forget(AGENT) == ""
    assert company(talks, COLLEAGUE) == company(talks, CALLER) == []


def test_no_more_bridges_are_remembered_than_there_may_be() -> None:
    _, bridges = joined()
    for number in range(3 * module.MOST_BENEATH):
        for each in (AGENT, f"x{number}"):
            bridges.join(pair(AGENT, f"x{number}"), each)
    left = 0
    bridges.leave(pair(AGENT, f"x{number}"), AGENT)
    while bridge := bridges.come_back(AGENT):
        bridges.leave(bridge, AGENT)
        left += 1
    assert left == module.MOST_BENEATH


def test_before_a_resync_everybody_is_forgotten() -> None:
    talks, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    bridges.clear()
    assert company(talks, AGENT) == []
    assert bridges.come_back(AGENT) == ""


def test_who_will_come_back() -> None:
    _, bridges = joined((CALLER, AGENT), (AGENT, COLLEAGUE))
    assert bridges.waiting() == [(AGENT, FIRST)]
    bridges.leave(FIRST, AGENT)
    assert bridges.waiting() == []
