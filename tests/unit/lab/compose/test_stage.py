"""Which calls are the tour's."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import click
import pytest

from lab.compose import places, stage
from lab.compose.stage import TheirAsterisk, TheirProduct
from lab.eyes import ObserverError
from lab.tour import Selection


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


UP = '{"pbx": "asterisk", "channels": 0, "event": "link up", "level": "info"}\n'
DOWN = '{"event": "asterisk (asterisk:5039): the link is down: refused", "level": "warning"}\n'
OTHER = '{"call": "1", "event": "call over"}\n'


@pytest.mark.parametrize(
    ("log", "linked"),
    [("", False), (UP, True), (DOWN + UP + OTHER, True), (UP + DOWN + OTHER, False)],
)
def test_a_bridge_has_its_pbx_if_that_is_the_last_that_it_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, *, linked: bool
) -> None:
    monkeypatch.setattr(places, "LOGS", tmp_path)
    (tmp_path / "bridge-freeswitch.log").write_text(UP, encoding="ascii")
    assert not TheirProduct([TheirAsterisk()]).linked()
    (tmp_path / "bridge-asterisk.log").write_text(log, encoding="ascii")
    assert TheirProduct([TheirAsterisk()]).linked() is linked


def opening() -> None:
    """Open the stages, and close them at once."""
    with stage.open_stages(Selection(councils=(), crowd=0, pbx="asterisk")):
        pass


@pytest.mark.parametrize("why", [ConnectionRefusedError("refused"), ObserverError("no answer")])
def test_a_pbx_that_is_not_there_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, why: Exception
) -> None:
    def refuse(_self: TheirAsterisk) -> None:
        raise why

    monkeypatch.setattr(TheirProduct, "linked", lambda _self: True)
    monkeypatch.setattr(TheirAsterisk, "observer", refuse)
    with pytest.raises(click.ClickException, match=f"asterisk isn't there: {why}\n.*compose ps"):
        opening()


def test_a_bridge_that_does_not_reach_its_pbx_is_waited_for_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "LINKED_TIMEOUT_S", 0.1)
    looks = iter([False, True])
    monkeypatch.setattr(TheirProduct, "linked", lambda _self: next(looks, False))
    monkeypatch.setattr(TheirAsterisk, "observer", lambda _self: MagicMock())
    monkeypatch.setattr(stage, "Phones", MagicMock())  # real ones would install what they need
    opening()
    with pytest.raises(click.ClickException, match="the bridge reaches asterisk: not within"):
        opening()
