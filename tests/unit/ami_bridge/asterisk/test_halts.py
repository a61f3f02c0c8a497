"""Which recorders the dialplan has stopped itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.asterisk.halts import Halts

AT = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def said(act: str = "payment-began", by: str = "key", uniqueid: str = "1.1") -> dict[str, str]:
    return {"UserEvent": "Hushtape", "Act": act, "By": by, "Uniqueid": uniqueid}


@pytest.mark.parametrize(
    ("act", "by"),
    [
        ("payment-began", "key"),
        ("payment-began", "dialplan"),
        ("silence", "transfer"),
        ("silence", "dialplan"),
    ],
)
def test_our_own_subroutines_stop_first(act: str, by: str) -> None:
    halts = Halts(5.0, Clock())
    assert halts.stopped_at("1.1") is None
    halts.hear(said(act, by), AT)
    assert halts.stopped_at("1.1") == AT
    assert halts.stopped_at("1.2") is None, "it stops on its own channel only"


@pytest.mark.parametrize(
    "event",
    [
        said(by="event"),
        said(by=""),
        said(act="payment-ended"),
        said(act="opt-out", by="dialplan"),
        {**said(), "UserEvent": "Other"},
        {"UserEvent": "Hushtape", "Act": "payment-began", "Uniqueid": "1.1"},
        {"UserEvent": "Hushtape", "Act": "payment-began", "By": "key"},
    ],
)
def test_what_stops_nothing_explains_nothing(event: dict[str, str]) -> None:
    halts = Halts(5.0, Clock())
    halts.hear(event, AT)
    assert halts.stopped_at("1.1") is None
    assert halts.stopped_at("") is None


def test_a_recorder_that_is_started_afterwards_is_not_explained() -> None:
    halts = Halts(5.0, Clock())
    halts.hear(said(), AT)
    halts.hear(said(uniqueid="1.2"), AT)
    halts.started("1.1")
    halts.started("1.9")
    assert halts.stopped_at("1.1") is None
    assert halts.stopped_at("1.2") == AT


def test_it_explains_nothing_for_long_and_nothing_is_left_of_it() -> None:
    clock = Clock()
    halts = Halts(5.0, clock)
    halts.hear(said(), AT)
    halts.hear(said(uniqueid="1.2"), AT)
    clock.now_s += 3
    halts.hear(said(), AT + timedelta(seconds=3))  # pressed once more
    clock.now_s += 3
    assert halts.stopped_at("1.2") is None
    assert halts.stopped_at("1.1") == AT + timedelta(seconds=3)
    clock.now_s += 3
    assert halts.stopped_at("1.1") is None
    assert halts._said == {}
