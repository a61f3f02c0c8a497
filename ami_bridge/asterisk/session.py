"""What one PBX said, read back: a file made by ``hushtape bridge --trace`` (trace.py).

``frames`` cuts a file as the link does. ``Reader`` says what each frame means to a player: that the
link is there or lost, what lived when the bridge asked, and what happened when.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from ami_bridge.asterisk.forgery import REACH_BYTES, is_over, mended
from ami_bridge.asterisk.protocol import FRAME_LIMIT_BYTES, Frame, parse
from ami_bridge.asterisk.trace import GREETING
from ami_bridge.session import LONG_AGO, BaseReader, Happened, Item, LinkUp, Living
from hushtape.errors import Damaged

MARK_EVENT = "HushtapeTrace"
OWN_LIST = "hushtape-"  # with what the ActionIDs of the bridge's own lists begin
FREESWITCH = b"Content-Type: auth/request"
BLOCK_BYTES = 256 * 1024
LONGEST_BEGINNING_BYTES = 64  # enough to know a session by

_FRAME_END = b"\r\n\r\n"


def frames(stream: BinaryIO, name: str) -> Iterator[Frame]:
    """Cut a session into frames; half a frame at its end, which a killed bridge leaves, is none.

    Args:
        name: the file's, for errors.

    Raises:
        Damaged: it is no session of an Asterisk.
    """
    buffer, at_end, first, read_bytes = b"", False, True, 0
    while not at_end:
        block = stream.read(BLOCK_BYTES)
        at_end = not block
        buffer += block
        read_bytes += len(block)
        if first and buffer and (at_end or len(buffer) >= LONGEST_BEGINNING_BYTES):
            _check_beginning(buffer, name)
            first = False
        start = 0
        while (end := _end_of(buffer, start, at_end=at_end)) >= 0:
            frame = parse(mended(buffer[start:end]), LONG_AGO)
            start = end + len(_FRAME_END)
            if frame.event or "Response" in frame:
                yield frame
        buffer = buffer[start:]
        if len(buffer) > FRAME_LIMIT_BYTES + BLOCK_BYTES:
            raise Damaged(
                f"{name}: a frame of more than {FRAME_LIMIT_BYTES} bytes, about byte"
                f" {read_bytes - len(buffer)}: no Asterisk says that"
            )
    if first:
        raise Damaged(f"{name} is empty")


def _check_beginning(data: bytes, name: str) -> None:
    if data.lstrip().startswith(FREESWITCH):
        raise Damaged(f"{name} is a session of a FreeSWITCH: name that one with --pbx")
    if not data.startswith(GREETING):
        raise Damaged(
            f"{name} is no session of an Asterisk:"
            " expected a file made by `hushtape bridge --trace`"
        )


def _end_of(text: bytes, start: int, *, at_end: bool) -> int:
    """Find the end of the frame that begins there; -1: more must be read first."""
    doubtful, search = -1, start
    while (end := text.find(_FRAME_END, search)) >= 0:
        if not at_end and end + REACH_BYTES > len(text):
            return -1  # what follows decides whether it is over
        if is_over(text, start, end):
            return end
        doubtful = end if doubtful < 0 else doubtful
        if end - start > FRAME_LIMIT_BYTES:
            break
        search = end + 1
    return doubtful


class Reader(BaseReader):
    """Says what the frames of one session mean, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._living: list[Frame] | None = None

    def take(self, frame: Frame) -> Item | None:
        """Take in one frame; None if it means nothing."""
        if frame.event == MARK_EVENT:
            item = self._mark(frame.get("Received", ""), frame.get("Link", ""))
            if isinstance(item, LinkUp):
                self._living = None
            return item
        at = self._time_of(frame.sent)
        action_id = frame.get("ActionID", "")
        if self._asked and action_id.startswith(OWN_LIST) and "-list-" in action_id:
            return self._listed(frame, at)
        if not frame.event or self._asked:
            return None
        return Happened(at, frame)

    def _listed(self, frame: Frame, at: datetime) -> Item | None:
        if self._living is None:
            self._living = []
        if frame.event == "Status":
            self._living.append(frame)
        elif frame.event == "StatusComplete":
            self._asked, living, self._living = False, tuple(self._living), None
            return Living(at, living)
        return None
