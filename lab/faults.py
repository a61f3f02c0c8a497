"""What goes wrong on real machines, done on purpose while a call is recorded."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import processes
from lab.product import Product, command_line, descendants
from lab.scene import Stage, Take, check_both, hang_up, ring_queue, told
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

AWAY_S = 20.0
TALK_S = 4.0
LONG_TALK_S = 6.0
RECOVER_TIMEOUT_S = 150.0
SEEN_TIMEOUT_S = 10.0
REDIS_TIMEOUT_S = 20.0
TRIES = 4
FAST_S = 0.001


class OwnRedis:
    """A Redis-compatible server that the lab can take away and bring back; it keeps its data."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis" / "redis.sock"
        self._log = folder / "redis.log"
        self._process: processes.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "hushtape.embedded_redis", str(self.socket)]
        self._process = processes.spawn(command, self._log, env=dict(os.environ))
        until("Redis listens", self.socket.exists, REDIS_TIMEOUT_S)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end([self._process], REDIS_TIMEOUT_S)
            self._process = None
        self.socket.unlink(missing_ok=True)


@dataclass(frozen=True)
class Fault:
    """One fault: a name, a title, and how it is played."""

    name: str
    title: str
    play: Callable[[Stage, Council, OwnRedis, Take], None]


def _redis_away(stage: Stage, council: Council, redis: OwnRedis, take: Take) -> None:
    take.says = f"Redis stopped for {AWAY_S:.0f} s around a hang-up: archived afterwards, once"
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    redis.stop()
    stopped_s = time.time()
    take.lines.append((stopped_s - call.entered_s, "Redis is stopped"))
    pass_time(1.0)
    ended_s = hang_up(stage, council, call, council.caller, take)
    pass_time(AWAY_S - (time.time() - stopped_s))
    before = stage.product.recordings_of(call.uniqueid)
    redis.start()
    take.lines.append((time.time() - call.entered_s, "Redis is back"))
    take.check(not before, "nothing is archived while Redis is away, so it was a fault")
    _archived_once(stage, take, call.uniqueid, call.entered_s, call.answered_s, ended_s)


def _worker_killed(stage: Stage, council: Council, redis: OwnRedis, take: Take) -> None:
    take.says = "kill -9 of the worker in the middle of an encode: archived afterwards, once"
    for _ in range(TRIES):
        call = ring_queue(stage, council, take)
        pass_time(LONG_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        take.calls.append(call.uniqueid)
        if _kill_in_encode(stage.product):
            break
        take.lines.clear()
    else:
        raise LabTimeoutError("no encoder was ever seen at work")
    take.lines.append((time.time() - call.entered_s, "the worker and all its processes are killed"))
    before = stage.product.recordings_of(call.uniqueid)
    take.check(not before, "nothing was archived before the kill")
    take.calls.remove(call.uniqueid)
    _archived_once(stage, take, call.uniqueid, call.entered_s, call.answered_s, ended_s)


def _kill_in_encode(product: Product) -> bool:
    """Freeze the first encoder that shows itself, and kill the worker around it."""
    worker = product.part("worker")

    def encoder() -> int | None:
        found = [pid for pid in descendants(worker) if "ffmpeg" in command_line(pid).split("\0")[0]]
        return found[0] if found else None

    with suppress(LabTimeoutError, ProcessLookupError):
        pid = until("an encoder is at work", encoder, SEEN_TIMEOUT_S, poll_s=FAST_S)
        os.kill(pid, signal.SIGSTOP)
        for each in [worker, *descendants(worker)]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        return True
    return False


def _archived_once(
    stage: Stage, take: Take, uniqueid: str, entered_s: float, answered_s: float, ended_s: float
) -> None:
    take.calls.append(uniqueid)
    recording = stage.product.recording(uniqueid, RECOVER_TIMEOUT_S)
    heard = told(take, stage.product, recording, entered_s)
    take.latencies_s.clear()  # a fault's delay is no measure of speed
    check_both(take, heard, recording.began_s, answered_s, ended_s)
    stage.product.await_empty_spool()
    found = stage.product.recordings_of(uniqueid)
    take.check(len(found) == 1, f"{len(found)} recording of the call")
    lines = stage.product.command("recordings", "list", "--json").splitlines()
    named = sum(recording.id in line for line in lines)
    take.check(named == 1, f"{named} line of `hushtape recordings list` names it")


FAULTS: tuple[Fault, ...] = (
    Fault("redis-away", "Redis is away", _redis_away),
    Fault("worker-killed", "the worker is killed", _worker_killed),
)
