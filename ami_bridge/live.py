"""Live calls on disk: what a bridge knows of them, for the bridge that comes after it.

Written after every fact, before a command that follows from it is sent. Without fsync: it has to
outlive the bridge, and a power cut takes the calls along. It names the people in a call, so it is
readable by its owner only, and goes when the recording is handed off.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from ami_bridge.call import Call
from ami_bridge.facts import Channel
from hushtape.ids import is_call_id

LIMIT_BYTES = 2_000_000  # far above a call with as many segments as there may be
MOST_CALLS = 20_000
SUFFIX = ".json"
ALIVE = "alive"  # its time is what it says

log = structlog.get_logger()


class LiveCall(msgspec.Struct, kw_only=True):
    """A call, and the outside party's channel."""

    call: Call
    channel: Channel


class LiveCalls:
    """A folder with a file for each live call.

    Args:
        folder: made if it isn't there; readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def touch(self) -> None:
        """Leave a sign of life, for the next bridge to know from when on nobody listened."""
        (self._folder / ALIVE).touch()

    def alive_until(self) -> datetime | None:
        """Return when the bridge before this one was last known to live, aware UTC."""
        try:
            seconds = (self._folder / ALIVE).stat().st_mtime
        except FileNotFoundError:
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def write(self, live: LiveCall) -> None:
        """Keep what is known of a call now.

        Raises:
            OSError: the disk is full or not writable.
        """
        path = self._path(live.call.id)
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(live))
        part.replace(path)

    def forget(self, call_id: str) -> None:
        """Drop a call that is handed off, or of which nothing was recorded."""
        self._path(call_id).unlink(missing_ok=True)

    def load(self) -> list[LiveCall]:
        """Read what a predecessor left. What can't be read is put aside, and told."""
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}"))[:MOST_CALLS]:
            try:
                with path.open("rb") as stream:
                    live = msgspec.json.decode(stream.read(LIMIT_BYTES), type=LiveCall)
                if live.call.id != path.stem or not is_call_id(live.call.id):
                    raise msgspec.ValidationError("it names another call")
            except msgspec.MsgspecError as error:
                log.error("alarm", call=path.stem, what=f"a live call can't be read: {error}")
                path.replace(path.with_suffix(".damaged"))
                continue
            found.append(live)
        return found

    def _path(self, call_id: str) -> Path:
        return self._folder / f"{call_id}{SUFFIX}"
