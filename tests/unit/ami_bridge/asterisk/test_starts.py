"""Which recorders are ours, where the PBX names the channel only."""

from __future__ import annotations

from ami_bridge.asterisk.starts import Starts


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_as_many_are_ours_as_were_asked_for() -> None:
    starts = Starts(5.0, Clock())
    starts.asked("1.1")
    starts.asked("1.1")
    assert [starts.seen("1.1") for _ in range(3)] == [True, True, False]


def test_one_on_another_channel_is_somebody_elses() -> None:
    starts = Starts(5.0, Clock())
    starts.asked("1.1")
    assert not starts.seen("1.2")
    assert starts.seen("1.1")


def test_one_that_the_pbx_refused_hides_nobody() -> None:
    starts = Starts(5.0, Clock())
    starts.asked("1.1")
    starts.refused("1.1")
    starts.refused("1.1")
    assert not starts.seen("1.1")


def test_one_that_never_came_hides_nobody_for_long() -> None:
    clock = Clock()
    starts = Starts(5.0, clock)
    starts.asked("1.1")
    starts.asked("1.2")
    clock.now_s += 4
    starts.asked("1.1")
    clock.now_s += 2
    assert not starts.seen("1.2")
    assert [starts.seen("1.1"), starts.seen("1.1")] == [True, False]
    assert starts._asked == {}
