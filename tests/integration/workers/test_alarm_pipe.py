"""Alarms out of worker processes, which end with their job, to the one that sends them."""

from __future__ import annotations

import os
import signal
import time

import structlog

from hushtape.webhook import Address
from tests.integration.test_webhook import Receiver, alarm, wait_for
from tests.integration.workers.worker_house import House
from workers.alarm_pipe import LINE_MAX_BYTES, AlarmPipe


def forked(work: object, *given: object) -> int:
    """Run something in a process of its own that ends as RQ's do: at once."""
    parent_pid = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        work(*given, parent_pid) if given else work()  # type: ignore[operator]
    finally:
        os._exit(0)


def test_what_a_process_raises_with_its_last_breath_is_sent() -> None:
    with Receiver().serving() as there:
        pipe = AlarmPipe()
        sender = forked(pipe.send, Address(there.url))
        for number in range(3):
            os.waitpid(forked(lambda: pipe.put(alarm(f"job {number}"))), 0)  # noqa: B023
        wait_for(lambda: sorted(there.words) == ["job 0", "job 1", "job 2"])
        pipe.put(alarm("the last"))
        os.kill(sender, signal.SIGTERM)
        assert os.waitpid(sender, 0)[1] == 0
        assert there.words[-1] == "the last"


def test_nobody_waits_for_a_pipe_that_is_full() -> None:
    pipe = AlarmPipe()
    with structlog.testing.capture_logs() as lines:
        began_s = time.monotonic()
        while not lines:
            pipe.put(alarm("x" * 400))
        assert time.monotonic() - began_s < 5
    assert lines[0]["event"] == "alarms are not sent"


def test_lines_of_several_writers_dont_mix() -> None:
    pipe = AlarmPipe()
    pipe.put(alarm("ü" * LINE_MAX_BYTES))
    line = os.read(pipe._read_end, 10 * LINE_MAX_BYTES)
    assert len(line) <= LINE_MAX_BYTES
    assert b"see the log" in line


def test_an_alarm_of_a_worker_is_sent(house: House) -> None:
    """A disk is nearly full, by decree."""
    with Receiver().serving() as there:
        path = house.config_path
        text = path.read_text()
        path.write_text(f'{text}\n[alarms]\nwebhook = "{there.url}"\n[disk]\nlow_gigabytes = 1e9\n')
        worker = house.start("worker", "--processes", "1")
        wait_for(lambda: bool(there.got))
        worker.terminate()
        assert worker.wait(10) == 0
        assert there.got[0][2]["kind"] == "disk"
