from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_lines
from tests.policies import changed, policy_of

LINE = 'extensions = ["700"]'
COLLEAGUES = 'every = ["extension"]'
CASHIERS = changed(
    ('name = "town"', 'name = "cashiers"'),
    ('name = "the payment line"', 'name = "the till"'),
    ('lines = ["the payment line"]', 'lines = ["the till"]'),
    (LINE, 'extensions = ["79X"]\nqueues = ["till"]\nnumbers = ["01799 510700"]'),
)


def told(text: str, *others: str) -> list[tuple[str, str, str]]:
    """Of each remark: whose, the key, the words."""
    found = lint_lines.remarks([policy_of(each) for each in (text, *others)])
    return [(policy.name, each.key, each.what) for policy, each in found]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('["help-line"]', '["help-line", "till"]', "calls.queues[1]"),
        ('["01799 510510"]', '["+44 1799 510700"]', "calls.numbers[0]"),
        (COLLEAGUES, 'extensions = ["20", "790"]', "destination[1].extensions"),
        (COLLEAGUES, 'extensions = ["79[1-3]"]', "destination[1].extensions"),
        (COLLEAGUES, 'queues = ["till"]', "destination[1].queues"),
        (COLLEAGUES, 'numbers = ["(01799) 510 700"]', "destination[1].numbers"),
    ],
)
def test_what_is_recorded_by_name_and_silent_after_all_is_told(
    old: str, new: str, key: str
) -> None:
    ((name, at, what),) = told(changed((old, new)), CASHIERS)
    assert (name, at) == ("town", key)
    assert 'a payment line of policy "cashiers" (the till)' in what


GOES_ON = f'{COLLEAGUES}\non_transfer = "continue"'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LINE, 'extensions = ["700", "790"]'),  # a line of both
        (COLLEAGUES, 'extensions = ["7XX"]'),  # more than the line
        (COLLEAGUES, COLLEAGUES),
        (GOES_ON, 'queues = ["till"]\non_transfer = "stop"'),
    ],
)
def test_what_says_nothing_of_the_line_itself_is_fine(old: str, new: str) -> None:
    assert told(changed((old, new)), CASHIERS) == []


def test_a_consultation_that_would_be_recorded_there_is_told_too() -> None:
    stops = 'queues = ["till"]\non_transfer = "stop"\non_consultation = "record"'
    text = changed((GOES_ON, stops))
    assert [key for _, key, _ in told(text, CASHIERS)] == ["destination[1].queues"]


def test_another_version_of_the_same_policy_is_no_other() -> None:
    older = CASHIERS.replace("cashiers", "town")
    assert told(changed(('["help-line"]', '["till"]')), older) == []
