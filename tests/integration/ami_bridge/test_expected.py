"""What the bridge tells of its calls, to a real Redis that goes away and is emptied."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog

from ami_bridge import expected as expecting
from ami_bridge.expected import Expected
from ami_bridge.handoff import Outbox
from hushtape import handoff_names as names
from hushtape.errors import Unreachable
from hushtape.recordings.ledger import Expectation, Ledger, State, of_handoff
from tests.integration.conftest import RedisServer
from tests.samples import START, sample_handoff

ONE, TWO = "20261121-130500-abcdefgh", "20261121-130501-abcdefgh"
NOW = START + timedelta(seconds=5)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Desk:
    """A bridge's end of it."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.clock = Clock()
        self.now = NOW
        self.outbox = Outbox(folder / "outbox", self.connect, self.clock)
        self.expected = self.successor()

    def successor(self) -> Expected:
        return Expected(self.connect, self.outbox, lambda: self.now, self.clock)

    def connect(self) -> redis.Redis:
        client = redis.Redis.from_url(self.server.url, socket_timeout=2)
        try:
            client.ping()
        except redis.RedisError:
            raise Unreachable("Redis doesn't answer") from None
        return client

    @property
    def told(self) -> dict[str, Expectation]:
        return Ledger(self.connect()).all()


@pytest.fixture
def desk(tmp_path: Path, redis_server: RedisServer) -> Desk:
    return Desk(tmp_path, redis_server)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def live(*call_ids: str) -> dict[str, Expectation]:
    return {
        each: Expectation(pbx="town-hall", policy="town", version="1", started_at=START, segments=1)
        for each in call_ids
    }


async def test_live_calls_are_told_with_the_time_at_which_they_were_seen(desk: Desk) -> None:
    assert await desk.expected.publish(live(ONE, TWO))
    assert set(desk.told) == {ONE, TWO}
    assert (desk.told[ONE].state, desk.told[ONE].seen_at) == (State.LIVE, NOW)
    desk.now += timedelta(seconds=5)
    await desk.expected.publish(live(ONE))
    assert set(desk.told) == {ONE}  # the other one had nothing to record
    assert desk.told[ONE].seen_at == desk.now


async def test_a_call_that_is_over_is_told_until_a_worker_has_settled_it(desk: Desk) -> None:
    given = sample_handoff(ONE)
    await desk.expected.publish(live(ONE))
    desk.expected.handed_off(given)
    await desk.expected.publish(live(ONE))  # the bridge may not have forgotten it yet
    told = desk.told[ONE]
    assert (told.state, told.ended_at, told.segments) == (
        State.HANDED_OFF,
        given.call.ended_at,
        1,
    )
    await desk.expected.publish({})
    assert set(desk.told) == {ONE}
    desk.connect().set(names.taken_key(ONE), b"1")
    Ledger(desk.connect()).settle(ONE)
    await desk.expected.publish({})
    assert desk.told == {}


async def test_what_a_worker_is_at_stays_expected(desk: Desk) -> None:
    await desk.expected.publish(live(ONE))
    desk.expected.handed_off(sample_handoff(ONE))
    desk.connect().set(names.taken_key(ONE), b"1")
    await desk.expected.publish({})
    assert desk.told[ONE].state is State.HANDED_OFF


async def test_what_is_handed_off_while_we_tell_is_not_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Ledger.publish

    def slow(self: Ledger, expected: dict[str, Expectation], now: datetime) -> None:
        desk.expected.handed_off(sample_handoff(ONE))
        monkeypatch.undo()
        publish(self, expected, now)

    monkeypatch.setattr(Ledger, "publish", slow)
    await desk.expected.publish(live(ONE))
    assert desk.told[ONE].state is State.LIVE
    await desk.expected.publish({})
    assert desk.told[ONE].state is State.HANDED_OFF


async def test_while_redis_is_away_nothing_breaks_and_all_is_told_afterwards(
    desk: Desk, redis_server: RedisServer, lines: list[Any]
) -> None:
    await desk.expected.publish(live(ONE, TWO))
    redis_server.stop()
    for _ in range(3):
        assert not await desk.expected.publish(live(ONE, TWO))
    desk.expected.handed_off(sample_handoff(ONE))
    assert not await desk.expected.publish({})
    assert [each["event"] for each in lines] == ["what is expected can't be told"]
    redis_server.start()
    assert await desk.expected.publish({})
    assert {each: told.state for each, told in desk.told.items()} == {ONE: State.HANDED_OFF}
    assert [each["event"] for each in lines][1:] == ["what is expected is told again"]


async def test_an_emptied_redis_is_told_again(desk: Desk) -> None:
    desk.outbox.put(sample_handoff(ONE))
    desk.expected.handed_off(sample_handoff(ONE))
    await desk.expected.publish(live(TWO))
    desk.connect().flushall()
    await desk.expected.publish(live(TWO))
    assert TWO in desk.told
    desk.clock.now_s += expecting.OUTBOX_EVERY_S
    await desk.expected.publish(live(TWO))
    assert {each: told.state for each, told in desk.told.items()} == {
        ONE: State.HANDED_OFF,
        TWO: State.LIVE,
    }


async def test_a_successor_tells_what_it_finds_in_the_outbox(desk: Desk, tmp_path: Path) -> None:
    given = sample_handoff(ONE)
    desk.outbox.put(given)
    three = f"{TWO[:-1]}2"
    (tmp_path / "outbox" / f"{TWO}.json").write_bytes(b"{")
    (tmp_path / "outbox" / f"{three}.json").mkdir()  # the disk doesn't give it
    await desk.successor().publish({})
    told = desk.told
    assert told[ONE].ended_at == given.call.ended_at
    assert (told[TWO].state, told[TWO].pbx) == (State.HANDED_OFF, "")
    assert (told[three].state, told[three].pbx) == (State.HANDED_OFF, "")


async def test_what_leaves_the_outbox_while_we_look_is_no_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.outbox.put(sample_handoff(ONE))
    waiting = desk.outbox.waiting()
    monkeypatch.setattr(desk.outbox, "waiting", lambda: [*waiting, TWO])
    assert await desk.expected.publish({})
    assert set(desk.told) == {ONE}


async def test_it_goes_on_whatever_happens(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    monkeypatch.setattr(expecting, "PUBLISH_EVERY_S", 0.01)
    asked = 0
    told = asyncio.Event()

    def calls() -> dict[str, Expectation]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise KeyError("a bug of ours")
        if asked == 4:
            told.set()
        return live(ONE)

    task = asyncio.create_task(desk.expected.run(calls))
    async with asyncio.timeout(10):
        await told.wait()
    assert set(desk.told) == {ONE}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [each["event"] for each in lines].count("alarm") == 1


async def test_a_redis_that_does_not_answer_holds_up_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang() -> redis.Redis:
        released.wait(10)
        raise Unreachable("at last")

    desk.expected = Expected(hang, desk.outbox, lambda: NOW, desk.clock)
    task = asyncio.create_task(desk.expected.publish(live(ONE)))
    async with asyncio.timeout(5):
        for _ in range(100):
            await asyncio.sleep(0)
    assert not task.done()
    released.set()
    assert await task is False


def test_what_is_told_names_nobody() -> None:
    assert "A Caller" not in repr(of_handoff(sample_handoff(ONE)))
