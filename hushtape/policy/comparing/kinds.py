"""Sorting what two policies treat alike into kinds, so that one of each needs to be tried."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hushtape.policy.schema import Policy

Pair = tuple[Policy, Policy]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """Values that both policies treat alike.

    Args:
        words: how to say it; ``""``: it is all there is, and not worth saying.
        sample: one of them.
        rest: whether these are all that neither policy names: "any other queue" is said as "any
            queue", and which are excepted.
    """

    words: str
    sample: T
    rest: bool = False


def sort(
    values: Iterable[T], alike: Callable[[T], Hashable], say: Callable[[list[T]], str]
) -> list[Kind[T]]:
    """Put what is alike into one kind, in the order in which the kinds turn up."""
    found: dict[Hashable, list[T]] = {}
    for value in values:
        found.setdefault(alike(value), []).append(value)
    return [Kind(say(members), members[0]) for members in found.values()]
