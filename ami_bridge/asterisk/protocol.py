"""Bytes from an Asterisk become frames, and frames find their way: an answer to whoever asked, an
event to the listener.

``SafeProtocol`` is what panoramisk is given as ``protocol_factory``. It keeps panoramisk's
``Manager`` and ``Action`` and replaces how bytes are read and what happens when a link ends:

- A frame is over where Asterisk ended it, not where a caller's number says so (``forgery``).
- An event that isn't as Asterisk writes it (``written``) is dropped, and ``DROPPED`` is told in its
  place: something was feigned, and so something else may have been lost.
- A frame is decoded whole, so a character split between two reads survives; what isn't UTF-8
  becomes U+FFFD and the stream goes on.
- The first header of a name counts, so that a header which the dialplan appends (``UserEvent``)
  never replaces one that Asterisk wrote.
- Nothing is ever sent twice: when the link ends, whoever waits for an answer gets ``LinkLost``.
- An event is never swallowed because it carries the ActionID of an action under way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ami_bridge.asterisk.forgery import REACH_BYTES, is_over, mended
from ami_bridge.asterisk.trace import GREETING, Trace
from ami_bridge.asterisk.written import ACTING, is_as_written, is_stamped
from hushtape.errors import HushtapeError, LinkLost, TooBig, described

FRAME_LIMIT_BYTES = 64 * 1024
"""One frame; an event has 1 to 3 KB, and a caller may have a name of 4 KB in several headers."""

GREETING_LIMIT_BYTES = 1024

DOUBT_S = 1.0
"""Asterisk writes an event at once: what looks like half of one after so long is a whole one."""

DROPPED = "HushtapeDropped"
"""The event that is told in place of one that isn't as Asterisk writes it. It says nothing else."""

SUCCESS = frozenset({"Success", "Goodbye", "Pong"})
LIST_ENDS = frozenset({"complete", "cancelled"})

_FRAME_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
# What tells of keys, or holds what somebody has keyed in: a card number. Of the classes dtmf and
# dialplan, which the bridge's account has no need of.
_KEYS = re.compile(rb"Event: (?:DTMF\w*|VarSet|Newexten)\r\n", re.IGNORECASE)
_TIMESTAMP = re.compile(r"(\d{1,11})\.(\d{6})", re.ASCII)
_TIMESTAMP_PLACE = 3  # Event, Privilege, Timestamp: later headers may be the dialplan's own

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame(Mapping[str, str]):
    """One event or answer, as it was said: ``frame["Channel"]``.

    Names are exact to the letter. A name that isn't there is a ``KeyError`` (use ``get``); of a
    name said several times the first counts, and ``every`` has them all.
    """

    pairs: tuple[tuple[str, str], ...]
    received: datetime  # aware, UTC, this machine's clock
    size: int = 0  # bytes on the wire
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", dict(reversed(self.pairs)))

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    def __len__(self) -> int:
        return len(self.headers)

    def __contains__(self, name: object) -> bool:
        return name in self.headers

    def __repr__(self) -> str:
        """Names nobody: a frame's values are personal data."""
        return f"<Frame {self.event or self.headers.get('Response', '?')} {len(self)} headers>"

    @property
    def event(self) -> str:
        """The event's name, ``""`` for an answer."""
        return self.headers.get("Event", "")

    @property
    def succeeded(self) -> bool:
        """Whether this answer says that the action was done."""
        return self.headers.get("Response", "") in SUCCESS

    @property
    def sent(self) -> datetime | None:
        """When the PBX made it, by the PBX's clock (``timestampevents = yes``)."""
        for name, value in self.pairs[:_TIMESTAMP_PLACE]:
            if name == "Timestamp" and (match := _TIMESTAMP.fullmatch(value)):
                seconds, fraction = match.groups()
                return datetime.fromtimestamp(int(seconds), UTC) + timedelta(
                    microseconds=int(fraction)
                )
        return None

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header that may come several times, such as ``Variable``."""
        return tuple(value for key, value in self.pairs if key == name)


def parse(raw: bytes, received: datetime) -> Frame:
    """Read one frame, without its empty line. Never raises: what isn't a header is passed over."""
    pairs = []
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            pairs.append((name, value.removeprefix(" ")))
    return Frame(tuple(pairs), received, len(raw))


class Carried(Message):
    """What panoramisk passes on. It knows the event's name only: the frame inside is what is read,
    since a ``Message`` lets a later ``uniqueid`` replace ``Uniqueid`` and any typo read ``""``.
    """

    def __init__(self, frame: Frame) -> None:
        super().__init__({"Event": frame.event} if frame.event else {})
        self.frame = frame


class Ask(Action):
    """An action under way. Its future becomes ``[answer]``, or ``[answer, item, …]`` of a list.

    Args:
        headers: the action.
        action_id: nobody else's.
        list_limit: 0 for an action with one answer, else how many items its list may have.
    """

    def __init__(self, headers: Mapping[str, str], action_id: str, list_limit: int = 0) -> None:
        super().__init__({**headers, "ActionID": action_id})
        self.list_limit = list_limit
        self.frames: list[Frame] = []

    def add_message(self, message: Carried) -> bool:
        """Take one more frame; ``True`` when nothing more is awaited."""
        frame = message.frame
        if self.future.done():
            return True
        if frame.event and _ends_list(frame):
            self.future.set_result(self.frames)
            return True
        self.frames.append(frame)
        if not self.list_limit or (not frame.event and not frame.succeeded):
            self.future.set_result(self.frames)
        elif len(self.frames) - 1 > self.list_limit:
            self.fail(TooBig(f"the PBX's list has more than {self.list_limit} items"))
        return bool(self.future.done())

    def fail(self, reason: HushtapeError) -> None:
        """Tell whoever waits that no answer will come."""
        if not self.future.done():
            self.future.set_exception(reason)
            self.future.exception()  # seen, even if nobody waits any more


class SafeProtocol(AMIProtocol):
    """One connection, for its whole life. ``lost`` gets the reason when it is over.

    Args:
        clock: aware, UTC.
        list_ids: with what the ActionID of every list that we ask for begins, and nothing else.
        own_ids: with what the ActionID of whatever we ask for begins.
        frame_limit: bytes.
        trace: keeps every frame received.
        on_keys: is called for each event that tells of keys, which is dropped unread.
    """

    lost: asyncio.Future[HushtapeError]  # why it is over
    greeted: asyncio.Future[None]  # or over
    gone: asyncio.Future[None]  # the socket is closed

    # panoramisk's, without types
    transport: asyncio.Transport
    closed: bool
    version: str | None
    responses: dict[str, Ask]
    factory: Any

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        list_ids: str,
        own_ids: str = "",
        frame_limit: int = FRAME_LIMIT_BYTES,
        trace: Trace | None = None,
        on_keys: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_keys = on_keys
        self._clock = clock
        self._list_ids = list_ids
        self._own_ids = own_ids.encode()
        self._stamped = False  # no event without its time is believed any more
        self._frame_limit = frame_limit
        self._trace = trace
        self._buffer = bytearray()
        self._searched = 0  # so that a slow sender doesn't make us search the same bytes again
        self._doubt: asyncio.TimerHandle | None = None
        self.late = 0  # answers that nobody waited for any more

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.lost = loop.create_future()
        self.greeted = loop.create_future()
        self.gone = loop.create_future()

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames. Whatever goes wrong ends the link with a reason."""
        if self.closed:
            return
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
        self._buffer += data
        self._guarded(self._read)

    def _read(self) -> None:
        if self.version is not None or self._greet():
            self._cut()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a bug here must not pass for a lost connection
            LOG.error("A frame could not be handled: %s", described(error))
            self.end(LinkLost(f"a frame could not be handled: {type(error).__name__}"))

    def handle_message(self, message: Carried) -> None:
        """Give a frame to whoever waits for it."""
        frame = message.frame
        action_id = frame.get("ActionID", "")
        ask = self.responses.get(action_id)
        if frame.event and not action_id.startswith(self._list_ids):
            # Also when it carries the ActionID of an action under way: OriginateResponse does.
            self.factory.dispatch(message)
            if frame.event == "Shutdown":
                self.end(LinkLost("the PBX is shutting down"))
        elif ask is None:
            self.late += 1
        elif ask.add_message(message):
            self.responses.pop(action_id, None)

    def forget(self, action_id: str) -> None:
        """Nobody waits for this answer any more; should it come, it is dropped."""
        self.responses.pop(action_id, None)

    def end(self, reason: HushtapeError) -> None:
        """End the link, once: everybody who waits gets ``LinkLost``, nothing is sent again."""
        if self.closed:
            return
        self.closed = True
        self._buffer.clear()
        if self._doubt is not None:
            self._doubt.cancel()
        if self._trace is not None and self.version is not None:
            self._trace.ended(self._clock())
        waiting = list(self.responses.values())
        self.responses.clear()
        for ask in waiting:
            ask.fail(LinkLost(str(reason)))
        self.transport.abort()  # close() would wait for ever to flush to a peer that went away
        self.lost.set_result(reason)
        if not self.greeted.done():
            self.greeted.set_result(None)

    def close(self) -> None:
        """End the link from our side (panoramisk's name for it)."""
        self.end(LinkLost("this side closed the link"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the link from theirs. panoramisk's manager isn't told: it would connect again."""
        cause = f": {exc}" if exc else ""
        self.end(LinkLost(f"the PBX closed the connection{cause}"))
        if not self.gone.done():
            self.gone.set_result(None)

    def _greet(self) -> bool:
        line, found, rest = self._buffer.partition(_LINE_END)
        if found and line.startswith(GREETING):
            self.version = line.partition(b"/")[2].decode("ascii", "replace")
            if self._trace is not None:
                self._trace.began(bytes(line), self._clock())
            self._buffer = bytearray(rest)
            if not self.greeted.done():
                self.greeted.set_result(None)
            return True
        if found or len(self._buffer) > GREETING_LIMIT_BYTES:
            self.end(LinkLost("what answers there is no Asterisk manager interface"))
        return False

    def _cut(self, text: bytes | bytearray | None = None) -> None:
        """Hand on every frame that is over.

        Args:
            text: what is received, as ``is_over`` shall see it.
        """
        start, search = 0, self._searched
        received: datetime | None = None
        while (end := self._end_of(text or self._buffer, start, search)) >= 0:
            raw = bytes(self._buffer[start:end]).strip(_LINE_END)
            start = search = end + len(_FRAME_END)
            if _KEYS.match(raw):
                self._on_keys()
                continue
            received = received or self._clock()
            frame = self._believed(parse(mended(raw), received))
            if self._trace is not None and raw and frame.event != DROPPED:
                self._trace.frame(raw, received)
            if frame.event or "Response" in frame:
                self.handle_message(Carried(frame))
            if self.closed:
                return
        self._searched = max(0, self._searched - start)
        del self._buffer[:start]
        if len(self._buffer) > self._frame_limit:
            self.end(TooBig(f"the PBX sent a frame of more than {self._frame_limit} bytes"))

    def _believed(self, frame: Frame) -> Frame:
        """Return a frame, or what is told in its place."""
        if not frame.event or frame.get("ActionID", "").startswith(self._list_ids):
            return frame
        if not is_as_written(frame.pairs, stamped=self._stamped):
            return Frame((("Event", DROPPED),), frame.received)
        if frame.event in ACTING and frame.event != "UserEvent":  # what is feigned is no whole one
            self._stamped = self._stamped or is_stamped(frame.pairs)
        return frame

    def _end_of(self, text: bytes | bytearray, start: int, search: int) -> int:
        """Find the end of the frame that begins there; -1: it isn't there yet, or it's too long."""
        doubtful = -1
        while (end := self._buffer.find(_FRAME_END, search)) >= 0:
            if end - start > self._frame_limit:
                break
            if is_over(text, start, end, self._own_ids, stamped=self._stamped):
                return end
            doubtful = end if doubtful < 0 else doubtful
            search = end + 1
        self._searched = doubtful if doubtful >= 0 else len(self._buffer) - len(_FRAME_END) + 1
        if doubtful >= 0 and text is self._buffer:
            self._doubt = asyncio.get_running_loop().call_later(DOUBT_S, self._end_doubt)
        return -1

    def _end_doubt(self) -> None:
        """Nothing more came of what may be half an event: then it is a whole one."""
        if not self.closed:
            self._guarded(lambda: self._cut(self._buffer + bytes(REACH_BYTES)))


def _ends_list(frame: Frame) -> bool:
    return frame.get("EventList", "").lower() in LIST_ENDS or frame.event.endswith("Complete")
