"""Listens to stretches of spool files, and overwrites them where they lie.

The file keeps its length: what is left of it stays where it was, and a second look finds the same.
"""

from __future__ import annotations

import audioop
import os
import secrets
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hushtape.errors import Damaged, Unreachable
from workers import spool
from workers.settle import SpoolAudio
from workers.silence import Frames
from workers.wave import SAMPLE_BYTES

BLOCK_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What is in a stretch of samples."""

    samples: int = 0
    loud: int = 0  # of these, how many are not zero
    largest: int = 0  # without its sign


def hear(folder: Path, recording_id: str, audio: SpoolAudio, stretch: Frames) -> Peak:
    """Look at every sample of a stretch, in all its channels.

    Raises:
        Damaged: the file has become shorter.
        Unreachable: the disk doesn't give it.
    """
    samples = loud = largest = 0
    with spool.open_file(folder, recording_id, audio.name) as stream:
        stream.seek(audio.data_offset_bytes + stretch[0] * audio.frame_bytes)
        left_bytes = (stretch[1] - stretch[0]) * audio.frame_bytes
        while left_bytes:
            block = stream.read(min(BLOCK_BYTES, left_bytes))
            if not block or len(block) % SAMPLE_BYTES:
                raise Damaged(f"{audio.name} in the spool has become shorter while it was read")
            left_bytes -= len(block)
            piece = array("h", block)
            samples += len(piece)
            loud += len(piece) - piece.count(0)
            largest = max(largest, audioop.max(block, SAMPLE_BYTES))
    return Peak(samples=samples, loud=loud, largest=largest)


def overwrite(
    folder: Path, recording_id: str, audio: SpoolAudio, stretches: Sequence[Frames]
) -> None:
    """Make stretches of a file silent, all its channels, on the disk; again does no harm.

    Where the worker's account may not write into the PBX's file, one without them takes its place.

    Raises:
        Damaged: it isn't a plain file.
        Unreachable: it can't be done.
    """
    if not stretches:
        return
    spool.check_name(recording_id, audio.name)
    places = [
        (audio.data_offset_bytes + begin * audio.frame_bytes, (end - begin) * audio.frame_bytes)
        for begin, end in stretches
    ]
    try:
        try:
            descriptor = os.open(
                folder / audio.name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except PermissionError:
            _replace(folder, recording_id, audio.name, places)
            return
        try:
            for offset_bytes, size_bytes in places:
                fill(descriptor, offset_bytes, size_bytes)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreachable(
            f"{audio.name} in the spool holds sound of a payment and can't be overwritten"
            f" ({error.strerror}): the worker's account needs the right to write there"
        ) from None


def may_write(path: Path) -> bool:
    """Tell whether this account may overwrite a file where it lies."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return False
    except OSError:  # gone, a link, a disk that takes nothing: whoever writes to it finds out
        return True
    return True


def fill(descriptor: int, offset_bytes: int, size_bytes: int) -> None:
    """Write zeros over a stretch of an open file."""
    end_bytes = offset_bytes + size_bytes
    while offset_bytes < end_bytes:
        block = bytes(min(BLOCK_BYTES, end_bytes - offset_bytes))
        offset_bytes += os.pwrite(descriptor, block, offset_bytes)


def _replace(folder: Path, recording_id: str, name: str, places: Sequence[tuple[int, int]]) -> None:
    part = folder / f".{recording_id}.{secrets.token_hex(8)}{spool.PART_SUFFIX}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for block in _without(folder, recording_id, name, places):
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
    spool.sync(folder)


def _without(
    folder: Path, recording_id: str, name: str, places: Sequence[tuple[int, int]]
) -> Iterator[bytes]:
    """A file's content with zeros in some places."""
    at_bytes = 0
    with spool.open_file(folder, recording_id, name) as stream:
        while block := bytearray(stream.read(BLOCK_BYTES)):
            for offset_bytes, size_bytes in places:
                begin = max(0, offset_bytes - at_bytes)
                end = min(len(block), offset_bytes + size_bytes - at_bytes)
                if begin < end:
                    block[begin:end] = bytes(end - begin)
            at_bytes += len(block)
            yield bytes(block)
