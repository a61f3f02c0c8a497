"""Telephone numbers in any usual spelling, and the dialplan patterns of a PBX."""

from __future__ import annotations

import functools
import re

_SPACING = re.compile(r"[\s().\-/\u2010-\u2015]")
_DIGITS = re.compile(r"[0-9]{2,18}")
_SET = re.compile(r"\[(?:[0-9](?:-[0-9])?)+\]")
_ABROAD = re.compile(r"[\s(]*(?:\+|0\s?0)")
PATTERN_LIMIT = 40  # characters
SHORT_DIGITS = 6  # a number of so many digits or fewer is an extension or a short code
INTERNATIONAL_DIGITS = 11  # the least with a country code; fewer are taken for a local number


def normal(number: str, country_code: str, trunk_prefix: str = "0") -> str:
    """Bring a number into its international form, so that two spellings of it are equal.

    ``+44 1799 510510``, ``0044 1799 510510``, ``441799510510``, ``(01799) 510-510``,
    ``tel:+44-1799-510510``, ``+44 (0)1799 510510`` and ``(+44) 01799 510510`` are all
    ``441799510510`` in country 44. A short number, such as an extension, stays what it is.

    Args:
        trunk_prefix: what is dialled before a number of the own country; ``""`` where nothing is.

    Returns:
        The digits; ``""`` for something that isn't a number.
    """
    text = re.sub(r"^tel[:.]\s*", "", number.strip(), flags=re.IGNORECASE)
    if _ABROAD.match(text):
        text = text.replace("(0)", "", 1)
    digits = _SPACING.sub("", text)
    if not _DIGITS.fullmatch(digits.removeprefix("+")):
        return ""
    abroad = _ABROAD.match(digits)
    if abroad:
        whole = digits[abroad.end() :]
        left_in = country_code + trunk_prefix  # +44 01799 510510, as people also write it
        if trunk_prefix and whole.startswith(left_in):
            return country_code + whole.removeprefix(left_in)
        return whole
    if len(digits) <= SHORT_DIGITS:
        return digits
    if digits.startswith(country_code) and len(digits) >= INTERNATIONAL_DIGITS:
        return digits
    if digits.startswith(trunk_prefix):
        return country_code + digits[len(trunk_prefix) :]
    return digits


def is_pattern(text: str) -> bool:
    """Tell whether a text is a dialplan pattern that ``matches`` understands."""
    rest = _SET.sub("0", text.removeprefix("_"))
    if not (0 < len(text) <= PATTERN_LIMIT and re.fullmatch(r"[0-9XZN*#+]+[.!]?", rest)):
        return False
    try:
        _compiled(text)
    except re.error:  # a set that runs backwards: [9-1]
        return False
    return True


def matches(pattern: str, extension: str) -> bool:
    """Match an extension against a pattern as Asterisk's dialplan writes it.

    ``X`` is any digit, ``Z`` 1 to 9, ``N`` 2 to 9, ``[13-5]`` one of these; ``.`` at the end is
    one or more characters, ``!`` none or more. The leading underscore may be left out.
    """
    return _compiled(pattern).fullmatch(extension) is not None


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}
    parts = re.findall(r"\[[^\]]*\]|.", pattern.removeprefix("_"))
    return re.compile(
        "".join(
            part if part.startswith("[") else words.get(part, re.escape(part)) for part in parts
        )
    )
