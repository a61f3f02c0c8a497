"""A call's timeline, cut where something changed, with the reason of each stretch."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ami_bridge.call.machine import Call
from ami_bridge.facts import Channel, QueueEntered
from ami_bridge.rehearsal.outcome import outcome
from ami_bridge.rehearsal.rehearsal import Rehearsed
from hushtape.policy.decide import Arrival
from hushtape.policy.duties import Retention
from hushtape.policy.schema import About, Calls, Policy
from hushtape.policy.stages import Stage
from hushtape.policy.trying.timeline import Outcome, State
from hushtape.recordings.manifest import (
    Direction,
    EndedBy,
    Leg,
    Reason,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
POLICY = Policy(
    policy=About(name="town", title="T", in_force_from=date(2026, 1, 1), time_zone="UTC"),
    calls=Calls(queues=("help-line",)),
    retention=Retention(keep="62 days"),
)
CHANNEL = Channel("1.1", "PJSIP/1", "outside", "1")


def at(offset_s: float) -> datetime:
    return START + timedelta(seconds=offset_s)


def reason(words: str) -> Reason:
    return Reason(policy="town", version="2026-01-01", rule="calls", words=words)


ENTRY = reason("entered")


def rehearsed(*stages: tuple[float, Stage], arrived_s: float = 0.0) -> Rehearsed:
    arrival = Arrival(at=at(arrived_s), direction=Direction.INBOUND, dialled="", queue="help-line")
    fact = QueueEntered(at=at(arrived_s), arrival=arrival)
    call = Call("20261121-100000-aaaaaaab", "pbx", "1.1", POLICY, fact, ENTRY)
    call.papers.tell(at(arrived_s), "queue entered", ENTRY)
    done = Rehearsed(CHANNEL, fact, ENTRY, call, [(at(s), stage) for s, stage in stages])
    done.ended_at = at(40)
    return done


def segment(number: int, start_s: float, end_s: float, leg: Leg = Leg.OUTSIDE) -> Segment:
    return Segment(
        number=number,
        outside_file="o",
        inside_file="i",
        started_at=at(start_s),
        ended_at=at(end_s),
        ended_by=EndedBy.TRANSFER,
        stop=StopSeen.CONFIRMED,
        leg=leg,
    )


def span(kind: SpanKind, start_s: float, end_s: float, words: str) -> Span:
    return Span(kind=kind, started_at=at(start_s), ended_at=at(end_s), reason=reason(words))


def rows(done: Rehearsed) -> list[tuple[float, float, State, str]]:
    return said(outcome(done, START, at(40)))


def said(came: Outcome) -> list[tuple[float, float, State, str]]:
    return [
        (row.start_s, row.end_s, row.state, row.reason.words if row.reason else "")
        for row in came.rows
    ]


def test_a_call_that_no_policy_names_is_one_stretch() -> None:
    done = rehearsed()
    done.call = None
    came = outcome(done, START, at(99))
    assert said(came) == [(0.0, 40.0, State.NOT_RECORDED, "entered")]
    assert (came.policy, came.keep, came.segments) == ("", None, ())


def test_segments_and_spans_make_the_stretches() -> None:
    done = rehearsed((0, Stage.RECORDED), (20, Stage.SILENT), (30, Stage.RECORDED))
    assert done.call is not None
    papers = done.call.papers
    papers.segments = [segment(1, 0, 20), segment(2, 30.05, 40)]
    papers.spans = [span(SpanKind.PAYMENT, 20, 30, "payment")]
    papers.tell(at(30), "payment over", reason("goes on"))
    assert rows(done) == [
        (0.0, 20.0, State.RECORDED, "entered"),
        (20.0, 30.0, State.PAYMENT, "payment"),
        (30.0, 40.0, State.RECORDED, "goes on"),
    ]


def test_a_recorder_that_is_renewed_is_no_gap_but_a_longer_one_is() -> None:
    done = rehearsed((0, Stage.RECORDED))
    assert done.call is not None
    done.call.papers.segments = [segment(1, 0.01, 20), segment(2, 20.09, 30), segment(3, 31, 40)]
    assert [(row[0], row[1], row[2]) for row in rows(done)] == [
        (0.0, 30.0, State.RECORDED),
        (30.0, 31.0, State.NOT_RECORDED),
        (31.0, 40.0, State.RECORDED),
    ]


def test_parked_is_waiting_and_a_decline_is_not_recorded() -> None:
    done = rehearsed((0, Stage.RECORDED), (10, Stage.PARKED), (20, Stage.DECLINED))
    assert done.call is not None
    papers = done.call.papers
    papers.segments = [segment(1, 0, 10)]
    papers.spans = [
        span(SpanKind.NOT_RECORDED, 10, 20, "parked"),
        span(SpanKind.NOT_RECORDED, 20, 40, "opted out"),
    ]
    assert rows(done) == [
        (0.0, 10.0, State.RECORDED, "entered"),
        (10.0, 20.0, State.WAITING, "parked"),
        (20.0, 40.0, State.NOT_RECORDED, "opted out"),
    ]


def test_before_it_came_nothing_had_begun() -> None:
    done = rehearsed((5, Stage.RECORDED), arrived_s=5)
    assert done.call is not None
    done.call.papers.segments = [segment(1, 5, 40)]
    assert rows(done) == [
        (0.0, 5.0, State.NOT_RECORDED, "nothing has begun yet"),
        (5.0, 40.0, State.RECORDED, "entered"),
    ]


def test_a_consultation_stands_beside_and_its_reason_is_its_own() -> None:
    done = rehearsed((0, Stage.RECORDED))
    assert done.call is not None
    papers = done.call.papers
    consulted = span(SpanKind.CONSULTATION, 10, 20, "consultation: recorded")
    papers.segments = [segment(1, 0, 40), segment(2, 10.01, 20, Leg.CONSULTATION)]
    papers.spans = [consulted]
    papers.tell(at(10), "the agent consults somebody", consulted.reason)
    came = outcome(done, START, at(40))
    assert said(came) == [(0.0, 40.0, State.RECORDED, "entered")]
    [beside] = came.consultations
    assert (beside.start_s, beside.end_s, beside.reason) == (10.01, 20.0, consulted.reason)


def test_a_call_that_goes_on_ends_with_what_was_played() -> None:
    done = rehearsed((0, Stage.RECORDED))
    done.ended_at = None
    assert outcome(done, START, at(60)).rows[-1].end_s == 60


def test_slivers_are_given_to_their_neighbours() -> None:
    done = rehearsed((0, Stage.RECORDED), (20, Stage.UNRECORDED))
    assert done.call is not None
    papers = done.call.papers
    papers.segments = [segment(1, 0, 20)]
    papers.spans = [span(SpanKind.NOT_RECORDED, 20.001, 40, "left")]
    assert rows(done) == [
        (0.0, 20.001, State.RECORDED, "entered"),
        (20.001, 40.0, State.NOT_RECORDED, "left"),
    ]
