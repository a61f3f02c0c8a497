"""Live calls on disk: what a bridge knows of them, for the bridge that comes after it.

Written after every fact, before a command that follows from it is sent. Without fsync: it has to
outlive the bridge, and a power cut takes the calls along. It names the people in a call, so it is
readable by its owner only, and goes when the recording is handed off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ami_bridge.call.machine import Call
from ami_bridge.facts import Channel
from ami_bridge.files import clear_parts, put_aside, write_private
from hushtape.alarms import Kind, raise_alarm
from hushtape.ids import is_call_id

LIMIT_BYTES = 2_000_000  # far above a call with as many segments as there may be
MOST_CALLS = 20_000
SUFFIX = ".json"
ALIVE = "alive"  # its time is what it says


class LiveCall(msgspec.Struct, kw_only=True):
    """A call, and the outside party's channel.

    Args:
        heard_until: when the last happened that its PBX told of it; all that came before was taken
            in, too. None: nothing did, or an older bridge wrote this.
    """

    call: Call
    channel: Channel
    heard_until: datetime | None = None


class LiveCalls:
    """A folder with a file for each live call.

    Args:
        folder: made if it isn't there; readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)

    def touch(self, pbx: str, heard_at: datetime) -> None:
        """Note when a PBX was last heard, for the next bridge: what came later is uncertain.

        Noted now and then only; what the calls themselves say may be newer (``heard_until``).
        """
        path = self._folder / f"{ALIVE}.{pbx}"
        path.touch(mode=0o600)
        os.utime(path, (heard_at.timestamp(), heard_at.timestamp()))

    def heard_until(self, pbx: str) -> datetime | None:
        """Return when the bridge before this one last heard a PBX, aware UTC."""
        try:
            seconds = (self._folder / f"{ALIVE}.{pbx}").stat().st_mtime
        except FileNotFoundError:
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def write(self, live: LiveCall) -> None:
        """Keep what is known of a call now.

        Raises:
            OSError: the disk is full or not writable.
        """
        write_private(self._path(live.call.id), msgspec.json.encode(live), durable=False)

    def forget(self, call_id: str) -> None:
        """Drop a call that is handed off, or of which nothing was recorded."""
        self._path(call_id).unlink(missing_ok=True)

    def load(self) -> list[LiveCall]:
        """Read what a predecessor left. What can't be read is put aside, and told."""
        clear_parts(self._folder)
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}"))[:MOST_CALLS]:
            try:
                found.append(self._read(path))
            except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
                raise_alarm(Kind.RECORDER, f"a live call can't be read: {error}", call=path.stem)
                put_aside(path)
        return found

    def _read(self, path: Path) -> LiveCall:
        with path.open("rb") as stream:
            live = msgspec.json.decode(stream.read(LIMIT_BYTES), type=LiveCall)
        if live.call.id != path.stem or not is_call_id(live.call.id):
            raise msgspec.ValidationError("it names another call")
        if not live.call.sound:
            raise msgspec.ValidationError("its parts don't fit together")
        return live

    def _path(self, call_id: str) -> Path:
        return self._folder / f"{call_id}{SUFFIX}"


def heard_until(noted_at: datetime | None, calls: Iterable[LiveCall]) -> datetime | None:
    """Say until when a PBX was heard: by the note, or by what it has told of a call since then.

    Facts are taken in one at a time, in the order in which the PBX told them, and each is written
    down with its call: so of what came before the newest of them nothing is lacking.
    """
    told = (each.heard_until for each in calls)
    return max((at for at in (noted_at, *told) if at is not None), default=None)
