"""Whatever a FreeSWITCH said is played back: whole, byte by byte, and with the link lost.

Every file in tests/data/esl is played. Every single cut is in tests/long.
"""

from __future__ import annotations

import pytest

from tests import playback_esl, virtual_time
from tests.integration.ami_bridge.test_playback import MISSED, assert_sound
from tests.playback import Outcome
from tests.playback_esl import OWN, SESSIONS, EslPlayer, pbx_of

EDGES = 5  # of a file, at which the link is lost in these tests


def play(name: str, size: int | None = None) -> Outcome:
    data = SESSIONS[name].read_bytes()
    return virtual_time.run(EslPlayer(pbx_of(name)).play(data, size))


def cut(name: str, edges: list[int], missed: int) -> Outcome:
    player = EslPlayer(pbx_of(name))
    data = SESSIONS[name].read_bytes()
    return virtual_time.run(playback_esl.cut(data, edges, missed, player))


def test_there_are_sessions_and_they_say_something() -> None:
    assert len(OWN) >= 90
    outcome = play("refer-attended-completed")
    assert len(outcome.handoffs) == 1
    assert outcome.handoffs[0].segments
    assert len(outcome.facts) > 20


def test_frames_leave_nothing_out() -> None:
    for path in SESSIONS.values():
        data = path.read_bytes()
        assert b"".join(playback_esl.frames(data)) == data


@pytest.mark.parametrize("name", SESSIONS)
def test_whole_and_byte_by_byte_it_says_the_same(name: str) -> None:
    whole, bytewise = play(name), play(name, size=1)
    assert bytewise.facts == whole.facts
    assert bytewise.commands == whole.commands
    assert_sound(whole)
    assert_sound(bytewise)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_link_is_lost_after_every_frame(name: str) -> None:
    edges = range(1, len(playback_esl.frames(SESSIONS[name].read_bytes())))
    assert_sound(cut(name, list(edges), missed=0))


@pytest.mark.parametrize("name", SESSIONS)
def test_the_link_is_lost_once(name: str) -> None:
    edges = list(playback_esl.edges_that_matter(SESSIONS[name].read_bytes(), pbx_of(name)))
    for number, edge in enumerate(edges[:: len(edges) // EDGES + 1]):
        assert_sound(cut(name, [edge], MISSED[(number + len(name)) % len(MISSED)]))


def test_what_is_missed_is_missed() -> None:
    # Or these tests would prove nothing: a hang-up while nobody listened is noticed afterwards.
    name = "queue-hangup-by-caller"
    parts = playback_esl.frames(SESSIONS[name].read_bytes())
    ends = [n for n, part in enumerate(parts) if b"Event-Name: CHANNEL_HANGUP_COMPLETE" in part]
    outcome = cut(name, [ends[0]], missed=100_000)
    assert_sound(outcome)
    unseen = [fact for _, fact in outcome.facts if "HungUp" in fact and "seen=False" in fact]
    assert len(unseen) == 2
    assert len(outcome.handoffs) == 1
    assert not [fact for _, fact in play(name).facts if "seen=False" in fact]


def test_a_transfer_that_was_missed_is_noticed() -> None:
    name = "blind-to-payment"
    parts = playback_esl.frames(SESSIONS[name].read_bytes())
    edge = next(n for n, part in enumerate(parts) if b"Event-Name: CHANNEL_UNBRIDGE" in part)
    routed = next(n for n in range(edge, len(parts)) if b"Channel-State: CS_ROUTING" in parts[n])
    outcome = cut(name, [edge], missed=routed - edge + 1)
    assert_sound(outcome)
    (moved,) = [fact for _, fact in outcome.facts if "TransferCompleted" in fact]
    assert "'unseen'" in moved
    assert "'710'" in moved
