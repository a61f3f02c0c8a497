"""What is expected of a call, and what is said where something else came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hushtape.policy.trying.expectation import (
    ExpectationError,
    Expected,
    Stretch,
    differences,
    parse,
)
from hushtape.policy.trying.timeline import Outcome, Row, State
from hushtape.recordings.manifest import Keep, Reason

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def reason(words: str = "queue help-line: recorded", rule: str = "calls") -> Reason:
    return Reason(policy="town", version="2026-01-01", rule=rule, words=words)


def row(start_s: float, end_s: float, state: State, words: str = "as the policy says") -> Row:
    return Row(start_s=start_s, end_s=end_s, state=state, reason=reason(words))


def came(*rows: Row, **changes: object) -> Outcome:
    facts: dict[str, object] = {
        "began_at": START,
        "ended_at": START + timedelta(seconds=40),
        "choice": reason(),
        "rows": rows or (row(0, 40, State.RECORDED),),
        "policy": "town",
        "version": "2026-01-01",
        "keep": Keep(
            until=START + timedelta(days=62),
            period="62 days",
            time_zone="Europe/London",
            reason=reason(),
        ),
    }
    return Outcome(**(facts | changes))  # type: ignore[arg-type]


def differs(text: str, outcome: Outcome) -> list[tuple[str, str]]:
    return list(differences(parse(text), outcome))


def test_every_kind_of_line_is_read() -> None:
    text = """
    # whose it is
    policy town
    0-20 recorded
    20 - 40 s payment: silence, because the payment line
    25 to 30 consultation recorded
    40- not recorded
    kept 62 days
    kept until 22 January 2027 10:00
    tags complaints, housing
    not discarded
    somebody is told
    """
    assert parse(text) == Expected(
        stretches=(
            Stretch(0, 20, State.RECORDED),
            Stretch(20, 40, State.PAYMENT, "the payment line"),
            Stretch(40, None, State.NOT_RECORDED),
        ),
        consultations=(Stretch(25, 30, State.RECORDED),),
        policy="town",
        kept="62 days",
        until=("%d %B %Y %H:%M", "22 January 2027 10:00"),
        tags=("complaints", "housing"),
        discarded=False,
        told=True,
    )


def test_a_state_alone_is_the_whole_call() -> None:
    assert parse("recorded").stretches == (Stretch(0, None, State.RECORDED),)
    assert parse("not recorded").stretches == (Stretch(0, None, State.NOT_RECORDED),)
    assert differs("recorded", came()) == []
    assert differs("not recorded", came())


TRANSFERRED = came(
    row(0, 20.2, State.RECORDED, "queue help-line: recorded"),
    row(20.2, 40, State.PAYMENT, "transfer to the payment line: a payment"),
)


def test_what_comes_as_expected_differs_in_nothing() -> None:
    text = "0-20 recorded\n20-40 payment, because The Payment Line\nkept 62 days\nno tags"
    assert differs(text, TRANSFERRED) == []


def test_half_a_second_is_the_edge_s_tolerance() -> None:
    assert differs("0-19.8 recorded\n19.8-40 payment", TRANSFERRED) == []
    assert differs("0-19.6 recorded\n19.6-40 payment", TRANSFERRED)


def test_the_states_count_and_not_where_a_reason_changes() -> None:
    twice = came(row(0, 20, State.RECORDED, "one"), row(20, 40, State.RECORDED, "another"))
    assert differs("0-40 recorded", twice) == []
    assert differs("0-40 recorded, because another", twice) == []


def test_another_state_is_told_with_its_reason() -> None:
    assert differs("0-20 recorded\n20-40 not recorded", TRANSFERRED) == [
        (
            "20-40 not recorded",
            "20.2-40 payment (transfer to the payment line: a payment)",
        ),
    ]


def test_what_is_not_expected_must_not_be() -> None:
    assert differs("0-20 recorded", TRANSFERRED) == [
        ("nothing more", "20.2-40 payment (transfer to the payment line: a payment)")
    ]


def test_what_never_comes_is_told() -> None:
    assert differs("0-20 recorded\n20-40 payment\n40-60 recorded", TRANSFERRED) == [
        ("40-60 recorded", "nothing")
    ]


def test_another_reason_is_told() -> None:
    assert differs("0-20 recorded\n20-40 payment, because revenues", TRANSFERRED) == [
        (
            "20-40 payment, because revenues",
            "because transfer to the payment line: a payment",
        )
    ]


def test_consultations_are_compared_where_stretches_are() -> None:
    consulted = came(consultations=(row(10, 20, State.RECORDED),))
    assert differs("recorded\n10-20 consultation recorded", consulted) == []
    assert differs("recorded", consulted) == [
        ("nothing more", "10-20 consultation recorded (as the policy says)")
    ]
    assert differs("recorded\n10-20 consultation recorded", came()) == [
        ("10-20 consultation recorded", "nothing of the kind")
    ]
    assert differs("kept 62 days", consulted) == []


@pytest.mark.parametrize(
    ("text", "outcome", "wanted", "found"),
    [
        ("kept 90 days", came(), "kept 90 days", "kept 62 days"),
        ("kept 62 days", came(keep=None), "kept 62 days", "nothing is kept"),
        ("kept until 2027-01-23", came(), "kept until 2027-01-23", "22 January 2027 10:00"),
        ("kept until 2027-01-22", came(keep=None), "kept until 2027-01-22", "nothing is kept"),
        ("tags housing", came(), "tags housing", "no tags"),
        ("no tags", came(tags=("b", "a")), "no tags", "tags a, b"),
        ("discarded", came(), "discarded", "not discarded"),
        ("not discarded", came(discard=reason("no key")), "not discarded", "discarded: no key"),
        ("policy village", came(), "policy village", "policy town"),
        ("no policy", came(), "no policy", "policy town"),
        ("policy town", came(policy=""), "policy town", "no policy (queue help-line: recorded)"),
        ("somebody is told", came(), "somebody is told", "nobody is told"),
    ],
)
def test_what_else_differs(text: str, outcome: Outcome, wanted: str, found: str) -> None:
    [(expected, told)] = differs(text, outcome)
    assert expected == wanted
    assert found in told


@pytest.mark.parametrize(
    "text",
    [
        "kept 62 days",
        "kept 62 days from the date of the call",
        "kept until 22 January 2027",
        "kept until 2027-01-22 10:00",
        "no tags",
        "not discarded",
        "policy town",
    ],
)
def test_what_else_is_as_expected(text: str) -> None:
    assert differs(text, came()) == []


def test_the_moment_is_the_policy_s_local_time() -> None:
    summer = Keep(
        until=datetime(2026, 7, 1, 9, 0, tzinfo=UTC),
        period="62 days",
        time_zone="Europe/London",
        reason=reason(),
    )
    assert differs("kept until 1 July 2026 10:00", came(keep=summer)) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "nothing is expected"),
        ("# only a comment", 1, "nothing is expected"),
        ("\n0-20 recoded", 2, 'did you mean "recorded"?'),
        ("0-20 dancing", 1, "expected one of: recorded; "),
        ("20-20 recorded", 1, "20 s is not after its beginning"),
        ("kept long", 1, "expected a number of days"),
        ("kept until Christmas", 1, 'expected "22 January 2027 10:00"'),
        ("discraded", 1, 'did you mean "discarded"?'),
        ("xyzzy", 1, "expected such as: 0-20 recorded; "),
        ("kept 62 days\nkept 90 days", 2, "said twice"),
        ("recorded\n" * 201, 200, "200 lines at the most"),
    ],
)
def test_what_is_no_expectation_is_told_where(text: str, line: int, words: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in caught.value.what
