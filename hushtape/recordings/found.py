"""One recording as the catalogue keeps it: a hash of short texts, and what can be asked of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from hushtape.recordings.assurance import of_remarks, remarks_of
from hushtape.recordings.retention import Entry, due_at, period_of

VALUE_LIMIT_BYTES = 64
BY_QUEUE = "hushtape:by-queue:"
BY_TAG = "hushtape:by-tag:"


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
    tags: str  # the policy's words for the call
    fault: str  # the gravest of the findings' kinds: "silent", "one-sided", …; "" if there is none
    quarantined: bool  # what is left of it is not for hearing


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a search asks for; what is left out matches everything."""

    pbx: str = ""
    queue: str = ""
    tag: str = ""
    policy: str = ""
    since: datetime | None = None
    before: datetime | None = None
    number_hash: str = ""
    agent_hash: str = ""
    quarantined: bool = False  # these only; else they are left out


def fault_of(remarks: Iterable[str]) -> str:
    """The worst that the remarks of a manifest say, as one word; ``""`` if it is nothing grave."""
    return next((kind.value for kind in of_remarks(remarks)), "")


def fields_of(entry: Entry) -> dict[str, str]:
    """A recording as a Redis hash; every value is at most VALUE_LIMIT_BYTES."""
    manifest = entry.manifest
    call, keep = manifest.call, manifest.keep
    fields = {
        "pbx": call.pbx,
        "direction": call.direction.value,
        "queues": " ".join(call.queues),
        "policy": keep.reason.policy,
        "version": keep.reason.version,
        "period": period_of(entry),
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
        "tags": " ".join(manifest.tags),
        "fault": fault_of(remarks_of(entry)),
        "quarantined": "1" if manifest.quarantined else "",
    }
    fields |= {f"agent.{number}": value for number, value in enumerate(manifest.agent_hashes)}
    fields |= {f"queue.{number}": _token(value) for number, value in enumerate(call.queues)}
    fields |= {f"tag.{number}": _token(value) for number, value in enumerate(manifest.tags)}
    return {name: _fit(value) for name, value in fields.items() if value}


def _fit(value: str) -> str:
    """Shorten to the bytes that keep a Redis hash compact, between two characters."""
    return value.encode()[:VALUE_LIMIT_BYTES].decode(errors="ignore")


def search_keys(number_hash: str, agent_hashes: Iterable[str]) -> list[str]:
    """The keys of the sets in which recordings stand by number and by agent."""
    keys = [f"hushtape:by-number:{number_hash}"] if number_hash else []
    return keys + [f"hushtape:by-agent:{each}" for each in agent_hashes if each]


def queue_key(queue: str) -> str:
    """The key of the sorted set of a queue's recordings."""
    return BY_QUEUE + _token(queue)


def tag_key(tag: str) -> str:
    """The key of the sorted set of the recordings that carry a tag."""
    return BY_TAG + _token(tag)


def _token(name: str) -> str:
    """A queue's name or a tag, or its checksum if it is too long for a compact hash, or hostile."""
    data = name.encode(errors="surrogatepass")
    if len(data) <= VALUE_LIMIT_BYTES and name.isprintable():
        return name
    return hashlib.sha256(data).hexdigest()


def numbered(fields: Mapping[str, str], kind: str) -> list[str]:
    """The values of ``kind.0``, ``kind.1`` and so on."""
    return [value for name, value in fields.items() if name.startswith(f"{kind}.")]


def found_of(recording_id: str, answer: Mapping[Any, Any]) -> Found | None:
    """What the catalogue says; None for what isn't there or wasn't written by us."""
    fields = texts(answer)
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
        started_at=time_of(fields["started"]),
        ended_at=time_of(fields.get("ended", fields["started"])),
        keep_until=time_of(fields.get("keep_until", 0)),
        archived_at=time_of(fields.get("archived", 0)),
        archiving_s=float(fields.get("archiving_s", 0)),
        duration_s=float(fields.get("duration_s", 0)),
        audio=fields.get("audio", ""),
        size_bytes=int(fields.get("size", 0)),
        sha256=fields.get("sha256", ""),
        tags=fields.get("tags", ""),
        fault=fields.get("fault", ""),
        quarantined=bool(fields.get("quarantined")),
    )


def matches(entry: Found, fields: Mapping[str, str], wanted: Wanted) -> bool:
    """Tell whether a recording is what a search asks for, but for number and agent."""
    return (
        entry.quarantined == wanted.quarantined
        and (not wanted.pbx or entry.pbx == wanted.pbx)
        and (not wanted.queue or _token(wanted.queue) in numbered(fields, "queue"))
        and (not wanted.tag or _token(wanted.tag) in numbered(fields, "tag"))
        and (not wanted.policy or entry.policy == wanted.policy)
        and (wanted.since is None or entry.started_at >= wanted.since)
        and (wanted.before is None or entry.started_at < wanted.before)
    )


def texts(answer: Mapping[Any, Any]) -> dict[str, str]:
    """A hash as Redis gives it, as texts."""
    return {text_of(name): text_of(value) for name, value in answer.items()}


def text_of(value: bytes | str) -> str:
    """What Redis gives, as a text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def time_of(value: str | float) -> datetime:
    """Seconds since 1970 as a time; what is no time raises as ``fromtimestamp`` does."""
    return datetime.fromtimestamp(float(value), UTC)


def moment(value: str | float) -> datetime:
    """As ``time_of``; a value that is no time is the beginning of all."""
    try:
        return time_of(value)
    except (ValueError, OverflowError, OSError):
        return time_of(0)


def number(value: str) -> int:
    """A text as a number; 0 if it is none."""
    return int(value) if value.isdecimal() else 0
