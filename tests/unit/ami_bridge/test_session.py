"""What readers of every kind of session have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.session import LONG_AGO, BaseReader, LinkDown, LinkUp, TraceEnds
from hushtape.errors import Damaged

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RECEIVED = f"{NOW.timestamp():.6f}"
LATER = NOW + timedelta(seconds=3)


class Reader(BaseReader):
    """Shows what a reader of a kind uses."""

    mark = BaseReader._mark
    time_of = BaseReader._time_of


def test_the_marks_of_a_trace() -> None:
    reader = Reader()
    assert reader.mark(RECEIVED, "") is None
    assert reader.mark(RECEIVED, "up") == LinkUp(NOW)
    assert reader._asked
    assert reader.mark(RECEIVED, "trace ends") == TraceEnds(NOW)
    assert reader._asked
    assert reader.mark(RECEIVED, "down") == LinkDown(NOW)
    assert not reader._asked


def test_a_lost_link_ends_with_what_the_pbx_said_last() -> None:
    reader = Reader()
    reader.mark(RECEIVED, "up")
    last = reader.time_of(NOW + timedelta(seconds=1))
    assert reader.mark(f"{LATER.timestamp():.6f}", "down") == LinkDown(last)


@pytest.mark.parametrize("received", ["", "now", "nan", "1e300"])
def test_a_mark_without_a_time_is_damaged(received: str) -> None:
    with pytest.raises(Damaged, match="holds no time"):
        Reader().mark(received, "up")


def test_what_says_no_time_happened_when_it_was_received() -> None:
    reader = Reader()
    reader.mark(RECEIVED, "")
    assert reader.time_of(None) == NOW


def test_a_pbx_is_taken_at_its_word_and_its_clock_is_learned() -> None:
    reader = Reader()
    reader.mark(RECEIVED, "")
    ahead = NOW + timedelta(seconds=1)
    assert reader.time_of(ahead) == ahead
    reader.mark(f"{LATER.timestamp():.6f}", "")
    assert reader.time_of(None) == LATER + timedelta(seconds=1)


def test_an_unbelievable_time_is_not_taken() -> None:
    reader = Reader()
    reader.mark(RECEIVED, "")
    assert reader.time_of(NOW - timedelta(days=4000)) == NOW


def test_a_file_without_marks_has_the_times_that_it_says() -> None:
    reader = Reader()
    assert reader.time_of(None) == LONG_AGO
    assert reader.time_of(NOW) == NOW
    assert reader.time_of(None) == NOW, "what says none happened just after"
