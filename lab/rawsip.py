"""SIP of which every byte is the lab's: a caller who claims what no softphone would send, and a
phone that takes such calls (softphones have hung on them).

Just enough SIP over UDP to ring a queue, talk and hang up: INVITE, ACK, CANCEL, BYE, REGISTER, and
a steady tone in G.711. Whatever the PBX answers, and whether it answers, is a result.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from lab import ear, pcmu, ports
from lab.digest import authorization
from lab.lifetime import Lifetime

HOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 2.0  # a request that can't be parsed is dropped without a word
BYE_TIMEOUT_S = 5.0
REGISTER_TIMEOUT_S = 5.0
RINGS_S = 0.3
UNAUTHORIZED = 401
LOOK_S = 0.2  # how long a reader waits before it sees that it is to end
PACKET_LIMIT_BYTES = 65_536

PACKET_S = 0.02
PACKET_SAMPLES = 160
PCMU = 0
RTP_HEAD = struct.Struct(">BBHII")

_STATUS = re.compile(rb"SIP/2\.0 (\d{3}) ([^\r\n]*)\r\n")
_TO = re.compile(rb"^(?:To|t)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*(\d+) (\w+)", re.IGNORECASE | re.MULTILINE)
_MEDIA = re.compile(rb"^m=audio (\d+) ", re.MULTILINE)
# What an answer to a request repeats of it, to the byte: a name in it may hold a CR.
_ECHOED = re.compile(rb"(?:Via|v|From|f|To|t|Call-ID|i|CSeq)[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Claim:
    """Who a caller says to be, as bytes that are put into the INVITE as they are.

    Args:
        name: what stands before the address, its quotes included: `"A Caller" `.
        user: what stands before the `@`.
        lines: further header lines, each ended by CR LF.
    """

    name: bytes = b""
    user: bytes = b"anonymous"
    lines: bytes = b""


def quoted(name: bytes) -> bytes:
    """A display name as a SIP header holds it."""
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'" '


def escaped(user: bytes) -> bytes:
    """A user part in which any byte may stand: `%0D`."""
    return quote_from_bytes(user, safe="").encode()


@dataclass(frozen=True)
class Answer:
    """How a request was answered: 200, a refusal, or 0 for no answer at all."""

    status: int
    words: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it was done; for an INVITE: whether the call is up."""
        return self.status == 200

    def text(self) -> str:
        """For people."""
        if not self.status:
            return "dropped without a word"
        return f"{'answered' if self.accepted else 'refused'}: {self.status} {self.words}"


class Line(Lifetime):
    """A SIP and an RTP socket, something to sing, and what was heard.

    Args:
        sip_port: the Asterisk's, UDP, on this machine.
        tone_hz: what is sung while a call is up.
    """

    def __init__(self, sip_port: int, tone_hz: int) -> None:
        self._there = (HOST, sip_port)
        self._tone = pcmu.tone(tone_hz)
        self._ports = ports.claim(3)
        self._sip_port, self._rtp_port = self._ports[0], self._ports[2]
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ended = threading.Event()
        self._over = threading.Event()  # the call that is up now, or was last
        self._news = threading.Condition()
        self._answers: list[tuple[bytes, int, bytes, Answer, bytes]] = []
        self._heard: list[bytes] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Open the two sockets and begin to listen."""
        for opened, port in ((self._sip, self._sip_port), (self._rtp, self._rtp_port)):
            opened.bind((HOST, port))
            opened.settimeout(LOOK_S)
        for work in (self._read_sip, self._read_rtp):
            self._spawn(work)

    def remove(self) -> None:
        """Close everything."""
        self._ended.set()
        self._over.set()
        for thread in self._threads:
            thread.join(BYE_TIMEOUT_S)
        self._sip.close()
        self._rtp.close()
        ports.release(self._ports)

    def heard(self, tones: dict[str, int]) -> ear.Heard:
        """What came in during the last call, for the ear."""
        return ear.hear_samples([pcmu.decoded(b"".join(self._heard))], tones)

    def asked(self, request: bytes) -> None:
        """Answer what the other side asks."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the wire

    @property
    def _here(self) -> bytes:
        return f"{HOST}:{self._sip_port}".encode()

    def _sdp(self) -> bytes:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP {PCMU}\r\na=rtpmap:{PCMU} PCMU/{pcmu.RATE_HZ}\r\n"
            f"a=ptime:20\r\na=sendrecv\r\n"
        ).encode()

    def _send(self, data: bytes) -> None:
        self._sip.sendto(data, self._there)

    def _reply(
        self, request: bytes, status: bytes, extra: bytes = b"", body: bytes = b"", tag: bytes = b""
    ) -> None:
        lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
        echoed = [each for each in lines if _ECHOED.match(each)]
        if tag:
            echoed = [each + b";tag=" + tag if _TO.match(each) else each for each in echoed]
        head = b"\r\n".join((b"SIP/2.0 " + status, *echoed)) + b"\r\n"
        self._send(head + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def _await(
        self, call_id: bytes, cseq: int, method: bytes, timeout_s: float
    ) -> tuple[Answer, bytes] | None:
        """Wait for the last word on a request."""

        def found() -> tuple[Answer, bytes] | None:
            for *which, answer, raw in self._answers:
                if which == [call_id, cseq, method] and answer.status >= 200:
                    return answer, raw
            return None

        with self._news:
            self._news.wait_for(lambda: found() is not None, timeout_s)
            return found()

    def _read_sip(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                self._take(self._sip.recv(PACKET_LIMIT_BYTES))

    def _take(self, data: bytes) -> None:
        status, cseq = _STATUS.match(data), _CSEQ.search(data)
        if status is None:
            self.asked(data)
        elif cseq is not None:
            answer = Answer(int(status[1]), status[2].decode("utf-8", "replace"))
            with self._news:
                self._answers.append((_call_id(data), int(cseq[1]), cseq[2], answer, data))
                self._news.notify_all()

    def _read_rtp(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                packet = self._rtp.recv(PACKET_LIMIT_BYTES)
                if len(packet) > RTP_HEAD.size and packet[1] & 0x7F == PCMU:
                    self._heard.append(packet[RTP_HEAD.size :])

    def _listen(self) -> None:
        """A call begins. To be said before the other side is told that it is up: it sings then."""
        self._over, self._heard = threading.Event(), []

    def _talk(self, message: bytes) -> None:
        """Sing to where the other side's SDP says, until the call is over."""
        media, over = _MEDIA.search(message), self._over
        if media is not None:
            self._spawn(lambda: self._sing((HOST, int(media[1])), over))

    def _sing(self, there: tuple[str, int], over: threading.Event) -> None:
        source = secrets.randbits(32)
        began_s = time.monotonic()
        for number in itertools.count():
            # By the clock, not by pauses: a late packet is followed at once by the next one.
            if over.wait(max(0.0, began_s + number * PACKET_S - time.monotonic())):
                return
            position = number * PACKET_SAMPLES
            marker = 0x80 if number == 0 else 0
            head = RTP_HEAD.pack(0x80, PCMU | marker, number & 0xFFFF, position, source)
            start = position % len(self._tone)
            with contextlib.suppress(OSError):
                self._rtp.sendto(head + self._tone[start : start + PACKET_SAMPLES], there)

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="raw-sip", daemon=True)
        thread.start()
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]


class RawCaller(Line):
    """A caller from the trunk, one call at a time.

    Args:
        trunk_line: the header line by which the Asterisk knows its trunk.
    """

    def __init__(
        self, sip_port: int, tone_hz: int, trunk_line: bytes = b"X-Lab-Trunk: yes\r\n"
    ) -> None:
        super().__init__(sip_port, tone_hz)
        self._trunk_line = trunk_line
        self._call: _Call | None = None

    def ring(self, number: str, claim: Claim, timeout_s: float = ANSWER_TIMEOUT_S) -> Answer:
        """Ring a number under a claimed identity, and wait until it is answered or refused.

        From an answer on the caller sings, until `hang_up` or the other side's hanging up.
        """
        call = self._call = _Call(number, self._there[1], self._here, claim)
        self._send(call.invite(self._trunk_line, self._sdp()))
        got = self._await(call.call_id, call.cseq, b"INVITE", timeout_s)
        if got is None:
            self._send(call.plain(b"CANCEL"))  # for one that arrived, and was answered by nobody
            return Answer(0)
        answer, raw = got
        to = _TO.search(raw)
        call.to = to[1] if to else call.to
        if not answer.accepted:
            self._send(call.plain(b"ACK"))
            return answer
        self._listen()
        call.branch = _branch()  # an answer's ACK is a transaction of its own, a refusal's isn't
        self._send(call.plain(b"ACK"))
        call.is_up = True
        self._talk(raw)
        return answer

    def hang_up(self) -> None:
        """End the call that is up, if one is; wait until the other side has said so."""
        call = self._call
        if call is None or not call.is_up or self._over.is_set():
            return
        call.is_up = False
        call.cseq, call.branch = call.cseq + 1, _branch()
        self._send(call.plain(b"BYE"))
        self._await(call.call_id, call.cseq, b"BYE", BYE_TIMEOUT_S)
        self._over.set()

    def remove(self) -> None:
        """Hang up if a call is up, and close everything."""
        with contextlib.suppress(OSError):
            self.hang_up()
        super().remove()

    def asked(self, request: bytes) -> None:
        """Agree to whatever the other side asks; its BYE ends the call."""
        if request.startswith(b"ACK "):
            return
        if request.startswith(b"BYE "):
            self._over.set()
        self._reply(request, b"200 OK")


class RawPhone(Line):
    """A phone that is registered in another one's place, rings, and answers by itself.

    Args:
        endpoint: whose: the last one to register is rung.
        secret: its password, if the PBX asks for one.
    """

    def __init__(self, sip_port: int, endpoint: str, tone_hz: int, secret: str = "") -> None:
        super().__init__(sip_port, tone_hz)
        self._endpoint = endpoint.encode()
        self._secret = secret.encode()
        self._tags: dict[bytes, bytes] = {}  # ours, by Call-ID

    def start(self) -> None:
        """Open the sockets and register."""
        super().start()
        call_id = secrets.token_hex(12).encode()
        got = self._register(call_id, 1)
        if got is not None and got[0].status == UNAUTHORIZED:
            uri = f"sip:{HOST}:{self._there[1]}".encode()
            answer = authorization(got[1], b"REGISTER", uri, self._endpoint, self._secret)
            got = self._register(call_id, 2, b"Authorization: " + answer + b"\r\n")
        if got is None or not got[0].accepted:
            raise RuntimeError(f"no phone {self._endpoint!r}: {(got or [Answer(0)])[0].text()}")

    def _register(
        self, call_id: bytes, cseq: int, extra: bytes = b""
    ) -> tuple[Answer, bytes] | None:
        server = f"{HOST}:{self._there[1]}".encode()
        who = b"<sip:" + self._endpoint + b"@" + server + b">"
        self._send(
            b"".join(
                (
                    b"REGISTER sip:" + server + b" SIP/2.0\r\n",
                    b"Via: SIP/2.0/UDP " + self._here + b";branch=" + _branch() + b";rport\r\n",
                    b"Max-Forwards: 70\r\n",
                    b"Call-ID: " + call_id + b"\r\nCSeq: %d REGISTER\r\n" % cseq,
                    b"From: " + who + b";tag=" + secrets.token_hex(6).encode() + b"\r\n",
                    b"To: " + who + b"\r\n",
                    b"Contact: <sip:" + self._endpoint + b"@" + self._here + b">\r\n",
                    extra,
                    b"Expires: 3600\r\nContent-Length: 0\r\n\r\n",
                )
            )
        )
        return self._await(call_id, cseq, b"REGISTER", REGISTER_TIMEOUT_S)

    def asked(self, request: bytes) -> None:
        """Ring at an INVITE; a BYE or a CANCEL ends the call."""
        if request.startswith(b"ACK "):
            return
        if not request.startswith(b"INVITE "):
            if request.startswith((b"BYE ", b"CANCEL ")):
                self._over.set()
            self._reply(request, b"200 OK")
            return
        call_id = _call_id(request)
        if call_id not in self._tags:
            self._tags[call_id] = secrets.token_hex(6).encode()
            self._spawn(lambda: self._ring(request, self._tags[call_id]))

    def _ring(self, request: bytes, tag: bytes) -> None:
        self._reply(request, b"180 Ringing", tag=tag)
        self._ended.wait(RINGS_S)
        extra = b"Contact: <sip:" + self._endpoint + b"@" + self._here + b">\r\n"
        extra += b"Content-Type: application/sdp\r\n"
        self._listen()
        self._reply(request, b"200 OK", extra, self._sdp(), tag)
        self._talk(request)


class _Call:
    """The messages of one call that we make."""

    def __init__(self, number: str, there: int, here: bytes, claim: Claim) -> None:
        self.cseq = 1
        self.is_up = False
        self.call_id = secrets.token_hex(12).encode()
        self.branch = _branch()
        self._uri = f"sip:{number}@{HOST}:{there}".encode()
        self.to = b"<" + self._uri + b">"
        self._here = here
        self._claim = claim
        self._tag = secrets.token_hex(6).encode()

    def invite(self, trunk_line: bytes, sdp: bytes) -> bytes:
        """The request with the claim in it."""
        claim = self._claim
        sender = claim.name + b"<sip:" + claim.user + b"@" + HOST.encode() + b">"
        contact = b"Contact: <sip:raw@" + self._here + b">\r\n"
        extra = contact + trunk_line + claim.lines + b"Content-Type: application/sdp\r\n"
        return self._message(b"INVITE", sender, extra, sdp)

    def plain(self, method: bytes) -> bytes:
        """Any later request. A dialog is known by its tags: the claim needs no repetition."""
        return self._message(method, b"<sip:raw@" + self._here + b">")

    def _message(
        self, method: bytes, sender: bytes, extra: bytes = b"", body: bytes = b""
    ) -> bytes:
        return b"".join(
            (
                method + b" " + self._uri + b" SIP/2.0\r\n",
                b"Via: SIP/2.0/UDP " + self._here + b";branch=" + self.branch + b";rport\r\n",
                b"Max-Forwards: 70\r\n",
                b"From: " + sender + b";tag=" + self._tag + b"\r\n",
                b"To: " + self.to + b"\r\n",
                b"Call-ID: " + self.call_id + b"\r\n",
                b"CSeq: %d %b\r\n" % (self.cseq, method),
                extra,
                b"Content-Length: %d\r\n\r\n" % len(body),
                body,
            )
        )


def _call_id(message: bytes) -> bytes:
    found = re.search(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", message, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else b""


def _branch() -> bytes:
    return b"z9hG4bK" + secrets.token_hex(8).encode()
