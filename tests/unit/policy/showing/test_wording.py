from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hushtape.policy.showing import wording


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a, or b", "c", "d"], "a, or b; c; and d"),
        (["two\nlines"], "two lines"),
    ],
)
def test_a_list_is_joined_as_people_do(items: list[str], said: str) -> None:
    assert wording.listing(items) == said


def test_one_and_many() -> None:
    assert wording.named("the queue", "the queues", ["a"]) == "the queue a"
    assert wording.named("the queue", "the queues", ["a", "b"], "or") == "the queues a or b"
    assert wording.counted(1, "call", "calls") == "one call"
    assert wording.counted(12, "call", "calls") == "twelve calls"
    assert wording.counted(13, "call", "calls") == "13 calls"


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("team leader", "the team leader"),
        ("the manager", "the manager"),
        ("An aide", "An aide"),
        ("complaints handlers", "the complaints handlers"),
        ("head of customer services", "the head of customer services"),
        ("compliance", "compliance"),
        ("Legal Services", "Legal Services"),
        ("Delegada de Protecci\u00f3n de Datos", "Delegada de Protecci\u00f3n de Datos"),
    ],
)
def test_a_role_has_an_article_where_one_fits(role: str, said: str) -> None:
    assert wording.the(role) == said


def test_dates_and_moments() -> None:
    assert wording.day(date(2018, 5, 25)) == "25 May 2018"
    assert wording.moment(datetime(2026, 3, 3, 9, 5, tzinfo=UTC)) == "3 March 2026 at 09:05"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mon-Fri 08:30-17:00", "Monday to Friday 08:30 to 17:00"),
        ("Sat, Sun 10:00-16:00", "Saturday and Sunday 10:00 to 16:00"),
        ("Mon-Wed, Sat 10:00-24:00", "Monday to Wednesday and Saturday 10:00 to 24:00"),
        ("every day 20:00-08:00", "every day 20:00 to 08:00 on the next day"),
    ],
)
def test_hours_are_written_out(text: str, said: str) -> None:
    assert wording.hours(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it stops", "It stops."),
        ("they say: \u201cGood day.\u201d", "They say: \u201cGood day.\u201d"),
        ("they say \u201cyes\u201d", "They say \u201cyes\u201d."),
    ],
)
def test_a_sentence_begins_and_ends(text: str, said: str) -> None:
    assert wording.sentence(text) == said
