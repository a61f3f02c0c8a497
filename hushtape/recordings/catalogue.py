"""The catalogue: an index in Redis over the archive, which can be lost and rebuilt.

Keys (times are seconds since 1970):
    hushtape:recording:<id>      hash; every value is at most 64 bytes, which keeps it compact
    hushtape:by-start            sorted set of ids by the call's start
    hushtape:by-queue:<queue>    sorted set of ids by the call's start; a long name by its checksum
    hushtape:by-tag:<tag>        sorted set of ids by the call's start; a long tag by its checksum
    hushtape:due                 sorted set of ids by the time at which to look at them for deletion
    hushtape:by-number:<hash>    set of ids
    hushtape:by-agent:<hash>     set of ids
    hushtape:complete            SCHEMA while the catalogue is known to be complete
    hushtape:rebuilding          the lease of the process that rebuilds: its token
    hushtape:rebuilt-to          the last day that an unfinished rebuild is done with
    hushtape:unread              set of ids whose manifest or acts can't be read: never deleted
    hushtape:trouble:<id>        hash; a recording that couldn't be archived yet, and why
    hushtape:troubles            sorted set of their ids by the time at which to try again
Beside them those of ``findings``: what is wrong with a recording comes and goes with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import redis

from hushtape.errors import RecordingError, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import assurance, findings, layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.entry import read_entry as read_entry
from hushtape.recordings.found import (
    BY_QUEUE,
    BY_TAG,
    Found,
    Wanted,
    fields_of,
    found_of,
    matches,
    moment,
    number,
    numbered,
    queue_key,
    search_keys,
    tag_key,
    text_of,
    texts,
)
from hushtape.recordings.ledger import began_at
from hushtape.recordings.retention import Entry, due_at

PAGE = 500
EXAMINED_MAX = 200_000  # a search with filters gives up after as many entries
LEASE_S = 600
LOOK_LATER_MAX_S = 2 * 86_400  # nothing is put off for more than a day: see workers.expire
TROUBLE_TTL_S = 30 * 86_400
REBUILD_LEASE_S = 120
RENEW_EVERY = 100  # recordings
SCHEMA = "4"  # a catalogue that was made with another one is rebuilt

_RECORDING = "hushtape:recording:"
_BY_START = "hushtape:by-start"
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
        finding = assurance.of_entry(entry)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_RECORDING + recording_id)
            pipe.hset(_RECORDING + recording_id, mapping=fields_of(entry))
            pipe.zadd(_BY_START, {recording_id: manifest.call.started_at.timestamp()})
            pipe.zadd(_DUE, {recording_id: due_s})
            for key in search_keys(manifest.number_hash, manifest.agent_hashes):
                pipe.sadd(key, recording_id)
            for queue in manifest.call.queues:
                pipe.zadd(queue_key(queue), {recording_id: manifest.call.started_at.timestamp()})
            for tag in manifest.tags:
                pipe.zadd(tag_key(tag), {recording_id: manifest.call.started_at.timestamp()})
            pipe.srem(_UNREAD, recording_id)
            pipe.delete(_TROUBLE + recording_id)
            pipe.zrem(_TROUBLES, recording_id)
            if finding is None:
                findings.leave(pipe, recording_id)
            else:
                findings.enter(pipe, finding)
            pipe.execute()

    def get(self, recording_id: str) -> Found | None:
        """One recording, or None."""
        return found_of(recording_id, self._redis.hgetall(_RECORDING + recording_id))

    def remove(self, recording_id: str) -> None:
        """Take a recording and its deletion date out, in one transaction; again does no harm."""
        fields = texts(self._redis.hgetall(_RECORDING + recording_id))
        agents = numbered(fields, "agent")
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_RECORDING + recording_id, _TROUBLE + recording_id)
            pipe.zrem(_BY_START, recording_id)
            pipe.zrem(_DUE, recording_id)
            pipe.zrem(_TROUBLES, recording_id)
            pipe.srem(_UNREAD, recording_id)
            for key in search_keys(fields.get("number_hash", ""), agents):
                pipe.srem(key, recording_id)
            for token in numbered(fields, "queue"):
                pipe.zrem(BY_QUEUE + token, recording_id)
            for token in numbered(fields, "tag"):
                pipe.zrem(BY_TAG + token, recording_id)
            findings.leave(pipe, recording_id)
            pipe.execute()

    def missing(self, recording_ids: Iterable[str], now: datetime) -> tuple[str, ...]:
        """Those of the ids that the catalogue, or its deletion schedule, doesn't know.

        One that is to be looked at long after its time is such, too: the clock was ahead when that
        was noted, and has been set back since.
        """
        wanted = list(recording_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for recording_id in wanted:
                pipe.hget(_RECORDING + recording_id, "keep_until")
                pipe.zscore(_DUE, recording_id)
            answers = pipe.execute()
        return tuple(
            recording_id
            for recording_id, until, due in zip(wanted, answers[0::2], answers[1::2], strict=True)
            if until is None
            or due is None
            or due > max(moment(until).timestamp(), now.timestamp()) + LOOK_LATER_MAX_S
        )

    # Searching

    def search(
        self, wanted: Wanted, limit: int, unseen: list[datetime] | None = None
    ) -> tuple[Found, ...]:
        """Recordings that match, newest call first; after EXAMINED_MAX entries it gives up.

        Args:
            unseen: gets the time before which calls weren't looked at, where it gave up.
        """
        found: list[Found] = []
        examined = 0
        oldest_id = ""
        for page in self._pages(wanted):
            examined, oldest_id = examined + len(page), page[-1]
            with self._redis.pipeline(transaction=False) as pipe:
                for recording_id in page:
                    pipe.hgetall(_RECORDING + recording_id)
                answers = pipe.execute()
            for recording_id, answer in zip(page, answers, strict=True):
                entry = found_of(recording_id, answer)
                if entry is not None and matches(entry, texts(answer), wanted):
                    found.append(entry)
                    if len(found) >= limit:
                        return tuple(found)
        if examined >= EXAMINED_MAX and unseen is not None:
            unseen.append(began_at(oldest_id))
        return tuple(found)

    def count(self) -> int:
        """How many recordings there are."""
        return int(self._redis.zcard(_BY_START))

    def count_between(self, since: datetime, before: datetime) -> int:
        """How many recordings there are of calls that began in a stretch of time."""
        newest, oldest = f"({before.timestamp()}", since.timestamp()
        return int(self._redis.zcount(_BY_START, oldest, newest))

    def _pages(self, wanted: Wanted) -> Iterator[list[str]]:
        if wanted.number_hash or wanted.agent_hash:
            keys = search_keys(wanted.number_hash, [wanted.agent_hash])
            ids = sorted((text_of(each) for each in self._redis.sinter(keys)), reverse=True)
            for start in range(0, min(len(ids), EXAMINED_MAX), PAGE):
                yield ids[start : start + PAGE]
            return
        index = queue_key(wanted.queue) if wanted.queue else _BY_START
        if wanted.tag:
            index = tag_key(wanted.tag)
        newest = f"({wanted.before.timestamp()}" if wanted.before else "+inf"
        oldest = wanted.since.timestamp() if wanted.since else "-inf"
        for start in range(0, EXAMINED_MAX, PAGE):
            page = self._redis.zrevrangebyscore(index, newest, oldest, start=start, num=PAGE)
            if not page:
                return
            yield [text_of(each) for each in page]

    # Deletion

    def claim_due(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Take recordings that are due; nobody else gets them for LEASE_S seconds."""
        now_s = now.timestamp()
        claimed = self._redis.eval(_CLAIM, 1, _DUE, now_s, now_s + LEASE_S, limit)
        ids = [text_of(each) for each in claimed]
        foreign = [raw for raw, each in zip(claimed, ids, strict=True) if not is_call_id(each)]
        if foreign:  # nobody of ours wrote them, and they would be claimed for ever
            self._redis.zrem(_DUE, *foreign)
        return tuple(each for each in ids if is_call_id(each))

    def schedule(self, recording_id: str, at: datetime) -> None:
        """Look at a recording for deletion at this time."""
        self._redis.zadd(_DUE, {recording_id: at.timestamp()}, xx=True)

    def count_due(self, now: datetime) -> int:
        """How many recordings are to be looked at for deletion by now."""
        return int(self._redis.zcount(_DUE, "-inf", now.timestamp()))

    def looked_at_until(self, at: datetime, limit: int) -> tuple[str, ...]:
        """The recordings that are to be looked at for deletion until then, the next one first."""
        ids = self._redis.zrangebyscore(_DUE, "-inf", at.timestamp(), start=0, num=limit)
        return tuple(each for each in map(text_of, ids) if is_call_id(each))

    def demand(self, recording_id: str, at: datetime) -> None:
        """Look at something for deletion that is no recording: what a backup brought back."""
        self._redis.zadd(_DUE, {recording_id: at.timestamp()})

    # Completeness

    def is_complete(self) -> bool:
        """Tell whether every recording of the archive is in here. Else nothing may be deleted."""
        return text_of(self._redis.get(_COMPLETE) or b"") == SCHEMA

    def knows_recordings(self) -> bool:
        """Tell whether an archive was ever entered in here, be it an empty one."""
        return bool(self._redis.exists(_COMPLETE, _BY_START, _REBUILT_TO))

    def unread(self) -> tuple[str, ...]:
        """The recordings in the archive that can't be read; they are never deleted."""
        return tuple(sorted(text_of(each) for each in self._redis.smembers(_UNREAD)))

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
            done_to = text_of(self._redis.get(_REBUILT_TO) or b"")
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
        return number(text_of(self._redis.hget(_TROUBLE + recording_id, "tries") or b""))

    def next_try_at(self, recording_id: str) -> datetime | None:
        """When to try again; None: at once."""
        score = self._redis.zscore(_TROUBLES, recording_id)
        return None if score is None else moment(score)

    def count_troubles(self) -> int:
        """How many recordings couldn't be archived yet."""
        return int(self._redis.zcard(_TROUBLES))

    def trouble(self, recording_id: str) -> Trouble | None:
        """Why a recording couldn't be archived yet; None: nothing is known."""
        score = self._redis.zscore(_TROUBLES, recording_id)
        fields = texts(self._redis.hgetall(_TROUBLE + recording_id))
        if score is None or not fields:
            return None
        return Trouble(
            id=recording_id,
            pbx=fields.get("pbx", ""),
            since=moment(fields.get("since", score)),
            tries=number(fields.get("tries", "")),
            words=fields.get("words", ""),
            next_try_at=moment(score),
        )

    def troubles(self, limit: int) -> tuple[Trouble, ...]:
        """The recordings that couldn't be archived yet."""
        found = []
        for member in self._redis.zrange(_TROUBLES, 0, limit - 1):
            trouble = self.trouble(text_of(member))
            if trouble is None:
                self._redis.zrem(_TROUBLES, member)
            else:
                found.append(trouble)
        return tuple(found)
