"""Silent and one-sided segments, found in real WAV files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hushtape.recordings.manifest import Leg, Segment
from tests.recording_samples import RATE_HZ, RECORDING_ID, START, handoff, segment, tone, wav
from workers import heard, mix, settle
from workers.heard import Heard

AT_ONCE = START


def quiet(seconds: float, peak: int = 0) -> bytes:
    return tone(440, seconds, peak) if peak else bytes(2 * round(seconds * RATE_HZ))


def voice(seconds: float) -> bytes:
    """As quiet as a voice may be."""
    return tone(440, seconds, 2 * heard.SILENT_PEAK)


def remarks(
    folder: Path,
    *parts: tuple[Segment, bytes, bytes],
    answered_at: datetime | None = AT_ONCE,
) -> tuple[str, ...]:
    for each, said, others in parts:
        (folder / each.outside_file).write_bytes(wav(said))
        (folder / each.inside_file).write_bytes(wav(others))
    settled = settle.settle(folder, handoff(*(part[0] for part in parts)))
    timeline = mix.lay_out(RECORDING_ID, settled)
    ears = Heard(timeline, answered_at)
    for _ in mix.stereo_blocks(folder, timeline, ears):
        pass
    return ears.remarks()


SILENT = ("silent: segment 1: no sound on either side",)
NO_CALLER = ("one-sided: segment 1: the outside party is never heard",)
NOBODY_OF_OURS = ("one-sided: segment 1: our side is never heard",)


@pytest.mark.parametrize(
    ("said", "others", "expected"),
    [
        (voice(6), voice(6), ()),
        (quiet(6), voice(6), NO_CALLER),
        (voice(6), quiet(6), NOBODY_OF_OURS),
        (quiet(6), quiet(6), SILENT),
        # Comfort noise is no voice.
        (quiet(6, heard.SILENT_PEAK - 1), voice(6), NO_CALLER),
        (quiet(6, 40), quiet(6, heard.SILENT_PEAK - 1), SILENT),
        # A click is no voice; a word is one, wherever it is.
        (voice(6), tone(900, 0.05, 30_000) + quiet(5.95), NOBODY_OF_OURS),
        (voice(0.3) + quiet(5.7), quiet(5.7) + voice(0.3), ()),
        (voice(6), b"", NOBODY_OF_OURS),
        # Shorter talks may well have one side only.
        (quiet(4.9), voice(4.9), ()),
        (quiet(4.9), quiet(4.9), ()),
        (quiet(5), voice(5), NO_CALLER),
    ],
)
def test_who_is_heard(
    tmp_path: Path, said: bytes, others: bytes, expected: tuple[str, ...]
) -> None:
    one = segment(1, 0, max(len(said), len(others)) / 2 / RATE_HZ)
    assert remarks(tmp_path, (one, said, others)) == expected


def test_the_music_before_the_answer_is_nobodys_voice(tmp_path: Path) -> None:
    one = segment(1, 0, 20)
    said, others = quiet(12) + voice(8), voice(12) + quiet(8)
    answered_at = START + timedelta(seconds=12)
    assert remarks(tmp_path, (one, said, others), answered_at=answered_at) == (
        "one-sided: segment 1: our side is never heard since the call was answered",
    )
    assert remarks(tmp_path, (one, others, others), answered_at=answered_at) == (
        "silent: segment 1: no sound on either side since the call was answered",
    )
    assert remarks(tmp_path, (one, said, voice(20)), answered_at=answered_at) == ()


@pytest.mark.parametrize("answered_at", [None, START + timedelta(seconds=16)])
def test_a_caller_who_waits_in_silence_is_not_one_sided(
    tmp_path: Path, answered_at: datetime | None
) -> None:
    one = segment(1, 0, 20)
    assert remarks(tmp_path, (one, quiet(20), voice(20)), answered_at=answered_at) == ()
    assert remarks(tmp_path, (one, quiet(20), quiet(20)), answered_at=answered_at) == SILENT


def test_each_segment_is_judged_by_itself(tmp_path: Path) -> None:
    one, two, three = (segment(n, 10 * n, 6) for n in (1, 2, 3))
    found = remarks(
        tmp_path,
        (one, voice(6), voice(6)),
        (two, quiet(6), quiet(6)),
        (three, voice(6), quiet(6)),
    )
    assert found == (
        "silent: segment 2: no sound on either side",
        "one-sided: segment 3: our side is never heard",
    )


@pytest.mark.parametrize(
    ("said", "heard_", "expected"),
    [
        (voice(6), voice(6), ()),
        (voice(6), quiet(6), ("one-sided: segment 2: the colleague is never heard",)),
        (quiet(6), voice(6), ("one-sided: segment 2: the agent is never heard",)),
        (quiet(6), quiet(6), ("silent: segment 2: no sound on either side",)),
        (voice(4), quiet(4), ()),
    ],
)
def test_who_is_heard_in_a_consultation(
    tmp_path: Path, said: bytes, heard_: bytes, expected: tuple[str, ...]
) -> None:
    """The caller's own segment is judged by what is in it, not by what takes its place."""
    beside = segment(2, 2, len(said) / 2 / RATE_HZ, leg=Leg.CONSULTATION)
    caller = segment(1, 0, 10), voice(10), voice(10)
    assert remarks(tmp_path, caller, (beside, said, heard_)) == expected


def test_a_side_that_is_cut_away_is_not_heard(tmp_path: Path) -> None:
    one = segment(1, 0, 6, cut_s=2.0)
    assert remarks(tmp_path, (one, voice(8), quiet(6) + voice(2))) == NOBODY_OF_OURS


def test_blocks_of_any_length_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = segment(1, 0, 20)
    said, others = quiet(19) + voice(1), voice(12) + quiet(8)
    answered_at = START + timedelta(seconds=12)
    whole = remarks(tmp_path, (one, said, others), answered_at=answered_at)
    monkeypatch.setattr(mix, "BLOCK_FRAMES", 777)
    assert remarks(tmp_path, (one, said, others), answered_at=answered_at) == whole != ()
