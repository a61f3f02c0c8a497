"""Keeps worker processes running: one task each, forked from a parent that has all imported."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from workers.log import log

LOOK_S = 0.2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0  # a process that ran this long starts again with the first pause
STOP_LIMIT_S = 110.0  # then a process is killed; its recording waits in the spool


@dataclass
class Child:
    """One process and what it works on: mostly a queue."""

    queue: str
    pid: int = 0
    started_at_s: float = 0.0
    start_again_at_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S


def supervise(queues: Sequence[str], serve: Callable[[str, int], None]) -> None:
    """Run one process for each entry of ``queues`` until SIGTERM or SIGINT.

    Args:
        queues: what to work on, mostly queues; one that stands here twice gets two processes.
        serve: what a process does, with that name and this process's id.
    """
    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    children = [Child(queue) for queue in queues]
    while not ended:
        for child in children:
            _look(child, serve)
        time.sleep(LOOK_S)
    _stop(children)


def _look(child: Child, serve: Callable[[str, int], None]) -> None:
    now_s = time.monotonic()
    if not child.pid:
        if now_s >= child.start_again_at_s:
            child.pid = _fork(child.queue, serve)
            child.started_at_s = now_s
        return
    status = _ended(child.pid)
    if status is None:
        return
    if now_s - child.started_at_s > STEADY_AFTER_S:
        child.pause_s = FIRST_PAUSE_S
    log.error("worker process ended", queue=child.queue, status=status, again_in_s=child.pause_s)
    child.pid = 0
    child.start_again_at_s = now_s + child.pause_s
    child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)


def _fork(queue: str, serve: Callable[[str, int], None]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent_pid = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # A terminal's Ctrl-C reaches the whole group: it is the supervisor's to pass on.
        os.setpgrp()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        serve(queue, parent_pid)
        code = 0
    except Exception as error:  # it is said, and the supervisor starts another
        log.error("worker process failed", queue=queue, why=str(error))
    finally:
        os._exit(code)


def _ended(pid: int) -> int | None:
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return -1
    return os.waitstatus_to_exitcode(status) if found else None


def _stop(children: Sequence[Child]) -> None:
    running = [child.pid for child in children if child.pid]
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_LIMIT_S
    while running and time.monotonic() < deadline_s:
        running = [pid for pid in running if _ended(pid) is None]
        time.sleep(0.02)
    for pid in running:
        log.error("worker process doesn't end: killed", pid=pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
