"""The line to the PBX is cut, half-open or slow in the middle of calls."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab.kills import Say, open_lined_track
from lab.lines import FAULTS, slow_line, trouble_lines
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(900)

ROUNDS_EACH = 2
SLOW_ROUNDS = 2


def test_trouble_on_the_line_is_noticed_and_nothing_is_done_twice(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    rounds = ROUNDS_EACH * len(FAULTS)
    with open_lined_track(tmp_path, "pbxl1", over_cable=True) as (stage, cable):
        tally = trouble_lines(stage, cable, COUNCILS, chance, rounds, say)
        slow = slow_line(stage, cable, COUNCILS, chance, SLOW_ROUNDS, say)
    assert not tally.wrong + slow.wrong, "\n" + "\n".join(tally.wrong + slow.wrong)
    assert tally.calls == rounds * len(COUNCILS)
    assert slow.calls == SLOW_ROUNDS * len(COUNCILS)
    assert sum(tally.phases.values()) >= rounds, "hardly a call was in progress"
