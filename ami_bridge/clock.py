"""The PBX's clock, as far as it can be told from here.

Events carry the PBX's own time (an Asterisk's with ``timestampevents = yes``), answers don't. The
smallest lag between an event's stamp and its arrival is what the clocks differ by, plus the
shortest way on the wire; with it a moment of ours becomes one of the PBX's, never earlier than it
really was.

A FreeSWITCH's clock goes in steps of 20 ms: an event's stamp is up to so much too early.
"""

from __future__ import annotations

from datetime import datetime, timedelta

# The smallest lag is forgotten in two generations, so that drifting clocks are followed.
GENERATION = timedelta(minutes=10)
# A lag that grows by more than this, and stays, is a clock that was set back.
STEP = timedelta(seconds=2)
STEP_STAMPS = 20
STEP_LASTS = timedelta(seconds=2)  # else it is what has piled up while we stood still
# A PBX whose clock is further off than this is not believed: its dates would decide deletions.
BELIEVED = timedelta(seconds=60)


class PbxClock:
    """Turns our time into the PBX's."""

    def __init__(self) -> None:
        self._now: timedelta | None = None
        self._before: timedelta | None = None
        self._since: datetime | None = None
        self._late = 0
        self._late_since: datetime | None = None

    def note(self, stamp: datetime, received_at: datetime) -> None:
        """Take in one event's stamp and the moment when it arrived; both aware."""
        lag = received_at - stamp
        least = self._least()
        self._late = self._late + 1 if least is not None and lag - least > STEP else 0
        if self._late <= 1 or self._late_since is None:
            self._late_since = received_at
        if self._late >= STEP_STAMPS and received_at - self._late_since >= STEP_LASTS:
            self._now, self._before, self._since, self._late = None, None, received_at, 0
        elif self._since is None or received_at - self._since > GENERATION:
            self._before, self._now, self._since = self._now, None, received_at
        self._now = lag if self._now is None else min(self._now, lag)

    def pbx_time(self, moment: datetime) -> datetime:
        """Return what the PBX's clock said at a moment of ours; ours if it never said."""
        least = self._least()
        return moment if least is None else moment - least

    def _least(self) -> timedelta | None:
        return min((lag for lag in (self._now, self._before) if lag is not None), default=None)


def believable(stamp: datetime, received_at: datetime) -> bool:
    """Tell whether a PBX's stamp can be right."""
    return abs(received_at - stamp) <= BELIEVED
