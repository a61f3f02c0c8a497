"""What a call leaves in its channel's variable, and a call made anew of it (the text: noted.py)."""

from __future__ import annotations

from datetime import datetime

from ami_bridge.call import noted
from ami_bridge.call.noted import Noted, NotedPayment, NotedSegment
from ami_bridge.call.recorder import Draft, Recorder, Track, file_names
from ami_bridge.call.standing import Paying, Standing
from ami_bridge.facts import Channel, Claimed
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, Leg, Segment, StopSeen


def state_of(call: Standing) -> Noted:
    """Say what a successor needs to go on with the call."""
    segments = [
        NotedSegment(each.number, each.leg, each.started_at, each.ended_at)
        for each in call.papers.segments[-noted.MOST_SEGMENTS :]
    ]
    for track in call.tracks:
        draft = track.draft
        if draft is not None:
            leg = track.channel
            on = f"{leg.uniqueid}~{leg.name}" if leg is not None else ""
            segments.append(
                NotedSegment(draft.number, track.leg, draft.asked_at, draft.ends_at, on)
            )
    queues, paying = call.papers.queues, call.paying
    payment = None
    if paying is not None:
        since = paying.since if paying.rest else None
        since = None if paying.late else since
        payment = NotedPayment(
            paying.beneath, tuple(paying.ways), since, paying.late, paying.consulted
        )
    return Noted(
        id=call.id,
        stage=call.stage,
        policy=call.policy.name,
        version=call.policy.version,
        direction=call.began.arrival.direction,
        began_at=call.began.at,
        discards=call.discard is not None,
        awaits_permission=bool(call.permitting),
        awaits_answer=call.awaits_answer,
        queue=queues[-1] if queues else "",
        known=tuple(call.company.known[-noted.MOST_KNOWN :]),
        segments=tuple(segments),
        payment=payment,
    )


def is_where_it_was(call: Standing, found: Claimed) -> bool:
    """Tell whether a call is still in the talk, or the queue, that its note tells of."""
    if found.talkers:
        return any(call.company.knows(talker) for talker in found.talkers)
    return bool(found.waits_in) and found.waits_in in call.papers.queues


def fill(call: Standing, state: Noted) -> None:
    """Give a fresh call what its predecessor had noted."""
    call.stage = state.stage
    call.tell(state.began_at, "began; the rest of its story is lost with its bridge", call.reason)
    call.papers.segment_count = noted.newest(state.segments)
    call.discard = call.reason if state.discards else None
    call.permitting = -1 if state.awaits_permission else 0  # Adopted gives it its time
    call.awaits_answer = state.awaits_answer
    if state.stage is Stage.SILENT:
        call.paying = _paying(state)
    call.papers.queues = [state.queue] if state.queue else []
    call.company.known = list(state.known)
    last = noted.newest([each for each in state.segments if each.leg is Leg.OUTSIDE])
    for each in state.segments:
        if each.number == last:
            # Its recorder may run on, also where it should not: Adopted stops it.
            _perhaps_running(call.track, each, each.ended_at)
        elif each.on:
            uniqueid, _, name = each.on.partition("~")
            track = Track(leg=each.leg, channel=Channel(uniqueid, name, "", ""))
            _perhaps_running(track, each, each.ended_at or each.started_at)
            call.consultations.append(track)
        else:
            call.keep(_unseen(call, each))


def _paying(state: Noted) -> Paying:
    noted_one = state.payment
    if noted_one is None:  # what had begun it isn't known: recorded only after a queue, if ever
        return Paying(Stage.UNRECORDED)
    rest = -1 if noted_one.since is not None else 0  # Adopted gives it its time
    return Paying(
        noted_one.beneath,
        list(noted_one.ways),
        noted_one.since,
        rest,
        late=noted_one.late,
        consulted=noted_one.consulted,
    )


def _perhaps_running(track: Track, segment: NotedSegment, unwanted_since: datetime | None) -> None:
    track.recorder = Recorder.UNCERTAIN
    track.draft = Draft(segment.number, segment.started_at, segment.started_at)
    if unwanted_since is not None:
        track.draft.unwanted_since(unwanted_since, EndedBy.LINK_LOST)
        track.draft.unseen = True


def _unseen(call: Standing, segment: NotedSegment) -> Segment:
    outside, inside = file_names(call.id, segment.number, one_file=call.one_file)
    return Segment(
        number=segment.number,
        outside_file=outside,
        inside_file=inside,
        started_at=segment.started_at,
        ended_at=segment.ended_at or segment.started_at,
        ended_by=EndedBy.LINK_LOST,
        stop=StopSeen.UNSEEN,
        leg=segment.leg,
    )
