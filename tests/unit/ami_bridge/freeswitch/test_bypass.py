"""Talks whose sound FreeSWITCH doesn't hear."""

from __future__ import annotations

import pytest

from ami_bridge.freeswitch.bypass import GOES_PAST, UNREAD, Bypass
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    Event,
    bridge,
    gone,
    said,
    unbridge,
)

PAST = {"variable_signal_bridge_to": AGENT}
PROXY = {"variable_proxy_media": "true"}


def after(*events: Event) -> Bypass:
    bypass = Bypass()
    for event in events:
        bypass.take(event)
    return bypass


@pytest.mark.parametrize(("variables", "why"), [(PAST, GOES_PAST), (PROXY, UNREAD), ({}, "")])
def test_a_bridge_says_whether_the_sound_is_heard(variables: Event, why: str) -> None:
    bypass = Bypass()
    unheard = bypass.take(bridge(CALLER, AGENT) | variables)
    assert set(unheard) == ({CALLER, AGENT} if why else set())
    assert [bypass.why(each) for each in (CALLER, AGENT, COLLEAGUE)] == [why, why, ""]


@pytest.mark.parametrize("variables", [PAST, PROXY])
@pytest.mark.parametrize(
    "end",
    [
        unbridge(CALLER, AGENT) | PAST,  # run: it may say so still
        gone(AGENT),
        bridge(CALLER, COLLEAGUE),
    ],
)
def test_it_is_heard_again_when_that_talk_is_over(variables: Event, end: Event) -> None:
    bypass = after(bridge(CALLER, AGENT) | variables, end)
    assert bypass.why(CALLER) == bypass.why(AGENT) == ""


def test_a_channel_that_lives_says_so_too() -> None:
    living = {"Event-Name": "CHANNEL_DATA", "Unique-ID": CALLER, **PAST}
    assert after(living).why(AGENT) == GOES_PAST


def test_other_events_may_carry_an_old_word_of_it() -> None:
    over = said("CHANNEL_HANGUP", CALLER) | PAST
    assert after(bridge(CALLER, AGENT) | PAST, unbridge(CALLER, AGENT), over).why(CALLER) == ""
