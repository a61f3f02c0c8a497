"""A softphone that sings: one baresip process with a tone and a folder of its own.

It is registered at a PBX, controlled through baresip's `ctrl_tcp` (netstrings that hold
JSON), and writes what it hears to a WAV file, one file per call.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import machine, ports, processes, town
from lab.eyes import Dialog
from lab.pbxes import TEMPLATES, Pbx, filled_in
from lab.waiting import LabTimeoutError, pass_time, until
from lab.workplace import Workplace

START_TIMEOUT_S = 20.0
REGISTER_TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 20.0
HANGUP_TIMEOUT_S = 10.0
FILE_CLOSED_TIMEOUT_S = 3.0
DTMF_GAP_S = 0.6
PORTS_PER_PHONE = 20

# Events of baresip.
ESTABLISHED = "CALL_ESTABLISHED"
ANSWERED = "CALL_ANSWERED"
CLOSED = "CALL_CLOSED"
TRANSFER_FAILED = "TRANSFER_FAILED"
# baresip hangs up when its REFER is refused, and then says nothing of the call's end.
ENDS = frozenset({CLOSED, TRANSFER_FAILED})


class PhoneError(RuntimeError):
    """A phone refused a command, or is gone."""


@dataclass(frozen=True)
class Settings:
    """Audio settings of a phone: jitter buffer in frames, audio buffer in ms, packets in ms."""

    jitter_buffer: str = "5-10"
    audio_buffer: str = "20-160"
    ptime_ms: int = 20


@dataclass(frozen=True)
class PhoneEvent:
    """One event of a phone: its type, what baresip says about it, and when it was read (s)."""

    kind: str
    about: Mapping[str, Any]
    seen_s: float

    @property
    def call_id(self) -> str:
        """The SIP call it is about."""
        return str(self.about.get("id", ""))

    @property
    def why(self) -> str:
        """The reason given, for instance of a call's end."""
        return str(self.about.get("param", ""))


class Phone:
    """One phone. `start`, then `connect`, then `register`; `Phones` does that for many at once."""

    def __init__(
        self,
        person: town.Person,
        pbx: Pbx,
        place: Workplace,
        home: machine.PhoneHome,
        settings: Settings | None = None,
        *,
        answers: bool | None = None,
        deaf: bool = False,
    ) -> None:
        self.person = person
        self.deaf = deaf
        self.name = person.name
        self.tone_hz = person.tone_hz
        self.pbx = pbx
        self.answers = person.answers if answers is None else answers
        self.folder = place.here / self.name
        self._inside = f"{place.inside}/{self.name}"
        self._home = home
        self._settings = settings or Settings()
        self.process: processes.Process | None = None
        self._link: socket.socket | None = None
        self._reader: threading.Thread | None = None
        self._news = threading.Condition()
        self._events: list[PhoneEvent] = []
        self._answers: dict[str, dict[str, Any]] = {}
        self._tokens = itertools.count(1)
        self._gone = False
        self._calls_kept = 0
        self.ports = ports.claim(PORTS_PER_PHONE)
        self.sip_port = self.ports[0]
        self._ctrl_port = self.ports[2]

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Write the configuration and start the process; does not wait for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {
            "sip_port": str(self.sip_port),
            "ctrl_port": str(self._ctrl_port),
            "rtp_start": str(self.ports[4]),
            "rtp_end": str(self.ports[-1]),
            "tone_hz": str(self.tone_hz),
            "heard": f"{self._inside}/heard.wav",
            # Without any player what arrives is thrown away.
            "listen": "" if self.deaf else "module                  aufile.so",
            "audio_buffer": self._settings.audio_buffer,
            "jitter_buffer": self._settings.jitter_buffer,
            "module_path": self._home.modules,
        }
        template = (TEMPLATES / "phone.config").read_text(encoding="utf-8")
        (self.folder / "config").write_text(filled_in(template, values), encoding="utf-8")
        (self.folder / "accounts").write_text(self._account + "\n", encoding="utf-8")
        (self.folder / "contacts").write_text("", encoding="utf-8")
        command = [self._home.binary, "-f", self._inside]
        if self._home.root is not None:
            command = ["chroot", str(self._home.root), *command]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self._inside, "LC_ALL": "C"}
        self.process = processes.spawn(command, self.folder / "log", env=env)

    def connect(self) -> None:
        """Wait until the process can be spoken to."""
        process = self.process
        if process is None:
            raise PhoneError(f"{self.name} was not started")

        def reach() -> socket.socket | None:
            if process.poll() is not None:
                raise PhoneError(f"{self.name} ended at once:\n{self.log_tail()}")
            try:
                return socket.create_connection(("127.0.0.1", self._ctrl_port), timeout=1.0)
            except OSError:
                return None

        link = until(f"{self.name} starts", reach, START_TIMEOUT_S)
        assert link is not None
        link.settimeout(None)
        self._link = link
        self._reader = threading.Thread(target=self._read, name=f"phone-{self.name}", daemon=True)
        self._reader.start()

    def register(self) -> None:
        """Wait until the PBX knows where the phone is."""

        def known() -> bool:
            return " OK " in re.sub("\x1b\\[[^m]*m", " ", self.command("reginfo"))

        try:
            until(f"{self.name} registers", known, REGISTER_TIMEOUT_S, poll_s=0.05)
        except LabTimeoutError as error:
            raise LabTimeoutError(f"{error}\n{self.log_tail()}") from None

    def register_anew(self) -> None:
        """Tell the PBX anew where the phone is, after another one had its place."""
        self.command("uadelall")
        self.command("uanew", self._account)
        self.register()

    @property
    def _account(self) -> str:
        return (
            f"<sip:{self.person.endpoint}@127.0.0.1:{self.pbx.sip_port}>;regint=3600"
            f";audio_codecs=pcmu,pcma;ptime={self._settings.ptime_ms}"
            f";answermode={'auto' if self.answers else 'manual'}"
            f"{f';auth_pass={self.pbx.phone_secret}' if self.pbx.phone_secret else ''}"
        )

    def stop(self) -> None:
        """End the process."""
        end_all([self])

    def forget(self) -> None:
        """Give back what belonged to a process that has ended."""
        self.process = None
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
            self._link.close()
            self._link = None
        ports.release(self.ports)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def cpu_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        return processes.cpu_seconds(self.process) if self.process else 0.0

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that baresip wrote."""
        with contextlib.suppress(OSError):
            text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    # ------------------------------------------------------------------ doing

    def dial(self, number: str) -> None:
        """Call `number`; returns at once (see `established`)."""
        self.command("dial", self._uri(number))

    def answer(self) -> None:
        """Take the call that rings (for a phone that doesn't answer by itself)."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the current call."""
        self.command("hangup")

    def refuse(self) -> None:
        """Turn the call that rings away: 486, busy."""
        self.command("hangup")

    def hang_up_all(self) -> None:
        """End every call, on every line."""
        self.command("hangupall", "all")

    @contextlib.contextmanager
    def by_hand(self) -> Iterator[None]:
        """Let a phone that answers by itself only ring for a while."""
        self.command("answermode", "manual")
        try:
            yield
        finally:
            self.command("answermode", "auto")

    def blind_transfer(self, number: str) -> None:
        """Send the other side to `number` (REFER) and leave.

        Where the PBX refuses the REFER, baresip hangs up all the same: to see a failed transfer
        after which the call goes on, use `feature_blind_transfer`.
        """
        self.command("transfer", self._uri(number))

    def hold(self) -> None:
        """Put the current call on hold (re-INVITE, sendonly). Only for a deaf phone.

        baresip reopens its audio on a re-INVITE, and its file player does not survive that.
        """
        if not self.deaf:
            raise PhoneError(f"{self.name} must be deaf to hold")
        self.command("hold")

    def resume(self) -> None:
        """Take the current call off hold."""
        since = self.mark()
        # baresip 1.1 answers "Invalid argument", and resumes: its own event is what counts.
        with contextlib.suppress(PhoneError):
            self.command("resume")
        self.wait_for(ANSWERED, since=since)

    def take_back(self) -> None:
        """Take the first call off hold, when the second one is over."""
        self._select(self.calls[0])
        self.resume()

    def give_up(self) -> None:
        """Hang up the second call, and take the first one off hold."""
        since = self.mark()
        self._select(self.calls[-1])
        self.hang_up()
        self.closed(since=since)
        self.take_back()

    def attended_transfer(self, number: str, replaced: Dialog) -> None:
        """Send the first call to who is on the second one (REFER with Replaces).

        Args:
            replaced: the second call's dialog.
        """
        self._select(self.calls[0])
        tags = f"to-tag%3D{replaced.local_tag}%3Bfrom-tag%3D{replaced.remote_tag}"
        self.command("transfer", f"<{self._uri(number)}?Replaces={replaced.call_id}%3B{tags}>")

    def _select(self, call_id: str) -> None:
        # Once the other side has ended a call, baresip has no current one until told.
        self.command("callfind", call_id)

    def dtmf(self, keys: str, gap_s: float = DTMF_GAP_S) -> None:
        """Press `keys` one after another, `gap_s` seconds apart."""
        for key in keys:
            self.command("sndcode", key)
            pass_time(gap_s)

    def feature_blind_transfer(self, number: str) -> None:
        """Send the other side to `number` with the PBX's feature code #1."""
        self.dtmf("#1", gap_s=0.3)
        # The PBX says "transfer" before it listens for the number.
        pass_time(1.5)
        self.dtmf(number, gap_s=0.3)

    def feature_consult(self, number: str) -> None:
        """Begin an attended transfer to `number` (*2); hang up to complete it."""
        self.dtmf("*2", gap_s=0.3)
        pass_time(1.5)
        self.dtmf(number, gap_s=0.3)

    def command(self, command: str, params: str = "") -> str:
        """Send a command of baresip and return what it says."""
        if self._link is None:
            raise PhoneError(f"{self.name} is not connected")
        token = str(next(self._tokens))
        message = json.dumps({"command": command, "params": params, "token": token}).encode()
        try:
            self._link.sendall(b"%d:%s," % (len(message), message))
        except OSError as error:
            raise PhoneError(f"{self.name} is gone: {error}") from error
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        with self._news:
            while token not in self._answers:
                left = deadline - time.monotonic()
                if left <= 0 or self._gone:
                    raise PhoneError(f"{self.name}: no answer to {command}\n{self.log_tail()}")
                self._news.wait(left)
            answer = self._answers.pop(token)
        if not answer.get("ok"):
            raise PhoneError(f"{self.name}: {command} {params}: {answer.get('data')}")
        return str(answer.get("data", ""))

    def _uri(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:{self.pbx.sip_port}"

    # ------------------------------------------------------------------ seeing

    def mark(self) -> int:
        """A position in the stream of events, for `since`."""
        with self._news:
            return len(self._events)

    def events(self, since: int = 0) -> list[PhoneEvent]:
        """All events so far, from the position `since` on."""
        with self._news:
            return self._events[since:]

    def wait_for(self, kind: str, timeout_s: float = CALL_TIMEOUT_S, since: int = 0) -> PhoneEvent:
        """The first event of this kind from `since` on, past or to come."""
        return self._wait(lambda e: e.kind == kind, f"{self.name}: {kind}", timeout_s, since)

    def established(self, timeout_s: float = CALL_TIMEOUT_S, since: int = 0) -> PhoneEvent:
        """Wait until a call is established."""
        return self.wait_for(ESTABLISHED, timeout_s, since)

    def closed(self, timeout_s: float = CALL_TIMEOUT_S, since: int = 0) -> PhoneEvent:
        """Wait until a call is over."""
        what = f"{self.name}: the end of a call"
        return self._wait(lambda e: e.kind in ENDS, what, timeout_s, since)

    def _wait(
        self, wanted: Callable[[PhoneEvent], bool], what: str, timeout_s: float, since: int
    ) -> PhoneEvent:
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for one in self._events[since:]:
                    if wanted(one):
                        return one
                left = deadline - time.monotonic()
                if left <= 0 or self._gone:
                    seen = ", ".join(e.kind for e in self._events[since:][-8:])
                    raise LabTimeoutError(f"{what}: not within {timeout_s:g} s (saw: {seen})")
                self._news.wait(left)

    @property
    def calls(self) -> list[str]:
        """The ids of the calls that are up, in the order in which they were answered."""
        up: dict[str, None] = {}
        for one in self.events():
            if one.kind == ESTABLISHED:
                up[one.call_id] = None
            elif one.kind in ENDS:
                up.pop(one.call_id, None)
        return list(up)

    @property
    def busy(self) -> bool:
        """Whether a call is up."""
        return bool(self.calls)

    @property
    def heard(self) -> Path:
        """The WAV of the current call, or of the last one. Its header is right once it is over."""
        now = self._hearing
        return now if now.exists() or not self._calls_kept else self.heard_before()[-1]

    def inside(self, name: str) -> str:
        """What the phone itself calls a file in its folder."""
        return f"{self._inside}/{name}"

    @property
    def _hearing(self) -> Path:
        return self.folder / "heard.wav"

    def heard_before(self) -> list[Path]:
        """The WAVs of all calls that are over, oldest first; the first is the warm-up."""
        return [self.folder / f"heard-{n}.wav" for n in range(1, self._calls_kept + 1)]

    def _keep_heard(self) -> None:
        # baresip always writes to the same name; a call that begins must not destroy the last one.
        # (Renaming an open file is harmless: its header is still put right when it is closed.)
        if self._hearing.exists():
            self._hearing.rename(self.folder / f"heard-{self._calls_kept + 1}.wav")
            self._calls_kept += 1

    def _read(self) -> None:
        # A name of its own: `forget` takes the other one away while this waits.
        link = self._link
        assert link is not None
        rest = b""
        try:
            while data := link.recv(65536):
                rest = self._take(rest + data)
        except (OSError, ValueError):
            pass
        finally:
            with self._news:
                self._gone = True
                self._news.notify_all()

    def _take(self, data: bytes) -> bytes:
        while True:
            length, colon, tail = data.partition(b":")
            if not colon or len(tail) < int(length) + 1:
                return data
            message = json.loads(tail[: int(length)])
            data = tail[int(length) + 1 :]
            with self._news:
                if message.get("response"):
                    self._answers[str(message.get("token"))] = message
                elif message.get("event"):
                    kind = str(message.get("type"))
                    if kind in ENDS:
                        self._keep_heard()
                    self._events.append(PhoneEvent(kind, message, time.time()))
                self._news.notify_all()


def end_all(phones: Iterable[Phone]) -> None:
    """End many phones at once."""
    group = list(phones)
    running = [p.process for p in group if p.process is not None]
    processes.end(running, HANGUP_TIMEOUT_S)
    for phone in group:
        phone.forget()
