from __future__ import annotations

import pytest

from hushtape.policy.numbers import is_pattern, matches, normal


@pytest.mark.parametrize(
    "spelling",
    [
        "01799510510",
        "01799 510510",
        "(01799) 510 510",
        "+44 1799 510510",
        "+44 (0)1799 510510",
        "0044-1799-510510",
        "01799.510.510",
        "441799510510",
        "tel:+44-1799-510510",
        "Tel: 01799 510510",
        "00 44 1799 510510",
        "00 44 (0) 1799 510510",
        "0044 (0)1799 510510",
        "(+44) 1799 510510",
        "(+44) (0)1799 510510",
        "+44 01799 510510",
        "(0044) 1799 510510",
        "44 1799 510510",
        "01799\u00a0510\u2011510",
    ],
)
def test_every_usual_spelling_is_the_same_number(spelling: str) -> None:
    assert normal(spelling, "44") == "441799510510"


def test_a_foreign_number_stays_foreign() -> None:
    assert normal("+49 30 123456", "44") == "4930123456"
    assert normal("+49 30 123456", "44") == normal("0049 30 123456", "44")


@pytest.mark.parametrize(
    ("national", "international", "country", "trunk"),
    [
        ("912345678", "+34 912345678", "34", ""),
        ("06 1234 5678", "+39 06 1234 5678", "39", ""),
        ("1 212 555 0123", "+1 212 555 0123", "1", ""),
        ("030 123456", "+49 30 123456", "49", "0"),
    ],
)
def test_countries_differ_in_what_is_dialled_at_home(
    national: str, international: str, country: str, trunk: str
) -> None:
    assert normal(national, country, trunk) == normal(international, country, trunk)


def test_an_extension_stays_what_it_is() -> None:
    assert normal("211", "44") == "211"
    assert normal("0211", "44") == "0211"


def test_brackets_are_only_dropped_from_international_numbers() -> None:
    assert normal("01799(0)510510", "44") == "4417990510510"


def test_a_nought_stays_where_nothing_is_dialled_before_a_number() -> None:
    assert normal("+39 06 1234 5678", "39", "") == "390612345678"
    assert normal("+49 030 123456", "44") == "49030123456", "another country's way is not known"


@pytest.mark.parametrize(
    "text", ["", "hello", "01799510510x", "+", "1", "0" * 40, "+44 +44 1799", "\u0660\u0661\u0662"]
)
def test_what_is_no_number_is_empty(text: str) -> None:
    assert normal(text, "44") == ""


@pytest.mark.parametrize(
    ("pattern", "extension", "fits"),
    [
        ("211", "211", True),
        ("211", "2111", False),
        ("2XX", "211", True),
        ("_2XX", "211", True),
        ("2XX", "311", False),
        ("NXX", "111", False),
        ("Z11", "011", False),
        ("[13-5]00", "400", True),
        ("[13-5]00", "200", False),
        ("9.", "9", False),
        ("9.", "902079460010", True),
        ("9!", "9", True),
        ("*72", "*72", True),
        ("2XX", "2a1", False),
    ],
)
def test_patterns_match_as_in_the_dialplan(pattern: str, extension: str, fits: bool) -> None:
    assert is_pattern(pattern)
    assert matches(pattern, extension) is fits


@pytest.mark.parametrize(
    "text", ["", "_", "2.X", "[", "[]", "[a]1", "2 1", "9.*(", "1" * 41, "[9-1]XX"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    assert not is_pattern(text)
