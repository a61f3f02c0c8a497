"""Fifty calls at once, with transfers among them: none is mixed up with another."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab import kinds
from lab.kills import Say
from lab.lots import SIZE
from lab.throng import open_throng, site, throng
from tests.long.sites import freeswitch

pytestmark = pytest.mark.timeout(600)


def test_fifty_calls_with_transfers_among_them_are_not_mixed_up(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    with open_throng(tmp_path, [site("pbxt1", kinds.ASTERISK)]) as (stages, _):
        wrong = throng(stages, chance, say)
        found = len(stages[0].product.recordings())
    assert not wrong, "\n" + "\n".join(wrong)
    assert found == SIZE


def test_one_bridge_for_two_asterisks_and_a_freeswitch_mixes_nothing_up(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    asterisks = [site(name, kinds.ASTERISK) for name in ("pbxt2", "pbxt3")]
    with open_throng(tmp_path, [*asterisks, freeswitch("pbxt4")]) as (stages, _):
        wrong = throng(stages, chance, say)
        found = [each.manifest["call"]["pbx"] for each in stages[0].product.recordings()]
        at_each = [len(stage.pbx.crowd.callers) for stage in stages]
    assert not wrong, "\n" + "\n".join(wrong)
    assert [found.count(stage.pbx.name) for stage in stages] == at_each
    assert sum(at_each) == SIZE
