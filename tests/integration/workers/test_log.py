"""What the workers' log says when Redis goes away in the middle of a job."""

from __future__ import annotations

import logging
import sys

import pytest
import redis

from workers.log import RedisAway


def record_of(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord(
            "rq.worker", logging.ERROR, __file__, 1, "Worker %s: quitting", ("x",), sys.exc_info()
        )


@pytest.mark.parametrize("kind", [redis.exceptions.ConnectionError, redis.exceptions.TimeoutError])
def test_a_redis_that_is_away_is_one_line(kind: type[Exception]) -> None:
    record = record_of(kind("gone"))
    assert RedisAway().filter(record)
    assert record.getMessage().startswith(f"Redis is away ({kind.__name__}: gone)")
    assert record.exc_info is None
    assert record.levelno == logging.WARNING


def test_a_bug_keeps_its_traceback() -> None:
    record = record_of(ValueError("a bug"))
    assert RedisAway().filter(record)
    assert record.exc_info is not None
    assert record.getMessage() == "Worker x: quitting"
