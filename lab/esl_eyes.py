"""What a FreeSWITCH says on its event socket, in the words in which the lab's scenes look at a PBX.

The scenes know an Asterisk's events (observer.py). The same happenings are told here under the same
names, so that one scene can be played on either; what is Hushtape's own view of a FreeSWITCH is
`ami_bridge/freeswitch`, and this shares nothing with it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from lab.eyes import Event, Eyes, ObserverError

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
LINE_LIMIT_BYTES = 65536
EVENTS = (
    "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_PROGRESS CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD"
    " CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE RECORD_START RECORD_STOP CUSTOM"
    " callcenter::info valet_parking::info conference::maintenance fifo::info hushtape::told"
)


class EslEyesError(ObserverError):
    """FreeSWITCH doesn't answer, or says no."""


Headers = dict[str, str]


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
        self._number_of = dict(numbers or {})  # a phone's name -> what it shows
        self._replies: deque[str] = deque()
        self._asking = threading.Lock()
        self._names: dict[str, str] = {}  # a channel's unique id -> how the scenes call it
        self._ids: dict[str, str] = {}  # and back
        self._numbers: dict[str, str] = {}
        self._queues: dict[str, str] = {}  # who waits in which queue, by unique id
        self._peers: dict[str, str] = {}  # who talks with whom
        self._connecting: dict[str, Headers] = {}  # an agent's leg -> what is told when it talks
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
            "QueueAdd": lambda h: self._tier("add", h),
            "QueueRemove": lambda h: self._tier("del", h),
            "MixMonitor": self._record_behind_backs,
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

    def _record_behind_backs(self, headers: Headers) -> str:
        return f"uuid_record {self.unique_id(headers['Channel'])} start {headers['File']}"

    def unique_id(self, channel: str) -> str:
        """The unique id of a channel, by how the scenes call it."""
        return self._ids[channel]

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

    # ------------------------------------------------------------------ in the scenes' words

    def _told(self, fs: Headers, seen_s: float) -> Iterable[Event]:
        at_s = int(fs.get("Event-Date-Timestamp", "0")) / 1e6
        subclass = fs.get("Event-Subclass", "")
        tell: dict[str, Callable[[Headers], Iterable[Headers]]] = {
            "CHANNEL_CREATE": self._created,
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_PROGRESS": self._rings,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_UNBRIDGE": self._unbridged,
            "CHANNEL_HOLD": lambda h: [self._about("Hold", h)],
            "CHANNEL_UNHOLD": lambda h: [self._about("Unhold", h)],
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "RECORD_START": lambda h: [self._about("MixMonitorStart", h)],
            "RECORD_STOP": lambda h: [self._about("MixMonitorStop", h)],
            "callcenter::info": self._queue,
            "valet_parking::info": self._parked,
            "hushtape::told": self._said,
        }
        handler = tell.get(subclass or fs.get("Event-Name", ""))
        found = handler(fs) if handler else []
        return [Event(headers, at_s, seen_s, b"") for headers in found]

    def _about(self, name: str, fs: Headers, **more: str) -> Headers:
        uuid = fs.get("Unique-ID", "")
        return {
            "Event": name,
            "Uniqueid": uuid,
            "Channel": self._names.get(uuid, ""),
            "CallerIDNum": self._numbers.get(uuid, ""),
            **more,
        }

    def _created(self, fs: Headers) -> list[Headers]:
        uuid = fs["Unique-ID"]
        kind, _, rest = fs.get("Channel-Name", "").partition("/")
        # A phone of the lab's is called by its contact's name: its own, and something random.
        endpoint = rest.rpartition("/")[2].partition("@")[0].partition("-0x")[0]
        technology = "PJSIP" if kind == "sofia" else "Local"
        name = f"{technology}/{endpoint}-{uuid.replace('-', '')[:8]}"
        self._names[uuid], self._ids[name] = name, uuid
        shown = fs.get("Caller-Caller-ID-Number", "")
        self._numbers[uuid] = self._number_of.get(shown, shown)
        return [self._about("Newchannel", fs, Exten=fs.get("Caller-Destination-Number", ""))]

    def _answered(self, fs: Headers) -> list[Headers]:
        other = fs.get("Other-Leg-Unique-ID") or fs.get("variable_cc_member_session_uuid", "")
        if fs.get("Call-Direction") != "outbound" or not other:
            return []
        uuid = fs["Unique-ID"]
        return [
            {
                "Event": "DialEnd",
                "DialStatus": "ANSWER",
                "Uniqueid": other,
                "Channel": self._names.get(other, ""),
                "DestUniqueid": uuid,
                "DestChannel": self._names.get(uuid, ""),
            }
        ]

    def _rings(self, fs: Headers) -> list[Headers]:
        uuid = fs.get("Unique-ID", "")
        return [self._about("DialState", fs, DestUniqueid=uuid, DestChannel=self._names[uuid])]

    def _bridged(self, fs: Headers) -> list[Headers]:
        one, other = fs.get("Bridge-A-Unique-ID", ""), fs.get("Bridge-B-Unique-ID", "")
        self._peers[one], self._peers[other] = other, one
        told = [self._about("BridgeEnter", {"Unique-ID": each}) for each in (one, other)]
        connected = self._connecting.pop(other, None)
        return [connected, *told] if connected else told

    def _unbridged(self, fs: Headers) -> list[Headers]:
        one, other = fs.get("Bridge-A-Unique-ID", ""), fs.get("Bridge-B-Unique-ID", "")
        self._peers.pop(one, None)
        self._peers.pop(other, None)
        return [self._about("BridgeLeave", {"Unique-ID": each}) for each in (one, other)]

    def _queue(self, fs: Headers) -> list[Headers]:
        queue = fs.get("CC-Queue", "").partition("@")[0]
        member = fs.get("CC-Member-Session-UUID", "")
        about = {"Unique-ID": member}
        match fs.get("CC-Action"):
            case "member-queue-start":
                self._queues[member] = queue
                return [self._about("QueueCallerJoin", about, Queue=queue)]
            case "bridge-agent-start":
                agent = fs.get("Unique-ID", "")
                more = {
                    "Queue": queue,
                    "Interface": f"PJSIP/{fs.get('CC-Agent', '')}",
                    "DestUniqueid": agent,
                    "DestChannel": self._names.get(agent, ""),
                }
                # It answered; the two hear each other when they are bridged, a moment later.
                self._connecting[agent] = self._about("AgentConnect", about, **more)
            case "member-queue-end":
                self._queues.pop(member, None)
                return [self._about("QueueCallerLeave", about, Queue=queue)]
        return []

    def _hung_up(self, fs: Headers) -> list[Headers]:
        """A leg that ends by a transfer tells of it: FreeSWITCH has no event of its own for it."""
        gone = self._about("Hangup", fs)
        how, _, moved = fs.get("variable_transfer_to", "").partition(":")
        by, other = gone["Channel"], self._names.get(moved, "")
        if how == "blind":
            headers = {"TransfererChannel": by, "TransfereeUniqueid": moved}
            blind = {"Event": "BlindTransfer", "Result": "Success", "TransfereeChannel": other}
            return [{**blind, **headers}, gone]
        if how == "att":
            headers = {"OrigTransfererChannel": by, "TransfereeUniqueid": moved}
            attended = {"Event": "AttendedTransfer", "Result": "Success"}
            return [{**attended, **headers}, gone]
        return [gone]

    def _parked(self, fs: Headers) -> list[Headers]:
        name = {"hold": "ParkedCall", "bridge": "UnParkedCall"}.get(fs.get("Action", ""))
        if name is None:
            return []
        who = fs.get("Bridge-To-UUID") or fs.get("Unique-ID", "")
        return [
            {
                "Event": name,
                "ParkeeUniqueid": who,
                "ParkingSpace": fs.get("Valet-Extension", ""),
            }
        ]

    def _said(self, fs: Headers) -> list[Headers]:
        more = {
            key.removeprefix("Hushtape-"): value
            for key, value in fs.items()
            if key.startswith("Hushtape-")
        }
        return [self._about("UserEvent", fs, UserEvent="Hushtape", **more)]


def _headers(text: str, *, quoted: bool = False) -> Headers:
    found: Headers = {}
    for line in text.split("\n"):
        key, colon, value = line.partition(": ")
        if colon:
            found.setdefault(key, urllib.parse.unquote(value) if quoted else value)
    return found
