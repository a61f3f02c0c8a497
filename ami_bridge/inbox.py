"""The events that wait for a link's owner, in order and up to a limit."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class Event(Protocol):
    """What a PBX told."""

    @property
    def size(self) -> int:
        """How many bytes it was on the wire."""

    @property
    def received(self) -> datetime:
        """When it came, aware UTC."""


E = TypeVar("E", bound=Event)


class Inbox(Generic[E]):
    """Closed at first: what is put into it then is passed over, on purpose.

    Args:
        frames_limit: how many events may wait.
        bytes_limit: how many bytes of them, as on the wire.
    """

    def __init__(self, frames_limit: int, bytes_limit: int) -> None:
        self._frames: deque[E] = deque()
        self._bytes = 0
        self._frames_limit = frames_limit
        self._bytes_limit = bytes_limit
        self._stir = asyncio.Event()
        self.opened = False
        self._ended = False

    def __len__(self) -> int:
        return len(self._frames)

    def open(self) -> None:
        """From now on every event counts."""
        self.opened = True

    def put(self, frame: E) -> bool:
        """Add an event; ``False``, and nothing is added, when it is full."""
        if not self.opened:
            return True
        full = len(self._frames) >= self._frames_limit
        if full or self._bytes + frame.size > self._bytes_limit:
            return False
        self._frames.append(frame)
        self._bytes += frame.size
        self._stir.set()
        return True

    async def take(self) -> E | None:
        """Wait for the next event; ``None`` when the link is over and all were taken."""
        while not self._frames:
            if self._ended:
                return None
            self._stir.clear()
            await self._stir.wait()
        frame = self._frames.popleft()
        self._bytes -= frame.size
        return frame

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._stir.set()

    def discard(self) -> None:
        """Forget what waits: a resync will say more than it could."""
        self._frames.clear()
        self._bytes = 0
