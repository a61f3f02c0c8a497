"""A PBX in memory for payments: recorders, variables, and whatever may go wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ami_bridge.bridge import Bridge
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    AgentAnswered,
    AnswerYes,
    Channel,
    Command,
    Fact,
    MuteRecorder,
    MuteUnconfirmed,
    NotePayment,
    NoteState,
    PaymentBegan,
    RecorderMuted,
    RecorderStarted,
    RecorderStopped,
    SilenceAsked,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TalkChanged,
    Talker,
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.live import LiveCall
from ami_bridge.living import Live, Running
from hushtape.ids import new_call_id
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind, Payment, PaymentWay, Policy
from hushtape.recordings.foreign import Order
from hushtape.recordings.manifest import Handoff
from tests.unit.ami_bridge.test_bridge import (
    POLICIES,
    START,
    FakeKept,
    FakeOutbox,
    entered,
    until,
)

CALLER = Channel("1.1", "PJSIP/trunk-1", "from-outside", "01737276000")
AGENT = Channel("1.2", "PJSIP/211-2", "internal", "s")
SECOND = Channel("1.3", "PJSIP/211-3", "internal", "710")
ADVISER = Talker("1.2", Place(DestinationKind.EXTENSION, "211"), "PJSIP/211")
NONCE = "123456789987654321"


@dataclass
class FakePbx:
    """Answers at once, as far as it isn't told to fail."""

    name: str = "pbx1"
    spool: Path | None = None
    up: bool = True
    one_file: bool = False
    heard_at: datetime | None = START
    recorders: dict[str, list[str]] = field(default_factory=dict)  # uniqueid -> what records there
    muted: set[str] = field(default_factory=set)
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    done: list[tuple[str, Command]] = field(default_factory=list)
    fails: tuple[type[Command], ...] = ()  # these are never carried out
    sticks: set[str] = field(default_factory=set)  # uniqueids on which nothing can be stopped
    gone: set[str] = field(default_factory=set)
    near: dict[str, tuple[Channel, ...]] = field(default_factory=dict)
    now: datetime = START
    hangs: bool = False  # the PBX reads no more
    listened: bool = False  # somebody listens in
    started: int = 0

    def lives(self, uniqueid: str) -> bool:
        return uniqueid not in self.gone

    def overheard(self, channel: Channel) -> bool:
        return self.listened

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        pass

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        return self.near.get(channel.uniqueid, (channel,))

    async def run(self) -> None:
        await asyncio.Event().wait()

    def pbx_now(self) -> datetime:
        return self.now

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        self.done.append((channel.uniqueid, command))
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        self.now += timedelta(milliseconds=1)
        failed = isinstance(command, self.fails) or (
            channel.uniqueid in self.sticks
            and isinstance(command, StopRecorder | StopEveryRecorder)
        )
        return self._failed(command) if failed else self._carried_out(channel.uniqueid, command)

    def _failed(self, command: Command) -> Fact | None:
        match command:
            case StopRecorder(segment=number) | StopEveryRecorder(segment=number):
                by_id = isinstance(command, StopRecorder)
                return StopUnconfirmed(at=self.now, segment=number, by_id=by_id)
            case MuteRecorder(segment=number) | UnmuteRecorder(segment=number):
                return MuteUnconfirmed(at=self.now, segment=number)
        return None

    def _carried_out(self, on: str, command: Command) -> Fact | None:
        here = self.recorders.setdefault(on, [])
        at = self.now
        match command:
            case StartRecorder(segment=number):
                self.started += 1
                here.append(f"0x{self.started:x}")
                return RecorderStarted(at=at, segment=number, recorder_id=here[-1])
            case StopRecorder(segment=number, recorder_id=found):
                if found not in here:
                    return StopUnconfirmed(at=at, segment=number, by_id=True)
                here.remove(found)
                return RecorderStopped(at=at, segment=number)
            case StopEveryRecorder(segment=number):
                count = len(here)
                here.clear()
                return RecorderStopped(at=at, segment=number, found=count)
            case MuteRecorder(segment=number, recorder_id=found):
                self.muted.add(found)
                return RecorderMuted(at=at, segment=number)
            case UnmuteRecorder(recorder_id=found):
                self.muted.discard(found)
                return None
            case NoteState(text=text):
                self.variables[on, "call"] = text
            case NotePayment(at=when, way=way):
                self.variables[on, "payment"] = f"{way}" if when is not None else ""
            case AnswerYes(nonce=nonce):
                self.variables[on, "silence"] = nonce
        return VariableSet(at=at)

    def commands(self, kind: type[Command], on: str = CALLER.uniqueid) -> list[Command]:
        return [each for where, each in self.done if where == on and isinstance(each, kind)]


@dataclass
class Desk:
    """A bridge with one call that an agent has taken."""

    pbx: FakePbx
    bridge: Bridge
    kept: FakeKept
    outbox: FakeOutbox
    orders: list[Order]

    @property
    def live(self) -> Live:
        (live,) = self.bridge._live.values()
        return live

    @property
    def call(self) -> Call:
        return self.live.call

    def tell(self, fact: Fact, channel: Channel = CALLER) -> None:
        self.bridge.tell(self.pbx, channel, fact)

    def pays(self, way: PaymentWay = PaymentWay.EVENT, **more: bool) -> None:
        self.tell(PaymentBegan(at=self.pbx.now, way=way, **more))

    async def asks(self, channel: Channel = CALLER, **more: object) -> str:
        """Let the dialplan ask as it does; return what it finds in its variable."""
        question = SilenceAsked(
            at=self.pbx.now,
            nonce=NONCE,
            way=PaymentWay.TRANSFER,
            callers=(CALLER,),
            channels=(channel, *(() if channel is CALLER else (CALLER,)), AGENT),
            **more,  # type: ignore[arg-type]
        )
        self.bridge.tell(self.pbx, channel, question)
        await settled(self.bridge)
        return self.pbx.variables.get((channel.uniqueid, "silence"), "")

    def kept_call(self) -> LiveCall:
        (live,) = self.kept.load()
        return live


class Orders:
    def __init__(self) -> None:
        self.put_in: list[Order] = []
        self.intended: list[Order] = []

    def intend(self, order: Order) -> None:
        if order not in self.intended:  # one file for those that are alike
            self.intended.append(order)

    def withdraw(self, order: Order) -> None:
        self.intended.remove(order)

    def put(self, order: Order) -> None:
        self.put_in.append(order)

    def drain(self) -> int:
        return 0


def policies(**payment: object) -> list[Policy]:
    """The councils', with another ``[payment]``."""
    return [
        msgspec.structs.replace(
            each,
            payment=Payment(lines=each.payment.lines, **payment),  # type: ignore[arg-type]
        )
        for each in POLICIES
    ]


async def settled(bridge: Bridge) -> None:
    """Let the bridge do what doesn't have to wait for a clock."""
    for _ in range(200):
        await asyncio.sleep(0)
    await asyncio.sleep(0.002)  # the spool is tried on a thread


async def answered(under: Sequence[Policy] = POLICIES, pbx: FakePbx | None = None) -> Desk:
    """A call of the queue that the agent has, and its recorder runs."""
    pbx, outbox, kept, orders = pbx or FakePbx(), FakeOutbox(), FakeKept(), Orders()
    numbers = iter(range(1000))
    bridge = Bridge(
        under,
        outbox,  # type: ignore[arg-type]
        kept,  # type: ignore[arg-type]
        lambda at: new_call_id(at, next(numbers).to_bytes(5, "big")),
        None,
        orders,  # type: ignore[arg-type]
        0.05,
    )
    bridge._stations = {pbx.name: pbx}
    desk = Desk(pbx, bridge, kept, outbox, orders.put_in)
    desk.tell(entered())
    desk.tell(AgentAnswered(at=START, agent="PJSIP/211", talker=ADVISER))
    desk.tell(TalkChanged(at=START, talkers=(ADVISER,)))
    await until(lambda: desk.call.recorder is Recorder.RUNNING)
    return desk


def handed_off(desk: Desk) -> Handoff:
    (handoff,) = desk.outbox.put_in
    return handoff
