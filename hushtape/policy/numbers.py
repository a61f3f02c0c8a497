"""Telephone numbers in any usual spelling, and the dialplan patterns of a PBX."""

from __future__ import annotations

import functools
import re

_SPACING = re.compile(r"[\s().\-/\u2010-\u2015]")
_DIGITS = re.compile(r"\d{2,18}")
_SET = re.compile(r"\[[0-9]([0-9-]*[0-9])?\]")
PATTERN_LIMIT = 40  # characters


def normal(number: str, country_code: str) -> str:
    """Bring a number into its national form, so that two spellings of it are equal.

    ``+44 1799 510510``, ``0044 1799 510510``, ``(01799) 510-510`` and ``01799510510`` are the
    same in country 44. A short number, such as an extension, stays what it is.

    Returns:
        The digits; ``""`` for something that isn't a number.
    """
    number = number.replace("(0)", "") if number.lstrip().startswith(("+", "00")) else number
    digits = _SPACING.sub("", number)
    if not _DIGITS.fullmatch(digits.removeprefix("+")):
        return ""
    if digits.startswith("+"):
        digits = "00" + digits[1:]
    if digits.startswith("00" + country_code):
        return "0" + digits[2 + len(country_code) :]
    return digits


def is_pattern(text: str) -> bool:
    """Tell whether a text is a dialplan pattern that ``matches`` understands."""
    rest = _SET.sub("0", text.removeprefix("_"))
    return 0 < len(text) <= PATTERN_LIMIT and re.fullmatch(r"[0-9XZN*#+]+[.!]?", rest) is not None


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
