"""Line breaks in what a caller claims: where such an event ends, and how it was meant. Pure.

Run on Asterisk 22.10: a SIP user part is unescaped, and up to 79 bytes of it stand as they are in
every event of the channel, line breaks included: in ``CallerIDNum``, in the ``ConnectedLineNum`` of
whoever talks to it, and where a pattern such as ``_X.`` lets them in, in ``Exten`` and ``DNID``, in
the names of Local channels (``Local/${EXTEN}@…``), in ``DialString``, ``Device``, ``Data`` and the
``Extension`` of a transfer. So a number can end its line, begin others, end the event, and begin an
event of its own. (Names are escaped.)

But each event describes a channel by the same lines in the same order. A value is over where the
lines follow that must, and not before: as late as its bytes allow, so feigning them is no use. And
no event is over before something that begins as Asterisk begins it. Of those 79 bytes, such a
beginning takes 68 where events are stamped, so what is feigned is no whole one: see ``written``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

VALUE_LIMIT_BYTES = 80  # Asterisk's AST_MAX_EXTENSION and AST_CHANNEL_NAME
NAME_LIMIT_BYTES = 160  # a line break in it is two bytes: it is escaped
CHANNEL_LIMIT_BYTES = 176  # "Local/", an extension, a context, and what makes it unique
REACH_BYTES = 2048  # what isn't over by then is described in some other way

_FRAME_END = b"\r\n\r\n"
# A DAHDIChannel is a number: no channel is described after it.
_BEGINS = re.compile(rb"\r\n(?!DAHDI)(?P<whose>\w*)Channel: ")
# No description follows: a whole line, and another that is none of its.
_ALONE = re.compile(rb"[^\r\n]*\r\n(?!\w*ChannelState: )[\w-]+: ")
_NEVER_DESCRIBED = b"DestTransferer"  # its name is the last line of an AttendedTransfer

# A header's name, and how many bytes a caller may have put into its value; 0: none of it is his.
_LINES = (
    ("CallerIDNum", VALUE_LIMIT_BYTES),
    ("CallerIDName", NAME_LIMIT_BYTES),
    ("ConnectedLineNum", VALUE_LIMIT_BYTES),
    ("ConnectedLineName", NAME_LIMIT_BYTES),
    ("Language", 0),
    ("AccountCode", 0),
    ("Context", 0),
    ("Exten", VALUE_LIMIT_BYTES),
    ("Priority", 0),
    ("Uniqueid", 0),
    ("Linkedid", 0),
)
# What Status says besides.
_STATUS_LINES = (
    ("Type", 0),
    ("DNID", VALUE_LIMIT_BYTES),
    ("EffectiveConnectedLineNum", VALUE_LIMIT_BYTES),
    ("EffectiveConnectedLineName", NAME_LIMIT_BYTES),
    ("TimeToHangup", 0),
)


def _line(name: str, limit_bytes: int, whose: str = "") -> str:
    value = f"(?s:(.{{0,{limit_bytes}}}))" if limit_bytes else r"[^\r\n]*"
    return rf"\r\n{whose}{name}: {value}"


_ARGUMENTS = b"\r\nUserEvent: "  # what follows are whatever headers somebody has chosen

_DESCRIPTION = re.compile(
    (
        rf"\r\n(?P<whose>\w*)Channel: (?s:(.{{0,{CHANNEL_LIMIT_BYTES}}}))"
        r"\r\n(?P=whose)ChannelState: \d+\r\n(?P=whose)ChannelStateDesc: [^\r\n]*"
        + "".join(_line(name, limit_bytes, "(?P=whose)") for name, limit_bytes in _LINES)
        + r"(?:\r\n(?P=whose)(?:[Tt]enant[Ii][Dd]|ChanVariable[^:\r\n]*): [^\r\n]*)*"
        + rf"(?:(?!{_line('Type', 0)}\r\nDNID: )|"
        + "".join(_line(name, limit_bytes) for name, limit_bytes in _STATUS_LINES)
        + r")(?=\r\n|\Z)"
    ).encode()
)


# Elsewhere in an event: in which, what stands before the value, and what must follow.
_ELSEWHERE = tuple(
    re.compile(rb"(?s)\AEvent: %s\r\n.*?\r\n%s: (.*)%s" % each)
    for each in (
        (rb"DialBegin", rb"DialString", rb"\Z"),
        (rb"DialEnd", rb"Forward", rb"\r\nDialStatus: [A-Z_]*\Z"),
        (rb"DeviceStateChange", rb"Device", rb"\r\nState: [A-Z_]*\Z"),
        (rb"BlindTransfer", rb"IsExternal: \w+\r\nContext: [^\r\n]*\r\nExtension", rb"\Z"),
        (rb"LocalBridge", rb"Exten", rb"\r\nLocalOptimization: \w+\Z"),
        (rb"Status", rb"Application: [^\r\n]*\r\nData", rb"\r\nNativeformats: "),
    )
)
_BRIDGE_NAME = re.compile(
    rb"\r\n(\w*)BridgeName: (?s:(.{0,%d}))(?=\r\n\1BridgeNumChannels: \d+\r\n)" % VALUE_LIMIT_BYTES
)


def is_over(
    text: bytes | bytearray, start: int, end: int, own_ids: bytes = b"", *, stamped: bool = False
) -> bool:
    """Tell whether a frame that begins at ``start`` is over at the empty line at ``end``.

    Args:
        text: all that was received; what comes after ``end`` counts, too.
        own_ids: with what the ids of this side's actions begin, if that is known.
        stamped: whether this PBX is known to stamp its events.
    """
    position = start
    while (begins := _BEGINS.search(text, position, end)) is not None:
        reach = begins.start() + REACH_BYTES
        if _is_alone(text, start, begins, end):
            position = begins.end()
            continue
        match = _DESCRIPTION.match(text, begins.start(), reach)
        if match is None:
            return len(text) >= reach
        if match.end() > end:
            return False
        position = match.end()
    return _may_begin(text, end + len(_FRAME_END), own_ids, stamped=stamped)


def _is_alone(text: bytes | bytearray, start: int, begins: re.Match[bytes], end: int) -> bool:
    """Tell whether a channel is only named, and no description of it follows."""
    if begins["whose"] == _NEVER_DESCRIBED or _ALONE.match(text, begins.end(), end):
        return True
    return text.find(_ARGUMENTS, start, begins.start()) >= 0


def _may_begin(text: bytes | bytearray, at: int, own_ids: bytes, *, stamped: bool) -> bool:
    """Tell whether Asterisk may have begun what stands there, as far as it has come."""
    if text[at : at + 1] in (b"", b"\0"):
        return True  # nothing has come, or will come
    lines = bytes(text[at : at + _LONGEST_BEGINNING_BYTES]).split(b"\r\n", 3)
    if len(lines) == 1:
        return any(lines[0].startswith(word[: len(lines[0])]) for word in _FIRST_WORDS)
    if lines[0].startswith(_GREETING):
        return True
    kind, second = lines[0], lines[1]
    own = b"ActionID: " + own_ids
    if _whole_or_half(second, own, last=len(lines) == 2):
        return kind.startswith(_FIRST_WORDS[:2])
    if kind.startswith(b"Response: "):
        return False
    if kind == _TRACE_MARK or not _EVENT.fullmatch(kind):
        return kind == _TRACE_MARK
    if len(lines) == 2:
        return second.startswith(_PRIVILEGE[: len(second)])
    if not _CLASSES.fullmatch(second):
        return False
    if second == _ITEM or not stamped:
        return True
    third = lines[2]
    return bool(_TIME.fullmatch(third)) or (len(lines) == 3 and _STAMP.startswith(third[:11]))


def _whole_or_half(line: bytes, begins: bytes, *, last: bool) -> bool:
    return line.startswith(begins) or (last and begins.startswith(line))


_LONGEST_BEGINNING_BYTES = 400
_GREETING = b"Asterisk Call Manager/"  # of a next connection, in a trace
_FIRST_WORDS = (b"Event: ", b"Response: ", _GREETING)
_TRACE_MARK = b"Event: HushtapeTrace"
_PRIVILEGE = b"Privilege: "
_EVENT = re.compile(rb"Event: [\w-]+")
_CLASSES = re.compile(rb"Privilege: [A-Za-z]+(?:,[a-z]+)*|Privilege: <none>")
_STAMP = b"Timestamp: "
_TIME = re.compile(_STAMP + rb"\d{9,12}\.\d{6}")
_ITEM = b"Privilege: Call"  # of a list that somebody has asked for: it carries no time


def mended(frame: bytes) -> bytes:
    """Return a frame in which no value of a caller's ends its line: CR and LF become spaces."""
    frame = _replaced(frame, _DESCRIPTION.finditer(frame), range(2, _DESCRIPTION.groups + 1))
    frame = _replaced(frame, _BRIDGE_NAME.finditer(frame), (2,))
    for pattern in _ELSEWHERE:
        frame = _replaced(frame, pattern.finditer(frame), (1,))
    return frame


def _replaced(frame: bytes, found: Iterable[re.Match[bytes]], groups: Iterable[int]) -> bytes:
    parts, done = [], 0
    for match in found:
        for group in groups:
            begin, end = match.span(group)
            if begin >= 0:
                value = frame[begin:end].replace(b"\r", b" ").replace(b"\n", b" ")
                parts += [frame[done:begin], value]
                done = end
    return b"".join((*parts, frame[done:]))
