"""What one Asterisk said, kept in a file, to be played back.

The file is what came over the wire: the greeting, then events and answers, for one connection after
the other; only whole frames, and nothing of what was sent to the PBX (so no password). Between them
stand events of our own, which Asterisk doesn't know and every reader of AMI passes over::

    Event: HushtapeTrace
    Received: 1795283075.287190        when what follows arrived: Unix time, this machine's clock
    Link: up | down | trace ends       a connection begins or is over; the file is full
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ami_bridge.trace import TRACE_LIMIT_MB, TraceFile

MARK = b"Event: HushtapeTrace\r\n"
GREETING = b"Asterisk Call Manager"

_FRAME_END = b"\r\n\r\n"
_TAIL_BYTES = 1024 * 1024  # more than a frame: where a killed bridge left half of one


class Trace(TraceFile):
    """The trace of one Asterisk.

    Args:
        path, limit_bytes: see ``TraceFile``.
        mask: takes a frame without its empty line and returns what may be kept of it.
    """

    def __init__(
        self,
        path: Path,
        limit_bytes: int = TRACE_LIMIT_MB * 1_000_000,
        mask: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__(path, limit_bytes)
        self._mask_frame = mask or (lambda raw: raw)

    def began(self, greeting: bytes, received: datetime) -> None:
        """Keep that a connection begins.

        Args:
            greeting: the PBX's first line, without its end.
            received: when; aware.
        """
        self._begin(greeting + b"\r\n", received)

    def frame(self, raw: bytes, received: datetime) -> None:
        """Keep a frame, given without its empty line."""
        self._add(lambda: self._mask_frame(raw) + _FRAME_END, received)

    def _mark(self, at: datetime, link: str = "") -> bytes:
        became = f"Link: {link}\r\n" if link else ""
        return MARK + f"Received: {at.timestamp():.6f}\r\n{became}\r\n".encode()

    def _whole_bytes(self, descriptor: int, size: int) -> int:
        tail_at = max(0, size - _TAIL_BYTES)
        end = os.pread(descriptor, _TAIL_BYTES, tail_at).rfind(_FRAME_END)
        if os.pread(descriptor, len(GREETING), 0) != GREETING or end < 0:
            return 0
        return tail_at + end + len(_FRAME_END)
