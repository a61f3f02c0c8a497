"""Finds in passing whether each side of a segment is ever heard: nobody listens to every recording.

A side is heard if it is loud for a while: a click at the start is no voice. What comes before the
call is answered says nothing of the talk: the caller waits in silence, and music plays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydub import AudioSegment

from hushtape.recordings.assurance import Kind
from hushtape.recordings.manifest import Leg
from workers.mix import Place, Timeline
from workers.wave import SAMPLE_BYTES

# Of 32768: -44 dB. Comfort noise and an idle codec stay below it, a quiet voice on a bad line peaks
# at several times as much.
SILENT_PEAK = 200
WINDOW_S = 0.02
HEARD_S = 0.2  # one word takes as long
JUDGED_FROM_S = 5.0  # a shorter talk may well have one side only

_WHO = {
    Leg.OUTSIDE: ("the outside party", "our side"),
    Leg.CONSULTATION: ("the agent", "the colleague"),
}


@dataclass
class _Ear:
    """Listens to both sides of one segment from a frame on."""

    from_frame: int
    is_talk: bool  # else it is a wait, in which one side may well say nothing
    loud_frames: list[int] = field(default_factory=lambda: [0, 0])
    done_frames: list[int] = field(default_factory=lambda: [0, 0])

    def look(self, side: int, samples: bytes, rate_hz: int) -> None:
        begin = self.done_frames[side]
        frames = len(samples) // SAMPLE_BYTES
        self.done_frames[side] = begin + frames
        window_frames = round(WINDOW_S * rate_hz)
        for start in range(max(0, self.from_frame - begin), frames, window_frames):
            if self.loud_frames[side] >= HEARD_S * rate_hz:
                return
            window = AudioSegment(
                data=samples[start * SAMPLE_BYTES : (start + window_frames) * SAMPLE_BYTES],
                sample_width=SAMPLE_BYTES,
                frame_rate=rate_hz,
                channels=1,
            )
            if window.max >= SILENT_PEAK:
                self.loud_frames[side] += int(window.frame_count())


class Heard:
    """What is heard of each side of each segment, while its samples pass by.

    Args:
        answered_at: when somebody of ours answered; None: nobody did.
    """

    def __init__(self, timeline: Timeline, answered_at: datetime | None) -> None:
        self._places = timeline.places
        self._rate_hz = timeline.rate_hz
        self._ears = [_ear(place, timeline.rate_hz, answered_at) for place in timeline.places]

    def look(self, index: int, sides: Sequence[bytes]) -> None:
        """Look at the next piece of a segment, both its sides."""
        for side, samples in enumerate(sides):
            self._ears[index].look(side, samples, self._rate_hz)

    def remarks(self) -> tuple[str, ...]:
        """What a person should know: silent and one-sided segments that are long enough."""
        found = []
        for place, ear in zip(self._places, self._ears, strict=True):
            if place.settled.frames - ear.from_frame < JUDGED_FROM_S * self._rate_hz:
                continue
            segment = place.settled.segment
            heard = [frames >= HEARD_S * self._rate_hz for frames in ear.loud_frames]
            since = " since the call was answered" if ear.from_frame else ""
            if not any(heard):
                words = f"no sound on either side{since}"
                found.append(f"{Kind.SILENT}: segment {segment.number}: {words}")
            elif not all(heard) and ear.is_talk:
                who = _WHO[segment.leg][heard.index(False)]
                words = f"{who} is never heard{since}"
                found.append(f"{Kind.ONE_SIDED}: segment {segment.number}: {words}")
        return tuple(found)


def _ear(place: Place, rate_hz: int, answered_at: datetime | None) -> _Ear:
    segment = place.settled.segment
    if segment.leg is Leg.CONSULTATION:
        return _Ear(from_frame=0, is_talk=True)
    if answered_at is not None:
        from_s = max(0.0, (answered_at - segment.started_at).total_seconds())
        if place.settled.frames / rate_hz - from_s >= JUDGED_FROM_S:
            return _Ear(from_frame=round(from_s * rate_hz), is_talk=True)
    return _Ear(from_frame=0, is_talk=False)
