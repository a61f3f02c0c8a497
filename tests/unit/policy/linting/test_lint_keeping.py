from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_keeping
from tests.policies import GOOD, changed, remarks_of

KEEP = 'keep = "62 days"'


def with_rules(*rules: str, tags: str = "") -> str:
    tables = "".join(f"\n[[retention.rule]]\nkeep = '1 day'\n{rule}\n" for rule in rules)
    return changed((KEEP, KEEP + tables + tags))


HOUSING = "\n[[tag]]\nname = 'housing'\n"
CASES = [
    (
        with_rules("calls_before = 2024-01-01"),
        "retention.rule[0].calls_before",
        "from 2024-01-01 on",
    ),
    (
        with_rules("calls_from = 2023-01-01\nqueues = ['x']"),
        "retention.rule[0].calls_from",
        "no call",
    ),
    (with_rules("calls_from = 2020-01-01"), "retention.keep", "fit every call"),
    (
        with_rules("calls_before = 2026-01-01", "calls_from = 2026-01-01"),
        "retention.keep",
        "fit every call",
    ),
    (
        with_rules("calls_before = 2026-01-01", "calls_before = 2025-01-01\nqueues = ['x']"),
        "retention.rule[1]",
        "earlier rules",
    ),
    (
        with_rules("queues = ['x', 'y']", "queues = ['x']\ncalls_from = 2025-01-01"),
        "retention.rule[1]",
        "earlier rules",
    ),
    (
        with_rules(
            "calls_before = 2025-06-01",
            "calls_from = 2025-06-01\ncalls_before = 2026-01-01",
            "calls_from = 2025-01-01\ncalls_before = 2025-12-01\ntags = ['housing']",
            tags=HOUSING,
        ),
        "retention.rule[2]",
        "earlier rules",
    ),
    (with_rules(tags=HOUSING + "directions = ['outbound']\n"), "tag[0].name", "no outbound call"),
    (
        with_rules(tags=HOUSING + "numbers = ['01799 510999']\n"),
        "tag[0].name",
        "none of its numbers",
    ),
    (
        with_rules(tags=HOUSING + "hours = ['Mon 08:00-10:00', 'Mon 09:00-10:00']\n"),
        "tag[0].hours[1]",
        "adds nothing",
    ),
]


@pytest.mark.parametrize(("text", "key", "words"), CASES)
def test_what_can_never_apply_is_remarked(text: str, key: str, words: str) -> None:
    found = remarks_of(lint_keeping, text)
    assert any(key == at and words in what for at, what in found), found


@pytest.mark.parametrize(
    ("hours", "tag", "given"),
    [
        ("Mon-Fri 08:00-17:00", "hours = ['Sat 09:00-12:00']", False),
        ("Mon-Fri 08:00-17:00", "hours = ['Fri 16:59-20:00']", True),
        ("Mon-Fri 08:00-17:00", "outside_hours = ['Mon-Fri 08:00-18:00']", False),
        ("Mon-Fri 08:00-17:00", "outside_hours = ['Mon-Fri 08:00-16:00']", True),
        ("every day 00:00-24:00", "outside_hours = ['Mon-Fri 08:00-16:00']", True),
    ],
)
def test_a_tag_by_hours_is_held_against_the_hours_of_calls(
    hours: str, tag: str, given: bool
) -> None:
    text = with_rules(tags=HOUSING + tag + "\n").replace(
        'queues = ["help-line"]', f'queues = ["help-line"]\nhours = ["{hours}"]'
    )
    assert bool(remarks_of(lint_keeping, text)) is not given


def test_nothing_is_remarked_of_what_is_well() -> None:
    assert remarks_of(lint_keeping, GOOD) == []
    well = with_rules(
        "queues = ['x']\ncalls_before = 2026-01-01",
        "queues = ['x', 'y']",
        "tags = ['housing']\ncalls_from = 2026-01-01",
        "calls_before = 2025-01-01",
        tags=HOUSING,
    ).replace('["help-line"]', '["help-line", "x", "y"]')
    assert remarks_of(lint_keeping, well) == []


@pytest.mark.parametrize(
    ("change", "strange"),
    [
        (("", ""), True),
        (('"help-line"', '"help-line", "fraud"'), False),
        (('queues = ["help-line"]\n', ""), False),  # whatever queue takes the number's calls
        (('every = ["extension"]', 'queues = ["fraud"]'), False),
        # recording stops there, but a call that was in it may be kept by that
        (('every = ["extension"]\non_transfer = "continue"', 'queues = ["fraud"]'), False),
        (('every = ["extension"]', 'every = ["queue"]'), False),
        (('otherwise = "stop"', 'otherwise = "continue"'), False),
    ],
)
def test_a_queue_in_which_no_call_is_recorded_is_remarked(
    change: tuple[str, str], strange: bool
) -> None:
    text = with_rules("queues = ['fraud']", tags=HOUSING + "queues = ['help-line', 'fraud']\n")
    found = remarks_of(lint_keeping, text.replace(*change, 1))
    keys = ["tag[0].queues[1]", "retention.rule[0].queues[0]"] if strange else []
    assert [key for key, _ in found] == keys
    near = remarks_of(lint_keeping, with_rules("queues = ['helpline']"))
    assert near[0][1].endswith('did you mean "help-line"?')
