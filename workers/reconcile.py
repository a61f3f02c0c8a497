"""Redis is the door-bell, spool and archive are the truth: what wasn't heard is rung again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from rq import Retry
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

from hushtape import handoff_names
from hushtape.errors import ConfigError, HushtapeError, RecordingError
from hushtape.recordings import layout
from hushtape.recordings.catalogue import days_between, read_entry
from workers import spool
from workers.log import log
from workers.runtime import Context, TaskJob, queue

LOOK_LIMIT = 2000  # recordings in one run
YOUNG = timedelta(seconds=15)  # a job may be between the queue and its first step
COMPARE_DAYS = 2
COMPARE_EVERY_S = 300
_COMPARED = "hushtape:compared"


def reconcile(here: Context, pbx: str) -> int:
    """Ring for recordings that wait in a PBX's spool without a job; mend the catalogue.

    Returns:
        How many were rung for.
    """
    if pbx not in here.config.pbx:
        raise ConfigError("pbx", "a job names a PBX that hushtape.toml doesn't have")
    here.archive.prepare()
    if not here.catalogue.is_complete():
        count = here.catalogue.rebuild(here.archive, here.clock())
        if count is not None:
            log.info("catalogue rebuilt", recordings=count)
    elif here.redis.set(_COMPARED, b"1", nx=True, ex=COMPARE_EVERY_S):
        compare(here)
    folder = here.config.pbx[pbx].spool_path
    rung = 0
    for recording_id in spool.waiting(folder, LOOK_LIMIT):
        try:
            rung += _ring(here, pbx, folder, recording_id)
        except HushtapeError as error:
            log.error("not rung", step="reconcile", recording=recording_id, why=str(error))
    return rung


def compare(here: Context) -> int:
    """Enter recordings of the last days that the archive has and the catalogue lacks.

    Returns:
        How many were lacking.
    """
    today = here.clock().date()
    count = 0
    for day in days_between(today - timedelta(days=COMPARE_DAYS - 1), today):
        for recording_id in here.catalogue.missing(here.archive.ids(day)):
            if here.archive.is_busy(recording_id) or here.archive.exists(
                layout.deletion_begun(recording_id)
            ):
                continue
            try:
                here.catalogue.add(read_entry(here.archive, recording_id))
            except RecordingError as error:
                log.error("not entered", recording=recording_id, why=str(error))
                continue
            count += 1
            log.info("entered into the catalogue", step="reconcile", recording=recording_id)
    return count


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
    if again_at is not None and again_at > now:
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
