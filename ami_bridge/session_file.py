"""A session of a PBX in a file, opened to be played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hushtape.errors import ConfigError, TooBig

SESSION_LIMIT_BYTES = 1_000_000_000


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a session.

    Raises:
        ConfigError: it can't be read.
        TooBig: it is over the limit.
    """
    try:
        with path.open("rb") as stream:
            if path.stat().st_size > SESSION_LIMIT_BYTES:
                raise TooBig(f"{path} is larger than {SESSION_LIMIT_BYTES} bytes")
            yield stream
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {error.strerror}") from None
