"""Which recordings have outlived their time. Pure: the day to look at comes in as ``now``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hushtape.recordings.acts import HOLD, PERIOD_CHANGED, RELEASE, Act
from hushtape.recordings.manifest import Manifest


class Verdict(StrEnum):
    """What is to become of a recording."""

    DELETE = "delete"
    KEEP = "keep"
    HELD = "held"


class Entry(NamedTuple):
    """A recording as the archive knows it."""

    manifest: Manifest
    acts: tuple[Act, ...] = ()


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one recording, and why in words."""

    id: str
    due: datetime  # when its time is over, whether held or not
    verdict: Verdict
    why: str


def plan(entries: Iterable[Entry], now: datetime) -> Iterator[Ruling]:
    """Rule on each recording, once and in the order given, as they come.

    Args:
        now: the moment to look at, aware.
    """
    return (rule(entry, now) for entry in entries)


def rule(entry: Entry, now: datetime) -> Ruling:
    """Rule on one recording: its time, then whether somebody holds it."""
    manifest, acts = entry
    change = last_change(acts)
    due = due_at(entry)
    zone = _zone(manifest.keep.time_zone)
    if change is None:
        start = _local(manifest.call.started_at, zone)
        basis = (
            f"{manifest.keep.period} after {start} ({_zone_name(manifest.keep.time_zone, zone)})"
        )
    else:
        basis = f"period changed on {_local(change.at, zone)}"
        if change.period:
            basis += f" to {change.period}"
        if change.words:
            basis += f" ({change.words})"
    holds = open_holds(acts)
    if holds:
        hold = holds[0]
        why = f"kept: held since {_local(hold.at, zone)} ({hold.words or hold.hold})"
        if len(holds) > 1:
            why += f" and for {len(holds) - 1} more matter{'s' if len(holds) > 2 else ''}"
        over = "over since" if due <= now else "over on"
        why += f"; its own time, {basis}, is {over} {_local(due, zone)}"
        return Ruling(id=manifest.id, due=due, verdict=Verdict.HELD, why=why)
    if due <= now:
        return Ruling(
            id=manifest.id,
            due=due,
            verdict=Verdict.DELETE,
            why=f"{basis}: due since {_local(due, zone)}",
        )
    return Ruling(
        id=manifest.id,
        due=due,
        verdict=Verdict.KEEP,
        why=f"{basis}: kept until {_local(due, zone)}",
    )


def due_at(entry: Entry) -> datetime:
    """When a recording's time is over: its last change of period counts. Holds don't move it."""
    change = last_change(entry.acts)
    until = change.until if change is not None else None
    return (until or entry.manifest.keep.until).astimezone(UTC)


def open_holds(acts: Sequence[Act]) -> tuple[Act, ...]:
    """The holds that were not released, oldest first; each matter must be released by itself."""
    held: dict[str, Act] = {}
    for act in acts:
        if act.kind == HOLD:
            held.setdefault(act.hold, act)
        elif act.kind == RELEASE:
            held.pop(act.hold, None)
    return tuple(held.values())


def period_of(entry: Entry) -> str:
    """The period for which a recording is kept, in words: "62 days"."""
    change = last_change(entry.acts)
    return (change.period if change is not None else "") or entry.manifest.keep.period


def last_change(acts: Sequence[Act]) -> Act | None:
    """The change of period that counts, if there was any.

    Args:
        acts: in the order in which they were done.
    """
    changes = [act for act in acts if act.kind == PERIOD_CHANGED]
    return changes[-1] if changes else None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _zone_name(name: str, zone: ZoneInfo) -> str:
    return name if zone.key == name else f"UTC; {name} is unknown here"


def _local(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M}"
