"""What the scheduler says while Redis is away, or answers and takes nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from rq.job import Job
from structlog.testing import capture_logs

from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House, wait_for
from workers import expire, orphans, scheduler, tasks
from workers.expire import Swept
from workers.leap import HELD, HOLD_S, LEAP, Hold, Leaps
from workers.listening import SAY_AGAIN_S
from workers.runtime import queue
from workers.scheduler import OUTAGE_S, Outage


def test_a_long_outage_is_an_alarm_and_every_hour_again() -> None:
    outage = Outage()

    def at(now_s: float) -> list[str]:
        with capture_logs() as lines:
            outage.lasts("gone", now_s)
        return [f"{each['kind']} {each['what']}" for each in lines]

    assert at(100) == at(99 + OUTAGE_S) == []
    assert at(100 + OUTAGE_S) == [
        "queue recordings wait and nothing is deleted, for 5 minutes: gone"
    ]
    assert at(101 + OUTAGE_S) == at(99 + OUTAGE_S + SAY_AGAIN_S) == []
    (again,) = at(100 + OUTAGE_S + SAY_AGAIN_S)
    assert "for 65 minutes" in again


@pytest.mark.parametrize(
    ("command", "undone", "expected"),
    [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "name the primary in redis.url"),
        ("CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0", "raise its maxmemory"),
    ],
)
def test_a_redis_that_takes_nothing_is_waited_for_and_said(
    house: House, command: str, undone: str, expected: str
) -> None:
    house.redis.execute_command(*command.split())
    house.start("worker", "--processes", "1")
    house.start("scheduler")
    wait_for(lambda: expected in house.log("worker") and expected in house.log("scheduler"))
    house.redis.execute_command(*undone.split())
    wait_for(house.catalogue.is_complete)  # the scheduler rings, and a worker hears it
    assert "Traceback" not in house.log("worker") + house.log("scheduler")


def test_the_scheduler_tells_of_a_long_outage(
    house: House, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "OUTAGE_S", 0.0)
    redis_server.stop()
    ended = threading.Event()
    said: list[str] = []

    def hear(_: object, what: str) -> None:
        said.append(what)
        ended.set()

    monkeypatch.setattr(scheduler, "raise_alarm", hear)
    scheduler.run(house.config, ended)
    assert len(said) == 1
    assert "recordings wait and nothing is deleted" in said[0]
    assert "doesn't answer" in said[0]


def test_a_clock_that_has_leapt_ahead_is_noted_before_anything_is_rung_for(house: House) -> None:
    ended = threading.Event()
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    noted: list[int] = []

    def clock() -> datetime:  # is asked twice each time: for the leap, and to ring
        nonlocal now
        noted.append(house.redis.ttl(HELD))
        match len(noted):
            case 3:
                assert house.redis.keys("rq:job:expire-2026*")
                now += timedelta(days=1000)
            case 5:
                assert house.redis.keys("rq:job:expire-2029*"), "the worker looks for the note"
                now -= timedelta(days=1000)
                ended.set()
        return now

    with capture_logs() as lines:
        scheduler.run(house.config, ended, clock, lambda: 0.0)
    assert noted[:3] == [-2, -2, -2]
    assert HOLD_S - 60 < noted[3] <= HOLD_S
    assert noted[5] == -2, "set right"
    assert any("the clock has leapt ahead by 1000 days" in each.get("what", "") for each in lines)


def test_what_one_scheduler_noted_no_other_takes_back(house: House) -> None:
    house.redis.set(HELD, b"1", ex=3600)
    hold = Hold(Leaps())
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for passed_s in range(3):
        hold.look(house.redis, now + timedelta(seconds=passed_s), passed_s)
    assert house.redis.exists(HELD)


def rung(house: House, task: str, now: datetime) -> Job:
    """The job that a scheduler rings for, as a worker reads it out of Redis."""
    (one,) = (each for each in scheduler.tasks_of(house.config) if each.name == task)
    scheduler.ring([one], house.redis, now, {})
    (job,) = queue(one.queue, house.redis).jobs
    return job


@pytest.mark.parametrize(
    ("held", "age", "does"),
    [
        (False, None, True),
        (False, timedelta(minutes=2), True),
        (True, None, False),
        (False, LEAP, False),
        (False, -LEAP, False),
    ],
)
def test_while_no_clock_can_be_believed_nothing_is_destroyed(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    held: bool,
    age: timedelta | None,
    does: bool,
) -> None:
    if held:
        house.redis.set(HELD, b"1", ex=3600)
    done: list[str] = []
    if age is not None:
        job = rung(house, "expire", tasks.context().clock() - age)
        monkeypatch.setattr(tasks, "get_current_job", lambda: job)

    def sweep(*_: object) -> Swept:
        done.append("swept")
        return Swept(deleted=(), kept=(), failed=())

    monkeypatch.setattr(expire, "sweep", sweep)
    monkeypatch.setattr(orphans, "look", lambda *_: done.append("looked"))
    tasks.expire()
    tasks.reconcile("town-hall")
    assert done == (["swept", "looked"] if does else [])
