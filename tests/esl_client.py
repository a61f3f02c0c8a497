"""A small client of a FreeSWITCH's event socket, for contract tests: it plays the bridge.

It shares nothing with `ami_bridge/freeswitch`, so that one can't hide the other's mistakes.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

Event = dict[str, str]
Wanted = Callable[[Event], bool]

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
POLL_S = 0.01
TOLD = "hushtape::told"


class Address(NamedTuple):
    """Where the event socket listens, and its password."""

    host: str
    port: int
    password: str


def read_address(text: str) -> Address:
    """Read ``host:port:password``; the password may hold colons."""
    host, _, rest = text.partition(":")
    port, colon, password = rest.partition(":")
    if not (host and port.isdecimal() and colon and password):
        raise ValueError("HUSHTAPE_TEST_ESL is not host:port:password")
    return Address(host, int(port), password)


class EslClient:
    """A session with a reader thread of its own; keeps all events that it has subscribed to."""

    def __init__(self, address: Address, events: str = "") -> None:
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] | None = None  # called in the reader's thread
        self._replies: queue.Queue[tuple[Event, str]] = queue.Queue()
        self._asking = threading.Lock()
        self._socket = socket.create_connection(address[:2], timeout=CONNECT_TIMEOUT_S)
        self._file = self._socket.makefile("rb")
        self._message()  # auth/request
        self._socket.sendall(f"auth {address.password}\n\n".encode())
        if "accepted" not in self._message()[0].get("Reply-Text", ""):
            self._file.close()
            self._socket.close()
            raise PermissionError("the event socket refuses the password")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if events:
            self.command(f"event plain {events}")

    def close(self) -> None:
        """Leave; the reader thread ends with the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=ANSWER_TIMEOUT_S)
        self._file.close()
        self._socket.close()

    def ended(self, timeout_s: float) -> bool:
        """Whether the other side ends the session within that time."""
        self._reader.join(timeout=timeout_s)
        return not self._reader.is_alive()

    def command(self, line: str) -> tuple[Event, str]:
        """Send a command; its reply's headers and body."""
        return self._ask(line)[0]

    def api(self, line: str) -> str:
        """The answer to an api command."""
        return self.at_once(line)[0]

    def at_once(self, *lines: str) -> list[str]:
        """The answers to api commands that are sent without waiting for one another's."""
        return [body.strip() for _, body in self._ask(*(f"api {line}" for line in lines))]

    def _ask(self, *lines: str) -> list[tuple[Event, str]]:
        with self._asking:
            self._socket.sendall("".join(f"{line}\n\n" for line in lines).encode())
            return [self._replies.get(timeout=ANSWER_TIMEOUT_S) for _ in lines]

    def variable(self, uuid: str, name: str) -> str:
        """A channel's variable; "" if it isn't set."""
        said = self.api(f"uuid_getvar {uuid} {name}")
        return "" if said == "_undef_" else said

    def mark(self) -> int:
        """Where the events have come to."""
        return len(self.events)

    def heard(self, wanted: Wanted, since: int = 0) -> list[Event]:
        """The events that are wanted."""
        return [event for event in self.events[since:] if wanted(event)]

    def wait_for(self, wanted: Wanted, timeout_s: float, since: int = 0) -> Event:
        """The first event that is wanted, once it has come."""
        ends = time.monotonic() + timeout_s
        while not (found := self.heard(wanted, since)):
            if time.monotonic() > ends:
                names = [event.get("Event-Name", "") for event in self.events[since:]]
                raise TimeoutError(f"not within {timeout_s:g} s; heard {names}")
            time.sleep(POLL_S)
        return found[0]

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while head := self._message():
                headers, body = head
                if not headers:
                    return
                kind = headers.get("Content-Type", "")
                if kind == "text/event-plain":
                    event = _parse(body)
                    self.events.append(event)
                    if self.on_event is not None:
                        self.on_event(event)
                elif kind != "text/disconnect-notice":
                    self._replies.put((headers, body))

    def _message(self) -> tuple[Event, str]:
        lines: list[str] = []
        while (line := self._file.readline()).strip() or (line and not lines):
            if line.strip():
                lines.append(line.decode("utf-8", "replace"))
        headers = _parse("".join(lines))
        size = int(headers.get("Content-Length", "0"))
        return headers, self._file.read(size).decode("utf-8", "replace")


def _parse(text: str) -> Event:
    """Split first and unquote then: a quoted line break is no line break. The first one counts."""
    headers: Event = {}
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(": ")
        headers.setdefault(name, unquote(value, errors="replace"))
    return headers
