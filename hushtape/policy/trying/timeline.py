"""What comes of a call: when it is recorded and when not, and what is kept of it until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from hushtape.recordings.manifest import Happening, Keep, Reason, Segment

SLIVER_S = 0.002  # what is shorter is no stretch of a call


class State(StrEnum):
    """What is done about a stretch of a call."""

    RECORDED = "recorded"
    NOT_RECORDED = "not recorded"
    PAYMENT = "payment"  # silence
    WAITING = "waiting"  # parked: recorded again or not, by who fetches it


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a call, in seconds since its beginning."""

    start_s: float
    end_s: float
    state: State
    reason: Reason | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one call.

    Args:
        rows: without gaps, from the beginning to the end; neighbours differ in state or reason.
        consultations: when the agent's talk with somebody else is recorded beside it.
        segments: what each recorder would write; empty for a call of which nothing is recorded.
        alarms: what somebody is told; no names, no numbers.
    """

    began_at: datetime
    ended_at: datetime
    choice: Reason  # why a policy names it, or why none does
    rows: tuple[Row, ...]
    policy: str = ""  # "": none
    version: str = ""
    consultations: tuple[Row, ...] = ()
    segments: tuple[Segment, ...] = ()
    story: tuple[Happening, ...] = ()
    keep: Keep | None = None  # None: nothing was recorded
    tags: tuple[str, ...] = ()
    discard: Reason | None = None
    alarms: tuple[str, ...] = ()


def by_state(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Join neighbours of one state, whatever the reasons; the first one's stays."""
    joined: list[Row] = []
    for row in rows:
        if joined and joined[-1].state is row.state:
            joined[-1] = msgspec.structs.replace(joined[-1], end_s=row.end_s)
        else:
            joined.append(row)
    return tuple(joined)


def seconds(value: float) -> str:
    """Write seconds as people do: ``20``, ``20.25``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
