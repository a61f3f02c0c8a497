"""Ends a run before or after any one of its side effects, as a kill -9 would.

From that moment on nothing has an effect any more, whatever is cleaned up on the way out: a process
that is killed cleans up nothing. Only its locks go, as the kernel lets go of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.client import Pipeline

EFFECTS: tuple[tuple[Any, str], ...] = (
    (Path, "unlink"),
    (Path, "replace"),
    (Path, "rename"),
    (Path, "mkdir"),
    (os, "link"),
    (os, "fsync"),
    (shutil, "rmtree"),
    (redis.Redis, "execute_command"),
    (Pipeline, "execute"),
)


class Killed(BaseException):
    """The process is gone."""


class Counter:
    """Counts side effects, and ends the process at one of them."""

    def __init__(self, number: int, after: bool) -> None:
        self._number = number
        self._after = after
        self.count = 0
        self.last = ""
        self.is_dead = False

    def wrap(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def effect(*given: Any, **more: Any) -> Any:
            if self.is_dead:
                return self._end(name)
            self.count += 1
            if self.count != self._number:
                return original(*given, **more)
            self.last = name
            if self._after:
                original(*given, **more)
            self.is_dead = True
            return self._end(name)

        return effect

    def _end(self, name: str) -> None:
        # Letting go of the lock comes after this one.
        if name != "rmtree":
            raise Killed


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[Counter]:
    """Kill what is done inside at its ``number``-th side effect; see ``is_dead`` whether it was."""
    counter = Counter(number, after)
    with pytest.MonkeyPatch.context() as patched:
        for owner, name in EFFECTS:
            patched.setattr(owner, name, counter.wrap(name, getattr(owner, name)))
        try:
            yield counter
        except Killed:
            assert counter.is_dead


def every_kill(run: Callable[[Counter], None], *, after: bool) -> Iterator[Counter]:
    """Run again and again, killed one side effect later each time, until a run gets to its end."""
    number = 0
    while True:
        number += 1
        with killed_at(number, after=after) as counter:
            run(counter)
        yield counter
        if not counter.is_dead:
            return
