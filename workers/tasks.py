"""The jobs. Each may be run again at any time, by anybody, without harm."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import redis
from rq import get_current_job

from hushtape import handoff_names, redis_link
from hushtape.errors import HushtapeError, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import foreign as foreigners
from hushtape.recordings.archive import Busy, LocalArchive
from hushtape.recordings.manifest import Handoff, Reason
from hushtape.recordings.retention import Entry
from workers import assure as assuring
from workers import discard as discarding
from workers import encode, foreign, intake, leap, mix, prove, settle, spool
from workers import expire as expiry
from workers import reconcile as reconciling
from workers import store as storing
from workers.heard import Heard
from workers.log import log, step
from workers.retry import next_try_at
from workers.runtime import Context, context


def archive(handoff_text: str) -> None:
    """Make a recording out of the spool files that a hand-off names, or destroy them if it says so.

    Raises:
        HushtapeError: it couldn't be done; the files and the hand-off stay in the spool.
    """
    here = context()
    try:
        handoff, remarks = intake.mend(intake.parse(handoff_text))
        folder = intake.spool_of(here.config, handoff)
    except HushtapeError as error:
        recording_id = _id_of_job()
        if recording_id:
            _note_trouble(here, recording_id, "", error)
        raise
    connection = here.redis

    def take() -> None:
        key = handoff_names.taken_key(handoff.id)
        whose = handoff_names.TAKEN_ADOPTED if handoff.adopted else handoff_names.TAKEN_FROM_BRIDGE
        connection.set(key, whose, ex=handoff_names.TAKEN_TTL_S)

    try:
        if handoff.discard is not None:
            _discard(here, handoff, handoff.discard, folder, handoff_text, take)
            return
        is_kept = _keep(folder, handoff, handoff_text)
        if is_kept:
            take()
        with step("archive", handoff.id):
            _archive(here, handoff, folder, remarks)
        if not is_kept:
            take()
    except Busy:
        log.info("left to another process", step="archive", recording=handoff.id)
    except Exception as error:
        _note_trouble(here, handoff.id, handoff.call.pbx, error)
        raise


def assure() -> None:
    """Name what should be archived and isn't."""
    assuring.assure(context())


def expire() -> None:
    """Delete what has outlived its time."""
    here = context()
    if leap.is_held(here.redis, here.clock(), _rung_at()):
        log.warning("nothing is deleted: a clock has leapt", step="expire")
        return
    swept = expiry.sweep(here.archive, here.catalogue, here.clock)
    if swept.deleted or swept.failed:
        log.info("swept", deleted=len(swept.deleted), failed=len(swept.failed))


def destroy_foreign(order_text: str) -> None:
    """Destroy what something else recorded in a PBX's spool during a payment, and prove it.

    Raises:
        HushtapeError: it couldn't be done; the order stays in the spool, and is carried out later.
    """
    foreign.destroy(context(), foreign.parse(order_text))


def reconcile(pbx: str) -> None:
    """Look for what was left behind in a PBX's spool, and ring again."""
    here = context()
    held = leap.is_held(here.redis, here.clock(), _rung_at())
    reconciling.reconcile(here, pbx, held=held)


def upkeep() -> None:
    """Rebuild or mend the catalogue, and keep Redis tidy."""
    reconciling.upkeep(context())


ALLOWED: Mapping[str, Callable[..., Any]] = {
    handoff_names.ARCHIVE_JOB: archive,
    handoff_names.ASSURE_JOB: assure,
    handoff_names.DESTROY_FOREIGN_JOB: destroy_foreign,
    handoff_names.EXPIRE_JOB: expire,
    handoff_names.RECONCILE_JOB: reconcile,
    handoff_names.UPKEEP_JOB: upkeep,
}


def _rung_at() -> datetime | None:
    """When the scheduler rang for the job that runs, by the scheduler's clock."""
    job = get_current_job()
    return leap.rung_at(job.meta, job.enqueued_at) if job is not None else None


def _keep(folder: Path, handoff: Handoff, text: str, *, replace: bool = False) -> bool:
    """Keep a copy of the hand-off beside its files; tell whether there is one.

    Where there is no room for it, archiving goes on: that is what makes room. The bridge keeps
    its own until the recording is taken.
    """
    try:
        spool.write_handoff(folder, handoff.id, text.encode(), replace=replace)
    except Unreachable as error:
        log.warning("hand-off not kept", step="archive", recording=handoff.id, why=str(error))
        return False
    return True


def _archive(here: Context, handoff: Handoff, folder: Path, remarks: tuple[str, ...]) -> None:
    store = here.archive
    store.prepare(here.catalogue.knows_recordings)
    with store.scratch(handoff.id) as scratch:
        left: tuple[str, ...] = ()
        told: tuple[str, ...] = ()
        if discarding.was_discarded(store, handoff.id):
            discarding.destroy_late(store, folder, handoff.id, here.clock())
            told = (discarding.words_of(store, handoff.id), *foreigners.remarks(store, handoff.id))
        elif not storing.was_deleted(store, handoff.id):
            entry = storing.stored(store, handoff.id)
            if entry is None:
                entry = _make(here, store, handoff, folder, scratch, remarks)
            left_over = any(os.path.lexists(folder / name) for name in intake.file_names(handoff))
            storing.check_same(entry, handoff, left_over=left_over)
            with step("catalogue", handoff.id):
                here.catalogue.add(entry)
            told = entry.manifest.remarks
            left = settle.left_behind(handoff, told)
        prove.forget(store, handoff.id)
        # Only now is everything safe; the hand-off goes last, for it is what finds the others.
        names = intake.file_names(handoff)
        spool.remove(folder, tuple(name for name in names if name not in left))
        spool.remove_handoff(folder, handoff.id)
    for name in left:
        if os.path.lexists(folder / name):
            log.error("file left in the spool", recording=handoff.id, file=name)
    here.assurance.settled(handoff.id, told)


def _discard(
    here: Context,
    handoff: Handoff,
    reason: Reason,
    folder: Path,
    text: str,
    take: Callable[[], None],
) -> None:
    """Destroy the files of a call of which nothing may be kept.

    Its hand-off comes before every other of the same call. It is kept under the lock only: a run
    that is at another one would take it away with its own.
    """
    store = here.archive
    store.prepare(here.catalogue.knows_recordings)
    with store.scratch(handoff.id), step("discard", handoff.id):
        if _keep(folder, handoff, text, replace=True):
            take()
        discarding.discard(store, here.catalogue, folder, handoff, reason, here.clock)
        prove.forget(store, handoff.id)
        spool.remove_handoff(folder, handoff.id)
    take()
    told = (discarding.words_of(store, handoff.id), *foreigners.remarks(store, handoff.id))
    here.assurance.settled(handoff.id, told)


def _make(
    here: Context,
    archive: LocalArchive,
    handoff: Handoff,
    folder: Path,
    scratch: Path,
    mended: tuple[str, ...],
) -> Entry:
    missing_counts = settle.long_over(handoff.call.ended_at, here.clock())
    with step("settle", handoff.id):
        settled = settle.settle(folder, handoff, missing_counts=missing_counts)
    # Before anything of it is copied: what is in no copy need not be destroyed there.
    with step("prove", handoff.id):
        proven = prove.prove(archive, folder, handoff, settled, here.config.proof.margin_s)
    timeline = mix.lay_out(handoff.id, proven.settled)
    # When an adopted call was answered nobody knows: all of it is listened to.
    heard = Heard(
        timeline, handoff.call.started_at if handoff.adopted else handoff.call.answered_at
    )
    with step("encode", handoff.id):
        encoded = encode.encode(
            mix.stereo_blocks(folder, timeline, heard),
            folder=scratch,
            audio_format=handoff.audio.format,
            rate_hz=timeline.rate_hz,
            duration_s=timeline.duration_s,
            tags=encode.tags_of(handoff),
        )
    # Here a recording will be sealed, before it is stored.
    remarks = (
        *mended,
        *proven.remarks,
        *foreigners.remarks(archive, handoff.id),
        *settled.remarks,
        *timeline.remarks,
        *heard.remarks(),
    )
    with step("store", handoff.id):
        return storing.store(
            archive,
            handoff,
            timeline,
            encoded,
            remarks,
            here.number_key,
            here.clock(),
            spans=proven.spans,
            quarantined=proven.quarantined,
        )


def _id_of_job() -> str:
    """The recording that the job in hand is about; ``""`` where there is none."""
    job = get_current_job()
    recording_id = job.id.removeprefix(handoff_names.archive_job_id("")) if job else ""
    return recording_id if is_call_id(recording_id) else ""


def _note_trouble(here: Context, recording_id: str, pbx: str, error: Exception) -> None:
    known = isinstance(error, HushtapeError | redis.exceptions.RedisError)
    words = str(error) if known else f"an unexpected error: {type(error).__name__}"
    if isinstance(error, redis.exceptions.RedisError):
        words = f"Redis doesn't take it: {redis_link.words(error)}"
    log.error("not archived", recording=recording_id, why=words, exc_info=None if known else error)
    try:
        now = here.clock()
        catalogue = here.catalogue
        again_at = next_try_at(catalogue.tries(recording_id), now)
        catalogue.note_trouble(recording_id, pbx, words, now, again_at)
    except Exception as also:  # the first error is the one that matters
        log.error("trouble not noted", recording=recording_id, why=type(also).__name__)


def handoff_text(handoff: Handoff) -> str:
    """A hand-off as a job's argument."""
    return msgspec.json.encode(handoff).decode()
