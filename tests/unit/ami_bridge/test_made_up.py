"""What stands for people. How numbers keep their sense is tested with an Asterisk's words."""

from __future__ import annotations

import random

import pytest

from ami_bridge.made_up import MadeUp
from hushtape.config import Pbx

PBX = Pbx(
    kind="freeswitch",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("public",),
    queues={"60000": "desk"},
    extensions=("2XX", "agent1"),
    outside=("90.",),
    outside_prefix="9",
)
CALLER = "07900123001"


@pytest.fixture
def made_up() -> MadeUp:
    return MadeUp(PBX, (), random.Random(1))


def test_the_same_stands_for_the_same(made_up: MadeUp) -> None:
    number = made_up.number(CALLER)
    assert number != CALLER
    assert (made_up.number(CALLER), made_up.caller("0790 0123001")) == (
        number,
        f"{number[:4]} {number[4:]}",
    )
    assert made_up.place(f"9{CALLER},30") == f"9{number},30"
    assert made_up.text(f"Zoë {CALLER}").endswith(number)
    assert MadeUp(PBX, ()).number(CALLER) != number, "nobody can tell from the trace"


@pytest.mark.parametrize("ours", ["211", "60000", "agent1"])
def test_what_the_configuration_names_is_ours(made_up: MadeUp, ours: str) -> None:
    assert made_up.is_ours(ours)
    assert not made_up.is_ours(CALLER)
    made_up.learn(CALLER)
    assert made_up.is_ours(CALLER)
    assert made_up.number(CALLER) == CALLER


def test_a_whole_text_has_one_that_stands_for_all_of_it(made_up: MadeUp) -> None:
    hidden = made_up.whole("a.hara-7@b")
    assert hidden == made_up.whole("a.hara-7@b"), "also where a single character is a word"
    assert (hidden[1], hidden[6], hidden[8]) == (".", "-", "@")
    assert "hara" not in hidden
    assert len({made_up.text("a") for _ in range(100)}) > 1, "single keys must be no cipher"


def test_a_word_leads_where_the_real_one_led(made_up: MadeUp) -> None:
    """One that begins with the prefix for outside lines would be a number there."""
    assert not [word for n in range(300) if (word := made_up.whole(f"2{n:03}x"))[:2] == "90"]
