"""A file in which is kept what one PBX said, to be played back: ``hushtape bridge --trace FILE``.

What stands in it, each kind of PBX says in its own way: asterisk/trace.py and freeswitch/trace.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hushtape.errors import ConfigError

TRACE_LIMIT_MB = 100  # some 2,500 calls
LINK_UP = "up"
LINK_DOWN = "down"
TRACE_ENDS = "trace ends"

_MARK_BYTES = 300  # room for the last mark

LOG = logging.getLogger(__name__)


class TraceFile(ABC):
    """A file that only its owner may read. It is added to, up to a limit; then it stops.

    What goes wrong while it is written ends the trace with a warning, and nothing else.

    Args:
        path: made if it isn't there. One that is there must be a trace; half a frame at its end,
            which a killed bridge leaves, is cut off.
        limit_bytes: of the whole file.

    Raises:
        ConfigError: the file can't be used, is no trace, is full, or another bridge writes it.
    """

    def __init__(self, path: Path, limit_bytes: int = TRACE_LIMIT_MB * 1_000_000) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._received: datetime | None = None  # what the last mark says
        self._file: int | None
        self._file, self._size = self._open()

    @abstractmethod
    def _mark(self, at: datetime, link: str = "") -> bytes:
        """Write down when what follows arrived, and what became of the link."""

    @abstractmethod
    def _whole_bytes(self, descriptor: int, size: int) -> int:
        """Tell how much of a file there are whole frames; 0: it is no trace of this kind."""

    @property
    def writing(self) -> bool:
        """Whether there is room, and nothing went wrong yet."""
        return self._file is not None

    def ended(self, at: datetime) -> None:
        """Keep that a connection is over."""
        self._put(self._mark(at, LINK_DOWN))
        self._received = at

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin(self, greeting: bytes, received: datetime) -> None:
        self._put(greeting + self._mark(received, LINK_UP))
        self._received = received

    def _add(self, make: Callable[[], bytes], received: datetime) -> None:
        """Keep what is made, with a mark before it if time went on since the last one."""
        if self._file is None:
            return
        try:
            kept = make()
        except Exception as error:  # a bug there must not cost the link
            LOG.error("%s: a frame can't be kept: %s", self._path, type(error).__name__)
            self.close()
            return
        mark = self._mark(received) if received != self._received else b""
        self._received = received
        self._put(mark + kept)

    def _put(self, data: bytes) -> None:
        if self._file is None:
            return
        if self._size + len(data) + _MARK_BYTES > self._limit_bytes:
            LOG.warning("%s: the trace is full and ends here (%d bytes)", self._path, self._size)
            if self._received is not None:
                self._write(self._mark(self._received, TRACE_ENDS))
            self.close()
            return
        self._write(data)

    def _write(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101
        try:
            written = os.write(self._file, data)
            if written == len(data):
                self._size += written
                return
            why = "no space left"
        except OSError as error:
            why = str(error.strerror)
        LOG.warning("%s: the trace can't be written and ends here: %s", self._path, why)
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._size)  # no half frame stays
        self.close()

    def _open(self) -> tuple[int, int]:
        path = self._path
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            # Not through a link that somebody laid there, nor waiting for a pipe's other end.
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise ConfigError(str(path), f"can't be written: {error.strerror}") from None
        try:
            size = self._claim(descriptor)
            if size + _MARK_BYTES >= self._limit_bytes:
                raise ConfigError(str(path), f"is full ({size} bytes): move it away")
        except OSError as error:
            os.close(descriptor)
            raise ConfigError(str(path), f"can't be used: {error.strerror}") from None
        except ConfigError:
            os.close(descriptor)
            raise
        return descriptor, size

    def _claim(self, descriptor: int) -> int:
        """Make a file ours, cut off half a frame at its end, and return its size."""
        path = str(self._path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(path, "is no file")
        if status.st_uid != os.geteuid():
            raise ConfigError(path, "belongs to another account, which could read it")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(path, "another bridge writes it") from None
        size = 0
        if status.st_size:
            size = self._whole_bytes(descriptor, status.st_size)
            if not size:
                raise ConfigError(path, "holds something else: a trace is added to traces only")
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, size)
        return size
