from __future__ import annotations

import itertools
import random

from hushtape.policy.comparing.boxes import boxes


def test_a_whole_grid_is_one_box() -> None:
    grid = itertools.product(range(3), range(2), range(4))
    assert boxes(grid) == [(frozenset(range(3)), frozenset(range(2)), frozenset(range(4)))]


def test_what_differs_in_two_coordinates_is_two_boxes() -> None:
    assert len(boxes([(0, 0), (1, 1)])) == 2
    assert boxes([]) == []


def test_boxes_hold_exactly_the_points() -> None:
    chance = random.Random(4)
    for _ in range(50):
        grid = list(itertools.product(range(3), range(3), range(3)))
        points = chance.sample(grid, chance.randrange(1, 27))
        held = [point for box in boxes(points) for point in itertools.product(*box)]
        assert sorted(held) == sorted(points)
