"""kill -9 of the bridge at 30 random moments of calls in progress."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.kills import Say, Tally, kill_bridges, open_track
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(1200)

TRACKS = 2  # side by side, each with an Asterisk, 25 phones and a Hushtape of its own
KILLS = 15  # on each
PHASES = {
    "in the queue",
    "with the agent",
    "waiting, the agent consults",
    "at the payment line",
    "with the next party",
}
LEAST_SHARE = 0.99
LEAST_CALLS_HIT = 60  # that were in progress when a bridge was killed


def test_a_killed_bridge_loses_doubles_and_betrays_nothing(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    seeds = [chance.random() for _ in range(TRACKS)]
    with ThreadPoolExecutor(TRACKS) as pool:
        tracks = [
            pool.submit(_track, tmp_path / f"track{n}", f"pbxk{n}", seed, say)
            for n, seed in enumerate(seeds, 1)
        ]
        tallies = [track.result() for track in tracks]
    wrong = [each for tally in tallies for each in tally.wrong]
    assert not wrong, "\n" + "\n".join(wrong)
    hit = sum(sum(tally.phases.values()) for tally in tallies)
    assert sum(tally.kills for tally in tallies) == TRACKS * KILLS
    assert hit >= LEAST_CALLS_HIT
    assert {phase for tally in tallies for phase in tally.phases} >= PHASES
    found = sum(tally.found_frames for tally in tallies)
    assert found >= LEAST_SHARE * sum(tally.wanted_frames for tally in tallies) > 0


def _track(folder: Path, name: str, seed: float, say: Say) -> Tally:
    with open_track(folder, name) as stage:
        return kill_bridges(stage, COUNCILS, random.Random(seed), KILLS, say)
