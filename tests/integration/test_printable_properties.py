"""Whatever a network put into a text can be printed, and JSON stays the same JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from hushtape.printable import printable


@given(some.text())
def test_it_can_be_printed_and_json_stays_the_same_json(text: str) -> None:
    assert printable(text).isprintable()
    document = json.dumps({text: [text]}, ensure_ascii=False)
    assert json.loads(printable(document)) == {text: [text]}
