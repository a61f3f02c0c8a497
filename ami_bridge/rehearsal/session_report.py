"""What would be recorded of the calls of a session: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ami_bridge.played import Replayed
from ami_bridge.rehearsal.explain import STATE_WORDS, afterwards, because
from ami_bridge.rehearsal.outcome import outcome
from ami_bridge.rehearsal.rehearsal import Rehearsed
from hushtape.policy.trying.timeline import Outcome, seconds


def outcomes(replayed: Replayed) -> Iterator[tuple[Rehearsed, Outcome]]:
    """Each call of a session, and what comes of it."""
    for done in replayed.calls:
        began_at = done.arrived.at
        ended_at = max(replayed.ended_at or began_at, began_at)
        yield done, outcome(done, began_at, ended_at)


def lines(replayed: Replayed, zone: ZoneInfo, *, numbers: bool) -> Iterator[str]:
    """The calls of a session for people; who called is shown only where that is asked for."""
    recorded = 0
    for index, (done, came) in enumerate(outcomes(replayed), start=1):
        recorded += bool(came.policy)
        yield _title(index, done, came, zone, numbers=numbers)
        if not came.policy:
            yield f"  not recorded: {came.choice.words}"
            continue
        for row in came.rows:
            why = f"  {because(row.reason)}" if row.reason is not None else ""
            span = f"{seconds(row.start_s)}-{seconds(row.end_s)} s"
            yield f"  {span:>16}  {STATE_WORDS[row.state]:<16}{why}"
        for row in came.consultations:
            yield f"  {seconds(row.start_s)}-{seconds(row.end_s)} s  consultation recorded"
        for line in afterwards(came):
            yield f"  {line}"
        if done.ended_at is None:
            yield "  it is not over when the session ends"
    yield from replayed.notes
    count = len(replayed.calls)
    yield f"{count} call{'s' * (count != 1)}, {recorded} under a policy"


def documents(replayed: Replayed, *, numbers: bool) -> Iterator[dict[str, Any]]:
    """The same for programs: an object for each call."""
    for done, came in outcomes(replayed):
        arrival = done.arrived.arrival
        found = {
            "call": done.channel.uniqueid,
            "direction": arrival.direction.value,
            "queue": arrival.queue,
            "over": done.ended_at is not None,
            **msgspec.to_builtins(came),
        }
        if numbers:
            found |= {"dialled": arrival.dialled, "number": done.arrived.number}
        yield found


def _title(index: int, done: Rehearsed, came: Outcome, zone: ZoneInfo, *, numbers: bool) -> str:
    arrival = done.arrived.arrival
    parts = [f"call {index} ({done.channel.uniqueid}), {arrival.direction}"]
    if arrival.queue:
        parts.append(f"queue {arrival.queue}")
    if numbers:
        parts.append(f"from {done.arrived.number or 'nobody'} to {arrival.dialled or 'nobody'}")
    parts.append(f"{came.began_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    if came.policy:
        parts.append(f"policy {came.policy}, {came.version}")
    return ", ".join(parts)
