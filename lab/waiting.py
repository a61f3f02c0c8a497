"""Waiting with a deadline: the only place in the lab that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


class LabTimeoutError(TimeoutError):
    """Something the lab waited for did not happen in time; the message says what."""


def until(what: str, condition: Callable[[], T], timeout_s: float, poll_s: float = POLL_S) -> T:
    """Call `condition` until it returns something true, and return that.

    Raises LabTimeoutError, naming `what`, after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabTimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(poll_s)


def pass_time(seconds: float) -> None:
    """Let a call go on for `seconds`: time that is part of a scene, not a wait for something."""
    time.sleep(seconds)
