from __future__ import annotations

from hushtape.policy.comparing.kinds import Kind, sort


def test_what_is_alike_is_one_kind_in_the_order_of_its_first() -> None:
    found = sort([3, 1, 5, 2, 4], lambda number: number % 2, lambda some: f"{some}")
    assert found == [Kind("[3, 1, 5]", 3), Kind("[2, 4]", 2)]
