"""Joins segments on the call's own clock: what wasn't recorded is silence of the same length.

Streams: a whole call is never in memory. Left is the outside party, right is everybody else.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydub import AudioSegment

from hushtape.errors import Damaged
from hushtape.recordings.manifest import StoredSegment
from workers import spool
from workers.settle import Settled, SettledSegment, SpoolAudio
from workers.wave import SAMPLE_BYTES

BLOCK_FRAMES = 32_768
LATE_S = 0.5  # a segment that comes later than its clock says by more is worth a remark
LEAST_S = 0.1  # an encoder needs something to make a file of
SILENT_PEAK = 50  # of 32768, -56 dB: line noise; a voice is a hundred times louder
JUDGED_FROM_S = 5.0  # a shorter segment may well have one side only


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a segment lies in the recording."""

    settled: SettledSegment
    offset_frames: int


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A recording before it is encoded."""

    recording_id: str
    places: tuple[Place, ...]
    rate_hz: int
    frames: int
    remarks: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """The recording's length."""
        return self.frames / self.rate_hz

    def stored_segments(self) -> tuple[StoredSegment, ...]:
        """The segments as the manifest tells them."""
        return tuple(
            StoredSegment(
                number=place.settled.segment.number,
                started_at=place.settled.segment.started_at,
                offset_s=round(place.offset_frames / self.rate_hz, 4),
                duration_s=round(place.settled.frames / self.rate_hz, 4),
                ended_by=place.settled.segment.ended_by,
                stop=place.settled.segment.stop,
                cut_s=place.settled.segment.cut_s,
            )
            for place in self.places
        )


class Peaks:
    """The loudest sample of each side of each segment, found in passing."""

    def __init__(self) -> None:
        self._peaks: dict[int, list[int]] = {}

    def look(self, index: int, side: int, samples: bytes) -> None:
        """Look at a short piece of one side of a segment."""
        peak = AudioSegment(
            data=samples, sample_width=SAMPLE_BYTES, frame_rate=8000, channels=1
        ).max
        sides = self._peaks.setdefault(index, [0, 0])
        sides[side] = max(sides[side], peak)

    def remarks(self, timeline: Timeline) -> tuple[str, ...]:
        """What a person should know: silent and one-sided segments that are long enough."""
        found = []
        for index, place in enumerate(timeline.places):
            duration_s = place.settled.frames / timeline.rate_hz
            if duration_s < JUDGED_FROM_S:
                continue
            outside, inside = self._peaks.get(index, [0, 0])
            number = place.settled.segment.number
            if max(outside, inside) < SILENT_PEAK:
                found.append(f"silent: segment {number}: no sound on either side")
            elif min(outside, inside) < SILENT_PEAK:
                who = "the outside party" if outside < inside else "our side"
                found.append(f"one-sided: segment {number}: {who} is never heard")
        return tuple(found)


def lay_out(recording_id: str, settled: Settled) -> Timeline:
    """Give each segment its place; one that would overlap the one before it comes after it.

    Their numbers say in which order they were made; a clock that was set back doesn't.
    """
    rate_hz = settled.rate_hz
    places = []
    remarks = []
    end_frames = 0
    segments = sorted(settled.segments, key=lambda each: each.segment.number)
    for each in segments:
        since_first = each.segment.started_at - segments[0].segment.started_at
        offset_frames = round(since_first.total_seconds() * rate_hz)
        late_s = (end_frames - offset_frames) / rate_hz
        if late_s > LATE_S and each.frames:
            remarks.append(
                f"late: segment {each.segment.number} began {late_s:.2f} s before the end of the"
                " one before it; it follows it here"
            )
        offset_frames = max(offset_frames, end_frames)
        places.append(Place(settled=each, offset_frames=offset_frames))
        if each.frames:
            end_frames = offset_frames + each.frames
    return Timeline(
        recording_id=recording_id,
        places=tuple(places),
        rate_hz=rate_hz,
        frames=max(end_frames, round(LEAST_S * rate_hz)),
        remarks=tuple(remarks),
    )


def stereo_blocks(folder: Path, timeline: Timeline, peaks: Peaks) -> Iterator[bytes]:
    """The recording as interleaved 16-bit samples, in blocks of at most BLOCK_FRAMES frames.

    Raises:
        Damaged: a file has become shorter since it settled.
    """
    done_frames = 0
    for index, place in enumerate(timeline.places):
        if not place.settled.frames:
            continue
        yield from _silence(place.offset_frames - done_frames)
        yield from _segment(folder, timeline.recording_id, place.settled, index, peaks)
        done_frames = place.offset_frames + place.settled.frames
    yield from _silence(timeline.frames - done_frames)


def _segment(
    folder: Path, recording_id: str, settled: SettledSegment, index: int, peaks: Peaks
) -> Iterator[bytes]:
    left = _Side(folder, recording_id, settled.outside)
    right = _Side(folder, recording_id, settled.inside)
    try:
        for start in range(0, settled.frames, BLOCK_FRAMES):
            frames = min(BLOCK_FRAMES, settled.frames - start)
            outside, inside = left.read(frames), right.read(frames)
            peaks.look(index, 0, outside)
            peaks.look(index, 1, inside)
            yield interleave(outside, inside)
    finally:
        left.close()
        right.close()


class _Side:
    """One direction of a segment; past its end it is silent."""

    def __init__(self, folder: Path, recording_id: str, audio: SpoolAudio | None) -> None:
        self._left_bytes = audio.frames * SAMPLE_BYTES if audio else 0
        self._stream: IO[bytes] | None = None
        self._name = audio.name if audio else ""
        if audio and audio.frames:
            self._stream = spool.open_file(folder, recording_id, audio.name)
            self._stream.seek(audio.data_offset_bytes)

    def read(self, frames: int) -> bytes:
        wanted_bytes = frames * SAMPLE_BYTES
        sound = bytearray()
        while self._stream and self._left_bytes and len(sound) < wanted_bytes:
            block = self._stream.read(min(wanted_bytes - len(sound), self._left_bytes))
            if not block:
                raise Damaged(f"{self._name} in the spool has become shorter while it was read")
            sound += block
            self._left_bytes -= len(block)
        return bytes(sound.ljust(wanted_bytes, b"\0"))

    def close(self) -> None:
        if self._stream:
            self._stream.close()


def interleave(left: bytes, right: bytes) -> bytes:
    """Two mono pieces of the same length become one stereo piece."""
    stereo = array("h", bytes(2 * len(left)))
    stereo[0::2] = array("h", left)
    stereo[1::2] = array("h", right)
    return stereo.tobytes()


def _silence(frames: int) -> Iterator[bytes]:
    while frames > 0:
        count = min(frames, BLOCK_FRAMES)
        yield bytes(count * 2 * SAMPLE_BYTES)
        frames -= count
