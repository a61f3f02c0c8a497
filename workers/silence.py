"""What of a recorder's file may belong to a payment, by its times and lengths. Pure.

A file says how many samples there are, not when each came in: where nothing came from the network
nothing was written. So a sample came in at its place in the file or later, and its distance from
the file's end is at most as long as it was before the last write. Of what is not certain the worse
is taken.

When a recorder was started is known by the answer only, which may come late: then its file is that
much longer than its time. And one that the dialplan has stopped itself, with the bridge dead or
before it heard of it, has an end that nobody saw. The file tells both: its head is written when the
recorder ends, and its age, from being made to being written last, is the recorder's time, whatever
the clock is set to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from hushtape.recordings.manifest import Leg, Segment, Span, StopSeen
from hushtape.recordings.proof import Result
from workers.settle import SpoolAudio

FILE_CLOCK_S = 1.0  # so much a file's time and the PBX's may differ
OVERRUN_LIMIT_S = 2.0  # one that nobody saw end, and that ran so much longer, was not stopped
MADE_EARLIER_S = 6.0  # at most so long before its start was answered a recorder makes its file

_TINY_S = 1e-6  # what comes of calculating with seconds

Frames = tuple[int, int]  # from, until


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What is to be done with one file for one payment; places in it are frames.

    Attributes:
        keep_frames: what may be kept of its beginning.
        look: where the samples must not be, or must be zeros; None: nowhere.
        erase: what is to be overwritten at once, if ``look`` is as it must be.
        erase_if_heard: what is to be overwritten if it isn't.
    """

    result: Result
    keep_frames: int
    look: Frames | None = None
    erase: Frames | None = None
    erase_if_heard: Frames | None = None
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class _View:
    """One payment as one file sees it: seconds from the file's first sample."""

    began_s: float  # of the payment; negative: the recorder was started in it
    over_s: float
    ended_s: float | None  # of what is kept, as the bridge saw it; None: nobody saw it
    cut_s: float
    kept_s: float
    whole_s: float
    rate_hz: int
    written_s: float  # when the file was last written, by its clock
    aged_s: float | None  # the same by its age, at the latest; None: its age isn't the recorder's
    is_closed: bool

    @property
    def last_s(self) -> float:
        """When it was written last, at the latest."""
        by_clock_s = self.written_s + FILE_CLOCK_S
        return by_clock_s if self.aged_s is None else min(by_clock_s, self.aged_s)

    @property
    def stopped_s(self) -> float:
        """When the recorder was gone, at the latest: a stop that was seen is believed, unless the
        file's last change says that it wasn't one."""
        if self.ended_s is None or self.is_written_late:
            return self.last_s
        return min(self.last_s, self.ended_s + self.cut_s)

    @property
    def is_written_late(self) -> bool:
        """Tell whether a file was written to after its recorder was seen to be stopped."""
        if self.ended_s is None:
            return False
        last_s = max(self.ended_s + self.cut_s, self.began_s)
        return self.written_s > last_s + FILE_CLOCK_S

    def end_aligned_s(self, last_s: float) -> float:
        """What certainly came before the payment, counted from the file's end.

        Args:
            last_s: when something came in last, at the latest.
        """
        return self.whole_s - max(0.0, last_s - self.began_s)

    @property
    def drift_s(self) -> float | None:
        """By how much the file is longer than its time; negative: there are gaps in it."""
        return None if self.ended_s is None else self.whole_s - self.ended_s - self.cut_s

    def frames(self, seconds: float) -> int:
        """A place in the file, rounded towards its beginning."""
        return max(0, math.floor(round(min(seconds, self.whole_s) * self.rate_hz, 3)))

    def frames_up(self, seconds: float) -> int:
        """A place in the file, rounded towards its end."""
        return max(0, math.ceil(round(min(seconds, self.whole_s) * self.rate_hz, 3)))

    def between(self, begin_s: float, end_s: float) -> Frames | None:
        """A stretch of the file; None where nothing of it is in the file."""
        begin, end = self.frames(begin_s), self.frames_up(end_s)
        return (begin, end) if begin < end else None


def rule(
    span: Span, segment: Segment, audio: SpoolAudio, call_ended_at: datetime, margin_s: float
) -> Ruling:
    """Rule on one file of a segment for one payment.

    Args:
        audio: what is in it, its end cut already by what the bridge saw.
        margin_s: so much at a payment's edges is cut without further ado.
    """
    view = _view(span, segment, audio, call_ended_at)
    if view.over_s <= margin_s + _TINY_S and not span.muted:
        # Begun when the payment was over, or a moment before.
        return Ruling(
            result=Result.PROVED,
            keep_frames=audio.frames,
            erase=view.between(0, view.over_s),
        )
    return (_muted if span.muted else _stopped)(view, audio.frames, margin_s)


def may_touch(span: Span, segment: Segment, margin_s: float) -> bool:
    """Tell whether a recorder may have run in a payment, by what the bridge saw of it."""
    if segment.started_at >= span.ended_at:
        return False
    if segment.stop is StopSeen.UNSEEN or segment.ended_at is None:
        return True
    last = segment.ended_at + timedelta(seconds=segment.cut_s)
    return last > span.started_at + timedelta(seconds=margin_s)


def _view(span: Span, segment: Segment, audio: SpoolAudio, call_ended_at: datetime) -> _View:
    whole_s = (audio.frames + audio.cut_frames) / audio.rate_hz
    began_s = _seconds(span.started_at - segment.started_at)
    is_seen = segment.stop is not StopSeen.UNSEEN and segment.ended_at is not None
    # The outside party's recorder is gone with the call: later writing was somebody else's. When
    # nobody saw the recorder's end, nor perhaps the call's, it may have been later.
    written_at = audio.written_at or call_ended_at
    if segment.leg is Leg.OUTSIDE and is_seen:
        written_at = min(written_at, call_ended_at)
    return _View(
        began_s=began_s,
        over_s=_seconds(span.ended_at - segment.started_at),
        ended_s=_seconds(segment.ended_at - segment.started_at)
        if is_seen and segment.ended_at is not None
        else None,
        cut_s=segment.cut_s,
        kept_s=audio.frames / audio.rate_hz,
        whole_s=whole_s,
        rate_hz=audio.rate_hz,
        written_s=_seconds(written_at - segment.started_at),
        aged_s=_aged_s(segment, audio, whole_s),
        is_closed=audio.is_closed,
    )


def _aged_s(segment: Segment, audio: SpoolAudio, whole_s: float) -> float | None:
    """When a file was written last, counted by its age from the recorder's start.

    The recorder makes its file before its start is answered, so that is at the latest. Where no
    answer came the start is when it was asked for; then the file was made later, by its own clock.
    A copy is made when the original is done, so its age says nothing; nor does one that is less
    than what the file holds.
    """
    if audio.born_at is None or audio.written_at is None:
        return None
    made_s = _seconds(audio.born_at - segment.started_at)
    age_s = _seconds(audio.written_at - audio.born_at)
    if age_s < whole_s - FILE_CLOCK_S or not -MADE_EARLIER_S <= made_s <= FILE_CLOCK_S:
        return None
    return max(0.0, age_s) + max(0.0, made_s)


def _stopped(view: _View, frames: int, margin_s: float) -> Ruling:
    """There must be no samples."""
    if _ended_in_time(view):
        before = min(view.frames(view.began_s), view.frames(view.end_aligned_s(view.stopped_s)))
        return _cut(view, min(frames, before), view.stopped_s - view.began_s, margin_s)
    from_s = max(0.0, view.began_s)
    inside_s = (view.whole_s if view.ended_s is None else view.kept_s) - from_s
    if inside_s > margin_s + _TINY_S:
        return _heard(view, frames, margin_s)
    keep = min(frames, view.frames(from_s))
    if view.ended_s is None:
        # Nobody saw its end, and its length alone shows nothing: there may be gaps in it.
        keep = min(keep, view.frames(view.end_aligned_s(view.last_s)))
        return _cut(view, keep, view.last_s - view.began_s, margin_s)
    if _may_hide(view, margin_s):
        keep = min(keep, view.frames(view.end_aligned_s(view.last_s)))
        return Ruling(
            result=Result.UNPROVED,
            keep_frames=keep,
            erase=view.between(keep / view.rate_hz, view.whole_s),
            words="a file was written to after its recorder was stopped, and has gaps",
        )
    overrun_s = min(view.ended_s + view.cut_s - from_s, view.whole_s - keep / view.rate_hz)
    return _cut(view, keep, overrun_s, margin_s)


def _cut(view: _View, keep: int, overrun_s: float, margin_s: float) -> Ruling:
    """A recorder that was stopped for a payment: what may be of it goes, and is told of where it
    is more than the margin.

    Args:
        overrun_s: so long it ran into the payment, at most.
    """
    rest = view.between(keep / view.rate_hz, view.whole_s)
    is_long = rest is not None and rest[1] - rest[0] > (margin_s + _TINY_S) * view.rate_hz
    if overrun_s <= margin_s + _TINY_S:
        return Ruling(result=Result.PROVED, keep_frames=keep, erase=rest if is_long else None)
    words = (
        f"nobody saw a recorder's end, which may have come {overrun_s:.2f} s after the payment"
        if view.ended_s is None
        else f"a recorder was stopped {overrun_s:.2f} s after the payment"
    )
    return Ruling(
        result=Result.UNPROVED,
        keep_frames=keep,
        erase=rest,
        words=f"{words} began: so much of it is destroyed",
    )


def _ended_in_time(view: _View) -> bool:
    """Tell whether a file shows itself that its recorder was stopped when the payment began.

    It must be as soon as a stop that is seen; whoever stopped it, and whether somebody saw that.
    """
    if view.aged_s is None or not view.is_closed:
        return False
    return view.began_s >= 0 and view.last_s - view.began_s <= OVERRUN_LIMIT_S


def _heard(view: _View, frames: int, margin_s: float) -> Ruling:
    """Samples are where none may be: the payment's are destroyed, if it is certain which they are,
    else all that may have come after its beginning."""
    drift_s = view.drift_s
    looked = view.between(max(0.0, view.began_s), view.over_s)
    goes_on = view.over_s + margin_s < view.kept_s
    if drift_s is not None and abs(drift_s) <= margin_s + _TINY_S and goes_on:
        return Ruling(
            result=Result.FAILED,
            keep_frames=frames,
            look=looked,
            erase_if_heard=view.between(view.began_s - margin_s, view.over_s + margin_s),
            words="a recorder ran in it",
        )
    aligned = view.frames(view.end_aligned_s(view.last_s))
    keep = min(frames, view.frames(max(0.0, view.began_s)), aligned)
    began = "started" if view.began_s < 0 else "not stopped when it began"
    return Ruling(
        result=Result.FAILED,
        keep_frames=keep,
        look=looked,
        erase_if_heard=view.between(keep / view.rate_hz, view.whole_s),
        words=f"a recorder was {began}, and what it wrote from there on is destroyed",
    )


def _may_hide(view: _View, margin_s: float) -> bool:
    """Tell whether a file has gaps in which as much may be hidden that came too late.

    Its length alone would not show it, its last change does. A file of just the right length whose
    stop was seen is believed even so: else every spool on a disk with a clock of its own would be
    suspected.
    """
    drift_s = view.drift_s
    return view.is_written_late and drift_s is not None and drift_s < -margin_s - _TINY_S


def _muted(view: _View, frames: int, margin_s: float) -> Ruling:
    """Wherever a sample certainly is of the payment it must be zero; wherever it may be, it is
    made so."""
    if view.began_s >= view.whole_s or view.over_s <= 0:
        return Ruling(result=Result.PROVED, keep_frames=frames)
    drift_s = view.drift_s
    earlier_s, later_s = max(0.0, -(drift_s or 0.0)), max(0.0, drift_s or 0.0)
    sure_from_s = view.began_s + later_s + margin_s
    sure_until_s = min(view.over_s - earlier_s - margin_s, view.whole_s)
    look = view.between(max(0.0, sure_from_s), sure_until_s) if sure_from_s < sure_until_s else None
    from_s, until_s = view.began_s - earlier_s, view.over_s + later_s
    if drift_s is None:
        # Nobody saw its end: it may have run on unmuted, and nobody knows where its sounds belong.
        aligned = view.frames(view.end_aligned_s(view.last_s))
        keep = min(frames, view.frames(max(0.0, view.began_s)), aligned)
        rest = view.between(keep / view.rate_hz, view.whole_s)
        return Ruling(
            result=Result.UNPROVED,
            keep_frames=keep,
            look=look,
            erase=rest,
            erase_if_heard=rest,
            words="the end of a recorder that was muted was not seen",
        )
    is_sure = look is not None or view.over_s - view.began_s <= 2 * margin_s
    return Ruling(
        result=Result.PROVED if is_sure else Result.UNPROVED,
        keep_frames=frames,
        look=look,
        erase=view.between(from_s, until_s),
        erase_if_heard=view.between(from_s - margin_s, until_s + margin_s),
        words="" if is_sure else "where it lies in a recorder's file is not certain",
    )


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
