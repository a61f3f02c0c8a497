"""The catalogue: an index in Redis over the archive, which can be lost and rebuilt.

Keys (times are seconds since 1970):
    hushtape:recording:<id>      hash; every value is at most 64 bytes, which keeps it compact
    hushtape:by-start            sorted set of ids by the call's start
    hushtape:by-queue:<queue>    sorted set of ids by the call's start; a long name by its checksum
    hushtape:due                 sorted set of ids by the time at which to look at them for deletion
    hushtape:by-number:<hash>    set of ids
    hushtape:by-agent:<hash>     set of ids
    hushtape:complete            SCHEMA while the catalogue is known to be complete
    hushtape:rebuilding          the lease of the process that rebuilds: its token
    hushtape:rebuilt-to          the last day that an unfinished rebuild is done with
    hushtape:unread              set of ids whose manifest or acts can't be read: never deleted
    hushtape:trouble:<id>        hash; a recording that couldn't be archived yet, and why
    hushtape:troubles            sorted set of their ids by the time at which to try again
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import redis

from hushtape.errors import RecordingError, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import acts, layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.manifest import Manifest
from hushtape.recordings.retention import Entry, due_at

VALUE_LIMIT_BYTES = 64
PAGE = 500
EXAMINED_MAX = 200_000  # a search with filters gives up after as many entries
LEASE_S = 600
TROUBLE_TTL_S = 30 * 86_400
REBUILD_LEASE_S = 120
RENEW_EVERY = 100  # recordings
SCHEMA = "2"  # a catalogue that was made with another one is rebuilt

_RECORDING = "hushtape:recording:"
_BY_START = "hushtape:by-start"
_BY_QUEUE = "hushtape:by-queue:"
_DUE = "hushtape:due"
_COMPLETE = "hushtape:complete"
_REBUILDING = "hushtape:rebuilding"
_REBUILT_TO = "hushtape:rebuilt-to"
_UNREAD = "hushtape:unread"
_TROUBLE = "hushtape:trouble:"
_TROUBLES = "hushtape:troubles"

# Takes the ids that are due and moves them out of another sweeper's reach for the lease.
_CLAIM = """
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], 'XX', ARGV[2], id) end
return ids
"""

# While the lease is ours: renew it, and remember which day is done.
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
return 1
"""
# While the lease is ours, nothing was lost since it was taken: the catalogue is complete.
_COMPLETED = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1], KEYS[3])
return 1
"""
_LET_GO = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One recording as the catalogue knows it."""

    id: str
    pbx: str
    direction: str
    queues: str
    policy: str
    policy_version: str
    period: str
    time_zone: str
    started_at: datetime
    ended_at: datetime
    keep_until: datetime
    archived_at: datetime
    archiving_s: float  # from the hang-up until it was archived
    duration_s: float
    audio: str
    size_bytes: int
    sha256: str
    fault: str  # "silent", "one-sided", "missing", "empty", "incomplete" or ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a search asks for; what is left out matches everything."""

    pbx: str = ""
    queue: str = ""
    policy: str = ""
    since: datetime | None = None
    before: datetime | None = None
    number_hash: str = ""
    agent_hash: str = ""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that couldn't be archived yet."""

    id: str
    pbx: str
    since: datetime
    tries: int
    words: str
    next_try_at: datetime


class Catalogue:
    """The catalogue in one Redis. Errors of Redis come through as redis-py raises them."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    # One recording

    def add(self, entry: Entry) -> None:
        """Enter a recording and its deletion date in one transaction; again does no harm."""
        manifest = entry.manifest
        recording_id = manifest.id
        due_s = due_at(entry).timestamp()
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_RECORDING + recording_id)
            pipe.hset(_RECORDING + recording_id, mapping=_fields(entry))
            pipe.zadd(_BY_START, {recording_id: manifest.call.started_at.timestamp()})
            pipe.zadd(_DUE, {recording_id: due_s})
            for key in _search_keys(manifest.number_hash, manifest.agent_hashes):
                pipe.sadd(key, recording_id)
            for queue in manifest.call.queues:
                pipe.zadd(_queue_key(queue), {recording_id: manifest.call.started_at.timestamp()})
            pipe.srem(_UNREAD, recording_id)
            pipe.delete(_TROUBLE + recording_id)
            pipe.zrem(_TROUBLES, recording_id)
            pipe.execute()

    def get(self, recording_id: str) -> Found | None:
        """One recording, or None."""
        return _found(recording_id, self._redis.hgetall(_RECORDING + recording_id))

    def remove(self, recording_id: str) -> None:
        """Take a recording and its deletion date out, in one transaction; again does no harm."""
        fields = _texts(self._redis.hgetall(_RECORDING + recording_id))
        agents = _numbered(fields, "agent")
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_RECORDING + recording_id, _TROUBLE + recording_id)
            pipe.zrem(_BY_START, recording_id)
            pipe.zrem(_DUE, recording_id)
            pipe.zrem(_TROUBLES, recording_id)
            pipe.srem(_UNREAD, recording_id)
            for key in _search_keys(fields.get("number_hash", ""), agents):
                pipe.srem(key, recording_id)
            for token in _numbered(fields, "queue"):
                pipe.zrem(_BY_QUEUE + token, recording_id)
            pipe.execute()

    def missing(self, recording_ids: Iterable[str]) -> tuple[str, ...]:
        """Those of the ids that the catalogue, or its deletion schedule, doesn't know."""
        wanted = list(recording_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for recording_id in wanted:
                pipe.exists(_RECORDING + recording_id)
                pipe.zscore(_DUE, recording_id)
            answers = pipe.execute()
        return tuple(
            recording_id
            for recording_id, known, due in zip(wanted, answers[0::2], answers[1::2], strict=True)
            if not known or due is None
        )

    # Searching

    def search(self, wanted: Wanted, limit: int) -> tuple[Found, ...]:
        """Recordings that match, newest call first; after EXAMINED_MAX entries it gives up."""
        found: list[Found] = []
        for page in self._pages(wanted):
            with self._redis.pipeline(transaction=False) as pipe:
                for recording_id in page:
                    pipe.hgetall(_RECORDING + recording_id)
                answers = pipe.execute()
            for recording_id, answer in zip(page, answers, strict=True):
                entry = _found(recording_id, answer)
                if entry is not None and _matches(entry, _texts(answer), wanted):
                    found.append(entry)
                    if len(found) >= limit:
                        return tuple(found)
        return tuple(found)

    def count(self) -> int:
        """How many recordings there are."""
        return int(self._redis.zcard(_BY_START))

    def _pages(self, wanted: Wanted) -> Iterator[list[str]]:
        if wanted.number_hash or wanted.agent_hash:
            keys = _search_keys(wanted.number_hash, [wanted.agent_hash])
            ids = sorted((_text(each) for each in self._redis.sinter(keys)), reverse=True)
            for start in range(0, min(len(ids), EXAMINED_MAX), PAGE):
                yield ids[start : start + PAGE]
            return
        index = _queue_key(wanted.queue) if wanted.queue else _BY_START
        newest = f"({wanted.before.timestamp()}" if wanted.before else "+inf"
        oldest = wanted.since.timestamp() if wanted.since else "-inf"
        for start in range(0, EXAMINED_MAX, PAGE):
            page = self._redis.zrevrangebyscore(index, newest, oldest, start=start, num=PAGE)
            if not page:
                return
            yield [_text(each) for each in page]

    # Deletion

    def claim_due(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Take recordings that are due; nobody else gets them for LEASE_S seconds."""
        now_s = now.timestamp()
        claimed = self._redis.eval(_CLAIM, 1, _DUE, now_s, now_s + LEASE_S, limit)
        ids = [_text(each) for each in claimed]
        foreign = [raw for raw, each in zip(claimed, ids, strict=True) if not is_call_id(each)]
        if foreign:  # nobody of ours wrote them, and they would be claimed for ever
            self._redis.zrem(_DUE, *foreign)
        return tuple(each for each in ids if is_call_id(each))

    def schedule(self, recording_id: str, at: datetime) -> None:
        """Look at a recording for deletion at this time."""
        self._redis.zadd(_DUE, {recording_id: at.timestamp()}, xx=True)

    def demand(self, recording_id: str, at: datetime) -> None:
        """Look at something for deletion that is no recording: what a backup brought back."""
        self._redis.zadd(_DUE, {recording_id: at.timestamp()})

    # Completeness

    def is_complete(self) -> bool:
        """Tell whether every recording of the archive is in here. Else nothing may be deleted."""
        return _text(self._redis.get(_COMPLETE) or b"") == SCHEMA

    def knows_recordings(self) -> bool:
        """Tell whether an archive was ever entered in here, be it an empty one."""
        return bool(self._redis.exists(_COMPLETE, _BY_START, _REBUILT_TO))

    def unread(self) -> tuple[str, ...]:
        """The recordings in the archive that can't be read; they are never deleted."""
        return tuple(sorted(_text(each) for each in self._redis.smembers(_UNREAD)))

    def rebuild(self, archive: LocalArchive, now: datetime) -> int | None:
        """Enter every recording of the archive, then call the catalogue complete.

        One that can't be read is remembered as unread, and stops no other's deletion. A rebuild
        that was interrupted goes on with the day at which it stopped.

        Returns:
            How many it entered; None when another process is at it, or Redis was emptied
            meanwhile: then the catalogue isn't complete.

        Raises:
            Unreachable: the archive can't be listed, or isn't mounted.
        """
        token = secrets.token_hex(16)
        if not self._redis.set(_REBUILDING, token, nx=True, ex=REBUILD_LEASE_S):
            return None
        try:
            if self._redis.exists(_COMPLETE):
                self._redis.delete(_COMPLETE, _REBUILT_TO, _UNREAD)
            done_to = _text(self._redis.get(_REBUILT_TO) or b"")
            count = 0
            looked_at = 0
            for day in archive.days():
                if day <= done_to:
                    continue
                for recording_id in archive.ids(day):
                    looked_at += 1
                    if looked_at % RENEW_EVERY == 0 and not self._renew(token):
                        return None
                    count += self.enter(archive, recording_id, now)
                if not self._renew(token, day):
                    return None
            keys = (_REBUILDING, _COMPLETE, _REBUILT_TO)
            return count if self._redis.eval(_COMPLETED, 3, *keys, token, SCHEMA) else None
        finally:
            self._redis.eval(_LET_GO, 1, _REBUILDING, token)

    def enter(self, archive: LocalArchive, recording_id: str, now: datetime) -> bool:
        """Enter a recording as the archive tells it; one that was deleted, to be deleted again.

        Returns:
            Whether it is in the catalogue now; False: it can't be read, or must go.

        Raises:
            Unreachable: the archive isn't mounted.
        """
        try:
            if archive.exists(layout.deletion_proof(recording_id)):
                self.demand(recording_id, now)
                return False
            self.add(read_entry(archive, recording_id))
        except (RecordingError, TooBig, Unreachable):
            archive.check()  # one bad file is one recording's matter, a missing disk isn't
            self._redis.sadd(_UNREAD, recording_id)
            return False
        return True

    def _renew(self, token: str, done_day: str = "") -> bool:
        keys = (_REBUILDING, _REBUILT_TO)
        return bool(self._redis.eval(_RENEW, 2, *keys, token, REBUILD_LEASE_S, done_day))

    # Trouble

    def note_trouble(
        self, recording_id: str, pbx: str, words: str, now: datetime, next_try_at: datetime
    ) -> None:
        """Remember that a recording couldn't be archived, for ``recordings list`` to say so."""
        key = _TROUBLE + recording_id
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, "since", now.timestamp())
            pipe.hset(key, mapping={"pbx": pbx, "words": words[:500]})
            pipe.hincrby(key, "tries", 1)
            pipe.expire(key, TROUBLE_TTL_S)
            pipe.zadd(_TROUBLES, {recording_id: next_try_at.timestamp()})
            pipe.execute()

    def tries(self, recording_id: str) -> int:
        """How often archiving this recording failed."""
        return _int(_text(self._redis.hget(_TROUBLE + recording_id, "tries") or b""))

    def next_try_at(self, recording_id: str) -> datetime | None:
        """When to try again; None: at once."""
        score = self._redis.zscore(_TROUBLES, recording_id)
        return None if score is None else _moment(score)

    def troubles(self, limit: int) -> tuple[Trouble, ...]:
        """The recordings that couldn't be archived yet."""
        found = []
        for member, score in self._redis.zrange(_TROUBLES, 0, limit - 1, withscores=True):
            recording_id = _text(member)
            fields = _texts(self._redis.hgetall(_TROUBLE + recording_id))
            if not fields:
                self._redis.zrem(_TROUBLES, recording_id)
                continue
            found.append(
                Trouble(
                    id=recording_id,
                    pbx=fields.get("pbx", ""),
                    since=_moment(fields.get("since", score)),
                    tries=_int(fields.get("tries", "")),
                    words=fields.get("words", ""),
                    next_try_at=_moment(score),
                )
            )
        return tuple(found)


def read_entry(archive: LocalArchive, recording_id: str) -> Entry:
    """A recording as the archive tells it: the manifest and every later act.

    Raises:
        RecordingError: there is none, or it can't be read.
    """
    data = archive.get(layout.manifest(recording_id))
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"the manifest of {recording_id} can't be read: {error}") from None
    if manifest.id != recording_id:
        raise RecordingError(f"the manifest of {recording_id} belongs to another recording")
    return Entry(manifest, acts.read(archive, recording_id))


def days_between(first: date, last: date) -> tuple[str, ...]:
    """The day prefixes from one date to another, both included."""
    return tuple(
        layout.day_prefix(date.fromordinal(number))
        for number in range(first.toordinal(), last.toordinal() + 1)
    )


def fault_of(remarks: Iterable[str]) -> str:
    """The worst that the remarks of a manifest say, as one word; ``""`` if it is nothing grave."""
    found = {remark.split(":", 1)[0] for remark in remarks}
    for word in ("missing", "empty", "silent", "one-sided", "incomplete"):
        if word in found:
            return word
    return ""


def _fields(entry: Entry) -> dict[str, str]:
    manifest = entry.manifest
    call, keep = manifest.call, manifest.keep
    fields = {
        "pbx": call.pbx,
        "direction": call.direction.value,
        "queues": " ".join(call.queues),
        "policy": keep.reason.policy,
        "version": keep.reason.version,
        "period": keep.period,
        "zone": keep.time_zone,
        "started": f"{call.started_at.timestamp():.3f}",
        "ended": f"{call.ended_at.timestamp():.3f}",
        "keep_until": f"{due_at(entry).timestamp():.0f}",
        "archived": f"{manifest.archived_at.timestamp():.3f}",
        "archiving_s": f"{(manifest.archived_at - call.ended_at).total_seconds():.3f}",
        "duration_s": f"{manifest.audio.duration_s:.3f}",
        "audio": manifest.audio.name,
        "size": str(manifest.audio.size_bytes),
        "sha256": manifest.audio.sha256,
        "number_hash": manifest.number_hash,
        "fault": fault_of(manifest.remarks),
    }
    fields |= {f"agent.{number}": value for number, value in enumerate(manifest.agent_hashes)}
    fields |= {f"queue.{number}": _token(value) for number, value in enumerate(call.queues)}
    return {name: _fit(value) for name, value in fields.items() if value}


def _fit(value: str) -> str:
    """Shorten to the bytes that keep a Redis hash compact, between two characters."""
    return value.encode()[:VALUE_LIMIT_BYTES].decode(errors="ignore")


def _search_keys(number_hash: str, agent_hashes: Iterable[str]) -> list[str]:
    keys = [f"hushtape:by-number:{number_hash}"] if number_hash else []
    return keys + [f"hushtape:by-agent:{each}" for each in agent_hashes if each]


def _queue_key(queue: str) -> str:
    return _BY_QUEUE + _token(queue)


def _token(queue: str) -> str:
    """A queue's name, or its checksum if the name is too long for a compact hash."""
    data = queue.encode()
    return queue if len(data) <= VALUE_LIMIT_BYTES else hashlib.sha256(data).hexdigest()


def _numbered(fields: Mapping[str, str], kind: str) -> list[str]:
    return [value for name, value in fields.items() if name.startswith(f"{kind}.")]


def _found(recording_id: str, answer: Mapping[Any, Any]) -> Found | None:
    """What the catalogue says; None for what isn't there or wasn't written by us."""
    fields = _texts(answer)
    if "started" not in fields:
        return None
    try:
        return _read(recording_id, fields)
    except (ValueError, OverflowError, OSError):
        return None


def _read(recording_id: str, fields: Mapping[str, str]) -> Found:
    return Found(
        id=recording_id,
        pbx=fields.get("pbx", ""),
        direction=fields.get("direction", ""),
        queues=fields.get("queues", ""),
        policy=fields.get("policy", ""),
        policy_version=fields.get("version", ""),
        period=fields.get("period", ""),
        time_zone=fields.get("zone", "UTC"),
        started_at=_time(fields["started"]),
        ended_at=_time(fields.get("ended", fields["started"])),
        keep_until=_time(fields.get("keep_until", 0)),
        archived_at=_time(fields.get("archived", 0)),
        archiving_s=float(fields.get("archiving_s", 0)),
        duration_s=float(fields.get("duration_s", 0)),
        audio=fields.get("audio", ""),
        size_bytes=int(fields.get("size", 0)),
        sha256=fields.get("sha256", ""),
        fault=fields.get("fault", ""),
    )


def _matches(entry: Found, fields: Mapping[str, str], wanted: Wanted) -> bool:
    return (
        (not wanted.pbx or entry.pbx == wanted.pbx)
        and (not wanted.queue or _token(wanted.queue) in _numbered(fields, "queue"))
        and (not wanted.policy or entry.policy == wanted.policy)
        and (wanted.since is None or entry.started_at >= wanted.since)
        and (wanted.before is None or entry.started_at < wanted.before)
    )


def _texts(answer: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in answer.items()}


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _time(value: str | float) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)


def _moment(value: str | float) -> datetime:
    """As ``_time``; a value that is no time is the beginning of all."""
    try:
        return _time(value)
    except (ValueError, OverflowError, OSError):
        return _time(0)


def _int(value: str) -> int:
    return int(value) if value.isdecimal() else 0
