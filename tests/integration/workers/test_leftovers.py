"""What a dead worker left behind goes; what somebody works on, or is still needed, stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rq.job import JobStatus
from rq.registry import StartedJobRegistry

from hushtape import handoff_names as names
from hushtape.recordings import layout
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, handoff, segment
from workers import leftovers, spool, tasks
from workers.reconcile import reconcile, upkeep
from workers.runtime import Context, TaskJob, context, queue

JOB_ID = names.archive_job_id(RECORDING_ID)
JOB_KEY = f"rq:job:{JOB_ID}"


def half_done(house: House) -> None:
    """Scratch of a worker that died, with sound in the clear."""
    folder = house.config.archive_path / layout.SCRATCH / RECORDING_ID
    folder.mkdir()
    (folder / "x.flac").write_bytes(b"sound")


def scratch(house: House) -> list[str]:
    return [each.name for each in (house.config.archive_path / layout.SCRATCH).iterdir()]


def test_scratch_in_which_nobody_works_goes(house: House) -> None:
    half_done(house)
    upkeep(context())
    assert scratch(house) == []


def test_scratch_in_which_somebody_works_stays(house: House) -> None:
    with house.archive.scratch(RECORDING_ID) as folder:
        (folder / "x.flac").write_bytes(b"sound")
        assert leftovers.clear_scratch(context()) == 0
        assert (folder / "x.flac").exists()


def dead_job(house: House, started_ago: timedelta = timedelta(minutes=1)) -> None:
    """A job that was begun, by a worker that is gone."""
    house.ring(handoff(segment(1, 0, 1)))
    spool_queue = queue(names.spool_queue("town-hall"), house.redis)
    spool_queue.remove(JOB_ID)
    job = TaskJob.fetch(JOB_ID, connection=house.redis, serializer=spool_queue.serializer)
    job.set_status(JobStatus.STARTED)
    job.started_at = datetime.now(UTC) - started_ago
    job.save()
    StartedJobRegistry(queue=spool_queue).connection.zadd(
        f"rq:wip:{spool_queue.name}", {f"{JOB_ID}:1": datetime.now(UTC).timestamp() + 7200}
    )


def clear(house: House) -> int:
    return leftovers.clear_jobs(Context(house.config), "town-hall")


def test_a_job_that_died_when_all_was_done_is_forgotten(house: House) -> None:
    dead_job(house)
    house.redis.set(names.taken_key(RECORDING_ID), b"1")
    reconcile(Context(house.config), "town-hall")
    assert not house.redis.exists(JOB_KEY)  # it held names and numbers
    assert clear(house) == 0


@pytest.mark.parametrize("why", ["not taken", "it waits in the spool", "young", "busy"])
def test_a_job_that_may_be_needed_stays(house: House, why: str) -> None:
    dead_job(house, timedelta(0) if why == "young" else timedelta(minutes=1))
    if why != "not taken":
        house.redis.set(names.taken_key(RECORDING_ID), b"1")
    if why == "it waits in the spool":
        text = tasks.handoff_text(handoff(segment(1, 0, 1)))
        spool.write_handoff(house.spool, RECORDING_ID, text.encode())
    if why == "busy":
        with house.archive.scratch(RECORDING_ID):
            assert clear(house) == 0
    else:
        assert clear(house) == 0
    assert house.redis.exists(JOB_KEY)
