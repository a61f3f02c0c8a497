from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from hushtape import schema


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int
    colours: tuple[Colour, ...] = ()


class Car(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    built: date | None = None
    wheel: tuple[Wheel, ...] = ()
    spare: Wheel = Wheel(size=1)
    doors: dict[str, int] = {}


def told(document: dict[str, Any]) -> dict[str, str]:
    return {each.key: each.what for each in schema.mismatches(document, Car)}


def test_a_good_document_has_nothing_wrong() -> None:
    assert told({"name": "x", "wheel": [{"size": 1, "colours": ["red"]}], "doors": {"a": 1}}) == {}


def test_all_that_is_wrong_is_found_with_its_key() -> None:
    document = {
        "built": "2020-01-01x",
        "wheel": [{"size": "x"}, {"sise": 1, "size": 1, "colours": ["red", "gren", 5]}],
        "spare": [],
        "doors": {"a": "b"},
        "size": 1,
    }
    assert told(document) == {
        "name": "is missing, and has no default",
        "built": "expected a date without quotes, such as 2026-01-31",
        "wheel[0].size": "expected a whole number, not a text in quotes",
        "wheel[1].sise": 'there is no such key; did you mean "size"?',
        "wheel[1].colours[1]": (
            'expected "red", "green" or "blue", not "gren": did you mean "green"?'
        ),
        "wheel[1].colours[2]": "expected a text in quotes, not a whole number",
        "spare": "expected a table ([…] or {…}), not a list in square brackets",
        "doors.a": "expected a whole number, not a text in quotes",
        "size": "there is no such key; it belongs under [[wheel]] or [spare]",
    }


def test_a_table_where_several_are_expected_is_told_of() -> None:
    assert "[[wheel]], in double brackets" in told({"name": "x", "wheel": {"size": 1}})["wheel"]


@pytest.mark.parametrize("document", [{"name": 1}, {"name": "x", "wheel": [{}]}, {"nme": "x"}])
def test_convert_stops_at_something_that_mismatches_names(document: dict[str, Any]) -> None:
    with pytest.raises(schema.Mismatch) as caught:
        schema.convert(document, Car)
    assert caught.value.key in told(document)
