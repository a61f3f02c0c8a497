"""What stands in a channel's variable: all that comes out went in, whatever it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ami_bridge.asterisk import actions
from ami_bridge.call import noted
from ami_bridge.call.noted import Noted, NotedSegment
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, Leg
from tests.unit.ami_bridge.call.test_noted import ID


def word(alphabet: str, most: int, least: int = 1) -> some.SearchStrategy[str]:
    return some.text(alphabet, min_size=least, max_size=most)


moments = some.integers(0, 2**40).map(lambda ms: noted.EPOCH + timedelta(milliseconds=ms))
hostile = some.text() | some.sampled_from(
    [";", ",", "a;b", "\r\nAction: Originate", "${SHELL(id)}", "x" * 5000, "Zoë", "../..", "p;d"]
)
segments = some.builds(
    NotedSegment,
    number=some.integers(1, 200),
    leg=some.sampled_from(Leg),
    started_at=moments,
    ended_at=some.none() | moments,
    on=some.just("") | some.builds("{}~{}".format, word("aZ09.-", 50), word("aZ09./@-", 79)),
)
states = some.builds(
    Noted,
    id=some.just(ID),
    stage=some.sampled_from([stage for stage in Stage if stage is not Stage.OVER]),
    policy=word("abz019-", 64),
    version=some.sampled_from(["2024-01-01", "2013-07-01"]),
    direction=some.sampled_from(Direction),
    began_at=moments,
    discards=some.booleans(),
    awaits_permission=some.booleans(),
    queue=word("aZ09_.-", 80, least=0),
    known=some.lists(word("aZ09._/@-", 60), max_size=8).map(tuple),
    segments=some.lists(segments, max_size=20).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(states)
def test_what_is_written_is_read_again(state: Noted) -> None:
    text = noted.write(state)
    found = noted.read(text)
    kept = replace(
        state,
        known=state.known[-noted.MOST_KNOWN :],
        segments=state.segments[len(state.segments) - len(found.segments) :],  # the newest
    )
    assert found == kept
    if not any(each.on for each in state.segments):
        assert len(found.segments) == min(noted.MOST_SEGMENTS, len(state.segments))
    action = actions.set_variable("PJSIP/trunk-1", "HUSHTAPE_CALL", text)
    actions.check(action)  # it fits into a line


@settings(max_examples=40, deadline=None)
@given(states, hostile, some.lists(hostile, max_size=6))
def test_nothing_from_the_network_changes_what_the_rest_says(
    state: Noted, queue: str, known: list[str]
) -> None:
    text = noted.write(replace(state, queue=queue, known=tuple(known)))
    found = noted.read(text)
    assert replace(found, queue="", known=(), segments=()) == replace(
        state, queue="", known=(), segments=()
    )
    assert found.segments == state.segments[len(state.segments) - len(found.segments) :]
    assert found.queue in (queue, "")
    assert set(found.known) <= set(known)
    assert text.isascii()
    assert text.isprintable()
    actions.check(actions.set_variable("PJSIP/trunk-1", "HUSHTAPE_CALL", text))


@settings(max_examples=40, deadline=None)
@given(some.text(max_size=300))
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        noted.read(text)


@settings(max_examples=40, deadline=None)
@given(states, some.integers(0, 9), hostile)
def test_a_note_with_a_field_that_is_not_ours_is_read_or_refused(
    state: Noted, index: int, junk: str
) -> None:
    parts = noted.write(state).split(";")
    parts[index] = junk
    try:
        found = noted.read(";".join(parts))
    except ValueError:
        return
    assert found.id == ID
    assert all(each.number >= 0 for each in found.segments)
    assert found.began_at.tzinfo is not None
