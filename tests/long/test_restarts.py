"""Asterisk is killed, or told to end, in the middle of calls, and starts again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab.kills import Say, open_track
from lab.restarts import restart_pbx
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(600)

WAYS = ("killed", "ended", "killed", "ended")


def test_what_a_dead_asterisk_had_written_is_archived_and_nobody_is_mixed_up(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    with open_track(tmp_path, "pbxr1") as stage:
        tally = restart_pbx(stage, COUNCILS, chance, WAYS, say)
    assert not tally.wrong, "\n" + "\n".join(tally.wrong)
    assert tally.kills == len(WAYS)
    assert sum(tally.phases.values()) >= len(WAYS), "hardly a call was in progress"
    assert tally.gaps, "nothing was lost by any kill: was it one?"
    assert tally.mended, "no WAV header was left at zero: was it a kill?"
