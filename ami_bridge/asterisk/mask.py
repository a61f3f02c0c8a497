"""Takes what is personal out of AMI frames, so that a trace can be shown to somebody.

Names, and the numbers of people outside, are replaced by made-up ones of the same length, the same
one by the same each time, for as long as the bridge runs; nothing that would undo this is kept.
What a translation needs stays: extensions, queues, the service's own numbers, unique ids, bridges,
the order of the events. A made-up number leads where the real one led: the patterns of the
configuration and of the policies match both or neither.

What isn't known to be needed is masked letter by letter. So a header that a dialplan made up
(``UserEvent``) keeps its name only.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterable
from enum import Enum, auto

from ami_bridge.asterisk.forgery import mended
from ami_bridge.made_up import NOBODY, OWN, MadeUp
from hushtape.config import Pbx
from hushtape.policy.schema import Policy

_PARTY = (
    "(?:Dest|Source|Transferer|Transferee|OrigTransferer|SecondTransferer|TransferTarget|Swap"
    "|Parkee|Parker|Retriever|LocalOne|LocalTwo|Caller|Spyer|Spyee|Surrogate)?"
)
_BRIDGE = "(?:Orig|Second|To|From|Dest)?Bridge"

# Ids, states, times, counts: nobody is in them.
_PLAIN = re.compile(
    f"{_PARTY}(?:ChannelState|ChannelStateDesc|Language|Context|Priority|Uniqueid|UniqueId|Linkedid)"
    f"|{_BRIDGE}(?:Uniqueid|UniqueId|Id|ID|Type|Technology|Creator|NumChannels|VideoSourceMode)"
    "|Event|Response|Privilege|Timestamp|SystemName|ActionID|EventList|ListItems|Items|Ping"
    "|Uptime|LastReload|Shutdown|Restart|Variables|Result|Success|IsExternal|Id|Type"
    "|DestType|State|Status|Cause|Cause-txt|Reason|DialStatus|Seconds|Duration|TimeToHangup"
    "|Queue|Position|OriginalPosition|Count|HoldTime|TalkTime|RingTime|Membership|Penalty"
    "|CallsTaken|LastCall|LastPause|LoginTime|InCall|Paused|Wrapuptime|Ringinuse|Class|MusicClass"
    "|MixMonitorID|Application|LocalOptimization|Direction|CID-CallingPres"
    "|Parkinglot|ParkingSpace|ParkingTimeout|ParkingDuration|Readformat|Writeformat|Readtrans"
    "|Writetrans|Nativeformats|Callgroup|Pickupgroup|UserEvent"
)
# Where a call is or goes: an outside number may be part of it.
_PLACE = re.compile(
    f"{_PARTY}Exten|Extension|DNID|Hint|Device|Interface|StateInterface|Location|Endpoint|Conference"
    f"|ParkingExtension|{_BRIDGE}Name"
)
_CHANNEL = re.compile(f"{_PARTY}Channel|Newname|Oldname")
_DIAL = re.compile("Data|AppData|ApplicationData|DialString|ParkerDialString|Forward")
_NUMBER = re.compile(f"{_PARTY}(?:Effective)?(?:CallerID|ConnectedLine)Num")
_NAME = re.compile(f"{_PARTY}(?:Effective)?(?:CallerID|ConnectedLine)Name|MemberName|AgentName")

_SERIAL = re.compile(r"-[0-9a-f]{8}(?:;[12])?$")  # the end of a channel's name
_URI = re.compile(r"(?<=sip:)[^\s;,>)]+|(?<=sips:)[^\s;,>)]+")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.ASCII | re.DOTALL)


class _Kind(Enum):
    PLAIN = auto()
    PLACE = auto()
    CHANNEL = auto()
    DIAL = auto()
    NUMBER = auto()
    NAME = auto()
    OTHER = auto()


_KINDS = (
    (_PLAIN, _Kind.PLAIN),
    (_PLACE, _Kind.PLACE),
    (_CHANNEL, _Kind.CHANNEL),
    (_DIAL, _Kind.DIAL),
    (_NUMBER, _Kind.NUMBER),
    (_NAME, _Kind.NAME),
)


class Masker:
    """Masks the frames of one PBX.

    Args:
        pbx: says which numbers are inside.
        policies: name the service's own numbers, and outside ones that mean something.
        chance: makes numbers and names up.
    """

    def __init__(
        self,
        pbx: Pbx,
        policies: Iterable[Policy],
        chance: random.Random | None = None,
    ) -> None:
        self._pbx = pbx
        self._made_up = MadeUp(pbx, policies, chance)
        self._queues = set(pbx.queues.values())

    def mask(self, raw: bytes) -> bytes:
        """Return a frame, without its empty line, with nothing personal in it; the same length."""
        text = mended(raw).decode("utf-8", "surrogateescape")
        pairs = [_split(line) for line in text.split("\r\n")]
        headers = {name: value for name, _, value in reversed(pairs)}
        self._learn(headers)
        lines = (
            name + colon + self._masked(name, value, headers)
            if colon
            else self._made_up.text(value)
            for name, colon, value in pairs
        )
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    def _learn(self, headers: dict[str, str]) -> None:
        """What a caller dialled to come in is the service's number; what is a queue, a queue."""
        if headers.get("Event") == "Newchannel":
            if headers.get("Context") in self._pbx.outside_contexts:
                self._made_up.learn(headers.get("Exten", ""))
        elif queue := headers.get("Queue"):
            self._queues.add(queue)

    def _masked(self, name: str, value: str, headers: dict[str, str]) -> str:
        if value.lower() in NOBODY or self._is_told_by_us(name, headers):
            return value
        match _kind(name):
            case _Kind.PLAIN:
                return value
            case _Kind.PLACE:
                return self._made_up.place(value)
            case _Kind.CHANNEL:
                serial = _SERIAL.search(value)
                end = serial.start() if serial else len(value)
                return self._made_up.place(value[:end]) + value[end:]
            case _Kind.DIAL:
                return self._dial(value)
            case _Kind.NUMBER:
                return self._made_up.caller(value)
            case _Kind.NAME if "/" in value:  # a queue's member without a name: its interface
                return self._made_up.place(value)
            case _Kind.OTHER if name == "Variable" or name.startswith("ChanVariable"):
                return self._variable(value)
            case _:
                return self._made_up.text(value)

    def _is_told_by_us(self, name: str, headers: dict[str, str]) -> bool:
        """Tell whether a header's value is ours, or an answer to us, by what stands beside it."""
        match name:
            case "Act" | "By":
                return headers.get("UserEvent") == "Hushtape"
            case "Value":
                return headers.get("Variable", "").startswith(OWN)
            case "Message":
                return "Response" in headers and "Event" not in headers
            case _:
                return False

    def _variable(self, value: str) -> str:
        match = _VARIABLE.fullmatch(value)
        if match is None:
            return value if value.startswith(OWN) else self._made_up.text(value)
        if match["name"].startswith(OWN) or match["value"] == "(null)":
            return value
        return f"{match['name']}={self._made_up.text(match['value'])}"

    def _dial(self, value: str) -> str:
        queue, comma, rest = value.partition(",")
        if queue not in self._queues:
            queue, comma, rest = "", "", value
        rest = _URI.sub(lambda uri: self._made_up.text(uri[0]), rest)
        return queue + comma + self._made_up.place(rest)


def _split(line: str) -> tuple[str, str, str]:
    """Split a line into a header's name, what stands between, and its value; or the whole line."""
    name, colon, value = line.partition(":")
    if not colon:
        return "", "", line
    return (name, ": ", value[1:]) if value.startswith(" ") else (name, colon, value)


@functools.lru_cache(maxsize=4096)
def _kind(header: str) -> _Kind:
    for pattern, kind in _KINDS:
        if pattern.fullmatch(header):
            return kind
    return _Kind.OTHER
