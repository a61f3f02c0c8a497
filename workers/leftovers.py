"""Clears away what a worker left that died when its recording was safe already.

Nothing of it is needed: the recording is archived, or its hand-off waits and is rung for again.
But it holds sound in the clear, names and numbers, and nobody else would look at it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta

from rq.exceptions import NoSuchJobError

from hushtape import handoff_names
from hushtape.ids import is_call_id
from hushtape.recordings.archive import Busy
from workers import spool
from workers.log import log
from workers.runtime import Context, TaskJob, queue

YOUNG = timedelta(seconds=15)  # a job may be about to say that it is done


def clear_scratch(here: Context) -> int:
    """Remove the scratch folders in which nobody works.

    Returns:
        How many there were.
    """
    count = 0
    for recording_id in here.archive.in_scratch():
        with suppress(Busy), here.archive.scratch(recording_id):
            count += 1
    if count:
        log.info("scratch cleared", step="upkeep", recordings=count)
    return count


def clear_jobs(here: Context, pbx: str) -> int:
    """Forget the jobs of a PBX's spool that died when all was done but saying so.

    Returns:
        How many there were.
    """
    spool_queue = queue(handoff_names.spool_queue(pbx), here.redis)
    count = 0
    for job_id in spool_queue.started_job_registry.get_job_ids(cleanup=False):
        recording_id = job_id.removeprefix(handoff_names.archive_job_id(""))
        if not is_call_id(recording_id) or not _is_safe(here, pbx, recording_id):
            continue
        with suppress(NoSuchJobError):
            job = TaskJob.fetch(job_id, connection=here.redis, serializer=spool_queue.serializer)
            if job.started_at is None or here.clock() - job.started_at < YOUNG:
                continue
            job.delete()
            count += 1
            log.info("dead job forgotten", step="reconcile", recording=recording_id)
    return count


def _is_safe(here: Context, pbx: str, recording_id: str) -> bool:
    """Tell whether a hand-off was taken and isn't in the spool any more: then nothing is to do."""
    if not here.redis.exists(handoff_names.taken_key(recording_id)):
        return False
    if os.path.lexists(spool.handoff_path(here.config.pbx[pbx].spool_path, recording_id)):
        return False
    return not here.archive.is_busy(recording_id)
