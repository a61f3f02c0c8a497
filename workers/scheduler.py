"""Rings regularly: to expire, to reconcile, to see that all is there. Two schedulers ring once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from rq.exceptions import DuplicateJobError

from hushtape import handoff_names, redis_link
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Config
from hushtape.errors import HushtapeError
from workers.leap import RUNG_AT_S, Hold, Leaps, running_s
from workers.listening import SAY_AGAIN_S, Listening
from workers.log import log
from workers.runtime import queue

LOOK_S = 1.0
EXPIRE_EVERY_S = 60
RECONCILE_EVERY_S = 30
UPKEEP_EVERY_S = 30
ASSURE_EVERY_S = 30
LISTENING_EVERY_S = 15.0
OUTAGE_S = 300.0  # a Redis that is started again takes seconds
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is rung for, and how often."""

    name: str
    function: str
    queue: str
    args: tuple[str, ...]
    every_s: int


def tasks_of(config: Config) -> tuple[Task, ...]:
    """All regular tasks. Reconciling goes to the queue of the machine where the spool is."""
    expire = Task(
        name="expire",
        function=handoff_names.EXPIRE_JOB,
        queue=handoff_names.UPKEEP_QUEUE,
        args=(),
        every_s=EXPIRE_EVERY_S,
    )
    upkeep = Task(
        name="upkeep",
        function=handoff_names.UPKEEP_JOB,
        queue=handoff_names.UPKEEP_QUEUE,
        args=(),
        every_s=UPKEEP_EVERY_S,
    )
    assure = Task(
        name="assure",
        function=handoff_names.ASSURE_JOB,
        queue=handoff_names.UPKEEP_QUEUE,
        args=(),
        every_s=ASSURE_EVERY_S,
    )
    reconcile = (
        Task(
            name=f"reconcile-{pbx}",
            function=handoff_names.RECONCILE_JOB,
            queue=handoff_names.spool_queue(pbx),
            args=(pbx,),
            every_s=RECONCILE_EVERY_S,
        )
        for pbx in config.pbx
    )
    return (upkeep, assure, expire, *reconcile)


def slot(task: Task, now: datetime) -> str:
    """The job's id for this stretch of time: the same for every scheduler."""
    start_s = int(now.timestamp()) // task.every_s * task.every_s
    return f"{task.name}-{datetime.fromtimestamp(start_s, UTC):%Y%m%dT%H%M%S}"


def ring(tasks: Sequence[Task], client: redis.Redis, now: datetime, rung: dict[str, str]) -> None:
    """Put a job into its queue for each task whose slot is new.

    Args:
        rung: the slot that was last rung for, by task; kept by the caller.
    """
    for task in tasks:
        name = slot(task, now)
        if rung.get(task.name) == name:
            continue
        with suppress(DuplicateJobError):
            queue(task.queue, client).enqueue_call(
                task.function,
                args=list(task.args),
                job_id=name,
                unique=True,
                description=task.name,
                meta={RUNG_AT_S: now.timestamp()},
                ttl=2 * task.every_s,  # with nobody listening they don't pile up
                # The finished job stays for as long as another scheduler might ring for this slot.
                result_ttl=2 * task.every_s,
                failure_ttl=handoff_names.FAILURE_TTL_S,
            )
        rung[task.name] = name


@dataclass
class Outage:
    """A time in which Redis is away or takes nothing: said when it is long, and then every hour."""

    _since_s: float | None = None
    _say_at_s: float = 0.0

    def lasts(self, why: str, now_s: float) -> None:
        """Note that it is so still.

        Args:
            now_s: a monotonic clock.
        """
        if self._since_s is None:
            self._since_s, self._say_at_s = now_s, now_s + OUTAGE_S
        if now_s < self._say_at_s:
            return
        self._say_at_s = now_s + SAY_AGAIN_S
        minutes = round((now_s - self._since_s) / 60)
        words = f"recordings wait and nothing is deleted, for {minutes} minutes: {why}"
        raise_alarm(Kind.QUEUE, words)


def run(
    config: Config,
    ended: threading.Event,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    passed_s: Callable[[], float] = running_s,
) -> None:
    """Ring until ``ended``; while Redis or the file of its password is away, wait for it.

    With nobody listening a ring is in vain: that is said here, where no worker is needed.
    """
    tasks = tasks_of(config)
    queues = sorted({task.queue for task in tasks})
    listening = Listening()
    look_at_s = 0.0
    outage = Outage()
    rung: dict[str, str] = {}
    hold = Hold(Leaps())
    client: redis.Redis | None = None
    pause_s = FIRST_PAUSE_S
    while not ended.is_set():
        try:
            client = client or redis_link.connect(config)
            hold.look(client, clock(), passed_s())
            ring(tasks, client, clock(), rung)
            if time.monotonic() >= look_at_s:
                listening.look([queue(each, client) for each in queues], time.monotonic())
                look_at_s = time.monotonic() + LISTENING_EVERY_S
        except (HushtapeError, redis.exceptions.RedisError, OSError) as error:
            why = redis_link.words(error)
            log.warning("waiting for Redis", why=why, again_in_s=pause_s)
            outage.lasts(why, time.monotonic())
            client = None
            ended.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            continue
        outage = Outage()
        pause_s = FIRST_PAUSE_S
        ended.wait(LOOK_S)
