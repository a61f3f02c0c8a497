"""When a file counts as done, as missing, as too short; with a clock of our own."""

from __future__ import annotations

import os
import struct
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from hushtape.errors import NotSettled
from hushtape.recordings.assurance import Kind, of_remarks
from hushtape.recordings.manifest import EndedBy, Handoff, Segment, StopSeen
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone, wav
from workers import settle, spool


class Clock:
    """Moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def settled(
    folder: Path, given: Handoff, clock: Clock, missing_counts: bool = True
) -> settle.Settled:
    return settle.settle(
        folder, given, missing_counts=missing_counts, clock=clock, sleep=clock.sleep
    )


def write(folder: Path, each: Segment, outside: bytes | None, inside: bytes | None) -> None:
    for name, data in ((each.outside_file, outside), (each.inside_file, inside)):
        if data is not None:
            (folder / name).write_bytes(data)


def test_files_that_are_whole_take_no_time(tmp_path: Path) -> None:
    clock = Clock()
    write(tmp_path, segment(1, 0, 1), wav(tone(440, 1)), wav(tone(440, 1)))
    assert settled(tmp_path, handoff(segment(1, 0, 1)), clock).remarks == ()
    assert clock.now_s == 100


@pytest.mark.parametrize(("claimed", "is_closed"), [(None, True), (0, False)])
def test_a_file_tells_its_age_and_whether_somebody_has_ended_it(
    tmp_path: Path, claimed: int | None, is_closed: bool
) -> None:
    one, before_s = segment(1, 0, 1), time.time()
    data = wav(tone(440, 1), claimed=claimed)
    write(tmp_path, one, data, data)
    os.utime(tmp_path / one.outside_file, (before_s + 5, before_s + 5))
    (found,) = settled(tmp_path, handoff(one), Clock()).segments
    audio = found.outside
    assert audio is not None
    assert audio.born_at is not None
    assert audio.written_at is not None
    assert audio.is_closed is is_closed
    assert audio.born_at.timestamp() == pytest.approx(before_s, abs=1)
    assert audio.written_at.timestamp() == pytest.approx(before_s + 5, abs=0.001)


def test_a_missing_file_is_waited_for_until_the_call_is_long_over(tmp_path: Path) -> None:
    given, clock = handoff(segment(1, 0, 1)), Clock()
    write(tmp_path, given.segments[0], wav(tone(440, 1)), None)
    with pytest.raises(NotSettled, match="is not in the spool: it is looked for until 120 s"):
        settled(tmp_path, given, clock, missing_counts=False)
    assert 1.0 <= clock.now_s - 100 < 1.1
    clock = Clock()
    found = settled(tmp_path, given, clock)
    assert found.remarks == ("incomplete: segment 1, inside: the file is missing",)
    assert 1.0 <= clock.now_s - 100 < 1.1
    assert settle.left_behind(given, found.remarks) == (given.segments[0].inside_file,)


def test_what_is_missing_for_good_is_so_however_the_clock_moves_on(tmp_path: Path) -> None:
    """Between a look and the question how long it took, the second may just be over."""
    given, now_s = handoff(segment(1, 0, 1)), 100.0
    write(tmp_path, given.segments[0], wav(tone(440, 1)), None)

    def clock() -> float:
        nonlocal now_s
        now_s += 0.07  # a look is at 100.98 s, the question at 101.05 s
        return now_s

    found = settle.settle(tmp_path, given, clock=clock, sleep=lambda _: None)
    assert found.remarks == ("incomplete: segment 1, inside: the file is missing",)


def test_a_recorder_that_hardly_ran_may_have_written_nothing(tmp_path: Path) -> None:
    """The caller hung up as he entered the queue: that is nobody's fault, and no finding."""
    brief, longer = segment(1, 0, settle.BRIEF_S), segment(2, 1, settle.BRIEF_S + 0.01)
    for each in (brief, longer):
        write(tmp_path, each, wav(b""), b"")
    found = settled(tmp_path, handoff(brief), Clock()).remarks
    assert found == (
        "brief: segment 1, outside: the file holds no sound",
        "brief: segment 1, inside: the file is empty",
        "brief: the call was over before there was any sound",
    )
    assert of_remarks(found) == {}
    found = settled(tmp_path, handoff(brief, longer), Clock()).remarks
    assert found[2:] == (
        "empty: segment 2, outside: the file holds no sound",
        "empty: segment 2, inside: the file is empty",
        "empty: the files of this call hold no sound",
    )


def test_nor_may_it_have_begun_and_nobody_waits_for_its_file(tmp_path: Path) -> None:
    given, clock = handoff(segment(1, 0, settle.BRIEF_S)), Clock()
    found = settled(tmp_path, given, clock, missing_counts=False).remarks
    assert found == (
        "brief: segment 1, outside: the file is missing",
        "brief: segment 1, inside: the file is missing",
        "brief: the call was over before there was any sound",
    )
    assert of_remarks(found) == {}
    assert clock.now_s - 100 < 1.1
    assert settle.left_behind(given, found) == (
        given.segments[0].outside_file,
        given.segments[0].inside_file,
    )


def test_a_call_that_went_on_without_sound_is_a_finding_however_brief_its_recorder(
    tmp_path: Path,
) -> None:
    early = msgspec.structs.replace(segment(1, 0, settle.BRIEF_S), ended_by=EndedBy.TRANSFER)
    write(tmp_path, early, wav(b""), wav(b""))
    found = settled(tmp_path, handoff(early), Clock()).remarks
    assert set(of_remarks(found)) == {Kind.EMPTY}
    found = settled(tmp_path / "elsewhere", handoff(early), Clock()).remarks
    assert set(of_remarks(found)) == {Kind.MISSING}


def test_whose_papers_are_lost_is_not_brief(tmp_path: Path) -> None:
    """Its length is what its files say."""
    given = msgspec.structs.replace(handoff(segment(1, 0, 0)), adopted="it was found")
    write(tmp_path, given.segments[0], wav(b""), b"")
    found = settled(tmp_path, given, Clock()).remarks
    assert set(of_remarks(found)) == {Kind.EMPTY}


@pytest.mark.parametrize(
    ("seconds", "over"), [(0, False), (119, False), (120, True), (-60, False), (-3600, True)]
)
def test_how_long_a_call_must_be_over(seconds: float, over: bool) -> None:
    assert settle.long_over(START, START + timedelta(seconds=seconds)) is over


@pytest.mark.parametrize(
    ("data", "needed_s"),
    [(wav(b""), settle.STILL_EMPTY_S), (wav(tone(440, 1), claimed=0), settle.STILL_S)],
)
def test_how_long_a_file_must_stand_still(tmp_path: Path, data: bytes, needed_s: float) -> None:
    clock = Clock()
    write(tmp_path, segment(1, 0, 1), data, wav(tone(440, 1)))
    settled(tmp_path, handoff(segment(1, 0, 1)), clock)
    assert needed_s <= clock.now_s - 100 < needed_s + 0.05


def test_a_file_that_grows_for_ever_is_given_up(tmp_path: Path) -> None:
    given, clock = handoff(segment(1, 0, 1)), Clock()
    write(tmp_path, given.segments[0], wav(tone(440, 1), claimed=0), wav(tone(440, 1)))

    def grow(seconds: float) -> None:
        clock.sleep(seconds)
        with (tmp_path / given.segments[0].outside_file).open("ab") as stream:
            stream.write(bytes(320))

    with pytest.raises(NotSettled, match="still being written"):
        settle.settle(tmp_path, given, clock=clock, sleep=grow)
    assert settle.SETTLE_LIMIT_S < clock.now_s - 100 < settle.SETTLE_LIMIT_S + 0.1


def test_of_a_broken_sample_all_is_cut(tmp_path: Path) -> None:
    one = segment(1, 0, 1, cut_s=0.00007)  # half a sample more than none
    write(tmp_path, one, wav(tone(440, 1)), wav(tone(440, 0.5)))
    (each,) = settled(tmp_path, handoff(one), Clock()).segments
    assert each.outside
    assert each.inside
    assert (each.outside.frames, each.inside.frames) == (7999, 3999)


def test_of_a_recorder_whose_end_nobody_saw_only_what_was_seen_is_kept(tmp_path: Path) -> None:
    one = msgspec.structs.replace(segment(1, 0, 1), stop=StopSeen.UNSEEN)
    write(tmp_path, one, wav(tone(440, 3)), wav(tone(880, 3)))
    (kept,) = settled(tmp_path, handoff(one), Clock()).segments
    assert kept.outside is not None
    assert kept.inside is not None
    assert (kept.outside.frames, kept.inside.frames) == (8000, 8000)
    shorter = msgspec.structs.replace(segment(1, 0, 5), stop=StopSeen.UNSEEN)
    (kept,) = settled(tmp_path, handoff(shorter), Clock()).segments
    assert kept.outside is not None
    assert kept.outside.frames == 24000, "there is no more than there is"


def wav_16k(samples: bytes, before_data: bytes = b"") -> bytes:
    return (
        b"RIFF"
        + struct.pack("<I", len(samples) + 36 + len(before_data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
        + before_data
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )


def test_other_rates_and_chunks_before_the_sound(tmp_path: Path) -> None:
    one = segment(1, 0, 1, cut_s=0.25)
    odd = b"LIST" + struct.pack("<I", 5) + b"data!" + b"\0"
    write(tmp_path, one, wav_16k(bytes(32_000)), wav_16k(bytes(32_000), odd))
    found = settled(tmp_path, handoff(one), Clock())
    assert found.rate_hz == 16_000
    assert found.remarks == ()
    (each,) = found.segments
    assert each.outside
    assert each.inside
    assert (each.outside.frames, each.inside.frames) == (12_000, 12_000)
    assert each.inside.data_offset_bytes == 44 + len(odd)


@pytest.mark.parametrize(
    ("there_s", "cut_s", "remarks"),
    [
        (8.1, 0.0, ()),
        (7.9, 0.0, ("short: segment 1: 7.9 s of 10.0 s",)),
        (11.1, 3.0, ()),  # 3 s after the cause of its end, which are cut away
        (10.9, 3.0, ("short: segment 1: 7.9 s of 10.0 s",)),
    ],
)
def test_a_file_that_lacks_time_is_named(
    tmp_path: Path, there_s: float, cut_s: float, remarks: tuple[str, ...]
) -> None:
    one = segment(1, 0, 10, cut_s=cut_s)
    write(tmp_path, one, wav(tone(440, there_s)), wav(tone(440, there_s)))
    assert settled(tmp_path, handoff(one), Clock()).remarks == remarks


def test_what_is_lacking_is_told_by_the_remarks() -> None:
    remarks = (
        "missing: segment 2, outside: the file is missing",
        "damaged: segment 3, inside: it is not a WAV file; it is left in the spool",
        "header: segment 4, inside: the file was believed",
        "short: segment 5: 7.9 s of 10.0 s",
    )
    sides = [(n, side) for n in range(1, 6) for side in ("outside", "inside")]
    lacking = [each for each in sides if settle.is_lacking(*each, remarks)]
    assert lacking == [(2, "outside"), (3, "inside")]
    left = [each for each in sides if settle.is_lacking(*each, remarks, left_only=True)]
    assert left == [(3, "inside")]


def test_what_a_power_cut_left_of_a_hand_off_goes_with_it(tmp_path: Path) -> None:
    spool.write_handoff(tmp_path, RECORDING_ID, b"x")
    (tmp_path / f".{RECORDING_ID}.0011.part").touch()
    (tmp_path / ".20261121-131500-aaaaaaaa.0011.part").touch()
    with pytest.raises(spool.Different):
        spool.write_handoff(tmp_path, RECORDING_ID, b"y")
    spool.remove_handoff(tmp_path, RECORDING_ID)
    assert [each.name for each in tmp_path.iterdir()] == [".20261121-131500-aaaaaaaa.0011.part"]
