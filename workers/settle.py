"""Waits until the PBX is done with a recording's files, and says what is truly in them.

A WAV header is not believed: while Asterisk records it says 0 bytes, and after a crash it says so
for ever. What counts is the file's size, once it stands still.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hushtape.errors import Damaged, NotSettled, TooBig
from hushtape.recordings.assurance import Kind
from hushtape.recordings.manifest import BOTH, EndedBy, Handoff, Segment, StopSeen
from workers import spool
from workers.born import born_at, written_at
from workers.wave import HEAD_BYTES, SAMPLE_BYTES, Incomplete, WaveHead, parse_head

SETTLE_LIMIT_S = 5.0
POLL_S = 0.02
STILL_EMPTY_S = 0.3
STILL_S = 2.0  # a running recorder writes every quarter of a second
MISSING_S = 1.0
# A PBX under load, or a spool on a network, may show a file late; the promise is five minutes.
MISSING_AFTER = timedelta(seconds=120)
# A recorder that ran no longer may not have written its first frame, or not have begun at all: some
# PBXes refuse one in the same words whether or not they have made its file.
BRIEF_S = 0.2
BRIEF = "brief"  # how the remark of it begins: nobody has to look at it
SHORT_S = 2.0  # a segment that lacks more of its time is worth a remark
_MISSING = "the file is missing"
LEFT = "it is left in the spool"
UNEQUAL_S = 0.1  # a pair of files that differs by more is worth a remark


@dataclass(frozen=True, kw_only=True)
class SpoolAudio:
    """The samples of one spool file: 16 bits, little-endian.

    Two channels are both directions of a segment: left is what the recorded channel said.
    """

    name: str
    data_offset_bytes: int
    frames: int
    rate_hz: int
    cut_frames: int = 0  # beyond these in the file: they are not to be kept
    written_at: datetime | None = None  # the file's last change
    born_at: datetime | None = None  # by the same clock; None: the file system doesn't tell
    is_closed: bool = False  # its head says how long it is: whoever wrote it has ended it
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """How many bytes the samples of one moment take."""
        return self.channels * SAMPLE_BYTES

    def keep(self, frames: int) -> SpoolAudio:
        """The same file, of which no more than so many frames are kept."""
        fewer = min(frames, self.frames)
        return replace(self, frames=fewer, cut_frames=self.cut_frames + self.frames - fewer)


@dataclass(frozen=True, kw_only=True)
class SettledSegment:
    """One segment's two directions after its end was cut; None where there is no file.

    Where both are in one file, both are that file.
    """

    segment: Segment
    outside: SpoolAudio | None
    inside: SpoolAudio | None

    @property
    def frames(self) -> int:
        """The longer of the two directions; the other is filled with silence."""
        return max((side.frames for side in (self.outside, self.inside) if side), default=0)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A recording whose files are complete."""

    segments: tuple[SettledSegment, ...]
    rate_hz: int
    remarks: tuple[str, ...]


def settle(
    folder: Path,
    handoff: Handoff,
    *,
    missing_counts: bool = True,
    limit_s: float = SETTLE_LIMIT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Settled:
    """Wait for all files of a recording, ``limit_s`` seconds at most, and cut their ends.

    One that can't be read is named in a remark and left where it is, if there are others.

    Args:
        missing_counts: whether a file that isn't there is missing for good; see ``long_over``.

    Raises:
        NotSettled: one is still being written, or not there yet: try again later.
        Damaged: none of them is what a PBX writes.
        TooBig: none of them is within its limit.
    """
    began_s = clock()
    watches = {
        name: _Watch(
            folder,
            handoff.id,
            name,
            2 if holds == BOTH else 1,
            began_s,
            limit_s,
            missing_counts or _is_brief(segment, handoff),
        )
        for segment in handoff.segments
        for holds, name in segment.files
    }
    while waiting := [watch for watch in watches.values() if not watch.look(clock())]:
        waited_s = clock() - began_s
        lack = not missing_counts and all(watch.is_missing for watch in waiting)
        if lack and waited_s > min(MISSING_S, limit_s):
            raise NotSettled(
                f"{waiting[0].name} is not in the spool: it is looked for until"
                f" {MISSING_AFTER.total_seconds():.0f} s after the call"
            )
        if waited_s > limit_s:
            raise NotSettled(f"{waiting[0].name} is still being written: it waits in the spool")
        sleep(POLL_S)
    unreadable = [watch.error for watch in watches.values() if watch.error]
    if unreadable and not any(watch.audio for watch in watches.values()):
        raise unreadable[0]
    remarks: list[str] = []
    segments = []
    for segment in handoff.segments:
        outside, inside = watches[segment.outside_file], watches[segment.inside_file]
        for holds, name in segment.files:
            watch = watches[name]
            if watch.remark:
                other = inside if watch is outside else outside
                word = _word(watch, other, brief=_is_brief(segment, handoff))
                remarks.append(f"{word}: segment {segment.number}, {holds}: {watch.remark}")
        remarks += _compare(segment, outside.audio, inside.audio)
        cut = SettledSegment(
            segment=segment,
            outside=_cut(outside.audio, segment),
            inside=_cut(inside.audio, segment),
        )
        remarks += _short(cut, outside.holds_sound or inside.holds_sound)
        segments.append(cut)
    rates = {side.rate_hz for each in segments for side in (each.outside, each.inside) if side}
    if len(rates) > 1:
        raise Damaged(
            f"recording {handoff.id}: its files differ in sample rate:"
            f" {', '.join(str(rate) for rate in sorted(rates))} Hz"
        )
    if not any(each.frames for each in segments):
        remarks.append(_nothing(segments, handoff))
    return Settled(
        segments=tuple(segments), rate_hz=rates.pop() if rates else 8000, remarks=tuple(remarks)
    )


def long_over(ended_at: datetime, now: datetime) -> bool:
    """Tell whether a call ended so long ago that a file that isn't there won't come any more.

    A call that ends in the future by more than that says nothing: the clocks differ, and waiting
    must have an end.
    """
    return abs(now - ended_at) >= MISSING_AFTER


def left_behind(handoff: Handoff, remarks: Sequence[str]) -> tuple[str, ...]:
    """The spool files that are not in a recording with these remarks: not ours to remove."""
    left = []
    for segment in handoff.segments:
        left += [
            name for holds, name in segment.files if is_lacking(segment.number, holds, remarks)
        ]
    return tuple(left)


def is_lacking(number: int, side: str, remarks: Iterable[str], *, left_only: bool = False) -> bool:
    """Tell whether one side of a segment is not in a recording with these remarks.

    Args:
        side: what the file holds that is asked about: one side, or both.
        left_only: count only what was there, couldn't be read, and was left in the spool.
    """
    about = f"segment {number}, {side}: "
    ends = LEFT if left_only else (_MISSING, LEFT)
    told = (remark.partition(": ")[2] for remark in remarks)
    return any(each.startswith(about) and each.endswith(ends) for each in told)


class _Times(NamedTuple):
    born_at: datetime | None
    written_at: datetime


class _Watch:
    """Watches one file until it is clear what is in it."""

    def __init__(
        self,
        folder: Path,
        recording_id: str,
        name: str,
        channels: int,
        began_s: float,
        limit_s: float,
        missing_counts: bool,
    ) -> None:
        self.name = name
        self.audio: SpoolAudio | None = None
        self.remark = ""
        self.error: Damaged | TooBig | None = None
        self.is_missing = False
        self._missing_counts = missing_counts
        self._folder = folder
        self._id = recording_id
        self._channels = channels
        self._still_since_s = began_s
        self._missing_from_s = began_s + min(MISSING_S, limit_s)
        self._size_bytes = -1
        self._done = False

    @property
    def holds_sound(self) -> bool:
        """Whether there is anything in the file that can be heard."""
        return self.audio is not None and self.audio.frames > 0

    def look(self, now_s: float) -> bool:
        """Look once; tell whether that was enough."""
        if self._done:
            return True
        try:
            size_bytes, head, times = self._read()
        except spool.Missing:
            self.is_missing = True
            if self._missing_counts and now_s >= self._missing_from_s:
                self._done, self.remark = True, _MISSING
            return self._done
        except (Damaged, TooBig) as error:
            self._done, self.error = True, error
            self.remark = f"{error}; {LEFT}"
            return True
        self.is_missing = False
        if size_bytes != self._size_bytes:
            self._size_bytes, self._still_since_s = size_bytes, now_s
        closed = head is not None and head.claims(size_bytes)
        needed_s = 0.0 if closed else STILL_S
        if closed and head is not None and not head.claimed_bytes:
            needed_s = STILL_EMPTY_S  # it looks as it did when the recorder began
        if now_s - self._still_since_s >= needed_s:
            self._done = True
            self._conclude(size_bytes, head, closed, times)
        return self._done

    def _read(self) -> tuple[int, WaveHead | None, _Times]:
        with spool.open_file(self._folder, self._id, self.name) as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            times = _Times(born_at(stream.fileno()), written_at(stream.fileno()))
            if size_bytes > spool.SPOOL_FILE_LIMIT_BYTES:
                raise TooBig(
                    f"{self.name} in the spool is larger than {spool.SPOOL_FILE_LIMIT_BYTES} bytes"
                )
            try:
                head = parse_head(stream.read(HEAD_BYTES), self._channels)
                return size_bytes, head, times
            except Incomplete:
                return size_bytes, None, times
            except Damaged as error:
                raise Damaged(f"{self.name} in the spool: {error}") from None

    def _conclude(
        self, size_bytes: int, head: WaveHead | None, closed: bool, times: _Times
    ) -> None:
        if head is None:
            self.remark = "the file is empty"
            return
        frame_bytes = self._channels * SAMPLE_BYTES
        frames = max(0, size_bytes - head.data_offset_bytes) // frame_bytes
        self.audio = SpoolAudio(
            name=self.name,
            data_offset_bytes=head.data_offset_bytes,
            frames=frames,
            rate_hz=head.rate_hz,
            channels=self._channels,
            written_at=times.written_at,
            born_at=times.born_at,
            is_closed=closed,
        )
        if frames == 0:
            self.remark = "the file holds no sound"
        elif not closed:
            words = f"the WAV header says {head.claimed_bytes} bytes of sound, the file holds"
            self.remark = f"{words} {frames * frame_bytes}; the file was believed"


def _cut(audio: SpoolAudio | None, segment: Segment) -> SpoolAudio | None:
    """Leave out the file's last seconds: they came after the cause of the stop.

    Each file loses as much from its own end: where the two differ in length, too much goes
    rather than too little. A recorder whose end nobody saw keeps what came before ``ended_at``.
    """
    if audio is None:
        return None
    frames = audio.frames - math.ceil(segment.cut_s * audio.rate_hz)
    if segment.stop is StopSeen.UNSEEN and segment.ended_at is not None:
        seen = segment.ended_at - segment.started_at
        frames = min(frames, seen * audio.rate_hz // timedelta(seconds=1))  # in whole numbers
    return audio.keep(max(0, frames))


def _word(watch: _Watch, other: _Watch, *, brief: bool) -> str:
    """Say in a word what is wrong with a file, seen beside the other direction's."""
    if watch.error:
        return Kind.DAMAGED
    if watch.holds_sound:
        return "header"
    if other.holds_sound:
        return Kind.INCOMPLETE
    if brief:
        return BRIEF
    return Kind.MISSING if watch.is_missing else Kind.EMPTY


def _is_brief(segment: Segment, handoff: Handoff) -> bool:
    if segment.ended_at is None or handoff.adopted:  # that one's length is its file's
        return False
    return (segment.ended_at - segment.started_at).total_seconds() <= BRIEF_S


def _hung_up(settled: SettledSegment) -> bool:
    return settled.segment.ended_by is EndedBy.HANG_UP


def _nothing(segments: Sequence[SettledSegment], handoff: Handoff) -> str:
    if not segments:
        return f"{Kind.MISSING}: no recorder was running in this call"
    if all(_is_brief(each.segment, handoff) for each in segments) and _hung_up(segments[-1]):
        return f"{BRIEF}: the call was over before there was any sound"
    if all(each.outside is None and each.inside is None for each in segments):
        return f"{Kind.MISSING}: no file of this call holds any sound"
    return f"{Kind.EMPTY}: the files of this call hold no sound"


def _short(cut: SettledSegment, held_sound: bool) -> list[str]:
    """Compare what is left after the cut with the time of the segment."""
    segment = cut.segment
    if not held_sound or segment.ended_at is None:
        return []
    left_s = max(side.frames / side.rate_hz for side in (cut.outside, cut.inside) if side)
    expected_s = (segment.ended_at - segment.started_at).total_seconds()
    if expected_s - left_s <= SHORT_S:
        return []
    return [f"{Kind.SHORT}: segment {segment.number}: {left_s:.1f} s of {expected_s:.1f} s"]


def _compare(segment: Segment, outside: SpoolAudio | None, inside: SpoolAudio | None) -> list[str]:
    if not (outside and inside and outside.frames and inside.frames):
        return []
    difference_s = outside.frames / outside.rate_hz - inside.frames / inside.rate_hz
    if abs(difference_s) <= UNEQUAL_S:
        return []
    shorter = "inside" if difference_s > 0 else "outside"
    words = f"the {shorter} file is {abs(difference_s):.2f} s shorter"
    return [f"unequal: segment {segment.number}: {words}; silence was added at its end"]
