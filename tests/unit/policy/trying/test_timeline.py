from __future__ import annotations

from hushtape.policy.trying.timeline import Row, State, by_state, seconds
from hushtape.recordings.manifest import Reason


def row(start_s: float, end_s: float, state: State, words: str = "") -> Row:
    reason = Reason(policy="p", version="v", rule="r", words=words) if words else None
    return Row(start_s=start_s, end_s=end_s, state=state, reason=reason)


def test_neighbours_of_one_state_are_joined_and_the_first_reason_stays() -> None:
    rows = (
        row(0, 5, State.RECORDED, "one"),
        row(5, 9, State.RECORDED, "two"),
        row(9, 12, State.PAYMENT),
        row(12, 15, State.RECORDED, "three"),
    )
    assert by_state(rows) == (
        row(0, 9, State.RECORDED, "one"),
        row(9, 12, State.PAYMENT),
        row(12, 15, State.RECORDED, "three"),
    )
    assert by_state(()) == ()


def test_seconds_as_people_write_them() -> None:
    assert [seconds(each) for each in (0, 20, 20.25, 20.256, 1.5)] == [
        "0",
        "20",
        "20.25",
        "20.26",
        "1.5",
    ]
