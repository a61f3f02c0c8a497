"""What came of a rehearsed call: its timeline, with the reason of each stretch. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime

from ami_bridge.rehearsal.rehearsal import Rehearsed
from hushtape.policy.stages import Stage
from hushtape.policy.trying.timeline import SLIVER_S, Outcome, Row, State
from hushtape.recordings.manifest import Happening, Leg, Reason, Segment, Span, SpanKind

# A recorder is renewed at a transfer, a hold, a new voice: that gap is no decision of the policy's.
RENEWED_S = 0.2

_WAITS = Reason(policy="", version="", rule="no policy", words="nothing has begun yet")

_STAGE_STATES = {Stage.SILENT: State.PAYMENT, Stage.PARKED: State.WAITING}


def outcome(done: Rehearsed, began_at: datetime, ended_at: datetime) -> Outcome:
    """Say what came of a call.

    Args:
        began_at: from when on seconds are counted; no later than the call's first place.
        ended_at: the end of what was played, for a call that was not hung up.
    """
    ended_at = done.ended_at or ended_at
    call = done.call
    if call is None:
        whole = Row(
            start_s=0.0,
            end_s=(ended_at - began_at).total_seconds(),
            state=State.NOT_RECORDED,
            reason=done.choice,
        )
        return Outcome(began_at=began_at, ended_at=ended_at, choice=done.choice, rows=(whole,))
    handoff = done.handoff
    papers = call.papers if handoff is None else handoff
    segments, story = tuple(papers.segments), tuple(papers.story)
    line = _Line(done, began_at, ended_at, segments, tuple(papers.spans), story)
    return Outcome(
        began_at=began_at,
        ended_at=ended_at,
        choice=call.reason,
        rows=line.rows(),
        policy=call.policy.name,
        version=call.policy.version,
        consultations=line.consultations(),
        segments=segments,
        story=story,
        keep=handoff.keep if handoff is not None else None,
        tags=handoff.tags if handoff is not None else (),
        discard=handoff.discard if handoff is not None else call.discard,
        alarms=tuple(done.alarms),
    )


class _Line:
    """Cuts a call at every edge, and says what each piece is."""

    def __init__(
        self,
        done: Rehearsed,
        began_at: datetime,
        ended_at: datetime,
        segments: Sequence[Segment],
        spans: Sequence[Span],
        story: Sequence[Happening],
    ) -> None:
        self._done = done
        self._zero = began_at
        self._end_s = self._s(ended_at)
        self._segments = segments
        self._spans = spans
        # What the agent says to a colleague has a line of its own.
        beside = {each.reason for each in spans if each.kind is SpanKind.CONSULTATION}
        self._story = [each for each in story if each.reason and each.reason not in beside]
        self._recorded = self._joined(
            each for each in segments if each.leg is Leg.OUTSIDE and each.ended_at is not None
        )

    def rows(self) -> tuple[Row, ...]:
        """The call from its beginning to its end."""
        edges = {0.0, self._end_s, self._s(self._done.arrived.at)}
        edges |= {edge for span in self._recorded for edge in span}
        edges |= {self._s(at) for each in self._spans for at in (each.started_at, each.ended_at)}
        edges |= {self._s(at) for at, _ in self._done.stages}
        edges |= {self._s(each.at) for each in self._story}
        inside = sorted(edge for edge in edges if 0.0 <= edge <= self._end_s)
        rows: list[Row] = []
        for start_s, end_s in itertools.pairwise(inside):
            state, reason = self._piece((start_s + end_s) / 2)
            last = rows[-1] if rows else None
            if last is not None and (last.state, last.reason) == (state, reason):
                rows[-1] = Row(start_s=last.start_s, end_s=end_s, state=state, reason=reason)
            else:
                rows.append(Row(start_s=start_s, end_s=end_s, state=state, reason=reason))
        return tuple(_without_slivers(rows))

    def consultations(self) -> tuple[Row, ...]:
        """When the agent's talk with somebody else is recorded."""
        beside = self._joined(
            each for each in self._segments if each.leg is Leg.CONSULTATION and each.ended_at
        )
        reasons = [each for each in self._spans if each.kind is SpanKind.CONSULTATION]
        return tuple(
            Row(
                start_s=start_s,
                end_s=end_s,
                state=State.RECORDED,
                reason=next(
                    (
                        each.reason
                        for each in reasons
                        if self._s(each.started_at) <= start_s + RENEWED_S
                        and start_s <= self._s(each.ended_at)
                    ),
                    None,
                ),
            )
            for start_s, end_s in beside
        )

    def _piece(self, at_s: float) -> tuple[State, Reason | None]:
        if any(start_s <= at_s < end_s for start_s, end_s in self._recorded):
            return State.RECORDED, self._told(at_s)
        for span in self._spans:
            silent = span.kind is not SpanKind.CONSULTATION
            if silent and self._s(span.started_at) <= at_s < self._s(span.ended_at):
                state = State.PAYMENT if span.kind is SpanKind.PAYMENT else self._stage(at_s)
                return state, span.reason
        if at_s < self._s(self._done.arrived.at):
            return State.NOT_RECORDED, _WAITS
        starting = any(0 <= start_s - at_s <= RENEWED_S for start_s, _ in self._recorded)
        if starting and self._stage_at(at_s) is Stage.RECORDED:
            return State.RECORDED, self._told(at_s)
        return self._stage(at_s), self._told(at_s)

    def _stage(self, at_s: float) -> State:
        """Of what isn't recorded: whether it waits, pays or is somewhere else."""
        return _STAGE_STATES.get(self._stage_at(at_s), State.NOT_RECORDED)

    def _stage_at(self, at_s: float) -> Stage:
        before = [stage for at, stage in self._done.stages if self._s(at) <= at_s]
        return before[-1] if before else Stage.UNRECORDED

    def _told(self, at_s: float) -> Reason | None:
        """The last reason that was told by then."""
        told = [each.reason for each in self._story if self._s(each.at) <= at_s]
        return told[-1] if told else self._done.choice

    def _joined(self, segments: Iterable[Segment]) -> list[tuple[float, float]]:
        """When there is a recorder; the moment in which it is renewed counts as recorded."""
        joined: list[tuple[float, float]] = []
        for each in sorted(segments, key=lambda one: one.started_at):
            start_s, end_s = self._s(each.started_at), self._s(each.ended_at)
            if end_s - start_s < SLIVER_S:
                continue
            if joined and start_s - joined[-1][1] <= RENEWED_S:
                joined[-1] = (joined[-1][0], max(end_s, joined[-1][1]))
            else:
                joined.append((start_s, end_s))
        return joined

    def _s(self, at: datetime | None) -> float:
        return (at - self._zero).total_seconds() if at is not None else self._end_s


def _without_slivers(rows: Sequence[Row]) -> list[Row]:
    """Give what is too short to be anything to its neighbour."""
    kept: list[Row] = []
    for row in rows:
        if row.end_s - row.start_s < SLIVER_S and len(rows) > 1:
            if kept:
                last = kept[-1]
                kept[-1] = Row(
                    start_s=last.start_s, end_s=row.end_s, state=last.state, reason=last.reason
                )
            continue
        if kept and (kept[-1].state, kept[-1].reason) == (row.state, row.reason):
            row = Row(
                start_s=kept.pop().start_s, end_s=row.end_s, state=row.state, reason=row.reason
            )
        kept.append(row)
    return kept
