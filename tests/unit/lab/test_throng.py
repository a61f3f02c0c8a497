"""How a throng is spread over PBXes."""

from __future__ import annotations

import pytest

from lab.throng import spread
from lab.town import Crowd


def test_a_throng_is_spread_evenly_and_everybody_is_somewhere_once() -> None:
    crowds = spread(50, 3)
    assert [each.size for each in crowds] == [16, 17, 17]
    callers = [person.endpoint for each in crowds for person in each.callers]
    assert callers == [person.endpoint for person in Crowd(50).callers]
    assert {hz for each in crowds for hz in each.tones.values()} == set(Crowd(50).tones.values())


def test_a_crowd_ends_where_its_numbers_do() -> None:
    with pytest.raises(ValueError, match="range"):
        Crowd(17, 34)
