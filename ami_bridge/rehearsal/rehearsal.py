"""Calls played in a virtual time: facts as they are told, answers at once, pauses without waiting.

It is the bridge without a PBX, a disk or a clock: the same choice of a policy, the same call
machine. A script (performance.py) and a recorded session (asterisk/replay.py) are played with it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ami_bridge.call.machine import Call
from ami_bridge.facts import (
    Adopted,
    Arrived,
    Channel,
    Claimed,
    Command,
    Fact,
    HandOff,
    HungUp,
    LegGone,
    LinkReturned,
    PermissionGiven,
    RaiseAlarm,
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
)
from hushtape.ids import new_call_id
from hushtape.policy import decide
from hushtape.policy.schema import Asker, Permission, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Handoff, Reason

AT_REST_S = 3600.0  # for what calls still wait for at the end
MOST_CALLS = 100_000  # of one rehearsal


@dataclass(slots=True)
class Rehearsed:
    """One call that came to a place where a policy may name it.

    Args:
        arrived: the fact with which it came.
        choice: why a policy names it, or why none does; the last, where it came several times.
        call: None while none does.
        stages: where it stood under its policy, and since when it was told.
        ended_at: when it was hung up; None while it isn't.
    """

    channel: Channel
    arrived: Arrived
    choice: Reason
    call: Call | None = None
    stages: list[tuple[datetime, Stage]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    handoff: Handoff | None = None
    ended_at: datetime | None = None


class Rehearsal:
    """A bridge in virtual time.

    Args:
        policies: every version of every policy.
        pbx: the PBX's name.
        start_takes_s: until the PBX has answered a start.
        stop_takes_s: until it has shown the effect of a stop.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        pbx: str = "pbx",
        start_takes_s: float = 0.0,
        stop_takes_s: float = 0.0,
    ) -> None:
        self.calls: list[Rehearsed] = []
        self.linked = True
        self._policies = policies
        self._pbx = pbx
        self._start_takes_s = start_takes_s
        self._stop_takes_s = stop_takes_s
        self._live: dict[str, Rehearsed] = {}
        self._gone: set[str] = set()  # uniqueids of channels that hung up
        self._coming: list[tuple[datetime, int, Rehearsed, Callable[[datetime], Fact]]] = []
        self._order = 0

    def tell(self, channel: Channel, fact: Fact) -> None:
        """Let a fact of the outside party's channel happen, and all that comes before it.

        Facts come in the order in which the PBX told them.
        """
        self.pass_time(fact.at)
        if isinstance(fact, HungUp):
            self._gone.add(channel.uniqueid)
        elif isinstance(fact, LegGone):
            self._gone.add(fact.leg)
        live = self._live.get(channel.uniqueid)
        if isinstance(fact, Claimed):
            return  # of a call that began before the rehearsal only its id is known
        if live is not None and live.call is not None:
            self._apply(live, fact)
        elif isinstance(fact, Arrived):
            self._begin(channel, fact, live)
        elif live is not None and isinstance(fact, HungUp):
            live.ended_at = fact.at
            del self._live[channel.uniqueid]

    def lose_link(self) -> None:
        """From now on the PBX isn't heard, and no answer comes."""
        self.linked = False

    def kill_bridge(self) -> None:
        """The bridge is gone at once: what it waited for will not come, whatever it had begun."""
        self.linked = False
        self._coming = []

    def come_back(self, at: datetime, *, adopted: bool) -> None:
        """There is a bridge that hears the PBX again; what has become of the calls is told before.

        Args:
            adopted: it is another one than before.
        """
        self.pass_time(at)
        self.linked = True
        for live in list(self._live.values()):
            if live.call is not None:
                self._apply(live, Adopted(at=at) if adopted else LinkReturned(at=at))

    def pass_time(self, until: datetime) -> None:
        """Let what is due by then happen."""
        while self._coming and self._coming[0][0] <= until:
            at, _, live, fact = heapq.heappop(self._coming)
            self._apply(live, fact(at))

    def finish(self, at: datetime) -> list[Rehearsed]:
        """Let every call come to rest after the last fact; return all, in the order they came."""
        self.pass_time(at + timedelta(seconds=AT_REST_S))
        return self.calls

    def _begin(self, channel: Channel, fact: Arrived, known: Rehearsed | None) -> None:
        """As the bridge does it."""
        choice = decide.choose(self._policies, fact.arrival)
        reason, policy = choice.reason, choice.policy
        if policy is not None and channel.opted_out:
            verdict = decide.on_opt_out(policy, Asker.CALLER)
            if verdict.allowed:
                reason, policy = verdict.reason, None
        if known is None:
            if len(self.calls) >= MOST_CALLS:
                return
            known = self._live[channel.uniqueid] = Rehearsed(channel, fact, reason)
            self.calls.append(known)
        known.choice = reason
        if policy is None:
            return
        call = known.call = Call(
            id=new_call_id(fact.at, len(self.calls).to_bytes(5, "big")),
            pbx=self._pbx,
            pbx_call=channel.uniqueid,
            policy=policy,
            began=fact,
            reason=reason,
        )
        self._follow(known, call.begin(), fact.at)
        if channel.announced:
            self._apply(known, PermissionGiven(at=fact.at, by=Permission.ANNOUNCEMENT))

    def _apply(self, live: Rehearsed, fact: Fact) -> None:
        if live.call is None:
            return
        if isinstance(fact, HungUp):
            live.ended_at = fact.at
        self._follow(live, live.call.apply(fact), fact.at)
        if live.call.done:
            uniqueid = live.channel.uniqueid
            if self._live.get(uniqueid) is live:
                del self._live[uniqueid]

    def _follow(self, live: Rehearsed, commands: list[Command], at: datetime) -> None:
        if live.call is not None and (not live.stages or live.stages[-1][1] != live.call.stage):
            live.stages.append((at, live.call.stage))
        for command in commands:
            match command:
                case StartRecorder() | StopRecorder() | StopEveryRecorder():
                    self._answer(live, command, at)
                case Rest(rest=rest, pause_s=pause_s):
                    self._later(live, at, pause_s, rested(rest))
                case HandOff(handoff=handoff):
                    live.handoff = handoff
                case RaiseAlarm(what=what):
                    live.alarms.append(what)

    def _answer(
        self,
        live: Rehearsed,
        command: StartRecorder | StopRecorder | StopEveryRecorder,
        at: datetime,
    ) -> None:
        leg = command.leg or live.channel
        starts = isinstance(command, StartRecorder)
        takes_s = self._start_takes_s if starts else self._stop_takes_s
        if not self.linked:
            answer = uncertain(command.segment) if starts else unconfirmed(command.segment)
        elif starts and leg.uniqueid in self._gone:
            answer = refused(command.segment)
        else:
            answer = started(command.segment) if starts else stopped(command.segment)
        self._later(live, at, takes_s, answer)

    def _later(
        self, live: Rehearsed, at: datetime, pause_s: float, fact: Callable[[datetime], Fact]
    ) -> None:
        self._order += 1
        due = at + timedelta(seconds=pause_s)
        heapq.heappush(self._coming, (due, self._order, live, fact))


def started(number: int) -> Callable[[datetime], Fact]:
    """The PBX's answer to a start."""
    return lambda at: RecorderStarted(at=at, segment=number, recorder_id=f"0x{number}")


def refused(number: int) -> Callable[[datetime], Fact]:
    """The PBX's answer to a start on a channel that is gone."""
    return lambda at: RecorderRefused(at=at, segment=number)


def uncertain(number: int) -> Callable[[datetime], Fact]:
    """No answer to a start."""
    return lambda at: RecorderUncertain(at=at, segment=number)


def stopped(number: int) -> Callable[[datetime], Fact]:
    """The PBX's answer to a stop."""
    return lambda at: RecorderStopped(at=at, segment=number)


def unconfirmed(number: int) -> Callable[[datetime], Fact]:
    """No answer to a stop."""
    return lambda at: StopUnconfirmed(at=at, segment=number)


def rested(rest: int) -> Callable[[datetime], Fact]:
    """The end of a pause."""
    return lambda at: Rested(at=at, rest=rest)
