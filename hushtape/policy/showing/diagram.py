"""A picture of states and what leads from one to the other, as SVG text.

States stand side by side, each with a line downwards; every arrow has a row of its own with its
words above it. So nothing crosses anything that is to be read, whatever the table says.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

_LETTER_PX = 6.6  # of 12-pixel sans-serif text, on average and a little more
_LINE_PX = 15
_BOX_PX = 138
_GAP_PX = 14
_MARGIN_PX = 16
_ROW_PX = 14  # beside the words
_BESIDE_PX = 8  # from a state's line to the words
_LEAST_WORDS_PX = 300  # where there is less room to the right, words end at their arrow's end
_SHADES = ("#f4f6f8", "#ffffff")
_INK, _PALE, _BOX = "#1d2733", "#b8c2cc", "#dfe9f2"


@dataclass(frozen=True, slots=True)
class Box:
    """A state.

    Args:
        name: its title; arrows name it.
        words: what it means, in a few words.
    """

    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What leads from one state to another."""

    start: str
    end: str
    words: str


def draw(
    boxes: Sequence[Box], arrows: Sequence[Arrow], title: str = "", notes: Sequence[str] = ()
) -> str:
    """Draw states and arrows.

    Args:
        boxes: from left to right.
        arrows: from top to bottom, sorted by the box in which they start. One that leads back to
            its own box isn't drawn.
        title: for those who can't see the picture.
        notes: lines below it.

    Returns:
        An SVG document.

    Raises:
        KeyError: an arrow names a box that isn't there.
    """
    across: dict[str, float] = {
        box.name: _MARGIN_PX + n * (_BOX_PX + _GAP_PX) for n, box in enumerate(boxes)
    }
    middle = {name: x + _BOX_PX / 2 for name, x in across.items()}
    width = 2 * _MARGIN_PX + len(boxes) * (_BOX_PX + _GAP_PX) - _GAP_PX
    top, heads = _heads(boxes, across)
    order = {box.name: n for n, box in enumerate(boxes)}
    shown = [arrow for arrow in arrows if arrow.start != arrow.end]
    shown.sort(key=lambda arrow: order[arrow.start])
    rows: list[str] = []
    bands: list[str] = []
    y = top
    for shade, (_, group) in enumerate(groupby(shown, key=lambda arrow: arrow.start)):
        began = y
        for arrow in group:
            y, row = _row(arrow, middle, width, y)
            rows += row
        y += _ROW_PX / 2
        bands.append(
            f'<rect x="0" y="{began:g}" width="{width:g}" height="{y - began:g}"'
            f' fill="{_SHADES[shade % 2]}"/>'
        )
    lines = [
        f'<path d="M{x:g} {top:g}V{y:g}" stroke="{_PALE}" stroke-dasharray="2 3"/>'
        for x in middle.values()
    ]
    below: list[str] = []
    for note in notes:
        for line in textwrap.wrap(note, int((width - 2 * _MARGIN_PX) / _LETTER_PX)):
            y += _LINE_PX + 2
            below.append(f'<text x="{_MARGIN_PX}" y="{y:g}">{escape(line)}</text>')
    height = y + _MARGIN_PX
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
                f' width="{width:g}" height="{height:g}" role="img" aria-label={quoteattr(title)}'
                f' font-family="sans-serif" font-size="12" fill="{_INK}">'
            ),
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
            *bands,
            *lines,
            *heads,
            *rows,
            *below,
            "</svg>",
            "",
        )
    )


def _heads(boxes: Sequence[Box], across: dict[str, float]) -> tuple[float, list[str]]:
    """Draw the boxes; say where they end."""
    letters = int((_BOX_PX - 2 * _BESIDE_PX) / _LETTER_PX)
    wrapped = {box.name: textwrap.wrap(box.words, letters) for box in boxes}
    most = max((len(lines) for lines in wrapped.values()), default=0)
    height = 2 * _BESIDE_PX + (1 + most) * _LINE_PX
    drawn = []
    for box in boxes:
        x = across[box.name]
        drawn.append(
            f'<rect x="{x:g}" y="{_MARGIN_PX}" width="{_BOX_PX}" height="{height:g}" rx="6"'
            f' fill="{_BOX}" stroke="{_INK}"/>'
        )
        y = _MARGIN_PX + _BESIDE_PX + _LINE_PX - 3
        at = f'x="{x + _BOX_PX / 2:g}" text-anchor="middle"'
        drawn.append(f'<text {at} y="{y:g}" font-weight="bold">{escape(box.name)}</text>')
        for line in wrapped[box.name]:
            y += _LINE_PX
            drawn.append(f'<text {at} y="{y:g}">{escape(line)}</text>')
    return _MARGIN_PX + height, drawn


def _row(arrow: Arrow, middle: dict[str, float], width: float, y: float) -> tuple[float, list[str]]:
    """Draw an arrow below y, with its words above it; say where it is."""
    start, end = middle[arrow.start], middle[arrow.end]
    left, right = min(start, end), max(start, end)
    room, anchor, x = width - left - _MARGIN_PX, "start", left + _BESIDE_PX
    if room < _LEAST_WORDS_PX:
        room, anchor, x = right - _MARGIN_PX, "end", right - _BESIDE_PX
    drawn = []
    for line in textwrap.wrap(arrow.words, int((room - _BESIDE_PX) / _LETTER_PX)):
        y += _LINE_PX
        drawn.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" paint-order="stroke"'
            f' stroke="#ffffff" stroke-width="4">{escape(line)}</text>'
        )
    y += _ROW_PX / 2
    tip = 7 if end > start else -7
    drawn.append(
        f'<path d="M{start:g} {y:g}H{end - tip:g}" stroke="{_INK}" fill="none"/>'
        f'<circle cx="{start:g}" cy="{y:g}" r="3"/>'
        f'<path d="M{end:g} {y:g}l{-tip * 1.4:g} -4v8z"/>'
    )
    return y + _ROW_PX / 2, drawn
