from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from ami_bridge.bridge import Bridge
from ami_bridge.call import recorder as machine
from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Channel,
    Claimed,
    Command,
    ConsultationBegan,
    Fact,
    HungUp,
    NoteState,
    PaymentEnded,
    QueueEntered,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    Talker,
    TransferCompleted,
)
from ami_bridge.live import LiveCall
from ami_bridge.living import Running
from hushtape.errors import TooBig, Unreachable
from hushtape.ids import new_call_id
from hushtape.policy import parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import DestinationKind, PaymentWay, Permission
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, Handoff, Leg

pytestmark = pytest.mark.usefixtures("short_rests")

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
POLICIES = parse.load_folder(EXAMPLES)
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
TIMEOUT_S = 5
TURNS = 100
LOOK_S = 0.001
SMALL_BYTES = 20_000  # of what is kept of a call after every fact


@dataclass
class FakeStation:
    """Answers every command at once, as a PBX does on a good day."""

    name: str = "pbx1"
    carried_out: list[tuple[str, Command]] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    since: datetime | None = None
    heard_at: datetime | None = START + timedelta(seconds=7)
    up: bool = True
    one_file: bool = False

    def lives(self, uniqueid: str) -> bool:
        return uniqueid not in self.gone

    @property
    def spool(self) -> Path:
        return Path("/nowhere")

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        return (channel,)

    def overheard(self, channel: Channel) -> bool:
        return False

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        self.known.append(channel.uniqueid)
        self.since = since

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
            case StopRecorder() | StopEveryRecorder():
                return RecorderStopped(at=START, segment=command.segment)
        return None


@dataclass
class FakeOutbox:
    """Takes hand-offs; full as often as it is told to be."""

    full: int = 0
    longest_story: int = 1000
    slow_s: float = 0
    put_in: list[Handoff] = field(default_factory=list)
    drained: int = 0
    away: bool = False

    def put(self, handoff: Handoff) -> None:
        if self.full:
            self.full -= 1
            raise OSError(28, "No space left on device")
        if len(handoff.story) > self.longest_story:
            raise TooBig("more of a story than any real call")
        time.sleep(self.slow_s)
        self.put_in.append(handoff)

    def drain(self) -> int:
        self.drained += 1
        if self.away:
            raise Unreachable("Redis is away")
        return 0


class FakeKept:
    """Keeps live calls in memory, as they were when they were written."""

    def __init__(self) -> None:
        self.calls: dict[str, bytes] = {}
        self.full = False
        self.heard: dict[str, datetime] = {}

    def write(self, live: LiveCall) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.calls[live.call.id] = msgspec.json.encode(live)

    def touch(self, pbx: str, heard_at: datetime) -> None:
        self.heard[pbx] = heard_at

    def heard_until(self, pbx: str) -> datetime | None:
        return self.heard.get(pbx)

    def forget(self, call_id: str) -> None:
        self.calls.pop(call_id, None)

    def load(self) -> list[LiveCall]:
        return [msgspec.json.decode(each, type=LiveCall) for each in self.calls.values()]


def make(outbox: FakeOutbox, kept: FakeKept | None = None) -> Bridge:
    numbers = iter(range(1000))
    return Bridge(
        POLICIES,
        outbox,  # type: ignore[arg-type]
        kept or FakeKept(),  # type: ignore[arg-type]
        lambda at: new_call_id(at, next(numbers).to_bytes(5, "big")),
    )


def channel(number: int = 1) -> Channel:
    return Channel(f"1.{number}", f"PJSIP/trunk-{number}", "from-outside", "01737276000")


def entered(queue: str = "help-line") -> QueueEntered:
    arrival = Arrival(at=START, direction=Direction.INBOUND, dialled="01737276000", queue=queue)
    return QueueEntered(at=START, arrival=arrival, number="07900123003")


async def until(condition: object) -> None:
    """Look at every turn of the loop; what hasn't come after many of them waits for a clock."""
    assert callable(condition)
    async with asyncio.timeout(TIMEOUT_S):
        for _ in range(TURNS):
            if condition():
                return
            await asyncio.sleep(0)
        while not condition():  # noqa: ASYNC110 - the fakes offer no event to await
            await asyncio.sleep(LOOK_S)


async def test_a_call_that_a_policy_names_is_recorded_and_handed_off() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: len(station.carried_out) == 2)
    assert {type(command) for _, command in station.carried_out} == {StartRecorder, NoteState}
    bridge.tell(station, channel(), HungUp(at=START + timedelta(seconds=9)))
    await until(lambda: outbox.put_in)
    assert outbox.put_in[0].segments[0].number == 1


async def test_it_is_the_pbx_that_says_how_many_files_a_recorder_has() -> None:
    kept = FakeKept()
    for one_file, sides in ((True, ["both"]), (False, ["outside", "inside"])):
        outbox, station = FakeOutbox(), FakeStation(one_file=one_file)
        bridge = make(outbox, kept)
        bridge.tell(station, channel(), entered())
        (found,) = kept.load()
        assert found.call.one_file is one_file, "its successor knows it, too"
        await until(lambda: not bridge._tasks)  # noqa: B023 - waited for here
        bridge.tell(station, channel(), HungUp(at=START))
        await until(lambda: outbox.put_in)  # noqa: B023 - waited for here
        (segment,) = outbox.put_in[0].segments
        assert [holds for holds, _ in segment.files] == sides
        await until(lambda: not kept.calls)


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
    monkeypatch.setattr("ami_bridge.delivery.PUT_AGAIN_S", 0)
    outbox, station = FakeOutbox(full=3), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    await until(lambda: station.carried_out)
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)


async def test_while_redis_is_away_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.delivery.DRAIN_INTERVAL_S", 0.001)
    monkeypatch.setattr("ami_bridge.delivery.DRAIN_LONGEST_PAUSE_S", 0.001)
    outbox, ended = FakeOutbox(away=True), asyncio.Event()
    serving = asyncio.create_task(make(outbox).run([FakeStation()], ended))
    await until(lambda: outbox.drained > 3)
    outbox.away = False
    before = outbox.drained
    await until(lambda: outbox.drained > before)
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)


async def test_a_bridge_that_ends_stops_every_recorder_and_its_successor_goes_on() -> None:
    outbox, station, kept = FakeOutbox(), FakeStation(), FakeKept()
    bridge, ended = make(outbox, kept), asyncio.Event()
    serving = asyncio.create_task(bridge.run([station], ended))
    for number in (1, 2):
        bridge.tell(station, channel(number), entered())
    await until(lambda: len(station.carried_out) == 4 and not bridge._tasks)
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)
    assert asked(station, StopRecorder) == ["1.1", "1.2"]
    assert outbox.put_in == []

    successor, later = make(outbox, kept), FakeStation()
    successor.adopt([later])
    assert later.known == ["1.1", "1.2"]
    assert later.since == START + timedelta(seconds=7), "what came later is uncertain"
    successor.tell(later, channel(1), HungUp(at=START, seen=False))
    successor.link_up(later, START)
    await until(lambda: not successor._tasks)
    assert asked(later, StartRecorder) == ["1.2"]
    successor.tell(later, channel(2), HungUp(at=START))
    await until(lambda: len(outbox.put_in) == 2 and not successor._tasks)
    endings = sorted([s.ended_by for s in handoff.segments] for handoff in outbox.put_in)
    assert endings == [["the bridge ended"], ["the bridge ended", "hang-up"]]
    assert kept.calls == {}


async def test_a_bridge_that_ends_takes_over_no_call_whose_link_comes_just_then() -> None:
    station, kept = FakeStation(), FakeKept()
    first = make(FakeOutbox(), kept)
    first.tell(station, channel(), entered())
    await until(lambda: not first._tasks)

    second, later, ended = make(FakeOutbox(), kept), FakeStation(), asyncio.Event()
    second.adopt([later])
    ended.set()
    await asyncio.wait_for(second.run([later], ended), TIMEOUT_S)
    second.link_up(later, START)
    await until(lambda: not second._tasks)
    assert asked(later, StartRecorder) == []


async def test_a_killed_bridges_running_recorder_is_stopped_by_its_successor() -> None:
    outbox, station, kept = FakeOutbox(), FakeStation(), FakeKept()
    killed = make(outbox, kept)
    killed.tell(station, channel(), entered())
    await until(lambda: not killed._tasks)

    successor, later = make(outbox, kept), FakeStation()
    successor.adopt([later])
    payment = Place(DestinationKind.EXTENSION, "730")
    unseen = TransferCompleted(at=START, place=payment, how="unseen")
    successor.tell(later, channel(), unseen)
    successor.link_up(later, START)
    await until(lambda: not successor._tasks)
    assert asked(later, StopRecorder) == ["1.1"]


async def test_what_a_killed_bridge_was_told_last_was_heard_until_then() -> None:
    station, kept = FakeStation(), FakeKept()
    killed = make(FakeOutbox(), kept)
    killed.tell(station, channel(1), entered())
    killed._note_life([station])
    told_at = START + timedelta(seconds=9)
    killed.tell(station, channel(2), dataclasses.replace(entered(), at=told_at))
    await until(lambda: not killed._tasks)

    successor, later = make(FakeOutbox(), kept), FakeStation()
    successor.adopt([later])
    assert later.since == told_at, "for every call: the PBX tells one thing after the other"
    second = make(FakeOutbox(), kept)
    successor.link_up(later, START)  # writes each call down, and is killed
    await until(lambda: not successor._tasks)
    latest = FakeStation()
    second.adopt([latest])
    assert latest.since == told_at


async def test_what_is_only_looked_up_at_the_pbx_was_not_heard() -> None:
    """While the bridge asks about each call, it has not taken in what became of the others."""
    station, kept = FakeStation(), FakeKept()
    killed = make(FakeOutbox(), kept)
    killed.tell(station, channel(), entered())
    killed._note_life([station])
    await until(lambda: not killed._tasks)
    station.up = False
    late = START + timedelta(seconds=60)
    killed.tell(station, channel(), PaymentEnded(at=late, way=PaymentWay.KEY))
    killed.tell(station, channel(2), dataclasses.replace(entered(), at=late))
    await until(lambda: not killed._tasks)
    later = FakeStation()
    make(FakeOutbox(), kept).adopt([later])
    assert later.since == station.heard_at


async def test_a_call_of_a_pbx_that_is_gone_from_the_configuration_is_told_and_kept() -> None:
    kept = FakeKept()
    killed = make(FakeOutbox(), kept)
    killed.tell(FakeStation("old"), channel(), entered())
    await until(lambda: not killed._tasks)
    with capture_logs() as logs:
        make(FakeOutbox(), kept).adopt([FakeStation("new")])
    assert [entry["event"] for entry in logs] == ["alarm"]
    assert len(kept.calls) == 1


async def test_a_live_call_that_can_not_be_kept_is_told_and_recorded_all_the_same() -> None:
    station, kept = FakeStation(), FakeKept()
    kept.full = True
    bridge = make(FakeOutbox(), kept)
    with capture_logs() as logs:
        bridge.tell(station, channel(), entered())
        await until(lambda: not bridge._tasks)
    assert asked(station, StartRecorder) == ["1.1"]
    assert any("can't be kept" in entry.get("what", "") for entry in logs)


async def test_a_call_without_a_recording_is_not_kept() -> None:
    class Refusing(FakeStation):
        async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
            await super().carry_out(channel, command)
            if isinstance(command, StartRecorder):
                return RecorderRefused(at=START, segment=command.segment)
            return None

    kept, station = FakeKept(), Refusing()
    bridge = make(FakeOutbox(), kept)
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(), HungUp(at=START))
    assert kept.calls == {}


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


@dataclass
class Unsure(FakeStation):
    """Never says whether a recorder started."""

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        fact = await super().carry_out(channel, command)
        if isinstance(command, StartRecorder):
            return RecorderUncertain(at=START, segment=command.segment)
        return fact


def asked(station: FakeStation, kind: type[Command]) -> list[str]:
    return [uniqueid for uniqueid, command in station.carried_out if isinstance(command, kind)]


async def test_a_call_that_is_over_is_forgotten() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    for number in (1, 2):
        bridge.tell(station, channel(number), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(1), HungUp(at=START))
    assert [uniqueid for _, uniqueid in bridge._live] == ["1.2"]
    bridge.tell(station, channel(2), HungUp(at=START))
    assert bridge._live == {}
    await until(lambda: len(outbox.put_in) == 2)


async def test_a_link_that_came_back_concerns_its_own_pbx_only() -> None:
    one, two = Unsure("pbx1"), Unsure("pbx2")
    outbox = FakeOutbox()
    bridge = make(outbox)
    for station in (one, two):
        bridge.tell(station, channel(1), entered())
        bridge.tell(station, channel(2), entered())
    await until(lambda: not bridge._tasks)
    bridge.link_up(two, START + timedelta(seconds=9))
    await until(lambda: not bridge._tasks)
    assert asked(one, StopEveryRecorder) == []
    assert asked(two, StopEveryRecorder) == ["1.1", "1.2"]
    for station in (one, two):
        bridge.tell(station, channel(1), HungUp(at=START))
    await until(lambda: len(outbox.put_in) == 2)
    told = {
        handoff.call.pbx: sum("is back" in each.what for each in handoff.story)
        for handoff in outbox.put_in
    }
    assert told == {"pbx1": 0, "pbx2": 1}


async def test_a_rest_takes_its_time_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "REST_S", 0.03)
    station = FakeStation()
    bridge = make(FakeOutbox())
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(), entered())  # the recorder is renewed
    await until(lambda: asked(station, StopRecorder))
    stopped_s = time.monotonic()
    await until(lambda: len(asked(station, StartRecorder)) == 2)
    assert time.monotonic() - stopped_s > 0.02


async def test_a_recording_that_was_handed_off_is_rung_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ami_bridge.delivery.DRAIN_INTERVAL_S", 60)
    outbox, station, ended = FakeOutbox(), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    for number in (1, 2):
        bridge.tell(station, channel(number), entered())
        bridge.tell(station, channel(number), HungUp(at=START))
        await until(lambda: len(outbox.put_in) == outbox.drained == number)  # noqa: B023
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)


async def test_between_two_hand_offs_the_outbox_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ami_bridge.delivery.DRAIN_INTERVAL_S", 60)
    outbox, station, ended = FakeOutbox(), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(), entered())
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.drained)
    await asyncio.sleep(0.02)
    assert outbox.drained == 1
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)


async def test_a_bridge_that_ends_waits_for_a_slow_disk() -> None:
    outbox, station, ended = FakeOutbox(slow_s=0.03), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(), HungUp(at=START))
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)
    assert len(outbox.put_in) == 1


async def test_a_bridge_ends_when_its_last_recording_was_put_in_this_very_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "REST_S", 0)  # so that the hand-off is what is waited for last
    outbox, station, ended = FakeOutbox(slow_s=0.03), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(), HungUp(at=START))
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)


async def test_a_bridge_that_ends_waits_for_a_full_disk_no_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ami_bridge.bridge.END_TIMEOUT_S", 0.02)
    outbox, station, ended = FakeOutbox(full=1000), FakeStation(), asyncio.Event()
    bridge = make(outbox)
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    bridge.tell(station, channel(), HungUp(at=START))
    ended.set()
    with capture_logs() as logs:
        await asyncio.wait_for(serving, TIMEOUT_S)
    (left,) = [entry["calls"] for entry in logs if "not in the outbox" in entry.get("what", "")]
    assert len(left) == 1
    for task in list(bridge._tasks):
        task.cancel()


async def test_a_story_that_is_too_long_is_dropped_and_the_recording_kept() -> None:
    outbox, station = FakeOutbox(longest_story=0), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered())
    bridge.tell(station, channel(), HungUp(at=START))
    with capture_logs() as logs:
        await until(lambda: not bridge._tasks)
    (handoff,) = outbox.put_in
    assert handoff.story == ()
    assert len(handoff.segments) == 1
    assert [entry["call"] for entry in logs if entry["event"] == "alarm"] == [handoff.id]
    assert bridge._delivery.not_put == set()


async def test_a_bridge_that_ends_takes_on_no_new_call() -> None:
    released = asyncio.Event()

    class Slow(FakeStation):
        async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
            fact = await super().carry_out(channel, command)
            if isinstance(command, StopRecorder):
                await released.wait()
            return fact

    station, ended = Slow(), asyncio.Event()
    bridge = make(FakeOutbox())
    serving = asyncio.create_task(bridge.run([station], ended))
    bridge.tell(station, channel(1), entered())
    await until(lambda: not bridge._tasks)
    ended.set()
    await until(lambda: asked(station, StopRecorder))
    bridge.tell(station, channel(2), entered())
    released.set()
    await asyncio.wait_for(serving, TIMEOUT_S)
    assert asked(station, StartRecorder) == asked(station, StopRecorder)


async def test_an_answer_that_comes_late_leaves_the_channels_next_call_alone() -> None:
    station = FakeStation()
    bridge = make(FakeOutbox())
    bridge.tell(station, channel(), entered())
    bridge.tell(station, channel(), HungUp(at=START, seen=False))  # pushed out of a full memory
    bridge.tell(station, channel(), entered())
    await until(lambda: not bridge._tasks)
    assert len(bridge._live) == 1


async def test_a_call_that_was_over_but_not_in_the_outbox_is_handed_off_by_the_successor() -> None:
    kept = FakeKept()
    killed, station = make(FakeOutbox(full=10**9), kept), FakeStation()
    killed.tell(station, channel(), entered())
    await until(lambda: not killed._tasks)
    killed.tell(station, channel(), HungUp(at=START + timedelta(seconds=9)))
    assert len(kept.calls) == 1
    for task in killed._tasks:
        task.cancel()

    outbox, ended = FakeOutbox(), asyncio.Event()
    successor, later = make(outbox, kept), FakeStation()
    successor.adopt([later])
    assert later.known == []
    serving = asyncio.create_task(successor.run([later], ended))
    await until(lambda: outbox.put_in)
    assert outbox.put_in[0].call.ended_at == START + timedelta(seconds=9)
    ended.set()
    await asyncio.wait_for(serving, TIMEOUT_S)
    assert kept.calls == {}


def rung(queue: str, dialled: str = "01799510510") -> QueueEntered:
    arrival = Arrival(at=START, direction=Direction.INBOUND, dialled=dialled, queue=queue)
    return QueueEntered(at=START, arrival=arrival, number="07900123003")


@pytest.mark.parametrize(
    ("queue", "recorded"),
    [("customer-service", False), ("help-line", True)],  # only the first lets callers opt out
)
async def test_a_caller_who_opted_out_before_is_not_recorded_where_the_policy_allows_that(
    queue: str, recorded: bool
) -> None:
    station, kept = FakeStation(), FakeKept()
    bridge = make(FakeOutbox(), kept)
    opted_out = channel()
    opted_out.opted_out = True
    bridge.tell(station, opted_out, rung(queue))
    await until(lambda: not bridge._tasks)
    assert bool(asked(station, StartRecorder)) is recorded
    assert bool(kept.calls) is recorded


@pytest.mark.parametrize("announced", [True, False])
async def test_an_announcement_before_the_answer_is_the_permission_for_the_call(
    announced: bool,
) -> None:
    surrey = next(policy for policy in POLICIES if policy.name == "surrey")
    terms = msgspec.structs.replace(surrey.outbound, permission=Permission.ANNOUNCEMENT)
    policy = msgspec.structs.replace(surrey, outbound=terms)
    outbox, station = FakeOutbox(), FakeStation()
    bridge = Bridge(
        [policy],
        outbox,  # type: ignore[arg-type]
        FakeKept(),  # type: ignore[arg-type]
        lambda at: new_call_id(at, b"12345"),
    )
    called = Channel("1.1", "PJSIP/outside1-1", "from-outside", "s", announced=announced)
    arrival = Arrival(at=START, direction=Direction.OUTBOUND, dialled="020", extension="211")
    bridge.tell(station, called, Answered(at=START, arrival=arrival, number="020"))
    await until(lambda: asked(station, StartRecorder))
    bridge.tell(station, called, HungUp(at=START))
    await until(lambda: outbox.put_in)
    assert (outbox.put_in[0].discard is None) is announced
    for task in list(bridge._tasks):
        task.cancel()


async def test_what_concerns_a_consultation_is_done_on_the_agents_channel() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    place = Place(DestinationKind.EXTENSION, "222")
    agent = Talker("1.7", Place(DestinationKind.EXTENSION, "221"), "PJSIP/221")
    leg = Channel("1.7", "PJSIP/221-7", "internal", "s")
    for fact in (
        rung("customer-service"),
        AgentAnswered(at=START, agent="PJSIP/221", talker=agent),
        ConsultationBegan(at=START, leg=leg, place=place, telephone="PJSIP/221"),
    ):
        bridge.tell(station, channel(), fact)
    await until(lambda: len(asked(station, StartRecorder)) == 2)
    await until(lambda: not bridge._tasks)
    assert asked(station, StartRecorder) == ["1.1", "1.7"]
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)
    assert asked(station, StopRecorder) == ["1.7"], "the caller's is gone with the channel"
    assert {each.leg for each in outbox.put_in[0].segments} == {Leg.OUTSIDE, Leg.CONSULTATION}
    assert bridge._live == {}


async def test_what_is_told_of_a_recorder_on_an_agents_channel_is_his_callers() -> None:
    """A FreeSWITCH has moved it, and nobody asked for its end: its channel tells whose it is."""
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    place = Place(DestinationKind.EXTENSION, "222")
    agent = Talker("1.7", Place(DestinationKind.EXTENSION, "221"), "PJSIP/221")
    leg = Channel("1.7", "PJSIP/221-7", "internal", "s")
    for fact in (
        rung("customer-service"),
        AgentAnswered(at=START, agent="PJSIP/221", talker=agent),
        ConsultationBegan(at=START, leg=leg, place=place, telephone="PJSIP/221"),
    ):
        bridge.tell(station, channel(), fact)
    await until(lambda: len(asked(station, StartRecorder)) == 2)
    await until(lambda: not bridge._tasks)
    (live,) = bridge._live.values()
    (track,) = live.call.consultations
    assert track.draft is not None
    number = track.draft.number
    bridge.tell(station, leg, RecorderStopped(at=START, segment=number - 1))
    assert track.writing, "that one is on another channel"
    bridge.tell(station, leg, RecorderStopped(at=START, segment=number, found=0))
    assert not track.writing
    assert live.call.track.writing
    bridge.tell(station, channel(), HungUp(at=START))
    await until(lambda: outbox.put_in)


ANOTHERS_LINE = Place(DestinationKind.EXTENSION, "720")  # Uttlesford's; Surrey goes on anywhere


def at_surrey() -> QueueEntered:
    queue, dialled = "surrey-contact-centre", "03456009009"
    arrival = Arrival(at=START, direction=Direction.INBOUND, dialled=dialled, queue=queue)
    return QueueEntered(at=START, arrival=arrival)


def stage_of(bridge: Bridge) -> Stage:
    (live,) = bridge._live.values()
    return live.call.stage


async def test_a_payment_line_of_another_policy_is_silent_also_under_the_next_bridge() -> None:
    station, kept = FakeStation(), FakeKept()
    bridge = make(FakeOutbox(), kept)
    bridge.tell(station, channel(), at_surrey())
    await until(lambda: len(station.carried_out) == 2 and not bridge._tasks)
    assert stage_of(bridge) is Stage.RECORDED
    (live,) = kept.load()
    assert "uttlesford" in [each.name for each in live.call.policy.others]
    assert len(kept.calls[live.call.id]) < SMALL_BYTES
    (note,) = {each.text for _, each in station.carried_out if isinstance(each, NoteState)}
    to_line = TransferCompleted(at=START, place=ANOTHERS_LINE)
    bridge.tell(station, channel(), to_line)
    assert stage_of(bridge) is Stage.SILENT

    other = make(FakeOutbox())  # on another machine: it knows the channel's note only
    arrival = at_surrey().arrival
    claimed = Claimed(at=START, arrival=arrival, note=note, since=START, talkers=(), waits_in="")
    other.tell(station, channel(), claimed)
    assert stage_of(other) is not Stage.SILENT
    other.tell(station, channel(), to_line)
    assert stage_of(other) is Stage.SILENT
