"""Log lines of the steps. Ids and times only: no names, no numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()


@contextmanager
def step(name: str, recording_id: str) -> Iterator[None]:
    """Say how long a step took, also when it failed."""
    began = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        log.info(
            f"{name} {outcome}",
            step=name,
            recording=recording_id,
            seconds=round(time.monotonic() - began, 4),
        )
