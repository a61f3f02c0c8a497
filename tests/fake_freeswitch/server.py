"""The event socket of the fake FreeSWITCH: several clients, each with its own events."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from tests.fake_freeswitch import events
from tests.fake_freeswitch.registry import COMMANDS

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

HEAD_LIMIT_BYTES = 1 << 20
QUEUE_LIMIT_BYTES = 64 << 20
"""A client that reads too slowly loses events beyond this, as with the real one."""
CARRIED_IN_MSG = ("execute-app-name", "execute-app-arg")

Format = Literal["plain", "json"]
Event = Mapping[str, str | list[str]]
NO_REPLY = "-ERR no reply\n"  # in place of an empty answer


class EslServer:
    """Listens, and tells events to whoever has asked for them."""

    def __init__(self, switch: FakeFreeSwitch, password: str) -> None:
        self._switch = switch
        self.password = password
        self.clients: set[Client] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_LIMIT_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    def kill(self) -> None:
        """Cut every connection, as when the network goes; new ones are taken."""
        for client in list(self.clients):
            client.abort()

    def stop(self) -> None:
        """Listen no more, and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.kill()

    def tell(self, event: Event, body: str = "") -> None:
        """Tell an event to all who want it."""
        for client in self.clients:
            client.tell(event, body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self._switch, self, reader, writer)
        self.clients.add(client)
        try:
            await client.serve()
        except asyncio.CancelledError:
            pass  # the switch ends, and with it this task
        finally:
            self.clients.discard(client)
            client.abort()


class Client:
    """One connection."""

    def __init__(
        self,
        switch: FakeFreeSwitch,
        server: EslServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._switch = switch
        self._server = server
        self._reader = reader
        self._writer = writer
        self._format: Format = "plain"
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._unsent: list[bytes] = []
        self._waiting: list[bytes] | None = None  # events come after the answer to a command
        self._jobs: set[asyncio.Task[None]] = set()
        self._allowed = False

    def abort(self) -> None:
        """Cut it."""
        for job in self._jobs:
            job.cancel()
        self._writer.transport.abort()

    async def serve(self) -> None:
        """Talk with it until it leaves."""
        self._send({"Content-Type": "auth/request"})
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while True:
                head = await self._reader.readuntil(b"\n\n")
                lines = head.decode("utf-8", "surrogateescape").strip("\n").split("\n")
                headers = dict(line.partition(": ")[::2] for line in lines[1:])
                body = ""
                if size := headers.get("Content-Length", headers.get("content-length", "")):
                    body = (await self._reader.readexactly(int(size))).decode("utf-8", "replace")
                if not await self._carry_out(lines[0].rstrip("\r "), headers, body):
                    break
                await self._writer.drain()
        with contextlib.suppress(OSError):
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()

    async def _carry_out(self, line: str, headers: Mapping[str, str], body: str) -> bool:
        """Do what one command says; false: it leaves."""
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if not self._allowed:
            return self._log_in(word, rest)
        if word == "exit":
            self._reply("+OK bye")
            self._leave()
            return False
        if word == "sendevent":
            self._send_event(rest, headers, body)
        elif word == "sendmsg":
            self._message(rest, headers)
        elif word == "api" and rest:
            await self._api(rest)
        elif word == "bgapi" and rest:
            self._job(rest, headers.get("Job-UUID", ""))
        else:
            self._about_events(word, rest)
        return True

    def _log_in(self, word: str, rest: str) -> bool:
        if word == "auth" and rest == self._server.password:
            self._allowed = True
            self._reply("+OK accepted")
            return True
        self._reply("-ERR invalid" if word == "auth" else "-ERR command not found")
        self._leave()
        return False

    def _about_events(self, word: str, rest: str) -> None:
        match word:
            case "event":
                self._subscribe(rest)
            case "nixevent":
                self._unsubscribe(rest.split())
            case "noevents":
                self._no_events()
            case "filter" if rest:
                self._filter(rest)
            case "log":
                self._reply(f"+OK log level {rest} [{rest}]")
            case "nolog":
                self._reply("+OK no longer logging")
            case "linger" | "nolinger":
                self._reply("-ERR not controlling a session")
            case _:
                self._reply("-ERR command not found")

    def _leave(self) -> None:
        text = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
        self._send({"Content-Type": "text/disconnect-notice"}, text)

    # ------------------------------------------------------------------ commands

    async def _api(self, line: str) -> None:
        self._waiting = []  # a connection that waits for an answer is told nothing meanwhile
        try:
            answer = await carried_out(self._switch, line)
        finally:
            waiting, self._waiting = self._waiting or [], None
        self._send({"Content-Type": "api/response"}, answer or NO_REPLY)
        for event in waiting:
            self._write(event)

    def _job(self, line: str, job_uuid: str) -> None:
        job_uuid = job_uuid or str(uuid.uuid4())
        self._send(
            {
                "Content-Type": "command/reply",
                "Reply-Text": f"+OK Job-UUID: {job_uuid}",
                "Job-UUID": job_uuid,
            }
        )
        job = asyncio.get_running_loop().create_task(self._done(line, job_uuid))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _done(self, line: str, job_uuid: str) -> None:
        answer = await carried_out(self._switch, line)
        word, _, arguments = line.partition(" ")
        said = {"Job-UUID": job_uuid, "Job-Command": word}
        if arguments:
            said["Job-Command-Arg"] = arguments
        self._switch.fire("BACKGROUND_JOB", None, said, body=answer)

    def _subscribe(self, rest: str) -> None:
        words = rest.replace(",", " ").split()
        if words and words[0] in ("plain", "json", "xml"):
            self._format = "json" if words.pop(0) == "json" else "plain"
        known, custom = 0, False
        for word in words:
            if custom:
                self._subclasses.add(word)
                known += 1
            elif word.upper() == "CUSTOM":
                custom = True
            elif word.upper() in events.NAMES:
                self._names.add(word.upper())
                known += 1
        if not known:
            self._reply("-ERR no keywords supplied")
            return
        self._reply(f"+OK event listener enabled {self._format}")

    def _unsubscribe(self, words: list[str]) -> None:
        if not words:
            self._reply("-ERR no keywords supplied")
            return
        custom = False
        for word in words:
            if custom:
                self._subclasses.discard(word)
            custom = custom or word.upper() == "CUSTOM"
            self._names.discard(word.upper())
        self._reply("+OK events nixed")

    def _no_events(self) -> None:
        if not self._names and not self._subclasses:
            self._reply("-ERR not listening for events")
            return
        self._names.clear()
        self._subclasses.clear()
        self._reply("+OK no longer listening for events")

    def _filter(self, rest: str) -> None:
        if rest.startswith("delete "):
            name, _, value = rest.removeprefix("delete ").partition(" ")
            kept = [] if name == "all" else [f for f in self._filters if f[0] != name]
            self._filters = kept
            self._reply(f"+OK filter deleted. [{name}][{value}]")
            return
        name, _, value = rest.partition(" ")
        self._filters.append((name, value))
        self._reply(f"+OK filter added. [{name}]=[{value}]")

    def _send_event(self, name: str, headers: Mapping[str, str], body: str) -> None:
        said = {key: unquote(value) for key, value in headers.items() if key != "Content-Length"}
        self._switch.fire(name or "CUSTOM", None, {**said, "Command": f"sendevent {name}"}, body)
        self._reply(f"+OK {uuid.uuid4()}")

    def _message(self, target: str, headers: Mapping[str, str]) -> None:
        channel = self._switch.channels.get(target)
        if channel is None:
            self._reply(f"-ERR invalid session id [{target}]")
            return
        asked = {key.lower(): unquote(value.strip()) for key, value in headers.items()}
        match asked.get("call-command"):
            case "execute":
                name, argument = (asked.get(each, "") for each in CARRIED_IN_MSG)
                self._switch.broadcast(channel, name, argument)
            case "hangup":
                channel.hangup(asked.get("hangup-cause", "") or "NORMAL_CLEARING")
        self._reply("+OK")

    # ------------------------------------------------------------------ telling

    def tell(self, event: Event, body: str) -> None:
        """Tell it an event, if it has asked for that."""
        name, subclass = str(event["Event-Name"]), str(event.get("Event-Subclass", ""))
        wanted = subclass in self._subclasses if name == "CUSTOM" and subclass else False
        if not (wanted or name in self._names or "ALL" in self._names):
            return
        if self._filters and not any(value in str(event.get(n, "")) for n, value in self._filters):
            return
        if self._writer.transport.get_write_buffer_size() > QUEUE_LIMIT_BYTES:
            return
        write = events.plain if self._format == "plain" else events.as_json
        text = write(event, body)
        head = f"Content-Length: {len(text)}\nContent-Type: text/event-{self._format}\n\n"
        self._write(head.encode() + text)

    def _reply(self, text: str) -> None:
        self._send({"Content-Type": "command/reply", "Reply-Text": text})

    def _send(self, headers: Mapping[str, str], body: str = "") -> None:
        data = body.encode("utf-8", "surrogateescape")
        if body or headers["Content-Type"] == "api/response":
            headers = {**headers, "Content-Length": str(len(data))}
        head = "".join(f"{name}: {value}\n" for name, value in headers.items())
        self._flush()
        self._writer.write(head.encode() + b"\n" + data)

    def _write(self, data: bytes) -> None:
        if self._waiting is not None:
            self._waiting.append(data)
            return
        if not self._unsent:  # what is told in one go is sent in one go
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(data)

    def _flush(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        if data and not self._writer.transport.is_closing():
            self._writer.write(data)


async def carried_out(switch: FakeFreeSwitch, line: str, channel: Channel | None = None) -> str:
    """The answer to an api command."""
    word, _, arguments = line.strip().partition(" ")
    command = COMMANDS.get(word)
    if command is None:
        return f"-ERR {word} Command not found!\n"
    switch.fire("API", None, {"API-Command": word, "API-Command-Argument": arguments})
    asking, switch.asking = switch.asking, channel
    try:
        return await command(switch, arguments.strip())
    except Exception as error:
        switch.failed(f"api {line}", error)
        return NO_REPLY
    finally:
        switch.asking = asking
