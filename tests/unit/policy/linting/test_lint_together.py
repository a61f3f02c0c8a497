from __future__ import annotations

from datetime import date

import pytest

from hushtape.policy.dates import LAST_YEAR
from hushtape.policy.linting import lint_together
from hushtape.policy.linting.findings import Severity
from tests.policies import GOOD, changed, policy_of

TODAY = date(2026, 11, 21)
NAMED = 'numbers = ["01799 510510"]\nqueues = ["help-line"]'


def policy(name: str, calls: str, *changes: tuple[str, str]) -> str:
    return changed(('name = "town"', f'name = "{name}"'), (NAMED, calls), *changes)


def clashes(*texts: str) -> list[tuple[Severity, str, str]]:
    found = lint_together.rivals([policy_of(text) for text in texts], TODAY)
    return [(each.remark.severity, each.remark.key, each.remark.what) for each in found]


QUEUE_A, QUEUE_B = 'queues = ["a"]', 'queues = ["b"]'
NUMBER_1, NUMBER_2 = 'numbers = ["01799 510001"]', 'numbers = ["+441799 510002"]'
SURE = [
    (QUEUE_A, 'queues = ["b", "a"]', "in queue a"),
    (NUMBER_1, 'numbers = ["+44 (0)1799 510001"]', "to +44 (0)1799 510001"),
    (f"{QUEUE_A}\n{NUMBER_1}", QUEUE_A, "in queue a"),
    (f"{QUEUE_A}\n{NUMBER_1}", NUMBER_1, "to 01799 510001 in queue a"),
    ("direct_dial = true", "direct_dial = true", "through no queue"),
    (
        f'{QUEUE_A}\nhours = ["Mon 08:00-12:00"]',
        f'{QUEUE_A}\nhours = ["Mon 11:59-13:00"]',
        "queue a",
    ),
    (
        f'{QUEUE_A}\nhours = ["Mon 20:00-08:00"]',
        f'{QUEUE_A}\nhours = ["Tue 07:00-09:00"]',
        "queue a",
    ),
]
MAYBE = [
    (QUEUE_A, NUMBER_1, "to 01799 510001 in queue a"),
    ("direct_dial = true", NUMBER_1, "through no queue"),
]
NEVER = [
    (QUEUE_A, QUEUE_B),
    (NUMBER_1, NUMBER_2),
    (f"{QUEUE_A}\n{NUMBER_1}", f"{QUEUE_A}\n{NUMBER_2}"),
    (f"{QUEUE_A}\n{NUMBER_1}", f"{QUEUE_B}\n{NUMBER_1}"),
    (f'{QUEUE_A}\nexcept_numbers = ["01799 510001"]', NUMBER_1),
    (QUEUE_A, f'{NUMBER_1}\nexcept_queues = ["a"]'),
    (f'{QUEUE_A}\nhours = ["Mon-Fri 08:00-18:00"]', f'{QUEUE_A}\nhours = ["Mon-Fri 18:00-08:00"]'),
    (QUEUE_A, "direct_dial = true"),
]


@pytest.mark.parametrize(("one", "other", "words"), SURE)
def test_a_call_that_two_policies_name_is_an_error(one: str, other: str, words: str) -> None:
    ((severity, _, what),) = clashes(policy("one", one), policy("other", other))
    assert severity is Severity.ERROR
    assert words in what
    assert 'policy "one"' in what


@pytest.mark.parametrize(("one", "other", "words"), MAYBE)
def test_a_call_that_two_policies_may_name_is_a_warning(one: str, other: str, words: str) -> None:
    ((severity, _, what),) = clashes(policy("one", one), policy("other", other))
    assert severity is Severity.WARNING
    assert words in what


@pytest.mark.parametrize(("one", "other"), NEVER)
def test_policies_that_keep_apart_are_fine(one: str, other: str) -> None:
    assert clashes(policy("one", one), policy("other", other)) == []


def test_a_queue_named_twice_is_found_among_many() -> None:
    many = [policy(f"p{n}", f'queues = ["q{n}"]') for n in range(6)]
    ((severity, key, what),) = clashes(*many, policy("last", 'queues = ["z", "q3"]'))
    assert (severity, key) == (Severity.ERROR, "calls.queues")
    assert 'policy "p3"' in what


def test_outbound_calls_clash_where_extensions_meet() -> None:
    def outbound(name: str, pattern: str) -> str:
        return policy(
            name,
            "",
            ('["inbound"]', '["outbound"]'),
            ("[transfer]", f'[outbound]\nextensions = ["{pattern}"]\n[transfer]'),
        )

    ((severity, key, what),) = clashes(outbound("one", "2X1"), outbound("other", "22X"))
    assert (severity, key) == (Severity.ERROR, "outbound.extensions")
    assert "extension 221" in what
    assert clashes(outbound("one", "21X"), outbound("other", "22X")) == []


def test_hours_in_two_zones_are_compared_as_moments() -> None:
    london = policy("one", f'{QUEUE_A}\nhours = ["Mon 08:00-09:00"]')
    paris = policy("other", f'{QUEUE_A}\nhours = ["Mon 08:00-09:00"]', ("London", "Paris"))
    assert clashes(london, paris) == []
    paris = policy("other", f'{QUEUE_A}\nhours = ["Mon 09:30-10:00"]', ("London", "Paris"))
    assert len(clashes(london, paris)) == 1


def test_only_versions_that_are_in_force_together_clash() -> None:
    one = policy("one", QUEUE_A)
    later = policy("one", QUEUE_B, ("2024-01-01", "2027-01-01"))
    other = policy("other", QUEUE_B)
    assert clashes(one, other) == []
    ((_, _, what),) = clashes(one, later, other)
    assert "in queue b" in what


def test_what_is_over_is_over() -> None:
    gone = policy("one", QUEUE_B, ("2024-01-01", "2023-01-01"))
    other = policy("other", QUEUE_B, ("2024-01-01", "2022-01-01"))
    assert clashes(gone, policy("one", QUEUE_A), other) == []
    assert len(clashes(gone, other)) == 1


def test_a_clash_is_told_of_once_however_many_versions_come_later() -> None:
    third = [policy("third", QUEUE_B, ("2024-01-01", f"20{year}-01-01")) for year in (27, 28, 29)]
    assert len(clashes(policy("one", QUEUE_A), policy("other", QUEUE_A), *third)) == 1


def test_a_policy_that_is_not_in_force_yet_is_told_of() -> None:
    first = policy_of(changed(("2024-01-01", "2027-01-01")))
    second = policy_of(changed(("2024-01-01", "2028-01-01")))
    ((about, remark),) = lint_together.not_yet([second, first], TODAY)
    assert about is first
    assert "before 2027-01-01" in remark.what
    assert list(lint_together.not_yet([policy_of(GOOD), second], TODAY)) == []
    assert list(lint_together.not_yet([first], date(2027, 1, 1))) == []


def test_the_last_of_all_days_does_no_harm() -> None:
    text = policy("one", QUEUE_A, ("2024-01-01", f"{LAST_YEAR}-12-31"))
    ((severity, _, _),) = clashes(text, policy("other", QUEUE_A))
    assert severity is Severity.ERROR
