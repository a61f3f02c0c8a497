"""kill -9 of the bridge at 50 random moments of payments."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.kills import Say, open_track
from lab.payment_kills import Tally, kill_bridges
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(1800)

TRACKS = 2  # side by side, each with an Asterisk, 25 phones and a Hushtape of its own
KILLS = 25  # on each
PHASES = {"before the payment", "as the payment begins", "in the payment"}
LEAST_CONTROL_S = 300.0  # of cards and payment lines that phones have heard
LEAST_KEPT = 0.9  # of the talks before; what nobody watched may be lost


def test_no_payment_is_heard_in_anything_that_is_stored(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    seeds = [chance.random() for _ in range(TRACKS)]
    with ThreadPoolExecutor(TRACKS) as pool:
        tracks = [
            pool.submit(_track, tmp_path / f"track{n}", f"pbxy{n}", seed, say)
            for n, seed in enumerate(seeds, 1)
        ]
        tallies = [track.result() for track in tracks]
    wrong = [each for tally in tallies for each in tally.wrong]
    assert not wrong, "\n" + "\n".join(wrong)
    assert sum(tally.kills for tally in tallies) == TRACKS * KILLS
    assert {phase for tally in tallies for phase in tally.phases} >= PHASES
    assert sum(tally.control_s for tally in tallies) >= LEAST_CONTROL_S
    kept = sum(tally.kept_s for tally in tallies) / sum(tally.talks_s for tally in tallies)
    assert kept >= LEAST_KEPT


def _track(folder: Path, name: str, seed: float, say: Say) -> Tally:
    with open_track(folder, name) as stage:
        return kill_bridges(stage, COUNCILS, random.Random(seed), KILLS, say)
