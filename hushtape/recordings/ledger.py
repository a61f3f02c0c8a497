"""What is expected: every call that had a recorder, until what became of it is known.

One Redis hash, ``handoff_names.EXPECTED``: call id -> JSON. The bridge writes it, again and again,
so that it may be lost; a worker takes an entry out when the recording is archived or discarded.
No names, no numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
import redis

from hushtape import handoff_names as names
from hushtape.ids import is_call_id
from hushtape.recordings.manifest import AudioTerms, Handoff, Keep, Reason

PAGE = 500  # entries in one question to Redis

# What a worker has taken and settled meanwhile must not come back.
_PUBLISH = """
for i = 2, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1
      or redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
"""


class State(StrEnum):
    """How far an expected call is."""

    LIVE = "live"
    HANDED_OFF = "handed-off"


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of which a recording is to come."""

    pbx: str
    policy: str
    version: str  # of the policy
    started_at: datetime
    segments: int  # recorders that were started so far
    state: State = State.LIVE
    ended_at: datetime | None = None  # handed-off: when the call ended, on the PBX's clock
    # What its policy says of the recording, as far as is known so far: should nobody hand it off,
    # that needs no policy file, which may be gone by then. None: an older bridge didn't tell.
    keep: Keep | None = None
    tags: tuple[str, ...] = ()
    audio: AudioTerms | None = None
    discard: Reason | None = None  # nothing of it may be kept, as far as is known so far
    seen_at: datetime | None = None  # when somebody last said that it is so; set when published


class Ledger:
    """The expected calls in one Redis. Errors of Redis come through as redis-py raises them."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def publish(self, expected: Mapping[str, Expectation], now: datetime) -> None:
        """Say that these calls are expected; what a worker has settled stays settled."""
        entries = list(expected.items())
        for start in range(0, len(entries), PAGE):
            arguments: list[str | bytes] = [names.TAKEN]
            for call_id, each in entries[start : start + PAGE]:
                seen = msgspec.structs.replace(each, seen_at=now)
                arguments += [call_id, msgspec.json.encode(seen)]
            self._redis.eval(_PUBLISH, 1, names.EXPECTED, *arguments)

    def expect(self, expected: Mapping[str, Expectation], now: datetime) -> None:
        """Expect what was found in a spool, as far as it isn't expected already."""
        for call_id, each in expected.items():
            seen = msgspec.structs.replace(each, seen_at=now)
            self._redis.hsetnx(names.EXPECTED, call_id, msgspec.json.encode(seen))

    def lacks(self, call_ids: Iterable[str]) -> tuple[str, ...]:
        """Those of the calls that nobody expects."""
        wanted = list(call_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for call_id in wanted:
                pipe.hexists(names.EXPECTED, call_id)
            answers = pipe.execute()
        return tuple(each for each, there in zip(wanted, answers, strict=True) if not there)

    def get(self, call_id: str) -> Expectation | None:
        """One expected call."""
        value = self._redis.hget(names.EXPECTED, call_id)
        return None if value is None else _read(call_id, value)

    def all(self) -> dict[str, Expectation]:
        """Every expected call by its id. What nobody of ours wrote is taken out."""
        found = {}
        for name, value in self._redis.hgetall(names.EXPECTED).items():
            call_id = name.decode(errors="replace") if isinstance(name, bytes) else name
            if is_call_id(call_id):
                found[call_id] = _read(call_id, value)
            else:
                self._redis.hdel(names.EXPECTED, name)
        return found

    def settle(self, *call_ids: str) -> None:
        """Expect these calls no longer."""
        for start in range(0, len(call_ids), PAGE):
            self._redis.hdel(names.EXPECTED, *call_ids[start : start + PAGE])


def began_at(call_id: str) -> datetime:
    """When a call began, to the second, as its id says."""
    try:
        return datetime.strptime(call_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:  # the shape of an id, but no day of the calendar
        return datetime.fromtimestamp(0, UTC)


def of_handoff(handoff: Handoff) -> Expectation:
    """What is expected of a call that is over."""
    return Expectation(
        pbx=handoff.call.pbx,
        policy=handoff.keep.reason.policy,
        version=handoff.keep.reason.version,
        started_at=handoff.call.started_at,
        segments=len(handoff.segments),
        state=State.HANDED_OFF,
        ended_at=handoff.call.ended_at,
        keep=handoff.keep,
        tags=handoff.tags,
        audio=handoff.audio,
        discard=handoff.discard,
    )


def of_unreadable(call_id: str) -> Expectation:
    """What is known of a call whose papers can't be read: that there was one, and when."""
    at = began_at(call_id)
    return Expectation(
        pbx="",
        policy="",
        version="",
        started_at=at,
        segments=0,
        state=State.HANDED_OFF,
        ended_at=at,
        seen_at=at,
    )


def _read(call_id: str, value: bytes | str) -> Expectation:
    try:
        found = msgspec.json.decode(value, type=Expectation)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return of_unreadable(call_id)
    until = found.keep.until if found.keep is not None else None
    times = (found.started_at, found.ended_at, found.seen_at, until)
    if any(at is not None and at.tzinfo is None for at in times):
        return of_unreadable(call_id)
    return found
