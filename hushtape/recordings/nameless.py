"""A file that has no name until it is whole: whoever dies while writing it leaves nothing behind.

Where the disk can't make such files (NFS, older overlays), it has a temporary name meanwhile.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PART = ".part-"
OPEN_FILES = Path("/proc/self/fd")
_CANNOT = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)  # by the file system, or an old kernel


@contextmanager
def unnamed(folder: Path, mode: int) -> Iterator[tuple[IO[bytes], Path]]:
    """Begin a file in a folder; unless it is given a name with ``link``, it is gone afterwards.

    Yields:
        The stream to write to, and the path by which the file can be reached meanwhile.

    Raises:
        OSError: the folder can't be written.
    """
    part = None
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        part = folder / f"{PART}{secrets.token_hex(8)}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)  # the mode as written, whatever the umask
        with os.fdopen(descriptor, "wb") as stream:
            yield stream, part or OPEN_FILES / str(descriptor)
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """Give a file a name, or one more.

    Raises:
        FileExistsError: something has that name already.
        OSError: the folder can't be written.
    """
    if source.parent != OPEN_FILES:
        os.link(source, target)
        return
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a descriptor Python asks the kernel to follow the link to the open file.
        os.link(source, target, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
