"""Somebody who watches a call without knowing how the machine thinks: facts in, commands seen.

It knows the promises and the policy's words (reading.py), follows where the call is and who is in
it (follow.py), and which recorders may be writing. What it finds broken is one sentence. It is
looser than the machine where only the PBX's order of events makes a difference, and never stricter.
"""

from __future__ import annotations

from collections.abc import Iterable

from ami_bridge.call.meeting import SETTLED_AFTER_S
from ami_bridge.call.recorder import REST_S, STUCK_REST_S
from ami_bridge.call.standing import EXPLAINED_WITHIN_S
from ami_bridge.facts import (
    Arrived,
    Command,
    ConsultedGone,
    Fact,
    HandOff,
    LeftTalk,
    MuteRecorder,
    MuteUnconfirmed,
    RaiseAlarm,
    RecorderFact,
    RecorderMuted,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    Rest,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TransferCompleted,
    UnmuteRecorder,
)
from ami_bridge.walk.follow import Follower
from ami_bridge.walk.seen import Seen, Wait, Writes
from hushtape.policy.schema import Pause, Permission, Policy, SoFar, Starts
from hushtape.recordings.manifest import Direction, Handoff

_UNASKED = (Writes.ASKED, Writes.PERHAPS, Writes.UNANSWERED)  # to stop
_WAITS = {
    LeftTalk: Wait.EXPLANATION,
    TransferCompleted: Wait.COMPANY,
    ConsultedGone: Wait.LINE,
}


class Observer(Follower):
    """Watches calls under one policy.

    Args:
        payment_s, permission_s: the lengths of the rests for payment and permission; all lengths
            must be different, because a rest is known by it.
    """

    def __init__(self, policy: Policy, payment_s: float, permission_s: float) -> None:
        super().__init__(policy)
        self._mutes = policy.payment.pause is Pause.MUTE
        self._payment_s, self._permission_s = payment_s, permission_s

    def begin(self, fact: Arrived, commands: Iterable[Command]) -> tuple[Seen, str]:
        """Watch a call begin; say what is broken, "" for nothing."""
        seen, outbound = Seen(), fact.arrival.direction is Direction.OUTBOUND
        starts_late = self._policy.calls.starts is Starts.ANSWER
        seen.awaits_answer = bool(fact.arrival.queue) and starts_late
        seen.where, seen.door = self._entrance(seen), "any"
        seen.permitted = not outbound or self._policy.outbound.permission is Permission.NONE
        if not self._reading.named(fact.arrival):
            return seen, "a call is recorded that the policy doesn't name"
        return seen, self._judge(seen, fact, list(commands))

    def follow(self, seen: Seen, fact: Fact, commands: Iterable[Command]) -> str:
        """Take in a fact and what the machine made of it; say what is broken, "" for nothing."""
        self.take_in(seen, fact)
        if isinstance(fact, RecorderFact) and fact.segment in seen.recorders:
            self._recorder(seen, fact)
        return self._judge(seen, fact, list(commands))

    def _recorder(self, seen: Seen, fact: RecorderFact) -> None:
        """Take in what the PBX says of a recorder."""
        number = fact.segment
        leg, writes = seen.recorders[number]
        match fact, writes:
            case RecorderStarted(), Writes.ASKED:
                seen.recorders[number], seen.written = (leg, Writes.RUNS), True
            case RecorderUncertain(), Writes.ASKED:
                seen.recorders[number], seen.written = (leg, Writes.PERHAPS), True
            case RecorderStarted() | RecorderUncertain(), Writes.UNANSWERED:
                del seen.recorders[number]
                seen.written = True
            case RecorderRefused(), Writes.ASKED | Writes.UNANSWERED:
                del seen.recorders[number]
            case RecorderStopped(), _ if writes not in _UNASKED:
                del seen.recorders[number]
            case RecorderMuted(), Writes.MUTING:
                seen.recorders[number] = (leg, Writes.MUTED)
            case (StopUnconfirmed(), Writes.STOPPING) | (MuteUnconfirmed(), Writes.MUTING):
                seen.recorders[number] = (leg, Writes.FAILED)

    def _judge(self, seen: Seen, fact: Fact, commands: list[Command]) -> str:
        broken = [self._command(seen, fact, each) for each in commands]
        broken += [self._left_alone(seen, commands), self._never_handed_off(seen)]
        return next((each for each in broken if each), "")

    def _command(self, seen: Seen, fact: Fact, command: Command) -> str:
        match command:
            case StartRecorder(segment=number, leg=channel):
                leg = channel.uniqueid if channel is not None else ""
                why = self._may_not(seen, leg)
                there = [writes for on, writes in seen.recorders.values() if on == leg]
                if set(there) - {Writes.UNANSWERED}:
                    why = why or "while another one may be writing on the same channel"
                seen.recorders[number] = (leg, Writes.ASKED)
                what = "a consultation is recorded" if leg else "a recorder is started"
                return f"{what} {why}" if why else ""
            case MuteRecorder(segment=number):
                leg = seen.recorders.get(number, ("", Writes.ASKED))[0]
                seen.recorders[number] = (leg, Writes.MUTING)
            case UnmuteRecorder(segment=number):
                leg = seen.recorders.get(number, ("", Writes.ASKED))[0]
                seen.recorders[number] = (leg, Writes.RUNS)
                why = self._may_not(seen, leg)
                return f"a muted recorder writes again {why}" if why else ""
            case StopRecorder(segment=number) | StopEveryRecorder(segment=number):
                leg = seen.recorders.get(number, ("", Writes.ASKED))[0]
                seen.recorders[number] = (leg, Writes.STOPPING)
            case Rest():
                self._will_wait(seen, fact, command)
            case HandOff(handoff=handoff):
                return self._handed_off(seen, handoff)
        return ""

    def _may_not(self, seen: Seen, leg: str) -> str:
        if seen.over:
            return "after the call is over"
        if seen.ending:
            return "while the bridge ends"
        why = self.silence(seen)
        if leg and leg not in seen.consults:
            why = why or "that the policy doesn't let record, or that is over"
        return why

    def _left_alone(self, seen: Seen, commands: list[Command]) -> str:
        told = any(isinstance(each, RaiseAlarm | Rest) for each in commands)
        for number, (leg, writes) in list(seen.recorders.items()):
            why = self._may_not(seen, leg) if not seen.over or leg else ""
            if why and writes in (Writes.RUNS, Writes.PERHAPS):
                return f"a recorder is left running {why}"
            zeros_will_do = seen.pays and not seen.declined and not seen.ending
            if writes in (Writes.MUTING, Writes.MUTED) and not (self._mutes and zeros_will_do):
                return "a recorder is left muted, where it must stop"
            if writes is Writes.FAILED:
                seen.recorders[number] = (leg, Writes.UNCONFIRMED)
                if not told:
                    return "a recorder that wasn't shown to be stopped is let be"
        return ""

    def _never_handed_off(self, seen: Seen) -> str:
        if seen.over and not seen.recorders and seen.written and not seen.handed_off:
            return "the call is over, and is never handed off"
        return ""

    def _will_wait(self, seen: Seen, fact: Fact, rest: Rest) -> None:
        match rest.pause_s:
            case p if p in (REST_S, STUCK_REST_S):
                return  # the recorder's own
            case p if p == SETTLED_AFTER_S:
                kind = Wait.VOICE
            case p if p == EXPLAINED_WITHIN_S:
                kind = _WAITS.get(type(fact), Wait.STRANGERS)
            case p:
                to_payment = abs(p - self._payment_s) < abs(p - self._permission_s)
                kind = Wait.PAYMENT if to_payment else Wait.PERMISSION
        seen.waits[kind] = rest.rest

    def _handed_off(self, seen: Seen, handoff: Handoff) -> str:
        twice, seen.handed_off = seen.handed_off, True
        if twice:
            return "a call is handed off twice"
        if not seen.over or seen.recorders:
            return "a call is handed off before it is over"
        discards = self._policy.opt_out.recorded_so_far is SoFar.DISCARD
        if seen.opted_out_at is not None and discards and handoff.discard is None:
            return "what there was before an opt-out is kept"
        if not seen.permitted and handoff.discard is None:
            return "what was recorded without permission is kept"
        since = seen.opted_out_at
        for segment in handoff.segments:
            if segment.number not in seen.opted_out_of:
                continue  # it was over before, whatever the clock says
            if since is not None and (segment.ended_at is None or segment.ended_at > since):
                return "a segment is kept that goes on after an opt-out"
        return ""
