"""What one FreeSWITCH said, kept in a file, to be played back.

The file looks like what came over the wire, connection after connection: the login's frames, then
events in plain format. Of an event only the headers are kept that are read here, and of answers to
commands (``BACKGROUND_JOB``, our own ones alone) what ``show channels`` and ``uuid_dump`` say of
them: a channel's variables may hold digits that people have pressed, and those are kept nowhere.
Between them stand events of our own::

    Event-Name: CUSTOM
    Event-Subclass: hushtape%3A%3Atrace
    Received: 1795283075.287190        when what follows arrived: Unix time, this machine's clock
    Link: up | down | trace%20ends     a connection begins or is over; the file is full
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

from ami_bridge.freeswitch.esl import (
    BODY,
    JOB_ID,
    PLAIN,
    UNDEFINED,
    Cutter,
    Frame,
    first_text,
    is_read,
    split_plain,
)
from ami_bridge.trace import TRACE_LIMIT_MB, TraceFile
from hushtape.errors import HushtapeError

MARK_EVENT = "hushtape::trace"
GREETING = (
    b"Content-Type: auth/request\n\n"
    b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
    b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n"
)
ANSWER_LIMIT = 200
"""Characters of an answer that is no list of channels and no channel."""
JOB_HEADERS = frozenset(
    ("Event-Name", "Event-Date-Timestamp", JOB_ID, "Job-Command", "Job-Command-Arg")
)

_SAFE = "/ -_.*+=,;()@<>#!?&$'"  # what stands as it is in a value
_BLOCK_BYTES = 1024 * 1024


class Mask(Protocol):
    """Takes out what is personal; see mask.py."""

    def headers(self, event: Mapping[str, str]) -> dict[str, str]:
        """Return an event, a channel or a channel's row with nothing personal in it."""

    def answer(self, job: Mapping[str, str], said: str) -> str:
        """Return an answer that is no list of channels and no channel."""


class Trace(TraceFile):
    """The trace of one FreeSWITCH.

    Args:
        path, limit_bytes: see ``TraceFile``.
        wanted: the headers of events to keep, of channels, and of their rows in lists.
        mask: makes up what stands for people; ``None``: all is kept as it came.
    """

    def __init__(
        self,
        path: Path,
        wanted: Collection[str],
        limit_bytes: int = TRACE_LIMIT_MB * 1_000_000,
        mask: Mask | None = None,
    ) -> None:
        super().__init__(path, limit_bytes)
        self._wanted = frozenset(wanted) - {BODY}
        self._mask = mask

    def began(self, received: datetime) -> None:
        """Keep that a connection begins."""
        self._begin(GREETING, received)

    def event(self, frame: Frame, received: datetime) -> None:
        """Keep an event, as far as it is read."""
        self._add(lambda: _framed(self._kept_lines(frame.body, self._wanted)), received)

    def job(self, frame: Frame, received: datetime) -> None:
        """Keep the answer to a command."""

        def kept() -> bytes:
            said = split_plain(frame.body)[1].decode("utf-8", "replace")
            answer = self._kept_answer(said, decoded(split_plain(frame.body)[0]))
            return _framed(self._kept_lines(frame.body, JOB_HEADERS), answer.encode())

        self._add(kept, received)

    def _kept_lines(self, event: bytes, wanted: Collection[str]) -> list[bytes]:
        lines = [line for line in split_plain(event)[0] if _is_kept(line, wanted)]
        return lines if self._mask is None else _encoded(self._mask.headers(decoded(lines)))

    def _kept_answer(self, said: str, job: Mapping[str, str]) -> str:
        try:
            read = json.loads(said)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            return (self._mask.answer(job, said) if self._mask else said)[:ANSWER_LIMIT]
        kept = self._kept_object(read)
        if isinstance(rows := read.get("rows"), list):  # ``show channels as json``
            kept["rows"] = [self._kept_object(row) for row in rows if isinstance(row, dict)]
        if isinstance(count := read.get("row_count"), int):
            kept["row_count"] = count
        return json.dumps(kept)

    def _kept_object(self, read: dict[str, object]) -> dict[str, object]:
        kept = {
            name: value
            for name, value in read.items()
            if name in self._wanted and is_read(name, first_text(value) or "")
        }
        if self._mask is None:
            return kept
        texts = {name: first_text(value) or "" for name, value in kept.items()}
        return dict(self._mask.headers(texts))

    def _mark(self, at: datetime, link: str = "") -> bytes:
        lines = ["Event-Name: CUSTOM", f"Event-Subclass: {quote(MARK_EVENT, safe='')}"]
        lines.append(f"Received: {at.timestamp():.6f}")
        if link:
            lines.append(f"Link: {quote(link)}")
        return _framed([line.encode() for line in lines])

    def _whole_bytes(self, descriptor: int, size: int) -> int:
        if os.pread(descriptor, len(GREETING), 0) != GREETING:
            return 0
        cutter, whole, at = Cutter(), 0, 0
        try:
            while block := os.pread(descriptor, _BLOCK_BYTES, at):
                at += len(block)
                whole += sum(frame.size for frame in cutter.feed(block))
        except HushtapeError:
            return 0
        return whole


def _framed(lines: list[bytes], body: bytes = b"") -> bytes:
    if body:
        lines = [*lines, b"Content-Length: %d" % len(body)]
    event = b"".join(line + b"\n" for line in lines) + b"\n" + body
    return b"Content-Length: %d\nContent-Type: %s\n\n%s" % (len(event), PLAIN.encode(), event)


def _is_kept(line: bytes, wanted: Collection[str]) -> bool:
    name, _, value = (part.decode("utf-8", "replace") for part in line.partition(b": "))
    return name in wanted and is_read(name, value)


def decoded(lines: list[bytes]) -> dict[str, str]:
    """Read an event's lines, the first of each name, and lose nothing of what is no UTF-8."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b": ")
        if colon and value != UNDEFINED:
            text = unquote_to_bytes(value).decode("utf-8", "surrogateescape")
            headers.setdefault(name.decode("utf-8", "replace"), text)
    return headers


def _encoded(headers: Mapping[str, str]) -> list[bytes]:
    return [
        f"{name}: {quote(value.encode('utf-8', 'surrogateescape'), safe=_SAFE)}".encode()
        for name, value in headers.items()
    ]
