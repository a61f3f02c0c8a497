"""Which calls are the tour's."""

from __future__ import annotations

import pytest

from lab.compose import stage
from lab.compose.stage import TheirAsterisk, TheirProduct


def test_only_calls_since_the_beginning_are_the_tours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.time, "time", lambda: 1000.7)
    product = TheirProduct([TheirAsterisk()])
    assert product.is_ours("asterisk-1000.3")
    assert product.is_ours("asterisk-2000.0")
    assert not product.is_ours("asterisk-999.99")


def test_what_was_there_before_is_none_of_the_tours(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pbx_call": "0b7e-a-freeswitch-names-no-second"}
    monkeypatch.setattr(TheirProduct, "discards", lambda _self: [there])
    product = TheirProduct([TheirAsterisk()])
    assert not product.is_ours(there["pbx_call"])
    assert product.is_ours("0b7e-another")
