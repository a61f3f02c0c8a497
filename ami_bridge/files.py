"""Files that only their owner may read, and that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"  # what a killed bridge leaves half written


def write_private(path: Path, data: bytes, *, durable: bool) -> None:
    """Write a file aside and give it its name when it is whole; an old one is replaced.

    Args:
        durable: it survives a power cut when this returns, not only the end of the process.

    Raises:
        OSError: the disk is full or not writable.
    """
    part = path.with_suffix(PART)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    part.replace(path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def clear_parts(folder: Path) -> None:
    """Remove what a predecessor was killed over."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)
