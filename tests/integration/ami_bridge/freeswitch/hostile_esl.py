"""An event socket that says what a FreeSWITCH 1.10 says to the byte, and misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote

AUTH = b"Content-Type: auth/request\n\n"
GOODBYE_TEXT = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
GOODBYE = b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s" % (
    len(GOODBYE_TEXT),
    GOODBYE_TEXT,
)
DENIED_TEXT = b"Access Denied, go away.\n"
DENIED = b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n%s" % (
    len(DENIED_TEXT),
    DENIED_TEXT,
)


def reply(text: str, **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n".encode()


def plain(headers: dict[str, str], body: bytes = b"") -> bytes:
    """An event as it is told: values encoded, the body as it is."""
    lines = "".join(
        f"{name}: {quote(value, safe='') or '_undef_'}\n" for name, value in headers.items()
    )
    return raw_event(lines.encode(), body)


def raw_event(lines: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\n\n%s" % (len(body), body) if body else b"\n"
    event = lines + length
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(event), event)


def event(name: str, **headers: str) -> bytes:
    named = {each.replace("_", "-"): value for each, value in headers.items()}
    return plain({"Event-Name": name, "Event-Date-Timestamp": "1795279250684738", **named})


def job(job_id: str, said: str) -> bytes:
    return plain({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id}, said.encode())


class Session:
    """One connection of a client's."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.subscribed = asyncio.Event()

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


class HostileEsl:
    """Serve until ``close``. Every command received is in ``commands``, in order."""

    def __init__(self) -> None:
        self.password = "correct"
        self.greeting = AUTH
        self.mute = False  # half open: it reads, and says nothing
        self.silent_on: set[str] = set()  # api commands that never come to an end
        self.says: dict[str, str] = {}  # what an api command says, by its first word
        self.answers: dict[str, Callable[[Session, str, str], bytes]] = {}  # instead: every byte
        self.subscription = reply("+OK event listener enabled plain")
        self.commands: list[str] = []
        self.variables: dict[str, str] = {}
        self.sessions: list[Session] = []
        self.live = 0
        self.port = 0
        self._stir = asyncio.Condition()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> HostileEsl:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
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
        """Wait until something happened that a command, a login or a parting brings about."""
        async with asyncio.timeout(10), self._stir:
            await self._stir.wait_for(happened)

    async def session(self, number: int = 0) -> Session:
        await self.until(lambda: len(self.sessions) > number)
        async with asyncio.timeout(10):
            await self.sessions[number].subscribed.wait()
        return self.sessions[number]

    def asked(self) -> list[str]:
        """The api commands, without pings."""
        asked = [each.partition(" ")[2] for each in self.commands if each.startswith("bgapi ")]
        return [each for each in asked if each != "hostname"]

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
            while raw := await reader.readuntil(b"\n\n"):
                command, *lines = raw.decode().rstrip("\n").split("\n")
                self.commands.append(command)
                if not self.mute:
                    headers = dict(line.split(": ", 1) for line in lines)
                    self._answer(session, command, headers)
                await self._stirred()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.live -= 1
            writer.transport.abort()
            self._handlers.discard(task)
            await self._stirred()

    async def _stirred(self) -> None:
        async with self._stir:
            self._stir.notify_all()

    def _answer(self, session: Session, command: str, headers: dict[str, str]) -> None:
        word, _, rest = command.partition(" ")
        if word == "auth":
            if rest == self.password:
                session.push(reply("+OK accepted"))
            else:
                session.push(reply("-ERR invalid") + GOODBYE)
                session.hang_up()
        elif word == "event":
            session.push(self.subscription)
            session.subscribed.set()
        elif word == "bgapi":
            self._carry_out(session, rest, headers["Job-UUID"])
        else:
            session.push(reply("-ERR command not found"))

    def _carry_out(self, session: Session, command: str, job_id: str) -> None:
        word, _, rest = command.partition(" ")
        if word in self.answers:
            session.push(self.answers[word](session, command, job_id))
            return
        session.push(reply(f"+OK Job-UUID: {job_id}", Job_UUID=job_id))
        if word in self.silent_on:
            return
        if word == "global_getvar":
            said = self.variables.get(rest, "")
        elif word == "global_setvar":
            name, _, value = rest.partition("=")
            self.variables[name] = value
            said = "+OK"
        else:
            said = self.says.get(word, "+OK\n")
        session.push(job(job_id, said))
