from __future__ import annotations

import pytest

from hushtape.policy.showing.extensions import extensions, letters, may_be_outside


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["720"], "extension 720"),
        (["51XX"], "extensions 5100 to 5199"),
        (["_2N"], "extensions 22 to 29"),
        (["ZXX"], "extensions 100 to 999"),
        (["440X", "441X"], "extensions 4400 to 4419"),
        (["62X", "63X", "64[1-9]"], "extensions 620 to 639 and 641 to 649"),
        (["221", "710", "711"], "extensions 221, 710 and 711"),
        (["352", "351", "350"], "extensions 350 to 352"),
        (["092", "92"], "extensions 092 and 92"),
        (["1X", "15"], "extensions 10 to 19"),
        (["X1X"], "extensions like X1X"),
        (["2[13]X", "9."], "extensions like 2[13]X and 9."),
        (["20", "2[13]X"], "extensions 20 and those like 2[13]X"),
        (["*21"], "extension *21"),
    ],
)
def test_patterns_are_said_as_rows_where_they_are_such(patterns: list[str], said: str) -> None:
    assert extensions(patterns) == said


def test_only_what_is_not_said_as_a_row_needs_its_letters_explained() -> None:
    assert list(letters(["51XX", "720", "*21"])) == []
    assert list(letters(["51XX", "9."])) == [
        "In the extensions above a dot stands for one character or more"
    ]


def test_what_may_be_a_number_outside() -> None:
    for pattern, outside in (("720", False), ("21XXXX", False), ("0XXXXXX", True), ("9.", True)):
        assert may_be_outside(pattern) is outside
