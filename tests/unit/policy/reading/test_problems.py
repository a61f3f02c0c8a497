from __future__ import annotations

import re
from pathlib import Path

import pytest

from hushtape.errors import PolicyError
from hushtape.policy import parse
from tests.policies import changed

PLACES = 'extensions = ["700", "71X"]\nqueues = ["till"]\nnumbers = ["01799 510700"]'
GOOD = changed(('extensions = ["700"]', PLACES))
QUEUES = 'queues = ["help-line"]'
LINES = 'lines = ["the payment line"]'
LINE = 'name = "the payment line"'
EVERY = 'every = ["extension"]'


def refused(folder: Path, text: str) -> tuple[str, str]:
    """The key that is named, and what is said of it."""
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        parse.load(path)
    assert "\n" not in str(caught.value)
    place, _, key = caught.value.where.partition(": ")
    assert re.fullmatch(rf"{re.escape(str(path))}(:\d+:\d+)?", place)
    return key, caught.value.what


CALLS = [
    (QUEUES, 'queues = ["ma in"]', "calls.queues[0]", "name of a queue"),
    (QUEUES, f'{QUEUES}\nexcept_queues = ["x", "y z"]', "calls.except_queues[1]", "queue"),
    (QUEUES, f'{QUEUES}\nexcept_numbers = ["the boss"]', "calls.except_numbers[0]", "telephone"),
    (QUEUES, f'{QUEUES}\nhours = ["Mon-Fri 9-5"]', "calls.hours[0]", "Mon-Fri 08:30-17:00"),
    (QUEUES, f'{QUEUES}\nstarts = "hello"', "calls.starts", '"queue entry" or "answer"'),
    ('"01799 510510"', '"the main line"', "calls.numbers[0]", "not a telephone number"),
    (f'numbers = ["01799 510510"]\n{QUEUES}', "", "calls", "numbers or queues"),
    ('["inbound"]', "[]", "calls.directions", "inbound"),
    ('["inbound"]', '["up"]', "calls.directions[0]", "inbound"),
    ('["inbound"]', '["inbound", "outbound"]', "outbound.extensions", '["21X"]'),
    (
        "[transfer]",
        '[outbound]\nextensions = ["211"]\n[transfer]',
        "outbound.extensions",
        "only if",
    ),
]
DESTINATIONS = [
    ('"continue"', '"go on"', "destination[1].on_transfer", '"stop", "continue" or "silent"'),
    (
        EVERY,
        f'{EVERY}\non_blind_transfer = "go on"',
        "destination[1].on_blind_transfer",
        '"stop", "continue" or "silent"',
    ),
    (EVERY, "", "destination[1]", "names no place"),
    (EVERY, 'every = ["unknown"]', "destination[1].every", '"outside"'),
    (EVERY, 'queues = ["ma in"]', "destination[1].queues[0]", "name of a queue"),
    (EVERY, 'numbers = ["hello"]', "destination[1].numbers[0]", "telephone number"),
    (EVERY, 'extensions = ["seven"]', "destination[1].extensions[0]", "pattern"),
    ('name = "colleagues"', 'name = "the payment line"', "destination[0].name", "two"),
    ('name = "colleagues"', 'name = ""', "destination[1].name", "people use"),
]
PAYMENTS = [
    ('otherwise = "stop"', 'otherwise = "silent"', "transfer.otherwise", '"continue"'),
    (LINES, 'lines = ["the paymentline"]', "payment.lines[0]", 'mean "the payment line"?'),
    (LINES, 'lines = ["colleagues"]', "destination[1].on_transfer", "can't be recorded"),
    (LINE, f'{LINE}\non_transfer = "continue"', "destination[0].on_transfer", "recorded"),
    (
        LINE,
        f'{LINE}\non_blind_transfer = "continue"',
        "destination[0].on_blind_transfer",
        "recorded",
    ),
    (
        LINE,
        f'{LINE}\non_attended_transfer = "continue"',
        "destination[0].on_attended_transfer",
        "recorded",
    ),
    (LINE, f'{LINE}\non_consultation = "record"', "destination[0].on_consultation", "consult"),
    (LINE, f'{LINE}\nevery = ["queue"]', "destination[0].every", "its own extensions"),
    (QUEUES, 'queues = ["help-line", "till"]', "calls.queues[1]", "a payment line"),
    ('["01799 510510"]', '["+44 1799 510700"]', "calls.numbers[0]", "a payment line"),
    ('["01799 510510"]', '["01799 510510", "715"]', "calls.numbers[1]", "a payment line"),
    (LINES, f'{LINES}\nby = ["key"]', "payment.by", '"transfer"'),
    (LINES, f'{LINES}\nby = ["letter"]', "payment.by[0]", '"dialplan"'),
    (LINES, f'{LINES}\nlongest = "2 hours"', "payment.longest", "seconds or minutes"),
    (LINES, f'{LINES}\nlongest = "61 minutes"', "payment.longest", "at most an hour"),
    (LINES, f'{LINES}\npause = "hush"', "payment.pause", '"stop" or "mute"'),
    (LINES, f'{LINES}\nafterwards = "x"', "payment.afterwards", '"resume" or "stay silent"'),
]
CONSENT = [
    (
        "[transfer]",
        '[outbound]\npermission = "key"\nextensions = ["211", "two"]\n[transfer]',
        "outbound.extensions",
        "only if",
    ),
    (
        "[transfer]",
        '[outbound]\npermission_within = "a while"\n[transfer]',
        "outbound.permission_within",
        "60 seconds",
    ),
    (
        "[transfer]",
        '[outbound]\npermission = "letter"\n[transfer]',
        "outbound.permission",
        '"none", "key" or "announcement"',
    ),
    ("[transfer]", '[opt_out]\nby = ["nobody"]\n[transfer]', "opt_out.by[0]", '"caller"'),
    (
        "[transfer]",
        '[opt_out]\nrecorded_so_far = "hide"\n[transfer]',
        "opt_out.recorded_so_far",
        '"discard" or "keep"',
    ),
    (
        EVERY,
        f'{EVERY}\non_consultation = "perhaps"',
        "destination[1].on_consultation",
        '"record" or "not recorded"',
    ),
]
TEXTS = [
    ('title = "Town Council, Help Line"', 'title = "To\\nwn"', "policy.title", "one line"),
    ('name = "colleagues"', 'name = "col\\u202eleagues"', "destination[1].name", "one line"),
    (
        'title = "Town Council, Help Line"',
        f'title = "{"x" * 2001}"',
        "policy.title",
        "2000 characters",
    ),
]


@pytest.mark.parametrize(
    ("good", "bad", "key", "expected"), CALLS + DESTINATIONS + PAYMENTS + CONSENT + TEXTS
)
def test_what_can_not_be_carried_out_is_refused(
    tmp_path: Path, good: str, bad: str, key: str, expected: str
) -> None:
    assert good in GOOD
    where, what = refused(tmp_path, GOOD.replace(good, bad, 1))
    assert where == key
    assert expected in what


def test_whose_outbound_calls_are_recorded_is_said_by_patterns(tmp_path: Path) -> None:
    text = GOOD.replace('["inbound"]', '["inbound", "outbound"]')
    text += '[outbound]\nextensions = ["21X", "two"]\n'
    where, what = refused(tmp_path, text)
    assert where == "outbound.extensions[1]"
    assert "neither an extension nor a pattern" in what


def test_an_announcement_may_have_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    said = '[announcement]\nsays = """Welcome.\nCalls are recorded."""\n[transfer]'
    path.write_text(GOOD.replace("[transfer]", said), encoding="utf-8")
    assert parse.load(path).announcement.says.count("\n") == 1


def test_what_is_odd_but_can_be_carried_out_is_read(tmp_path: Path) -> None:
    """Whether it is meant is asked by lint."""
    path = tmp_path / "town.toml"
    for good, odd in (
        (LINES, "by = []"),
        (QUEUES, f'{QUEUES}\nexcept_queues = ["help-line"]'),
        (LINE, f'{LINE}\non_blind_transfer = "silent"'),
        (QUEUES, f'{QUEUES}\nexcept_numbers = ["211"]'),
    ):
        path.write_text(GOOD.replace(good, odd, 1), encoding="utf-8")
        assert parse.load(path).name == "town"
