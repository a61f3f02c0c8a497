"""Policy files with random damage: each is told of in lines with a place, none with a traceback."""

from __future__ import annotations

import random
import time
from datetime import date
from pathlib import Path

import pytest

from hushtape.errors import PolicyError
from hushtape.policy import parse
from hushtape.policy.linting.findings import Severity
from hushtape.policy.linting.lint import lint
from hushtape.policy.reading.locate import Places
from tests.policies import GOOD

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
TEXTS = [GOOD, *(path.read_text(encoding="utf-8") for path in parse.policy_files(EXAMPLES))]
ROUNDS = 2000
MOST_S = 2.0  # for one file, on a busy machine
TODAY = date(2026, 11, 21)
PIECES = [
    *"[]{}\"'=#.,\\\n\r\t \x00é“-_0129aX:T",
    '"""',
    "'''",
    "[[",
    "]]",
    "\r\n",
    "true",
    "\u202e",
]


def damaged(text: str, chance: random.Random) -> str:
    """Insert, delete, double and move a few pieces."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((1, 1, 2, 10, 60)))
        act = chance.randrange(4)
        if act == 0:
            text = text[:at] + chance.choice(PIECES) + text[at:]
        elif act == 1:
            text = text[:at] + text[end:]
        elif act == 2:
            text = text[:end] + text[at:]
        else:
            lines = text.split("\n")
            chance.shuffle(lines)
            text = "\n".join(lines) if chance.random() < 0.1 else text
    return text


@pytest.mark.parametrize("share", range(4))
def test_no_damage_leads_to_a_traceback(tmp_path: Path, chance: random.Random, share: int) -> None:
    path = tmp_path / "town.toml"
    refused = 0
    for _ in range(ROUNDS):
        text = damaged(chance.choice(TEXTS), chance)
        path.write_bytes(text.encode())
        began = time.monotonic()
        report = lint([path], TODAY, None)
        assert time.monotonic() - began < MOST_S, text
        lines = text.count("\n") + 1
        for each in report.findings:
            assert 1 <= each.position.line <= lines, text
            assert each.position.column >= 1, text
            assert each.what, text
        try:
            parse.load(path)
            loads = True
        except PolicyError:
            loads = False
        assert loads == (report.count(Severity.ERROR) == 0), text
        refused += not loads
        Places(text)
    assert 0.3 * ROUNDS < refused < ROUNDS
