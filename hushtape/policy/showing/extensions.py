"""Extensions and their dialplan patterns as people say them: ``extensions 5100 to 5199``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hushtape.policy import numbers
from hushtape.policy.showing.wording import listing

_DIGITS = "0123456789"
_PART = re.compile(r"\[[^\]]*\]|.")
_LETTERS = (
    ("X", "X stands for any digit"),
    ("Z", "Z stands for a digit from 1 to 9"),
    ("N", "N stands for a digit from 2 to 9"),
    ("[", "brackets stand for one of the digits in them"),
    (".", "a dot stands for one character or more"),
    ("!", "an exclamation mark stands for anything or nothing"),
)
_FROM_TO = 3  # extensions in a row from which on only the first and the last are said


def extensions(patterns: Iterable[str], last: str = "and") -> str:
    """Say which they are: ``extension 720``, ``extensions 5100 to 5199``, ``… like 7[13]5``.

    What is a whole row of numbers is said as one, also if several patterns make it up.
    """
    spelled = [each.removeprefix("_") for each in patterns]
    rows, others = _rows(spelled)
    said = [each for row in rows for each in _row(*row)]
    bare = [each for each in others if not _is_pattern(each)]
    alike = [each for each in others if _is_pattern(each)]
    named = [*said, *bare]
    if not alike:
        one = len(named) == 1 and " to " not in named[0]
        return f"{'extension' if one else 'extensions'} {listing(named, last)}"
    likes = f"like {listing(alike, last)}"
    if not named:
        return f"extensions {likes}"
    return f"extensions {listing(named, last)} {last} those {likes}"


def letters(patterns: Iterable[str]) -> Iterator[str]:
    """Say what the letters mean of those patterns that ``extensions`` says as they are."""
    _, others = _rows([each.removeprefix("_") for each in patterns])
    left = [each for each in others if _is_pattern(each)]
    used = [words for letter, words in _LETTERS if any(letter in each for each in left)]
    if used:
        yield f"In the extensions above {listing(used)}"


def may_be_outside(pattern: str) -> bool:
    """Tell whether a pattern is long enough for a telephone number, or open at its end."""
    parts = _PART.findall(pattern.removeprefix("_"))
    return len(parts) > numbers.SHORT_DIGITS or parts[-1] in {".", "!"}


def _is_pattern(text: str) -> bool:
    return any(letter in text for letter, _ in _LETTERS)


def _rows(patterns: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Sort into rows of numbers, each by its first and last, and what isn't one."""
    found: list[tuple[str, str]] = []
    others: list[str] = []
    for pattern in patterns:
        row = _as_row(pattern)
        if row is None:
            others.append(pattern)
        else:
            found.append(row)
    return _joined(found), others


def _as_row(pattern: str) -> tuple[str, str] | None:
    """Return the first and the last of what a pattern matches, if that is all between them."""
    first = last = ""
    wide = False
    for part in _PART.findall(pattern):
        here = "".join(each for each in _DIGITS if numbers.matches(part, each))
        if part in {".", "!"} or not here or (wide and here != _DIGITS):
            return None
        if here not in _DIGITS:  # 1, 3 and 5
            return None
        wide = wide or len(here) > 1
        first, last = first + here[0], last + here[-1]
    return first, last


def _joined(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join those that follow on one another; the first one of them says where they stand."""
    order = {row: at for at, row in reversed([*enumerate(rows)])}
    whole: list[tuple[int, str, str]] = []
    for first, last in sorted(order, key=lambda row: (len(row[0]), row)):
        at = order[first, last]
        if whole and len(whole[-1][1]) == len(first) and int(first) <= int(whole[-1][2]) + 1:
            before = whole.pop()
            whole.append((min(at, before[0]), before[1], max(last, before[2])))
        else:
            whole.append((at, first, last))
    return [(first, last) for _, first, last in sorted(whole)]


def _row(first: str, last: str) -> Iterator[str]:
    count = int(last) - int(first) + 1
    if count >= _FROM_TO:
        yield f"{first} to {last}"
    else:
        yield from dict.fromkeys((first, last))
