from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.bridge import Bridge
from ami_bridge.facts import (
    Channel,
    Command,
    Fact,
    HungUp,
    NoteState,
    QueueEntered,
    RecorderStarted,
    RecorderStopped,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    TransferCompleted,
)
from hushtape.errors import Unreachable
from hushtape.ids import new_call_id
from hushtape.policy import parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction, Handoff

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
POLICIES = parse.load_folder(EXAMPLES)
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
TIMEOUT_S = 5


@dataclass
class FakeStation:
    """Answers every command at once, as a PBX does on a good day."""

    name: str = "pbx1"
    carried_out: list[tuple[str, Command]] = field(default_factory=list)

    async def run(self) -> None:
        await asyncio.Event().wait()

    def pbx_now(self) -> datetime:
        return START

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        self.carried_out.append((channel.uniqueid, command))
        await asyncio.sleep(0)
        match command:
            case StartRecorder():
                return RecorderStarted(at=START, segment=command.segment, recorder_id="0x1")
            case StopRecorder():
                return RecorderStopped(at=START, segment=command.segment)
        return None


@dataclass
class FakeOutbox:
    """Takes hand-offs; full as often as it is told to be."""

    full: int = 0
    put_in: list[Handoff] = field(default_factory=list)
    drained: int = 0
    away: bool = False

    def put(self, handoff: Handoff) -> None:
        if self.full:
            self.full -= 1
            raise OSError(28, "No space left on device")
        self.put_in.append(handoff)

    def drain(self) -> int:
        self.drained += 1
        if self.away:
            raise Unreachable("Redis is away")
        return 0


def make(outbox: FakeOutbox) -> Bridge:
    numbers = iter(range(1000))
    return Bridge(
        POLICIES,
        outbox,  # type: ignore[arg-type]
        lambda at: new_call_id(at, next(numbers).to_bytes(5, "big")),
    )


def channel(number: int = 1) -> Channel:
    return Channel(f"1.{number}", f"PJSIP/trunk-{number}", "from-outside", "01737276000")


def entered(queue: str = "help-line") -> QueueEntered:
    arrival = Arrival(at=START, direction=Direction.INBOUND, dialled="01737276000", queue=queue)
    return QueueEntered(at=START, arrival=arrival, number="07900123003")


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - the fakes offer no event to await
            await asyncio.sleep(0)


async def test_a_call_that_a_policy_names_is_recorded_and_handed_off() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: len(station.carried_out) == 2)
    assert {type(command) for _, command in station.carried_out} == {StartRecorder, NoteState}
    bridge.tell(station, channel(), HungUp(at=START + timedelta(seconds=9)))
    await until(lambda: outbox.put_in)
    assert outbox.put_in[0].segments[0].number == 1


async def test_a_call_that_no_policy_names_leads_to_nothing() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered("allotments"))
    bridge.tell(station, channel(), HungUp(at=START))
    await asyncio.sleep(0)
    assert station.carried_out == []
    assert outbox.put_in == []


async def test_facts_about_channels_that_are_no_calls_are_passed_over() -> None:
    bridge = make(FakeOutbox())
    bridge.tell(FakeStation(), channel(), HungUp(at=START))


async def test_the_same_channel_id_on_two_pbxes_is_two_calls() -> None:
    outbox = FakeOutbox()
    one, two = FakeStation("pbx1"), FakeStation("pbx2")
    bridge = make(outbox)
    bridge.tell(one, channel(), entered())
    bridge.tell(two, channel(), entered())
    await until(lambda: one.carried_out and two.carried_out)
    bridge.tell(one, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)
    assert [handoff.call.pbx for handoff in outbox.put_in] == ["pbx1"]
    bridge.tell(two, channel(), HungUp(at=START))
    await until(lambda: len(outbox.put_in) == 2)
    assert len({handoff.id for handoff in outbox.put_in}) == 2


async def test_the_answer_to_a_stop_reaches_the_call() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: len(station.carried_out) == 2)
    away = Place(DestinationKind.EXTENSION, "232")
    bridge.tell(station, channel(), TransferCompleted(at=START, place=away))
    await until(lambda: len(station.carried_out) == 4 and not bridge._tasks)
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)
    assert outbox.put_in[0].segments[0].stop == "confirmed"


async def test_a_full_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.bridge.PUT_AGAIN_S", 0)
    outbox, station = FakeOutbox(full=3), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: station.carried_out)
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)


async def test_while_redis_is_away_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.bridge.DRAIN_INTERVAL_S", 0.001)
    monkeypatch.setattr("ami_bridge.bridge.DRAIN_LONGEST_PAUSE_S", 0.001)
    outbox, ended = FakeOutbox(away=True), asyncio.Event()
    serving = asyncio.create_task(make(outbox).run([FakeStation()], ended))
    await until(lambda: outbox.drained > 3)
    outbox.away = False
    before = outbox.drained
    await until(lambda: outbox.drained > before)
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)


async def test_a_bridge_that_ends_stops_every_recorder_and_hands_everything_off() -> None:
    outbox, station, ended = FakeOutbox(), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(1), entered())
    bridge.tell(station, channel(2), entered())
    await until(lambda: len(station.carried_out) == 4 and not bridge._tasks)
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)
    stops = [c for _, c in station.carried_out if isinstance(c, StopRecorder)]
    assert len(stops) == 2
    assert [h.segments[0].ended_by for h in outbox.put_in] == ["the bridge ended"] * 2
    assert bridge._live == {}


async def test_a_command_that_breaks_leaves_no_call_waiting_for_an_answer() -> None:
    class Broken(FakeStation):
        async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
            if isinstance(command, StopRecorder):
                raise RuntimeError("a bug")
            return await super().carry_out(channel, command)

    outbox, station = FakeOutbox(), Broken()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: len(station.carried_out) == 2 and not bridge._tasks)
    away = Place(DestinationKind.EXTENSION, "232")
    bridge.tell(station, channel(), TransferCompleted(at=START, place=away))
    await until(lambda: any(isinstance(c, StopEveryRecorder) for _, c in station.carried_out))
