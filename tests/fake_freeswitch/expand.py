"""How a FreeSWITCH puts variables and the answers of commands into a text.

It looks into the values, too, and carries out commands that stand there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fake_freeswitch.server import carried_out

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

DEEPEST = 100
_WORTH_READING = re.compile(r"\$\\*\{|\\[\\nst']")  # else a text is left alone


async def expanded(
    switch: FakeFreeSwitch, channel: Channel | None, text: str, depth: int = 0
) -> str:
    """Return a text with all that stands in ${…} carried out."""
    if depth > DEEPEST or not _WORTH_READING.search(text):
        return text
    parts: list[str] = []
    at = 0
    while at < len(text):
        each = text[at]
        following = text[at + 1 : at + 2]
        if each == "\\" and following == "$":
            parts.append("$")
            at += 3 if text[at + 2 : at + 3] == "$" else 2
        elif each == "\\" and following == "'":
            parts.append("'")
            at += 2
        elif each == "\\" and following == "\\":
            parts.append("\\")
            at += 2
        elif each == "$" and following == "{":
            inner, at = _inside(text, at + 2)
            parts.append(await _value(switch, channel, inner, depth))
        else:
            parts.append(each)
            at += 1
    return "".join(parts)


def _inside(text: str, at: int) -> tuple[str, int]:
    """What stands between the braces, and where the text goes on."""
    depth, begin = 1, at
    while at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin:at], at + 1
        at += 1
    return text[begin:], at


async def _value(switch: FakeFreeSwitch, channel: Channel | None, inner: str, depth: int) -> str:
    ends = min((at for at in (inner.find(" "), inner.find("(")) if at >= 0), default=-1)
    if ends >= 0:
        return await _function(switch, channel, inner, ends, depth)
    inner = await expanded(switch, channel, inner, depth + 1)
    name, *numbers = inner.split(":")
    value = channel.get(name) if channel is not None else switch.globals.get(name, "")
    value = await expanded(switch, channel, value, depth + 1)
    offset, length = (_number(numbers[at] if at < len(numbers) else "") for at in (0, 1))
    if offset > len(value) or -offset > len(value):
        value = "" if offset > 0 else value
    else:
        value = value[offset:]
    return value[:length] if length > 0 else value


async def _function(
    switch: FakeFreeSwitch, channel: Channel | None, inner: str, ends: int, depth: int
) -> str:
    name, rest = inner[:ends].rstrip(), inner[ends + 1 :]
    level = 1 if inner[ends] == "(" else 0
    argument = rest
    if level:
        for at, each in enumerate(rest):
            level += {"(": 1, ")": -1}.get(each, 0)
            if level == 0:
                argument = rest[:at]
                break
    name = await expanded(switch, channel, name, depth + 1)
    argument = await expanded(switch, channel, argument, depth + 1)
    return await carried_out(switch, f"{name} {argument}".rstrip(), channel)


def _number(text: str) -> int:
    digits = text.lstrip("-")
    return int(text) if digits.isdecimal() and digits.isascii() else 0
