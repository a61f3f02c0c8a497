"""The archive on a local disk: what was put is there after a power cut, and never overwritten.

Errors of the disk become ``Unreachable``: trying again later may help.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from hushtape.errors import RecordingError, TooBig, Unreachable
from hushtape.ids import is_call_id
from hushtape.recordings import layout

DOCUMENT_LIMIT_BYTES = 4_000_000
BLOCK_BYTES = 65_536
FOLDER_MODE = 0o750
FILE_MODE = 0o640
PRIVATE_MODE = 0o600

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")
_PART = ".part-"


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

    def prepare(self) -> None:
        """Make the folders where they are missing.

        Raises:
            Unreachable: they can't be made or written.
        """
        with self._disk("prepare"):
            self.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            (self.root / layout.SCRATCH).mkdir(mode=0o700, exist_ok=True)

    def put(self, name: str, data: bytes, mode: int = FILE_MODE) -> None:
        """Store a document; storing the same again does no harm.

        Raises:
            Conflict: something else lies there.
            Unreachable: the disk is full or can't be written.
        """
        target = self._path(name)
        with self._disk("write"):
            self._make_folders(target.parent)
            part = target.parent / f"{_PART}{secrets.token_hex(8)}"
            try:
                with _create(part, mode) as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                self._link(part, target)
            finally:
                part.unlink(missing_ok=True)
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
            return self._path(name).is_file()

    def names(self, prefix: str) -> tuple[str, ...]:
        """All files below a prefix, in order; half-written ones are left out."""
        with self._disk("list"):
            return tuple(
                str(path.relative_to(self.root))
                for path in self._files(self._path(prefix.rstrip("/")))
                if not path.name.startswith(_PART)
            )

    def days(self) -> tuple[str, ...]:
        """The prefixes of all days that have recordings, oldest first."""
        pattern = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
        with self._disk("list"):
            return tuple(
                sorted(f"{path.relative_to(self.root)}/" for path in self.root.glob(pattern))
            )

    def ids(self, day_prefix: str) -> tuple[str, ...]:
        """The recordings of one day that exist: those with a manifest."""
        folder = self._path(day_prefix.rstrip("/"))
        with self._disk("list"):
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entry.name for entry in entries if is_call_id(entry.name))
            except FileNotFoundError:
                return ()
            return tuple(name for name in found if (folder / name / layout.MANIFEST).is_file())

    def delete(self, name: str) -> None:
        """Remove one file; it may be gone already."""
        path = self._path(name)
        with self._disk("delete from"):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)

    def delete_prefix(self, prefix: str, last: str = "") -> None:
        """Remove everything below a prefix, and its folder.

        Args:
            last: the file that goes last, when all others are gone.

        Raises:
            Unreachable: something can't be removed; what was removed stays removed.
        """
        folder = self._path(prefix.rstrip("/"))
        with self._disk("delete from"):
            keep = self._path(last) if last else None
            for path in self._files(folder):
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
        """
        with self._disk("look into"):
            if os.path.lexists(self._path(prefix.rstrip("/"))):
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

    def is_busy(self, recording_id: str) -> bool:
        """Tell whether a process is working on this recording right now."""
        folder = self.root / layout.SCRATCH / recording_id
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

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
            os.link(source, target)
        except FileExistsError:
            if not _same_content(source, target):
                raise Conflict(
                    f"{target.relative_to(self.root)} is in the archive already, with other content"
                ) from None

    def _make_folders(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        # A new folder is durable only when its name in the folder above is.
        while folder != self.root and self.root in folder.parents:
            folder = folder.parent
            _sync_folder(folder)

    def _files(self, folder: Path) -> Iterator[Path]:
        for parent, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                yield Path(parent) / name

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
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
                raise Unreachable(
                    f"the archive can't be written ({self.root}: {error.strerror}): the worker's"
                    " account needs to own this folder"
                ) from error
            raise Unreachable(f"can't {doing} the archive: {error}") from error


def _create(path: Path, mode: int) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    os.fchmod(descriptor, mode)  # the mode as written, whatever the umask
    return os.fdopen(descriptor, "wb")


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
