"""Which agent consults somebody while a caller waits."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk.halves import Talks
from ami_bridge.asterisk.party import Party
from ami_bridge.consulting import Consultation, Consulting
from ami_bridge.facts import Channel
from tests.unit.ami_bridge.asterisk.test_party import PBX

CALLER = Channel("1.1", "PJSIP/trunk-00000001", "from-outside", "03456009009")
AGENT = Channel("1.2", "PJSIP/211-00000002", "internal", "s")
SECOND = Channel("1.3", "PJSIP/211-00000003", "internal", "212")
CALLED_BACK = Channel("1.33", "PJSIP/211-00000033", "internal", "s")
COLLEAGUE = Channel("1.4", "PJSIP/212-00000004", "internal", "s")
ONE = Channel("1.8", "Local/211@internal-00000008;1", "internal", "211")
TWO = Channel("1.9", "Local/211@internal-00000008;2", "internal", "211")
BEGAN = Consultation(AGENT, CALLER, began=True)
ON_SECOND = Consultation(SECOND, CALLER, began=True)


class Told:
    """Tells the bridges and the consultations, in the order in which the translator does."""

    def __init__(self, *talks: tuple[str, Channel]) -> None:
        self.channels: dict[str, Channel] = {}
        self.talks = Talks()
        self.consulting = Consulting(self.channels, self.talks, Party(PBX, {}).telephone)
        for bridge, channel in talks:
            self.enter(bridge, channel)

    def enter(self, bridge: str, channel: Channel) -> list[Consultation]:
        self.channels[channel.uniqueid] = channel
        self.talks.name(channel.uniqueid, channel.name)
        self.talks.enter(bridge, channel.uniqueid)
        return self.consulting.entered(bridge, channel.uniqueid)

    def leave(self, channel: Channel) -> list[Consultation]:
        changed = self.consulting.left(channel.uniqueid)
        self.talks.leave(channel.uniqueid)
        return changed


def queue_call() -> Told:
    told = Told(("b1", AGENT), ("b1", CALLER))
    assert not told.consulting.consults(AGENT.uniqueid)
    return told


def local_call() -> Told:
    return Told(("b2", AGENT), ("b2", TWO), ("b1", ONE), ("b1", CALLER))


# by key


def test_an_agent_who_goes_over_to_another_talk_consults() -> None:
    told = queue_call()
    assert told.leave(AGENT) == []
    assert told.enter("b5", AGENT) == [BEGAN]
    assert told.consulting.consults(AGENT.uniqueid)


def test_back_with_the_caller_it_is_over() -> None:
    told = queue_call()
    told.leave(AGENT)
    told.enter("b5", AGENT)
    assert told.leave(AGENT) == [Consultation(AGENT, CALLER, began=False)]
    assert told.enter("b1", AGENT) == [], "nobody was left behind"
    assert not told.consulting.consults(AGENT.uniqueid)


def test_who_comes_back_into_the_same_talk_has_consulted_nobody() -> None:
    told = queue_call()
    told.leave(AGENT)
    assert told.enter("b1", AGENT) == []


def test_an_agent_whom_the_caller_has_left_consults_nobody() -> None:
    told = queue_call()
    told.leave(CALLER)
    told.leave(AGENT)
    assert told.enter("b5", AGENT) == []


def test_behind_a_local_channel_the_caller_waits_too() -> None:
    told = local_call()
    told.leave(AGENT)
    assert told.enter("b5", AGENT) == [BEGAN]


def test_half_of_a_local_channel_consults_nobody() -> None:
    told = local_call()
    told.leave(TWO)
    assert told.enter("b7", TWO) == []


def test_all_who_wait_are_told() -> None:
    told = queue_call()
    told.enter("b1", COLLEAGUE)
    told.leave(AGENT)
    assert {each.caller.uniqueid for each in told.enter("b5", AGENT)} == {"1.1", "1.4"}


# by telephone


def test_a_telephone_that_holds_the_caller_and_rings_a_colleague_consults() -> None:
    told = queue_call()
    assert told.consulting.held(AGENT) == []
    told.enter("b5", COLLEAGUE)
    assert told.enter("b5", SECOND) == [ON_SECOND]
    assert told.leave(SECOND) == [Consultation(SECOND, CALLER, began=False)]


def test_the_hold_may_be_told_after_the_second_talk() -> None:
    told = queue_call()
    assert told.enter("b5", SECOND) == []
    assert told.consulting.held(AGENT) == [ON_SECOND]


def test_taken_off_hold_the_caller_waits_no_more() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    told.enter("b5", SECOND)
    assert told.consulting.unheld(AGENT) == [Consultation(SECOND, CALLER, began=False)]
    assert told.leave(SECOND) == []


def test_a_call_that_comes_in_while_one_is_held_is_no_consultation() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    assert told.enter("b5", CALLED_BACK) == []


def test_another_telephones_second_talk_is_its_own_affair() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    other = Channel("1.5", "PJSIP/213-00000005", "internal", "212")
    assert told.enter("b5", other) == []


def test_while_both_are_held_nobody_is_consulted() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    told.enter("b5", SECOND)
    assert told.consulting.held(SECOND) == [Consultation(SECOND, CALLER, began=False)]
    assert told.consulting.unheld(SECOND) == [ON_SECOND]


def test_to_and_fro() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    told.enter("b5", SECOND)
    told.consulting.held(SECOND)
    assert told.consulting.unheld(AGENT) == []
    assert told.consulting.held(AGENT) == []
    assert told.consulting.unheld(SECOND) == [ON_SECOND]


def test_a_telephone_that_holds_nobody_takes_nothing_off_hold() -> None:
    """Asterisk 22, run: Unhold comes before every REFER, whether anything was held or not."""
    told = queue_call()
    assert told.consulting.unheld(AGENT) == []


def test_a_line_to_the_outside_has_no_second_line() -> None:
    told = queue_call()
    assert told.consulting.held(CALLER) == []
    assert not told.consulting.holds(Channel("1.7", "PJSIP/trunk-00000007", "from-outside", "9"))


def test_whether_a_telephone_holds_somebody_elsewhere() -> None:
    told = queue_call()
    assert not told.consulting.holds(SECOND)
    told.consulting.held(AGENT)
    assert told.consulting.holds(SECOND)
    assert not told.consulting.holds(AGENT), "that is the one on which it holds"
    told.consulting.unheld(AGENT)
    assert not told.consulting.holds(SECOND)


# its end


def test_of_a_channel_that_is_gone_all_who_waited_are_named() -> None:
    told = queue_call()
    told.leave(AGENT)
    told.enter("b5", AGENT)
    assert told.consulting.forget(AGENT) == [CALLER]
    assert told.consulting.forget(AGENT) == []


def test_a_channel_that_is_gone_holds_nobody() -> None:
    told = queue_call()
    told.consulting.held(AGENT)
    told.consulting.forget(AGENT)
    assert told.enter("b5", SECOND) == []
    assert not told.consulting.holds(SECOND)


@pytest.mark.parametrize("known", [True, False])
def test_what_a_predecessor_left_is_over_after_a_resync(known: bool) -> None:
    told = queue_call()
    if known:
        told.consulting.know(SECOND, CALLER)
        told.channels[SECOND.uniqueid] = SECOND
    else:
        told.consulting.held(AGENT)
        told.enter("b5", SECOND)
    assert told.consulting.consults(SECOND.uniqueid)
    assert told.consulting.resync() == [Consultation(SECOND, CALLER, began=False)]
    assert told.consulting.resync() == []
    assert not told.consulting.holds(SECOND), "what was held is not known any more"


def test_a_consultation_on_a_channel_that_nobody_knows_is_nothing() -> None:
    told = queue_call()
    told.consulting.know(SECOND, CALLER)
    assert told.consulting.left(SECOND.uniqueid) == []
    assert told.consulting.entered("b5", "1.99") == []


def test_an_agent_who_is_found_in_a_talk_on_top_of_another() -> None:
    told = Told(("b1", CALLER), ("b5", COLLEAGUE), ("b5", AGENT))
    assert told.consulting.interrupted("b1", AGENT.uniqueid) == [BEGAN]
    assert told.leave(AGENT) == [Consultation(AGENT, CALLER, began=False)]
