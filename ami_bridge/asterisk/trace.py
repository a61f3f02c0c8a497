"""What one PBX said, kept in a file, to be played back: ``hushtape bridge --trace FILE``.

The file is what came over the wire: the greeting, then events and answers, for one connection after
the other; only whole frames, and nothing of what was sent to the PBX (so no password). Between them
stand events of our own, which Asterisk doesn't know and every reader of AMI passes over::

    Event: HushtapeTrace
    Received: 1795283075.287190        when what follows arrived: Unix time, this machine's clock
    Link: up | down | trace ends       a connection begins or is over; the file is full
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hushtape.errors import ConfigError

TRACE_LIMIT_MB = 100  # some 2,500 calls
MARK = b"Event: HushtapeTrace\r\n"
GREETING = b"Asterisk Call Manager"

_FRAME_END = b"\r\n\r\n"
_TAIL_BYTES = 1024 * 1024  # more than a frame: where a killed bridge left half of one
_MARK_BYTES = 100  # room for the last mark

LOG = logging.getLogger(__name__)


class Trace:
    """A file that only its owner may read. It is added to, up to a limit; then it stops.

    What goes wrong while it is written ends the trace with a warning, and nothing else.

    Args:
        path: made if it isn't there. One that is there must be a trace; half a frame at its end,
            which a killed bridge leaves, is cut off.
        limit_bytes: of the whole file.
        mask: takes a frame without its empty line and returns what may be kept of it.

    Raises:
        ConfigError: the file can't be used, is no trace, is full, or another bridge writes it.
    """

    def __init__(
        self,
        path: Path,
        limit_bytes: int = TRACE_LIMIT_MB * 1_000_000,
        mask: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._mask = mask
        self._received: datetime | None = None  # what the last mark says
        self._file: int | None
        self._file, self._size = _open(path, limit_bytes)

    @property
    def writing(self) -> bool:
        """Whether there is room, and nothing went wrong yet."""
        return self._file is not None

    def began(self, greeting: bytes, received: datetime) -> None:
        """Keep that a connection begins.

        Args:
            greeting: the PBX's first line, without its end.
            received: when; aware.
        """
        self._put(greeting + b"\r\n" + _mark(received, b"Link: up\r\n"))
        self._received = received

    def frame(self, raw: bytes, received: datetime) -> None:
        """Keep a frame, given without its empty line."""
        if self._file is None:
            return
        try:
            kept = self._mask(raw) if self._mask is not None else raw
        except Exception as error:  # a bug there must not cost the link
            LOG.error("%s: a frame can't be masked: %s", self._path, type(error).__name__)
            self._end()
            return
        mark = _mark(received) if received != self._received else b""
        self._received = received
        self._put(mark + kept + _FRAME_END)

    def ended(self, at: datetime) -> None:
        """Keep that a connection is over."""
        self._put(_mark(at, b"Link: down\r\n"))
        self._received = at

    def close(self) -> None:
        """Write no more."""
        self._end()

    def _put(self, data: bytes) -> None:
        if self._file is None:
            return
        if self._size + len(data) + _MARK_BYTES > self._limit_bytes:
            LOG.warning("%s: the trace is full and ends here (%d bytes)", self._path, self._size)
            if self._received is not None:
                self._write(_mark(self._received, b"Link: trace ends\r\n"))
            self._end()
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
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _mark(at: datetime, link: bytes = b"") -> bytes:
    return MARK + f"Received: {at.timestamp():.6f}\r\n".encode() + link + b"\r\n"


def _open(path: Path, limit_bytes: int) -> tuple[int, int]:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        # Not through a link that somebody laid there, and without waiting for a pipe's other end.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise ConfigError(str(path), f"can't be written: {error.strerror}") from None
    try:
        size = _claim(path, descriptor)
        if size + _MARK_BYTES >= limit_bytes:
            raise ConfigError(str(path), f"is full ({size} bytes): move it away")
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(str(path), f"can't be used: {error.strerror}") from None
    except ConfigError:
        os.close(descriptor)
        raise
    return descriptor, size


def _claim(path: Path, descriptor: int) -> int:
    """Make a file ours, cut off half a frame at its end, and return its size."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(str(path), "is no file")
    if status.st_uid != os.geteuid():
        raise ConfigError(str(path), "belongs to another account, which could read it")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(str(path), "another bridge writes it") from None
    size = 0
    if status.st_size:
        tail_at = max(0, status.st_size - _TAIL_BYTES)
        end = os.pread(descriptor, _TAIL_BYTES, tail_at).rfind(_FRAME_END)
        if os.pread(descriptor, len(GREETING), 0) != GREETING or end < 0:
            raise ConfigError(str(path), "holds something else: a trace is added to traces only")
        size = tail_at + end + len(_FRAME_END)
    os.fchmod(descriptor, 0o600)
    os.ftruncate(descriptor, size)
    return size
