from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from hushtape.errors import ConfigError, PolicyError
from hushtape.policy import parse
from tests.policies import GOOD, changed

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"


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


NAMED = 'numbers = ["01799 510510"]\nqueues = ["help-line"]'
OUTBOUND = 'directions = ["inbound", "outbound"]'
BROKEN = [
    ('keep = "62 days"', "", "retention.keep", "missing"),
    ("[retention]\nkeep", "# keep", "retention", "how long"),
    ('queues = ["help-line"]', 'quues = ["help-line"]', "calls.quues", 'did you mean "queues"'),
    ('queues = ["help-line"]', "queues = 3", "calls.queues", "a list in square brackets"),
    ('"01799 510510"', "1799510510", "calls.numbers[0]", "a text in quotes"),
    ("2024-01-01", '"soon"', "policy.in_force_from", "a date"),
    ("2024-01-01", "1989-12-31", "policy.in_force_from", "a year from 1990 to 2200, not 1989"),
    ("2024-01-01", "0001-01-01", "policy.in_force_from", "a year from 1990 to 2200, not 1"),
    ("2024-01-01", "2201-01-01", "policy.in_force_from", "a year from 1990 to 2200, not 2201"),
    ("2024-01-01", "2024-01-01T00:00:00Z", "policy.in_force_from", "a date"),
    ("[transfer]", "[transfer", "", "expected ]"),
    ('"01799 510510"', "01799510510", "", "in quotes"),
    ('name = "town"', 'name = "The Town"', "policy.name", "small letters"),
    ('title = "Town Council, Help Line"', 'title = " "', "policy.title", "as people say it"),
    ('"Europe/London"', '"Europe/Londres"', "policy.time_zone", "Europe/Londres"),
    ('"Europe/London"', '"../../etc/passwd"', "policy.time_zone", "no time zone"),
    ('"Europe/London"', '"UTC"\ncountry_code = "044"', "policy.country_code", "without + or 0"),
    ('"Europe/London"', '"UTC"\ntrunk_prefix = "00"', "policy.trunk_prefix", "one digit"),
    ('"Europe/London"', '"UTC\\u0007"', "policy.time_zone", "control characters"),
]


@pytest.mark.parametrize(("good", "bad", "key", "expected"), BROKEN)
def test_a_broken_policy_is_refused_with_its_key_and_what_was_expected(
    tmp_path: Path, good: str, bad: str, key: str, expected: str
) -> None:
    path = write(tmp_path, changed((good, bad)))
    with pytest.raises(ConfigError) as caught:
        parse.load(path)
    place, _, said = caught.value.where.partition(": ")
    assert re.fullmatch(re.escape(str(path)) + r":\d+:\d+", place)
    assert said == key
    assert expected in caught.value.what
    assert "\n" not in str(caught.value)


def test_two_files_with_the_same_version_are_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.toml")
    write(tmp_path, GOOD, "b.toml")
    with pytest.raises(PolicyError, match=r"a\.toml is already the version of 2024-01-01"):
        parse.load_folder(tmp_path)


def test_scenarios_beside_a_policy_are_none(tmp_path: Path) -> None:
    write(tmp_path, "[[scenario]]", "town.scenarios.toml")
    with pytest.raises(PolicyError, match="no policy"):
        parse.load_folder(tmp_path)
    write(tmp_path, GOOD)
    assert [policy.name for policy in parse.load_folder(tmp_path)] == ["town"]


def test_every_problem_is_named_the_gravest_first(tmp_path: Path) -> None:
    policy = parse.load(write(tmp_path, GOOD))
    assert list(parse.problems(policy)) == []
    calls = msgspec.structs.replace(policy.calls, hours=("never",), queues=("a b",))
    two = msgspec.structs.replace(policy, calls=calls)
    assert [key for key, _ in parse.problems(two)] == ["calls.queues[0]", "calls.hours[0]"]
    nowhere = msgspec.structs.replace(policy.policy, time_zone="Nowhere")
    assert [key for key, _ in parse.problems(msgspec.structs.replace(two, policy=nowhere))] == [
        "policy.time_zone"
    ]


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
    text = changed(
        ("[transfer]", FULL),
        ('directions = ["inbound"]', OUTBOUND),
        ('every = ["extension"]', 'every = ["extension"]\non_consultation = "record"'),
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
    text = changed((f'directions = ["inbound"]\n{NAMED}', calls))
    assert parse.load(write(tmp_path, text)).calls.queues == ()


def test_a_policy_of_direct_calls_needs_neither(tmp_path: Path) -> None:
    text = changed((NAMED, "direct_dial = true"))
    assert parse.load(write(tmp_path, text)).calls.direct_dial


def test_a_folder_that_is_closed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", closed)
    with pytest.raises(PolicyError, match=r"can't be read: Permission denied$"):
        parse.load_folder(tmp_path)
