"""Redis is the door-bell, spool and archive are the truth: what wasn't heard is rung again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import redis
from rq import Retry
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

from hushtape import handoff_names
from hushtape.errors import ConfigError, HushtapeError
from hushtape.recordings import layout
from hushtape.recordings.ledger import Ledger, of_handoff, of_unreadable
from workers import foreign, intake, leftovers, orphans, retry, spool
from workers.log import log
from workers.runtime import Context, TaskJob, queue

LOOK_LIMIT = 2000  # recordings in one run
YOUNG = timedelta(seconds=15)  # a job may be between the queue and its first step
COMPARE_DAYS = 2
COMPARE_EVERY_S = 300  # and whenever Redis was started anew
COMPARE_OLDER_DAYS = 20  # ten years in half a day
REWRITE_EVERY_S = 86_400
_COMPARED = "hushtape:compared"
_COMPARED_TO = "hushtape:compared-to"
_REWRITTEN = "hushtape:rewritten"


def reconcile(here: Context, pbx: str, *, held: bool = False) -> int:
    """Ring for recordings that wait in a PBX's spool without a job.

    Args:
        held: no clock can be believed: how old files are without a hand-off nobody knows.

    Returns:
        How many were rung for.
    """
    if pbx not in here.config.pbx:
        raise ConfigError("pbx", "a job names a PBX that hushtape.toml doesn't have")
    folder = here.config.pbx[pbx].spool_path
    try:
        here.archive.prepare(here.catalogue.knows_recordings)
        if not held:
            orphans.look(here, pbx)
    except HushtapeError as error:  # those that have a hand-off are rung for all the same
        log.error("orphans not looked for", step="reconcile", pbx=pbx, why=str(error))
    foreign.resume(here, pbx)
    leftovers.clear_jobs(here, pbx)
    waiting = spool.waiting(folder, LOOK_LIMIT)
    expect(here, folder, waiting)
    rung = 0
    for recording_id in waiting:
        try:
            rung += _ring(here, pbx, folder, recording_id)
        except spool.Missing:
            continue  # archived this moment
        except HushtapeError as error:
            log.error("not rung", step="reconcile", recording=recording_id, why=str(error))
            _note_trouble(here, recording_id, pbx, str(error))
    return rung


def _note_trouble(here: Context, recording_id: str, pbx: str, words: str) -> None:
    """Remember why it isn't rung for; a look before the next try is none, and puts off nothing."""
    now, catalogue = here.clock(), here.catalogue
    if retry.is_due(catalogue.next_try_at(recording_id), now):
        again_at = retry.next_try_at(catalogue.tries(recording_id), now)
        catalogue.note_trouble(recording_id, pbx, words, now, again_at)


def expect(here: Context, folder: Path, waiting: tuple[str, ...]) -> None:
    """Expect what waits in a spool: the bridge tells of it no more, and Redis may be emptied."""
    ledger = Ledger(here.redis)
    found = {}
    for recording_id in ledger.lacks(waiting):
        try:
            found[recording_id] = of_handoff(intake.parse(spool.read_handoff(folder, recording_id)))
        except spool.Missing:
            continue  # archived this moment
        except HushtapeError:
            found[recording_id] = of_unreadable(recording_id)
    ledger.expect(found, here.clock())


def upkeep(here: Context) -> None:
    """Rebuild the catalogue if it isn't complete, else mend it; keep Redis tidy."""
    here.archive.prepare(here.catalogue.knows_recordings)
    leftovers.clear_scratch(here)
    if not here.catalogue.is_complete():
        count = here.catalogue.rebuild(here.archive, here.clock())
        if count is not None:
            log.info("catalogue rebuilt", recordings=count)
            unread = here.catalogue.unread()
            if unread:
                log.error("recordings can't be read", count=len(unread), first=unread[0])
    elif _is_to_be_compared(here.redis):
        compare(here)
    if here.redis.set(_REWRITTEN, b"1", nx=True, ex=REWRITE_EVERY_S):
        rewrite(here)


def compare(here: Context) -> int:
    """Enter recordings that the archive has and the catalogue lacks.

    Looks at the last days, and in turn at some older ones: a backup may have brought them back.

    Returns:
        How many were lacking.
    """
    count = 0
    for day in _days_to_compare(here):
        ids = here.archive.prefixes(day)
        for recording_id in here.catalogue.missing(ids, here.clock()):
            if here.archive.is_busy(recording_id) or here.archive.exists(
                layout.deletion_begun(recording_id)
            ):
                continue
            is_deleted = here.archive.exists(layout.deletion_proof(recording_id))
            if not is_deleted and not here.archive.exists(layout.manifest(recording_id)):
                continue  # left over from a run that died; its next one clears it away
            if here.catalogue.enter(here.archive, recording_id, here.clock()):
                count += 1
                log.info("entered into the catalogue", step="reconcile", recording=recording_id)
            elif is_deleted:
                log.error("is back: to be deleted again", recording=recording_id)
            else:
                log.error("not entered: can't be read", recording=recording_id)
    return count


def rewrite(here: Context) -> None:
    """Let Redis forget on disk, too, what was deleted: finished jobs held names and numbers."""
    try:
        if here.redis.info("persistence").get("aof_enabled"):
            here.redis.bgrewriteaof()
    except redis.exceptions.ResponseError as error:  # a managed Redis may not allow it
        log.info("append-only file not rewritten", why=str(error)[:200])


def _is_to_be_compared(client: redis.Redis) -> bool:
    """Tell whether it is time; one that was started anew may have lost its last second."""
    try:
        start = str(client.info("server").get("run_id", ""))
    except redis.exceptions.ResponseError:  # a managed Redis may not allow it
        start = ""
    if client.get(_COMPARED) == start.encode():
        return False
    client.set(_COMPARED, start, ex=COMPARE_EVERY_S)
    return True


def _days_to_compare(here: Context) -> tuple[str, ...]:
    today = here.clock().date()
    recent = layout.days_between(today - timedelta(days=COMPARE_DAYS - 1), today)
    answer = here.redis.get(_COMPARED_TO)
    done_to = answer.decode(errors="replace") if isinstance(answer, bytes) else ""
    older = [day for day in here.archive.days() if day > done_to][:COMPARE_OLDER_DAYS]
    here.redis.set(_COMPARED_TO, older[-1] if older else "")
    return tuple(dict.fromkeys((*recent, *older)))


def _ring(here: Context, pbx: str, folder: Path, recording_id: str) -> bool:
    """Put a job into the queue if there is none that will ever run."""
    if here.archive.is_busy(recording_id):
        return False
    now = here.clock()
    again_at = here.catalogue.next_try_at(recording_id)
    job_id = handoff_names.archive_job_id(recording_id)
    spool_queue = queue(handoff_names.spool_queue(pbx), here.redis)
    try:
        job = TaskJob.fetch(job_id, connection=here.redis, serializer=spool_queue.serializer)
    except NoSuchJobError:
        job = None
    if job is not None and _will_run(job, spool_queue.get_job_position(job_id), now):
        return False
    if not retry.is_due(again_at, now):
        return False
    text = spool.read_handoff(folder, recording_id).decode(errors="replace")
    if job is not None:
        job.delete()
    spool_queue.enqueue_call(
        handoff_names.ARCHIVE_JOB,
        args=[text],
        job_id=job_id,
        description=handoff_names.archive_description(recording_id),
        retry=Retry(max=handoff_names.ARCHIVE_RETRIES_MAX),
        result_ttl=handoff_names.RESULT_TTL_S,
        failure_ttl=handoff_names.FAILURE_TTL_S,
    )
    log.info("rung again", step="reconcile", recording=recording_id)
    return True


def _will_run(job: Job, position: int | None, now: datetime) -> bool:
    """Tell whether a job is on its way. One that started runs under the recording's lock, and
    nobody holds it here: after a moment of grace such a job is dead."""
    if position is not None:
        return True
    if job.get_status() not in (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED):
        return False
    since = max((at for at in (job.enqueued_at, job.started_at) if at is not None), default=None)
    return since is not None and now - since < YOUNG
