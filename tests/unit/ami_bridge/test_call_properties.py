"""Whatever comes, in whatever order, repeated or late: what must always hold of one call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some

from ami_bridge.call import Call
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    BridgeEnds,
    Command,
    Fact,
    HandOff,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LinkReturned,
    QueueEntered,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.recorder import Recorder
from ami_bridge.stages import Stage
from hushtape.policy import parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Destination, DestinationKind, Payment, Policy
from hushtape.recordings.manifest import HANDOFF_LIMIT_BYTES, Direction, Handoff
from tests.samples import REASON

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

# Each policy with its own queue, another one and a till; its lines are those of the test lab.
TILL = Destination(name="the till", queues=("till",))
BY_NAME = {policy.name: policy for policy in parse.load_folder(EXAMPLES)}
POLICIES = [
    msgspec.structs.replace(
        BY_NAME[name],
        destination=(*BY_NAME[name].destination, TILL),
        payment=Payment(lines=(*BY_NAME[name].payment.lines, "the till")),
    )
    for name in ("reigate-banstead", "surrey")
]
PLACES = [
    Place(DestinationKind.EXTENSION, "212"),
    Place(DestinationKind.EXTENSION, "710"),
    Place(DestinationKind.EXTENSION, "730"),
    Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010"),
    Place(DestinationKind.QUEUE, "613", queue="elsewhere"),
    Place(DestinationKind.QUEUE, "614", queue="till"),
    Place(DestinationKind.UNKNOWN, "4711"),
]
ANSWERS = ["started", "started", "stopped", "stopped", "refused", "uncertain", "unconfirmed"]
KINDS = [*ANSWERS, "rested", "entered", "transfer", "answered", "failed", "link", "again"]
KINDS += ["left", "joined", "redirected", "adopted"]
# So that calls get far: what the PBX would say next, and where a call would go.
KINDS += ["answer"] * 10 + ["entered", "transfer"] * 3
STEPS_S = [0.0, 0.001, 0.05, 5.0]
BACKWARDS_S = [*STEPS_S, -3.0]  # a clock that was set, or a fact that comes late

# kind, seconds since the last fact, which one
Moves = list[tuple[str, float, int]]


def moves(steps_s: list[float]) -> some.SearchStrategy[Moves]:
    move = some.tuples(
        some.sampled_from([*KINDS, "bridge ends", "hung up"]),
        some.sampled_from(steps_s),
        some.integers(0, 11),
    )
    return some.lists(move, min_size=5, max_size=40)


class Played:
    """A call to which facts are told; it keeps what was commanded and watches what must hold."""

    def __init__(self, policy: Policy) -> None:
        self.queue = policy.calls.queues[0]
        self.at = START
        self.segments: list[int] = []
        self.rests: list[int] = [0]
        self.handoffs: list[Handoff] = []
        self.over = False
        self.asked: Command | None = None  # what the PBX has to answer
        self.settled: set[int] = set()  # segments of which the PBX said that nothing runs
        self.last: Fact = self.entered(0)
        began = self.last
        assert isinstance(began, QueueEntered)
        self.call = Call(
            id="20261121-130500-abcdefgh",
            pbx="pbx1",
            pbx_call="1.1",
            policy=policy,
            began=began,
            reason=REASON,
        )
        self.check(self.call.begin())

    def entered(self, which: int) -> QueueEntered:
        queue = (self.queue, self.queue, "elsewhere", "till")[which % 4]
        arrival = Arrival(
            at=self.at, direction=Direction.INBOUND, dialled="01737276000", queue=queue
        )
        return QueueEntered(at=self.at, arrival=arrival, number="07900123003")

    def fact(self, kind: str, which: int) -> Fact:
        at = self.at
        # Mostly about the newest; sometimes late about an older one, or about none at all.
        segment = (0, len(self.segments) - 1)[which % 4 == 0] if which < 3 else len(self.segments)
        rest = self.rests[0] if which < 2 else self.rests[-1]
        facts: dict[str, Fact] = {
            "entered": self.entered(which),
            "transfer": TransferCompleted(at=at, place=PLACES[which % len(PLACES)]),
            "redirected": TransferCompleted(
                at=at, place=PLACES[which % len(PLACES)], how="redirected"
            ),
            "failed": TransferFailed(at=at),
            "left": LeftTalk(at=at),
            "joined": JoinedTalk(at=at),
            "adopted": Adopted(at=at),
            "answered": AgentAnswered(at=at, agent=f"23{which}"),
            "started": RecorderStarted(at=at, segment=segment, recorder_id=f"0x{segment}"),
            "refused": RecorderRefused(at=at, segment=segment),
            "uncertain": RecorderUncertain(at=at, segment=segment),
            "stopped": RecorderStopped(at=at, segment=segment),
            "unconfirmed": StopUnconfirmed(at=at, segment=segment),
            "rested": Rested(at=at, rest=rest),
            "link": LinkReturned(at=at),
            "bridge ends": BridgeEnds(at=at),
            "hung up": HungUp(at=at, seen=which % 2 == 0),
            "again": self.last,
            "answer": self.answer(which),
        }
        return facts[kind]

    def answer(self, which: int) -> Fact:
        """What a PBX would say, on a bad day, to what it was asked last."""
        match self.asked:
            case StartRecorder(segment=number):
                if which < 2:
                    return RecorderRefused(at=self.at, segment=number)
                if which < 4:
                    return RecorderUncertain(at=self.at, segment=number)
                return RecorderStarted(at=self.at, segment=number, recorder_id=f"0x{number}")
            case StopRecorder(segment=number) | StopEveryRecorder(segment=number):
                kind = StopUnconfirmed if which < 6 else RecorderStopped
                return kind(at=self.at, segment=number)
            case Rest(rest=rest):
                return Rested(at=self.at, rest=rest)
        return LinkReturned(at=self.at)

    def tell(self, kind: str, step_s: float, which: int) -> None:
        self.at += timedelta(seconds=step_s)
        fact = self.last = self.fact(kind, which)
        if isinstance(fact, RecorderStopped | RecorderRefused):
            self.settled.add(fact.segment)
        before = self.call.stage
        self.check(self.call.apply(fact))
        if before is Stage.SILENT and not isinstance(fact, QueueEntered):
            assert self.call.stage in (Stage.SILENT, Stage.OVER), "a payment lasts"

    def check(self, commands: list[Command]) -> None:
        assert not (self.over and commands), "after the end nothing is done"
        for command in commands:
            if isinstance(command, StartRecorder | StopRecorder | StopEveryRecorder | Rest):
                self.asked = command
            match command:
                case StartRecorder():
                    assert self.call.stage is Stage.RECORDED
                    assert command.segment == len(self.segments) + 1
                    assert set(self.segments) <= self.settled, "one recorder at a time"
                    self.segments.append(command.segment)
                case StopRecorder() | StopEveryRecorder():
                    assert command.segment == self.segments[-1]
                case Rest():
                    assert command.rest not in self.rests
                    self.rests.append(command.rest)
                case HandOff():
                    self.handoffs.append(command.handoff)
        self.over = self.call.stage is Stage.OVER
        if self.call.stage in (Stage.UNRECORDED, Stage.SILENT):
            alone = (Recorder.STARTING, Recorder.RUNNING, Recorder.UNCERTAIN)
            assert self.call.recorder not in alone, "what may run is being stopped"


def play(policy: Policy, told: Moves) -> Played:
    played = Played(policy)
    for kind, step_s, which in told:
        played.tell(kind, step_s, which)
    played.tell("hung up", 1.0, 0)
    assert played.over
    assert len(played.handoffs) <= 1
    for handoff in played.handoffs:
        assert len(msgspec.json.encode(handoff)) < HANDOFF_LIMIT_BYTES
        numbers = [segment.number for segment in handoff.segments]
        assert numbers == sorted(set(numbers))
        assert set(numbers) <= set(played.segments)
        assert all(segment.cut_s >= 0 for segment in handoff.segments)
    return played


@settings(max_examples=150, deadline=None)
@given(some.sampled_from(POLICIES), moves(BACKWARDS_S))
def test_no_order_of_facts_breaks_a_call(policy: Policy, told: Moves) -> None:
    play(policy, told)


@settings(max_examples=150, deadline=None)
@given(some.sampled_from(POLICIES), moves(STEPS_S))
def test_while_the_clock_runs_forwards_every_segment_and_span_has_a_length(
    policy: Policy, told: Moves
) -> None:
    told = [move for move in told if move[0] != "again"]  # it would bring an old time back
    for handoff in play(policy, told).handoffs:
        for segment in handoff.segments:
            assert segment.ended_at is not None
            file_ends_at = segment.ended_at + timedelta(seconds=segment.cut_s)
            assert file_ends_at >= segment.started_at, "no more is cut than there is"
            assert segment.ended_at >= segment.started_at or segment.cut_s > 0
            assert file_ends_at <= handoff.call.ended_at
        for span in handoff.spans:
            assert span.ended_at >= span.started_at
