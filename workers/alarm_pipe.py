"""How the alarms of the worker processes come to the webhook: through a pipe, to one that sends.

A process that works on a job ends with it, too soon to wait for an answer from far away.
"""

from __future__ import annotations

import os
import select
import signal
from types import FrameType

import msgspec

from hushtape import alarms, webhook
from hushtape.alarms import Alarm
from hushtape.webhook import Address
from workers.log import log

SEND = "alarms"  # stands among the queues, for the process that sends
PARENT_LOOK_S = 0.5
READ_BYTES = 65536
LINE_MAX_BYTES = select.PIPE_BUF  # up to that, lines of several writers don't mix


class AlarmPipe:
    """Both ends of the pipe: made before the processes are forked, and inherited by each."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def put(self, alarm: Alarm) -> None:
        """Pass an alarm on; where the pipe is full, it is in the log only."""
        line = msgspec.json.encode(alarm) + b"\n"
        if len(line) > LINE_MAX_BYTES:
            line = msgspec.json.encode(msgspec.structs.replace(alarm, what="see the log")) + b"\n"
        try:
            os.write(self._write_end, line)
        except BlockingIOError:
            log.warning("alarms are not sent", why="too many at once")

    def send(self, address: Address, parent_pid: int) -> None:
        """Send what comes through, until SIGTERM or until the parent process is gone."""
        ended = False

        def end(_number: int, _frame: FrameType | None) -> None:
            nonlocal ended
            ended = True

        signal.signal(signal.SIGTERM, end)
        hook = webhook.Webhook(address)
        hook.start()
        alarms.send_to(hook.put)
        rest = b""
        while True:
            last = ended or os.getppid() != parent_pid
            rest = self._pass_on(hook, rest, 0 if last else PARENT_LOOK_S)
            if last:
                break
        hook.close()

    def _pass_on(self, hook: webhook.Webhook, rest: bytes, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._read_end], [], [], wait_s)
        if not ready:
            return rest
        *lines, rest = (rest + os.read(self._read_end, READ_BYTES)).split(b"\n")
        for line in lines:
            try:
                hook.put(msgspec.json.decode(line, type=Alarm))
            except msgspec.DecodeError:
                log.error("an alarm was not sent", why="it can't be read")
        return rest
