from __future__ import annotations

import pytest

from hushtape.policy.linting import lint_calls
from hushtape.policy.linting.lint_calls import minutes_of_week
from tests.policies import GOOD, changed, remarks_of

QUEUES = 'queues = ["help-line"]'
OUTBOUND = '["inbound", "outbound"]'

CASES = [
    # the same twice
    (
        [('["01799 510510"]', '["01799 510510", "+44 (0)1799 510510"]')],
        "calls.numbers[1]",
        'the same number as "01799 510510"',
    ),
    (
        [('extensions = ["700"]', 'numbers = ["01799 1234567", "00441799 1234567"]')],
        "destination[0].numbers[1]",
        "the same number",
    ),
    # exceptions
    ([(QUEUES, f'{QUEUES}\nexcept_queues = ["help-line"]')], "calls.queues[0]", "except_queues"),
    (
        [(QUEUES, f'{QUEUES}\nexcept_numbers = ["+441799510510"]')],
        "calls.numbers[0]",
        "except_numbers",
    ),
    ([(QUEUES, f'{QUEUES}\nexcept_queues = ["help-line"]')], "calls", "no call at all"),
    # hours
    (
        [(QUEUES, f'{QUEUES}\nhours = ["Mon-Fri 08:00-18:00", "Tue 09:00-17:00"]')],
        "calls.hours[1]",
        'inside "Mon-Fri 08:00-18:00"',
    ),
    (
        [(QUEUES, f'{QUEUES}\nhours = ["Sun 02:00-03:00", "Sat 20:00-08:00"]')],
        "calls.hours[0]",
        'inside "Sat 20:00-08:00"',
    ),
    # calls that can't be
    (
        [
            ('["inbound"]', '["outbound"]'),
            ("[transfer]", '[outbound]\nextensions = ["21X"]\n[transfer]'),
        ],
        "calls.queues",
        "only outbound calls",
    ),
    (
        [
            (
                'numbers = ["01799 510510"]\nqueues = ["help-line"]',
                "direct_dial = true\nstarts = 'answer'",
            ),
        ],
        "calls.starts",
        "queue calls",
    ),
    # permission
    (
        [("[transfer]", '[outbound]\npermission = "key"\n[transfer]')],
        "outbound.permission",
        "can never apply",
    ),
    (
        [
            ('["inbound"]', OUTBOUND),
            (
                "[transfer]",
                '[outbound]\nextensions = ["21X"]\npermission_within = "1 minute"\n[transfer]',
            ),
        ],
        "outbound.permission_within",
        'permission is "none"',
    ),
    (
        [
            ('["inbound"]', OUTBOUND),
            (
                "[transfer]",
                '[outbound]\nextensions = ["2"]\npermission = "announcement"\n[transfer]',
            ),
        ],
        "outbound.permission",
        "doesn't say what is played",
    ),
    # opt-out and announcement
    (
        [("[transfer]", '[opt_out]\nrecorded_so_far = "keep"\n[transfer]')],
        "opt_out.recorded_so_far",
        "nobody",
    ),
    (
        [("[transfer]", '[opt_out]\nby = ["agent", "caller"]\n[transfer]')],
        "opt_out.by",
        "not played",
    ),
    (
        [("[transfer]", '[announcement]\nsays = "x"\n[transfer]')],
        "announcement.says",
        "never heard",
    ),
    (
        [("[transfer]", '[announcement]\noutbound = "x"\n[transfer]')],
        "announcement.outbound",
        "never said",
    ),
]


@pytest.mark.parametrize(("changes", "key", "words"), CASES)
def test_what_can_never_apply_is_remarked(
    changes: list[tuple[str, str]], key: str, words: str
) -> None:
    found = remarks_of(lint_calls, changed(*changes))
    assert any(key == at and words in what for at, what in found), found


def test_nothing_is_remarked_of_what_is_well() -> None:
    well = changed(
        (QUEUES, f'{QUEUES}\nhours = ["Mon-Fri 08:30-17:00", "Sat 09:00-13:00"]'),
        ('["inbound"]', OUTBOUND),
        (
            "[transfer]",
            (
                '[outbound]\nextensions = ["21X"]\npermission = "key"\n'
                'permission_within = "1 minute"\n'
                '[opt_out]\nby = ["caller"]\nrecorded_so_far = "keep"\n'
                '[announcement]\nplayed = "welcome message"\nsays = "x"\noutbound = "y"\n[transfer]'
            ),
        ),
    )
    assert remarks_of(lint_calls, well) == []
    assert remarks_of(lint_calls, GOOD) == []


def test_the_same_hours_twice_are_remarked_once() -> None:
    twice = changed((QUEUES, f'{QUEUES}\nhours = ["Mon 08:00-09:00", "Mon 08:00-09:00"]'))
    assert [key for key, _ in remarks_of(lint_calls, twice)] == ["calls.hours[1]"]


def test_a_night_runs_into_the_next_day_and_a_sunday_into_monday() -> None:
    night = minutes_of_week("Sun 23:00-01:00")
    assert len(night) == 120
    assert 0 in night
    assert 60 not in night
    assert 7 * 24 * 60 - 1 in night
