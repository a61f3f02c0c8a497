"""What is written down of one call: its segments and spans, its story, who and what was in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from hushtape.recordings.manifest import Happening, Reason, Segment, Span, SpanKind

MOST_SEGMENTS = 200  # a call that goes round for ever stops being recorded, and somebody is told
MOST_HAPPENINGS = 2000
MOST_SPANS = 500
MOST_NAMES = 200  # of queues, and of agents


@dataclass(slots=True)
class OpenSpan:
    """A stretch of the call that has begun."""

    kind: SpanKind
    started_at: datetime
    reason: Reason
    muted: bool = False  # a recorder ran on through it, and was to write zeros


@dataclass(slots=True)
class Papers:
    """The papers of one call.

    Args:
        segment_count: how many recorders were asked for.
        open_span: the stretch without sound that it is in.
        consulting: the consultation that goes on.
        noted: what stands in the channel's variable.
    """

    segments: list[Segment] = field(default_factory=list)
    segment_count: int = 0
    spans: list[Span] = field(default_factory=list)
    open_span: OpenSpan | None = None
    consulting: OpenSpan | None = None
    story: list[Happening] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    noted: str = ""

    def new_segment(self) -> int:
        """Number the next segment; 0 if there were too many."""
        if self.segment_count >= MOST_SEGMENTS:
            return 0
        self.segment_count += 1
        return self.segment_count

    def tell(self, at: datetime, what: str, reason: Reason | None = None) -> None:
        """Add a line to the story."""
        if len(self.story) < MOST_HAPPENINGS:
            self.story.append(Happening(at=at, what=what, reason=reason))

    def name_queue(self, queue: str) -> None:
        """Add a queue, each time that it is entered."""
        if len(self.queues) < MOST_NAMES:
            self.queues.append(queue)

    def name_agent(self, agent: str) -> None:
        """Add an agent, once."""
        if agent and agent not in self.agents and len(self.agents) < MOST_NAMES:
            self.agents.append(agent)

    def change_span(self, kind: SpanKind | None, at: datetime, reason: Reason) -> None:
        """Begin another stretch without sound, or none."""
        self._close(self.open_span, at)
        self.open_span = OpenSpan(kind, at, reason) if kind else None

    def mute_span(self) -> None:
        """The stretch without sound that it is in is zeros, in part at least."""
        if self.open_span is not None:
            self.open_span.muted = True

    def consult(self, at: datetime, reason: Reason) -> None:
        """Begin a consultation, in place of the one that went on."""
        self.close_consultation(at)
        self.consulting = OpenSpan(SpanKind.CONSULTATION, at, reason)

    def close_consultation(self, at: datetime) -> None:
        """End the consultation that goes on, if there is one."""
        span, self.consulting = self.consulting, None
        self._close(span, at)

    def _close(self, span: OpenSpan | None, at: datetime) -> None:
        if span is not None and len(self.spans) < MOST_SPANS:
            ended_at = max(at, span.started_at)  # what ended it may have been before, and told late
            self.spans.append(
                Span(
                    kind=span.kind,
                    started_at=span.started_at,
                    ended_at=ended_at,
                    reason=span.reason,
                    muted=span.muted,
                )
            )
