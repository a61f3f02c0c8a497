"""The findings in Redis: a list that can be lost and is made again.

Keys (times are seconds since 1970):
    hushtape:finding:<id>          JSON of a Finding
    hushtape:findings              sorted set of ids by the call's start
    hushtape:findings-open         hash of what nobody has looked at: id -> its kinds
    hushtape:findings-forget       sorted set of ids without a recording by when to forget them
    hushtape:findings-told         sorted set of "<id> <kind>" by when it was logged
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis

from hushtape.ids import is_call_id
from hushtape.recordings.assurance import Finding, Kind, Seen

KEPT = timedelta(days=90)  # what has no recording with which it could go
PAGE = 500
EXAMINED_MAX = 200_000

_FINDING = "hushtape:finding:"
_BY_START = "hushtape:findings"
_OPEN = "hushtape:findings-open"
_FORGET = "hushtape:findings-forget"
_TOLD = "hushtape:findings-told"


def enter(pipe: Any, finding: Finding) -> None:
    """Write a finding, in somebody else's transaction; the one that there was is replaced."""
    pipe.set(_FINDING + finding.id, msgspec.json.encode(finding))
    pipe.zadd(_BY_START, {finding.id: finding.started_at.timestamp()})
    if finding.open:
        pipe.hset(_OPEN, finding.id, " ".join(finding.kinds))
    else:
        pipe.hdel(_OPEN, finding.id)
    if finding.archived:
        pipe.zrem(_FORGET, finding.id)
    else:
        pipe.zadd(_FORGET, {finding.id: (finding.found_at + KEPT).timestamp()}, nx=True)


def leave(pipe: Any, recording_id: str) -> None:
    """Take a finding out, in somebody else's transaction; there may be none."""
    pipe.delete(_FINDING + recording_id)
    pipe.zrem(_BY_START, recording_id)
    pipe.zrem(_FORGET, recording_id)
    pipe.hdel(_OPEN, recording_id)


class Findings:
    """The findings in one Redis. Errors of Redis come through as redis-py raises them."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def record(self, finding: Finding) -> None:
        """Write a finding; the one that there was is replaced."""
        with self._redis.pipeline(transaction=True) as pipe:
            enter(pipe, finding)
            pipe.execute()

    def withdraw(self, recording_id: str) -> None:
        """Take a finding out: it isn't so any more."""
        with self._redis.pipeline(transaction=True) as pipe:
            leave(pipe, recording_id)
            pipe.execute()

    def get(self, recording_id: str) -> Finding | None:
        """One finding."""
        return _read(recording_id, self._redis.get(_FINDING + recording_id))

    def between(self, since: datetime, before: datetime) -> Iterator[Finding]:
        """The findings of calls that began in a stretch of time, newest call first."""
        newest, oldest = f"({before.timestamp()}", since.timestamp()
        for start in range(0, EXAMINED_MAX, PAGE):
            page = self._redis.zrevrangebyscore(_BY_START, newest, oldest, start=start, num=PAGE)
            ids = [_text(each) for each in page]
            if not ids:
                return
            for each, value in zip(
                ids, self._redis.mget([_FINDING + each for each in ids]), strict=True
            ):
                finding = _read(each, value)
                if finding is not None:
                    yield finding

    def opened(self, kind: Kind) -> tuple[str, ...]:
        """The ids of findings of a kind that nobody has looked at."""
        return tuple(sorted(name for name, kinds in self._open().items() if kind in kinds))

    def open_counts(self) -> dict[str, int]:
        """How many findings nobody has looked at, by kind; one may be of many kinds."""
        counted = Counter(kind for kinds in self._open().values() for kind in kinds)
        return {kind.value: counted[kind.value] for kind in Kind}

    def _open(self) -> dict[str, list[str]]:
        answer = self._redis.hgetall(_OPEN)
        return {_text(name): _text(kinds).split() for name, kinds in answer.items()}

    def mark_seen(self, recording_id: str, seen: Seen) -> None:
        """Note that somebody has looked at a finding that has no recording."""
        finding = self.get(recording_id)
        if finding is not None:
            self.record(msgspec.structs.replace(finding, seen=seen))

    def first_told(self, recording_id: str, kind: Kind, now: datetime) -> bool:
        """Tell whether nobody was told of this yet; from now on somebody was."""
        member = {f"{recording_id} {kind}": now.timestamp()}
        return bool(self._redis.zadd(_TOLD, member, nx=True))

    def was_told(self, recording_id: str, kind: Kind) -> bool:
        """Tell whether somebody was told of this."""
        return self._redis.zscore(_TOLD, f"{recording_id} {kind}") is not None

    def forget(self, now: datetime) -> int:
        """Forget what is too old and has no recording with which it could go."""
        self._redis.zremrangebyscore(_TOLD, "-inf", (now - KEPT).timestamp())
        old = self._redis.zrangebyscore(_FORGET, "-inf", now.timestamp(), start=0, num=PAGE)
        for each in old:
            self.withdraw(_text(each))
        return len(old)


def _read(recording_id: str, value: bytes | None) -> Finding | None:
    """A finding; None for what isn't there or wasn't written by us."""
    if value is None or not is_call_id(recording_id):
        return None
    try:
        finding = msgspec.json.decode(value, type=Finding)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    times = (finding.started_at, finding.found_at)
    if finding.id != recording_id or any(at.tzinfo is None for at in times):
        return None
    return finding


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
