"""How long and how much, for a link to one PBX of any kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DOUBLINGS_LIMIT = 16
"""More doublings of the first backoff than any ceiling needs."""

FAIR_SHARE = 1000
FAIR_S = 0.1
"""So many events, and for so long, are handled in a row before everything else gets its turn: more
than one read of the socket brings (256 KB, some 600 events, 2,500 short ones), or a handler that is
fast enough would fall behind.
"""


@dataclass(frozen=True, kw_only=True)
class CommonLimits:
    """How long and how much, for one link. A half-open link shows after ``ping_interval_s`` +
    ``ping_timeout_s`` at the latest.
    """

    connect_timeout_s: float = 5.0  # TCP and TLS together
    login_timeout_s: float = 10.0  # with 2 s each way the greeting and the answer take 6
    answer_timeout_s: float = 5.0
    slow_answer_s: float = 1.0  # recording begins and ends as late as answers come
    # A ping is sent when nothing was answered for so long. What came after the last answer isn't
    # kept if the link is lost.
    ping_interval_s: float = 2.0
    ping_timeout_s: float = 5.0
    backoff_first_s: float = 0.5  # the ceiling of the first wait; it doubles
    backoff_most_s: float = 5.0  # a PBX that is back serves calls at once: nobody else asks it
    stable_s: float = 10.0  # a connection that lived this long starts the backoff anew
    refused_least_s: float = 30.0  # refused, or its certificate untrusted: somebody must act
    refused_most_s: float = 60.0
    up_timeout_s: float = 30.0  # for on_up
    handler_timeout_s: float = 30.0  # for each on_event, and on_down
    drain_timeout_s: float = 5.0  # for what had arrived when the link was lost
    close_timeout_s: float = 2.0
    waiting_frames: int = 20_000  # some 40 MB; five seconds of a very busy PBX
    waiting_bytes: int = 64 * 1024 * 1024
    unsent_bytes: int = 256 * 1024  # a PBX that reads takes an action within milliseconds
    actions_under_way: int = 256


def backoff_s(attempt: int, limits: CommonLimits, chance: Callable[[], float]) -> float:
    """How long to wait before trying again: anything up to a ceiling that doubles (full jitter).

    Args:
        attempt: 0 for the first.
        chance: a number from 0 to 1.
    """
    doubled = limits.backoff_first_s * 2.0 ** min(attempt, DOUBLINGS_LIMIT)
    return chance() * min(limits.backoff_most_s, doubled)
