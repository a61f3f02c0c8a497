"""More events than a link can hand on, and who counts them: the same for every kind of PBX."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests.integration.ami_bridge.fake_server import Session

BURST = 500  # events of the flood that the PBX writes at a time


async def flood(session: Session, count: int, tick: Callable[[int], bytes]) -> None:
    """Say it all, as fast as it is taken.

    Args:
        tick: makes the event of a number, which stands in its header N.
    """
    for start in range(0, count, BURST):
        numbers = range(start, min(start + BURST, count))
        session.push(b"".join(tick(number) for number in numbers))
        await session.writer.drain()


class Counts:
    """What an owner of a link counts of a flood, and how much waited.

    Args:
        count: how many events are to come.
    """

    def __init__(self, count: int) -> None:
        self.numbers: list[int] = []
        self.most_waiting = 0
        self.all = asyncio.Event()
        self._count = count

    def take(self, event: Mapping[str, str], link: Any) -> None:
        self.numbers.append(int(event["N"]))
        if link._connection is not None:
            self.most_waiting = max(self.most_waiting, len(link._connection.inbox))
        if len(self.numbers) == self._count:
            self.all.set()
