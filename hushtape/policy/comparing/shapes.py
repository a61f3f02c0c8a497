"""Calls by what they may differ in, and few words for those that have something in common. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hushtape.errors import PolicyError
from hushtape.policy.comparing.boxes import Point, boxes
from hushtape.policy.comparing.kinds import Kind
from hushtape.policy.showing.wording import listing

MOST_TRIED = 200_000  # combinations, each decided under both policies
H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Axis:
    """Something in which calls may differ, such as the queue.

    Args:
        before: what stands before a kind's words in a sentence: "through"; ``""``: nothing.
    """

    kinds: Sequence[Kind[Any]]
    before: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Calls that differ along some axes.

    Args:
        axes: the first one is what is said before "calls": the direction.
    """

    axes: tuple[Axis, ...]

    def points(self) -> Iterator[tuple[Point, list[Any]]]:
        """Name every combination: its place on each axis, and the samples there.

        Raises:
            PolicyError: there are too many.
        """
        count = 1
        for axis in self.axes:
            count *= len(axis.kinds)
        if count > MOST_TRIED:
            raise PolicyError("diff", f"more than {MOST_TRIED} kinds of calls: too many to try")
        for point in itertools.product(*(range(len(axis.kinds)) for axis in self.axes)):
            yield (
                point,
                [axis.kinds[at].sample for axis, at in zip(self.axes, point, strict=True)],
            )

    def told_apart(self, answers: Mapping[Point, H]) -> Iterator[tuple[H, str, Point]]:
        """Say for each answer which calls get it, in as few words as are exact.

        Args:
            answers: not every combination needs to have one: nothing is said of those.

        Returns:
            The answer, the calls in words, and the first of their combinations.
        """
        matter, fewer = self._that_matter(answers)
        several: dict[H, list[Point]] = {}
        for point, answer in fewer.items():
            several.setdefault(answer, []).append(point)
        for answer, points in several.items():
            for box in boxes(points):
                chosen = dict(zip(matter, box, strict=True))
                first = next(
                    point for point in answers if all(point[at] in chosen[at] for at in matter)
                )
                yield answer, self._words(chosen), first

    def _that_matter(self, answers: Mapping[Point, H]) -> tuple[list[int], dict[Point, H]]:
        """Leave out each axis without which every answer is still the same."""
        matter = list(range(len(self.axes)))
        kept = dict(answers)
        for axis in range(len(self.axes)):
            at = matter.index(axis)
            fewer: dict[Point, H] = {}
            if all(
                fewer.setdefault(point[:at] + point[at + 1 :], answer) == answer
                for point, answer in kept.items()
            ):
                matter.remove(axis)
                kept = fewer
        return matter, kept

    def _words(self, chosen: Mapping[int, frozenset[int]]) -> str:
        said = []
        for number, axis in enumerate(self.axes):
            here = chosen.get(number, frozenset())
            everything = len(here) in {0, len(axis.kinds)}
            if number == 0:
                wanted = range(len(axis.kinds)) if everything else here
                said.append(f"{listing(axis.kinds[at].words for at in sorted(wanted))} calls")
            elif not everything:
                said.append(f"{axis.before} {_choice(axis, here)}".strip())
        return " ".join(said)


def _choice(axis: Axis, here: frozenset[int]) -> str:
    """Say ``the queue a or no queue``, or ``any queue except the queue b``."""
    wanted = [kind.words for at, kind in enumerate(axis.kinds) if at in here and not kind.rest]
    rest = [kind.words for at, kind in enumerate(axis.kinds) if at in here and kind.rest]
    if not rest:
        return listing(wanted, "or")
    others = [kind.words for at, kind in enumerate(axis.kinds) if at not in here]
    return f"{rest[0]} except {listing(others, 'or')}"
