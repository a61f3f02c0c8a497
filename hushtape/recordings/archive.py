"""The archive on a local disk: what was put is there after a power cut, and never overwritten.

Errors of the disk become ``Unreachable``: trying again later may help. What can't be listed or
looked at is an error, never "nothing there": nobody may take an unreadable hold for no hold.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from hushtape import disks
from hushtape.errors import RecordingError, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import layout, nameless

DOCUMENT_LIMIT_BYTES = 4_000_000
BLOCK_BYTES = 65_536
FOLDER_MODE = 0o750
FILE_MODE = 0o640
PRIVATE_MODE = 0o600
MARKER = ".hushtape-archive"  # lies in the root of every archive

_YEAR = re.compile(r"[0-9]{4}")
_TWO_DIGITS = re.compile(r"[0-9]{2}")
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")
_READING = {"look into", "read", "read back", "list"}
_OF_A_NEW_DISK = {"lost+found"}  # what an empty file system may hold
_MARKER_TEXT = b"This folder is an archive of Hushtape. Without this file nothing touches it.\n"


class Digest(NamedTuple):
    """What identifies a stored file."""

    size_bytes: int
    sha256: str


class Absent(RecordingError):
    """The archive holds nothing under this name."""


class Conflict(RecordingError):
    """The archive holds something else under this name."""


class Busy(RecordingError):
    """Another process is working on this recording."""


class LocalArchive:
    """Files below one folder. Names are those of ``layout``, relative and with slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self, known: Callable[[], bool] = lambda: False) -> None:
        """See that the archive is there; the first time, set it up.

        An archive is known by its marker. A folder without one is made an archive only if it is
        missing or empty and nobody knows of recordings yet. Else it is the mount point of a disk
        that isn't mounted: recordings wait in the spool, and none counts as gone.

        Args:
            known: tells whether there are recordings already; asked only if the marker is missing.

        Raises:
            Unreachable: the folders can't be made or written, or the disk isn't mounted.
        """
        with self._disk("prepare"):
            if not _is_file(self.root / MARKER):
                self._set_up(known)
            (self.root / layout.SCRATCH).mkdir(mode=0o700, exist_ok=True)

    def check(self) -> None:
        """See that the archive is there; nothing is made.

        Raises:
            Unreachable: there is none, or its disk isn't mounted.
        """
        with self._disk("look into"):
            if not _is_file(self.root / MARKER):
                raise self._not_there()

    def put(self, name: str, data: bytes, mode: int = FILE_MODE) -> None:
        """Store a document; storing the same again does no harm.

        Raises:
            Conflict: something else lies there.
            Unreachable: the disk is full or can't be written.
        """
        target = self._path(name)
        with self._disk("write"):
            self._make_folders(target.parent)
            with nameless.unnamed(target.parent, mode) as (stream, source):
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
                self._link(source, target)
            _sync_folder(target.parent)

    def put_file(self, name: str, source: Path, mode: int = FILE_MODE) -> None:
        """Store a file that was made in ``scratch``: it is linked, not copied.

        Raises:
            Conflict: something else lies there.
            Unreachable: the disk is full or can't be written.
        """
        target = self._path(name)
        with self._disk("write"):
            self._make_folders(target.parent)
            descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._link(source, target)
            _sync_folder(target.parent)

    def get(self, name: str, limit_bytes: int = DOCUMENT_LIMIT_BYTES) -> bytes:
        """Read a document.

        Raises:
            Absent: there is none.
            TooBig: it is over the limit.
            Unreachable: the disk doesn't give it.
        """
        with self._disk("read"), self._open(name) as stream:
            data = stream.read(limit_bytes + 1)
        if len(data) > limit_bytes:
            raise TooBig(f"{name} in the archive is larger than {limit_bytes} bytes")
        return data

    def digest(self, name: str) -> Digest:
        """Read a file back from the disk, not from the page cache, and say what it holds.

        Raises:
            Absent: there is none.
            Unreachable: the disk doesn't give it.
        """
        checksum = hashlib.sha256()
        size_bytes = 0
        with self._disk("read back"), self._open(name) as stream:
            # Written and fsynced pages may be dropped; what follows then comes from the disk.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while block := stream.read(BLOCK_BYTES):
                checksum.update(block)
                size_bytes += len(block)
        return Digest(size_bytes, checksum.hexdigest())

    def verify(self, name: str, expected: Digest) -> None:
        """Read back and compare.

        Raises:
            RecordingError: it isn't what was stored, or absent.
        """
        found = self.digest(name)
        if found != expected:
            raise RecordingError(
                f"{name} in the archive is not what was stored: {found.size_bytes} bytes with"
                f" checksum {found.sha256[:12]}…, expected {expected.size_bytes} and"
                f" {expected.sha256[:12]}…"
            )

    def exists(self, name: str) -> bool:
        """Tell whether there is a file of this name."""
        with self._disk("look into"):
            return _is_file(self._path(name))

    def names(self, prefix: str) -> tuple[str, ...]:
        """All files below a prefix, in order; half-written ones are left out."""
        with self._disk("list"):
            return tuple(
                str(path.relative_to(self.root))
                for path in self._files(self._path(prefix.rstrip("/")))
                if not path.name.startswith(nameless.PART)
            )

    def days(self) -> tuple[str, ...]:
        """The prefixes of all days that have recordings, oldest first."""
        self.check()
        with self._disk("list"):
            return tuple(
                f"{year}/{month}/{day}/"
                for year in _folders(self.root, _YEAR)
                for month in _folders(self.root / year, _TWO_DIGITS)
                for day in _folders(self.root / year / month, _TWO_DIGITS)
            )

    def ids(self, day_prefix: str) -> tuple[str, ...]:
        """The recordings of one day that exist: those with a manifest."""
        folder = self._path(day_prefix.rstrip("/"))
        with self._disk("list"):
            return tuple(
                name
                for name in self.prefixes(day_prefix)
                if _is_file(folder / name / layout.MANIFEST)
            )

    def prefixes(self, day_prefix: str) -> tuple[str, ...]:
        """The ids of one day under which anything lies, whole or not."""
        folder = self._path(day_prefix.rstrip("/"))
        with self._disk("list"):
            return tuple(name for name in _listed(folder) if is_call_id(name))

    def delete(self, name: str) -> None:
        """Remove one file; it may be gone already."""
        path = self._path(name)
        with self._disk("delete from"):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)

    def delete_prefix(self, prefix: str, first: str = "", last: str = "") -> None:
        """Remove everything below a prefix, and its folder.

        Args:
            first: the file that goes first: while it is there, everything is.
            last: the file that goes last, when all others are gone.

        Raises:
            Unreachable: something can't be removed; what was removed stays removed.
        """
        folder = self._path(prefix.rstrip("/"))
        with self._disk("delete from"):
            keep = self._path(last) if last else None
            if first:
                self._path(first).unlink(missing_ok=True)
                _sync_folder(self._path(first).parent)
            for path in tuple(self._files(folder)):
                if path != keep:
                    path.unlink(missing_ok=True)
            if folder.is_dir():
                _sync_folder(folder)
            if keep is not None:
                keep.unlink(missing_ok=True)
            if folder.is_dir():
                shutil.rmtree(folder)
                _sync_folder(folder.parent)

    def verify_absent(self, prefix: str) -> None:
        """Look whether a prefix is really gone.

        Raises:
            RecordingError: something is still there.
            Unreachable: it can't be looked at, or the archive itself isn't there.
        """
        with self._disk("look into"):
            try:
                self._path(prefix.rstrip("/")).lstat()
            except FileNotFoundError:
                self.check()  # on a disk that isn't mounted everything seems gone
                return
        raise RecordingError(f"{prefix} is still in the archive after it was deleted")

    @contextmanager
    def scratch(self, recording_id: str) -> Iterator[Path]:
        """An empty folder on the archive's disk, for one process at a time; gone afterwards.

        It is also the recording's lock: the kernel lets go of it when the process dies, so a
        second run of a job never meets a first one that is still going.

        Raises:
            Busy: another process has it.
            Unreachable: the disk is full or can't be written.
        """
        layout.prefix(recording_id)
        self.check()
        folder = self.root / layout.SCRATCH / recording_id
        descriptor = self._lock(folder)
        try:
            with self._disk("empty the scratch folder of"):
                for path in folder.iterdir():
                    path.unlink()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)

    def in_scratch(self) -> tuple[str, ...]:
        """The recordings that somebody works on, or had begun to work on when he died."""
        with self._disk("look into"):
            return tuple(each for each in _listed(self.root / layout.SCRATCH) if is_call_id(each))

    def is_busy(self, recording_id: str) -> bool:
        """Tell whether a process is working on this recording right now."""
        folder = self.root / layout.SCRATCH / recording_id
        with self._disk("look into"):
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                return False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(descriptor)
            return False

    def _set_up(self, known: Callable[[], bool]) -> None:
        there = _listed(self.root)
        if MARKER in there:  # another process was faster
            return
        if set(there) - _OF_A_NEW_DISK or known():
            raise self._not_there()
        self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with nameless.unnamed(self.root, FILE_MODE) as (stream, source):
            stream.write(_MARKER_TEXT)
            stream.flush()
            os.fsync(stream.fileno())
            with suppress(FileExistsError):  # another process was faster
                nameless.link(source, self.root / MARKER)
        _sync_folder(self.root)

    def _not_there(self) -> Unreachable:
        return Unreachable(
            f"the archive {self.root} is not mounted, or was never set up: there is no file"
            f" {MARKER} in it (if this is to be a new, empty archive, make that file)"
        )

    def _lock(self, folder: Path) -> int:
        with self._disk("write"):
            while True:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                try:
                    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                except FileNotFoundError:
                    continue  # the one before us has just removed it
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.path.samestat(os.fstat(descriptor), folder.stat()):
                        return descriptor
                except BlockingIOError:
                    os.close(descriptor)
                    raise Busy(f"{folder.name} is being worked on by another process") from None
                except FileNotFoundError:
                    pass
                os.close(descriptor)

    def _link(self, source: Path, target: Path) -> None:
        try:
            nameless.link(source, target)
        except FileExistsError:
            if not _same_content(source, target):
                raise Conflict(
                    f"{target.relative_to(self.root)} is in the archive already, with other content"
                ) from None

    def _make_folders(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self.check()
        missing = [each for each in (folder, *folder.parents) if self.root in each.parents]
        for each in reversed(missing):  # one by one: parents=True would let others list them
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)
        # A new folder is durable only when its name in the folder above is.
        while folder != self.root and self.root in folder.parents:
            folder = folder.parent
            _sync_folder(folder)

    def _files(self, folder: Path) -> Iterator[Path]:
        for name in _listed(folder):
            path = folder / name
            if stat.S_ISDIR(path.lstat().st_mode):
                yield from self._files(path)
            else:
                yield path

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise Absent(f"{name} is not in the archive") from None
        with os.fdopen(descriptor, "rb") as stream:
            yield stream

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name in the archive: {name!r}")
        return self.root / name

    @contextmanager
    def _disk(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Unreachable(
                    f"the archive's disk is full ({self.root}): recordings wait in the spool until"
                    " there is room"
                ) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                owned = "the account that runs this needs to own this folder, as the worker's does"
                then = disks.READ_ONLY if error.errno == errno.EROFS else owned
                what = "read" if doing in _READING else "written"
                raise Unreachable(
                    f"the archive can't be {what} ({self.root}: {error.strerror}): {then}"
                ) from error
            raise Unreachable(f"can't {doing} the archive: {error}") from error


def _listed(folder: Path) -> list[str]:
    """What is in a folder, in order; nothing if there is no such folder.

    Raises:
        OSError: it can't be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except FileNotFoundError:
        return []


def _folders(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        name
        for name in _listed(folder)
        if pattern.fullmatch(name) and stat.S_ISDIR((folder / name).lstat().st_mode)
    ]


def _is_file(path: Path) -> bool:
    """As ``Path.is_file``, but what can't be looked at is an error, not "no"."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_content(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(BLOCK_BYTES):
            if block != second.read(BLOCK_BYTES):
                return False
    return True
