"""What a real FreeSWITCH does with the station's recorders: started, stopped, muted, moved.

Needs the FreeSWITCH's recordings folder on this machine; what is written there is removed.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from ami_bridge.facts import (
    Channel,
    Command,
    Fact,
    MuteRecorder,
    MuteUnconfirmed,
    NotePayment,
    NoteState,
    RecorderMuted,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.freeswitch.station import FreeSwitchStation
from hushtape.config_pbx import Pbx
from hushtape.policy.schema import PaymentWay
from tests.freeswitch.conftest import ARRIVES_S, OURS, Switch
from workers.wave import HEAD_BYTES, parse_head

RATE_HZ = 8000
TONE = "playback:tone_stream://%(10000\\,0\\,440);loops=-1"
LOUD = 1000
A_WHILE_S = 0.6
FRAME_S = 0.06  # media goes in steps of 20 ms, and this machine may be slow
POLL_S = 0.02


@dataclass
class Told:
    """Keeps what the station tells its bridge."""

    facts: list[tuple[str, Fact]] = field(default_factory=list)

    def tell(self, station: FreeSwitchStation, channel: Channel, fact: Fact) -> None:
        self.facts.append((channel.uniqueid, fact))

    def link_up(self, station: FreeSwitchStation, at: datetime) -> None: ...

    def ends(self, uuid: str) -> list[RecorderStopped]:
        """The recorders of a channel that ended without being asked to."""
        told = [fact for uniqueid, fact in self.facts if uniqueid == uuid]
        return [fact for fact in told if isinstance(fact, RecorderStopped)]


class Desk:
    """A station that is linked to the real one, and the folder in which that records."""

    def __init__(self, switch: Switch, folder: Path) -> None:
        host, port, password = switch.address
        pbx = Pbx(
            kind="freeswitch", host=host, port=port, spool=str(folder), outside_contexts=("public",)
        )
        self.told = Told()
        self.switch, self.folder = switch, folder
        self.station = FreeSwitchStation(
            "fs",
            pbx,
            password,
            self.told,  # type: ignore[arg-type]
        )
        self._segments = 0

    def new(self) -> StartRecorder:
        """Ask for the next recorder."""
        self._segments += 1
        name = f"{OURS}.{time.monotonic_ns()}.{self._segments}.both.wav"
        return StartRecorder(self._segments, name, name)

    async def do(self, uuid: str, command: Command) -> Fact | None:
        return await self.station.carry_out(Channel(uuid, uuid, "", ""), command)

    async def start(self, uuid: str) -> StartRecorder:
        start = self.new()
        fact = await self.do(uuid, start)
        assert isinstance(fact, RecorderStarted)
        assert fact.recorder_id == self.path(start)
        return start

    def path(self, start: StartRecorder) -> str:
        return f"{self.folder}/{start.outside_file}"

    def stop(self, start: StartRecorder) -> StopRecorder:
        return StopRecorder(start.segment, self.path(start))

    def size_bytes(self, start: StartRecorder) -> int:
        return Path(self.path(start)).stat().st_size

    def sides(self, start: StartRecorder) -> tuple[array[int], array[int]]:
        """What a closed file holds: what the channel said, and what it heard."""
        data = Path(self.path(start)).read_bytes()
        head = parse_head(data[:HEAD_BYTES], 2)
        assert head.rate_hz == RATE_HZ
        assert head.claims(len(data)), "its head is right as soon as the stop is confirmed"
        samples = array("h", data[head.data_offset_bytes :])
        return samples[0::2], samples[1::2]


@pytest.fixture
def folder(switch: Switch) -> Iterator[Path]:
    made = Path(switch.hand.api("global_getvar recordings_dir"))
    if not made.is_dir():
        pytest.skip("the FreeSWITCH's recordings folder is not on this machine")
    yield made
    for left in made.glob(f"{OURS}.*.wav"):
        left.unlink()


@pytest.fixture
async def desk(switch: Switch, folder: Path) -> AsyncIterator[Desk]:
    made = Desk(switch, folder)
    running = asyncio.create_task(made.station.run())
    await until(lambda: made.station.up)
    yield made
    running.cancel()
    await asyncio.wait({running})


async def until(true: object, within_s: float = ARRIVES_S) -> None:
    assert callable(true)
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - another process: there is nothing to await
            await asyncio.sleep(POLL_S)


def loudest(side: array[int], begin_s: float = 0.0, end_s: float = 1e6) -> int:
    part = side[round(begin_s * RATE_HZ) : round(min(end_s, 1e5) * RATE_HZ)]
    return max((abs(each) for each in part), default=0)


async def test_left_is_what_the_channel_says_and_right_what_it_hears(desk: Desk) -> None:
    uuid = desk.switch.call(TONE)
    start = await desk.start(uuid)
    await asyncio.sleep(A_WHILE_S)
    assert isinstance(await desk.do(uuid, desk.stop(start)), RecorderStopped)
    said, heard = desk.sides(start)
    assert len(said) == len(heard) >= (A_WHILE_S - FRAME_S) * RATE_HZ
    assert loudest(said) < LOUD < loudest(heard)


async def test_what_an_administrator_has_set_for_other_recorders_does_not_count(
    desk: Desk,
) -> None:
    uuid = desk.switch.call(
        TONE,
        RECORD_STEREO="false",
        RECORD_STEREO_SWAP="true",
        RECORD_WRITE_ONLY="true",
        RECORD_BRIDGE_REQ="true",
        RECORD_MIN_SEC="60",
        RECORD_TOGGLE_ON_REPEAT="true",
        RECORD_INITIAL_TIMEOUT_MS="100",
        record_sample_rate="16000",
    )
    start = await desk.start(uuid)
    await asyncio.sleep(A_WHILE_S)
    assert isinstance(await desk.do(uuid, desk.stop(start)), RecorderStopped)
    said, heard = desk.sides(start)
    assert len(heard) >= (A_WHILE_S - FRAME_S) * RATE_HZ
    assert loudest(said) < LOUD < loudest(heard)


async def test_the_first_moments_are_kept_and_the_file_grows_at_once(desk: Desk) -> None:
    uuid = desk.switch.call(TONE)
    start = await desk.start(uuid)
    await asyncio.sleep(0.2)  # 6,400 bytes
    assert desk.size_bytes(start) > HEAD_BYTES, "nothing is held back that a crash could take"
    assert isinstance(await desk.do(uuid, desk.stop(start)), RecorderStopped)
    assert len(desk.sides(start)[1]) >= (0.2 - FRAME_S) * RATE_HZ


async def test_a_mask_writes_zeros_on_both_sides_and_goes_on(desk: Desk) -> None:
    uuid = desk.switch.call(TONE)
    start = await desk.start(uuid)
    await asyncio.sleep(A_WHILE_S)
    path = desk.path(start)
    assert isinstance(await desk.do(uuid, MuteRecorder(start.segment, path)), RecorderMuted)
    await asyncio.sleep(A_WHILE_S)
    assert await desk.do(uuid, UnmuteRecorder(start.segment, path)) is None
    await asyncio.sleep(A_WHILE_S)
    await desk.do(uuid, desk.stop(start))
    said, heard = desk.sides(start)
    begin_s, end_s = A_WHILE_S + FRAME_S, 2 * A_WHILE_S - FRAME_S
    assert loudest(said, begin_s, end_s) == loudest(heard, begin_s, end_s) == 0
    assert loudest(heard, 0, A_WHILE_S - FRAME_S) > LOUD
    assert loudest(heard, 2 * A_WHILE_S + FRAME_S) > LOUD
    assert isinstance(await desk.do(uuid, MuteRecorder(start.segment, path)), MuteUnconfirmed)


async def test_what_is_not_there_is_refused(desk: Desk) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    start = desk.new()
    assert isinstance(await desk.do(nobody, start), RecorderRefused)
    assert isinstance(await desk.do(nobody, desk.stop(start)), StopUnconfirmed)
    assert await desk.do(nobody, NoteState("x")) is None


async def test_somebody_elses_stop_is_known_by_its_event(desk: Desk) -> None:
    uuid = desk.switch.call(TONE)
    start = await desk.start(uuid)
    await asyncio.sleep(A_WHILE_S)
    assert desk.switch.hand.api(f"uuid_record {uuid} stop all").startswith("+OK")
    stopped_at = desk.station.pbx_now()
    fact = await desk.do(uuid, desk.stop(start))
    assert isinstance(fact, RecorderStopped)
    assert fact.found == 1
    assert abs((fact.at - stopped_at).total_seconds()) < A_WHILE_S
    desk.sides(start)


async def test_everything_on_a_channel_is_stopped(desk: Desk) -> None:
    uuid = desk.switch.call(TONE)
    start = await desk.start(uuid)
    desk.switch.record(uuid, "stranger")
    assert desk.switch.recorders(uuid) == 2
    fact = await desk.do(uuid, StopEveryRecorder(start.segment))
    assert isinstance(fact, RecorderStopped)
    assert fact.found == 1
    assert desk.switch.recorders(uuid) == 0
    again = await desk.do(uuid, StopEveryRecorder(0))
    assert isinstance(again, RecorderStopped)
    assert again.found == 0


async def test_one_that_moves_with_a_transfer_is_found_and_ended(desk: Desk) -> None:
    """Only ``stop all`` on the channel to which it was moved ends it."""
    switch = desk.switch
    one = switch.call(TONE, recording_follow_transfer="true")
    other = switch.call("park", "other")
    switch.talk(one, other)
    start = await desk.start(one)
    await asyncio.sleep(A_WHILE_S)
    assert switch.hand.api(f"uuid_transfer {one} -bleg park inline").startswith("+OK")
    await until(lambda: desk.told.ends(one))
    assert switch.recorders(other) == 0
    (fact,) = desk.told.ends(one)
    assert (fact.segment, fact.found) == (start.segment, 0)
    desk.sides(start)


async def test_a_note_is_a_variable_and_none_is_none(desk: Desk) -> None:
    uuid = desk.switch.call("park")
    text = "20261121-171502-k3f7x2m7;recorded;desk;2024-01-01;inbound;1795266300000;;desk;a-1;1o:1:"
    assert isinstance(await desk.do(uuid, NoteState(text)), VariableSet)
    assert desk.switch.hand.variable(uuid, "HUSHTAPE_CALL") == text
    at = desk.station.pbx_now()
    await desk.do(uuid, NotePayment(at, PaymentWay.API))
    assert desk.switch.hand.variable(uuid, "HUSHTAPE_PAYMENT").startswith("began:")
    await desk.do(uuid, NotePayment(None))
    assert desk.switch.hand.variable(uuid, "HUSHTAPE_PAYMENT") == ""
