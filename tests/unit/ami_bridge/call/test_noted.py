"""What stands in a channel's variable: all that comes out went in, whatever it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ami_bridge.asterisk import actions
from ami_bridge.call import noted
from ami_bridge.call.noted import Noted, NotedSegment
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, Leg

ID = "20261121-130500-abcdefgh"
AT = datetime(2026, 11, 21, 13, 5, 0, 123000, tzinfo=UTC)


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

SAMPLE = Noted(
    id=ID,
    stage=Stage.RECORDED,
    policy="town",
    version="2024-01-01",
    direction=Direction.INBOUND,
    began_at=AT,
    discards=True,
    queue="help-line",
    known=("1.7", "PJSIP/231"),
    segments=(NotedSegment(1, Leg.OUTSIDE, AT, AT), NotedSegment(2, Leg.CONSULTATION, AT, None)),
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


def test_a_note_is_one_line_of_plain_words() -> None:
    assert noted.write(SAMPLE) == (
        f"{ID};recorded;town;2024-01-01;inbound;1795266300123;d;help-line;1.7,PJSIP/231;"
        "1o:1795266300123:1795266300123,2c:1795266300123:"
    )


@pytest.mark.parametrize(
    "broken",
    [
        ("recorded", "over"),  # what is over is noted no more
        ("recorded", "asleep"),
        ("inbound", "up"),
        ("1795266300123;d", "soon;d"),
        ("1795266300123;d", "9" * 30 + ";d"),
        ("2c:", "2x:"),
        ("2c:", "c:"),
        ("2c:", "-2c:"),
        ("2c:", "٢c:"),
        ("2c:1795266300123:", "2c:1795266300123"),
        ("2c:1795266300123:", "2c:1_0:"),
        (ID, "../../etc/passwd"),
        (";help-line", ""),
        (";help-line", ";help-line;more"),
        ("help-line", "q" * 900),
    ],
)
def test_a_note_that_is_not_quite_one_is_refused(broken: tuple[str, str]) -> None:
    text = noted.write(SAMPLE)
    assert broken[0] in text
    with pytest.raises(ValueError):
        noted.read(text.replace(*broken))


@pytest.mark.parametrize("on", ["", "1.7~PJSIP/231-00000007"])
def test_on_which_channel_a_consultations_recorder_may_run(on: str) -> None:
    segment = NotedSegment(3, Leg.CONSULTATION, AT, None, on)
    text = noted.write(replace(SAMPLE, segments=(segment,)))
    assert noted.read(text).segments == (segment,)


@pytest.mark.parametrize("on", ["1.7", "1.7~Local/231@x;1", "a,b~c", "~", "1.7~\r\nAction: x"])
def test_a_channel_that_could_be_misread_is_not_noted(on: str) -> None:
    segment = NotedSegment(3, Leg.CONSULTATION, AT, None, on)
    text = noted.write(replace(SAMPLE, segments=(segment,)))
    assert noted.read(text).segments == (replace(segment, on=""),)


def test_where_it_grows_too_long_the_oldest_segments_go() -> None:
    on = f"1.7~PJSIP/{'x' * 70}"
    segments = tuple(NotedSegment(n, Leg.CONSULTATION, AT, None, on) for n in range(1, 13))
    text = noted.write(replace(SAMPLE, segments=segments))
    assert noted.TEXT_LIMIT - 150 < len(text) <= noted.TEXT_LIMIT
    numbers = [each.number for each in noted.read(text).segments]
    assert numbers == list(range(13 - len(numbers), 13))


def test_the_newest_segment_has_the_highest_number() -> None:
    assert noted.newest(()) == 0
    assert noted.newest(SAMPLE.segments) == 2


def test_times_are_kept_to_the_millisecond() -> None:
    late = replace(SAMPLE, began_at=AT + timedelta(microseconds=999))
    assert noted.read(noted.write(late)).began_at == AT
