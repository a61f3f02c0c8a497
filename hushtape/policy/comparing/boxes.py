"""Saying a set of combinations in few words: as boxes, each one a product of choices. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Point = tuple[int, ...]
Box = tuple[frozenset[int], ...]


def boxes(points: Iterable[Point]) -> list[Box]:
    """Join points that differ in one coordinate only, until no two boxes can be joined.

    Returns:
        Boxes that hold exactly the points, none of them twice.
    """
    found: list[Box] = [tuple(frozenset({each}) for each in point) for point in sorted(set(points))]
    before = 0
    while len(found) != before:
        before = len(found)
        for axis in range(len(found[0]) if found else 0):
            found = _joined(found, axis)
    return found


def _joined(several: list[Box], axis: int) -> list[Box]:
    alike: dict[Box, frozenset[int]] = {}
    for box in several:
        rest = box[:axis] + box[axis + 1 :]
        alike[rest] = alike.get(rest, frozenset()) | box[axis]
    return [(*rest[:axis], here, *rest[axis:]) for rest, here in alike.items()]
