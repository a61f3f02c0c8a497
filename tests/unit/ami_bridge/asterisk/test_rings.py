"""Who talks by now with whom he was rung for."""

from __future__ import annotations

from ami_bridge.asterisk.halves import Talks
from ami_bridge.asterisk.rings import Ring, Rings


def talks(*uniqueids: str) -> Talks:
    found = Talks()
    for each in uniqueids:
        found.name(each, f"PJSIP/{each}")
        found.enter("b1", each)
    return found


def test_one_of_several_has_answered() -> None:
    rings = Rings()
    rings.begin("1.2", "1.1", "601")
    rings.begin("1.3", "1.1", "601")
    assert rings.answered(talks("1.1", "1.3")) == [Ring("1.3", "1.1", "601")]
    assert rings.answered(talks("1.1", "1.3")) == []
    assert rings.answered(talks("1.1", "1.2")) == [Ring("1.2", "1.1", "601")]


def test_who_rings_no_more_has_answered_nobody() -> None:
    rings = Rings()
    rings.begin("1.2", "1.1", "601")
    rings.end("1.2")
    rings.end("1.2")
    assert rings.answered(talks("1.1", "1.2")) == []


def test_for_whom_somebody_rings() -> None:
    rings = Rings()
    rings.begin("1.2", "1.1", "601")
    assert rings.caller_of("1.2") == "1.1"
    assert rings.caller_of("1.1") == ""
    rings.end("1.2")
    assert rings.caller_of("1.2") == ""
