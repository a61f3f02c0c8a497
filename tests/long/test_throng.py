"""Fifty calls at once, with transfers among them: none is mixed up with another."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab.kills import Say
from lab.throng import SIZE, open_throng, throng

pytestmark = pytest.mark.timeout(600)


def test_fifty_calls_with_transfers_among_them_are_not_mixed_up(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    with open_throng(tmp_path, "pbxt1") as stage:
        wrong = throng(stage, chance, say)
        found = len(stage.product.recordings())
    assert not wrong, "\n" + "\n".join(wrong)
    assert found == SIZE
