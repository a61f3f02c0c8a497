"""Finds what something else has recorded in a spool: files that are none of ours, by their times.

What can't be looked at may be such a file. So whoever searches is told when something wasn't.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hushtape.errors import Damaged, Unreachable
from hushtape.recordings.archive import MARKER
from hushtape.recordings.foreign import Order
from workers import erase, orphans
from workers.born import born_at, written_at
from workers.wave import HEAD_BYTES, SAMPLE_BYTES, parse_head

FILE_CLOCK = timedelta(seconds=1)  # so much a file's times and the PBX's may differ
FILES_MAX = 100_000  # that are none of ours, in one spool
FOLDERS_MAX = 10_000
LOST_AND_FOUND = "lost+found"  # of a spool that is a disk of its own: nobody records there


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A file that was being written in the time of an order.

    Attributes:
        checksum: of its name and its place on the disk.
        may_write: whether this account may overwrite it.
    """

    path: Path
    checksum: str
    size_bytes: int
    has_other_name: bool
    may_write: bool


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search found.

    Attributes:
        lacking: why there may be more, as part of a sentence; "": all was looked at.
    """

    found: tuple[Stranger, ...]
    lacking: str = ""


def search(spool: Path, order: Order) -> Search:
    """Look through a spool and its folders. Links are never followed.

    Raises:
        Unreachable: the spool itself can't be listed.
    """
    looked_at = 0
    found: list[Stranger] = []
    lacking: list[str] = []
    for path in _files(spool, lacking):
        looked_at += 1
        if looked_at > FILES_MAX:
            lacking.append(f"more than {FILES_MAX} files that are not Hushtape's lie in it")
            break
        try:
            stranger = _stranger(path, order)
        except OSError as error:
            lacking.append(f"a file in it can't be looked at: {error.strerror}")
            continue
        if stranger is not None:
            found.append(stranger)
    return Search(found=tuple(found), lacking=lacking[0] if lacking else "")


def _files(spool: Path, lacking: list[str]) -> Iterator[Path]:
    """Every plain file that is none of ours.

    Args:
        lacking: is added to, where a folder can't be listed.
    """
    folders = [spool]
    for number, folder in enumerate(folders):  # grows meanwhile
        if number > FOLDERS_MAX:
            lacking.append(f"more than {FOLDERS_MAX} folders lie in it")
            return
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder == spool:
                raise Unreachable(f"the spool {spool} can't be listed: {error.strerror}") from None
            if not isinstance(error, FileNotFoundError):  # it went meanwhile
                lacking.append(f"a folder in it can't be listed: {error.strerror}")
            continue
        for entry in listed:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False) and not _passed_by(spool, path):
                folders.append(path)
            is_ours = folder == spool and orphans.is_ours(entry.name)
            if entry.is_file(follow_symlinks=False) and not is_ours:
                yield path


def _passed_by(spool: Path, folder: Path) -> bool:
    """Tell whether a folder is looked after elsewhere: an archive of ours that somebody put into
    the spool, or what the system itself keeps on a disk."""
    if folder == spool / LOST_AND_FOUND and os.path.ismount(spool):
        return True
    return os.path.lexists(folder / MARKER)  # also where nobody may look into it


def _stranger(path: Path, order: Order) -> Stranger | None:
    """A file, if it was being written in the time of an order; None: it wasn't, or is gone.

    Raises:
        OSError: it can't be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        last_at = written_at(descriptor)
        first_at = _begun_at(descriptor, status.st_size, last_at)
    finally:
        os.close(descriptor)
    if last_at < order.since - FILE_CLOCK:
        return None
    if first_at is not None and first_at > order.until + FILE_CLOCK:
        return None
    return Stranger(
        path=path,
        checksum=hashlib.sha256(os.fsencode(path) + b"\0%d" % status.st_ino).hexdigest(),
        size_bytes=status.st_size,
        has_other_name=status.st_nlink > 1,
        may_write=erase.may_write(path),
    )


def _begun_at(descriptor: int, size_bytes: int, last_at: datetime) -> datetime | None:
    """When a file was begun, at the earliest that anything says; None: nothing does."""
    said = [at for at in (born_at(descriptor),) if at is not None]
    for channels in (1, 2):
        with suppress(Damaged):
            head = parse_head(os.pread(descriptor, HEAD_BYTES, 0), channels)
            frames = max(0, size_bytes - head.data_offset_bytes) // (channels * SAMPLE_BYTES)
            said.append(last_at - timedelta(seconds=frames / head.rate_hz))
    return min(said) if said else None
