"""Destroys the files of a call of which nothing may be kept, and proves it.

Destroy, look whether they are gone, write the proof. What is about to be destroyed is written down
first, so that a run that was interrupted forgets no file in its count. All of it is done under the
recording's lock, and may be done again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from hushtape.errors import Damaged, NotSettled
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import Catalogue
from hushtape.recordings.manifest import Handoff, Reason, to_json
from workers import expire, intake, settle, spool
from workers.log import log

METHOD = "files removed from the spool"

T = TypeVar("T", bound=msgspec.Struct)


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run was about to destroy: file names of ours, and sizes in bytes."""

    files: dict[str, int]
    version: int = 1


class Discard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof that nothing of a call was kept. No personal data: it stays."""

    id: str
    pbx: str
    pbx_call: str
    call_started_at: datetime
    call_ended_at: datetime
    policy: str
    policy_version: str
    rule: str
    why: str  # in the policy's words
    files: int
    size_bytes: int
    method: str
    discarded_at: datetime
    verified: bool
    version: int = 1


class DiscardedAgain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An addition to a proof: files came later, and were destroyed, too."""

    id: str
    files: int
    size_bytes: int
    discarded_at: datetime
    verified: bool
    version: int = 1


def was_discarded(archive: LocalArchive, recording_id: str) -> bool:
    """Tell whether it is proved that nothing of this call was kept: nothing of it may come back."""
    return archive.exists(layout.discard_proof(recording_id))


def words_of(archive: LocalArchive, recording_id: str) -> str:
    """Why nothing of a call was kept, as a remark: ``discarded: the caller opted out``.

    Raises:
        RecordingError: the proof can't be read.
    """
    name = layout.discard_proof(recording_id)
    return f"{Kind.DISCARDED}: {_decode(archive, name, Discard).why}"


def discard(
    archive: LocalArchive,
    catalogue: Catalogue,
    folder: Path,
    handoff: Handoff,
    reason: Reason,
    now: Callable[[], datetime],
) -> None:
    """Destroy every file of a call, and a recording that was made of it, and write the proof.

    Raises:
        NotSettled: a file that must come isn't there yet; those that are there are destroyed.
        RecordingError: a recording of this call is held.
        Unreachable: something can't be destroyed, or the proof not written.
    """
    if was_discarded(archive, handoff.id):
        destroy_late(archive, folder, handoff.id, now())
    else:
        _destroy_recording(archive, handoff.id, reason, now)
        destroyed = _destroy_files(archive, folder, handoff.id)
        lacking = [each for each in intake.file_names(handoff) if each not in destroyed]
        if lacking and not settle.long_over(handoff.call.ended_at, now()):
            raise NotSettled(
                f"{lacking[0]} is to be destroyed and is not in the spool: it is looked for until"
                f" {settle.MISSING_AFTER.total_seconds():.0f} s after the call"
            )
        archive.put(
            layout.discard_proof(handoff.id), to_json(_proof(handoff, reason, destroyed, now()))
        )
    archive.delete_prefix(layout.discard_begun(handoff.id))
    catalogue.remove(handoff.id)


def destroy_late(archive: LocalArchive, folder: Path, recording_id: str, now: datetime) -> int:
    """Destroy what came after the proof, and say so beside it.

    Returns:
        How many files there were.

    Raises:
        Unreachable: something can't be destroyed, or the addition not written.
    """
    files = destroy(folder, recording_id)
    if files:
        again = DiscardedAgain(
            id=recording_id,
            files=len(files),
            size_bytes=sum(files.values()),
            discarded_at=now,
            verified=True,
        )
        archive.put(layout.discard_again(recording_id, now), to_json(again))
        log.warning("late files destroyed", recording=recording_id, files=len(files))
    return len(files)


def destroy(folder: Path, recording_id: str) -> dict[str, int]:
    """Remove every file of a recording from the spool, and look whether they are gone.

    Returns:
        What there was: names and sizes in bytes.

    Raises:
        Unreachable: one can't be removed.
        NotSettled: one came back meanwhile.
    """
    files = spool.files_of(folder, recording_id)
    spool.remove(folder, tuple(files))
    left = spool.files_of(folder, recording_id)
    if left:
        raise NotSettled(f"{min(left)} was destroyed and is in the spool again: the PBX writes it")
    return files


def _destroy_files(archive: LocalArchive, folder: Path, recording_id: str) -> dict[str, int]:
    """Destroy what is there now; return what this run and those before it destroyed."""
    before = archive.names(layout.discard_begun(recording_id))
    there = spool.files_of(folder, recording_id)
    destroyed: dict[str, int] = {}
    for name in before:
        for each, size_bytes in _decode(archive, name, Step).files.items():
            destroyed[each] = max(size_bytes, destroyed.get(each, 0))
    if there:
        step = to_json(Step(files=there))
        archive.put(layout.discard_step(recording_id, len(before) + 1), step)
        destroy(folder, recording_id)
    return destroyed | {
        each: max(size_bytes, destroyed.get(each, 0)) for each, size_bytes in there.items()
    }


def _destroy_recording(
    archive: LocalArchive, recording_id: str, reason: Reason, now: Callable[[], datetime]
) -> None:
    """Delete what was archived of this call by mistake, whole or not."""
    names = (layout.manifest, layout.deletion_begun, layout.deletion_proof)
    if any(archive.exists(name(recording_id)) for name in names):
        expire.delete_discarded(archive, recording_id, reason, now)
    prefix = layout.prefix(recording_id)
    archive.delete_prefix(prefix)  # of a run that died there may be sound without a manifest
    archive.verify_absent(prefix)


def _proof(handoff: Handoff, reason: Reason, destroyed: dict[str, int], now: datetime) -> Discard:
    return Discard(
        id=handoff.id,
        pbx=handoff.call.pbx,
        pbx_call=handoff.call.pbx_call,
        call_started_at=handoff.call.started_at,
        call_ended_at=handoff.call.ended_at,
        policy=reason.policy,
        policy_version=reason.version,
        rule=reason.rule,
        why=reason.words,
        files=len(destroyed),
        size_bytes=sum(destroyed.values()),
        method=METHOD,
        discarded_at=now,
        verified=True,
    )


def _decode(archive: LocalArchive, name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(archive.get(name), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"{name} in the archive can't be read: {error}") from None
