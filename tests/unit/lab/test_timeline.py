"""The check that holds a played trace against recording and ear finds what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab import ear, timeline, town
from lab.measure import ASTERISK, FREESWITCH
from lab.product import Recording
from lab.timeline import Played, archived, joined, paid

ANEW_S = ASTERISK.renewed_s
BEGAN_S = 1_795_282_345.0
RATE = ear.RATE_HZ


def stamp(offset_s: float) -> str:
    return datetime.fromtimestamp(BEGAN_S + offset_s, UTC).isoformat()


def recording(*spans: tuple[float, float], leg: str = "outside") -> Recording:
    segments: list[dict[str, Any]] = [
        {"started_at": stamp(a), "duration_s": b - a, "leg": leg} for a, b in spans
    ]
    return Recording({"id": "r1", "segments": segments, "spans": []}, Path("/nowhere"))


def with_payment(found: Recording, begin_s: float, end_s: float, *, muted: bool) -> Recording:
    span = {"kind": "payment", "started_at": stamp(begin_s), "ended_at": stamp(end_s)}
    found.manifest["spans"] += [span | ({"muted": True} if muted else {})]
    found.manifest["spans"] += [span | {"kind": "parked"}]
    return found


def played(*spans: tuple[float, float], **changes: Any) -> Played:
    moved = tuple((BEGAN_S + a, BEGAN_S + b) for a, b in spans)
    facts: dict[str, Any] = {
        "uniqueid": "1.1",
        "policy": "surrey",
        "queue": "q",
        "outbound": False,
        "spans": moved,
        "beside": (),
        "discarded": False,
    }
    return Played(**(facts | changes))


def heard(
    *spans: tuple[float, float], length_s: float = 4.0, hz: int = town.CALLER_HZ
) -> ear.Heard:
    times = np.arange(round(length_s * RATE)) / RATE
    left = np.zeros(len(times))
    for start_s, end_s in spans:
        inside = (times >= start_s) & (times < end_s)
        left[inside] = 0.3 * np.sin(2 * np.pi * hz * times[inside])
    return ear.hear_samples([left, np.zeros(len(times))], town.TONES)


def test_on_a_freeswitch_a_fresh_recorder_costs_more() -> None:
    gap = recording((0, 1), (1.3, 2))
    assert len(archived(gap, "outside")) == 2
    assert len(archived(gap, "outside", FREESWITCH)) == 1


def test_a_renewed_recorder_is_no_gap() -> None:
    found = archived(recording((0, 1), (1.08, 2), (3, 4)), "outside")
    assert [(a - BEGAN_S, b - BEGAN_S) for a, b in found] == [(0, 2), (3, 4)]
    assert joined([(3, 4), (0, 1), (1, 2)], 0.0) == [(0, 2), (3, 4)]


@pytest.mark.parametrize("off_s", [0.0, 0.02, -0.1, 0.1])
def test_an_edge_that_is_off_is_measured(off_s: float) -> None:
    found = timeline._compare(played((0, 2), (3, 4)), recording((0, 2 + off_s), (3, 4)))
    assert len(found) == 4
    assert max(each for each, _ in found) == pytest.approx(abs(off_s), abs=1e-5)


@pytest.mark.parametrize(
    ("off_s", "worst_s"), [(ASTERISK.renewed_s, 0.0), (ASTERISK.renewed_s + 0.1, 0.1), (-0.1, 0.1)]
)
def test_a_recorder_may_begin_anew_a_little_later_but_not_sooner(
    off_s: float, worst_s: float
) -> None:
    found = timeline._compare(played((0, 2), (3, 4)), recording((0, 2), (3 + off_s, 4)))
    assert max(each for each, _ in found) == pytest.approx(worst_s, abs=1e-5)
    first = timeline._compare(played((0, 2)), recording((off_s, 2)))
    assert max(each for each, _ in first) == pytest.approx(abs(off_s), abs=1e-5)


def test_a_payment_that_is_muted_is_a_gap_though_the_recorder_runs_on() -> None:
    muted = with_payment(recording((0, 4)), 2, 3, muted=True)
    assert [(a - BEGAN_S, b - BEGAN_S) for a, b in archived(muted, "outside")] == [(0, 2), (3, 4)]
    stopped = with_payment(recording((0, 4)), 2, 3, muted=False)
    assert len(archived(stopped, "outside")) == 1, "it is wrong, and must be seen"
    assert paid(stopped) == paid(muted) == [(BEGAN_S + 2, BEGAN_S + 3)]
    assert paid(stopped, muted_only=True) == []


def test_a_payment_of_which_the_pbx_knows_nothing_is_taken_out() -> None:
    payment = (BEGAN_S + 2, BEGAN_S + 3)
    assert played((0, 4)).unlike([payment]) == played((0, 2), (3, 4))
    consulted = played((0, 2), beside=(payment, (BEGAN_S + 3, BEGAN_S + 4)))
    assert consulted.unlike([payment]) == played((0, 2), beside=((BEGAN_S + 3, BEGAN_S + 4),))


def test_a_consultation_s_file_may_end_earlier_but_not_later() -> None:
    call = played(beside=((BEGAN_S, BEGAN_S + 2),))
    for end_s, off_s in ((1.5, 0.0), (2.5, 0.5)):
        found = timeline._compare(call, recording((0, end_s), leg="consultation"))
        assert max(each for each, _ in found) == pytest.approx(off_s, abs=1e-5)


def test_a_stretch_too_many_or_too_few_is_endlessly_wrong() -> None:
    for ours, theirs in (
        (played((0, 2)), recording((0, 1), (1.5, 2))),
        (played(), recording((0, 1))),
    ):
        [(off_s, words)] = timeline._compare(ours, theirs)
        assert off_s > ASTERISK.exact_s
        assert "stretches" in words
    beside = played((0, 2), beside=((BEGAN_S, BEGAN_S + 1),))
    assert any("consultation" in words for _, words in timeline._compare(beside, recording((0, 2))))


def test_who_isn_t_heard_where_he_is_recorded_is_missed() -> None:
    call, there = played((0, 4)), recording((0, 4))
    assert timeline._deaf(call, there, heard((0, 4))) == []
    assert timeline._deaf(call, there, heard((0, 2), (2.25, 4))) == []  # a key, a new recorder
    assert timeline._deaf(call, there, heard((0, 2), (2.4, 4)))
    assert timeline._deaf(call, there, heard((0, 2), (2.4, 4)), FREESWITCH) == []
    assert timeline._deaf(call, there, heard((0, 3)))
    assert timeline._deaf(call, there, heard((0, 4), hz=town.AGENT_HZ))
    outbound = played((0, 4), outbound=True)
    assert timeline._deaf(outbound, there, heard((0, 4), hz=town.OUTSIDE_HZ)) == []
    crowd = played((0, 4), queue=town.CROWD_QUEUE)
    assert timeline._deaf(crowd, there, heard((0, 4), hz=700)) == []
    assert timeline._deaf(crowd, there, heard((0, 2), hz=700))


def test_on_a_freeswitch_keys_in_a_muted_payment_make_the_rest_later_and_nothing_else() -> None:
    call, later = played((0, 1), (2, 4)), recording((0, 4.6))
    muted = with_payment(later, 1, 2, muted=True)
    sound = heard((0, 1), (2.7, 4.6), length_s=4.6)
    assert max(each for each, _ in timeline._compare(call, muted, FREESWITCH)) == 0.0
    assert timeline._deaf(call, muted, sound, FREESWITCH) == []
    assert timeline._loud(call, muted, sound, FREESWITCH) == []
    assert timeline._deaf(call, muted, sound), "an Asterisk has no such excuse"
    assert timeline._loud(call, muted, sound)
    in_it = heard((0, 1.4), (2.7, 4.6), length_s=4.6)
    assert timeline._loud(call, muted, in_it, FREESWITCH), "nor has the payment itself"
    stopped = recording((0, 1), (2, 4.6))
    assert timeline._loud(call, stopped, sound, FREESWITCH)


def test_each_key_of_the_outside_partys_makes_a_freeswitchs_file_longer() -> None:
    call, longer, sound = played((0, 2), keys=6), recording((0, 2.3)), heard((0, 2.3))
    assert timeline._loud(call, longer, sound, FREESWITCH) == []
    assert max(each for each, _ in timeline._compare(call, longer, FREESWITCH)) == 0.0
    assert timeline._loud(played((0, 2)), longer, sound, FREESWITCH)
    assert timeline._loud(call, longer, sound), "not an Asterisk's"


def test_what_is_heard_where_nothing_is_recorded_is_found() -> None:
    call, there = played((0, 2), (3, 4)), recording((0, 2), (3, 4))
    assert timeline._loud(call, there, heard((0, 2), (3, 4))) == []
    assert timeline._loud(call, there, heard((0, 2.2), (3, 4)))
    beside = played((0, 2), (3, 4), beside=((BEGAN_S + 2, BEGAN_S + 3),))
    assert timeline._loud(beside, there, heard((0, 4))) == []


def test_a_document_of_the_command_is_read() -> None:
    document = {
        "call": "1.1",
        "policy": "surrey",
        "queue": "q",
        "direction": "outbound",
        "began_at": stamp(0),
        "rows": [
            {"start_s": 0.0, "end_s": 1.0, "state": "recorded"},
            {"start_s": 1.0, "end_s": 2.0, "state": "recorded"},
            {"start_s": 2.0, "end_s": 3.0, "state": "payment"},
        ],
        "consultations": [{"start_s": 1.0, "end_s": 2.0}],
        "discard": {"words": "no"},
    }
    expected = played((0, 2), outbound=True, discarded=True, beside=((BEGAN_S + 1, BEGAN_S + 2),))
    assert timeline._played(document) == expected
