"""What is typed into the phone in the terminal."""

from __future__ import annotations

from unittest.mock import Mock

import click
import pytest

from lab.asterisk import Asterisk
from lab.compose import places, terminal
from lab.compose.terminal import HELP, PLACES, WORDS, Order, OrderError, number_of, parse
from lab.eyes import ObserverError
from lab.freeswitch import FreeSwitch
from lab.town import COUNCILS


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("ring", Order("ring")),
        ("  Hang   UP ", Order("hangup")),
        ("hangup", Order("hangup")),
        ("pay", Order("transfer", "payment")),
        ("transfer back-office", Order("transfer", "back-office")),
        ("press *73", Order("press", "*73")),
        ("wait 2.5", Order("wait", "2.5")),
        ("", None),
        ("   ", None),
    ],
)
def test_an_order_is_read(line: str, order: Order | None) -> None:
    assert parse(line) == order


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dial 100", '"dial 100" is no order; `help` lists them'),
        ("ring me", "nothing follows it"),
        ("transfer", "transfer to one of: back-office, colleague, outside, payment"),
        ("transfer 212", "transfer to one of: back-office, colleague, outside, payment"),
        ("press", "press keys of a telephone, such as: press *73"),
        ("press a", "press keys of a telephone, such as: press *73"),
        ("wait long", "wait for some seconds, 3600 at the most: wait 5"),
        ("wait nan", "wait for some seconds, 3600 at the most: wait 5"),
        ("wait 3601", "wait for some seconds, 3600 at the most: wait 5"),
        ("wait 1e9", "wait for some seconds, 3600 at the most: wait 5"),
        ("x" * 90, f'"{"x" * 40}" is no order; `help` lists them'),
    ],
)
def test_what_is_no_order_is_told_in_a_line(line: str, says: str) -> None:
    with pytest.raises(OrderError) as told:
        parse(line)
    assert str(told.value) == says


def test_the_help_names_every_order() -> None:
    for word in WORDS:
        assert word.replace("hangup", "hang up") in HELP


def test_every_place_has_a_number_of_its_own() -> None:
    for council in COUNCILS:
        assert len({number_of(council, each) for each in PLACES}) == len(PLACES)


def test_a_telephone_of_ones_own_is_sent_to_the_pbx_that_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "secret", lambda _reader, _name: "w0rd")
    monkeypatch.setenv("SIP_PORT", "5062")
    said = "\n".join(terminal.own_telephone(COUNCILS, Asterisk.kind))
    assert "127.0.0.1, port 5062" in said
    assert "w0rd" in said
    said = "\n".join(terminal.own_telephone(COUNCILS, FreeSwitch.kind))
    assert "Asterisk only" in said
    assert "127.0.0.1" not in said


@pytest.mark.parametrize("dead", [False, True])
def test_telephones_that_have_lost_their_pbx_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, dead: bool
) -> None:
    typed = iter(["ring", "quit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))
    line = Mock(dead=dead)
    line.obey.side_effect = ObserverError("no such event")
    if dead:
        with pytest.raises(click.ClickException, match="start the softphone again"):
            terminal._talk(line)
    else:
        terminal._talk(line)
    assert capsys.readouterr().out == "That came to nothing: no such event\n"
