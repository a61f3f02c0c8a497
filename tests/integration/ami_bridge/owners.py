"""Who owns a link in the tests: it notes what it is told, and waits for what it is to be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

from ami_bridge.link import BaseLink
from hushtape.errors import HushtapeError

PATIENCE_S = 10.0


class Named(Protocol):
    """An event of any kind of PBX."""

    @property
    def event(self) -> str:
        """Its name."""


E = TypeVar("E", bound=Named)
L = TypeVar("L", bound=BaseLink[Any, Any])


class Owner(Generic[E, L]):
    """Owns a link, and notes what it was told. Who derives from it makes the link."""

    link: L

    def __init__(self) -> None:
        self.told: list[str] = []
        self.events: list[E] = []
        self.reasons: list[HushtapeError] = []
        self.pauses: list[float] = []
        self.most_pauses = 1000
        self._stir = asyncio.Condition()

    async def on_event(self, event: E) -> None:
        self.events.append(event)
        await self.note(event.event)

    async def on_up(self) -> None:
        await self.note("up")

    async def on_down(self, reason: HushtapeError) -> None:
        self.reasons.append(reason)
        await self.note("down")

    async def note(self, what: str) -> None:
        async with self._stir:
            self.told.append(what)
            self._stir.notify_all()

    async def pause(self, seconds: float) -> None:
        async with self._stir:
            self.pauses.append(seconds)
            self._stir.notify_all()
        if len(self.pauses) >= self.most_pauses:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._stir:
            await self._stir.wait_for(happened)

    async def heard(self, what: str, times: int = 1) -> None:
        await self.until(lambda: self.told.count(what) >= times)


AnOwner = TypeVar("AnOwner", bound=Owner[Any, Any])


@asynccontextmanager
async def running(owner: AnOwner) -> AsyncIterator[AnOwner]:
    owner.link.start()
    try:
        yield owner
    finally:
        await owner.link.close()
