"""A picture of states: everything is there, nothing lies on anything else."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from hushtape.policy.showing import stage_picture
from hushtape.policy.showing.diagram import Arrow, Box, draw

LETTER_PX, LINE_PX = 6.6, 15
BOXES = [Box("one", "a state"), Box("two", "another"), Box("three")]
ARROWS = [
    Arrow("one", "three", "goes far " * 30),
    Arrow("two", "one", "back & <forth>"),
    Arrow("three", "two", "a long way from the right edge of the picture to its middle " * 2),
    Arrow("two", "two", "stays"),
]
PICTURES = [draw(BOXES, ARROWS, "three states", ["a note " * 40]), stage_picture.svg()]


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314  # our own


def texts(picture: str) -> Iterator[tuple[float, float, float, float, str]]:
    """Say where each text lies: left, top, right, bottom, words."""
    for each in parsed(picture).iter("{http://www.w3.org/2000/svg}text"):
        x, y, words = float(each.attrib["x"]), float(each.attrib["y"]), each.text or ""
        wide = len(words) * LETTER_PX
        left = x - {"middle": wide / 2, "end": wide}.get(each.attrib.get("text-anchor", ""), 0)
        yield left, y - LINE_PX + 3, left + wide, y + 2, words


@pytest.mark.parametrize("picture", PICTURES)
def test_no_text_lies_on_another_or_beyond_the_edge(picture: str) -> None:
    width, height = map(float, re.findall(r'viewBox="0 0 (\S+) (\S+)"', picture)[0])
    found = list(texts(picture))
    assert len(found) > 5
    for left, top, right, bottom, words in found:
        assert left >= 0, words
        assert right <= width, words
        assert top >= 0, words
        assert bottom <= height, words
    for one, other in itertools.combinations(found, 2):
        beside = one[2] <= other[0] or other[2] <= one[0]
        above = one[3] <= other[1] or other[3] <= one[1]
        assert beside or above, (one, other)


def test_every_word_is_in_it_and_none_is_markup() -> None:
    said = " ".join(words for *_, words in texts(PICTURES[0]))
    for words in ("one", "a state", "three", "back & <forth>", "a note"):
        assert words in said
    assert said.count("goes far") == 30
    assert "stays" not in said, "what leads back to its own state isn't drawn"


def test_an_arrow_to_nowhere_is_refused() -> None:
    with pytest.raises(KeyError):
        draw(BOXES, [Arrow("one", "four", "where to?")])


def test_a_picture_for_those_who_cannot_see_it() -> None:
    root = parsed(PICTURES[0])
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "three states"


def test_the_documents_picture_is_the_tables() -> None:
    path = Path(__file__).parents[4] / "docs" / "call-states.svg"
    assert path.read_text(encoding="utf-8") == stage_picture.svg(), (
        "draw it anew: python -m hushtape.policy.showing.stage_picture > docs/call-states.svg"
    )
