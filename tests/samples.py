"""Documents that many tests need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hushtape.recordings.manifest import (
    AudioTerms,
    CallFacts,
    Direction,
    EndedBy,
    Handoff,
    Keep,
    Party,
    Reason,
    Segment,
    StopSeen,
)

START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
REASON = Reason(policy="town", version="2024-01-01", rule="calls", words="inbound: recorded")


def sample_handoff(call_id: str, agents: tuple[str, ...] = ("PJSIP/231",)) -> Handoff:
    """One call of ten seconds with one segment."""
    end = START + timedelta(seconds=10)
    return Handoff(
        id=call_id,
        call=CallFacts(
            pbx="town-hall",
            pbx_call="pbx1-1.1",
            direction=Direction.INBOUND,
            queues=("help-line",),
            started_at=START,
            answered_at=START + timedelta(seconds=2),
            ended_at=end,
        ),
        party=Party(number="07900123003", name="A Caller", dialled="01737276000", agents=agents),
        segments=(
            Segment(
                number=1,
                outside_file=f"{call_id}.1.outside.wav",
                inside_file=f"{call_id}.1.inside.wav",
                started_at=START,
                ended_at=end,
                ended_by=EndedBy.HANG_UP,
                stop=StopSeen.HANG_UP,
            ),
        ),
        spans=(),
        story=(),
        audio=AudioTerms(),
        keep=Keep(
            until=START + timedelta(days=14),
            period="14 days",
            time_zone="Europe/London",
            reason=REASON,
        ),
    )
