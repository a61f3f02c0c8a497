"""Every session of a real Asterisk, with the link lost once, at every frame's edge."""

from __future__ import annotations

import pytest

from tests import playback, virtual_time
from tests.integration.ami_bridge.test_playback import assert_sound
from tests.playback import SESSIONS

pytestmark = pytest.mark.timeout(300)

MISSED = (0, 1, 5, 20, 100_000)  # frames, while the link is away


@pytest.mark.parametrize("name", SESSIONS)
def test_every_cut(name: str) -> None:
    data = SESSIONS[name].read_bytes()
    for edge in playback.edges_that_matter(data):
        for missed in MISSED:
            outcome = virtual_time.run(playback.cut(data, [edge], missed))
            try:
                assert_sound(outcome)
            except AssertionError as error:
                error.add_note(f"cut after frame {edge}, {missed} missed")
                raise
