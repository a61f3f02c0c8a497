"""Line breaks in what a caller claims: where such an event ends, and how it was meant. Pure.

Run on Asterisk 22.10: a SIP user part is unescaped, and up to 79 bytes of it stand as they are in
every event of the channel, line breaks included: in ``CallerIDNum``, in the ``ConnectedLineNum`` of
whoever talks to it, and in ``Exten`` and ``DNID`` where a pattern such as ``_X.`` lets them in. So
a number can end its line, begin others, end the event, and begin an event of its own. (Names are
escaped.)

But each event describes a channel by the same lines in the same order. A value is over where the
lines follow that must, and not before: as late as 80 bytes allow, so feigning them is no use.
"""

from __future__ import annotations

import re

VALUE_LIMIT_BYTES = 80  # Asterisk's AST_MAX_EXTENSION and AST_CHANNEL_NAME
NAME_LIMIT_BYTES = 160  # a line break in it is two bytes: it is escaped
REACH_BYTES = 2048  # what isn't over by then is described in some other way

_BEGINS = re.compile(rb"\r\n(?P<whose>\w*)ChannelStateDesc: [^\r\n]*\r\n(?P=whose)CallerIDNum: ")

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


_DESCRIPTION = re.compile(
    (
        r"\r\n(?P<whose>\w*)ChannelStateDesc: [^\r\n]*"
        + "".join(_line(name, limit_bytes, "(?P=whose)") for name, limit_bytes in _LINES)
        + rf"(?:(?!{_line('Type', 0)}\r\nDNID: )|"
        + "".join(_line(name, limit_bytes) for name, limit_bytes in _STATUS_LINES)
        + r")(?=\r\n|\Z)"
    ).encode()
)


def is_over(text: bytes | bytearray, start: int, end: int) -> bool:
    """Tell whether a frame that begins at ``start`` is over at the empty line at ``end``.

    Args:
        text: all that was received; what comes after ``end`` counts, too.
    """
    position = start
    while (begins := _BEGINS.search(text, position, end)) is not None:
        reach = begins.start() + REACH_BYTES
        match = _DESCRIPTION.match(text, begins.start(), reach)
        if match is None:
            return len(text) >= reach
        if match.end() > end:
            return False
        position = match.end()
    return True


def mended(frame: bytes) -> bytes:
    """Return a frame in which no value of a caller's ends its line: CR and LF become spaces."""
    parts, done = [], 0
    for match in _DESCRIPTION.finditer(frame):
        for group in range(2, _DESCRIPTION.groups + 1):
            begin, end = match.span(group)
            if begin >= 0:
                value = frame[begin:end].replace(b"\r", b" ").replace(b"\n", b" ")
                parts += [frame[done:begin], value]
                done = end
    return b"".join((*parts, frame[done:]))
