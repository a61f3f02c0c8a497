"""What stands in a channel's variable: all that comes out went in.

Whatever it was: tests/integration/ami_bridge/call/test_noted_properties.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.call import noted
from ami_bridge.call.noted import Noted, NotedSegment
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, Leg

ID = "20261121-130500-abcdefgh"
AT = datetime(2026, 11, 21, 13, 5, 0, 123000, tzinfo=UTC)


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
