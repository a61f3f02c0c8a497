"""Every session of a real FreeSWITCH, with the link lost once, at every frame's edge."""

from __future__ import annotations

import pytest

from tests import playback_esl, virtual_time
from tests.integration.ami_bridge.test_playback import assert_sound
from tests.long.replays.test_every_cut import MISSED
from tests.playback import Outcome
from tests.playback_esl import SESSIONS, EslPlayer, pbx_of

pytestmark = pytest.mark.timeout(300)

TOLD_ALWAYS = ("QueueEntered", "Answered", "AgentAnswered", "HungUp", "OptedOut", "Held")
# Cut within the millisecond in which it leaves one queue for another, it is found in the first.
FOUND_ANEW = ("queue-after-queue",)


def always(outcome: Outcome) -> list[tuple[str, str]]:
    """What is told of every call, however often the link was lost, if nothing was missed."""
    return [each for each in outcome.facts if each[1].partition("(")[0] in TOLD_ALWAYS]


@pytest.mark.parametrize("name", SESSIONS)
def test_every_cut(name: str) -> None:
    data, pbx = SESSIONS[name].read_bytes(), pbx_of(name)
    whole = always(virtual_time.run(EslPlayer(pbx).play(data)))
    for edge in playback_esl.edges_that_matter(data, pbx):
        for missed in MISSED:
            outcome = virtual_time.run(playback_esl.cut(data, [edge], missed, EslPlayer(pbx)))
            try:
                assert_sound(outcome)
                assert missed or name in FOUND_ANEW or always(outcome) == whole
            except AssertionError as error:
                error.add_note(f"cut after frame {edge}, {missed} missed")
                raise
