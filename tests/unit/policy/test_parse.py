from __future__ import annotations

from pathlib import Path

import pytest

from hushtape.errors import ConfigError, PolicyError
from hushtape.policy import parse

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"

GOOD = """
[policy]
name = "town"
title = "Town"
in_force_from = 2024-01-01
time_zone = "Europe/London"

[calls]
numbers = ["01799 510510"]
queues = ["main"]

[[destination]]
name = "the payment line"
extensions = ["700"]

[[destination]]
name = "colleagues"
every = ["extension"]
on_transfer = "continue"

[transfer]
otherwise = "stop"

[payment]
lines = ["the payment line"]

[retention]
keep = "90 days"
"""


def write(folder: Path, text: str, name: str = "town.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_five_published_policies_are_read() -> None:
    names = {policy.name for policy in parse.load_folder(EXAMPLES)}
    assert names == {
        "surrey",
        "uttlesford",
        "reigate-banstead",
        "south-hams",
        "hammersmith-fulham",
    }


def test_a_good_policy_is_read(tmp_path: Path) -> None:
    policy = parse.load(write(tmp_path, GOOD))
    assert (policy.name, policy.version) == ("town", "2024-01-01")


OUTBOUND = 'directions = ["inbound", "outbound"]'
BROKEN = [
    ('keep = "90 days"', "", "retention.keep", "missing"),
    ("[retention]\nkeep", "# keep", "retention", "how long"),
    ('keep = "90 days"', 'keep = "a while"', "retention.keep", "62 days"),
    ('queues = ["main"]', 'quues = ["main"]', "calls.quues", 'did you mean "queues"'),
    ('queues = ["main"]', "queues = 3", "calls.queues", "a list in square brackets"),
    ('queues = ["main"]', 'queues = ["ma in"]', "calls.queues", "name of a queue"),
    ('numbers = ["01799 510510"]\nqueues = ["main"]', "", "calls", "numbers or queues"),
    ('"01799 510510"', '"the main line"', "calls.numbers", "not a telephone number"),
    ('"Europe/London"', '"Europe/Londres"', "policy.time_zone", "Europe/Londres"),
    ('"Europe/London"', '"../../etc/passwd"', "policy.time_zone", "no time zone"),
    ("2024-01-01", '"soon"', "policy.in_force_from", "a date"),
    ('name = "town"', 'name = "The Town"', "policy.name", "small letters"),
    ('title = "Town"', 'title = " "', "policy.title", "as people say it"),
    ('"continue"', '"go on"', "destination[1].on_transfer", '"stop", "continue" or "silent"'),
    ('every = ["extension"]', "", "destination[1]", "names no place"),
    ('every = ["extension"]', 'every = ["unknown"]', "destination[1].every", '"outside"'),
    ('["700"]', '["seven"]', "destination[0].extensions", "pattern"),
    ('name = "colleagues"', 'name = "the payment line"', "destination[0].name", "two"),
    ('lines = ["the payment line"]', 'lines = ["tills"]', "payment.lines", "tills"),
    ('lines = ["the payment line"]', 'lines = ["colleagues"]', "payment.lines", "recorded"),
    ('otherwise = "stop"', 'otherwise = "silent"', "transfer.otherwise", '"continue"'),
    ('["01799 510510"]', '["01799 510510"]\ndirections = []', "calls.directions", "inbound"),
    ('["01799 510510"]', '["01799 510510"]\ndirections = ["up"]', "calls.directions[0]", "inbound"),
    ("[transfer]", "[transfer", "", "is not TOML"),
    # who makes outbound calls, and with whose permission
    ('queues = ["main"]', f'queues = ["main"]\n{OUTBOUND}', "outbound.extensions", '["21X"]'),
    (
        "[transfer]",
        '[outbound]\nextensions = ["211"]\n[transfer]',
        "outbound.extensions",
        "only if",
    ),
    (
        'queues = ["main"]',
        f'queues = ["main"]\n{OUTBOUND}\n[outbound]\nextensions = ["two"]',
        "outbound.extensions",
        "neither an extension nor a pattern",
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
    # who may opt out
    ("[transfer]", '[opt_out]\nby = ["nobody"]\n[transfer]', "opt_out.by[0]", '"caller"'),
    (
        "[transfer]",
        '[opt_out]\nrecorded_so_far = "hide"\n[transfer]',
        "opt_out.recorded_so_far",
        '"discard" or "keep"',
    ),
    # what is said in a consultation
    (
        'extensions = ["700"]',
        'extensions = ["700"]\non_consultation = "record"',
        "payment.lines",
        "consultation",
    ),
    (
        'every = ["extension"]',
        'every = ["extension"]\non_consultation = "perhaps"',
        "destination[1].on_consultation",
        '"record" or "not recorded"',
    ),
]


@pytest.mark.parametrize(("good", "bad", "key", "expected"), BROKEN)
def test_a_broken_policy_is_refused_with_its_key_and_what_was_expected(
    tmp_path: Path, good: str, bad: str, key: str, expected: str
) -> None:
    assert good in GOOD
    path = write(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(ConfigError) as caught:
        parse.load(path)
    assert caught.value.where == (f"{path}: {key}" if key else str(path))
    assert expected in caught.value.what
    assert "\n" not in str(caught.value)


def test_two_files_with_the_same_version_are_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.toml")
    write(tmp_path, GOOD, "b.toml")
    with pytest.raises(PolicyError, match=r"a\.toml is already the version of 2024-01-01"):
        parse.load_folder(tmp_path)


def test_two_versions_live_side_by_side(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.toml")
    write(tmp_path, GOOD.replace("2024-01-01", "2025-01-01"), "b.toml")
    assert len(parse.load_folder(tmp_path)) == 2


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no policy"):
        parse.load_folder(tmp_path)


FULL = """
[outbound]
extensions = ["21X", "233"]
permission = "announcement"
permission_within = "2 minutes"

[opt_out]
by = ["caller", "agent"]
recorded_so_far = "keep"

[transfer]"""


def test_what_has_a_default_need_not_be_said(tmp_path: Path) -> None:
    policy = parse.load(write(tmp_path, GOOD))
    assert policy.outbound.extensions == ()
    assert (policy.outbound.permission, policy.outbound.permission_within) == (
        "none",
        "60 seconds",
    )
    assert (policy.opt_out.by, policy.opt_out.recorded_so_far) == ((), "discard")
    assert {each.on_consultation for each in policy.destination} == {"not recorded"}
    assert policy.calls.direct_dial is False


def test_what_is_said_is_read(tmp_path: Path) -> None:
    text = GOOD.replace("[transfer]", FULL).replace('queues = ["main"]', OUTBOUND)
    text = text.replace(
        'every = ["extension"]', 'every = ["extension"]\non_consultation = "record"'
    )
    policy = parse.load(write(tmp_path, text))
    assert policy.outbound.extensions == ("21X", "233")
    assert policy.outbound.permission == "announcement"
    assert policy.outbound.permission_within == "2 minutes"
    assert policy.opt_out.by == ("caller", "agent")
    assert policy.opt_out.recorded_so_far == "keep"
    assert policy.destination[1].on_consultation == "record"


def test_a_policy_of_outbound_calls_needs_neither_numbers_nor_queues(tmp_path: Path) -> None:
    calls = 'directions = ["outbound"]\n[outbound]\nextensions = ["211"]'
    text = GOOD.replace('numbers = ["01799 510510"]\nqueues = ["main"]', calls)
    assert parse.load(write(tmp_path, text)).calls.queues == ()


def test_a_policy_of_direct_calls_needs_neither(tmp_path: Path) -> None:
    text = GOOD.replace('numbers = ["01799 510510"]\nqueues = ["main"]', "direct_dial = true")
    assert parse.load(write(tmp_path, text)).calls.direct_dial
