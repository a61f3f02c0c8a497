"""The lab's own eyes on a FreeSWITCH: a session on its event socket.

What is told is put into the words of the scenes by esl_words.py, so that one scene can be played on
either kind of PBX.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lab.esl_words import Headers, Words
from lab.eyes import Dialog, Event, Eyes, ObserverError

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
LINE_LIMIT_BYTES = 65536
EVENTS = (
    "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_PROGRESS CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD"
    " CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE"
    " RECORD_START RECORD_STOP CUSTOM"
    " callcenter::info valet_parking::info conference::maintenance fifo::info hushtape::told"
)


class EslEyesError(ObserverError):
    """FreeSWITCH doesn't answer, or says no."""


class EslEyes(Eyes):
    """A session on the event socket with a reader thread of its own.

    Args:
        numbers: what the phones show as theirs, by the names under which they register.
    """

    def __init__(
        self,
        port: int,
        secret: str,
        numbers: Mapping[str, str] | None = None,
        *,
        record: Path | None = None,
    ) -> None:
        super().__init__()
        self._words = Words(numbers or {})
        self._replies: deque[str] = deque()
        self._asking = threading.Lock()
        self._record = record.open("wb") if record else None
        self._link = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_S)
        self._link.settimeout(None)
        self._file = self._link.makefile("rb")
        self._reader = threading.Thread(target=self._read, name="esl-eyes", daemon=True)
        self._reader.start()
        try:
            self._wait_for_greeting()
            if "accepted" not in self._ask(f"auth {secret}"):
                raise EslEyesError("the event socket refuses the password")
            self._ask(f"event plain {EVENTS}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave; the reader thread ends with the link."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=CONNECT_TIMEOUT_S)
        self._file.close()
        self._link.close()

    # ------------------------------------------------------------------ asking

    def command(self, line: str) -> str:
        """The answer to an api command."""
        return self._ask(f"api {line}")

    def action(self, action: str, /, **headers: str | list[str]) -> Event:
        """Do what an Asterisk's action of this name would do.

        Raises:
            EslEyesError: FreeSWITCH refuses, or nobody has said yet how to do it.
        """
        plain = {key: value for key, value in headers.items() if isinstance(value, str)}
        lines = {
            "Setvar": self._set,
            "Redirect": self._redirect,
            "Hangup": lambda h: f"uuid_kill {self.unique_id(h['Channel'])}",
            "QueueAdd": lambda h: self._tier("add", h),
            "QueueRemove": lambda h: self._tier("del", h),
            "MixMonitor": self._record_behind_backs,
            "Originate": self._originate,
        }
        if action not in lines:
            raise EslEyesError(f"the lab can't do {action} on a FreeSWITCH")
        answer = self.command(lines[action](plain))
        if answer.startswith("-ERR"):
            raise EslEyesError(f"{action}: {answer.strip()}")
        return Event(
            {"Response": "Success", "Message": answer.strip()}, time.time(), time.time(), b""
        )

    def _set(self, headers: Headers) -> str:
        if "Channel" in headers:
            uuid = self.unique_id(headers["Channel"])
            return f"uuid_setvar {uuid} {headers['Variable']} {headers['Value']}"
        return f"global_setvar {headers['Variable']}={headers['Value']}"

    def _redirect(self, headers: Headers) -> str:
        uuid = self.unique_id(headers["Channel"])
        return f"uuid_transfer {uuid} {headers['Exten']} XML {headers['Context']}"

    def _tier(self, what: str, headers: Headers) -> str:
        agent = headers["Interface"].removeprefix("PJSIP/")
        return f"callcenter_config tier {what} {headers['Queue']} {agent}"

    def _originate(self, headers: Headers) -> str:
        """Soon, and without waiting for the answer."""
        number, _, context = headers["Channel"].removeprefix("Local/").partition("@")
        wait_ms = 1000 * int(headers["Data"])  # the one application that is asked for
        return f"sched_api +0 none originate loopback/{number}/{context} &sleep({wait_ms})"

    def _record_behind_backs(self, headers: Headers) -> str:
        return f"uuid_record {self.unique_id(headers['Channel'])} start {headers['File']}"

    def unique_id(self, channel: str) -> str:
        """The unique id of a channel, by how the scenes call it."""
        return self._words.unique_id(channel)

    def agents_are_free(self, queue: str) -> bool:
        """Whether every agent of a queue waits for a call."""
        listed = self.command(f"callcenter_config queue list agents {queue}").splitlines()
        if len(listed) < 2:
            return False
        keys = listed[0].split("|")
        agents = [dict(zip(keys, line.split("|"), strict=False)) for line in listed[1:-1]]
        return bool(agents) and all(
            each.get("state") == "Waiting" and each.get("status") == "Available" for each in agents
        )

    def dialog(self, channel: str) -> Dialog:
        """The SIP dialog of a phone's channel, which has called the PBX."""
        uuid = self.unique_id(channel)
        call_id, local_tag, remote_tag = (
            self.command(f"uuid_getvar {uuid} {name}").strip()
            for name in ("sip_call_id", "sip_to_tag", "sip_from_tag")
        )
        return Dialog(call_id, local_tag, remote_tag)

    def phone_is_at(self, endpoint: str, sip_port: int) -> bool:
        """Whether the PBX rings an endpoint at this port of 127.0.0.1."""
        return f"@127.0.0.1:{sip_port}" in self.command(f"sofia_contact lab/{endpoint}@127.0.0.1")

    # ------------------------------------------------------------------ the socket

    def _wait_for_greeting(self) -> None:
        self._take_reply(ANSWER_TIMEOUT_S)

    def _ask(self, line: str) -> str:
        if "\n" in line or "\r" in line:
            raise EslEyesError("a line break in a command")
        with self._asking:
            try:
                self._link.sendall(line.encode() + b"\n\n")
            except OSError as error:
                raise EslEyesError(f"the link is gone ({error})") from error
            return self._take_reply(ANSWER_TIMEOUT_S)

    def _take_reply(self, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        with self._news:
            while not self._replies:
                left = deadline - time.monotonic()
                if self._gone or left <= 0:
                    raise EslEyesError("no answer")
                self._news.wait(left)
            return self._replies.popleft()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for headers, body in self._messages():
                seen_s = time.time()
                if headers.get("Content-Type") == "text/event-plain":
                    told = list(self._told(_headers(body, quoted=True), seen_s))
                    with self._news:
                        self._events += told
                        self._news.notify_all()
                else:
                    with self._news:
                        self._replies.append(body or headers.get("Reply-Text", ""))
                        self._news.notify_all()
        self._is_gone()
        if self._record:
            self._record.close()

    def _messages(self) -> Iterator[tuple[Headers, str]]:
        while True:
            lines = []
            while (line := self._file.readline(LINE_LIMIT_BYTES)) not in (b"\n", b""):
                lines.append(line)
            if not line:
                return
            headers = _headers(b"".join(lines).decode("utf-8", "replace"))
            body = self._file.read(int(headers.get("Content-Length", "0")))
            if self._record:
                self._record.write(b"".join(lines) + b"\n" + body)
                self._record.flush()
            yield headers, body.decode("utf-8", "replace")

    def _told(self, fs: Headers, seen_s: float) -> Iterable[Event]:
        at_s = int(fs.get("Event-Date-Timestamp", "0")) / 1e6
        return [Event(headers, at_s, seen_s, b"") for headers in self._words.said(fs)]


def _headers(text: str, *, quoted: bool = False) -> Headers:
    found: Headers = {}
    for line in text.split("\n"):
        key, colon, value = line.partition(": ")
        if colon:
            found.setdefault(key, urllib.parse.unquote(value) if quoted else value)
    return found
