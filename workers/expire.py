"""Deletes what has outlived its time, and proves it: delete, verify, proof, catalogue.

Each step can be repeated: a deletion that was begun is written down first, so that it is finished
and proved whatever happens in between. The archive says what is due, never Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import redis

from hushtape.errors import Damaged, HushtapeError, RecordingError
from hushtape.ids import is_call_id
from hushtape.recordings import acts, layout
from hushtape.recordings.archive import Absent, Busy, LocalArchive
from hushtape.recordings.catalogue import Catalogue, read_entry
from hushtape.recordings.manifest import Reason, to_json
from hushtape.recordings.retention import Entry, Ruling, Verdict, open_holds, period_of, rule
from workers.log import log

SWEEP_LIMIT = 1000
LOOK_AGAIN = timedelta(hours=24)  # at one that is held
TRY_AGAIN = timedelta(minutes=15)  # one that couldn't be deleted
METHOD = "files removed from a local disk"


class Deletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof that a recording is gone. No personal data: it outlives the recording."""

    id: str
    sha256: str
    size_bytes: int
    policy: str
    policy_version: str
    rule: str
    period: str
    due: datetime
    why: str
    method: str
    begun_at: datetime
    deleted_at: datetime | None = None
    verified: bool = False
    version: int = 1


class DeletedAgain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An addition to a proof: files had come back, from a backup, and were deleted once more."""

    id: str
    files: int
    deleted_at: datetime
    verified: bool
    version: int = 1


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep did."""

    deleted: tuple[str, ...]
    kept: tuple[Ruling, ...]  # claimed, but held or not due
    failed: tuple[tuple[str, str], ...]  # id, why


class Incomplete(HushtapeError):
    """The catalogue isn't complete: nothing may be deleted."""


def sweep(
    archive: LocalArchive,
    catalogue: Catalogue,
    now: Callable[[], datetime],
    limit: int = SWEEP_LIMIT,
) -> Swept:
    """Delete what is due, ``limit`` recordings at most. One that fails doesn't stop the others.

    Raises:
        Incomplete: the catalogue is being rebuilt; nothing was deleted.
        Unreachable: the archive isn't mounted.
    """
    if not catalogue.is_complete():
        raise Incomplete(
            "the catalogue is not complete, so nothing is deleted: the workers rebuild it from the"
            " archive; try again when `hushtape recordings list` works"
        )
    archive.check()
    deleted: list[str] = []
    kept: list[Ruling] = []
    failed: list[tuple[str, str]] = []
    begun = _begun(archive)[:limit]
    claimed = [each for each in catalogue.claim_due(now(), limit) if each not in begun]
    for recording_id in (*begun, *claimed):
        try:
            ruling = _expire(archive, catalogue, recording_id, now)
            if ruling is None:
                deleted.append(recording_id)
                log.info("expired", step="expire", recording=recording_id)
            else:
                kept.append(ruling)
                catalogue.schedule(recording_id, _next_look(ruling, now()))
        except Busy:
            catalogue.schedule(recording_id, now() + TRY_AGAIN)
        except redis.exceptions.RedisError:
            raise
        except Exception as error:  # whatever is wrong with one must not keep the others
            known = isinstance(error, HushtapeError)
            why = str(error) if known else f"an unexpected error: {type(error).__name__}"
            failed.append((recording_id, why))
            log.error(
                "not expired",
                step="expire",
                recording=recording_id,
                why=why,
                exc_info=None if known else error,
            )
            catalogue.schedule(recording_id, now() + TRY_AGAIN)
    return Swept(deleted=tuple(deleted), kept=tuple(kept), failed=tuple(failed))


def delete_discarded(
    archive: LocalArchive, recording_id: str, reason: Reason, now: Callable[[], datetime]
) -> None:
    """Delete a recording of a call of which nothing may be kept, whatever its time; with a proof.

    To be called under the recording's lock. A hold is stronger: what is held is never deleted.

    Raises:
        RecordingError: it is held, or can't be read.
    """
    if archive.exists(layout.deletion_proof(recording_id)):
        _delete_again(archive, recording_id, now)
    else:
        deletion = _read_begun(archive, recording_id)
        if deletion is None or _is_whole(archive, recording_id):
            entry = read_entry(archive, recording_id)
            holds = open_holds(entry.acts)
            if holds:
                raise RecordingError(
                    f"recording {recording_id} was archived, is to be discarded, and is held"
                    f" ({holds[0].words or holds[0].hold}): it goes when the hold is released"
                )
            why = f"discarded: {reason.words}"
            ruling = Ruling(id=recording_id, due=now(), verdict=Verdict.DELETE, why=why)
            archive.delete(layout.deletion_begun(recording_id))
            deletion = _begin(archive, entry, ruling, now())
        _delete(archive, deletion, now)
    archive.delete(layout.deletion_begun(recording_id))


def _expire(
    archive: LocalArchive,
    catalogue: Catalogue,
    recording_id: str,
    now: Callable[[], datetime],
) -> Ruling | None:
    """Delete one recording if it is due: None; else say why it stays."""
    with archive.scratch(recording_id):
        if archive.exists(layout.deletion_proof(recording_id)):
            _delete_again(archive, recording_id, now)
        else:
            deletion = _read_begun(archive, recording_id)
            if deletion is None or _is_whole(archive, recording_id):
                # A hold may have been set a moment ago, or after a deletion that got nowhere:
                # what counts is read now, under the lock.
                entry = read_entry(archive, recording_id)
                ruling = rule(entry, now())
                if ruling.verdict is not Verdict.DELETE:
                    archive.delete(layout.deletion_begun(recording_id))
                    return ruling
                deletion = deletion or _begin(archive, entry, ruling, now())
            _delete(archive, deletion, now)
        archive.verify_absent(layout.prefix(recording_id))
        archive.delete(layout.deletion_begun(recording_id))
        catalogue.remove(recording_id)
    return None


def _begin(archive: LocalArchive, entry: Entry, ruling: Ruling, now: datetime) -> Deletion:
    manifest = entry.manifest
    reason = manifest.keep.reason
    deletion = Deletion(
        id=manifest.id,
        sha256=manifest.audio.sha256,
        size_bytes=manifest.audio.size_bytes,
        policy=reason.policy,
        policy_version=reason.version,
        rule=reason.rule,
        period=period_of(entry),
        due=ruling.due,
        why=ruling.why,
        method=METHOD,
        begun_at=now,
    )
    archive.put(layout.deletion_begun(manifest.id), to_json(deletion))
    return deletion


def _delete(archive: LocalArchive, deletion: Deletion, now: Callable[[], datetime]) -> None:
    prefix = layout.prefix(deletion.id)
    # The sound first: while it is there, every act is too, and the ruling can be repeated.
    sound = [each for each in archive.names(prefix) if each.startswith(f"{prefix}{layout.AUDIO}.")]
    first = sound[0] if sound else ""
    archive.delete_prefix(prefix, first=first, last=layout.manifest(deletion.id))
    archive.verify_absent(prefix)
    proof = msgspec.structs.replace(deletion, deleted_at=now(), verified=True)
    archive.put(layout.deletion_proof(deletion.id), to_json(proof))


def _delete_again(archive: LocalArchive, recording_id: str, now: Callable[[], datetime]) -> None:
    """Delete what a backup brought back, and say so beside the proof.

    What is to be deleted is written down first: whoever has to finish it finds less of it.
    """
    prefix = layout.prefix(recording_id)
    files = archive.names(prefix)
    if files and not archive.exists(layout.deletion_begun(recording_id)):
        begun = DeletedAgain(id=recording_id, files=len(files), deleted_at=now(), verified=False)
        archive.put(layout.deletion_begun(recording_id), to_json(begun))
    archive.delete_prefix(prefix)
    archive.verify_absent(prefix)
    again = _read_begun_again(archive, recording_id)
    if again is not None:
        proof = msgspec.structs.replace(again, verified=True)
        archive.put(layout.deletion_again(recording_id, again.deleted_at), to_json(proof))
        log.warning("deleted again", step="expire", recording=recording_id, files=again.files)


def _read_begun_again(archive: LocalArchive, recording_id: str) -> DeletedAgain | None:
    """What was to be deleted once more; None if nothing was, or it is the first deletion's."""
    try:
        return msgspec.json.decode(
            archive.get(layout.deletion_begun(recording_id)), type=DeletedAgain
        )
    except (Absent, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _is_whole(archive: LocalArchive, recording_id: str) -> bool:
    return archive.exists(layout.manifest(recording_id)) and acts.has_audio(archive, recording_id)


def _begun(archive: LocalArchive) -> list[str]:
    """Deletions that a crash left half-way, or that another sweeper is at."""
    names = archive.names(layout.DELETIONS_BEGUN)
    found = [name.rsplit("/", 1)[1].removesuffix(".json") for name in names]
    return [name for name in found if is_call_id(name)]


def _read_begun(archive: LocalArchive, recording_id: str) -> Deletion | None:
    name = layout.deletion_begun(recording_id)
    if not archive.exists(name):
        return None
    try:
        return msgspec.json.decode(archive.get(name), type=Deletion)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"{name} in the archive can't be read: {error}") from None
    except RecordingError:
        return None


def _next_look(ruling: Ruling, now: datetime) -> datetime:
    return ruling.due if ruling.verdict is Verdict.KEEP else now + LOOK_AGAIN
