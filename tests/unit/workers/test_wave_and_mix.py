"""Reading WAV heads, and putting segments in their places."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hushtape.errors import Damaged
from hushtape.recordings.manifest import Segment
from tests.recording_samples import RATE_HZ, RECORDING_ID, START, segment, tone, wav
from workers.mix import Peaks, interleave, lay_out, stereo_blocks
from workers.settle import Settled, SettledSegment, SpoolAudio
from workers.wave import Incomplete, parse_head


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


def test_a_head_is_read() -> None:
    assert parse_head(wav(bytes(100))) == (44, 100, RATE_HZ)
    assert parse_head(wav(bytes(100))).claims(144)
    assert not parse_head(wav(bytes(100), claimed=0)).claims(144)


def test_other_chunks_are_passed_over() -> None:
    plain = wav(bytes(4))
    extra = b"LIST" + (5).to_bytes(4, "little") + b"INFOx\0"
    assert parse_head(plain[:36] + extra + plain[36:]).data_offset_bytes == 44 + len(extra)


@pytest.mark.parametrize("size", range(44))
def test_a_head_that_is_not_all_there_may_come_yet(size: int) -> None:
    with pytest.raises(Incomplete):
        parse_head(wav(b"")[:size])


def changed(at: int, value: bytes) -> bytes:
    head = wav(bytes(8))
    return head[:at] + value + head[at + len(value) :]


@pytest.mark.parametrize(
    "head",
    [
        changed(0, b"OggS"),
        changed(8, b"AVI "),
        changed(20, b"\x07\0"),  # mu-law
        changed(22, b"\x02\0"),  # stereo
        changed(24, (12345).to_bytes(4, "little")),
        changed(34, b"\x08\0"),  # 8 bits
        changed(12, b"junk"),
        changed(16, (2**32 - 1).to_bytes(4, "little")).ljust(4096, b"\0"),
    ],
)
def test_what_no_pbx_of_ours_writes_is_refused(head: bytes) -> None:
    with pytest.raises(Damaged):
        parse_head(head)


@given(some.binary(max_size=200))
def test_a_hostile_head_raises_nothing_else(tail: bytes) -> None:
    for head in (tail, b"RIFF\0\0\0\0WAVE" + tail):
        with suppress(Damaged):
            parse_head(head)


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
    assert b"".join(stereo_blocks(tmp_path, timeline, Peaks())) == bytes(3200)


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
    sound = b"".join(stereo_blocks(tmp_path, timeline, Peaks()))
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
        list(stereo_blocks(tmp_path, laid_out(settled(one, 8000, 8000)), Peaks()))


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
