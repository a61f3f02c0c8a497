"""What a dial string asks for: ``{for all}[for one]user/211@example.org,…|…``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Wanted:
    """One leg that is asked for."""

    address: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass
class DialString:
    """Those who are rung together, and who is tried after them."""

    variables: dict[str, str]
    groups: list[list[Wanted]]


def read(text: str) -> DialString:
    """Take a dial string apart."""
    common: dict[str, str] = {}
    text = text.strip()
    while text.startswith(("{", "<")):
        inner, text = _brackets(text)
        common |= assignments(inner)
    groups = []
    for group in _split(text, "|"):
        wanted = []
        for each in _split(group, ","):
            own: dict[str, str] = {}
            address = each.strip()
            while address.startswith("["):
                inner, address = _brackets(address)
                own |= assignments(inner)
            wanted.append(Wanted(address.strip(), own))
        groups.append(wanted)
    return DialString(common, groups)


def assignments(text: str) -> dict[str, str]:
    """Read ``NAME=VALUE,NAME='VALUE, with a comma'``."""
    divider = ","
    if text.startswith("^^"):
        divider, text = text[2], text[3:]
    found = {}
    for each in _split(text, divider, brackets=False):
        name, equals, value = each.strip().partition("=")
        if equals:
            found[name] = value.replace("\\,", ",").replace("'", "")
    return found


_PAIRS = {"{": "}", "[": "]", "<": ">"}


def _brackets(text: str) -> tuple[str, str]:
    """What stands in the first brackets, and what follows them."""
    opens, closes = text[0], _PAIRS[text[0]]
    depth = 0
    for at, each in enumerate(text):
        depth += {opens: 1, closes: -1}.get(each, 0)
        if depth == 0:
            return text[1:at], text[at + 1 :].strip()
    return text[1:], ""


def _split(text: str, divider: str, *, brackets: bool = True) -> list[str]:
    """Split, but neither between quotes nor in brackets."""
    parts, now, quoted, depth, escaped = [], "", False, 0, False
    for each in text:
        if each == "'" and not escaped:
            quoted = not quoted
        if brackets and not quoted:
            depth += {"[": 1, "]": -1, "{": 1, "}": -1}.get(each, 0)
        if each == divider and not quoted and not depth and not escaped:
            parts.append(now)
            now = ""
        else:
            now += each
        escaped = each == "\\"
    return [*parts, now]
