"""Who counts as a stranger in a recording, and what must be heard in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from lab.course import Course, Talk
from lab.ear import FINE_S, RATE_HZ, Flags, Heard, hear_samples
from lab.lots import Call
from lab.product import Recording
from lab.scene import Stage
from lab.strangers import Stretch, _talk, are_neighbours, heard_outside, is_there, share_of, sides
from lab.town import Crowd

TONES = {"crowd17": 876, "crowd18": 904, "crowd30": 1240, "3017": 2376, "3030": 2740, "music": 250}
BEGAN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SHORT_S, LONG_S = 30.0, 240.0


Sung = tuple[str, float, float]  # who, from when to when: s


def table_of(seconds: float, sung: Sequence[Sung]) -> Flags:
    """Who is heard in which window; the last one is the loudest."""
    names = list(TONES)
    table = np.zeros((round(seconds / FINE_S), len(names)), dtype=np.bool_)
    for name, start_s, end_s in sung:
        table[round(start_s / FINE_S) : round(end_s / FINE_S)] = [each == name for each in names]
    return table


def heard(seconds: float, *left: Sung, right: Sequence[Sung] | None = None) -> Heard:
    """Hear who sings on the left, and on the right: the same, unless it is said."""
    sides = (table_of(seconds, left), table_of(seconds, left if right is None else right))
    hz = tuple(float(each) for each in TONES.values())
    samples = np.zeros(len(sides[0]))
    volumes = (sides[0].astype(np.float64), sides[1].astype(np.float64))
    rate_hz = round(1 / FINE_S)
    return Heard(Path("-"), tuple(TONES), hz, FINE_S, volumes, sides, (samples,) * 2, rate_hz)


@pytest.mark.parametrize(
    ("stranger", "length_s", "stretches", "there"),
    [
        ("crowd18", SHORT_S, [(5.0, 5.2)], False),
        ("crowd18", SHORT_S, [(5.0, 5.4)], False),
        ("crowd18", SHORT_S, [(5.0, 5.6)], True),
        ("crowd18", SHORT_S, [(5.0, 5.2), (9.0, 9.2), (15.0, 15.2)], True),
        ("crowd18", LONG_S, [(5.0, 5.2), (9.0, 9.2), (15.0, 15.2)], False),
        ("crowd18", LONG_S, [(5.0, 5.8)], True),
        ("crowd30", SHORT_S, [(5.0, 5.2)], False),
        ("crowd30", SHORT_S, [(5.0, 5.4)], True),
        ("crowd30", LONG_S, [(5.0, 5.2), (90.0, 90.2)], True),
    ],
)
def test_only_a_neighbour_may_be_heard_for_a_moment_and_seldom(
    stranger: str, length_s: float, stretches: list[Stretch], there: bool
) -> None:
    sounds = heard(length_s, ("crowd17", 0, length_s), *((stranger, a, b) for a, b in stretches))
    assert is_there(sounds, "left", stranger, {"crowd17"}, (0.0, length_s)) is there


@pytest.mark.parametrize("lost_s", [1.02, 1.09, 1.19])
def test_a_lost_packet_is_not_somebody(lost_s: float) -> None:
    """Twenty milliseconds are missing, and what follows comes earlier."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    voice = 0.3 * np.sin(2 * np.pi * TONES["crowd17"] * t)
    at, packet = round(lost_s * RATE_HZ), RATE_HZ // 50
    sound = np.concatenate([voice[:at], voice[at + packet :]])
    sounds = hear_samples([sound, sound], TONES, frame_s=FINE_S)
    assert not is_there(sounds, "left", "crowd18", {"crowd17"}, (0.0, 3.0))


def test_in_a_talk_nobody_else_is_heard_not_even_for_a_moment() -> None:
    talk = Talk("crowd17", 100.0, 110.0)
    beside = heard(10.0, ("crowd17", 0, 10), ("crowd18", 5, 5.2))
    assert not list(_talk(beside, talk, (0.0, 10.0)))
    elsewhere = heard(10.0, ("crowd17", 0, 10), ("crowd30", 5, 5.2))
    assert list(_talk(elsewhere, talk, (0.0, 10.0))) == [
        "crowd30 is heard in the talk with crowd17, from 0.4 s on"
    ]
    silent = heard(10.0, ("crowd17", 0, 5))
    assert list(_talk(silent, talk, (0.0, 10.0))) == ["crowd17 is in 50% of the talk from 0.4 s on"]


def test_the_caller_is_to_be_heard_in_what_was_recorded() -> None:
    with_gap = heard(20.0, ("crowd17", 0, 8), ("crowd17", 14, 20))
    assert share_of(with_gap, "left", "crowd17", [(0, 8), (14, 20)]) == pytest.approx(1)
    assert share_of(with_gap, "left", "crowd17", [(0, 20)]) == pytest.approx(0.7, abs=0.02)
    assert share_of(with_gap, "left", "crowd17", []) == 0.0


def test_nobody_is_heard_where_nothing_was_recorded() -> None:
    with_gap = heard(20.0, ("crowd17", 0, 8), ("crowd17", 14, 20))
    assert not list(heard_outside(with_gap, [(0, 8), (14, 20)]))
    assert list(heard_outside(with_gap, [(0, 8), (16, 20)])) == [
        "crowd17 is heard from 8.4 s on, where nothing was recorded"
    ]
    assert not list(heard_outside(with_gap, [(0, 8.0), (8.6, 20)]))


def test_neighbours_are_of_one_kind() -> None:
    assert are_neighbours("crowd17", "crowd18")
    assert are_neighbours("3017", "3016")
    assert not are_neighbours("3017", "3019")
    assert not are_neighbours("music", "3017")


CALLER: Sung = ("crowd17", 0, 20)
AGENT: Sung = ("3017", 4, 20)
MUSIC: Sung = ("music", 0, 4)


@pytest.mark.parametrize(
    ("left", "right", "wrong"),
    [
        ([CALLER], [MUSIC, AGENT], []),
        ([("crowd17", 0, 14)], [MUSIC, AGENT], ["the caller is in 70% of the left side"]),
        ([CALLER, ("3017", 2, 3)], [MUSIC, AGENT], ["3017 is on the left for 1.0 s"]),
        ([CALLER, ("crowd18", 2, 3)], [MUSIC, AGENT], ["crowd18 is on the left for 1.0 s"]),
        ([CALLER], [MUSIC, AGENT, ("3030", 2, 3)], ["3030 is on the right for 1.0 s"]),
        ([CALLER], [MUSIC, AGENT, ("crowd17", 2, 3)], ["crowd17 is on the right for 1.0 s"]),
        ([CALLER], [MUSIC, ("3017", 4, 14)], ["3017 is in 63% of the talk from 4.4 s on"]),
        (
            [CALLER],
            [MUSIC, AGENT, ("music", 9, 10)],
            ["music is heard in the talk with 3017, from 4.4 s on"],
        ),
    ],
)
def test_each_side_has_its_own(left: list[Sung], right: list[Sung], wrong: list[str]) -> None:
    began_s = BEGAN.timestamp()
    recording = Recording(
        {"segments": [{"started_at": BEGAN.isoformat(), "duration_s": 20.0}]}, Path("-")
    )
    crowd = Crowd(18)
    call = Call(cast(Stage, None), crowd.callers[17], crowd.agents[17], "1.1")
    course = Course("1.1", began_s, began_s + 4, began_s + 20)
    course.talks.append(Talk("3017", began_s + 4, began_s + 20))
    found = list(sides(recording, heard(20.0, *left, right=right), call, course))
    assert found == wrong
