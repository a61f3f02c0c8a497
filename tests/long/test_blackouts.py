"""Redis dies or forgets everything, or all of Hushtape dies at once, in the middle of calls."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lab.blackouts import BLACKOUTS, black_out
from lab.faults import OwnRedis
from lab.kills import Say, open_track
from lab.town import COUNCILS

pytestmark = pytest.mark.timeout(900)

ROUNDS_EACH = 2


def test_no_blackout_loses_or_doubles_a_recording(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    redis, rounds = OwnRedis(tmp_path), ROUNDS_EACH * len(BLACKOUTS)
    redis.start()
    try:
        with open_track(tmp_path, "pbxb1", redis.url) as stage:
            tally = black_out(stage, redis, COUNCILS, chance, rounds, say)
    finally:
        redis.stop()
    assert not tally.wrong, "\n" + "\n".join(tally.wrong)
    assert tally.calls == rounds * len(COUNCILS)


def test_everything_dies_at_once_with_the_redis_that_comes_along(
    lab_ready: None, chance: random.Random, say: Say, tmp_path: Path
) -> None:
    with open_track(tmp_path, "pbxb2") as stage:
        tally = black_out(stage, None, COUNCILS, chance, ROUNDS_EACH, say)
    assert not tally.wrong, "\n" + "\n".join(tally.wrong)
    assert tally.calls == ROUNDS_EACH * len(COUNCILS)
