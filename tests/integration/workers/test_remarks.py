"""What a recording says of itself, from real WAV files: consultations, and everything wrong."""

from __future__ import annotations

import math
import subprocess
from array import array
from datetime import timedelta

import pytest
from click.testing import CliRunner

from hushtape.errors import Damaged
from hushtape.recordings import layout
from hushtape.recordings.assurance import Kind, of_remarks
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.commands import recordings
from hushtape.recordings.findings import Findings
from hushtape.recordings.manifest import (
    AudioFormat,
    AudioTerms,
    EndedBy,
    Leg,
    Manifest,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)
from tests.integration.workers.worker_house import House
from tests.recording_samples import (
    RATE_HZ,
    REASON,
    RECORDING_ID,
    START,
    handoff,
    segment,
    tone,
    wav,
)
from workers import settle, spool, tasks
from workers.reconcile import reconcile
from workers.runtime import context

CALLER, MUSIC, AGENT, COLLEAGUE = 440.0, 600.0, 1000.0, 1400.0  # Hz
HEARD = 0.05  # of full scale; a tone of ours is at 0.24


def archive(house: House, *segments: Segment, **changes: object) -> Manifest:
    given = handoff(*segments, audio=AudioTerms(format=AudioFormat.FLAC), **changes)
    tasks.archive(tasks.handoff_text(given))
    return read_entry(house.archive, RECORDING_ID).manifest


def sides(house: House) -> tuple[array[int], array[int]]:
    path = house.config.archive_path / layout.audio(RECORDING_ID, AudioFormat.FLAC)
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "pipe:1"],
        capture_output=True,
        check=True,
        timeout=30,
    ).stdout
    both = array("h", raw)
    return both[0::2], both[1::2]


def level(side: array[int], hz: float, begin_s: float, end_s: float) -> float:
    """How loud one tone is in a stretch of sound, of full scale."""
    piece = side[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]
    step = 2 * math.pi * hz / RATE_HZ
    real = sum(each * math.cos(step * n) for n, each in enumerate(piece))
    imaginary = sum(each * math.sin(step * n) for n, each in enumerate(piece))
    return 2 * math.hypot(real, imaginary) / len(piece) / 32768


def tones(side: array[int], begin_s: float, end_s: float) -> set[float]:
    """Which of the voices are to be heard."""
    all_of_them = (CALLER, MUSIC, AGENT, COLLEAGUE)
    return {hz for hz in all_of_them if level(side, hz, begin_s, end_s) > HEARD}


def test_a_consultation_is_heard_on_the_right_at_its_own_time(house: House) -> None:
    caller = segment(1, 0, 10)
    asked = segment(
        2,
        2,
        3,
        leg=Leg.CONSULTATION,
        ended_by=EndedBy.CONSULTED,
        stop=StopSeen.CONFIRMED,
        cut_s=0.5,  # back with the caller, before the recorder stopped
    )
    asked_again = segment(3, 8, 4, leg=Leg.CONSULTATION)  # the caller hangs up meanwhile
    house.write_segment(caller, tone(CALLER, 10), tone(MUSIC, 10))
    house.write_segment(asked, tone(AGENT, 3.5), tone(COLLEAGUE, 3.5))
    house.write_segment(asked_again, tone(AGENT, 4), tone(COLLEAGUE, 3))
    span = Span(
        kind=SpanKind.CONSULTATION,
        started_at=START + timedelta(seconds=2),
        ended_at=START + timedelta(seconds=5),
        reason=REASON,
    )
    manifest = archive(house, caller, asked, asked_again, spans=(span,))

    left, right = sides(house)
    assert len(left) == len(right) == 12 * RATE_HZ
    for begin_s in range(10):
        assert tones(left, begin_s, begin_s + 1) == {CALLER}
    assert not any(left[10 * RATE_HZ :])
    assert tones(right, 0, 2) == {MUSIC}
    assert tones(right, 2, 5) == {AGENT, COLLEAGUE}
    assert tones(right, 5, 8) == {MUSIC}
    assert tones(right, 8, 11) == {AGENT, COLLEAGUE}
    assert tones(right, 11, 12) == {AGENT}
    edge = 2 * RATE_HZ
    assert right[edge - 80 : edge].tobytes() == tone(MUSIC, 10)[2 * edge - 160 : 2 * edge]
    assert manifest.audio.duration_s == 12
    assert [(each.leg, each.offset_s, each.duration_s) for each in manifest.segments] == [
        (Leg.OUTSIDE, 0, 10),
        (Leg.CONSULTATION, 2, 3),
        (Leg.CONSULTATION, 8, 4),
    ]
    assert manifest.remarks == (
        "unequal: segment 3: the inside file is 1.00 s shorter; silence was added at its end",
    )
    assert list(house.spool.iterdir()) == []

    told = CliRunner().invoke(recordings, ["show", "-c", str(house.config_path), RECORDING_ID])
    assert told.exit_code == 0
    assert "0:03 at 0:02 of the file, ended by the consultation is over (confirmed)" in told.output
    assert "on the right: what agent and colleague said" in told.output
    assert "without sound" not in told.output


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MISSING_S", "STILL_EMPTY_S", "STILL_S"):
        monkeypatch.setattr(settle, name, 0.02)


TALK = wav(tone(CALLER, 8))
SILENCE = wav(bytes(16 * RATE_HZ))
EMPTY = wav(b"")


@pytest.mark.parametrize(
    ("outside", "inside", "kinds"),
    [
        (TALK, TALK, []),
        (wav(tone(CALLER, 8), claimed=0), TALK, []),
        (None, None, [Kind.MISSING]),
        (TALK, None, [Kind.ONE_SIDED, Kind.INCOMPLETE]),
        (None, EMPTY, [Kind.MISSING, Kind.EMPTY]),
        (EMPTY, EMPTY, [Kind.EMPTY]),
        (b"", b"", [Kind.EMPTY]),
        (EMPTY, TALK, [Kind.ONE_SIDED, Kind.INCOMPLETE]),
        (SILENCE, SILENCE, [Kind.SILENT]),
        (SILENCE, TALK, [Kind.ONE_SIDED]),
        (TALK, SILENCE, [Kind.ONE_SIDED]),
        (wav(tone(CALLER, 5.9)), wav(tone(CALLER, 5.9)), [Kind.SHORT]),
        (b"no sound at all, but text", TALK, [Kind.DAMAGED, Kind.ONE_SIDED]),
    ],
)
@pytest.mark.parametrize("leg", list(Leg))
def test_everything_that_may_be_wrong_is_found(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    outside: bytes | None,
    inside: bytes | None,
    kinds: list[Kind],
    leg: Leg,
) -> None:
    """The second recorder of a call whose first was as it should be."""
    quick(monkeypatch)
    good, one = segment(1, 0, 8), segment(2, 8, 8, leg=leg)
    house.write_segment(good, tone(CALLER, 8), tone(AGENT, 8))
    for name, data in ((one.outside_file, outside), (one.inside_file, inside)):
        if data is not None:
            house.write(name, data)
    archive(house, good, one)
    remarks = [
        each
        for each in read_entry(house.archive, RECORDING_ID).manifest.remarks
        if "segment 1" not in each
    ]
    assert list(of_remarks(remarks)) == kinds
    finding = Findings(house.redis).get(RECORDING_ID)
    found = [] if finding is None else [each for each in finding.kinds if each in kinds]
    assert found == kinds
    left = [each.name for each in house.spool.iterdir()]
    assert left == ([one.outside_file] if Kind.DAMAGED in kinds else [])


@pytest.mark.parametrize("recorders", [0, 1])
def test_a_hand_off_without_files_ends_as_missing(
    house: House, monkeypatch: pytest.MonkeyPatch, recorders: int
) -> None:
    quick(monkeypatch)
    given = handoff(*(segment(1, 0, 8),)[:recorders])
    spool.write_handoff(house.spool, RECORDING_ID, tasks.handoff_text(given).encode())
    assert reconcile(context(), "town-hall") == 1
    tasks.archive(spool.read_handoff(house.spool, RECORDING_ID).decode())
    assert list(house.spool.iterdir()) == []
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.MISSING,)
    words = "no file of this call holds any sound" if recorders else "no recorder was running"
    assert any(words in each for each in finding.words)


def test_where_nothing_can_be_read_all_of_it_is_left(house: House) -> None:
    one = segment(1, 0, 8)
    house.write(one.outside_file, b"no sound at all, but text")
    house.write(one.inside_file, b"neither")
    with pytest.raises(Damaged):
        archive(house, one)
    assert len(list(house.spool.iterdir())) == 3
