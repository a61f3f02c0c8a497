"""The dialplans XML and inline, as the fake FreeSWITCH reads them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

from tests.fake_freeswitch.channel import Channel, Profile, Steps, is_true
from tests.fake_freeswitch.expand import expanded

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

_CAPTURE = re.compile(r"\$(\d{1,2})")
INLINE = "inline"


class _Read(NamedTuple):
    """What came of an extension's conditions."""

    held: bool
    steps: Steps | None


async def hunt(switch: FakeFreeSwitch, channel: Channel, profile: Profile) -> Steps | None:
    """Find what a call is to do; None: no extension."""
    if profile.dialplan.lower() == INLINE:
        return _inline(profile.destination_number)
    context = switch.document.context(profile.context)
    steps: Steps | None = None
    for extension in context.iterfind("extension") if context is not None else ():
        read = await _extension(switch, channel, profile, extension, steps)
        steps = read.steps
        if read.held and not is_true(extension.get("continue", "")):
            break
    return steps


def _inline(text: str) -> Steps:
    """``app:data,app:data``; a text that begins with ``m:X:`` is split at X."""
    divider = ","
    if text.startswith("m:"):
        divider, text = text[2], text[4:]
    steps = Steps("inline", "inline")
    for each in _split(text, divider):
        name, _, data = each.strip().partition(":")
        steps.todo.append((name, data))
    return steps


def _split(text: str, divider: str) -> list[str]:
    """Split, but neither between quotes nor after a backslash."""
    parts, now, quoted, escaped = [], "", False, False
    for each in text:
        if escaped:
            now += each if each == divider else f"\\{each}"
            escaped = False
        elif each == "\\":
            escaped = True
        elif each == "'":
            quoted = not quoted
        elif each == divider and not quoted:
            parts.append(now)
            now = ""
        else:
            now += each
    return [*parts, now]


async def _extension(
    switch: FakeFreeSwitch,
    channel: Channel,
    profile: Profile,
    extension: Element,
    steps: Steps | None,
) -> _Read:
    """Read all conditions of an extension, one after the other."""
    held = False
    name = extension.get("name", "")
    for condition in extension.iterfind("condition"):
        field = condition.get("field")
        found: re.Match[str] | None = None
        data = ""
        if field is None:
            held = True
        else:
            data = await _field(switch, channel, profile, field)
            text = await expanded(switch, channel, condition.get("expression", ""))
            found = _pattern(text).search(data)
            held = found is not None
        kind = "action" if held else "anti-action"
        passed = held
        if found is not None and "(" in condition.get("expression", ""):
            _capture(channel, found)
        for action in condition.iterfind(kind):
            held = True
            steps = steps or Steps(name, profile.destination_number)
            what = action.get("application", ""), _substituted(action.get("data", ""), found)
            for _ in range(int(action.get("loop", "1"))):
                if is_true(action.get("inline", "")):
                    from tests.fake_freeswitch.session import execute

                    await execute(switch, channel, *what)
                else:
                    steps.todo.append(what)
        ends = condition.get("break", "on-false")
        if ends == "always" or ends == ("on-true" if passed else "on-false"):
            break
    return _Read(held, steps)


async def _field(switch: FakeFreeSwitch, channel: Channel, profile: Profile, field: str) -> str:
    """A condition's field: a text if a dollar is in it, else a word of the caller profile's."""
    if "$" in field:
        return await expanded(switch, channel, field)
    return profile.field(field) or channel.get(field)


def _capture(channel: Channel, found: re.Match[str]) -> None:
    channel.set("DP_MATCH")
    for text in (found[0], *found.groups()):
        channel.push("DP_MATCH", text or "")


def _substituted(data: str, found: re.Match[str] | None) -> str:
    if found is None or "$" not in data:
        return data

    def captured(match: re.Match[str]) -> str:
        number = int(match[1])
        return (found[number] or "") if number <= (found.re.groups) else ""

    return _CAPTURE.sub(captured, data)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern, as PCRE would read it."""
    return re.compile(text.replace(r"\z", r"\Z"))
