"""What became of the recordings that should exist: the findings, and how they are counted.

A finding is what a person should look at: a recording that isn't there, or isn't whole. Those of
an archived recording follow from its manifest and acts alone, so that they outlive Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from hushtape.recordings.acts import FINDING_SEEN, FOREIGN_RECORDER, Act
from hushtape.recordings.retention import Entry

PROMISED = timedelta(minutes=5)  # from a call's end until its recording is archived or named
WORDS_MAX = 20  # of one finding; a call of a thousand silent segments is told by its first


class Kind(StrEnum):
    """What is wrong with a recording, the gravest first."""

    QUARANTINED = "quarantined"
    FOREIGN = "foreign"
    MISSING = "missing"
    UNWATCHED = "unwatched"
    DAMAGED = "damaged"
    EMPTY = "empty"
    SILENT = "silent"
    ONE_SIDED = "one-sided"
    INCOMPLETE = "incomplete"
    SHORT = "short"
    UNPROVED = "unproved"
    ADOPTED = "adopted"
    LATE = "late"
    DISCARDED = "discarded"


MEANINGS = {
    Kind.QUARANTINED: "a payment was not silent: its sound is destroyed, the rest is set aside",
    Kind.FOREIGN: "something else recorded during a payment",
    Kind.MISSING: "a recorder ran, and there is no recording",
    Kind.UNWATCHED: "a call was being recorded, and no bridge watches it any more",
    Kind.DAMAGED: "what the recorder wrote can't be read",
    Kind.EMPTY: "the recorder wrote no sound",
    Kind.SILENT: "nothing is to be heard on either side",
    Kind.ONE_SIDED: "only one side is to be heard",
    Kind.INCOMPLETE: "a part of the call is lacking",
    Kind.SHORT: "the recording is shorter than what was recorded",
    Kind.UNPROVED: "nothing of a payment is kept, but its silence can't be shown",
    Kind.ADOPTED: "found in the spool without its papers, and archived",
    Kind.LATE: "archived more than five minutes after the call's end",
    Kind.DISCARDED: "destroyed as the policy says: an opt-out, or no permission",
}
AS_WANTED = frozenset({Kind.DISCARDED})  # told, but nobody has to look at it

# How a remark of the manifest begins, where that isn't a finding's own word. The other remarks
# ("header", "unequal", "clock", "brief", and a segment that is "late") take nothing from it.
_OF_REMARKS = {kind.value: kind for kind in Kind if kind not in (Kind.LATE, Kind.UNWATCHED)}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Who has looked at a finding, and what they say of it."""

    at: datetime
    by: str
    words: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one call's recording."""

    id: str
    pbx: str
    policy: str
    started_at: datetime
    kinds: tuple[Kind, ...]  # the gravest first
    words: tuple[str, ...]
    found_at: datetime
    archived: bool
    seen: Seen | None = None

    @property
    def open(self) -> bool:
        """Whether somebody should look at it."""
        return self.seen is None and not AS_WANTED.issuperset(self.kinds)


def of_remarks(remarks: Iterable[str]) -> dict[Kind, tuple[str, ...]]:
    """What a manifest's remarks say is wrong, the gravest first, each kind in its words."""
    found: dict[Kind, tuple[str, ...]] = {}
    for remark in remarks:
        kind = _OF_REMARKS.get(remark.partition(":")[0])
        if kind is not None:
            found[kind] = (*found.get(kind, ()), remark)
    return {kind: found[kind] for kind in Kind if kind in found}


def remarks_of(entry: Entry) -> tuple[str, ...]:
    """What is remarked about a recording, in its manifest and later."""
    later = tuple(act.words for act in entry.acts if act.kind == FOREIGN_RECORDER)
    return tuple(dict.fromkeys((*entry.manifest.remarks, *later)))


def of_entry(entry: Entry) -> Finding | None:
    """What is wrong with an archived recording; None: nothing."""
    manifest = entry.manifest
    found = of_remarks(remarks_of(entry))
    took = manifest.archived_at - manifest.call.ended_at
    if took > PROMISED:
        found[Kind.LATE] = (f"late: archived {_length(took)} after the call's end",)
    if not found:
        return None
    return Finding(
        id=manifest.id,
        pbx=manifest.call.pbx,
        policy=manifest.keep.reason.policy,
        started_at=manifest.call.started_at,
        kinds=tuple(found),
        words=words_of(found.values()),
        found_at=manifest.archived_at,
        archived=True,
        seen=_seen(entry.acts),
    )


def words_of(found: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All that is said of a finding, cut to what a person may read."""
    return tuple(words for each in found for words in each)[:WORDS_MAX]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the recordings of a stretch of time."""

    since: datetime
    before: datetime
    expected: int  # archived, missing, discarded: all of which it is known what became of them
    good: int  # archived, and nothing is wrong with them
    kinds: dict[str, int]  # recordings by what is wrong with them; one may be wrong in many ways
    not_seen: int  # findings that nobody has looked at
    on_the_way: int  # live now, or over for less than five minutes


def summarize(
    archived: int,
    findings: Iterable[Finding],
    on_the_way: int,
    since: datetime,
    before: datetime,
) -> Summary:
    """Count.

    Args:
        archived: recordings in the catalogue, of calls that began in this stretch of time.
        findings: those of calls that began in it.
    """
    wrong = without = not_seen = 0
    kinds: dict[str, int] = {}
    for finding in findings:
        wrong += finding.archived
        without += not finding.archived
        not_seen += finding.open
        for kind in finding.kinds:
            kinds[kind.value] = kinds.get(kind.value, 0) + 1
    return Summary(
        since=since,
        before=before,
        expected=archived + without,
        good=archived - wrong,
        kinds={kind.value: kinds[kind.value] for kind in Kind if kind.value in kinds},
        not_seen=not_seen,
        on_the_way=on_the_way,
    )


def _seen(acts: Sequence[Act]) -> Seen | None:
    told = [act.at for act in acts if act.kind == FOREIGN_RECORDER]
    looks = [
        act for act in acts if act.kind == FINDING_SEEN and act.at >= max(told, default=act.at)
    ]
    if not looks:
        return None
    return Seen(at=looks[-1].at.astimezone(UTC), by=looks[-1].by, words=looks[-1].words)


def _length(took: timedelta) -> str:
    """``7 minutes``, ``5 hours``, ``3 days``: rounded down, two of the next smaller at least."""
    for unit, one in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
        if took >= 2 * one:
            return f"{took // one} {unit}"
    return f"{took // timedelta(minutes=1)} minutes"
