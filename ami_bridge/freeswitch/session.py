"""What one FreeSWITCH said, read back: a file made by ``hushtape bridge --trace`` (trace.py). Pure.

``frames`` cuts a file as the link does. ``Reader`` says what each frame means to a player: that the
link is there or lost, what lived when the bridge asked, and what happened when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

from ami_bridge.freeswitch import commands
from ami_bridge.freeswitch.esl import (
    BODY,
    JOB,
    Cutter,
    Frame,
    Message,
    json_headers,
    parse,
)
from ami_bridge.freeswitch.said import HEADERS
from ami_bridge.freeswitch.trace import GREETING, JOB_HEADERS, MARK_EVENT
from ami_bridge.session import LONG_AGO, BaseReader, Happened, Item, LinkUp, Living
from hushtape.errors import Damaged, HushtapeError

ASTERISK = b"Asterisk Call Manager/"
MARK_HEADERS = frozenset(("Received", "Link"))
BLOCK_BYTES = 256 * 1024
_WANTED = HEADERS | JOB_HEADERS | MARK_HEADERS | {BODY}
_LIST, _DUMP = "show", "uuid_dump"  # the commands with which a bridge asks


def frames(stream: BinaryIO, name: str) -> Iterator[Frame]:
    """Cut a session into frames; half a frame at its end, which a killed bridge leaves, is none.

    Args:
        name: the file's, for errors.

    Raises:
        Damaged: it is no session of a FreeSWITCH.
    """
    cutter, read_bytes = Cutter(), 0
    while block := stream.read(BLOCK_BYTES):
        if not read_bytes:
            _check_beginning(block, name)
        read_bytes += len(block)
        try:
            yield from cutter.feed(block)
        except HushtapeError as error:
            raise Damaged(f"{name}, before byte {read_bytes}: {error}") from None
    if not read_bytes:
        raise Damaged(f"{name} is empty")


def _check_beginning(data: bytes, name: str) -> None:
    if data.startswith(ASTERISK):
        raise Damaged(f"{name} is a session of an Asterisk: name that one with --pbx")
    if not data.startswith(GREETING[: len(data)]):
        raise Damaged(
            f"{name} is no session of a FreeSWITCH:"
            " expected a file made by `hushtape bridge --trace`"
        )


class Reader(BaseReader):
    """Says what the frames of one session mean, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Mapping[str, str]] | None = None
        self._living: list[Mapping[str, str]] = []

    def take(self, frame: Frame) -> Item | None:
        """Take in one frame; None if it means nothing."""
        message = parse(frame, self._received or LONG_AGO, _WANTED)
        if message is None:
            return None
        if message.event == MARK_EVENT:
            item = self._mark(message.get("Received", ""), message.get("Link", ""))
            if isinstance(item, LinkUp):
                self._rows, self._living = None, []
            return item
        at = self._time_of(message.sent)
        if message.event == JOB:
            return self._answered(message, at) if self._asked else None
        if self._asked:
            return None
        return Happened(at, {name: message[name] for name in message if name in HEADERS})

    def _answered(self, job: Message, at: datetime) -> Item | None:
        """Take in what lives: a list of channels, and then all of each, in any order."""
        said = job.get(BODY, "")
        match job.get("Job-Command"):
            case command if command == _LIST:
                self._rows = _asked_for(said)
            case command if command == _DUMP and self._rows is not None:
                self._take_whole(job.get("Job-Command-Arg", ""), said)
            case _:
                return None
        if self._rows:
            return None
        self._asked, living, self._living = False, tuple(self._living), []
        return Living(at, living)

    def _take_whole(self, arguments: str, said: str) -> None:
        """Take in all of one channel; of one that was gone by then there is nothing."""
        uuid = arguments.partition(" ")[0]
        rows, self._rows = self._rows or [], [x for x in self._rows or [] if x.get("uuid") != uuid]
        for row in rows:
            if row.get("uuid") == uuid and (whole := json_headers(said)):
                both = {**whole, **row}
                self._living.append({name: both[name] for name in both if name in HEADERS})


def _asked_for(said: str) -> list[Mapping[str, str]]:
    """Name the channels of a list of which the bridge then asks all."""
    try:
        rows = commands.rows_in(said)
    except ValueError:
        return []
    return [row for row in rows if commands.UUID.fullmatch(row.get("uuid", ""))]
