from __future__ import annotations

from itertools import product

import pytest

from hushtape.policy import numbers, patterns

SOME = ["2XX", "21X", "2[0-5]X", "_2.", "2!", "XXX", "N", "Z.", "211", "!", ".", "[13-5]X", "*98"]
DIALLED = ["".join(each) for n in range(4) for each in product("01259*8", repeat=n)]
MATCHED = {each: {text for text in DIALLED if numbers.matches(each, text)} for each in SOME}


@pytest.mark.parametrize("one", SOME)
def test_two_patterns_meet_where_something_matches_both(one: str) -> None:
    for other in SOME:
        text = patterns.meet(one, other)
        assert (text is not None) == bool(MATCHED[one] & MATCHED[other])
        if text is not None:
            assert numbers.matches(one, text)
            assert numbers.matches(other, text)


@pytest.mark.parametrize("one", SOME)
def test_a_pattern_lies_in_others_if_they_match_all_of_it(one: str) -> None:
    for pair in product(SOME, SOME):
        expected = MATCHED[one] <= MATCHED[pair[0]] | MATCHED[pair[1]]
        assert patterns.lies_in(one, pair) == expected, pair


def test_several_patterns_cover_another_together() -> None:
    assert patterns.lies_in("2XX", [f"2{digit}X" for digit in range(10)])
    assert not patterns.lies_in("2XX", [f"2{digit}X" for digit in range(9)])
    assert patterns.lies_in("_X.", ["_N.", "[01]."])
    assert not patterns.lies_in("211", [])


def test_patterns_made_to_be_hard_are_given_up() -> None:
    hard = ["X" * index + "5" + "X" * (19 - index) for index in range(20)]
    assert not patterns.lies_in("X" * 20, hard)
