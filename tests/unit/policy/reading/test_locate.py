from __future__ import annotations

import pytest

from hushtape.policy.reading.locate import TOP, Places, Position, position

TEXT = '''# a comment = [ "
title = "a \\" quote # no comment"  # a comment
"odd.key" = 1
'literal' = 'C:\\'
dotted . inner.deep = 1979-05-27 07:32:00
long = """
[not.a.table]
x = 1 "" \\"""
"""
raw = \'\'\'
[nor.this]
\'\'\'
list = [
    "one",  # ] not the end
    ["two", "three"],
    { four = 4, five = [5] },
]
inline = { a = 1, b.c = "}" }

[table]
  key = true
[table.sub . "quoted part"]
key = 1

[[many]]
name = "a"
[[many.inner]]
x = 1
[[many.inner]]
y = 1
[[many]]
other = 1
[many.single]
z = 2
'''

KEYS = [
    ("title", 2, 1),
    ("odd.key", 3, 1),
    ("literal", 4, 1),
    ("dotted", 5, 1),
    ("dotted.inner", 5, 10),
    ("dotted.inner.deep", 5, 16),
    ("long", 6, 1),
    ("raw", 10, 1),
    ("list", 13, 1),
    ("list[0]", 14, 5),
    ("list[1][1]", 15, 13),
    ("list[2].four", 16, 7),
    ("list[2].five[0]", 16, 25),
    ("inline.a", 18, 12),
    ("inline.b.c", 18, 21),
    ("table", 20, 1),
    ("table.key", 21, 3),
    ("table.sub", 22, 8),
    ("table.sub.quoted part.key", 23, 1),
    ("many", 25, 1),
    ("many[0]", 25, 1),
    ("many[0].name", 26, 1),
    ("many[0].inner[1]", 29, 1),
    ("many[0].inner[1].y", 30, 1),
    ("many[1].other", 32, 1),
    ("many[1].single.z", 34, 1),
    # what is missing is where its table begins
    ("table.missing", 20, 1),
    ("many[1].missing", 31, 1),
    ("many[0].inner[0].missing.too", 27, 1),
    ("list[9]", 13, 1),
    ("missing", 1, 1),
    ("missing.too[3].here", 1, 1),
    ("", 1, 1),
]


@pytest.mark.parametrize(("key", "line", "column"), KEYS)
def test_a_key_is_located(key: str, line: int, column: int) -> None:
    assert Places(TEXT).at(key) == Position(line, column)


def test_what_stands_in_texts_and_comments_is_no_key() -> None:
    places = Places(TEXT)
    assert not places.knows("not")
    assert not places.knows("nor.this")
    assert not places.knows("x")
    assert places.knows("table.key")


def test_windows_line_ends_change_no_place() -> None:
    places = Places(TEXT.replace("\n", "\r\n"))
    assert [places.at(key) for key, *_ in KEYS] == [Places(TEXT).at(key) for key, *_ in KEYS]


@pytest.mark.parametrize(
    ("text", "unclosed"),
    [
        ("a = 1\nb = [1,\n2", Position(2, 5)),
        ('a = 1\nb = """x', Position(2, 5)),
        ("b = {x = [", Position(1, 5)),
        ('b = "x\nc = 1', Position(1, 5)),
        ("a = 1\n", None),
        ("a = [[1], []]\n", None),
    ],
)
def test_a_value_without_an_end_is_found(text: str, unclosed: Position | None) -> None:
    assert Places(text).unclosed == unclosed


@pytest.mark.parametrize(
    "text", ["", "=", "[", "[[", "[a", "a", "a.", 'a = ["', "\x00", "a = [" * 9]
)
def test_what_isn_t_toml_is_scanned_as_far_as_it_goes(text: str) -> None:
    assert Places("x = 1\n" + text).at("x") == TOP


def test_brackets_without_end_do_no_harm() -> None:
    assert Places("x = 1\na = " + "[" * 5000).at("x") == TOP


def test_a_position_counts_characters_from_one() -> None:
    assert position("äb\nc", 0) == Position(1, 1)
    assert position("äb\nc", 1) == Position(1, 2)
    assert position("äb\nc", 3) == Position(2, 1)
