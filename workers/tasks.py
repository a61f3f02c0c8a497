"""The jobs. Each may be run again at any time, by anybody, without harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from hushtape import handoff_names
from hushtape.errors import HushtapeError
from hushtape.recordings.archive import Busy, LocalArchive
from hushtape.recordings.manifest import Handoff
from hushtape.recordings.retention import Entry
from workers import encode, intake, mix, settle, spool
from workers import expire as expiry
from workers import reconcile as reconciling
from workers import store as storing
from workers.log import log, step
from workers.runtime import Context, context

TRY_AGAIN_FIRST = timedelta(seconds=30)
TRY_AGAIN_LONGEST = timedelta(hours=1)


def archive(handoff_text: str) -> None:
    """Make a recording out of the spool files that a hand-off names.

    Raises:
        HushtapeError: it couldn't be done; the files and the hand-off stay in the spool.
    """
    here = context()
    handoff = intake.parse(handoff_text)
    folder = intake.spool_of(here.config, handoff)
    spool.write_handoff(folder, handoff.id, handoff_text.encode())
    with_redis = here.redis
    with_redis.set(handoff_names.taken_key(handoff.id), b"1", ex=handoff_names.TAKEN_TTL_S)
    try:
        with step("archive", handoff.id):
            _archive(here, handoff, folder)
    except Busy:
        log.info("left to another process", step="archive", recording=handoff.id)
    except Exception as error:
        _note_trouble(here, handoff, error)
        raise


def expire() -> None:
    """Delete what has outlived its time."""
    here = context()
    swept = expiry.sweep(here.archive, here.catalogue, here.clock)
    if swept.deleted or swept.failed:
        log.info("swept", deleted=len(swept.deleted), failed=len(swept.failed))


def reconcile(pbx: str) -> None:
    """Look for what was left behind in a PBX's spool, and ring again."""
    here = context()
    reconciling.reconcile(here, pbx)


ALLOWED: Mapping[str, Callable[..., Any]] = {
    handoff_names.ARCHIVE_JOB: archive,
    handoff_names.EXPIRE_JOB: expire,
    handoff_names.RECONCILE_JOB: reconcile,
}


def _archive(here: Context, handoff: Handoff, folder: Path) -> None:
    store = here.archive
    store.prepare()
    with store.scratch(handoff.id) as scratch:
        if not storing.was_deleted(store, handoff.id):
            entry = storing.stored(store, handoff.id)
            if entry is None:
                entry = _make(here, store, handoff, folder, scratch)
            with step("catalogue", handoff.id):
                here.catalogue.add(entry)
        # Only now is everything safe; the hand-off goes last, for it is what finds the others.
        spool.remove(folder, intake.file_names(handoff))
        spool.remove(folder, (spool.handoff_path(folder, handoff.id).name,))


def _make(
    here: Context, archive: LocalArchive, handoff: Handoff, folder: Path, scratch: Path
) -> Entry:
    with step("settle", handoff.id):
        settled = settle.settle(folder, handoff)
    timeline = mix.lay_out(handoff.id, settled)
    peaks = mix.Peaks()
    with step("encode", handoff.id):
        encoded = encode.encode(
            mix.stereo_blocks(folder, timeline, peaks),
            folder=scratch,
            audio_format=handoff.audio.format,
            rate_hz=timeline.rate_hz,
            duration_s=timeline.duration_s,
            tags=encode.tags_of(handoff),
        )
    # Here a recording will be sealed, before it is stored.
    remarks = (*settled.remarks, *timeline.remarks, *peaks.remarks(timeline))
    with step("store", handoff.id):
        return storing.store(
            archive, handoff, timeline, encoded, remarks, here.number_key, here.clock()
        )


def _note_trouble(here: Context, handoff: Handoff, error: Exception) -> None:
    known = isinstance(error, HushtapeError)
    words = str(error) if known else f"an unexpected error: {type(error).__name__}"
    log.error("not archived", recording=handoff.id, why=words, exc_info=None if known else error)
    try:
        now = here.clock()
        catalogue = here.catalogue
        again_at = next_try_at(catalogue.tries(handoff.id), now)
        catalogue.note_trouble(handoff.id, handoff.call.pbx, words, now, again_at)
    except Exception as also:  # the first error is the one that matters
        log.error("trouble not noted", recording=handoff.id, why=type(also).__name__)


def next_try_at(tries: int, now: datetime) -> datetime:
    """When to try again after so many failures: each wait is twice the one before."""
    return now + min(TRY_AGAIN_FIRST * 2 ** min(tries, 10), TRY_AGAIN_LONGEST)


def handoff_text(handoff: Handoff) -> str:
    """A hand-off as a job's argument."""
    return msgspec.json.encode(handoff).decode()
