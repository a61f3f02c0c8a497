"""What is said of a Redis that answers, and takes nothing."""

from __future__ import annotations

import pytest
import redis.exceptions as of_redis

from hushtape import redis_link
from hushtape.config import Config, Policies, Redis
from hushtape.errors import ConfigError, Unreachable


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (of_redis.ReadOnlyError("You can't write against a read only replica."), "the primary"),
        (of_redis.ResponseError("Command # 1 (SADD a b): READONLY You can't write"), "the primary"),
        (of_redis.OutOfMemoryError("command not allowed"), "maxmemory"),
        (of_redis.ResponseError("OOM command not allowed, script: 12"), "maxmemory"),
        (of_redis.ResponseError("MISCONF Redis is configured to save"), "make room there"),
        (of_redis.NoPermissionError("User default has no permissions"), "all commands"),
        (of_redis.ConnectionError("gone\nwith the wind"), "ConnectionError: gone"),
        (of_redis.ResponseError("HSET caller 020 7946 0123"), "ResponseError"),
        (Unreachable("Redis at here:1 doesn't answer"), "at here:1"),
        (OSError(28, "No space left on device"), "No space left"),
        (ValueError("OOM 020 7946 0123"), "ValueError"),
    ],
)
def test_it_is_said_what_to_do_and_nobody_is_quoted(error: Exception, expected: str) -> None:
    words = redis_link.words(error)
    assert expected in words
    assert "7946" not in words
    assert "\n" not in words


def test_a_command_is_told_which_redis_it_was() -> None:
    config = Config(
        data="d", policies=Policies(folder="p"), pbx={}, redis=Redis(url="redis://here:1/0")
    )
    with (
        pytest.raises(Unreachable, match=r"^Redis at here:1 is a replica, .* in redis\.url$"),
        redis_link.reaching(config),
    ):
        raise of_redis.ReadOnlyError("You can't write against a read only replica.")


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:port/0",
        "redis://h/0?nonsense=1",
        "redis://h/0?protocol=5",
        "rediss://h/0?ssl_cert_reqs=nonsense",
        "redis://h/0?decode_responses=1",
    ],
)
def test_an_address_that_can_not_be_used_is_named_before_anything_is_contacted(url: str) -> None:
    config = Config(data="d", policies=Policies(folder="p"), pbx={}, redis=Redis(url=url))
    with pytest.raises(ConfigError, match=r"^redis\.url: can't be used: "):
        redis_link.check(config, {})
