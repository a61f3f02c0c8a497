"""Starting the lab's processes so that none of them outlives the lab.

A process started here ends when it is told to, when Python exits, and when Python is killed:
the kernel sends SIGTERM to a child whose parent *thread* died (`setpriv --pdeathsig`), so all
children are started by one thread that lives as long as the interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

SPAWN_TIMEOUT_S = 30
END_GRACE_S = 8.0

Process = subprocess.Popen[bytes]

_alive: set[Process] = set()
_lock = threading.Lock()
_jobs: SimpleQueue[tuple[Callable[[], Process], Future[Process]]] = SimpleQueue()
_nursery: threading.Thread | None = None


def spawn(
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start `command` with its output going to the file `log`."""
    setpriv = shutil.which("setpriv")
    full = [setpriv, "--pdeathsig", "TERM", *command] if setpriv else list(command)

    def start() -> Process:
        with log.open("ab") as sink:
            return subprocess.Popen(
                full,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                # Ctrl-C is for Python, which then ends its children in good order.
                start_new_session=True,
            )

    _ensure_nursery()
    answer: Future[Process] = Future()
    _jobs.put((start, answer))
    process = answer.result(timeout=SPAWN_TIMEOUT_S)
    with _lock:
        _alive.add(process)
    return process


def end(
    processes: Iterable[Process], grace_s: float = END_GRACE_S, *, politely: bool = True
) -> None:
    """Ask all `processes` to end, wait up to `grace_s` seconds in all, then kill the rest."""
    group = list(processes)
    if politely:
        for process in group:
            _signal(process, signal.SIGTERM)
    left = list(group)
    with contextlib.suppress(KeyboardInterrupt):
        _reap(left, grace_s)
    for process in left:
        _signal(process, signal.SIGKILL)
    _reap(left, END_GRACE_S)
    with _lock:
        _alive.difference_update(p for p in group if p.poll() is not None)


def kill(process: Process) -> None:
    """End a process and all that it started, at once and without a word, as a power cut would."""
    for pid in (process.pid, *descendants(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end([process], grace_s=0.0, politely=False)


def descendants(pid: int) -> list[int]:
    """Every process that this one started, and those that they started."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            tasks = Path(f"/proc/{one}/task/{one}/children").read_text(encoding="ascii")
        except OSError:
            continue
        children = [int(each) for each in tasks.split()]
        found += children
        waiting += children
    return found


def _reap(left: list[Process], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    for process in list(left):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
            left.remove(process)


def _signal(process: Process, number: int) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # The process leads a session of its own: its children go with it.
            os.killpg(process.pid, number)


def _ensure_nursery() -> None:
    global _nursery
    with _lock:
        if _nursery is None or not _nursery.is_alive():
            _nursery = threading.Thread(target=_nurse, name="lab-nursery", daemon=True)
            _nursery.start()


def _nurse() -> None:
    while True:
        start, answer = _jobs.get()
        try:
            answer.set_result(start())
        except BaseException as error:
            answer.set_exception(error)


@atexit.register
def _end_all() -> None:
    with _lock:
        left = list(_alive)
    end(left, grace_s=3.0)


def cpu_seconds(process: Process) -> float:
    """User and system time that `process` has used so far, in seconds (0 if it is gone)."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
