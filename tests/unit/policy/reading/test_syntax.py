from __future__ import annotations

import pytest

from hushtape.policy.reading import syntax
from hushtape.policy.reading.locate import Position


def problem(text: str) -> tuple[Position, str]:
    with pytest.raises(syntax.SyntaxProblem) as caught:
        syntax.parse(text)
    return caught.value.where, caught.value.what


def test_what_is_toml_is_read() -> None:
    assert syntax.parse('a = ["x"]\n[b.c]\nd = 2026-01-31\n')["a"] == ["x"]
    assert syntax.parse('says = "www.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x"\n')


# How it is told of in a whole policy: tests/integration/policy/test_hostile_policies.py
@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("name = town", 1, 8, 'expected "town"'),
        ('a = 1\nname = "town', 2, 8, 'expected "'),
        ("on = 25.5.2018", 1, 6, "such as 2018-05-25"),
        ("on = 5/25/2018", 1, 6, "such as 2026-01-31"),  # which is the month?
        ('a = ["x",\n"y"\nb = 1', 1, 5, "before line 3"),
        ('a = ["x",\r\n"y"\r\nb = 1', 1, 5, "before line 3"),
        ("[a]\nx = 1\n[a]", 3, 3, "there already"),
        ("a = TRUE", 1, 5, "expected true"),
        ("a = 1\ra = 2", 1, 6, "carriage return"),
        ("a." * 21 + "b = 1", 1, 1, "dots"),
        ("x = 1\n  {a." + "b." * 30, 2, 3, "dots"),
        ("a = “b”", 1, 5, "straight"),
        ("a = 1  # “b”\nb = tоwn", 2, 6, "CYRILLIC SMALL LETTER O"),
        ("a = " + "[" * 2000, 1, 5, "too many"),
        ("a = " + "1" * 5000, 1, 5, "thousands of digits"),
    ],
)
def test_what_was_meant_is_said_with_its_place(
    text: str, line: int, column: int, words: str
) -> None:
    where, what = problem(text)
    assert where == Position(line, column)
    assert words in what
