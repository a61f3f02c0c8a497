from __future__ import annotations

import itertools

import pytest

from hushtape.policy import numbers
from hushtape.policy.comparing.pattern_samples import in_words, samples


@pytest.mark.parametrize(
    "patterns",
    [
        ["720", "72X", "7XX"],
        ["72[1-3]", "7N0", "Z20"],
        ["7.", "72X", "7!"],
        ["7.", "7X"],
        ["7!", "7", "7XX"],
        ["2XX", "21X", "2X1", "[13-5]XX"],
    ],
)
def test_every_set_of_patterns_that_something_fits_has_a_sample(patterns: list[str]) -> None:
    def fitting(extension: str) -> tuple[bool, ...]:
        return tuple(numbers.matches(pattern, extension) for pattern in patterns)

    every = {
        "".join(digits)
        for length in range(1, 5)
        for digits in itertools.product("0123456789", repeat=length)
    }
    wanted = {fitting(each) for each in every if any(fitting(each))}
    assert {fitting(each) for each in samples(patterns)} == wanted


def test_a_sample_is_said_by_its_pattern_and_a_named_one_as_it_is() -> None:
    assert samples([]) == {}
    assert samples(["720"]) == {"720": "720"}
    known = samples(["21X", "211", "2X5"])
    assert known["211"] == "211"
    assert in_words(known, known) == ["21X (such as 210)", "211", "2X5 (such as 205)"]


def test_many_patterns_that_overlap_stay_few_samples() -> None:
    patterns = [f"[{digit}{digit + 1}]XXXXXX" for digit in range(9)] + ["X" * 12, "9."]
    assert len(samples(patterns)) < 2000
