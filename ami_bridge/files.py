"""Files that only their owner may read, and that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from hushtape.alarms import Kind, raise_alarm

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


def put_aside(path: Path) -> str:
    """Give a damaged file another name; say what became of it, also where that can't be done."""
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as error:
        return f"waits there, since it can't be put aside ({error.strerror})"
    return "was put aside"


class Unusable:
    """Tells of files that can't be used, of each once: none may keep the others waiting.

    Args:
        kind: of the alarm.
        what: each of them is.
        label: under which the alarm names it.
    """

    def __init__(self, kind: Kind, what: str, label: str) -> None:
        self._kind = kind
        self._what = what
        self._label = label
        self._told: set[Path] = set()

    def tell(self, path: Path, why: str) -> None:
        """Tell what is wrong with one."""
        if path not in self._told:
            self._told.add(path)
            raise_alarm(self._kind, f"{self._what} {why}", **{self._label: path.stem})

    def tell_damaged(self, path: Path, error: Exception) -> None:
        """Put a damaged one aside, and tell."""
        self.tell(path, f"is damaged, and {put_aside(path)}: {error}")
