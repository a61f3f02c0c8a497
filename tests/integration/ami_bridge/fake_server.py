"""A server of the tests that a link logs in to: what is the same for every kind of PBX."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from tests.integration.conftest import spare_port

PATIENCE_S = 10.0


class Session:
    """One connection of a client's."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.ready = asyncio.Event()  # the client is logged in, and will be told all
        self.gone = asyncio.Event()

    def push(self, data: bytes) -> None:
        self.writer.write(data)

    async def push_bytewise(self, data: bytes) -> None:
        """Each byte is a read of its own on the other side."""
        for byte in data:
            self.writer.write(bytes([byte]))
            await self.writer.drain()
            await asyncio.sleep(0)

    def stop_reading(self) -> None:
        """Whoever writes to it will block."""
        self._transport.pause_reading()

    def read_on(self) -> None:
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.ReadTransport:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport

    def cut(self) -> None:
        self.writer.transport.abort()

    def hang_up(self) -> None:
        self.writer.close()


class FakeServer(ABC):
    """Serve until ``close``.

    Args:
        greeting: what it says first.
        ends_with: what stands at the end of each thing that it is told.
    """

    def __init__(
        self, greeting: bytes, ends_with: bytes, tls: ssl.SSLContext | None = None
    ) -> None:
        self.password = "correct"
        self.greeting = greeting
        self.mute = False  # half open: it reads, and says nothing
        self.silent_on: set[str] = set()  # commands that never come to an end
        self.variables: dict[str, str] = {}  # of the whole PBX
        self.sessions: list[Session] = []
        self.live = 0
        self.port = spare_port()  # the same again when it is started anew
        self._ends_with = ends_with
        self._tls = tls
        self._stir = asyncio.Condition()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @abstractmethod
    def take(self, session: Session, raw: bytes) -> None:
        """Take in what it was told, and answer, unless it is mute."""

    async def start(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        return self

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for session in self.sessions:
            session.cut()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self._handlers)
            await self._server.wait_closed()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something happened that a command, a login or a parting brings about."""
        async with asyncio.timeout(PATIENCE_S), self._stir:
            await self._stir.wait_for(happened)

    async def session(self, number: int = 0) -> Session:
        await self.until(lambda: len(self.sessions) > number)
        async with asyncio.timeout(PATIENCE_S):
            await self.sessions[number].ready.wait()
        return self.sessions[number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        session = Session(writer)
        self.sessions.append(session)
        self.live += 1
        try:
            await self._stirred()
            session.push(self.greeting)
            while raw := await reader.readuntil(self._ends_with):
                self.take(session, raw)
                await self._stirred()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.live -= 1
            session.gone.set()
            writer.transport.abort()
            self._handlers.discard(task)
            await self._stirred()

    async def _stirred(self) -> None:
        async with self._stir:
            self._stir.notify_all()
