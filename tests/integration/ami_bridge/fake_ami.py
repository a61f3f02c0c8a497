"""An AMI server that says what an Asterisk 22 says, and misbehaves on request."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
Headers = list[tuple[str, str]]


def frame(*headers: tuple[str, str]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    return ("".join(lines) + "\r\n").encode()


def event(name: str, **headers: str) -> bytes:
    return frame(("Event", name), ("Privilege", "call,all"), *headers.items())


class Session:
    """One connection of a client's."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.logged_in = asyncio.Event()
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
        transport = self.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    def cut(self) -> None:
        self.writer.transport.abort()

    def hang_up(self) -> None:
        self.writer.close()


class FakeAmi:
    """Serve until ``close``. Every action received is in ``actions``, in order."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.password = "correct"
        self.greeting = GREETING
        self.mute = False  # half open: it reads, and says nothing
        self.silent_on: set[str] = set()  # actions that it never answers
        self.answers: dict[str, Callable[[Session, dict[str, str]], bytes]] = {}
        self.actions: list[dict[str, str]] = []
        self.variables: dict[str, str] = {}  # of the whole PBX
        self.sessions: list[Session] = []
        self.live = 0
        self._tls = tls
        self._stir = asyncio.Condition()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> FakeAmi:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for session in self.sessions:
            session.cut()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._handlers)
            await self._server.wait_closed()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something happened that an action, a login or a parting brings about."""
        async with asyncio.timeout(10), self._stir:
            await self._stir.wait_for(happened)

    async def session(self, number: int = 0) -> Session:
        await self.until(lambda: len(self.sessions) > number)
        async with asyncio.timeout(10):
            await self.sessions[number].logged_in.wait()
        return self.sessions[number]

    def names(self) -> list[str]:
        return [action["Action"] for action in self.actions if action["Action"] != "Ping"]

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
            while raw := await reader.readuntil(b"\r\n\r\n"):
                action = _read(raw)
                self.actions.append(action)
                if not self.mute:
                    session.push(self._answer(session, action))
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

    def _answer(self, session: Session, action: dict[str, str]) -> bytes:
        name = action["Action"]
        own = ("ActionID", action["ActionID"])
        success = ("Response", "Success")
        if name in self.silent_on:
            return b""
        if name in self.answers:
            return self.answers[name](session, action)
        if name == "Login":
            if action["Secret"] != self.password:
                return frame(("Response", "Error"), own, ("Message", "Authentication failed"))
            session.logged_in.set()
            return frame(success, own, ("Message", "Authentication accepted"))
        if name == "Getvar":
            variable = action["Variable"]
            value = self.variables.get(variable, "")
            return frame(success, own, ("Variable", variable), ("Value", value))
        if name == "Setvar" and "Channel" not in action:
            self.variables[action["Variable"]] = action["Value"]
            return frame(success, own, ("Message", "Variable Set"))
        if name == "Ping":
            return frame(success, own, ("Ping", "Pong"), ("Timestamp", "1795282178.699491"))
        if name == "MixMonitor":
            return frame(success, own, ("MixMonitorID", "0x7f3a80022dc0"))
        if name == "Status":
            return listed(action, ["PJSIP/caller1-0000000b", "PJSIP/211-0000000c"])
        return frame(success, own)


def listed(action: dict[str, str], channels: list[str], *, ends: bool = True) -> bytes:
    """The answer to Status."""
    own = ("ActionID", action["ActionID"])
    items = [
        frame(
            ("Event", "Status"),
            ("Privilege", "Call"),
            ("Channel", channel),
            ("Variable", "HUSHTAPE_CALL=(null)"),
            ("Variable", "HUSHTAPE_STATE=recording"),
            own,
        )
        for channel in channels
    ]
    start = frame(
        ("Response", "Success"),
        own,
        ("EventList", "start"),
        ("Message", "Channel status will follow"),
    )
    end = frame(
        ("Event", "StatusComplete"),
        own,
        ("EventList", "Complete"),
        ("ListItems", str(len(channels))),
        ("Items", str(len(channels))),
    )
    return start + b"".join(items) + (end if ends else b"")


def _read(raw: bytes) -> dict[str, str]:
    pairs = [tuple(line.split(": ", 1)) for line in raw.decode().strip().split("\r\n")]
    return dict(pairs)
