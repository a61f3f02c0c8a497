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
