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
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from ami_bridge.asterisk.forgery import mended
from hushtape.config import Pbx
from hushtape.policy import numbers
from hushtape.policy.schema import Policy

LONG_DIGITS = 5  # a number of fewer digits is an extension or a short code, and nobody's
TRIES = 50  # made-up numbers that lead somewhere else, before one more real digit is kept
OWN = "HUSHTAPE_"  # what the variables begin with that Hushtape sets

NOBODY = frozenset(
    {"", "<unknown>", "unknown", "anonymous", "unavailable", "restricted", "private", "asterisk"}
)

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

_DIGITS = re.compile(rf"\d{{{LONG_DIGITS},}}", re.ASCII)
_WORD = re.compile(r"(?:[^\W_]|[^\x00-\x7f])+")  # not punctuation, where that is ASCII
_SERIAL = re.compile(r"-[0-9a-f]{8}(?:;[12])?$")  # the end of a channel's name
_URI = re.compile(r"(?<=sip:)[^\s;,>)]+|(?<=sips:)[^\s;,>)]+")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.ASCII | re.DOTALL)

# One character for another of as many bytes.
_LOWER, _UPPER, _FIGURES = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_OF_BYTES = {2: "àâäåæçèéêëìíîïñòóôöøùúûüščžěřůłńśźżőű", 3: "山川田木林森石水火土", 4: "📞📱📣🔔"}
_HALF = "\udcff"  # stands for a byte that is no UTF-8, and is one


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
        self._chance = chance or random.SystemRandom()
        self._pbx = pbx
        self._ours = _OurNumbers(pbx, tuple(policies))
        self._queues = set(pbx.queues.values())
        self._made_up: dict[str, str] = {}  # number or word -> what stands for it
        self._taken: set[str] = set()

    def mask(self, raw: bytes) -> bytes:
        """Return a frame, without its empty line, with nothing personal in it; the same length."""
        text = mended(raw).decode("utf-8", "surrogateescape")
        pairs = [_split(line) for line in text.split("\r\n")]
        headers = {name: value for name, _, value in reversed(pairs)}
        self._learn(headers)
        lines = (
            f"{name}{colon}{self._masked(name, value, headers) if colon else self._text(value)}"
            for name, colon, value in pairs
        )
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    def _learn(self, headers: dict[str, str]) -> None:
        """What a caller dialled to come in is the service's number; what is a queue, a queue."""
        if headers.get("Event") == "Newchannel":
            if headers.get("Context") in self._pbx.outside_contexts:
                self._ours.learn(headers.get("Exten", ""))
        elif queue := headers.get("Queue"):
            self._queues.add(queue)

    def _masked(self, name: str, value: str, headers: dict[str, str]) -> str:
        if value.lower() in NOBODY or self._is_told_by_us(name, headers):
            return value
        match _kind(name):
            case _Kind.PLAIN:
                return value
            case _Kind.PLACE:
                return self._place(value)
            case _Kind.CHANNEL:
                serial = _SERIAL.search(value)
                end = serial.start() if serial else len(value)
                return self._place(value[:end]) + value[end:]
            case _Kind.DIAL:
                return self._dial(value)
            case _Kind.NUMBER:
                return self._caller(value)
            case _Kind.NAME if "/" in value:  # a queue's member without a name: its interface
                return self._place(value)
            case _Kind.OTHER if name == "Variable" or name.startswith("ChanVariable"):
                return self._variable(value)
            case _:
                return self._text(value)

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
            return value if value.startswith(OWN) else self._text(value)
        if match["name"].startswith(OWN) or match["value"] == "(null)":
            return value
        return f"{match['name']}={self._text(match['value'])}"

    def _dial(self, value: str) -> str:
        queue, comma, rest = value.partition(",")
        if queue not in self._queues:
            queue, comma, rest = "", "", value
        rest = _URI.sub(lambda uri: self._text(uri[0]), rest)
        return queue + comma + self._place(rest)

    def _place(self, value: str) -> str:
        return _DIGITS.sub(lambda digits: self._number(digits[0]), value)

    def _caller(self, value: str) -> str:
        """Mask what stands as a number: digits with any spacing, or somebody's name at a PBX."""
        digits = re.sub(r"\D", "", value, flags=re.ASCII)
        if re.search(r"[^\W\d_]", value) or not digits:
            return self._text(value)
        masked = iter(self._number(digits))
        return re.sub(r"\d", lambda _: next(masked), value, flags=re.ASCII)

    def _number(self, number: str) -> str:
        if len(number) < LONG_DIGITS or self._ours.has(number):
            return number
        prefix = self._pbx.outside_prefix
        if prefix and number.startswith(prefix) and self._ours.dials_out(number):
            return prefix + self._number(number[len(prefix) :])
        return self._replaced(number, self._made_up_number)

    def _made_up_number(self, number: str) -> str:
        sense = self._ours.sense(number)
        for kept in range(len(number)):
            for _ in range(TRIES):
                end = "".join(self._chance.choice(_FIGURES) for _ in number[kept:])
                made_up = number[:kept] + end
                new = made_up != number and made_up not in self._taken
                if new and not self._ours.has(made_up) and self._ours.sense(made_up) == sense:
                    return made_up
        return number  # the configuration names it, digit by digit: it is the service's

    def _text(self, value: str) -> str:
        """Mask a text word by word, so that the same name is known again in another text."""
        return _WORD.sub(lambda word: self._word(word[0]), value)

    def _word(self, word: str) -> str:
        if word.isascii() and word.isdigit() and len(word) >= LONG_DIGITS:
            return self._number(word)
        if len(word) == 1:  # another one each time: a row of single keys must not be a cipher
            return self._character(word)
        return self._replaced(word, self._made_up_word)

    def _made_up_word(self, word: str) -> str:
        made_up = word
        for _ in range(TRIES):
            made_up = "".join(self._character(each) for each in word)
            if made_up != word and made_up not in self._taken:
                break
        return made_up

    def _character(self, character: str) -> str:
        if character in _FIGURES:
            return self._chance.choice(_FIGURES)
        if character.isascii():
            return self._chance.choice(_UPPER if character.isupper() else _LOWER)
        if "\ud800" <= character <= "\udfff":
            return _HALF
        choice = self._chance.choice(_OF_BYTES[len(character.encode())])
        return choice.upper() if character.isupper() else choice

    def _replaced(self, real: str, make_up: Callable[[str], str]) -> str:
        made_up = self._made_up.get(real)
        if made_up is None:
            made_up = self._made_up[real] = make_up(real)
            self._taken.add(made_up)
        return made_up


class _OurNumbers:
    """What the configuration and the policies know of numbers."""

    def __init__(self, pbx: Pbx, policies: Sequence[Policy]) -> None:
        self._pbx = pbx
        self._learnt: set[str] = set()
        # A pattern with an open end takes in everybody's number, so long ones aren't ours by it.
        self._closed = [each for each in pbx.extensions if not each.endswith((".", "!"))]
        places = [place for policy in policies for place in policy.destination]
        extensions = [pattern for place in places for pattern in place.extensions]
        self._patterns = (*pbx.extensions, *pbx.outside, *extensions)
        self._listed = [
            (spelling, {numbers.normal(each, *spelling) for each in named})
            for spelling, named in (
                (
                    (policy.policy.country_code, policy.policy.trunk_prefix),
                    [*policy.calls.numbers, *(n for d in policy.destination for n in d.numbers)],
                )
                for policy in policies
            )
        ]

    def learn(self, number: str) -> None:
        """Take a number for the service's own."""
        self._learnt.add(number)

    def has(self, number: str) -> bool:
        """Tell whether a number is inside, the service's own, or named by a policy."""
        if number in self._learnt or number in self._pbx.queues:
            return True
        short = len(number) <= numbers.SHORT_DIGITS
        patterns = self._pbx.extensions if short else self._closed
        if any(numbers.matches(pattern, number) for pattern in patterns):
            return True
        return any(numbers.normal(number, *spelling) in named for spelling, named in self._listed)

    def dials_out(self, number: str) -> bool:
        """Tell whether staff reach somebody outside by dialling this."""
        return any(numbers.matches(pattern, number) for pattern in self._pbx.outside)

    def sense(self, number: str) -> tuple[bool, ...]:
        """Say where a number leads: which patterns match it, alone and as staff dial it."""
        spelled = (number, self._pbx.outside_prefix + number)
        return tuple(numbers.matches(each, one) for each in self._patterns for one in spelled)


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
