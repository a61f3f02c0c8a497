"""Putting segments in their places, and the consultation beside the wait."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hushtape.errors import Damaged
from hushtape.recordings.manifest import Leg, Segment
from tests.recording_samples import RATE_HZ, RECORDING_ID, START, segment, tone, wav
from workers import mix
from workers.mix import Timeline, interleave, lay_out, stereo_blocks
from workers.settle import Settled, SettledSegment, SpoolAudio


class Deaf:
    """Hears nothing, and remembers whom it was given."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}

    def look(self, index: int, sides: Sequence[bytes]) -> None:
        said, heard = sides
        assert len(said) == len(heard)
        self.seconds[index] = self.seconds.get(index, 0) + len(said) / 2 / RATE_HZ


def audio(name: str, frames: int) -> SpoolAudio:
    return SpoolAudio(name=name, data_offset_bytes=44, frames=frames, rate_hz=RATE_HZ)


def settled(each: Segment, outside: int, inside: int) -> SettledSegment:
    return SettledSegment(
        segment=each,
        outside=audio(each.outside_file, outside),
        inside=audio(each.inside_file, inside),
    )


def laid_out(*segments: SettledSegment):  # type: ignore[no-untyped-def]
    return lay_out(RECORDING_ID, Settled(segments=segments, rate_hz=RATE_HZ, remarks=()))


def test_left_is_outside_right_is_inside() -> None:
    assert interleave(b"\1\0\2\0", b"\3\0\4\0") == b"\1\0\3\0\2\0\4\0"


def test_the_files_time_is_the_calls_time() -> None:
    first, second = segment(1, 0, 2), segment(2, 5, 1)
    timeline = laid_out(settled(second, RATE_HZ, RATE_HZ), settled(first, 2 * RATE_HZ, 100))
    assert [each.offset_frames for each in timeline.places] == [0, 5 * RATE_HZ]
    assert timeline.frames == 6 * RATE_HZ
    assert timeline.remarks == ()


def test_an_overlap_is_put_after_and_named_when_it_is_long() -> None:
    first, second, third = segment(1, 0, 2), segment(2, 1.9, 1), segment(3, 2, 1)
    timeline = laid_out(
        *(settled(each, 2 * RATE_HZ, 2 * RATE_HZ) for each in (first, second, third))
    )
    assert [each.offset_frames for each in timeline.places] == [0, 16000, 32000]
    assert timeline.remarks == (
        "late: segment 3 began 2.00 s before the end of the one before it; it follows it here",
    )


def test_a_recording_of_nothing_is_a_moment_of_silence(tmp_path: Path) -> None:
    timeline = laid_out()
    assert timeline.frames == 800
    assert b"".join(stereo_blocks(tmp_path, timeline, Deaf())) == bytes(3200)


@given(
    some.lists(
        some.tuples(some.floats(0, 3), some.integers(0, 3000), some.integers(0, 3000)),
        min_size=1,
        max_size=5,
    )
)
def test_segments_never_overlap_and_keep_their_order(
    parts: list[tuple[float, int, int]],
) -> None:
    each = [
        settled(segment(n, offset_s, 1), outside, inside)
        for n, (offset_s, outside, inside) in enumerate(parts)
    ]
    timeline = laid_out(*each)
    end = 0
    for place in timeline.places:
        if place.settled.frames:
            assert place.offset_frames >= end
            end = place.offset_frames + place.settled.frames
    assert timeline.frames >= end


def test_blocks_add_up_and_the_shorter_side_is_silent(tmp_path: Path) -> None:
    one, two = segment(1, 0, 1), segment(2, 1.5, 1)
    for each in (one, two):
        (tmp_path / each.outside_file).write_bytes(wav(tone(440, 1)))
        (tmp_path / each.inside_file).write_bytes(wav(tone(600, 1)))
    timeline = laid_out(settled(one, 8000, 4000), settled(two, 8000, 8000))
    sound = b"".join(stereo_blocks(tmp_path, timeline, Deaf()))
    assert len(sound) == 4 * 20000
    inside = b"".join(sound[n + 2 : n + 4] for n in range(0, len(sound), 4))
    assert inside[: 2 * 4000] == tone(600, 1)[: 2 * 4000]
    assert not any(inside[2 * 4000 : 2 * 12000])
    assert inside[2 * 12000 :] == tone(600, 1)


def test_a_file_that_shrank_is_not_silence(tmp_path: Path) -> None:
    one = segment(1, 0, 1)
    (tmp_path / one.outside_file).write_bytes(wav(bytes(100)))
    (tmp_path / one.inside_file).write_bytes(wav(bytes(16000)))
    with pytest.raises(Damaged, match="shorter while it was read"):
        list(stereo_blocks(tmp_path, laid_out(settled(one, 8000, 8000)), Deaf()))


def test_a_day_is_where_the_clock_says() -> None:
    late = segment(2, timedelta(hours=23).total_seconds(), 1)
    timeline = laid_out(settled(segment(1, 0, 1), 8, 8), settled(late, 8, 8))
    assert timeline.places[1].offset_frames == 23 * 3600 * RATE_HZ
    assert timeline.places[1].settled.segment.started_at == START + timedelta(hours=23)


def test_a_clock_that_was_set_back_changes_no_order() -> None:
    """Segment 2 was made an hour after segment 1, by a clock that lost an hour and more."""
    first, second, third = segment(1, 0, 2), segment(2, -10, 1), segment(3, 4, 1)
    timeline = laid_out(
        settled(second, RATE_HZ, RATE_HZ),
        settled(third, RATE_HZ, RATE_HZ),
        settled(first, 2 * RATE_HZ, 2 * RATE_HZ),
    )
    assert [each.settled.segment.number for each in timeline.places] == [1, 2, 3]
    assert [each.offset_frames / RATE_HZ for each in timeline.places] == [0, 2, 4]
    assert timeline.remarks == (
        "late: segment 2 began 12.00 s before the end of the one before it; it follows it here",
    )


# Consultations


def consulted(number: int, offset_s: float, seconds: float) -> SettledSegment:
    each = segment(number, offset_s, seconds, leg=Leg.CONSULTATION)
    return settled(each, round(seconds * RATE_HZ), round(seconds * RATE_HZ))


def talked(number: int, offset_s: float, seconds: float) -> SettledSegment:
    return settled(
        segment(number, offset_s, seconds), round(seconds * RATE_HZ), round(seconds * RATE_HZ)
    )


def offsets_s(timeline: Timeline) -> list[float]:
    return [place.offset_frames / RATE_HZ for place in timeline.places]


def level(value: int, seconds: float) -> bytes:
    """A steady level: every sample tells where it comes from."""
    return struct.pack("<h", value) * round(seconds * RATE_HZ)


def mixed(
    folder: Path, *parts: tuple[SettledSegment, int, int]
) -> tuple[list[int], list[int], Deaf]:
    """Left and right of segments whose two files are steady levels, once every 50 ms."""
    for each, said, heard in parts:
        (folder / each.segment.outside_file).write_bytes(wav(level(said, each.frames / RATE_HZ)))
        (folder / each.segment.inside_file).write_bytes(wav(level(heard, each.frames / RATE_HZ)))
    ear = Deaf()
    sound = b"".join(stereo_blocks(folder, laid_out(*(part[0] for part in parts)), ear))
    both = struct.unpack(f"<{len(sound) // 2}h", sound)
    step = RATE_HZ // 20
    return list(both[0::2][::step]), list(both[1::2][::step]), ear


def test_a_consultation_takes_the_place_of_the_music_and_the_caller_goes_on(
    tmp_path: Path,
) -> None:
    caller, consultation = talked(1, 0, 3), consulted(2, 1, 0.5)
    left, right, ear = mixed(tmp_path, (caller, 100, 200), (consultation, 3000, 40))
    assert left == [100] * 60
    assert right == [200] * 20 + [3040] * 10 + [200] * 30
    assert ear.seconds == {0: 3, 1: 0.5}  # what the caller hears meanwhile is looked at, too
    stored = laid_out(caller, consultation).stored_segments()
    assert [(each.leg, each.offset_s, each.duration_s) for each in stored] == [
        (Leg.OUTSIDE, 0, 3),
        (Leg.CONSULTATION, 1, 0.5),
    ]


@pytest.mark.parametrize(
    ("said", "heard", "sum_"), [(30_000, 30_000, 32_767), (-30_000, -30_000, -32_768)]
)
def test_two_loud_voices_saturate(tmp_path: Path, said: int, heard: int, sum_: int) -> None:
    _, right, _ = mixed(tmp_path, (talked(1, 0, 1), 1, 1), (consulted(2, 0, 1), said, heard))
    assert right == [sum_] * 20


def test_a_consultation_stays_when_the_caller_has_hung_up(tmp_path: Path) -> None:
    parts = (talked(1, 0, 1), 100, 200), (consulted(2, 0.5, 2), 3000, 40)
    left, right, _ = mixed(tmp_path, *parts)
    assert left == [100] * 20 + [0] * 30
    assert right == [200] * 10 + [3040] * 40


def test_a_consultation_may_lie_between_the_callers_segments(tmp_path: Path) -> None:
    parts = (talked(1, 0, 0.5), 1, 2), (consulted(2, 1, 1), 3, 4), (talked(3, 1.5, 1), 5, 6)
    left, right, _ = mixed(tmp_path, *parts)
    assert left == [1] * 10 + [0] * 20 + [5] * 20
    assert right == [2] * 10 + [0] * 10 + [7] * 20 + [6] * 10


def test_several_consultations_and_one_that_would_overlap(tmp_path: Path) -> None:
    first, second, third = consulted(2, 1, 1), consulted(3, 3, 2), consulted(4, 3.5, 1)
    timeline = laid_out(talked(1, 0, 8), first, second, third)
    assert offsets_s(timeline) == [0, 1, 3, 5]
    assert timeline.remarks == (
        "late: segment 4 began 1.50 s before the end of the one before it; it follows it here",
    )
    assert timeline.frames == 8 * RATE_HZ


def test_a_consultation_comes_as_late_as_the_segment_beside_it() -> None:
    """The caller's second file begins 2 s later than its clock says: so does what is beside it."""
    timeline = laid_out(talked(1, 0, 5), talked(2, 3, 4), consulted(3, 4, 1))
    assert offsets_s(timeline) == [0, 5, 6]
    assert len(timeline.remarks) == 1


def test_a_consultation_is_never_before_the_segment_in_which_it_was_made() -> None:
    timeline = laid_out(talked(1, 0, 5), talked(2, 6, 4), consulted(3, -3600, 1))
    assert offsets_s(timeline) == [0, 6, 6]
    assert timeline.remarks[0].startswith("late: segment 3 began 3606.00 s before")


def test_a_consultation_delays_no_segment_of_the_caller() -> None:
    timeline = laid_out(talked(1, 0, 2), consulted(2, 1, 9), talked(3, 3, 1))
    assert offsets_s(timeline) == [0, 1, 3]
    assert timeline.remarks == ()
    assert timeline.frames == 10 * RATE_HZ


def test_of_a_consultation_without_a_file_nothing_changes(tmp_path: Path) -> None:
    empty = settled(segment(2, 0.5, 1, leg=Leg.CONSULTATION), 0, 0)
    left, right, ear = mixed(tmp_path, (talked(1, 0, 1), 100, 200), (empty, 0, 0))
    assert (left, right) == ([100] * 20, [200] * 20)
    assert list(ear.seconds) == [0]


def test_a_call_of_which_only_the_consultation_is_there(tmp_path: Path) -> None:
    left, right, _ = mixed(tmp_path, (consulted(1, 0, 1), 10, 20))
    assert (left, right) == ([0] * 20, [30] * 20)


@settings(max_examples=30)  # each of them writes files
@given(
    some.lists(
        some.tuples(some.booleans(), some.floats(-1, 5), some.integers(0, 9000)),
        min_size=1,
        max_size=6,
    ),
    some.integers(1000, 40_000),
)
def test_the_blocks_of_any_call_add_up(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[bool, float, int]],
    block_frames: int,
) -> None:
    """Each segment is heard whole, once, and no block is too long, whatever lies beside what."""
    folder = tmp_path_factory.mktemp("spool")
    each = [
        settled(segment(n, at_s, 1, leg=Leg.CONSULTATION if beside else Leg.OUTSIDE), frames, 7)
        for n, (beside, at_s, frames) in enumerate(parts)
    ]
    for one in each:
        (folder / one.segment.outside_file).write_bytes(wav(bytes(20_000)))
        (folder / one.segment.inside_file).write_bytes(wav(bytes(20_000)))
    timeline, ear = laid_out(*each), Deaf()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mix, "BLOCK_FRAMES", block_frames)
        sizes = [len(block) for block in stereo_blocks(folder, timeline, ear)]
    assert sum(sizes) == 4 * timeline.frames
    assert max(sizes) <= 4 * block_frames
    heard = {index: round(seconds * RATE_HZ) for index, seconds in ear.seconds.items()}
    assert heard == {n: max(one.frames, 7) for n, one in enumerate(each)}
    for leg in Leg:
        end = 0
        for place in timeline.places:
            if place.leg is leg:
                assert place.offset_frames >= end
                end = place.end_frames
