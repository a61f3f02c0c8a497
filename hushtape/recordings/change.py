"""A retention rule that changes for recordings that exist: which, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hushtape.errors import Damaged
from hushtape.policy import decide
from hushtape.policy.period import kept_until, parse_period
from hushtape.policy.schema import Policy
from hushtape.recordings.acts import PERIOD_CHANGED, Act
from hushtape.recordings.retention import Entry, due_at, last_change, open_holds

SOONEST = timedelta(microseconds=1)  # an act counts after another one from so long on


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Which recordings are to be kept for another time, and for which; one of the last two."""

    policy: str  # under which they were made
    version: str = ""  # only those that were made under this one; "": under any
    before: date | None = None  # only calls that began before this day, in their policy's zone
    period: str = ""  # "30 days", counted from the call in the zone of its policy
    as_policy: Policy | None = None  # what this version says, of whatever version they are


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One recording, and until when it would be kept instead of when."""

    id: str
    was: datetime
    until: datetime
    period: str
    time_zone: str
    says: str  # the rule's own words, where a policy's rule is applied
    held: bool
    goes: bool  # at once: its time would be over, and nobody holds it
    duration_s: float
    size_bytes: int


class Selected(NamedTuple):
    """What a wish comes to."""

    changes: tuple[Change, ...]
    already: tuple[str, ...]  # the ids of those that are kept until then as it is
    wrong: tuple[str, ...]  # why one can't be ruled on
    policies: tuple[str, ...]  # the names of all policies that recordings were made under


def select(entries: Iterable[Entry], wish: Wish, now: datetime) -> Selected:
    """Find the recordings that a wish is about, and what it would do to each. Nothing is done."""
    changes: list[Change] = []
    already: list[str] = []
    wrong: list[str] = []
    policies: set[str] = set()
    for entry in entries:
        policies.add(entry.manifest.keep.reason.policy)
        try:
            if not _is_meant(entry, wish):
                continue
            change = change_of(entry, wish, now)
        except Damaged as error:
            wrong.append(str(error))
            continue
        if change is None:
            already.append(entry.manifest.id)
        else:
            changes.append(change)
    return Selected(tuple(changes), tuple(already), tuple(wrong), tuple(sorted(policies)))


def change_of(entry: Entry, wish: Wish, now: datetime) -> Change | None:
    """What a wish would do to a recording; None: it is kept until then already.

    Raises:
        Damaged: the time zone in which its period is counted is unknown here.
    """
    manifest = entry.manifest
    says = ""
    if wish.as_policy is not None:
        call = manifest.call
        keep = decide.keep(wish.as_policy, call.started_at, call.queues, manifest.tags)
        until, period, zone = keep.until, keep.period, keep.time_zone
        says = f"policy {keep.reason.policy} of {keep.reason.version}: {keep.reason.words}"
    else:
        zone, period = manifest.keep.time_zone, wish.period
        until = kept_until(manifest.call.started_at, parse_period(period), _zone(entry))
    was = due_at(entry)
    if until == was:
        return None
    held = bool(open_holds(entry.acts))
    return Change(
        id=manifest.id,
        was=was,
        until=until,
        period=period,
        time_zone=zone,
        says=says,
        held=held,
        goes=until <= now and not held,
        duration_s=manifest.audio.duration_s,
        size_bytes=manifest.audio.size_bytes,
    )


def act_of(change: Change, entry: Entry, by: str, reason: str, now: datetime) -> Act:
    """The act by which a change is carried out; it comes after every change before it."""
    last = last_change(entry.acts)
    at = now if last is None else max(now, last.at + SOONEST)
    words = f"{reason}; {change.says}" if change.says else reason
    return Act(
        kind=PERIOD_CHANGED, at=at, by=by, words=words, until=change.until, period=change.period
    )


def _is_meant(entry: Entry, wish: Wish) -> bool:
    reason = entry.manifest.keep.reason
    if reason.policy != wish.policy or wish.version not in ("", reason.version):
        return False
    if wish.before is None:
        return True
    return entry.manifest.call.started_at.astimezone(_zone(entry)).date() < wish.before


def _zone(entry: Entry) -> ZoneInfo:
    name = entry.manifest.keep.time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Damaged(
            f"recording {entry.manifest.id}: its time zone {name} is unknown here, so no other"
            " period can be counted"
        ) from None
