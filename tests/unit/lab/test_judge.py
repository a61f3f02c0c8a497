"""Stretches of time, and what is asked for of a call."""

from __future__ import annotations

import random

import pytest

from lab import gamble, judge
from lab.course import Course, Talk
from lab.gamble import Move, Played
from lab.town import COUNCILS, council


@pytest.mark.parametrize(
    ("spans", "others", "left"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(3, 4)], [(0, 3), (4, 10)]),
        ([(0, 10)], [(-1, 3), (8, 12)], [(3, 8)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 2), (4, 6)], [(1, 5)], [(0, 1), (5, 6)]),
    ],
)
def test_what_lies_outside(
    spans: list[judge.Span], others: list[judge.Span], left: list[judge.Span]
) -> None:
    assert judge.without(spans, others) == left


@pytest.mark.parametrize(
    ("spans", "others", "inside"),
    [
        ([(0, 10)], [], []),
        ([(0, 10)], [(3, 4), (9, 12)], [(3, 4), (9, 10)]),
        ([(0, 2), (4, 6)], [(1, 5)], [(1, 2), (4, 5)]),
    ],
)
def test_what_lies_inside(
    spans: list[judge.Span], others: list[judge.Span], inside: list[judge.Span]
) -> None:
    assert judge.within(spans, others) == inside


def played(policy: str, move: Move, party: str) -> tuple[Played, Course]:
    plan = gamble.Plan(council(policy), 0, 1, 2, move, party, 1, 3, "caller")
    moved_s = 4.0 if move in (Move.BLIND, Move.ATTENDED, Move.REDIRECT) else None
    course = Course("1.1", entered_s=1.0, answered_s=2.0, gone_s=7.0)
    return Played(plan, "1.1", moved_s=moved_s), course


@pytest.mark.parametrize(
    ("policy", "move", "party", "wanted"),
    [
        ("surrey", Move.NONE, "agent", [(1.0, 7.0)]),
        ("surrey", Move.BLIND, "back_office", [(1.0, 4.0), (4.0, 7.0)]),
        ("surrey", Move.BLIND, "payment", [(1.0, 4.0)]),
        ("reigate-banstead", Move.ATTENDED, "back_office", [(1.0, 4.0)]),
        ("reigate-banstead", Move.ABANDON, "payment", [(1.0, 7.0)]),
    ],
)
def test_what_is_to_be_recorded(
    policy: str, move: Move, party: str, wanted: list[judge.Span]
) -> None:
    assert judge.wanted_spans(*played(policy, move, party)) == wanted


@pytest.mark.parametrize(
    ("at_s", "phase"),
    [
        (0.5, "no call"),
        (1.5, "in the queue"),
        (3.0, "with the agent"),
        (4.2, "being transferred"),
        (5.0, "at the payment line"),
        (7.1, "hanging up"),
        (8.0, "no call"),
    ],
)
def test_where_a_call_is(at_s: float, phase: str) -> None:
    assert judge.phase(*played("surrey", Move.BLIND, "payment"), at_s) == phase


@pytest.mark.parametrize(
    ("outage", "consults_from_s", "is_so"),
    [
        ((2.7, 3.3), None, False),
        ((2.7, 3.3), 3.0, True),
        ((3.2, 3.4), 3.0, True),  # somebody who waits alone may have been anywhere
        ((2.0, 2.4), 3.0, False),
        ((3.2, 3.6), None, True),
        ((0.2, 0.6), None, True),
        ((7.4, 9.0), None, True),
    ],
)
def test_when_something_happened_that_nobody_saw(
    outage: judge.Span, consults_from_s: float | None, is_so: bool
) -> None:
    one, course = played("surrey", Move.ATTENDED, "back_office")
    one.consults_from_s = consults_from_s
    assert judge.unsettled(one, course, *outage) is is_so


@pytest.mark.parametrize(
    ("move", "talks_s", "outage", "from_s"),
    [
        (Move.ATTENDED, [], (3.8, 5.0), 7.0),  # he waits in the next queue, and hangs up
        (Move.ATTENDED, [(6.0, 7.0)], (3.8, 5.0), 6.0),
        (Move.ATTENDED, [(4.1, 7.0)], (3.8, 5.0), 5.0),
        (Move.ATTENDED, [(2.0, 3.9), (6.0, 7.0)], (3.8, 5.0), 6.0),
        (Move.ATTENDED, [], (1.2, 3.0), 3.0),  # it was seen
        (Move.ATTENDED, [], (5.0, 6.0), 6.0),
        (Move.BLIND, [], (3.8, 5.0), 5.0),  # his own channel says where he is
    ],
)
def test_when_somebody_who_was_sent_on_unseen_is_found_again(
    move: Move, talks_s: list[judge.Span], outage: judge.Span, from_s: float
) -> None:
    one, course = played("surrey", move, "other_agent")
    course.talks = [Talk("PJSIP/212", *span) for span in talks_s]
    assert judge.found_s(one, course, *outage) == from_s


def test_the_same_seed_makes_the_same_calls() -> None:
    one, other = ([gamble.draw(random.Random(7), each) for each in COUNCILS] for _ in range(2))
    assert one == other
    assert one != [gamble.draw(random.Random(8), each) for each in COUNCILS]


def test_a_blow_falls_while_somebody_is_in_a_call() -> None:
    chance = random.Random(1)
    for _ in range(200):
        plans = [gamble.draw(chance, each) for each in COUNCILS]
        last_s = max(plan.moments_s()[1] for plan in plans)
        assert gamble.FIRST_BLOW_S <= gamble.draw_blow(chance, plans) <= last_s + 0.2
