"""Extensions that tell overlapping dialplan patterns apart."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping

from hushtape.policy import numbers

MOST_OF_A_PATTERN = 1000  # samples; patterns that overlap more intricately aren't tried further
_DIGITS = frozenset("0123456789")
_DIALLED = "0123456789*#+"


def samples(patterns: Iterable[str]) -> dict[str, str]:
    """Find extensions that tell overlapping patterns apart.

    Returns:
        Of each sample the pattern that it is one of: itself where it is named.
    """
    wanted = list(dict.fromkeys(patterns))
    parsed = [_positions(pattern) for pattern in wanted]
    longest = max((len(each) for each, _ in parsed), default=0) + 1
    beside = [{each[at] for each, _ in parsed if len(each) > at} for at in range(longest)]
    found: dict[str, str] = {}
    for pattern, (sets, tail) in zip(wanted, parsed, strict=True):
        several = _of_pattern(sets, tail, longest, beside)
        for sample in itertools.islice(several, MOST_OF_A_PATTERN):
            if sample == pattern:
                found[sample] = sample
            else:
                found.setdefault(sample, pattern)
    return found


def in_words(several: Iterable[str], patterns: Mapping[str, str]) -> list[str]:
    """Say samples by their patterns, each once: ``720``, ``21X (such as 210)``."""
    first: dict[str, str] = {}
    for sample in several:
        first.setdefault(patterns.get(sample, sample), sample)
    return [
        pattern if pattern == sample else f"{pattern} (such as {sample})"
        for pattern, sample in first.items()
    ]


def _positions(pattern: str) -> tuple[list[frozenset[str]], str]:
    """Take a pattern apart: what may stand at each place, and how it ends: ``""``, ``.``, ``!``."""
    parts = re.findall(r"\[[^\]]*\]|.", pattern.removeprefix("_"))
    tail = parts.pop() if parts and parts[-1] in ".!" else ""
    return [_set(part) for part in parts], tail


def _set(part: str) -> frozenset[str]:
    """A part of a pattern is a pattern of one character."""
    return frozenset(each for each in _DIALLED if numbers.matches(part, each))


def _of_pattern(
    sets: list[frozenset[str]], tail: str, longest: int, beside: list[set[frozenset[str]]]
) -> Iterator[str]:
    lengths = {"": [len(sets)], ".": range(len(sets) + 1, longest + 1)}.get(
        tail, range(len(sets), longest + 1)
    )
    for length in lengths:
        columns = [*sets, *[_DIGITS] * (length - len(sets))]
        choices = [_told_apart(each, beside[at]) for at, each in enumerate(columns)]
        yield from map("".join, itertools.product(*choices))


def _told_apart(column: frozenset[str], others: set[frozenset[str]]) -> list[str]:
    """One character of each kind that the other patterns' sets at this place tell apart."""
    found: dict[Hashable, str] = {}
    for character in sorted(column):
        found.setdefault(frozenset(each for each in others if character in each), character)
    return list(found.values())
