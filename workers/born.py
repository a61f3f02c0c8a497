"""When a file was made. Linux knows, and Python's ``os.stat`` doesn't tell."""

from __future__ import annotations

import ctypes
import os
import struct
from datetime import UTC, datetime

_STATX_BTIME = 0x800
_EMPTY_PATH = 0x1000  # the descriptor itself is meant
_STATX_BYTES = 256
_MASK_AT = 0
_BTIME_AT = 80  # seconds, nanoseconds


def born_at(descriptor: int) -> datetime | None:
    """When an open file was made; None where the file system doesn't keep it."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_STATX_BYTES)
    try:
        failed = libc.statx(descriptor, b"", _EMPTY_PATH, _STATX_BTIME, buffer)
    except AttributeError:  # a C library without it
        return None
    (mask,) = struct.unpack_from("=I", buffer, _MASK_AT)
    if failed or not mask & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _BTIME_AT)
    return datetime.fromtimestamp(seconds + nanoseconds / 1e9, UTC)


def written_at(descriptor: int) -> datetime:
    """When an open file was last written to."""
    return datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
