"""What is typed into the phone in the terminal."""

from __future__ import annotations

import pytest

from lab.compose.terminal import HELP, PLACES, WORDS, Order, OrderError, number_of, parse
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
