"""Connections to Redis: bounded in time, and with errors that say what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from hushtape import config as configuration
from hushtape.config import Config
from hushtape.errors import ConfigError, HushtapeError, Unreachable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
RETRIES_MAX = 2
RETRY_FIRST_WAIT_S = 0.05
RETRY_LONGEST_WAIT_S = 0.5
# RQ blocks for jobs for worker_ttl - 15 seconds. A blocking read that is sent again can lose a
# job, so none is.
QUEUE_ANSWER_TIMEOUT_S = 30.0

# A Redis may answer and yet take no writes: its own words, or the kind of error, and what to do.
_REFUSALS: tuple[tuple[type[Exception] | tuple[()], str, str], ...] = (
    (
        redis.exceptions.ReadOnlyError,
        "READONLY ",
        "is a replica, which takes no writes: name the primary in redis.url",
    ),
    (
        redis.exceptions.OutOfMemoryError,
        "OOM ",
        "is full, and takes nothing more: raise its maxmemory",
    ),
    (
        (),
        "MISCONF ",
        "can't write to its disk, and takes no writes: make room there, its log says more",
    ),
    (
        redis.exceptions.NoPermissionError,
        "NOPERM ",
        "doesn't allow our account to do this: give it all commands on all keys",
    ),
)
_UNKNOWN_OPTION = re.compile(r"unexpected keyword argument '(\w+)'")


def connect(config: Config, environ: Mapping[str, str] = os.environ) -> redis.Redis:
    """Connect for short questions, and ask one to see that Redis answers.

    Raises:
        Unreachable: nothing answers, or it refuses the password; the text says which.
        ConfigError: the password's file or variable isn't there.
    """
    client = _client(
        config,
        environ,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(
            ExponentialBackoff(cap=RETRY_LONGEST_WAIT_S, base=RETRY_FIRST_WAIT_S), RETRIES_MAX
        ),
    )
    with reaching(config):
        client.ping()
    return client


def connect_for_queues(config: Config, environ: Mapping[str, str] = os.environ) -> redis.Redis:
    """Connect for an RQ worker, which waits long for an answer and changes its connection's limits.

    Raises:
        Unreachable: as ``connect``.
        ConfigError: as ``connect``.
    """
    client = _client(
        config, environ, socket_timeout=QUEUE_ANSWER_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    with reaching(config):
        client.ping()
    return client


def check(config: Config, environ: Mapping[str, str] = os.environ) -> None:
    """See that the password and the URL can be used; nothing is contacted.

    Raises:
        ConfigError: they can't.
    """
    _client(config, environ)


@contextmanager
def reaching(config: Config) -> Iterator[None]:
    """Turn what redis-py raises into ``Unreachable`` with a sentence for the administrator."""
    try:
        yield
    except redis.exceptions.AuthenticationError:
        raise Unreachable(_refused(config)) from None
    except redis.exceptions.NoPermissionError as error:
        raise Unreachable(
            f"Redis at {place(config)} doesn't allow our account to do this: {error}"
        ) from None
    except redis.exceptions.BusyLoadingError:
        raise Unreachable(
            f"Redis at {place(config)} is still loading its data: try again in a moment"
        ) from None
    except redis.exceptions.ResponseError as error:
        if str(error).startswith(("NOAUTH", "WRONGPASS")):
            raise Unreachable(_refused(config)) from None
        if refusal := _refusal(error):
            raise Unreachable(f"Redis at {place(config)} {refusal}") from None
        raise Unreachable(f"Redis at {place(config)} refused a command: {error}") from None
    except (redis.exceptions.RedisError, OSError) as error:
        raise Unreachable(
            f"Redis at {place(config)} doesn't answer ({_short(error)}): {_advice(config)}"
        ) from None


def place(config: Config) -> str:
    """Where Redis is, for a message: without user and password."""
    parts = urlsplit(config.redis_url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def _client(config: Config, environ: Mapping[str, str], **limits: Any) -> redis.Redis:
    password = configuration.secret(
        "redis", config.redis.password_file, config.redis.password_env, environ
    )
    if password:
        limits["password"] = password
    limits["socket_connect_timeout"] = CONNECT_TIMEOUT_S
    try:
        # What an option after the ? is worth, only a connection finds out; nothing is contacted.
        pool = redis.ConnectionPool.from_url(config.redis_url, **limits)
        pool.make_connection()
        if pool.get_encoder().decode_responses:
            raise ValueError("decode_responses must not stand after the ?")
        return redis.Redis.from_url(config.redis_url, **limits)
    except (ValueError, TypeError, redis.exceptions.RedisError) as error:
        found = _UNKNOWN_OPTION.search(str(error))
        what = f"there is no option {found[1]} that could stand after the ?" if found else error
        raise ConfigError("redis.url", f"can't be used: {what}") from None


def words(error: BaseException) -> str:
    """Say what is wrong with Redis where only a line of the log tells of it.

    Of an error that nobody foresaw it is the name: its text quotes commands, and so people.
    """
    if isinstance(error, HushtapeError | OSError):
        return str(error)
    if refusal := _refusal(error):
        return f"Redis {refusal}"
    name = type(error).__name__
    is_away = isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError)
    return f"{name}: {_short(error)}" if is_away else name


def _refusal(error: BaseException) -> str:
    """Why a Redis that answers takes no writes, as the end of a sentence; "": that isn't it."""
    text = str(error)
    for kind, code, what in _REFUSALS:
        if isinstance(error, redis.exceptions.RedisError) and (
            isinstance(error, kind) or code in text
        ):
            return what
    return ""


def _refused(config: Config) -> str:
    settings = config.redis
    if settings.password_file or settings.password_env or urlsplit(config.redis_url).password:
        return (
            f"Redis at {place(config)} refused the password: check redis.password_file or"
            " redis.password_env in hushtape.toml"
        )
    return f"Redis at {place(config)} wants a password: set redis.password_file in hushtape.toml"


def _advice(config: Config) -> str:
    if config.redis.url:
        return "is it running, and is redis.url in hushtape.toml right?"
    return "hushtape run brings it along: is that running with this configuration?"


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
