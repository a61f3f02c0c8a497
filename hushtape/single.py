"""One of a kind: a lock that goes with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hushtape.errors import ConfigError


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file while something runs that may not run twice on one data folder.

    Raises:
        ConfigError: another process holds it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigError(str(path), f"another {what} runs with this data folder") from None
    finally:
        os.close(descriptor)
