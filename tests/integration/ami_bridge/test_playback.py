"""Whatever a PBX said is played back: whole, byte by byte, and with the link lost on the way.

Every file in tests/data/ami is played, and files that ``--trace`` makes of them. Every single cut
is in tests/long.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.mask import NOBODY, Masker
from ami_bridge.asterisk.protocol import parse
from ami_bridge.asterisk.trace import Trace
from lab import town
from tests import playback, virtual_time
from tests.integration.ami_bridge.asterisk.test_link import PATIENT, Owner, running
from tests.integration.ami_bridge.fake_ami import FakeAmi, event, listed
from tests.playback import PBX, POLICIES, SESSIONS, Outcome, Player
from tests.switch import EPOCH

EDGES = 5  # of a file, at which the link is lost in these tests
MISSED = (0, 1, 4, 15, 100_000)  # frames, while it is away
TRACED = ("attended-to-other-queue", "park-and-fetch", "queue-abandoned", "blind-to-outside")

STAMP = re.compile(rb"Timestamp: (\d+\.\d{6})")
IN_A_POLICY = "02079460010"  # a partner of Surrey's: a transfer to it means something

ENUM = re.compile(r"<\w+\.\w+: '\w*'>")
QUOTED = re.compile(r"'([^']*)'")
LONG_NUMBER = re.compile(r"\d{5,}")


def play(data: bytes, size: int | None = None) -> Outcome:
    return virtual_time.run(Player().play(data, size))


def assert_sound(outcome: Outcome) -> None:
    assert outcome.bugs == []
    assert outcome.forgotten() == []
    assert outcome.late == []
    ids = [handoff.id for handoff in outcome.handoffs]
    assert len(set(ids)) == len(ids)


def test_there_are_sessions_and_they_say_something() -> None:
    assert len(SESSIONS) >= 18
    outcome = play(SESSIONS["attended-to-other-queue"].read_bytes())
    assert len(outcome.handoffs) == 1
    assert outcome.handoffs[0].segments
    assert len(outcome.facts) > 10


@pytest.mark.parametrize("name", SESSIONS)
def test_whole_and_byte_by_byte_it_says_the_same(name: str) -> None:
    data = SESSIONS[name].read_bytes()
    whole = play(data)
    assert_sound(whole)
    bytewise = play(data, size=1)
    assert bytewise.facts == whole.facts
    assert bytewise.commands == whole.commands
    assert_sound(bytewise)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_link_is_lost_after_every_frame(name: str) -> None:
    data = SESSIONS[name].read_bytes()
    edges = range(1, len(playback.frames(data)))
    assert_sound(virtual_time.run(playback.cut(data, edges)))


@pytest.mark.parametrize("name", SESSIONS)
def test_the_link_is_lost_once(name: str) -> None:
    data = SESSIONS[name].read_bytes()
    edges = list(playback.edges_that_matter(data))
    chosen = edges[:: len(edges) // EDGES + 1]
    for number, edge in enumerate(chosen):
        missed = MISSED[(number + len(name)) % len(MISSED)]
        assert_sound(virtual_time.run(playback.cut(data, [edge], missed)))


def test_what_is_missed_is_missed() -> None:
    # Or these tests would prove nothing: a hang-up while nobody listened is noticed afterwards.
    data = SESSIONS["queue-hangup-by-caller"].read_bytes()
    parts = playback.frames(data)
    hang_up = next(
        number
        for number, part in enumerate(parts)
        if part.startswith(b"Event: Hangup\r\n") and b"CallerIDNum: 07900123001" in part
    )
    outcome = virtual_time.run(playback.cut(data, [hang_up], missed=1))
    assert_sound(outcome)
    (gone,) = [fact for _, fact in outcome.facts if fact.startswith("HungUp") and "False" in fact]
    assert len(outcome.handoffs) == 1
    assert not [fact for _, fact in play(data).facts if fact == gone]


# What --trace makes


async def traced(data: bytes, path: Path, mask: Callable[[bytes], bytes] | None = None) -> bytes:
    """Let a real link hear what a PBX said, and return the trace that it kept."""
    began = datetime.fromtimestamp(float(STAMP.findall(data)[0]), EPOCH.tzinfo)
    trace = Trace(path, mask=mask)
    ami = await FakeAmi().start()
    ami.answers["Status"] = lambda _, action: listed(action, [])

    class Resyncing(Owner):
        async def on_up(self) -> None:
            await self.link.ask_list(actions.status())
            await super().on_up()

    try:
        owner = Resyncing(ami.port, PATIENT, trace=trace, clock=lambda: began)
        async with running(owner):
            await owner.heard("up")
            session = await ami.session()
            for part in playback.frames(data):
                session.push(part.removeprefix(ami.greeting))
            stamp = f"{began.timestamp():.6f}"
            session.push(event("TheEnd", Timestamp=stamp))
            await owner.heard("TheEnd")
    finally:
        await ami.close()
        trace.close()
    return await asyncio.to_thread(path.read_bytes)


@pytest.mark.parametrize("name", TRACED)
async def test_a_trace_says_what_the_session_said(name: str, tmp_path: Path) -> None:
    data = SESSIONS[name].read_bytes()
    kept = await traced(data, tmp_path / "a.trace")
    assert b"correct" not in kept  # the password
    assert b"Action: " not in kept
    for part in playback.frames(data)[1:]:
        assert part in kept
    original, again, bytewise = _apart(data), _apart(kept), _apart(kept, size=1)
    assert again.facts == original.facts == bytewise.facts
    assert [len(each.segments) for each in again.handoffs] == [
        len(each.segments) for each in original.handoffs
    ]
    assert_sound(again)


def _apart(data: bytes, size: int | None = None) -> Outcome:
    """Play in a loop of its own, from within another."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(play, data, size).result()


async def test_a_trace_of_a_link_that_was_lost(tmp_path: Path) -> None:
    """Two connections, the second of which begins within the call."""
    data = SESSIONS["blind-to-back-office"].read_bytes()
    parts = playback.frames(data)
    first = await traced(b"".join(parts[:20]), tmp_path / "a.trace")
    both = await traced(b"".join(parts[20:]), tmp_path / "a.trace")
    assert both.startswith(first)
    assert len(playback.connections(both)) == 2
    whole, bytewise = _apart(both), _apart(both, size=1)
    assert whole.facts == bytewise.facts
    assert_sound(whole)
    assert len(whole.handoffs) == 1  # the second resync found nobody there: it was over


# What --trace-mask makes


def masked(data: bytes) -> bytes:
    masker = Masker(PBX, POLICIES)
    greeting, line_end, rest = data.partition(b"\r\n")
    parts = [masker.mask(part) for part in rest.split(playback.FRAME_END)]
    return greeting + line_end + playback.FRAME_END.join(parts)


def names_in(data: bytes) -> set[str]:
    frames = (parse(part, EPOCH) for part in playback.frames(data))
    return {
        value
        for each in frames
        for header, value in each.pairs
        if header.endswith(("CallerIDName", "ConnectedLineName")) and value.lower() not in NOBODY
    }


def personal() -> Iterator[bytes]:
    for person in town.everybody(town.Crowd(0)):
        if not person.staff and person.number != IN_A_POLICY:
            yield person.number.encode()
    yield from (word.encode() for word in town.OUTSIDERS_NAME.split())


@pytest.mark.parametrize("name", SESSIONS)
def test_masked_it_says_the_same_of_nobody(name: str) -> None:
    data = SESSIONS[name].read_bytes()
    hidden = masked(data)
    assert len(hidden) == len(data)
    assert [part for part in personal() if part in hidden] == []
    names = names_in(data)
    real, made_up = play(data), play(hidden)
    assert_sound(made_up)
    assert len(real.facts) == len(made_up.facts)
    for (uniqueid, told), (same_uniqueid, told_masked) in zip(
        real.facts, made_up.facts, strict=True
    ):
        assert uniqueid == same_uniqueid
        assert ENUM.findall(told) == ENUM.findall(told_masked)
        fact, other = ENUM.sub("", told), ENUM.sub("", told_masked)
        assert QUOTED.sub("''", fact) == QUOTED.sub("''", other)
        for was, now in zip(QUOTED.findall(fact), QUOTED.findall(other), strict=True):
            assert len(was) == len(now)
            if was in names:
                assert was != now or len(was) == 1
            elif not LONG_NUMBER.search(was):
                assert was == now
    assert [command for _, command in real.commands] == [command for _, command in made_up.commands]


async def test_a_link_masks_its_trace(tmp_path: Path) -> None:
    data = SESSIONS["blind-to-back-office"].read_bytes()
    assert [part for part in personal() if part in data]
    kept = await traced(data, tmp_path / "a.trace", Masker(PBX, POLICIES).mask)
    assert [part for part in personal() if part in kept] == []
    assert len(_apart(kept).facts) == len(_apart(data).facts)
