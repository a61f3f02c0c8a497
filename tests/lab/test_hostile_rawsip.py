"""A caller and a phone of bytes, against a PBX of bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import ear, pcmu
from lab.rawsip import HOST, RTP_HEAD, Claim, RawCaller, RawPhone, escaped, quoted
from lab.waiting import until

TIMEOUT_S = 5.0
CALLER_HZ = 440
AGENT_HZ = 880
TONES = {"caller": CALLER_HZ, "agent": AGENT_HZ}
EVERY_BYTE = bytes(range(256))


class Pbx:
    """A SIP and an RTP socket, and what came to them."""

    def __init__(self) -> None:
        self.sip, self.rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self.sip, self.rtp):
            each.bind((HOST, 0))
            each.settimeout(TIMEOUT_S)
        self.port = self.sip.getsockname()[1]
        self.peer = (HOST, 0)

    def take(self, method: bytes) -> bytes:
        """The next message, which must begin so."""
        message, self.peer = self.sip.recvfrom(65_536)
        assert message.startswith(method), message
        return message

    def answer(self, request: bytes, status: bytes, body: bytes = b"") -> None:
        lines = [line for line in request.split(b"\r\n") if line.startswith(self.ECHOED)]
        lines = [line + b";tag=pbx" if line.startswith(b"To:") else line for line in lines]
        self.send(b"SIP/2.0 " + status + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body)

    ECHOED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")

    def send(self, message: bytes) -> None:
        self.sip.sendto(message, self.peer)

    @property
    def sdp(self) -> bytes:
        return b"m=audio %d RTP/AVP 0\r\n" % self.rtp.getsockname()[1]

    def sing(self, hz: int, port: int, packets: int) -> None:
        tone = pcmu.tone(hz)
        for number in range(packets):
            head = RTP_HEAD.pack(0x80, 0, number, number * 160, 1)
            self.rtp.sendto(head + tone[number * 160 : number * 160 + 160], (HOST, port))

    def hear(self, packets: int) -> ear.Heard:
        heard = b"".join(self.rtp.recv(2048)[RTP_HEAD.size :] for _ in range(packets))
        return ear.hear_samples([pcmu.decoded(heard)], TONES)


@pytest.fixture
def pbx() -> Iterator[Pbx]:
    made = Pbx()
    yield made
    made.sip.close()
    made.rtp.close()


def media_port(message: bytes) -> int:
    return int(message.split(b"m=audio ")[1].split(b" ")[0])


def ring(caller: RawCaller, claim: Claim, pbx: Pbx, status: bytes) -> tuple[bytes, str]:
    """Let somebody ring; return the INVITE, and how the caller found it answered."""
    with ThreadPoolExecutor(1) as pool:
        ringing = pool.submit(caller.ring, "500", claim, 0.3 if not status else TIMEOUT_S)
        invite = pbx.take(b"INVITE sip:500@")
        if status:
            pbx.answer(invite, b"100 Trying")
            pbx.answer(invite, status, pbx.sdp)
        return invite, ringing.result(TIMEOUT_S).text()


def test_what_is_claimed_is_sent_to_the_byte(pbx: Pbx) -> None:
    claim = Claim(b'"\xff\r\n"', b"\0;%0d", b"X-A: \x1b\r\n")
    with RawCaller(pbx.port, CALLER_HZ) as caller:
        invite, answer = ring(caller, claim, pbx, b"403 No")
        assert b'From: "\xff\r\n"<sip:\0;%0d@127.0.0.1>;tag=' in invite
        assert b"\r\nX-Lab-Trunk: yes\r\nX-A: \x1b\r\n" in invite
        assert answer == "refused: 403 No"
        ack = pbx.take(b"ACK sip:500@")
        assert b";tag=pbx" in ack
        assert ack.split(b"branch=")[1].split(b";")[0] == invite.split(b"branch=")[1].split(b";")[0]


def test_no_answer_is_an_answer(pbx: Pbx) -> None:
    with RawCaller(pbx.port, CALLER_HZ) as caller:
        _, answer = ring(caller, Claim(), pbx, b"")
        assert answer == "dropped without a word"
        pbx.take(b"CANCEL ")


def test_a_call_sings_and_hears_until_it_is_over(pbx: Pbx) -> None:
    with RawCaller(pbx.port, CALLER_HZ) as caller:
        invite, answer = ring(caller, Claim(), pbx, b"200 OK")
        assert answer == "answered: 200 OK"
        pbx.take(b"ACK ")
        pbx.sing(AGENT_HZ, media_port(invite), 20)
        assert pbx.hear(20).share("caller") == 1.0
        until("it is heard", lambda: len(caller._heard) == 20, TIMEOUT_S)
        assert caller.heard(TONES).share("agent") == 1.0
        pbx.send(b"BYE sip:raw@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 5 BYE\r\n\r\n")
        assert b"CSeq: 5 BYE" in pbx.take(b"SIP/2.0 200 OK")
        caller.hang_up()  # it is over already: nothing is sent
        pbx.sip.settimeout(0.05)
        with pytest.raises(TimeoutError):
            pbx.sip.recv(1)


def test_a_phone_registers_and_takes_a_call_from_anybody(pbx: Pbx) -> None:
    phone = RawPhone(pbx.port, "211", AGENT_HZ)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(phone.start)
        pbx.answer(pbx.take(b"REGISTER "), b"200 OK")
        starting.result(TIMEOUT_S)
    try:
        strange = b'From: "\r\x1b[2J\xff" <sip:x@y>;tag=1'
        invite = (
            b"INVITE sip:211@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\n%b\r\n"
            b"To: <sip:211@x>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\n\r\n%b"
        ) % (strange, pbx.sdp)
        pbx.send(invite)
        pbx.send(invite)  # sent again, it is the same call
        ringing = pbx.take(b"SIP/2.0 180 ")
        assert b"\r\n" + strange + b"\r\n" in ringing
        answer = pbx.take(b"SIP/2.0 200 ")
        assert b"To: <sip:211@x>;tag=" in answer
        pbx.sing(CALLER_HZ, media_port(answer), 20)
        assert pbx.hear(20).share("agent") == 1.0
        until("it is heard", lambda: len(phone._heard) == 20, TIMEOUT_S)
        assert phone.heard(TONES).share("caller") == 1.0
    finally:
        phone.remove()


def test_a_phone_that_is_refused_is_none(pbx: Pbx) -> None:
    phone = RawPhone(pbx.port, "211", AGENT_HZ)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(phone.start)
        pbx.answer(pbx.take(b"REGISTER "), b"403 No")
        with pytest.raises(RuntimeError, match="403"):
            starting.result(TIMEOUT_S)
    phone.remove()


def test_quotes_and_escapes() -> None:
    assert quoted(b'a"\\') == b'"a\\"\\\\" '
    assert escaped(b"1\r\n;%") == b"1%0D%0A%3B%25"
    assert escaped(EVERY_BYTE).isascii()


def test_mu_law_is_that_of_the_standard() -> None:
    # ITU-T G.711: the ends of the scale, the two zeros, and the first steps.
    assert [pcmu.encode(each) for each in (0, -1, 32767, -32768)] == [0xFF, 0x7F, 0x80, 0x00]
    assert [pcmu.decode(each) for each in (0xFF, 0x7F, 0xFE, 0x80, 0x00)] == [
        *(0, 0, 8, 32124, -32124)
    ]
    assert all(pcmu.encode(pcmu.decode(code)) == code for code in range(256) if code != 0x7F)
