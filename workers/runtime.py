"""What a worker process is made of: its context, its jobs from an allow-list, its RQ worker."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import redis
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job

from hushtape import handoff_names, redis_link
from hushtape.config import Config
from hushtape.errors import HushtapeError
from hushtape.recordings import number_key
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue
from workers.assure import Assurance
from workers.log import RQ_LOGGER, RedisAway, log

SERIALIZER = "json"
WORKER_TTL_S = 30
JOB_MONITORING_S = 10
MAINTENANCE_S = 60
RECONNECT_FIRST_WAIT_S = 0.2
RECONNECT_LONGEST_WAIT_S = 5.0
JOB_LIMIT_S: Mapping[str, int] = {
    handoff_names.ARCHIVE_JOB: 7200,
    handoff_names.DESTROY_FOREIGN_JOB: 600,
    handoff_names.EXPIRE_JOB: 3600,
    handoff_names.RECONCILE_JOB: 3600,
    handoff_names.UPKEEP_JOB: 3600,
    handoff_names.ASSURE_JOB: 600,
}
_JOB_ID = re.compile(rb"[A-Za-z0-9_-]+")


class NotAllowed(HushtapeError):
    """A job names a function that isn't ours to run."""


class TaskJob(Job):
    """A job out of Redis, where anybody with access can write: only our own functions run."""

    @property
    def func(self) -> Callable[..., Any]:
        """The function from the allow-list.

        Raises:
            NotAllowed: it isn't in the list.
        """
        from workers import tasks  # here: tasks needs this module

        found = tasks.ALLOWED.get(self.func_name or "")
        if found is None or self.instance is not None:
            raise NotAllowed("a job names a function that is not in the allow-list: refused")
        return found

    def restore(self, raw_data: Any) -> Any:
        """Read a job; what could run other code or go on for ever is left out of it.

        Raises:
            NoSuchJobError: it can't be read, and was thrown away.
        """
        try:
            super().restore(raw_data)
        except NoSuchJobError:
            raise
        except Exception as error:  # a date, a number or JSON that is none would end the worker
            log.error("a job that can't be read was in the queue: thrown away", job=self.id)
            self.connection.delete(self.key)  # else the next of its name inherits what is wrong
            raise NoSuchJobError from error
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        self.repeats_left = None
        self.retries_left = min(self.retries_left or 0, handoff_names.ARCHIVE_RETRIES_MAX)
        self.retry_intervals = None
        try:
            self.timeout = JOB_LIMIT_S.get(self.func_name or "", 1)
        except Exception:  # not JSON: it fails when it is to run
            self.timeout = 1


class TaskWorker(Worker):
    """An RQ worker for one queue that runs TaskJobs and outlives an outage of Redis."""

    job_class = TaskJob
    max_connection_wait_time = RECONNECT_LONGEST_WAIT_S
    log_result_lifespan = False

    def __init__(self, queue: str, connection: redis.Redis, parent_pid: int) -> None:
        super().__init__(
            [queue],
            connection=connection,
            serializer=SERIALIZER,
            worker_ttl=WORKER_TTL_S,
            job_monitoring_interval=JOB_MONITORING_S,
            maintenance_interval=MAINTENANCE_S,
            log_job_description=False,
            default_result_ttl=handoff_names.RESULT_TTL_S,
        )
        self._parent_pid = parent_pid
        self.stop_was_asked = False

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Stop after the job in hand; RQ would ask Redis here, which may be away."""
        self.stop_was_asked = True
        super().request_stop(signum, frame)

    def set_shutdown_requested_date(self) -> None:
        """Nobody reads it, and a signal's handler is no place for a question to Redis."""

    def subscribe(self) -> None:
        """Take no orders over Redis: they could kill jobs, and cost a thread before each fork."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Go on, unless the supervisor is gone."""
        if not self._is_horse and not self._horse_pid and os.getppid() != self._parent_pid:
            raise StopRequested
        super().heartbeat(timeout, pipeline)

    def run_maintenance_tasks(self) -> None:
        """Clean the queue's registries, without what RQ would stumble over each time."""
        self._throw_away()
        super().run_maintenance_tasks()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Take the next job. What can't be a job's id is thrown away, and ends nobody."""
        while True:
            try:
                found: tuple[Job, Queue] | None = super().dequeue_job_and_maintain_ttl(
                    timeout, max_idle_time
                )
            except ValueError:  # not UTF-8 is one, too
                if not self._throw_away():
                    raise
            else:
                return found

    def _throw_away(self) -> int:
        """Remove what somebody else put into our queues; return how much there was."""
        count = 0
        for each in self.queues:
            taken: Any = self.connection.lrange(each.intermediate_queue_key, 0, -1)
            for job_id in taken:
                if not _JOB_ID.fullmatch(job_id):
                    count += 1
                    self.connection.lrem(each.intermediate_queue_key, 1, job_id)
        if count:
            log.error("what is no job was in the queue: thrown away", count=count)
        return count

    def handle_job_failure(self, job: Job, *rest: Any, **more: Any) -> None:
        """Give up on what failed by itself: it is rung for again later, after a pause that grows.

        The parent process comes here too, for a child that was killed: that job runs once more.
        """
        if self._is_horse:
            job.retries_left = 0
        super().handle_job_failure(job, *rest, **more)

    def handle_exception(
        self,
        job: Job,
        *exc_info: type[BaseException] | BaseException | TracebackType | None,
    ) -> None:
        """Say in one line what failed. RQ's own way logs the arguments: names and numbers."""
        found = exc_info[1] if len(exc_info) > 1 else None
        error = found if isinstance(found, BaseException) else None
        why = redis_link.words(error) if error is not None else ""
        log.error("job failed", job=job.id, why=why)


@dataclass
class Context:
    """What the tasks of a process need. Connections are made by the process that uses them."""

    config: Config
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _redis: tuple[int, redis.Redis] | None = None
    _key: bytes | None = None

    @property
    def archive(self) -> LocalArchive:
        """The archive of this configuration."""
        return LocalArchive(self.config.archive_path)

    @property
    def redis(self) -> redis.Redis:
        """A connection for short questions, of this process's own.

        Raises:
            Unreachable: Redis doesn't answer.
        """
        if self._redis is None or self._redis[0] != os.getpid():
            self._redis = (os.getpid(), redis_link.connect(self.config, self.environ))
        return self._redis[1]

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue in that Redis."""
        return Catalogue(self.redis)

    @property
    def assurance(self) -> Assurance:
        """Where a task says what has become of a recording."""
        return Assurance(self)

    @property
    def number_key(self) -> bytes:
        """The key with which numbers are hashed."""
        if self._key is None:
            self._key = number_key.load_or_create(self.config.number_key_path)
        return self._key


_context: Context | None = None


def use(context: Context | None) -> None:
    """Set what this process's tasks work with; forked processes inherit it."""
    global _context  # RQ calls a task with the job's arguments only
    _context = context


def context() -> Context:
    """What this process's tasks work with."""
    if _context is None:
        raise HushtapeError("a task was started outside of `hushtape worker`")
    return _context


def preload() -> None:
    """Import all that a task needs before forking, so that no job pays for it."""
    from workers import tasks  # noqa: F401


def queue(name: str, connection: redis.Redis) -> Queue:
    """A queue of ours: JSON, and jobs from the allow-list."""
    return Queue(name, connection=connection, serializer=SERIALIZER, job_class=TaskJob)


def serve(queue_name: str, here: Context, parent_pid: int) -> None:
    """Work on one queue until SIGTERM, which lets the job in hand be finished.

    While Redis is away this waits for it; a parent process that is gone ends it.
    """
    use(here)
    logging.getLogger(RQ_LOGGER).addFilter(RedisAway())
    wait_s = RECONNECT_FIRST_WAIT_S
    while os.getppid() == parent_pid:
        try:
            connection = redis_link.connect_for_queues(here.config, here.environ)
            worker = TaskWorker(queue_name, connection, parent_pid)
            began_s = time.monotonic()
            try:
                worker.work(logging_level="WARNING")
            finally:
                stopped = worker.stop_was_asked
                if time.monotonic() - began_s > RECONNECT_LONGEST_WAIT_S:
                    wait_s = RECONNECT_FIRST_WAIT_S
            if stopped:
                return
        except StopRequested:
            return
        except (HushtapeError, redis.exceptions.RedisError) as error:
            why = redis_link.words(error)
            log.warning("waiting for Redis", queue=queue_name, why=why, again_in_s=wait_s)
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, RECONNECT_LONGEST_WAIT_S)
