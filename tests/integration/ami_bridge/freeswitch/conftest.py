"""What the tests of a link to a FreeSWITCH share."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from tests.integration.ami_bridge.freeswitch.hostile_esl import HostileEsl

ENDS_WITHIN_S = 3.0


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("esl ")]


@pytest.fixture
async def esl() -> AsyncIterator[HostileEsl]:
    server = await HostileEsl().start()
    yield server
    await server.close()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left  # whatever the test did, the link left no task behind
    until_s = time.monotonic() + ENDS_WITHIN_S
    while threads() and time.monotonic() < until_s:  # noqa: ASYNC110 - they tell nobody
        await asyncio.sleep(0.01)
    assert threads() == []  # nor a thread
