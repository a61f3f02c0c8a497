"""The spool: the folder in which the PBX leaves its files. What lies in it isn't trusted."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from hushtape.errors import Damaged, RecordingError, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings.manifest import HANDOFF_LIMIT_BYTES

SPOOL_FILE_LIMIT_BYTES = 2_000_000_000  # 34 hours at 8 kHz, 17 where a file holds both sides
NAME_LIMIT = 200
HANDOFF_SUFFIX = ".handoff.json"
PART_SUFFIX = ".part"
ORDER_SUFFIX = ".order.json"  # to destroy what a stranger recorded; its name is hidden

_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Missing(Damaged):
    """The PBX never wrote this file, or somebody took it away."""


class Different(RecordingError):
    """Another hand-off of the same recording waits in the spool already."""


def check_name(recording_id: str, name: str) -> None:
    """See that a name from outside is a file of this recording and of nothing else.

    Raises:
        Damaged: it isn't. The name itself isn't repeated: it may hold anything.
    """
    if not _is_file_of(recording_id, name):
        raise Damaged(
            f"recording {recording_id}: a spool file's name is not of the shape"
            f" {recording_id}.<letters, digits, dots, hyphens>"
        )


def files_of(spool: Path, recording_id: str) -> dict[str, int]:
    """Every file of a recording that is there, by name, with its size in bytes.

    Raises:
        Unreachable: the spool can't be listed.
    """
    found = {}
    try:
        with os.scandir(spool) as entries:
            for entry in entries:
                if _is_file_of(recording_id, entry.name):
                    with suppress(FileNotFoundError):  # it went while we looked
                        found[entry.name] = entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        raise _unlisted(spool, error) from None
    return found


def open_file(spool: Path, recording_id: str, name: str) -> IO[bytes]:
    """Open a spool file for reading; a link or a device in its place is refused.

    Raises:
        Missing: there is no such file.
        Damaged: it isn't a plain file.
        Unreachable: the disk doesn't give it.
    """
    check_name(recording_id, name)
    try:
        # O_NONBLOCK: a named pipe in the file's place must not stop us.
        descriptor = os.open(
            spool / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except FileNotFoundError:
        raise Missing(f"{name} is not in the spool") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Damaged(f"{name} in the spool is a link, not a file") from None
        raise Unreachable(f"{name} in the spool can't be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Damaged(f"{name} in the spool is not a plain file")
    return os.fdopen(descriptor, "rb", buffering=0)


def handoff_path(spool: Path, recording_id: str) -> Path:
    """Where a taken hand-off waits until its recording is archived."""
    return spool / f"{recording_id}{HANDOFF_SUFFIX}"


def write_handoff(spool: Path, recording_id: str, data: bytes, *, replace: bool = False) -> None:
    """Keep a hand-off through a power cut; the same again does no harm.

    Args:
        replace: whether it takes the place of another one. Only under the recording's lock: the
            process that works on the other one removes what it finds when it is done.

    Raises:
        Different: another one of the same recording is kept already; it names other files.
        Unreachable: the spool can't be written.
    """
    try:
        if not replace and read_handoff(spool, recording_id) == data:
            return
    except Missing:
        replace = True
    if not replace:
        raise Different(
            f"a second, different hand-off of recording {recording_id}: the first one comes first,"
            " and the files of both stay in the spool"
        )
    write_small(spool, handoff_path(spool, recording_id).name, data)


def write_small(spool: Path, name: str, data: bytes) -> None:
    """Write a small file of ours so that it is there after a power cut, whole or as it was before.

    Args:
        name: of the shape ``<recording's id>.…`` or ``.<recording's id>.…``.

    Raises:
        Unreachable: the spool can't be written.
    """
    recording_id = name.removeprefix(".").partition(".")[0]
    part = spool / f".{recording_id}.{secrets.token_hex(8)}{PART_SUFFIX}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(spool / name)
        finally:
            part.unlink(missing_ok=True)
        sync(spool)
    except OSError as error:
        raise Unreachable(
            f"the spool {spool} can't be written ({error.strerror}): the worker's account needs"
            " the right to write there"
        ) from None


def read_handoff(spool: Path, recording_id: str) -> bytes:
    """Read a hand-off that was kept.

    Raises:
        Missing: there is none.
        Damaged: it is a link, or too big.
        Unreachable: the disk doesn't give it.
    """
    return read_small(spool, handoff_path(spool, recording_id).name, HANDOFF_LIMIT_BYTES)


def read_small(spool: Path, name: str, limit_bytes: int) -> bytes:
    """Read a small file of ours.

    Raises:
        Missing: there is none.
        Damaged: it is no plain file, or too big.
        Unreachable: it is a link, or the disk doesn't give it.
    """
    try:
        descriptor = os.open(
            spool / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Damaged(f"{name} in the spool is not a plain file: remove it")
        with os.fdopen(descriptor, "rb") as stream:
            data = stream.read(limit_bytes + 1)
    except FileNotFoundError:
        raise Missing(f"{name} is not in the spool") from None
    except OSError as error:
        what = "it is a link, not a file" if error.errno == errno.ELOOP else error.strerror
        raise Unreachable(f"{name} in the spool can't be read: {what}") from None
    if len(data) > limit_bytes:
        raise Damaged(f"{name} in the spool is larger than {limit_bytes} bytes")
    return data


def waiting(spool: Path, limit: int) -> tuple[str, ...]:
    """The ids of recordings whose hand-off was taken and isn't archived yet, oldest first.

    Raises:
        Unreachable: the spool can't be listed.
    """
    try:
        with os.scandir(spool) as entries:
            found = [
                entry.name.removesuffix(HANDOFF_SUFFIX)
                for entry in entries
                if entry.name.endswith(HANDOFF_SUFFIX)
            ]
    except OSError as error:
        raise _unlisted(spool, error) from None
    return tuple(sorted(name for name in found if is_call_id(name))[:limit])


def remove(spool: Path, names: tuple[str, ...]) -> None:
    """Remove files whose names were checked; those that are gone already are no matter.

    Raises:
        Unreachable: one can't be removed.
    """
    try:
        for name in names:
            (spool / name).unlink(missing_ok=True)
        sync(spool)
    except OSError as error:
        raise Unreachable(
            f"a file can't be removed from the spool {spool} ({error.strerror}): the worker's"
            " account needs the right to write there"
        ) from None


def remove_handoff(spool: Path, recording_id: str) -> None:
    """Remove a hand-off, and what a power cut left of its writing.

    Raises:
        Unreachable: it can't be removed.
    """
    begins = f".{recording_id}."
    try:
        with os.scandir(spool) as entries:
            parts = [
                entry.name
                for entry in entries
                if entry.name.startswith(begins) and entry.name.endswith(PART_SUFFIX)
            ]
    except OSError as error:
        raise _unlisted(spool, error) from None
    remove(spool, (*parts, handoff_path(spool, recording_id).name))


def sync(folder: Path) -> None:
    """Make the folder's list of names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_file_of(recording_id: str, name: str) -> bool:
    return (
        _NAME.fullmatch(name) is not None
        and len(name) <= NAME_LIMIT
        and name.startswith(f"{recording_id}.")
        and not name.endswith(HANDOFF_SUFFIX)
    )


def _unlisted(spool: Path, error: OSError) -> Unreachable:
    return Unreachable(f"the spool {spool} can't be listed: {error.strerror}")
