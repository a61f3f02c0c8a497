"""The fake FreeSWITCH's clock: as the real one's it goes in steps of 20 ms."""

from __future__ import annotations

import time

STEP_US = 20_000


class Stamps:
    """Tells the time of events."""

    def __init__(self) -> None:
        self._began_us = time.time_ns() // 1000
        self._began_s = time.monotonic()

    def now_us(self) -> int:
        """Microseconds since 1970, up to 20 ms old."""
        passed_us = int((time.monotonic() - self._began_s) * 1e6)
        return self._began_us + passed_us // STEP_US * STEP_US
