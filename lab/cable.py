"""The line between Hushtape and a PBX, which the lab can cut and mend."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

from lab import ports

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
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []

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
            ends, self._ends = self._ends, []
        if listener is not None:
            _close(listener)
        for end in ends:
            _close(end)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((HOST, self._target_port), CONNECT_TIMEOUT_S)
                far.settimeout(None)
                with self._lock:
                    if self._listener is not listener:
                        _close(near)
                        _close(far)
                        return
                    self._ends += [near, far]
                    self.joined_s = time.time()
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(BLOCK_BYTES):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
    end.close()
