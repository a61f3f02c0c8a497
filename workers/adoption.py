"""Makes the hand-off that nobody wrote, from what the files themselves tell.

A call's id holds its beginning, a file's size its length, its time its end. How long the recording
is kept is what the bridge had said of the call; else it follows from the policy that was expected,
which must be there still, and of a call of which nothing was said from the one with the shortest
period: so nothing outlives its time. What came in when nobody watched the call any more is left
out: nobody knows what it was.

Nor does anybody know of an adopted call's payments. Those that a bridge has seen were silent then,
only the proof is lacking. Of a call that no bridge is known to have watched nothing is kept, where
a caller may have been sent to a payment line: a recorder may have run on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from hushtape.errors import Damaged, RecordingError
from hushtape.policy import decide
from hushtape.policy.schema import Policy
from hushtape.recordings.ledger import Expectation, State, began_at
from hushtape.recordings.manifest import (
    BOTH,
    INSIDE,
    OUTSIDE,
    AudioTerms,
    CallFacts,
    Direction,
    EndedBy,
    Handoff,
    Happening,
    Keep,
    Party,
    Reason,
    Segment,
    StopSeen,
)
from hushtape.recordings.retention import Entry
from workers import spool
from workers.intake import RECORDING_LIMIT
from workers.wave import HEAD_BYTES, SAMPLE_BYTES, parse_head

EARLIER = timedelta(minutes=1)  # a file that would begin so long before its call: its time is wrong


@dataclass(frozen=True, kw_only=True)
class SpoolFile:
    """A file whose name is one of ours."""

    number: int  # of the segment
    side: str  # what it holds: OUTSIDE, INSIDE or BOTH
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """The files of one call for which there is no hand-off in the spool."""

    id: str
    files: tuple[SpoolFile, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the files are called."""
        return tuple(file_name(self.id, each.number, each.side) for each in self.files)


def file_name(recording_id: str, number: int, side: str) -> str:
    """What the bridge calls a recorder's file."""
    return f"{recording_id}.{number}.{side}.wav"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy says of a recording, and why it is this policy."""

    audio: AudioTerms
    keep: Keep
    tags: tuple[str, ...] = ()
    why: str


def terms_of(policies: Sequence[Policy], expected: Expectation | None, at: datetime) -> Terms:
    """Find out how an orphan is kept, and say by what.

    Args:
        policies: at least one, unless the bridge had said all that is needed.
        expected: what the bridge had said of the call, if anything.
        at: when the call began.

    Raises:
        RecordingError: the call began under a version that is gone: no other decides in its place.
    """
    if expected is not None and expected.keep is not None:
        audio = expected.audio or AudioTerms()
        why = "as its bridge had settled"
        return Terms(audio=audio, keep=expected.keep, tags=expected.tags, why=why)
    if expected is not None and expected.policy:
        for policy in policies:
            if (policy.name, policy.version) == (expected.policy, expected.version):
                return _terms(policy, at, "under which the call began")
        if expected.discard is None:  # else nothing of it is kept, by whatever policy
            raise RecordingError(
                f"the call began under policy {expected.policy} of {expected.version}, and no file"
                " in the policies' folder is that version: put it back, for no other one may say"
                " how long this is kept"
            )
    in_force = decide.in_force(policies, at) or policies
    found = [_terms(each, at, "which keeps it shortest") for each in in_force]
    return min(found, key=lambda each: each.keep.until)


def _terms(policy: Policy, at: datetime, why: str) -> Terms:
    """Of a call whose queues and tags nobody knows: the shortest of the periods that may be its."""
    known = [decide.keep(policy, at)]
    known += [decide.keep(policy, at, each.queues, each.tags) for each in policy.retention.rule]
    keep = min(known, key=lambda each: each.until)
    return Terms(audio=decide.audio_terms(policy), keep=keep, why=why)


def handoff_of(
    folder: Path,
    orphan: Orphan,
    pbx: str,
    policies: Sequence[Policy],
    expected: Expectation | None,
    now: datetime,
) -> Handoff:
    """Write the hand-off of a call of which nothing is known but its files.

    Raises:
        RecordingError: the policy under which the call began is gone.
        Unreachable: a file can't be looked at.
    """
    began = began_at(orphan.id)
    terms = terms_of(policies, expected, began)
    reason = terms.keep.reason
    segments, is_certain = _segments(folder, orphan, began)
    watched_until = _watched_until(expected)
    adopted = (
        "no hand-off named these files, so its payments aren't known and no silence is proved;"
        f" kept by {reason.policy} of {reason.version}, {terms.why}"
    )
    if not is_certain:
        adopted += "; their times are wrong, so they stand one after the other"
    elif watched_until is not None and any(
        each.ended_at is not None and each.ended_at > watched_until for each in segments
    ):
        segments = tuple(_until(each, watched_until) for each in segments)
        adopted += f"; without what came after {watched_until:%H:%M:%S} UTC: nobody watched it"
    return Handoff(
        id=orphan.id,
        call=CallFacts(
            pbx=pbx,
            pbx_call="",
            direction=Direction.INBOUND,
            queues=(),
            started_at=began,
            answered_at=None,
            ended_at=max(began, *(each.ended_at for each in segments if each.ended_at)),
        ),
        party=Party(),
        segments=segments,
        spans=(),
        story=(_found(now),),
        audio=terms.audio,
        keep=terms.keep,
        tags=terms.tags,
        # An opt-out, or a permission that was still awaited when its bridge went.
        discard=expected.discard if expected is not None else unwatched(policies, began),
        adopted=adopted,
    )


def unwatched(policies: Sequence[Policy], at: datetime) -> Reason | None:
    """Say why nothing may be kept of a call that no bridge is known to have watched; None: it may.

    What silences a payment by itself, the agent's key and the guard, does so with no bridge there;
    a transfer to a payment line without the guard doesn't.

    Args:
        at: when the call began.
    """
    for policy in decide.in_force(policies, at) or policies:
        if policy.payment.lines:
            return Reason(
                policy=policy.name,
                version=policy.version,
                rule="payment.lines",
                words="nobody is known to have watched this call, and a payment may be in it",
            )
    return None


def handoff_of_rest(
    folder: Path, orphan: Orphan, entry: Entry, party: Party, now: datetime
) -> Handoff:
    """Write the hand-off of files that a recording was archived without.

    Args:
        entry: that recording: its facts are these files' facts.

    Raises:
        Unreachable: a file can't be looked at.
    """
    manifest = entry.manifest
    segments, _ = _segments(folder, orphan, manifest.call.started_at)
    return Handoff(
        id=orphan.id,
        call=manifest.call,
        party=party,
        segments=segments,
        # What came in during a payment is no more to be kept in a rest than in the whole.
        spans=manifest.spans,
        story=(_found(now),),
        audio=AudioTerms(format=manifest.audio.format),
        keep=manifest.keep,
        tags=manifest.tags,
        adopted=f"left over from recording {manifest.id}, which was archived without these files",
    )


def length_of(folder: Path, recording_id: str, each: SpoolFile) -> timedelta:
    """How long a file plays, whatever its head claims.

    Raises:
        Damaged: it is no WAV file, or gone.
        Unreachable: it can't be read.
    """
    name = file_name(recording_id, each.number, each.side)
    channels = 2 if each.side == BOTH else 1
    with spool.open_file(folder, recording_id, name) as stream:
        try:
            head = parse_head(stream.read(HEAD_BYTES), channels)
        except Damaged as error:
            raise Damaged(f"{name} in the spool: {error}") from None
    frames = max(0, each.size_bytes - head.data_offset_bytes) // (channels * SAMPLE_BYTES)
    return timedelta(microseconds=-(-frames * 1_000_000 // head.rate_hz))  # rounded up


def _watched_until(expected: Expectation | None) -> datetime | None:
    """When a bridge was last seen at a call that didn't end under its eyes; None: not known."""
    if expected is None or expected.state is not State.LIVE:
        return None
    return expected.seen_at


def _until(segment: Segment, at: datetime) -> Segment:
    """A segment that ends at a moment, or before it began, as a moment of nothing."""
    if segment.ended_at is None or segment.ended_at <= at:
        return segment
    return msgspec.structs.replace(segment, ended_at=max(segment.started_at, at))


def _found(now: datetime) -> Happening:
    return Happening(at=now, what="its files were found in the spool without a hand-off")


def _segments(folder: Path, orphan: Orphan, began: datetime) -> tuple[tuple[Segment, ...], bool]:
    """What each recorder wrote and when; and whether the files' times can be believed."""
    lengths: dict[int, timedelta] = {}
    ends: dict[int, datetime] = {}
    whole = {each.number for each in orphan.files if each.side == BOTH}
    for each in orphan.files:
        length = _length(folder, orphan.id, each)
        lengths[each.number] = max(length, lengths.get(each.number, length))
        ends[each.number] = max(each.modified_at, ends.get(each.number, each.modified_at))
    starts = {number: ends[number] - lengths[number] for number in ends}
    is_certain = all(
        began - EARLIER <= starts[number] and ends[number] <= began + RECORDING_LIMIT
        for number in ends
    )
    if not is_certain:
        at = began
        for number in sorted(starts):
            starts[number] = at
            at += lengths[number]
    return tuple(
        Segment(
            number=number,
            outside_file=file_name(orphan.id, number, BOTH if number in whole else OUTSIDE),
            inside_file=file_name(orphan.id, number, BOTH if number in whole else INSIDE),
            started_at=starts[number],
            ended_at=starts[number] + lengths[number],
            ended_by=EndedBy.LINK_LOST,
            stop=StopSeen.UNSEEN,
        )
        for number in sorted(starts)
    ), is_certain


def _length(folder: Path, recording_id: str, each: SpoolFile) -> timedelta:
    try:
        return length_of(folder, recording_id, each)
    except Damaged:  # settling will say so
        return timedelta(0)
