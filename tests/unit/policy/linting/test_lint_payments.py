from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_payments
from tests.policies import GOOD, changed, remarks_of

NO_LINE = (
    ('[[destination]]\nname = "the payment line"\nextensions = ["700"]\n\n', ""),
    ('[payment]\nlines = ["the payment line"]\n\n', ""),
)
EVERY = 'every = ["extension"]\non_transfer = "continue"'
PAYMENT = '[payment]\nlines = ["the payment line"]\n'

CASES = [
    (NO_LINE, "destination[0].every", "no payment line is named"),
    (
        (*NO_LINE, ('otherwise = "stop"', 'otherwise = "continue"')),
        "transfer.otherwise",
        "anywhere",
    ),
    (
        (*NO_LINE, (EVERY, 'every = ["extension"]\non_consultation = "record"')),
        "destination[0].on_consultation",
        "a consultation with any extension",
    ),
    (
        (*NO_LINE, ('queues = ["help-line"]', "direct_dial = true")),
        "calls.direct_dial",
        "dialled to any extension",
    ),
    (
        (*NO_LINE, (EVERY, f'{EVERY}\non_blind_transfer = "stop"')),
        "destination[0].every",
        "no payment line is named",
    ),
    ((('name = "colleagues"', 'name = "the card desk"'),), "destination[1].name", "sounds like"),
    (
        (*NO_LINE, ("[transfer]", '[payment]\nby = ["transfer", "key"]\n[transfer]')),
        "payment.by",
        "names no destination",
    ),
    (
        ((PAYMENT, f'{PAYMENT}by = ["transfer"]\nlongest = "5 minutes"\n'),),
        "payment.longest",
        "can never apply",
    ),
    (
        ((PAYMENT, f'{PAYMENT}when_too_long = "resume"\n'),),
        "payment.when_too_long",
        "would be recorded",
    ),
]


@pytest.mark.parametrize(("changes", "key", "words"), CASES)
def test_a_payment_that_could_be_recorded_is_remarked(
    changes: tuple[tuple[str, str], ...], key: str, words: str
) -> None:
    found = remarks_of(lint_payments, changed(*changes))
    assert any(key == at and words in what for at, what in found), found


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        changed((PAYMENT, f'{PAYMENT}longest = "5 minutes"\nwhen_too_long = "stay silent"\n')),
        changed(*NO_LINE, ('"continue"', '"stop"')),
        changed(*NO_LINE, ("[transfer]", '[payment]\nby = ["key"]\n[transfer]')),
        changed(('name = "colleagues"', 'name = "the card desk"'), ('"continue"', '"stop"')),
        changed(('name = "colleagues"', 'name = "discarded"')),
    ],
)
def test_nothing_is_remarked_of_what_is_well(text: str) -> None:
    assert remarks_of(lint_payments, text) == []
