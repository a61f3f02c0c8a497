"""Work that runs beside whoever began it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hushtape.alarms import Kind, raise_alarm


class Tasks(set["asyncio.Task[None]"]):
    """Those that still run. One that fails is told of: nobody waits for it."""

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done, and don't wait for it."""
        task = asyncio.get_running_loop().create_task(work)
        self.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.discard(task)
        if not task.cancelled() and task.exception() is not None:
            raise_alarm(Kind.PROGRAM, "a bug in the bridge", exc_info=task.exception())
