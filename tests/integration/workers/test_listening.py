"""Whether anybody works on a queue, and who says that nobody does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from hushtape import handoff_names
from tests.integration.workers.worker_house import House, wait_for
from workers.listening import SAY_AGAIN_S, UNHEARD_S, Listening, workers_on
from workers.runtime import queue


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_worker_counts_until_it_ends(house: House) -> None:
    spool = queue(handoff_names.spool_queue("town-hall"), house.redis)
    upkeep = queue(handoff_names.UPKEEP_QUEUE, house.redis)
    assert (workers_on(spool), workers_on(upkeep)) == (0, 0)
    worker = house.start("worker", "--processes", "2")
    wait_for(lambda: (workers_on(spool), workers_on(upkeep)) == (2, 1))
    worker.terminate()
    assert worker.wait(10) == 0
    assert workers_on(spool) == 0


def test_a_queue_that_nobody_works_on_is_said_once_and_every_hour(
    house: House, lines: list[Any]
) -> None:
    spool = queue(handoff_names.spool_queue("town-hall"), house.redis)
    listening = Listening()
    key = "rq:workers:spool-town-hall"

    def look(now_s: float) -> list[str]:
        lines.clear()
        listening.look([spool], now_s)
        return [each["event"] for each in lines]

    assert look(0) == look(UNHEARD_S - 1) == []
    assert look(UNHEARD_S) == ["alarm"]
    assert lines[0]["what"] == "no worker serves the queue spool-town-hall"
    assert look(UNHEARD_S + 1) == look(UNHEARD_S + SAY_AGAIN_S - 1) == []
    assert look(UNHEARD_S + SAY_AGAIN_S) == ["alarm"]
    house.redis.sadd(key, "rq:worker:dead")
    assert look(UNHEARD_S + SAY_AGAIN_S + 1) == []  # it has signed on, and is silent since
    house.redis.set("rq:worker:dead", b"")
    assert look(UNHEARD_S + SAY_AGAIN_S + 2) == ["somebody works on it again"]
    house.redis.delete("rq:worker:dead")
    assert look(UNHEARD_S + SAY_AGAIN_S + 3) == []  # a minute begins anew
    assert look(2 * UNHEARD_S + SAY_AGAIN_S + 3) == ["alarm"]


def test_the_scheduler_says_it(house: House) -> None:
    code = "import workers.listening as w; w.UNHEARD_S = 0.1;"
    code += "import workers.scheduler as s; s.LISTENING_EVERY_S = 0.2;"
    code += "from workers.program import scheduler; scheduler()"
    with (house.folder / "scheduler.log").open("ab") as log:
        house.processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code, "-c", str(house.config_path)],
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[3],
                start_new_session=True,
            )
        )
    wait_for(lambda: "no worker serves the queue spool-town-hall" in house.log("scheduler"))
    wait_for(lambda: "no worker serves the queue upkeep" in house.log("scheduler"))
