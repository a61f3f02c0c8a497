"""An event loop whose time passes only when everybody waits: hours in a moment, always the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Never waits: time is moved on to the next timer instead."""

    def __init__(self, loop_time: list[float]) -> None:
        super().__init__()
        self._loop_time = loop_time

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits for something that will never happen")
        self._loop_time[0] += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs ``to_thread`` at once, in this thread, so that nothing depends on real time."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = [start_s]
        super().__init__(_Selector(self._now_s))

    def time(self) -> float:
        return self._now_s[0]

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
