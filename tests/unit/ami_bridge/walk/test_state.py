"""What tells the states of a call apart in a walk."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from ami_bridge.call.company import Company
from ami_bridge.call.recorder import Draft, Track
from ami_bridge.call.standing import Paying, Standing
from ami_bridge.facts import HungUp
from ami_bridge.walk import state as walk_state
from ami_bridge.walk.seen import Seen, Wait
from ami_bridge.walk.state import fork, fork_seen, key
from hushtape.policy.stages import Stage
from tests.unit.ami_bridge.call.test_machine import at, entered, play, started

# What makes no difference to what may happen next: names, times as such, numbers, papers.
IRRELEVANT: dict[type[Any], set[str]] = {
    Standing: {
        "id",
        "pbx",
        "pbx_call",
        "policy",
        "began",
        "reason",
        "one_file",
        "papers",
        "rests",
        # Known by the rests that the observer saw being asked for.
        "explaining",
        "together",
        "meeting",
        "listening",
    },
    Paying: set(),
    Company: {"had_by", "sent_by"},  # for the desktops
    Track: {"leg", "resting"},
    Draft: {"number", "asked_at", "started_at", "recorder_id", "ended_by", "gone_at", "gone_by"},
    Seen: {"over", "opted_out_at", "opted_out_of"},
}


@pytest.mark.parametrize("kind", IRRELEVANT)
def test_whatever_is_known_tells_states_apart_or_is_said_to_be_irrelevant(kind: type[Any]) -> None:
    source = inspect.getsource(walk_state)
    names = {each.name for each in fields(kind)}
    told = {name for name in names if f".{name}" in source}
    assert names - told - IRRELEVANT[kind] == set(), "left out of the walk's states"
    assert names >= IRRELEVANT[kind]


def test_times_and_numbers_do_not_tell_states_apart() -> None:
    one, _ = play(entered(0), started(0.01))
    other, _ = play(entered(5), started(7))
    assert key(one, Seen()) == key(other, Seen())


def test_stages_and_what_the_observer_knows_do() -> None:
    call, _ = play(entered(0), started(0.01))
    other = fork(call)
    other.stage = Stage.UNRECORDED
    assert key(call, Seen()) != key(other, Seen())
    assert key(call, Seen()) != key(call, Seen(pays=frozenset({"key"})))


def test_of_two_forks_each_goes_its_own_way() -> None:
    call, _ = play(entered(0), started(0.01))
    other = fork(call)
    other.apply(HungUp(at=at(5)))
    assert (call.stage, other.stage) == (Stage.RECORDED, Stage.OVER)
    assert call.papers.segments == []
    assert call.track.draft is not None
    seen = Seen(waits={Wait.VOICE: 1})
    fork_seen(seen).waits.clear()
    assert seen.waits == {Wait.VOICE: 1}
