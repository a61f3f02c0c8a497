"""What a FreeSWITCH is asked to tell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ami_bridge.freeswitch
from ami_bridge.freeswitch import said
from ami_bridge.freeswitch.esl import is_read
from ami_bridge.freeswitch.translate import Translator
from tests.unit.ami_bridge.freeswitch.events import PBX

FOLDER = Path(ami_bridge.freeswitch.__file__).parent
MODULES = (
    *("party", "moves", "dials", "queues", "living", "listeners", "recorders", "resync", "talks"),
    "translate",
)
HEADER = re.compile(r'"((?:[A-Z][A-Za-z]*-[A-Za-z-]+|variable_[a-z_]+|initial_[a-z]+))"')
DIGITS = ("dtmf", "digit", "data", "variable_read", "card", "pin")


def test_every_event_that_is_read_is_asked_for() -> None:
    translator = Translator(PBX)
    assert set(translator._handlers) == set(said.EVENTS) - {"RECORD_START", "RECORD_STOP"}
    assert set(translator._subclasses) == set(said.SUBCLASSES)


@pytest.mark.parametrize("module", MODULES)
def test_every_header_that_is_read_is_kept(module: str) -> None:
    text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
    found = set(HEADER.findall(text)) - {"Caller-Context-"}
    assert found <= said.HEADERS, found - said.HEADERS


def test_nothing_that_people_press_is_kept() -> None:
    kept = [each for each in said.HEADERS if is_read(each, "4111111111111111")]
    assert not [each for each in kept if any(word in each.lower() for word in DIGITS)]
    assert "DTMF" not in said.EVENTS
    assert "ALL" not in said.EVENTS
