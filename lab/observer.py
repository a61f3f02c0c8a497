"""The lab's own eyes on a PBX: a small AMI reader that keeps every event, raw if asked to."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import time
from pathlib import Path

from lab.eyes import LINE_END, Dialog, Event, Eyes, ObserverError

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
BLOCK_END = b"\r\n\r\n"


class Observer(Eyes):
    """A logged-in AMI session with a reader thread of its own."""

    def __init__(
        self,
        port: int,
        account: str,
        secret: str,
        *,
        host: str = "127.0.0.1",
        tls_certificate: Path | None = None,
        record: Path | None = None,
        record_sent: Path | None = None,
    ) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self._answers: dict[str, Event] = {}
        self._record = record.open("wb") if record else None
        self._record_sent = record_sent.open("wb", buffering=0) if record_sent else None
        link = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        if tls_certificate:
            context = ssl.create_default_context(cafile=str(tls_certificate))
            link = context.wrap_socket(link, server_hostname=host)
        link.settimeout(None)
        self._link = link
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name=f"ami-{account}", daemon=True)
        self._reader.start()
        try:
            self.action("Login", Username=account, Secret=secret)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave; the reader thread ends with the link."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()
        if self._record_sent:
            self._record_sent.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=CONNECT_TIMEOUT_S)

    # ------------------------------------------------------------------ asking

    def ask(self, action: str, /, **headers: str | list[str]) -> Event:
        """Send an action and return its response, whatever that says."""
        action_id = f"lab-{next(self._ids)}"
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        for key, value in headers.items():
            for each in value if isinstance(value, list) else [value]:
                if "\r" in each or "\n" in each:
                    raise ObserverError(f"A line break in {key}")
                lines.append(f"{key}: {each}")
        data = "\r\n".join(lines).encode() + BLOCK_END
        try:
            with self._writing:
                self._link.sendall(data)
                if self._record_sent:
                    self._record_sent.write(data)
        except OSError as error:
            raise ObserverError(f"{action}: the link is gone ({error})") from error
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        with self._news:
            while action_id not in self._answers:
                left = deadline - time.monotonic()
                if self._gone or left <= 0:
                    raise ObserverError(f"{action}: no answer")
                self._news.wait(left)
            return self._answers.pop(action_id)

    def action(self, action: str, /, **headers: str | list[str]) -> Event:
        """Send an action and return its response; ObserverError unless that is Success."""
        answer = self.ask(action, **headers)
        if answer.get("Response") not in ("Success", "Goodbye", "Follows"):
            raise ObserverError(f"{action}: {answer.get('Message', 'refused')}")
        return answer

    def command(self, line: str) -> str:
        """The output of a console command (needs an account with the right `command`)."""
        return "\n".join(self.action("Command", Command=line).all("Output"))

    def agents_are_free(self, queue: str) -> bool:
        """Whether every agent of a queue waits for a call: stands as "Not in use" in its list."""
        lines = self.command(f"queue show {queue}").splitlines()
        members = [line for line in lines if "ringinuse" in line]
        return bool(members) and all("(Not in use)" in line for line in members)

    def dialog(self, channel: str) -> Dialog:
        """The SIP dialog of a phone's channel."""
        call_id, local_tag, remote_tag = (
            self.action("Getvar", Channel=channel, Variable=f"CHANNEL(pjsip,{name})").get("Value")
            for name in ("call-id", "local_tag", "remote_tag")
        )
        return Dialog(call_id, local_tag, remote_tag)

    def phone_is_at(self, endpoint: str, sip_port: int) -> bool:
        """Whether the PBX rings an endpoint at this port of 127.0.0.1."""
        return f":{sip_port}" in self.command(f"pjsip show aor {endpoint}")

    def _read(self) -> None:
        rest = b""
        # The greeting is one line; every block after it ends with an empty line.
        greeted = False
        try:
            while data := self._link.recv(65536):
                seen = time.time()
                if self._record:
                    self._record.write(data)
                    self._record.flush()
                rest += data
                if not greeted and LINE_END in rest:
                    rest = rest.split(LINE_END, 1)[1]
                    greeted = True
                *blocks, rest = rest.split(BLOCK_END)
                if blocks:
                    self._take(blocks, seen)
        except (OSError, ValueError):
            pass
        finally:
            self._is_gone()
            if self._record:
                self._record.close()

    def _take(self, blocks: list[bytes], seen: float) -> None:
        with self._news:
            for raw in blocks:
                headers: dict[str, str] = {}
                for line in raw.decode("utf-8", "replace").split("\r\n"):
                    key, colon, value = line.partition(":")
                    if colon:
                        headers[key.strip()] = value.strip()
                at = float(headers.get("Timestamp", "nan"))
                one = Event(headers, at, seen, raw)
                if "Response" in headers and "Event" not in headers:
                    self._answers[headers.get("ActionID", "")] = one
                else:
                    self._events.append(one)
            self._news.notify_all()
