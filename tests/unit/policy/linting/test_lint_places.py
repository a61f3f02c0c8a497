from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_places
from tests.policies import GOOD, changed, remarks_of

LAST = '[transfer]\notherwise = "stop"\n'


def with_destinations(*tables: str) -> str:
    return changed((LAST, "".join(f"[[destination]]\n{table}\n" for table in tables) + LAST))


BOTH = 'on_blind_transfer = "stop"\non_attended_transfer = "silent"'
CASES = [
    (['name = "a"\nextensions = ["21X"]'], "destination[2]", '"colleagues" covers all of it'),
    (['name = "a"\nextensions = ["700"]'], "destination[2]", '"the payment line" covers all'),
    (
        [
            'name = "a"\nqueues = ["x", "y"]',
            'name = "b"\nevery = ["queue"]',
            'name = "c"\nqueues = ["x", "z"]',
        ],
        "destination[4]",
        '"a" and "b" covers',
    ),
    (
        ['name = "a"\nqueues = ["x"]', 'name = "b"\nqueues = ["x", "z"]'],
        "destination[3].queues[0]",
        '"x" can never apply',
    ),
    (
        ['name = "a"\nnumbers = ["01799 510999"]', 'name = "b"\nnumbers = ["+441799510999"]'],
        "destination[3]",
        '"a" covers all of it',
    ),
    (
        ['name = "a"\nevery = ["outside"]', 'name = "b"\nnumbers = ["+441799510999"]'],
        "destination[3]",
        '"a" covers all of it',
    ),
    (
        ['name = "a"\nevery = ["outside", "queue"]'],
        "transfer.otherwise",
        "every extension, queue and number",
    ),
    (
        ['name = "a"\nqueues = ["help-line"]'],
        "calls.queues[0]",
        "none of its calls is recorded",
    ),
    (
        ['name = "a"\nqueues = ["help-line"]\non_attended_transfer = "continue"'],
        "calls.queues[0]",
        "is recorded, but for those that come by an attended transfer",
    ),
    (
        [f'name = "a"\nevery = ["queue"]\non_transfer = "stop"\n{BOTH}'],
        "destination[2].on_transfer",
        "both given",
    ),
    (
        ['name = "a"\nevery = ["queue"]\non_transfer = "stop"\non_blind_transfer = "stop"'],
        "destination[2].on_blind_transfer",
        "the same",
    ),
]


@pytest.mark.parametrize(("tables", "key", "words"), CASES)
def test_what_can_never_apply_is_remarked(tables: list[str], key: str, words: str) -> None:
    found = remarks_of(lint_places, with_destinations(*tables))
    assert any(key == at and words in what for at, what in found), found


def test_patterns_of_several_destinations_shadow_together() -> None:
    text = GOOD.replace('every = ["extension"]', 'extensions = ["2[0-4]X"]').replace(
        LAST,
        '[[destination]]\nname = "a"\nextensions = ["2[5-9]X"]\n'
        '[[destination]]\nname = "b"\nextensions = ["2XX", "3XX"]\n' + LAST,
    )
    assert remarks_of(lint_places, text) == [
        ("destination[3].extensions[0]", '"2XX" can never apply: "a" covers it and comes first')
    ]


def test_a_payment_line_is_shadowed_by_nothing_that_stands_before_it() -> None:
    payment = '[[destination]]\nname = "the payment line"\nextensions = ["700"]\n\n'
    last = changed((payment, ""), (LAST, payment + LAST))
    assert remarks_of(lint_places, last) == []


def test_nothing_is_remarked_of_what_is_well() -> None:
    assert remarks_of(lint_places, GOOD) == []
    well = with_destinations('name = "a"\nqueues = ["x"]', 'name = "b"\nevery = ["queue"]')
    assert remarks_of(lint_places, well) == []
