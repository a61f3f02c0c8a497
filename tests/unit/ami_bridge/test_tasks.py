"""Work that runs beside whoever began it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from ami_bridge.tasks import Tasks


async def test_what_runs_is_there_until_it_is_over() -> None:
    tasks, goes_on = Tasks(), asyncio.Event()

    async def wait() -> None:
        await goes_on.wait()

    tasks.begin(wait())
    assert len(tasks) == 1
    goes_on.set()
    await asyncio.wait(tasks)
    assert not tasks


async def test_what_fails_is_told_of() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    tasks = Tasks()
    with capture_logs() as logs:
        tasks.begin(fail())
        await asyncio.wait(tasks)
    assert [(each["event"], each["kind"]) for each in logs] == [("alarm", "program")]
    assert not tasks


async def test_what_is_cancelled_is_no_bug() -> None:
    tasks, faults = Tasks(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    tasks.begin(asyncio.sleep(60))
    (task,) = tasks
    with capture_logs() as logs:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
    assert (logs, faults) == ([], [])
    assert not tasks
