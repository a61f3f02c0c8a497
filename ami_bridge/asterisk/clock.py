"""The PBX's clock, as far as it can be told from here.

Events carry the PBX's own time (``timestampevents = yes``), answers don't. The smallest lag between
an event's stamp and its arrival is what the clocks differ by, plus the shortest way on the wire;
with it a moment of ours becomes one of the PBX's, never earlier than it really was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

# The smallest lag is forgotten in two generations, so that drifting clocks are followed.
GENERATION = timedelta(minutes=10)


class PbxClock:
    """Turns our time into the PBX's."""

    def __init__(self) -> None:
        self._now: timedelta | None = None
        self._before: timedelta | None = None
        self._since: datetime | None = None

    def note(self, stamp: datetime, received_at: datetime) -> None:
        """Take in one event's stamp and the moment when it arrived; both aware."""
        if self._since is None or received_at - self._since > GENERATION:
            self._before, self._now, self._since = self._now, None, received_at
        lag = received_at - stamp
        self._now = lag if self._now is None else min(self._now, lag)

    def pbx_time(self, moment: datetime) -> datetime:
        """Return what the PBX's clock said at a moment of ours; ours if it never said."""
        lags = [lag for lag in (self._now, self._before) if lag is not None]
        return moment - min(lags) if lags else moment
