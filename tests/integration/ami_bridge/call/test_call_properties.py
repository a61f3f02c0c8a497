"""Whatever comes, in whatever order, repeated, lost or late: what must always hold of one call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder, Track
from ami_bridge.call.resumed import state_of
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Answered,
    Arrived,
    BridgeEnds,
    Channel,
    Command,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    HandOff,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    LinkReturned,
    MuteRecorder,
    MuteUnconfirmed,
    NoteState,
    OptedOut,
    Parked,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    QueueEntered,
    RecorderMuted,
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
    TalkChanged,
    Talker,
    TransferCompleted,
    TransferFailed,
)
from ami_bridge.walk.observer import Observer
from ami_bridge.walk.reading import Reading
from hushtape.policy import decide, parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import (
    AfterPayment,
    Asker,
    Destination,
    DestinationKind,
    OptOut,
    Pause,
    Payment,
    PaymentWay,
    Permission,
    Policy,
    SoFar,
    Starts,
)
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import HANDOFF_LIMIT_BYTES, Direction, EndedBy, Handoff, Leg
from tests.samples import REASON

EXAMPLES = Path(__file__).parents[4] / "examples" / "policies"
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

# Each policy with its own queue, another one and a till; its lines are those of the test lab.
TILL = Destination(name="the till", queues=("till",))
BY_NAME = {policy.name: policy for policy in parse.load_folder(EXAMPLES)}


def with_till(name: str, so_far: SoFar) -> Policy:
    policy = BY_NAME[name]
    return msgspec.structs.replace(
        policy,
        destination=(*policy.destination, TILL),
        payment=Payment(lines=(*policy.payment.lines, "the till")),
        opt_out=OptOut(by=(Asker.AGENT,), recorded_so_far=so_far),
    )


POLICIES = [
    with_till("reigate-banstead", SoFar.DISCARD),
    with_till("surrey", SoFar.KEEP),  # outbound calls with permission
    with_till("surrey", SoFar.DISCARD),
    with_till("uttlesford", SoFar.DISCARD),  # consultations
]


def with_words(policy: Policy, **words: Any) -> Policy:
    calls = msgspec.structs.replace(policy.calls, starts=words.pop("starts", policy.calls.starts))
    payment = msgspec.structs.replace(policy.payment, **words)
    return msgspec.structs.replace(policy, calls=calls, payment=payment)


WAYS = [way for way in PaymentWay if way is not PaymentWay.TRANSFER]
POLICIES += [
    with_words(POLICIES[0], starts=Starts.ANSWER, by=(PaymentWay.KEY, PaymentWay.DIALPLAN)),
    with_words(POLICIES[1], when_too_long=AfterPayment.RESUME, pause=Pause.MUTE),
    with_words(POLICIES[3], afterwards=AfterPayment.STAY_SILENT),
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
ADVISER = Talker("1.2", Place(DestinationKind.EXTENSION, "211"), "PJSIP/211")
COLLEAGUE = Talker("1.3", PLACES[0], "PJSIP/212")
HALF = Talker("1.8", PLACES[0], stands_in=True)
TALKS: list[tuple[Talker, ...]] = [
    (),
    (ADVISER,),
    (ADVISER,),
    (COLLEAGUE,),
    (ADVISER, COLLEAGUE),
    (HALF,),
    (Talker("1.3", PLACES[0], "PJSIP/212", halves=("1.8",)),),
    (ADVISER, *(Talker(f"1.{place.extension}", place, stands_in=True) for place in PLACES[1:3])),
]
# The adviser's channel, one more of the same telephone, and somebody else's.
LEGS = [
    Channel("1.2", "PJSIP/211-00000002", "internal", "s"),
    Channel("1.22", "PJSIP/211-00000022", "internal", "212"),
    Channel("1.3", "PJSIP/212-00000003", "internal", "s"),
]
ANSWERS = ["started", "started", "stopped", "stopped", "refused", "uncertain", "unconfirmed"]
KINDS = [*ANSWERS, "rested", "entered", "transfer", "answered", "failed", "link", "again"]
KINDS += ["left", "joined", "redirected", "attended", "adopted", "rung", "parked", "held"]
KINDS += ["pays", "pays", "paid", "paid", "called is gone"]
KINDS += ["consults", "consults", "consulted", "leg gone", "opts out", "permits"]
# So that calls get far: what the PBX would say next, who is there, and where a call would go.
KINDS += ["answer"] * 10 + ["talk"] * 4 + ["entered", "transfer"] * 3
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

    def __init__(self, policy: Policy, direction: Direction) -> None:
        self.policy = policy
        self.queue = policy.calls.queues[0]
        self.dialled = (*policy.calls.numbers, "01737276000")[0]
        self.at = START
        self.segments: list[int] = []
        self.on: dict[int, str] = {}  # segment -> uniqueid of the leg; "": the outside party's
        self.rests: list[int] = [0]
        self.handoffs: list[Handoff] = []
        self.handed_off = False
        self.asked: Command | None = None  # what the PBX has to answer
        self.unanswered: list[Command] = []
        self.settled: set[int] = set()  # segments of which the PBX said that nothing runs
        self.consults: set[str] = set()  # legs of consultations that began and didn't end
        terms = decide.permission_terms(policy, direction)
        self.permission = terms is None
        self.opted_out = False
        self.promise = ""
        self.last: Fact = self.entered(0) if direction is Direction.INBOUND else self.rung()
        began = self.last
        assert isinstance(began, Arrived)
        self.call = Call(
            id="20261121-130500-abcdefgh",
            pbx="pbx1",
            pbx_call="1.1",
            policy=policy,
            began=began,
            reason=REASON,
        )
        commands = self.call.begin()
        # Somebody else watches, too, who knows the promises and the policy's words only.
        terms_s = decide.payment_terms(policy).longest_s
        self.observer = Observer(policy, terms_s, terms.within_s if terms is not None else 0)
        self.seen, self.promise = self.observer.begin(began, commands)
        self.watched = Reading(policy).named(began.arrival)
        self.check(commands)

    def entered(self, which: int) -> QueueEntered:
        queue = (self.queue, self.queue, "elsewhere", "till")[which % 4]
        arrival = Arrival(
            at=self.at, direction=Direction.INBOUND, dialled=self.dialled, queue=queue
        )
        return QueueEntered(at=self.at, arrival=arrival, number="07900123003")

    def rung(self) -> Answered:
        arrival = Arrival(at=self.at, direction=Direction.OUTBOUND, dialled="020", extension="211")
        return Answered(at=self.at, arrival=arrival, number="020", agent="PJSIP/211")

    def fact(self, kind: str, which: int) -> Fact:
        at = self.at
        # Mostly about the newest; sometimes late about an older one, or about none at all.
        segment = (0, len(self.segments) - 1)[which % 4 == 0] if which < 3 else len(self.segments)
        rest = self.rests[0] if which < 2 else self.rests[-1]
        place, leg = PLACES[which % len(PLACES)], LEGS[which % len(LEGS)]
        telephone = leg.name.rpartition("-")[0]
        facts: dict[str, Fact] = {
            "entered": self.entered(which),
            "rung": self.rung(),
            "transfer": TransferCompleted(at=at, place=place),
            "redirected": TransferCompleted(at=at, place=place, how="redirected"),
            "attended": TransferCompleted(at=at, place=place, how="attended"),
            "failed": TransferFailed(at=at),
            "left": LeftTalk(at=at),
            "joined": JoinedTalk(at=at),
            "talk": TalkChanged(at=at, talkers=TALKS[which % len(TALKS)]),
            "held": Held(at=at),
            "parked": Parked(at=at),
            "consults": ConsultationBegan(at=at, leg=leg, place=place, telephone=telephone),
            "consulted": ConsultationEnded(at=at, leg=leg.uniqueid),
            "leg gone": LegGone(at=at, leg=leg.uniqueid),
            "pays": PaymentBegan(at=at, way=WAYS[which % len(WAYS)]),
            "paid": PaymentEnded(at=at, way=WAYS[which % len(WAYS)]),
            "called is gone": ConsultedGone(at=at),
            "opts out": OptedOut(at=at, by=(Asker.CALLER, Asker.AGENT)[which % 2]),
            "permits": PermissionGiven(at=at, by=tuple(Permission)[which % 3]),
            "adopted": Adopted(at=at),
            "answered": AgentAnswered(
                at=at, agent=f"23{which}", talker=(ADVISER, COLLEAGUE, None)[which % 3]
            ),
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
            case MuteRecorder(segment=number):
                muted = which % 3 > 0
                kind = RecorderMuted if muted else MuteUnconfirmed
                return kind(at=self.at, segment=number)
            case Rest(rest=rest):
                return Rested(at=self.at, rest=rest)
        return LinkReturned(at=self.at)

    def tell(self, kind: str, step_s: float, which: int) -> None:
        self.at += timedelta(seconds=step_s)
        self.take(self.fact(kind, which))

    def take(self, fact: Fact) -> None:
        self.last = fact
        before = self.call.stage
        self.know(fact, before)
        commands = self.call.apply(fact)
        promise = self.observer.follow(self.seen, fact, commands) if self.watched else ""
        assert not promise, promise
        ends = QueueEntered | OptedOut | Rested | PaymentEnded
        if before is Stage.SILENT and not isinstance(fact, ends):
            assert self.call.stage in (Stage.SILENT, Stage.OVER), "a payment lasts"
        if before is Stage.DECLINED:
            assert self.call.stage in (Stage.DECLINED, Stage.OVER), "who declined has declined"
        self.check(commands)

    def know(self, fact: Fact, before: Stage) -> None:
        """Follow what a fact means, without looking at how the call takes it."""
        match fact:
            case RecorderStopped() | RecorderRefused():
                self.settled.add(fact.segment)
            case LegGone():
                self.settled |= {number for number, on in self.on.items() if on == fact.leg}
                self.consults.discard(fact.leg)
            case ConsultationBegan():
                self.consults.add(fact.leg.uniqueid)
            case ConsultationEnded():
                self.consults.discard(fact.leg)
            case BridgeEnds() | Adopted():
                self.consults.clear()
            case OptedOut(by=Asker.AGENT) if before not in (Stage.DECLINED, Stage.OVER):
                self.opted_out = True
            case PermissionGiven() if before not in (Stage.DECLINED, Stage.OVER):
                wanted = (self.policy.outbound.permission, Permission.KEY)
                self.permission = self.permission or fact.by in wanted

    def check(self, commands: list[Command]) -> None:
        assert not (self.handed_off and commands), "after the hand-off nothing is done"
        for command in commands:
            if not isinstance(command, NoteState):
                self.check_one(command)
        call = self.call
        self.handed_off = bool(self.handoffs)
        assert call.sound
        assert (call.stage is Stage.OVER) or not self.handoffs
        if call.stage in (Stage.UNRECORDED, Stage.SILENT, Stage.PARKED, Stage.DECLINED):
            alone = (Recorder.STARTING, Recorder.RUNNING, Recorder.UNCERTAIN)
            if call.stage is not Stage.SILENT:
                alone += (Recorder.MUTING, Recorder.MUTED)
            assert call.recorder not in alone, "what may run is being stopped"
            assert not call.track.wanted
        for track in call.consultations:
            assert track.channel is not None
            if track.wanted:
                assert call.stage is Stage.RECORDED
                assert track.channel.uniqueid in self.consults, "nobody consults on it any more"

    def check_one(self, command: Command) -> None:
        asks = StartRecorder | StopRecorder | StopEveryRecorder | MuteRecorder | Rest
        if isinstance(command, asks):
            self.asked = command
            self.unanswered.append(command)
        match command:
            case StartRecorder(segment=number, leg=leg):
                assert self.call.stage is Stage.RECORDED
                assert number == len(self.segments) + 1
                on = leg.uniqueid if leg is not None else ""
                beside = {each for each, where in self.on.items() if where == on}
                assert beside <= self.settled, "one recorder at a time on a channel"
                assert leg is None or leg.uniqueid in self.consults
                known = self.call.company.known
                telephone = leg.name.rpartition("-")[0] if leg is not None else ""
                assert leg is None or leg.uniqueid in known or telephone in known, "a stranger's"
                self.segments.append(number)
                self.on[number] = on
            case StopRecorder(segment=number, leg=leg) | StopEveryRecorder(segment=number, leg=leg):
                assert self.on[number] == (leg.uniqueid if leg is not None else "")
            case Rest():
                assert command.rest not in self.rests
                self.rests.append(command.rest)
            case HandOff():
                self.handoffs.append(command.handoff)

    def settle(self) -> None:
        """From now on the PBX does all that it is asked, and says so."""
        for _ in range(500):
            if not self.unanswered:
                return
            command = self.unanswered.pop(0)
            self.at += timedelta(seconds=0.01)
            match command:
                case StartRecorder(segment=number):
                    self.take(
                        RecorderStarted(at=self.at, segment=number, recorder_id=f"0x{number}")
                    )
                case StopRecorder(segment=number) | StopEveryRecorder(segment=number):
                    self.take(RecorderStopped(at=self.at, segment=number))
                case MuteRecorder(segment=number):
                    self.take(RecorderMuted(at=self.at, segment=number))
                case Rest(rest=rest):
                    self.take(Rested(at=self.at, rest=rest))
        raise AssertionError("it never comes to rest")


def play(policy: Policy, direction: Direction, told: Moves) -> Played:
    played = Played(policy, direction)
    for kind, step_s, which in told:
        played.tell(kind, step_s, which)
    played.tell("hung up", 1.0, 0)
    assert played.call.stage is Stage.OVER
    played.settle()
    for leg in LEGS:
        played.take(LegGone(at=played.at, leg=leg.uniqueid))
    assert played.call.done, "nothing is left that may record"
    assert len(played.handoffs) <= 1
    for handoff in played.handoffs:
        assert len(msgspec.json.encode(handoff)) < HANDOFF_LIMIT_BYTES
        numbers = [segment.number for segment in handoff.segments]
        assert len(numbers) == len(set(numbers))
        assert set(numbers) <= set(played.segments)
        for segment in handoff.segments:
            assert segment.cut_s >= 0
            assert (segment.leg is Leg.OUTSIDE) == (played.on[segment.number] == "")
        must = not played.permission or (
            played.opted_out and policy.opt_out.recorded_so_far is SoFar.DISCARD
        )
        assert handoff.discard is not None or not must
    return played


DIRECTIONS = some.sampled_from([Direction.INBOUND, Direction.INBOUND, Direction.OUTBOUND])


@settings(max_examples=500, deadline=None)
@given(some.sampled_from(POLICIES), DIRECTIONS, moves(BACKWARDS_S))
def test_no_order_of_facts_breaks_a_call(policy: Policy, direction: Direction, told: Moves) -> None:
    play(policy, direction, told)


@settings(max_examples=300, deadline=None)
@given(some.sampled_from(POLICIES), DIRECTIONS, moves(STEPS_S))
def test_while_the_clock_runs_forwards_every_segment_and_span_has_a_length(
    policy: Policy, direction: Direction, told: Moves
) -> None:
    told = [move for move in told if move[0] != "again"]  # it would bring an old time back
    played = play(policy, direction, told)
    for handoff in played.handoffs:
        for segment in handoff.segments:
            assert segment.ended_at is not None
            file_ends_at = segment.ended_at + timedelta(seconds=segment.cut_s)
            assert file_ends_at >= segment.started_at, "no more is cut than there is"
            assert segment.ended_at >= segment.started_at or segment.cut_s > 0
            if segment.leg is Leg.OUTSIDE:
                assert file_ends_at <= handoff.call.ended_at
            assert segment.ended_at <= handoff.call.ended_at
        for span in handoff.spans:
            assert span.ended_at >= span.started_at


@settings(max_examples=200, deadline=None)
@given(some.sampled_from(POLICIES), DIRECTIONS, moves(STEPS_S))
def test_a_call_that_is_not_recorded_comes_to_rest_without_a_recorder(
    policy: Policy, direction: Direction, told: Moves
) -> None:
    """And one that is has just one, if the PBX will have it."""
    played = Played(policy, direction)
    for kind, step_s, which in told:
        if kind != "hung up":
            played.tell(kind, step_s, which)
    played.settle()
    call = played.call
    if call.stage is Stage.RECORDED and not call.ending:
        assert call.recorder in (Recorder.RUNNING, Recorder.REFUSED, Recorder.UNCERTAIN)
    else:
        may_be = [Recorder.NONE, Recorder.REFUSED]
        if call.stage is Stage.SILENT and decide.payment_terms(policy).pause is Pause.MUTE:
            may_be.append(Recorder.MUTED)
        assert call.recorder in may_be
    for track in call.consultations:
        assert track.wanted or not track.writing


@settings(max_examples=200, deadline=None)
@given(some.sampled_from(POLICIES), DIRECTIONS, moves(STEPS_S))
def test_what_is_noted_is_enough_to_go_on(
    policy: Policy, direction: Direction, told: Moves
) -> None:
    played = Played(policy, direction)
    for kind, step_s, which in told:
        if kind != "hung up":
            played.tell(kind, step_s, which)
    call = played.call
    state = noted.read(noted.write(state_of(call)))
    arrival = Arrival(at=played.at, direction=Direction.INBOUND, dialled="")
    found = Arrived(at=played.at, arrival=arrival)
    again = Call.resumed(state, "pbx1", "1.1", policy, found)
    assert (again.id, again.stage) == (call.id, call.stage)
    assert again.segments <= call.segments, "a start that was refused left no file"
    assert again.segments >= max((each.number for each in call.papers.segments), default=0)
    assert again.sound
    recorded = call.stage is Stage.RECORDED
    commands = again.apply(Adopted(at=played.at))
    started = [each for each in commands if isinstance(each, StartRecorder)]
    outside = [each for each in state.segments if each.leg is Leg.OUTSIDE]
    assert not started or (recorded and not outside)
    stops = [each for each in commands if isinstance(each, StopEveryRecorder)]
    assert any(each.leg is None for each in stops) == bool(outside), "whatever may run is stopped"
    on_legs = [each for each in state.segments if each.on]
    assert any(each.leg is not None for each in stops) == bool(on_legs), "on an agent's leg, too"
    handoffs = [
        each.handoff for each in again.apply(HungUp(at=played.at)) if isinstance(each, HandOff)
    ]
    for handoff in handoffs:
        assert handoff.call.direction is direction
        assert handoff.discard is not None or call.discard is None
        numbers = {each.number for each in handoff.segments}
        assert numbers <= {*played.segments, *(each.segment for each in started)}
        assert not [each for each in handoff.segments if each.ended_by is EndedBy.OPT_OUT]


def test_the_watcher_sees_a_recorder_that_is_left_alone() -> None:
    """So that what is watched above can fail."""
    played = Played(POLICIES[0], Direction.INBOUND)
    played.call.consultations.append(Track(Leg.CONSULTATION, LEGS[0], wanted=True))
    try:
        played.tell("failed", 0.0, 0)
    except AssertionError:
        return
    raise RuntimeError("nobody saw it")
