"""Log lines of the steps. Ids and times only: no names, no numbers."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import structlog

from hushtape import redis_link

RQ_LOGGER = "rq.worker"

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


class RedisAway(logging.Filter):
    """Says in one line that Redis is away, where RQ shows a traceback before it ends."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change a record that holds an error of Redis."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, redis.exceptions.RedisError):
            record.msg = "Redis is away (%s): this process ends, and is started again"
            record.args, record.exc_info = (redis_link.words(error),), None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
