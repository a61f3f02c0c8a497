from __future__ import annotations

import pytest

from hushtape.errors import PolicyError
from hushtape.policy.comparing.kinds import Kind
from hushtape.policy.comparing.shapes import Axis, Shape

QUEUES = [Kind("the queue a", "a"), Kind("the queue b", "b"), Kind("any queue", "z", rest=True)]
SHAPE = Shape(
    (
        Axis([Kind("inbound", "in"), Kind("internal", "int")], ""),
        Axis(QUEUES, "through"),
        Axis([Kind("Monday", 1), Kind("Tuesday", 2)], "that begin"),
    )
)


def told(answer: object) -> dict[object, list[str]]:
    """Ask about each combination; say who gets which answer."""
    found: dict[object, list[str]] = {}
    answers = {point: answer(*parts) for point, parts in SHAPE.points()}  # type: ignore[operator]
    for each, which, first in SHAPE.told_apart(answers):
        assert answers[first] == each
        found.setdefault(each, []).append(which)
    return found


def test_what_doesnt_matter_isnt_said() -> None:
    assert told(lambda way, queue, day: "same") == {"same": ["inbound and internal calls"]}
    assert told(lambda way, queue, day: queue == "a") == {
        True: ["inbound and internal calls through the queue a"],
        False: ["inbound and internal calls through any queue except the queue a"],
    }


def test_an_exception_is_said_exactly() -> None:
    said = told(lambda way, queue, day: way == "in" and queue != "z" and day == 2)
    assert said[True] == ["inbound calls through the queue a or the queue b that begin Tuesday"]
    assert len(said[False]) == 3


def test_combinations_without_an_answer_stand_in_nobodys_way() -> None:
    answers = {(0, 0, 0): "yes", (0, 1, 1): "no"}
    assert [which for _, which, _ in SHAPE.told_apart(answers)] == [
        "inbound and internal calls that begin Monday",
        "inbound and internal calls that begin Tuesday",
    ]


def test_too_many_combinations_are_refused() -> None:
    many = Axis([Kind(str(number), number) for number in range(700)], "to")
    with pytest.raises(PolicyError, match="too many"):
        next(Shape((many, many)).points())
