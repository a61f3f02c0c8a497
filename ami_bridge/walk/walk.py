"""Every state that a call can come to under a policy, by every fact: walked, and watched.

The walk goes breadth first, so the way to the first broken promise is the shortest there is. States
are told apart by what matters (walk_state.py); the observer (observer.py) goes by the promises and
the policy's words, and a broken promise is what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import REST_S, Recorder
from ami_bridge.call.resumed import state_of
from ami_bridge.facts import (
    Adopted,
    Arrived,
    Claimed,
    Command,
    Fact,
    MuteRecorder,
    MuteUnconfirmed,
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
    TransferCompleted,
)
from ami_bridge.walk.facts import arrivals, first_fact, moment
from ami_bridge.walk.observer import Observer
from ami_bridge.walk.reading import Reading
from ami_bridge.walk.seen import Seen, Writes
from ami_bridge.walk.state import fork, fork_seen, key
from ami_bridge.walk.views import View, views
from hushtape.policy import decide
from hushtape.policy.decide import Arrival, Beside, Place
from hushtape.policy.schema import DestinationKind, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Reason

MOST_STATES = 400_000  # of one view; a walk that is cut off there says so
_STEP = timedelta(milliseconds=1)  # from fact to fact; what needs longer comes as a rest's end
_CALL_ID = "20200101-000000-aaaaaaaa"

# How long a policy waits makes no difference to the walk, but these must be told apart.
_PAYMENT, _PAYMENT_S = "40 minutes", 2400.0
_PERMISSION, _PERMISSION_S = "20 minutes", 1200.0

_TO_A_START = ("the recorder starts", "the PBX refuses the recorder", "no answer to the start")
_ANSWERS = {
    Writes.ASKED: _TO_A_START,
    Writes.RUNS: ("somebody else stops the recorder",),
    Writes.PERHAPS: (),
    Writes.MUTING: ("the recorder is muted", "the mute isn't confirmed"),
    Writes.MUTED: ("somebody else stops the recorder",),
    Writes.STOPPING: ("the recorder stops", "the stop isn't confirmed"),
    Writes.UNCONFIRMED: ("the recorder stops, late",),
    Writes.UNANSWERED: _TO_A_START,
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that isn't kept, and the shortest way there."""

    promise: str
    way: tuple[str, ...]


@dataclass(slots=True)
class Walked:
    """What was seen of one policy, or of one part of its walk."""

    states: int = 0
    transitions: int = 0
    cut_off: bool = False  # there were more states than are walked
    broken: Broken | None = None

    def add(self, other: Walked) -> None:
        """Count another part in; the first broken promise stays."""
        self.states += other.states
        self.transitions += other.transitions
        self.cut_off |= other.cut_off
        self.broken = self.broken or other.broken


@dataclass(frozen=True, slots=True)
class Part:
    """What is walked by itself: one view of calls that begin in one way."""

    call: int
    view: str


@dataclass(frozen=True, slots=True)
class _Node:
    call: Call
    seen: Seen
    at: datetime
    before: _Node | None
    words: str


def walk(policy: Policy, most_states: int = MOST_STATES) -> Walked:
    """Walk a policy, part by part; stop at the first broken promise.

    Args:
        most_states: of each part.
    """
    walked = Walked()
    for part in parts(policy):
        walked.add(walk_part(policy, part, most_states))
        if walked.broken is not None:
            break
    return walked


def parts(policy: Policy) -> list[Part]:
    """Name the parts of a policy's walk; the beginnings of calls are the first."""
    told, found = _timed(policy), [Part(0, BEGINNINGS)]
    for number, (_, arrival) in enumerate(_begun(told, Walked())):
        names = [view.name for view in views(told, arrival)]
        found += [Part(number, name) for name in names if not number or name in FOR_EVERY_CALL]
    return found


def walk_part(policy: Policy, part: Part, most_states: int = MOST_STATES) -> Walked:
    """Walk one part of a policy."""
    walked, timed = Walked(), _timed(policy)
    if part.view == BEGINNINGS:
        _begun(timed, walked)
        return walked
    words, arrival = _begun(timed, Walked())[part.call]
    for view in views(timed, arrival):
        if view.name == part.view:
            _Walk(timed, view, walked, most_states).go(words, arrival)
    return walked


def _timed(policy: Policy) -> Beside:
    return msgspec.structs.replace(
        decide.beside(policy, ()),
        payment=msgspec.structs.replace(policy.payment, longest=_PAYMENT),
        outbound=msgspec.structs.replace(policy.outbound, permission_within=_PERMISSION),
    )


BEGINNINGS = "how calls begin"

# How a call begins makes a difference to these; to the others the first way is enough.
FOR_EVERY_CALL = ("lines of agents", "consent")


def _begun(policy: Policy, walked: Walked) -> list[tuple[str, Arrival]]:
    """Try every arrival; return one of each direction, with a queue and without."""
    at, reading = moment(policy), Reading(policy)
    found: dict[object, tuple[str, Arrival]] = {}
    for words, arrival in arrivals(policy, at):
        walked.transitions += 1
        chosen = decide.choose([policy], arrival).policy is not None
        if chosen and not reading.named(arrival):
            promise = "a call is recorded that the policy doesn't name"
            walked.broken = walked.broken or Broken(promise, (words,))
        if chosen:
            found.setdefault((arrival.direction, bool(arrival.queue)), (words, arrival))
    return sorted(found.values(), key=lambda each: not each[1].queue)


class _Unnoted(Call):
    """A call whose note is written when somebody reads it, which saves the walk a lot of time."""

    __slots__ = ()

    def _with_note(self, commands: list[Command]) -> list[Command]:
        return commands


class _Walk:
    """One view, walked."""

    def __init__(self, policy: Beside, view: View, walked: Walked, most_states: int) -> None:
        self._policy, self._view, self._walked = policy, view, walked
        self._observer = Observer(policy, _PAYMENT_S, _PERMISSION_S)
        self._most_states = most_states
        self._found: set[object] = set()
        self._waiting: deque[_Node] = deque()

    def go(self, words: str, arrival: Arrival) -> None:
        first = first_fact(arrival)
        reason = Reason(policy=self._policy.name, version="", rule="", words="")
        call = _Unnoted(_CALL_ID, "pbx", "1.0", self._policy, first, reason)
        commands = call.begin()
        seen, promise = self._observer.begin(first, commands)
        node = _Node(call, seen, arrival.at, None, words)
        self._settle(node, commands, promise)
        while self._waiting and self._walked.broken is None:
            self._leave(self._waiting.popleft())

    def _leave(self, node: _Node) -> None:
        for words, fact in self._next(node):
            self._walked.transitions += 1
            call, seen = fork(node.call), fork_seen(node.seen)
            commands = call.apply(fact)
            promise = self._observer.follow(seen, fact, commands)
            self._settle(_Node(call, seen, fact.at, node, words), commands, promise)
            if self._walked.broken is not None:
                return
        if self._view.taken_over and node.call.stage is not Stage.OVER:
            self._taken_over(node)

    def _settle(self, node: _Node, commands: list[Command], promise: str) -> None:
        """Let a prompt PBX do what it was asked, and keep the state if it is a new one."""
        call, seen, at = node.call, node.seen, node.at
        asked = list(commands)
        while asked and not promise:
            command = asked.pop(0)
            fact = None if self._is_late(call, command) else _at_once(command, at)
            if fact is not None:
                self._walked.transitions += 1
                commands = call.apply(fact)
                promise = self._observer.follow(seen, fact, commands)
                asked += commands
        if promise:
            self._walked.broken = Broken(promise, _way_to(node))
            return
        if call.done and seen.handed_off:
            return
        state = key(call, seen)
        if state in self._found:
            return
        if len(self._found) >= self._most_states:
            self._walked.cut_off = True
            return
        self._found.add(state)
        self._walked.states += 1
        self._waiting.append(node)

    def _is_late(self, call: Call, command: Command) -> bool:
        if isinstance(command, Rest):
            on_leg = command.rest != call.track.resting
        else:
            on_leg = getattr(command, "leg", None) is not None
        return self._view.late == ("leg" if on_leg else "outside")

    def _next(self, node: _Node) -> Iterator[tuple[str, Fact]]:
        at = node.at + _STEP
        if node.call.stage is not Stage.OVER:
            for each in self._view.happenings:
                yield each.words, each.fact(at)
            for kind, rest in node.seen.waits.items():
                yield f"time passes: {kind}", Rested(at=at, rest=rest)
        else:
            yield from (
                (each.words, each.fact(at))
                for each in self._view.happenings
                if each.words in _AFTER_THE_END
            )
        late = self._view.late
        for number, (leg, writes) in node.seen.recorders.items():
            if late == ("leg" if leg else "outside"):
                yield from ((words, _answer(words, number, at)) for words in _ANSWERS[writes])
        if not late:
            return
        for track in node.call.tracks:
            if track.recorder in (Recorder.RESTING, Recorder.STUCK):
                yield "the recorder has rested", Rested(at=at, rest=track.resting)

    def _taken_over(self, node: _Node) -> None:
        """Another bridge finds the note on the channel, and is told who is there."""
        self._walked.transitions += 1
        at, before = node.at + _STEP, node.call
        text = noted.write(state_of(before))
        arrival = before.began.arrival
        talk, queues = node.seen.talk, before.papers.queues
        found = Claimed(
            at=at,
            arrival=arrival,
            note=text,
            since=node.at,
            talkers=talk,
            waits_in=queues[-1] if queues and not talk else "",
        )
        began = Arrived(at=at, arrival=arrival)
        call = _Unnoted.resumed(noted.read(text), "pbx", "1.0", self._policy, began)
        seen = fork_seen(node.seen)
        self._observer.take_over(seen)
        facts: list[Fact] = [Adopted(at=at), TalkChanged(at=at, talkers=talk)]
        if not call.is_where_it_was(found):
            unknown = Place(DestinationKind.UNKNOWN, "")
            facts.insert(0, TransferCompleted(at=node.at, place=unknown, how="unseen"))
        commands, promise = [], ""
        for fact in facts:
            told = call.apply(fact)
            commands += told
            said = self._observer.follow(seen, fact, told)
            promise = promise or (said if not isinstance(fact, TransferCompleted) else "")
        words = "another bridge goes on, with nothing but the note"
        self._settle(_Node(call, seen, at, node, words), commands, promise)


_AFTER_THE_END = ("the agent's channel is gone", "the link was away and is back")


def _at_once(command: Command, at: datetime) -> Fact | None:
    match command:
        case StartRecorder(segment=number):
            return RecorderStarted(at=at, segment=number, recorder_id=str(number))
        case StopRecorder(segment=number) | StopEveryRecorder(segment=number):
            return RecorderStopped(at=at, segment=number)
        case MuteRecorder(segment=number):
            return RecorderMuted(at=at, segment=number)
        case Rest(rest=rest, pause_s=pause_s) if pause_s == REST_S:
            return Rested(at=at, rest=rest)
    return None


def _answer(words: str, number: int, at: datetime) -> Fact:
    if words == "the recorder starts":
        return RecorderStarted(at=at, segment=number, recorder_id=str(number))
    if words == "the PBX refuses the recorder":
        return RecorderRefused(at=at, segment=number)
    if words == "no answer to the start":
        return RecorderUncertain(at=at, segment=number)
    if words == "the recorder is muted":
        return RecorderMuted(at=at, segment=number)
    if words == "the mute isn't confirmed":
        return MuteUnconfirmed(at=at, segment=number)
    if words == "the stop isn't confirmed":
        return StopUnconfirmed(at=at, segment=number)
    return RecorderStopped(at=at, segment=number)


def _way_to(node: _Node) -> tuple[str, ...]:
    way = []
    step: _Node | None = node
    while step is not None:
        way.append(step.words)
        step = step.before
    return tuple(reversed(way))
