"""Dialplan patterns as sets of what may be dialled: whether one lies in others, or meets another.

A pattern is a row of sets of characters, and perhaps a tail of anything. ``numbers.matches`` is
what a pattern means; these follow it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_DIGITS = frozenset("0123456789")
_WORDS = {"X": _DIGITS, "Z": _DIGITS - {"0"}, "N": _DIGITS - {"0", "1"}}
_OTHER = "\0"  # stands for every character that no pattern names
MOST_STATES = 5000  # of a walk along many patterns: nobody's dialplan needs a hundred
_ANY = _DIGITS | frozenset("*#+") | {_OTHER}


@dataclass(frozen=True, slots=True)
class _Row:
    steps: tuple[frozenset[str], ...]
    tail: bool  # whether anything may follow

    def at(self, index: int) -> frozenset[str]:
        """The characters that may stand at a place; none beyond the end."""
        if index < len(self.steps):
            return self.steps[index]
        return _ANY if self.tail else frozenset()

    def may_end(self, length: int) -> bool:
        """Tell whether a text of this length is complete."""
        return length == len(self.steps) or (self.tail and length > len(self.steps))


def lies_in(inner: str, outer: Iterable[str]) -> bool:
    """Tell whether whatever a pattern matches is matched by one of others.

    Patterns that were made to be hard to compare are taken for ones that don't lie in each other.
    """
    rows = [_row(each) for each in outer if meet(inner, each) is not None]
    depth = max([len(row.steps) for row in [*rows, _row(inner)]]) + 1
    return bool(rows) and _covered(_row(inner), rows, depth)


def meet(one: str, other: str) -> str | None:
    """Return something that both patterns match; None: nothing is."""
    first, second = _row(one), _row(other)
    text = ""
    for length in range(max(len(first.steps), len(second.steps)) + 1):
        if first.may_end(length) and second.may_end(length):
            return text
        both = first.at(length) & second.at(length)
        if not both:
            return None
        text += min(both & _DIGITS or both)
    return None


def _covered(inner: _Row, outer: Sequence[_Row], depth: int) -> bool:
    """Walk along all at once: whichever of ``outer`` still fit, one must end where ``inner`` does.

    Beyond ``depth`` every row that goes on takes anything, so nothing new can happen.
    """

    seen: set[tuple[int, frozenset[int]]] = set()
    todo = [(0, frozenset(range(len(outer))))]
    while todo:
        index, alive = todo.pop()
        if inner.may_end(index) and not any(outer[each].may_end(index) for each in alive):
            return False
        if index > depth:
            continue
        for character in inner.at(index):
            fit = frozenset(each for each in alive if character in outer[each].at(index))
            if (index + 1, fit) not in seen:
                seen.add((index + 1, fit))
                todo.append((index + 1, fit))
        if len(seen) > MOST_STATES:
            return False
    return True


@functools.cache
def _row(pattern: str) -> _Row:
    text = pattern.removeprefix("_")
    tail = text[-1:] in {".", "!"}
    steps = [_step(part) for part in re.findall(r"\[[^\]]*\]|.", text[:-1] if tail else text)]
    if text.endswith("."):  # one more character at least
        steps.append(_ANY)
    return _Row(tuple(steps), tail)


def _step(part: str) -> frozenset[str]:
    if not part.startswith("["):
        return _WORDS.get(part, frozenset(part))
    found = re.compile(part)
    return frozenset(each for each in _DIGITS if found.fullmatch(each))
