"""How much this machine was in the lab's way while a scene was played, as Linux counts it.

`/proc/pressure` (since Linux 4.20; some distributions switch it off) says for how long something
waited for a processor or a disk, `/proc/stat` how much of its processors a virtual machine's host
gave to others.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
WAITING = {"a processor": "pressure/cpu", "a disk": "pressure/io"}
STAT = "stat"
_SOME_US = re.compile(r"^some .*total=(\d+)$", re.MULTILINE)
_STOLEN_TICKS = re.compile(r"^cpu +(?:\d+ ){7}(\d+)", re.MULTILINE)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)


class Pressure:
    """Begins to count when it is made."""

    def __init__(self, proc: Path = PROC, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._clock_s = clock_s
        self._since_s = clock_s()
        self._before = self._counted_s()

    def words(self) -> str:
        """Shares of the time since; "" where nothing is counted."""
        lasted_s = max(self._clock_s() - self._since_s, 0.001)
        shares = [
            f"{what} {(seconds - self._before[what]) / lasted_s:.0%}"
            for what, seconds in self._counted_s().items()
            if what in self._before
        ]
        return f"this machine meanwhile: {', '.join(shares)}" if shares else ""

    def _counted_s(self) -> dict[str, float]:
        """What is counted here, in seconds."""
        found = {
            f"waited for {what}": int(number) / 1_000_000
            for what, name in WAITING.items()
            if (number := self._number(name, _SOME_US))
        }
        if number := self._number(STAT, _STOLEN_TICKS):
            found["processors taken by its host"] = int(number) / _TICKS_PER_S
        return found

    def _number(self, name: str, pattern: re.Pattern[str]) -> str:
        try:
            found = pattern.search((self._proc / name).read_text())
        except OSError:
            return ""
        return found[1] if found else ""
