"""Sounds, WAV files and hand-offs for tests of what comes after the call."""

from __future__ import annotations

import math
import struct
from array import array
from datetime import UTC, datetime, timedelta

from hushtape.recordings.manifest import (
    AudioTerms,
    CallFacts,
    Direction,
    EndedBy,
    Handoff,
    Happening,
    Keep,
    Party,
    Reason,
    Segment,
    StopSeen,
)

RATE_HZ = 8000
RECORDING_ID = "20261121-131500-k3f7x2m7"
START = datetime(2026, 11, 21, 13, 15, tzinfo=UTC)
REASON = Reason(
    policy="town-hall", version="2026-01-01", rule="retention", words="calls are kept for 62 days"
)


def tone(hz: float, seconds: float, peak: int = 8000) -> bytes:
    step = 2 * math.pi * hz / RATE_HZ
    return array(
        "h", (round(peak * math.sin(step * n)) for n in range(round(seconds * RATE_HZ)))
    ).tobytes()


def both(left: bytes, right: bytes) -> bytes:
    """Two sides of the same length as one, as a PBX writes them that makes one file of them."""
    pairs = zip(array("h", left), array("h", right), strict=True)
    return array("h", (each for pair in pairs for each in pair)).tobytes()


def wav(
    samples: bytes, claimed: int | None = None, channels: int = 1, rate_hz: int = RATE_HZ
) -> bytes:
    size = len(samples) if claimed is None else claimed
    frame_bytes = 2 * channels
    return (
        b"RIFF"
        + struct.pack("<I", size + 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
        + b"data"
        + struct.pack("<I", size)
        + samples
    )


def segment(number: int, offset_s: float, length_s: float, **changes: object) -> Segment:
    started_at = START + timedelta(seconds=offset_s)
    facts: dict[str, object] = {
        "number": number,
        "outside_file": f"{RECORDING_ID}.{number}-outside.wav",
        "inside_file": f"{RECORDING_ID}.{number}-inside.wav",
        "started_at": started_at,
        "ended_at": started_at + timedelta(seconds=length_s),
        "ended_by": EndedBy.HANG_UP,
        "stop": StopSeen.HANG_UP,
    }
    return Segment(**(facts | changes))  # type: ignore[arg-type]


def handoff(*segments: Segment, recording_id: str = RECORDING_ID, **changes: object) -> Handoff:
    ended_at = max((each.ended_at or START for each in segments), default=START)
    facts: dict[str, object] = {
        "id": recording_id,
        "call": CallFacts(
            pbx="town-hall",
            pbx_call="1795000000.12",
            direction=Direction.INBOUND,
            queues=("council-tax",),
            started_at=START,
            answered_at=START + timedelta(seconds=3),
            ended_at=ended_at,
        ),
        "party": Party(
            number="+44 20 7946 0123", name="A Caller", dialled="500", agents=("Ann\x07 Example",)
        ),
        "segments": segments,
        "spans": (),
        "story": (Happening(at=START, what="queue entered", reason=REASON),),
        "audio": AudioTerms(),
        "keep": Keep(
            until=START + timedelta(days=62),
            period="62 days",
            time_zone="Europe/London",
            reason=REASON,
        ),
    }
    return Handoff(**(facts | changes))  # type: ignore[arg-type]
