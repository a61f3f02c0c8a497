from __future__ import annotations

import tomllib

from hushtape.policy.reading import structure
from tests.policies import GOOD


def keys(text: str) -> list[str]:
    return [each.key for each in structure.mismatches(tomllib.loads(text))]


def test_a_good_policy_has_nothing_wrong() -> None:
    assert keys(GOOD) == []


def test_a_missing_period_is_told_of_with_an_example() -> None:
    without_table = GOOD.replace('[retention]\nkeep = "62 days"\n', "")
    without_key = GOOD.replace('keep = "62 days"', "")
    for text, key in ((without_table, "retention"), (without_key, "retention.keep")):
        (told,) = structure.mismatches(tomllib.loads(text))
        assert (told.key, told.what) == (key, structure.NO_PERIOD)


def test_every_key_that_is_wrong_is_named() -> None:
    text = GOOD.replace("queues", "quues").replace('"continue"', '"go on"') + "[extra]\n"
    assert keys(text) == ["extra", "calls.quues", "destination[1].on_transfer"]


def test_too_many_tables_and_too_many_errors_are_not_looked_at_one_by_one() -> None:
    assert keys(GOOD + "[[tag]]\n" * 501) == ["tag"]
    many = keys(GOOD + "".join(f"x{n} = 1\n" for n in range(500)))
    assert len(many) == structure.MOST_NAMED + 1
    assert many[-1] == ""
