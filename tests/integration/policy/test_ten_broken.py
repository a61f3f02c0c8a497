"""A good policy, broken on purpose: a payment would be recorded, or a call that nobody names.

Promise 1 (silence) and promise 4 (only what a policy names): lint refuses each before a call rings.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hushtape.cli import main
from hushtape.errors import PolicyError
from hushtape.policy import parse
from tests.policies import GOOD, changed

LINE = 'extensions = ["700"]'
LINES = '[payment]\nlines = ["the payment line"]\n'
CONFIG = """
data = "data"
[policies]
folder = "policies"
[pbx.hall]
kind = "asterisk"
host = "127.0.0.1"
password_env = "HALL_SECRET"
spool = "/var/spool/asterisk/hushtape"
outside_contexts = ["from-trunk"]
extensions = ["2XX"]
outside = ["9."]
outside_prefix = "9"
[pbx.hall.queues]
600 = "help-line"
700 = "tills"
701 = "tills"
"""

# Each makes the policy one that no program starts with.
REFUSED = {
    "a blind transfer to the payment line goes on": (
        changed((LINE, f'{LINE}\non_blind_transfer = "continue"')),
        "destination[0].on_blind_transfer",
    ),
    "an attended transfer to the payment line goes on": (
        changed((LINE, f'{LINE}\non_attended_transfer = "continue"')),
        "destination[0].on_attended_transfer",
    ),
    "what the agent and the payment line say is recorded": (
        changed((LINE, f'{LINE}\non_consultation = "record"')),
        "destination[0].on_consultation",
    ),
    "the payment line's queue is recorded": (
        changed((LINE, 'queues = ["tills"]'), ('["help-line"]', '["help-line", "tills"]')),
        "calls.queues[1]",
    ),
    "the payment line's number is recorded": (
        changed((LINE, 'numbers = ["+44 (0)1799 510510"]')),
        "calls.numbers[0]",
    ),
    "the payment line is misspelt": (
        changed(('lines = ["the payment line"]', 'lines = ["the paymentline"]')),
        "payment.lines[0]",
    ),
    "a transfer is no payment": (
        changed((LINES, f'{LINES}by = ["key"]\n')),
        "payment.by",
    ),
    "every extension is the payment line": (
        changed((LINE, 'every = ["extension"]')),
        "destination[0].every",
    ),
    "no calls are named": (
        changed(('numbers = ["01799 510510"]\nqueues = ["help-line"]\n', "")),
        "calls",
    ),
    "nobody says how long": (changed(('keep = "62 days"\n', "")), "retention.keep"),
}


def lint(folder: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["policy", "lint", *options, str(folder / "policies")])
    return done.exit_code, done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "hushtape.toml").write_text(CONFIG)
    return tmp_path


def test_there_are_ten_and_the_policy_is_good_before() -> None:
    assert len(REFUSED) == 10
    assert all(text != GOOD for text, _ in REFUSED.values())


def test_the_good_policy_passes(folder: Path) -> None:
    (folder / "policies" / "town.toml").write_text(GOOD)
    assert lint(folder, "--strict") == (0, "1 policy, no errors, no warnings\n")


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=REFUSED)
def test_a_broken_policy_is_refused(folder: Path, text: str, key: str) -> None:
    path = folder / "policies" / "town.toml"
    path.write_text(text)
    code, said = lint(folder)
    assert code == 1
    assert f": error: {key}: " in said
    with pytest.raises(PolicyError, match=r"town\.toml:\d+:\d+: "):
        parse.load_folder(folder / "policies")


def test_a_payment_queue_that_another_extension_leads_to_is_refused(folder: Path) -> None:
    path = folder / "policies" / "town.toml"
    text = changed(('otherwise = "stop"', 'otherwise = "continue"'))
    path.write_text(text)
    code, said = lint(folder, "-c", str(folder / "hushtape.toml"))
    assert code == 1
    assert '700 leads to queue "tills" of hall, where a payment could be recorded' in said
    path.write_text(text.replace(LINE, f'{LINE}\nqueues = ["tills"]'))
    assert lint(folder, "-c", str(folder / "hushtape.toml"))[0] == 0


def test_two_policies_of_one_queue_are_refused(folder: Path) -> None:
    (folder / "policies" / "a.toml").write_text(GOOD)
    (folder / "policies" / "b.toml").write_text(changed(('"town"', '"other"')))
    code, said = lint(folder)
    assert code == 1
    assert 'inbound calls to 01799 510510 in queue help-line belong to policy "town", too' in said


def test_a_policy_without_a_payment_line_is_doubted(folder: Path) -> None:
    line = '[[destination]]\nname = "the payment line"\nextensions = ["700"]\n\n'
    (folder / "policies" / "town.toml").write_text(changed((line, ""), (LINES, "")))
    code, said = lint(folder)
    assert code == 0
    assert ": warning: destination[0].every: " in said
    assert lint(folder, "--strict")[0] == 1


def test_what_a_policy_forgets_of_the_pbx_is_noted(folder: Path) -> None:
    (folder / "policies" / "town.toml").write_text(GOOD)
    code, said = lint(folder, "-c", str(folder / "hushtape.toml"))
    assert code == 0
    forgotten = "queue tills, outside numbers 9.: after a transfer there recording stops"
    assert f": note: transfer.otherwise: no destination names {forgotten}" in said
    assert f"{folder / 'hushtape.toml'}:16:1: note: pbx.hall.queues.700: no policy names" in said
