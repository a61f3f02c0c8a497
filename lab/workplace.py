"""Folders for things that may live in a chroot: one place, two names."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "hushtape-"


class Workplace:
    """A temporary folder; `here` is its path on this machine, `inside` its path in `root`."""

    def __init__(self, root: Path | None, name: str) -> None:
        base = root / "lab" if root else Path(tempfile.gettempdir())
        base.mkdir(parents=True, exist_ok=True)
        _sweep(base)
        # Short, because a control socket's path may have no more than 107 bytes.
        self.here = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-", dir=base))
        self.here.chmod(0o755)
        (self.here / "owner.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
        self.inside = f"/lab/{self.here.name}" if root else str(self.here)

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.here, ignore_errors=True)

    def keep(self) -> None:
        """Leave the folder where it is, for a person to look at."""
        with contextlib.suppress(FileNotFoundError):
            (self.here / "owner.pid").unlink()


def _sweep(base: Path) -> None:
    """Remove the folders of labs that were killed: their owner is no longer there."""
    for note in base.glob(f"{PREFIX}*/owner.pid"):
        with contextlib.suppress(OSError, ValueError):
            owner = int(note.read_text(encoding="ascii"))
            if not Path(f"/proc/{owner}").exists():
                shutil.rmtree(note.parent, ignore_errors=True)
