"""The line between Hushtape and a PBX, which the lab can cut, slow down, and make fall silent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from queue import SimpleQueue
from types import TracebackType

from lab import ports
from lab.waiting import pass_time

HOST = "127.0.0.1"
BLOCK_BYTES = 65_536
CONNECT_TIMEOUT_S = 5.0


class Cable:
    """Passes every byte of a TCP connection on. While it is cut, connecting is refused."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._claimed = ports.claim(1)
        self.port = self._claimed[0]
        self.joined_s = 0.0  # when the last connection through it was made: epoch, s
        self.sent = bytearray()  # every byte that went to the PBX
        self._delay_s = 0.0
        self._deaf = False  # new connections fall silent, too
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._lines: list[_Line] = []

    def __enter__(self) -> Cable:
        self.mend()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        ports.release(self._claimed)

    def mend(self) -> None:
        """Let connections through."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server((HOST, self.port))
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            _close(listener)
        self.drop()

    def drop(self) -> None:
        """End every connection; new ones are let through."""
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            line.close()

    def slow(self, delay_s: float) -> None:
        """From now on every byte takes so long, in each direction; 0 ends that."""
        self._delay_s = delay_s

    def mute(self, *, new_ones_too: bool = False) -> None:
        """Make the connections that are there half-open: nothing comes through, nobody is told.

        Args:
            new_ones_too: also what is connected from now on, until `unmute`.
        """
        with self._lock:
            self._deaf = new_ones_too
            for line in self._lines:
                line.muted = True

    def unmute(self) -> None:
        """Let new connections through again. What is half-open stays so, as it would."""
        self._deaf = False

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((HOST, self._target_port), CONNECT_TIMEOUT_S)
                far.settimeout(None)
                line = _Line(self, near, far)
                with self._lock:
                    if self._listener is not listener:
                        line.close()
                        return
                    line.muted = self._deaf
                    self._lines.append(line)
                    self.joined_s = time.time()
                line.start(self.sent)

    @property
    def delay_s(self) -> float:
        """How long every byte takes at the moment."""
        return self._delay_s


class _Line:
    """One connection through the cable."""

    def __init__(self, cable: Cable, near: socket.socket, far: socket.socket) -> None:
        self.muted = False
        self._cable = cable
        self._near = near
        self._far = far

    def start(self, sent: bytearray) -> None:
        """Begin to pass bytes on; keep those that go to the PBX."""
        for source, sink, kept in ((self._near, self._far, sent), (self._far, self._near, None)):
            waiting: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            threading.Thread(target=self._read, args=(source, waiting), daemon=True).start()
            threading.Thread(target=self._write, args=(sink, waiting, kept), daemon=True).start()

    def close(self) -> None:
        """End it, for both sides."""
        _close(self._near)
        _close(self._far)

    def _read(self, source: socket.socket, waiting: SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(BLOCK_BYTES)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self._cable.delay_s, data))

    def _write(
        self,
        sink: socket.socket,
        waiting: SimpleQueue[tuple[float, bytes]],
        kept: bytearray | None,
    ) -> None:
        while True:
            due_s, data = waiting.get()
            pass_time(max(0.0, due_s - time.monotonic()))
            if self.muted:
                if not data:
                    return  # the other side hears nothing of the end, either
                continue
            if not data:
                break
            if kept is not None:
                kept += data
            try:
                sink.sendall(data)
            except OSError:
                break
        self.close()


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
    end.close()
