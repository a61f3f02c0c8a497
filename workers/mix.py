"""Joins segments on the call's own clock: what wasn't recorded is silence of the same length.

Left is the outside party, right is everybody else. While a consultation is recorded the right side
is the consultation, agent and colleague together, instead of the music that the outside party
hears; the left goes on. Streams: a whole call is never in memory.
"""

from __future__ import annotations

import audioop
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Protocol

from hushtape.errors import Damaged
from hushtape.recordings.manifest import Leg, StoredSegment
from workers import spool
from workers.settle import Settled, SettledSegment, SpoolAudio
from workers.wave import SAMPLE_BYTES

BLOCK_FRAMES = 32_768
LATE_S = 0.5  # a segment that comes later than its clock says by more is worth a remark
LEAST_S = 0.1  # an encoder needs something to make a file of
_ONLY = ((1, 0), (0, 1))  # how much of left and of right: one of them, and nothing of the other


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a segment lies in the recording."""

    settled: SettledSegment
    offset_frames: int

    @property
    def leg(self) -> Leg:
        """Whose recorder it was."""
        return self.settled.segment.leg

    @property
    def end_frames(self) -> int:
        """Where it ends."""
        return self.offset_frames + self.settled.frames


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
                leg=place.leg,
            )
            for place in self.places
        )


class Listener(Protocol):
    """Somebody who hears each piece of a segment in passing."""

    def look(self, index: int, sides: Sequence[bytes]) -> None:
        """Hear the next piece of the timeline's segment of this index, both its sides."""


def lay_out(recording_id: str, settled: Settled) -> Timeline:
    """Give each segment its place; one that would overlap the one before it comes after it.

    Their numbers say in which order they were made; a clock that was set back doesn't. What is
    beside another is told by the leg: a consultation lies beside the outside party's segments, and
    where the last of these before it came later than its clock says, the consultation does, too.
    """
    rate_hz = settled.rate_hz
    places = []
    remarks = []
    end_frames = dict.fromkeys(Leg, 0)
    begin_frames = late_frames = 0  # of the outside party's last segment
    segments = sorted(settled.segments, key=lambda each: each.segment.number)
    for each in segments:
        leg = each.segment.leg
        since_first = each.segment.started_at - segments[0].segment.started_at
        clock_frames = round(since_first.total_seconds() * rate_hz)
        wanted_frames, least_frames = clock_frames, end_frames[leg]
        if leg is Leg.CONSULTATION:
            wanted_frames += late_frames
            least_frames = max(least_frames, begin_frames)
        late_s = (least_frames - wanted_frames) / rate_hz
        if late_s > LATE_S and each.frames:
            remarks.append(
                f"late: segment {each.segment.number} began {late_s:.2f} s before the end of the"
                " one before it; it follows it here"
            )
        place = Place(settled=each, offset_frames=max(wanted_frames, least_frames))
        places.append(place)
        if leg is Leg.OUTSIDE:
            begin_frames = place.offset_frames
            late_frames = place.offset_frames - clock_frames
        if each.frames:
            end_frames[leg] = place.end_frames
    return Timeline(
        recording_id=recording_id,
        places=tuple(places),
        rate_hz=rate_hz,
        frames=max(*end_frames.values(), round(LEAST_S * rate_hz)),
        remarks=tuple(remarks),
    )


def stereo_blocks(folder: Path, timeline: Timeline, listener: Listener) -> Iterator[bytes]:
    """The recording as interleaved 16-bit samples, in blocks of at most BLOCK_FRAMES frames.

    Raises:
        Damaged: a file has become shorter since it settled.
    """
    edges = {0, timeline.frames}
    for place in timeline.places:
        if place.settled.frames:
            edges |= {place.offset_frames, place.end_frames}
    with (
        closing(_Track(folder, timeline, Leg.OUTSIDE, listener)) as outside,
        closing(_Track(folder, timeline, Leg.CONSULTATION, listener)) as consultation,
    ):
        for begin, end in pairwise(sorted(edges)):
            for start in range(begin, end, BLOCK_FRAMES):
                frames = min(BLOCK_FRAMES, end - start)
                silence = bytes(frames * SAMPLE_BYTES)
                left, right = outside.read(start, frames) or (silence, silence)
                talk = consultation.read(start, frames)
                # It saturates: two loud voices at once don't wrap around into noise. (pydub's own
                # overlay() counts in whole milliseconds: a sum would slip against the other side.)
                yield interleave(left, audioop.add(*talk, SAMPLE_BYTES) if talk else right)


class _Track:
    """The segments of one leg, one after the other; their files are open while they are read."""

    def __init__(self, folder: Path, timeline: Timeline, leg: Leg, listener: Listener) -> None:
        self._folder = folder
        self._recording_id = timeline.recording_id
        self._listener = listener
        self._places = [
            (index, place)
            for index, place in enumerate(timeline.places)
            if place.leg is leg and place.settled.frames
        ]
        self._sides: tuple[_Side, ...] = ()

    def read(self, start: int, frames: int) -> tuple[bytes, bytes] | None:
        """What the segment's channel said and heard; None where there is no segment."""
        while self._places and start >= self._places[0][1].end_frames:
            self.close()
            self._places.pop(0)
        if not self._places or start < self._places[0][1].offset_frames:
            return None
        index, place = self._places[0]
        if not self._sides:
            files = (place.settled.outside, place.settled.inside)
            self._sides = tuple(
                _Side(self._folder, self._recording_id, each, number)
                for number, each in enumerate(files)
            )
        said, heard = (side.read(frames) for side in self._sides)
        self._listener.look(index, (said, heard))
        return said, heard

    def close(self) -> None:
        for side in self._sides:
            side.close()
        self._sides = ()


class _Side:
    """One direction of a segment; past its end it is silent.

    Args:
        number: 0 for what the recorded channel said, 1 for what it heard; of a file with two
            channels it is the channel.
    """

    def __init__(
        self, folder: Path, recording_id: str, audio: SpoolAudio | None, number: int
    ) -> None:
        self._folder = folder
        self._recording_id = recording_id
        self._audio = audio
        self._number = number
        self._left_bytes = audio.frames * audio.frame_bytes if audio else 0
        self._stream: IO[bytes] | None = None

    def read(self, frames: int) -> bytes:
        sound = self._mono(self._audio, frames) if self._audio and self._left_bytes else b""
        return sound.ljust(frames * SAMPLE_BYTES, b"\0")

    def _mono(self, audio: SpoolAudio, frames: int) -> bytes:
        sound = self._read(audio, min(frames * audio.frame_bytes, self._left_bytes))
        self._left_bytes -= len(sound)
        if audio.channels == 1:
            return sound
        return audioop.tomono(sound, SAMPLE_BYTES, *_ONLY[self._number])

    def _read(self, audio: SpoolAudio, size_bytes: int) -> bytes:
        stream = self._stream = self._stream or self._open(audio)
        sound = bytearray()
        while len(sound) < size_bytes:
            block = stream.read(size_bytes - len(sound))
            if not block:
                raise Damaged(f"{audio.name} in the spool has become shorter while it was read")
            sound += block
        return bytes(sound)

    def _open(self, audio: SpoolAudio) -> IO[bytes]:
        stream = spool.open_file(self._folder, self._recording_id, audio.name)
        stream.seek(audio.data_offset_bytes)
        return stream

    def close(self) -> None:
        if self._stream:
            self._stream.close()


def interleave(left: bytes, right: bytes) -> bytes:
    """Two mono pieces of the same length become one stereo piece."""
    stereo = array("h", bytes(2 * len(left)))
    stereo[0::2] = array("h", left)
    stereo[1::2] = array("h", right)
    return stereo.tobytes()
