"""A phone that puts its call on hold, and afterwards begins its RTP anew, as some do.

Its sequence numbers are then lower than before, and its source is another one. It sings in a
process of its own (`python -m lab.holding`): among the lab's threads its packets would come late,
and late packets are lost to a recorder.
"""

from __future__ import annotations

import re
import secrets
import select
import subprocess
import sys
from pathlib import Path

from lab.lifetime import Lifetime
from lab.pbxes import Pbx
from lab.rawsip import RawPhone
from lab.town import Person

ANSWER_TIMEOUT_S = 3.0
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
ROOT = Path(__file__).parents[1]
READY, HOLD, RESUME = "ready", "hold", "resume"
_URI = re.compile(r"<([^>]*)>")


class HoldingError(RuntimeError):
    """The PBX didn't agree to a hold, or the phone is gone."""


class HoldingPhone(Lifetime):
    """A phone that rings, answers by itself, and can hold and resume its last call.

    Args:
        who: in whose place it is registered, and as whom it sings.
    """

    def __init__(self, pbx: Pbx, who: Person) -> None:
        self._arguments = [str(pbx.sip_port), who.endpoint, str(who.tone_hz)]
        self._secret = pbx.phone_secret
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it is registered."""
        # It ends with its standard input, so it outlives nobody.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.holding", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._say(self._secret)
        self._expect(READY, START_TIMEOUT_S)

    def hold(self) -> None:
        """Put the call on hold."""
        self._ask(HOLD)

    def resume(self) -> None:
        """Take the call off hold, and sing on in a new RTP stream."""
        self._ask(RESUME)

    def remove(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def _ask(self, word: str) -> None:
        self._say(word)
        self._expect(word, 2 * ANSWER_TIMEOUT_S)

    def _say(self, word: str) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise HoldingError("the phone was not started")
        process.stdin.write(f"{word}\n")
        process.stdin.flush()

    def _expect(self, word: str, timeout_s: float) -> None:
        process = self._process
        if process is None or process.stdout is None:
            raise HoldingError("the phone was not started")
        ready, _, _ = select.select([process.stdout], [], [], timeout_s)
        said = process.stdout.readline().strip() if ready else "nothing"
        if said != word:
            raise HoldingError(f"{word}: the phone says {said}")


class _Singer(RawPhone):
    """The phone itself."""

    def __init__(self, sip_port: int, endpoint: str, tone_hz: int, secret: str) -> None:
        super().__init__(sip_port, endpoint, tone_hz, secret)
        self._invite: dict[str, str] = {}  # the headers of the call's INVITE, in small letters
        self._tag = ""
        self._cseq = 0

    def hold(self) -> None:
        """Put the call on hold (re-INVITE, sendonly), and fall silent."""
        self._reinvite("sendonly")
        self._over.set()

    def resume(self) -> None:
        """Take the call off hold, and sing on in a new RTP stream."""
        self._listen()
        self._talk(self._reinvite("sendrecv"))

    def _ring(self, request: bytes, tag: bytes) -> None:
        head = request.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        pairs = (line.partition(":") for line in head.split("\r\n")[1:])
        self._invite = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._tag = tag.decode()
        super()._ring(request, tag)

    def _reinvite(self, direction: str) -> bytes:
        """Ask for another direction of the sound; return the PBX's answer."""
        self._cseq += 1
        sdp = self._sdp().replace(b"a=sendrecv", f"a={direction}".encode())
        sdp = sdp.replace(b"o=- 1 1 ", f"o=- 1 {self._cseq + 1} ".encode())
        self._send(self._request("INVITE", sdp))
        call_id = self._invite["call-id"].encode()
        got = self._await(call_id, self._cseq, b"INVITE", ANSWER_TIMEOUT_S)
        if got is None or not got[0].accepted:
            raise HoldingError(f"{direction}: {got[0].text() if got else 'no answer'}")
        self._send(self._request("ACK"))
        return got[1]

    def _request(self, method: str, body: bytes = b"") -> bytes:
        """A request of ours in the dialog that the PBX has begun."""
        invite, here = self._invite, self._here.decode()
        target = _URI.search(invite["contact"])
        lines = [
            f"{method} {target[1] if target else ''} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: {invite['to']};tag={self._tag}",
            f"To: {invite['from']}",
            f"Call-ID: {invite['call-id']}",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:{self._endpoint.decode()}@{here}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main(sip_port: int, endpoint: str, tone_hz: int) -> None:
    """Be the phone, told on standard input its password and then what to do, until it is closed."""
    with _Singer(sip_port, endpoint, tone_hz, sys.stdin.readline().strip()) as singer:
        print(READY, flush=True)
        for line in sys.stdin:
            word = line.strip()
            try:
                {HOLD: singer.hold, RESUME: singer.resume}[word]()
            except HoldingError as error:
                word = str(error)
            print(word, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
