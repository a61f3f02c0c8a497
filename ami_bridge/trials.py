"""Tries whether a spool can be written: what can't be can't be looked through afterwards either.

Not sure means no. A disk may hang (a share whose server is gone), and with it the thread that tries
it. So each spool has one thread at most, no other is sent after one that hangs, and the program can
end all the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ami_bridge.living import Station

PROBE = (
    ".hushtape-guard-"  # with what the file begins by which a spool is tried; workers pass it by
)


class Trials:
    """The trials of one bridge.

    Args:
        trial: tells whether a folder can be written.
    """

    def __init__(self, trial: Callable[[Path], bool] | None = None) -> None:
        self._trial = trial or is_writable
        self._under_way: dict[Path, asyncio.Future[bool]] = {}

    async def writable(self, station: Station) -> bool:
        """Try a PBX's spool; there is nothing to try where this machine hasn't got it.

        Who asks while it is being tried gets the same answer: it is as new as its own would be.
        """
        folder = station.spool
        if folder is None:
            return True
        trial = self._under_way.get(folder)
        if trial is None:
            trial = self._under_way[folder] = asyncio.get_running_loop().create_future()
            self._begin(folder, trial)
        return await asyncio.shield(trial)

    def _begin(self, folder: Path, trial: asyncio.Future[bool]) -> None:
        loop = asyncio.get_running_loop()

        def over(writable: bool) -> None:
            del self._under_way[folder]
            trial.set_result(writable)

        def work() -> None:
            try:
                writable = self._trial(folder)
            except Exception:  # whatever it is, nothing was shown
                writable = False
            with suppress(RuntimeError):  # the program has ended meanwhile
                loop.call_soon_threadsafe(over, writable)

        # Not an executor's thread: those are waited for when a program ends.
        try:
            threading.Thread(target=work, name="spool", daemon=True).start()
        except RuntimeError:  # no more threads to be had
            over(writable=False)


def is_writable(folder: Path) -> bool:
    """Write a byte into a new file of a folder, and take it away again."""
    path = folder / f"{PROBE}{secrets.token_hex(8)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        return os.write(descriptor, b"?") == 1
    except OSError:
        return False
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
