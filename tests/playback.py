"""Plays what a PBX said (tests/data/ami, or a file made by ``hushtape bridge --trace``) through the
real protocol, the translator and a bridge, whose station carries out every command at once.

All of it in virtual time (tests/virtual_time.py), which follows the events' own stamps: pauses are
as long as they were, and take no time. The link can be lost and come back at any frame's edge; what
lives on the PBX then is known from what it has said so far.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from panoramisk import Manager
from structlog.testing import capture_logs

from ami_bridge.asterisk.limits import NEVER_S
from ami_bridge.asterisk.protocol import Carried, Frame, SafeProtocol, parse
from ami_bridge.asterisk.session import Reader
from ami_bridge.asterisk.translate import Translator
from ami_bridge.bridge import Bridge
from ami_bridge.facts import (
    Channel,
    Command,
    Fact,
    HungUp,
    LegGone,
    NoteState,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
)
from ami_bridge.live import LiveCall
from ami_bridge.living import Running
from ami_bridge.session import Happened, Living
from ami_bridge.variables import CALL_VARIABLE
from hushtape.config import Pbx
from hushtape.ids import new_call_id
from hushtape.policy import parse as policies
from hushtape.policy.schema import Policy
from hushtape.recordings.manifest import Handoff
from lab import town
from tests.switch import EPOCH, Switch

ROOT = Path(__file__).parents[1]
SESSIONS = {path.stem: path for path in sorted((ROOT / "tests/data/ami").glob("*.ami"))}
POLICIES = policies.load_folder(ROOT / "examples" / "policies")

# The PBX of the lab, on which they were all recorded: lab/product.py.
PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={queue.number: queue.name for queue in town.queues(town.Crowd(0))},
    extensions=("2XX", "30XX", "7X0"),
    outside=("90.",),
    outside_prefix="9",
)

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
FRAME_END = b"\r\n\r\n"
LONGEST_WAIT_S = 3600.0  # between two events; a file may hold several days
AFTERWARDS_S = 3600.0  # for whatever the bridge still waits for at the end
ANSWER_S = 0.002
TICK_S = 1e-6  # whatever can go on does so before this is over

_CONNECTION = re.compile(rb"(?:\A|(?<=\r\n\r\n))(?=Asterisk Call Manager/)")


def connections(data: bytes) -> list[bytes]:
    """Split a file into what was said over each connection."""
    return [part for part in _CONNECTION.split(data) if part]


def frames(data: bytes) -> list[bytes]:
    """Split what was said over a connection at every frame's edge; nothing is left out."""
    parts = data.split(FRAME_END)
    return [part + FRAME_END for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


@dataclass
class Outcome:
    """What came of playing a file. Facts and commands are written down as they were then."""

    facts: list[tuple[str, str]] = field(default_factory=list)  # uniqueid, fact
    commands: list[tuple[str, str]] = field(default_factory=list)  # uniqueid, command
    handoffs: list[Handoff] = field(default_factory=list)
    left: list[LiveCall] = field(default_factory=list)  # calls that are not over for the bridge
    living: set[str] = field(default_factory=set)  # uniqueids of the PBX's channels at the end
    late: list[str] = field(default_factory=list)  # recorders wanted after a hang-up was told
    bugs: list[str] = field(default_factory=list)

    def forgotten(self) -> list[str]:
        """Name the calls whose channel hung up, and which the bridge goes on with."""
        return [live.call.id for live in self.left if live.channel.uniqueid not in self.living]


class Kept:
    """Live calls in memory, as they were when they were written."""

    def __init__(self) -> None:
        self.calls: dict[str, bytes] = {}

    def write(self, live: LiveCall) -> None:
        self.calls[live.call.id] = msgspec.json.encode(live)

    def forget(self, call_id: str) -> None:
        self.calls.pop(call_id, None)


class Outbox:
    """Takes every recording."""

    def __init__(self, taken: list[Handoff]) -> None:
        self._taken = taken

    def put(self, handoff: Handoff) -> None:
        self._taken.append(handoff)


class Station:
    """Carries out every command, as far as the PBX can."""

    name = "pbx1"
    one_file = False

    def __init__(self, player: Player) -> None:
        self._player = player
        self._recorders = 0

    @property
    def heard_at(self) -> datetime:
        return self._player.now()

    def lives(self, uniqueid: str) -> bool:
        return self._player._translator.channel(uniqueid) is not None

    @property
    def up(self) -> bool:
        return self._player.linked

    @property
    def spool(self) -> None:
        return None

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        return self._player._translator.around(channel)

    def overheard(self, channel: Channel) -> bool:
        return self._player._translator.overheard(channel)

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        raise NotImplementedError

    def pbx_now(self) -> datetime:
        return self._player.now()

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        uniqueid = channel.uniqueid
        self._player.outcome.commands.append((uniqueid, repr(command)))
        if isinstance(command, StartRecorder) and uniqueid in self._player.gone:
            self._player.outcome.late.append(uniqueid)
        await asyncio.sleep(ANSWER_S)
        at = self.pbx_now()
        if not self._player.linked:
            return _unknown(command, at)
        switch = self._player.switch
        recorders = switch.recorders.setdefault(uniqueid, set())
        match command:
            case StartRecorder():
                if uniqueid not in switch.channels:
                    return RecorderRefused(at=at, segment=command.segment)
                self._recorders += 1
                recorders.add(f"0x{self._recorders:x}")
                recorder_id = f"0x{self._recorders:x}"
                return RecorderStarted(at=at, segment=command.segment, recorder_id=recorder_id)
            case StopRecorder():
                recorders.discard(command.recorder_id)
                return RecorderStopped(at=at, segment=command.segment)
            case StopEveryRecorder():
                found = len(recorders)
                recorders.clear()
                return RecorderStopped(at=at, segment=command.segment, found=found)
            case NoteState() if uniqueid in switch.channels:
                switch.variables.setdefault(uniqueid, {})[CALL_VARIABLE] = command.text
        return None


def _unknown(command: Command, at: datetime) -> Fact | None:
    """Without a link nothing is carried out, and nobody can tell."""
    match command:
        case StartRecorder():
            return RecorderUncertain(at=at, segment=command.segment)
        case StopRecorder() | StopEveryRecorder():
            return StopUnconfirmed(at=at, segment=command.segment)
        case _:
            return None


class _Wire(asyncio.Transport):
    def abort(self) -> None:
        pass

    def write(self, data: bytes) -> None:  # type: ignore[override]
        raise AssertionError("a player asks nothing")


class Player:
    """Plays one file."""

    def __init__(self, pbx: Pbx = PBX, policies: Sequence[Policy] = POLICIES) -> None:
        self.outcome = Outcome()
        self.switch = Switch()
        self.linked = False
        self.gone: set[str] = set()  # uniqueids of channels whose hang-up was told
        self._translator = Translator(pbx)
        self._kept = Kept()
        numbers = iter(range(1_000_000))
        self._bridge = Bridge(
            policies,
            Outbox(self.outcome.handoffs),  # type: ignore[arg-type]
            self._kept,  # type: ignore[arg-type]
            lambda at: new_call_id(at, next(numbers).to_bytes(5, "big")),
        )
        self._station = Station(self)
        self._zero: datetime | None = None  # the PBX's time when the loop's time was zero
        self._heard: list[Frame] = []
        self._protocol: SafeProtocol | None = None
        self._manager: Manager | None = None
        self._reader = Reader()

    def now(self) -> datetime:
        """Tell the PBX's time."""
        return (self._zero or EPOCH) + timedelta(seconds=asyncio.get_running_loop().time())

    async def play(self, data: bytes, size: int | None = None) -> Outcome:
        """Play a whole file, in pieces of so many bytes, to its end."""
        with capture_logs() as logs:
            for connection in connections(data):
                self.connect()
                await self.hear(connection, size)
                self.lose()
            return await self.end(logs)

    async def end(self, logs: Sequence[Mapping[str, object]]) -> Outcome:
        """Let the bridge come to rest, and say what came of it all."""
        await asyncio.sleep(AFTERWARDS_S)
        left = [msgspec.json.decode(each, type=LiveCall) for each in self._kept.calls.values()]
        self.outcome.left = left
        self.outcome.living = set(self.switch.channels)
        self.outcome.bugs += [str(log) for log in logs if "exc_info" in log or "failed" in str(log)]
        return self.outcome

    def connect(self) -> None:
        """A link, for the first time or again."""
        self._protocol = SafeProtocol(clock=self.now, list_ids="the player asks for no list")
        self._protocol.connection_made(_Wire())
        loop = asyncio.get_running_loop()
        self._manager = Manager(loop=loop, ping_delay=NEVER_S, ping_interval=NEVER_S)
        self._manager.register_event("*", self._hear)
        made = loop.create_future()
        made.set_result((self._protocol.transport, self._protocol))
        self._manager.connection_made(made)
        self.linked = True

    def _hear(self, _manager: Manager, message: Carried) -> None:
        self._heard.append(message.frame)

    def lose(self) -> None:
        """The link is lost."""
        assert self._protocol is not None
        assert self._manager is not None
        self.linked = False
        if self._protocol.closed and "could not be handled" in str(self._protocol.lost.result()):
            self.outcome.bugs.append(str(self._protocol.lost.result()))
        self._protocol.connection_lost(None)
        self._manager.close()

    async def come_back(self, since: datetime) -> None:
        """The link is there again: the bridge is told what lives, as after each login."""
        self.connect()
        await self.hear(GREETING)
        await self._resync(self.switch.status(), since)

    async def hear(self, data: bytes, size: int | None = None) -> None:
        """The PBX says something, in pieces of so many bytes, and the link is there."""
        assert self._protocol is not None
        size = size or max(1, len(data))
        for start in range(0, len(data), size):
            self._protocol.data_received(data[start : start + size])
            if self._heard:
                heard, self._heard = self._heard, []
                for frame in heard:
                    await self._take(frame)

    async def miss(self, data: bytes) -> None:
        """The PBX says something, and nobody listens."""
        frame = parse(data.strip(), self.now())
        if frame.event:
            if frame.sent is not None:
                await self._pass_time(frame.sent)
            self.switch.take(frame)

    async def _take(self, frame: Frame) -> None:
        match self._reader.take(frame):
            case Happened(at=at):
                await self._pass_time(at)
                self.switch.take(frame)
                await self._translate(frame, at)
            case Living(at=at, channels=channels):
                await self._pass_time(at)
                self._adopt(channels)
                await self._resync(channels, self.now())

    def _adopt(self, living: Sequence[Frame]) -> None:
        """The PBX is as it said itself."""
        alive = {frame.get("Uniqueid", ""): frame for frame in living}
        for uniqueid in [each for each in self.switch.channels if each not in alive]:
            self.switch.take({"Event": "Hangup", "Uniqueid": uniqueid})
        for uniqueid, frame in alive.items():
            self.switch.channels.setdefault(uniqueid, dict(frame))

    async def _translate(self, frame: Frame, at: datetime) -> None:
        for told in self._translator.translate(frame, at):
            await self._tell(told.channel, told.fact)

    async def _resync(self, living: Sequence[Frame], since: datetime) -> None:
        for told in self._translator.resync(living, self.now(), since):
            await self._tell(told.channel, told.fact)
        self._bridge.link_up(self._station, self.now())

    async def _tell(self, channel: Channel, fact: Fact) -> None:
        self.outcome.facts.append((channel.uniqueid, repr(fact)))
        match fact:
            case HungUp():
                self.gone.add(channel.uniqueid)
            case LegGone():
                self.gone.add(fact.leg)
        self._bridge.tell(self._station, channel, fact)

    async def _pass_time(self, at: datetime) -> None:
        """Wait until it is as late as the PBX says."""
        loop = asyncio.get_running_loop()
        if self._zero is None:
            self._zero = at - timedelta(seconds=loop.time())
        wait_s = (at - self.now()).total_seconds()
        if wait_s > 0:
            await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))


async def cut(
    data: bytes, edges: Sequence[int], missed: int = 0, player: Player | None = None
) -> Outcome:
    """Play a file of one connection with the link lost at some of its frames' edges.

    Args:
        edges: after so many frames, 1 and more.
        missed: for how many frames it stays away each time.
        player: a fresh one, with other policies perhaps.
    """
    player = player or Player()
    parts = frames(data)
    where = sorted(set(edges))
    with capture_logs() as logs:
        player.connect()
        position = 0
        for edge in [each for each in where if 0 < each < len(parts)]:
            if edge <= position:
                continue  # the link was away
            await player.hear(b"".join(parts[position:edge]))
            lost_at = player.now()
            player.lose()
            position = min(edge + missed, len(parts))
            for part in parts[edge:position]:
                await player.miss(part)
            await player.come_back(lost_at)
        await player.hear(b"".join(parts[position:]))
        player.lose()
        return await player.end(logs)


def edges_that_matter(data: bytes) -> Iterator[int]:
    """Name the edges after frames of which something follows: between them all cuts are alike."""
    translator, switch = Translator(PBX), Switch()
    for number, part in enumerate(frames(data), start=1):
        frame = parse(part.strip(), EPOCH)
        before = switch.status()
        switch.take(frame)
        told = translator.translate(frame, frame.sent or EPOCH)
        if told or switch.status() != before:
            yield number
