"""Which of the recorders that begin are ours. The PBX's event names the channel, and nothing else.

Asterisk sends a ``MixMonitorStart`` for each that it was asked for, also if its file can't be made,
and none for one that it refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Starts:
    """The starts that were asked for, and not seen yet.

    Args:
        within_s: so long after it was asked for a start may be seen.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(self, within_s: float, clock_s: Callable[[], float]) -> None:
        self._within_s = within_s
        self._clock_s = clock_s
        self._asked: dict[str, deque[float]] = {}

    def asked(self, uniqueid: str) -> None:
        """Expect a start on a channel, before it is asked for."""
        self._forget_old()
        self._asked.setdefault(uniqueid, deque()).append(self._clock_s())

    def refused(self, uniqueid: str) -> None:
        """Expect one less: the PBX has refused the last."""
        asked = self._asked.get(uniqueid)
        if asked:
            asked.pop()
        if not asked:
            self._asked.pop(uniqueid, None)

    def seen(self, uniqueid: str) -> bool:
        """Take in that a recorder was started; tell whether it is ours."""
        self._forget_old()
        asked = self._asked.get(uniqueid)
        if not asked:
            return False
        asked.popleft()
        if not asked:
            del self._asked[uniqueid]
        return True

    def _forget_old(self) -> None:
        """The dict keeps the order in which channels were first asked for."""
        oldest_s = self._clock_s() - self._within_s
        for uniqueid in list(self._asked):
            asked = self._asked[uniqueid]
            while asked and asked[0] < oldest_s:
                asked.popleft()
            if not asked:
                del self._asked[uniqueid]
