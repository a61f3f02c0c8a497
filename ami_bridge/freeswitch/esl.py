"""The event socket's bytes as frames, and frames as messages. Pure.

A frame is a block of headers, an empty line, and as many bytes of body as ``Content-Length`` says.
The body of ``text/event-plain`` is a block of headers again, each value url-encoded, and maybe a
body of its own. It is split before anything is decoded: an encoded line break in a caller's name is
part of that name, and what stands in a body is never a header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

from hushtape.errors import LinkLost, TooBig

FRAME_LIMIT_BYTES = 64 * 1024 * 1024
"""Of one body. ``show channels as json`` needs 1.5 KB for each channel, and what other programs ask
for in the background comes to us, too.
"""
HEAD_LIMIT_BYTES = 64 * 1024
BODY = "_body"
"""Under which name a message keeps its body, as in FreeSWITCH's own JSON."""

JOB = "BACKGROUND_JOB"
"""The event with the result of a ``bgapi`` command."""
JOB_ID = "Job-UUID"

PLAIN = "text/event-plain"
JSON = "text/event-json"

UNDEFINED = b"_undef_"
"""What FreeSWITCH writes for an empty value."""

APPLICATION_DATA = "Application-Data"
CURRENT_DATA = "variable_current_application_data"

CHANNEL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_ONLY_IDS = frozenset((APPLICATION_DATA, CURRENT_DATA))
_END = b"\n\n"
_LENGTH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, whole.

    Args:
        headers: its own ones, as they stand there; the first of each name.
        head: the same as bytes, without the empty line.
    """

    headers: Mapping[str, str]
    head: bytes
    body: bytes

    @property
    def kind(self) -> str:
        """What it is: ``command/reply``, ``text/event-plain`` and so on."""
        return self.headers.get("Content-Type", "")

    @property
    def size(self) -> int:
        """How many bytes it was on the wire."""
        return len(self.head) + len(_END) + len(self.body)


@dataclass(frozen=True, slots=True, eq=False)
class Message(Mapping[str, str]):
    """One event: header -> decoded value, the first of each name; its body under ``_body``.

    Args:
        received: when it came, aware UTC, this machine's clock.
        size: bytes on the wire.
    """

    headers: Mapping[str, str]
    received: datetime
    size: int = 0

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)

    @property
    def event(self) -> str:
        """Its name, such as ``CHANNEL_CREATE``; for a ``CUSTOM`` one its subclass."""
        name = self.headers.get("Event-Name", "")
        return self.headers.get("Event-Subclass", "") if name == "CUSTOM" else name

    @property
    def sent(self) -> datetime | None:
        """When the PBX made it, by the PBX's clock, aware UTC."""
        text = self.headers.get("Event-Date-Timestamp", "")
        if not (text.isascii() and text.isdecimal()):
            return None
        try:
            return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(text))
        except (OverflowError, ValueError):
            return None


class Cutter:
    """Cuts what arrives into frames, however it was split on its way.

    Args:
        limit_bytes: of a body.
    """

    def __init__(self, limit_bytes: int = FRAME_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._searched = 0  # so that a slow sender doesn't make us search the same bytes again
        self._head: tuple[bytes, dict[str, str], int] | None = None  # of a body that isn't whole

    @property
    def waiting(self) -> int:
        """How many bytes of a frame are there that isn't whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take what arrived, and yield every frame that is whole now.

        Raises:
            LinkLost: this is no event socket.
            TooBig: a frame is longer than allowed.
        """
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if self._head is None:
            self._head = self._take_head()
        if self._head is None:
            return None
        head, headers, length = self._head
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        return Frame(headers, head, body)

    def _take_head(self) -> tuple[bytes, dict[str, str], int] | None:
        while self._buffer.startswith(b"\n"):  # more than one empty line between frames
            del self._buffer[:1]
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - 1)
        if end > HEAD_LIMIT_BYTES or (end < 0 and len(self._buffer) > HEAD_LIMIT_BYTES):
            raise LinkLost("what answers there is no FreeSWITCH event socket")
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + len(_END)]
        self._searched = 0
        headers = _headers(head)
        if "Content-Type" not in headers:
            raise LinkLost("what answers there is no FreeSWITCH event socket")
        return head, headers, self._length(headers.get("Content-Length", "0"))

    def _length(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= _LENGTH_DIGITS):
            raise LinkLost("a frame's length is no number")
        length = int(text)
        if length > self._limit_bytes:
            raise TooBig(f"the PBX sent a frame of more than {self._limit_bytes} bytes")
        return length


def parse(
    frame: Frame, received: datetime, wanted: Collection[str] | None = None
) -> Message | None:
    """Read an event. Never raises: what isn't a header is passed over.

    Args:
        wanted: the headers to keep; everything else isn't even decoded. Left out: all of them.

    Returns:
        ``None`` when the frame is no event, or one that can't be read.
    """
    if frame.kind == PLAIN:
        return Message(_plain(frame.body, wanted), received, frame.size)
    if frame.kind == JSON:
        headers = _json(frame.body, wanted)
        return Message(headers, received, frame.size) if headers is not None else None
    return None


def json_headers(text: str) -> dict[str, str] | None:
    """Read an event, or a channel, that was said as JSON. ``None``: it is none."""
    return _json(text.encode("utf-8", "surrogatepass"), None)


def messages(data: bytes, received: datetime) -> Iterator[Message]:
    """Read a session that was kept as it came over the wire; half a frame at its end is left out.

    Raises:
        LinkLost, TooBig: this is no such session.
    """
    for frame in Cutter().feed(data):
        if (message := parse(frame, received)) is not None:
            yield message


def is_read(name: str, value: str) -> bool:
    """Tell whether a header may be read at all.

    What an application is told may be digits that somebody has pressed; a channel's id isn't.
    """
    return name not in _ONLY_IDS or CHANNEL_ID.fullmatch(value) is not None


def split_plain(body: bytes) -> tuple[list[bytes], bytes]:
    """Split a plain event into its lines, still encoded, and its own body."""
    block, _, rest = body.partition(_END)
    return block.split(b"\n"), rest


def _headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name, value.removeprefix(" ").rstrip("\r"))
    return headers


def _plain(body: bytes, wanted: Collection[str] | None) -> dict[str, str]:
    lines, rest = split_plain(body)
    headers: dict[str, str] = {}
    for line in lines:
        name_bytes, colon, value = line.partition(b": ")
        if not colon:
            continue
        name = name_bytes.decode("utf-8", "replace")
        if wanted is not None and name not in wanted:
            continue
        if value == UNDEFINED:
            value = b""
        elif b"%" in value:
            value = unquote_to_bytes(value)
        text = value.decode("utf-8", "replace")
        if is_read(name, text):
            headers.setdefault(name, text)
    headers.pop(BODY, None)
    if rest and (wanted is None or BODY in wanted):
        headers[BODY] = rest.decode("utf-8", "replace")
    return headers


def _json(body: bytes, wanted: Collection[str] | None) -> dict[str, str] | None:
    def first(pairs: list[tuple[str, object]]) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, value in pairs:
            if wanted is None or name in wanted:
                text = first_text(value)
                if text is not None and is_read(name, text):
                    headers.setdefault(name, text)
        return headers

    try:
        read = json.loads(body.decode("utf-8", "replace"), object_pairs_hook=first)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def first_text(value: object) -> str | None:
    """Return a header's value. A header that came several times is a list: its first counts."""
    if isinstance(value, list):
        return next((each for each in value if isinstance(each, str)), None)
    return value if isinstance(value, str) else None
