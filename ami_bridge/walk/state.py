"""States of a call as a walk needs them: copied quickly, and told apart by what matters only."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any, TypeVar

from ami_bridge.call.company import Company
from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder, Track
from ami_bridge.walk.seen import Seen, Wait, Where
from hushtape.policy.stages import Stage

_MOST_TRIES = 2  # from the second on, one try to stop a stuck recorder is as the other


Copied = TypeVar("Copied")

_COPIERS: dict[type[Any], Callable[[Any], Any]] = {}  # for each kind of object, made once


def _copier(kind: type[Any]) -> Callable[[Any], Any]:
    """Make what copies an object with slots: a walk does little else as often."""
    names = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    values = attrgetter(*names)

    def copier(one: Any) -> Any:
        other = object.__new__(kind)
        for name, value in zip(names, values(one), strict=True):
            setattr(other, name, value)
        return other

    return copier


def copy(one: Copied) -> Copied:
    """Copy an object with slots, and nothing in it."""
    kind = type(one)
    if kind not in _COPIERS:
        _COPIERS[kind] = _copier(kind)
    copied: Copied = _COPIERS[kind](one)
    return copied


def fork_seen(seen: Seen) -> Seen:
    """Copy what an observer knows, so that each of two may go its own way."""
    other = copy(seen)
    other.recorders, other.waits = dict(seen.recorders), dict(seen.waits)
    return other


def fork(call: Call) -> Call:
    """Copy a call, so that each of two may go its own way."""
    other = copy(call)
    other.track = _fork_track(call.track)
    other.consultations = [_fork_track(track) for track in call.consultations]
    company = other.company = copy(call.company)
    company.known, company.lines = list(company.known), list(company.lines)
    papers = other.papers = copy(call.papers)
    papers.segments, papers.spans = list(papers.segments), list(papers.spans)
    papers.queues, papers.agents = list(papers.queues), list(papers.agents)
    papers.story = []  # told elsewhere, and long
    if call.paying is not None:
        other.paying = copy(call.paying)
        other.paying.ways = list(call.paying.ways)
    return other


def _fork_track(track: Track) -> Track:
    other = copy(track)
    if track.draft is not None:
        other.draft = copy(track.draft)
    return other


def key(call: Call, seen: Seen) -> Hashable:
    """Return what tells states apart: no times, no numbers of segments and rests, no story.

    Rests of which nothing can come any more are dropped on the way.
    """
    _forget(call, seen)
    if call.stage is Stage.OVER:
        return Stage.OVER, _tracks(call), _recorders(seen), seen.handed_off, seen.written
    # Away for good, but for a queue, which is entered alone: who is in the talk is nothing to it.
    away = call.stage is Stage.UNRECORDED and not (call.vanished or call.recallable)
    away = away and seen.where is Where.OUT and not (seen.vanished or seen.recallable or seen.pays)
    company = _company(call.company, away=away, heard=call.stage is Stage.RECORDED)
    return _standing(call), company, _tracks(call), _seen(seen, away=away)


def _forget(call: Call, seen: Seen) -> None:
    waits = seen.waits
    if Wait.EXPLANATION in waits and not (seen.left or call.left_talk_at):
        del waits[Wait.EXPLANATION]
    if Wait.COMPANY in waits and not (seen.doubt or call.redirected):
        del waits[Wait.COMPANY]
    if Wait.STRANGERS in waits and call.company.strangers_since is None:
        del waits[Wait.STRANGERS]
    if Wait.VOICE in waits and call.stage is not Stage.RECORDED:
        del waits[Wait.VOICE]
    if Wait.LINE in waits and not (call.paying and call.paying.leaving):
        del waits[Wait.LINE]
    if Wait.PAYMENT in waits and not (seen.pays or call.paying):
        del waits[Wait.PAYMENT]
    if Wait.PERMISSION in waits and not call.permitting:
        del waits[Wait.PERMISSION]


def _standing(call: Call) -> Hashable:
    paying = call.paying
    return (
        call.stage,
        call.ending,
        call.discard is None,
        call.awaits_answer,
        call.left_talk_at is None,
        call.moving_until is None,
        call.arriving,
        call.parking_until is None,
        call.recallable,
        call.vanished,
        call.redirected is None,
        call.went_on_to,
        call.left_into,
        call.sent_out_to,
        call.came_into,
        paying and (paying.beneath, frozenset(paying.ways), paying.since is None, paying.rest == 0),
        paying and (paying.stops, paying.moved, paying.leaving == 0, paying.consulted, paying.late),
        call.papers.consulting is None,
    )


def _company(company: Company, *, away: bool, heard: bool) -> Hashable:
    return (
        frozenset(company.known),
        frozenset(company.lines),
        () if away else company.talkers,
        company.expected and (company.came_by or "any"),
        company.strangers_since is not None and company.strangers,
        heard and (company.heard == "", company.heard == company.voice),
    )


def _tracks(call: Call) -> Hashable:
    return _track(call.track), frozenset(_track(track) for track in call.consultations)


def _track(track: Track) -> Hashable:
    draft = track.draft
    resting = track.resting if track.recorder in (Recorder.RESTING, Recorder.STUCK) else 0
    return (
        track.channel and track.channel.uniqueid,
        track.recorder,
        track.wanted,
        draft and (draft.cause_at is None, draft.unseen, draft.hushed_at is None),
        bool(resting),
        min(track.stuck_tries, _MOST_TRIES),
    )


def _recorders(seen: Seen) -> Hashable:
    return tuple(sorted(seen.recorders.values()))


def _seen(seen: Seen, *, away: bool) -> Hashable:
    fields: tuple[Any, ...] = (
        seen.where,
        seen.pays,
        seen.declined,
        seen.permitted,
        seen.awaits_answer,
        seen.ending,
        () if away else seen.talk,
        seen.have_it,
        seen.lines,
        seen.door,
        (seen.left, seen.moving_until is None, seen.vanished, seen.doubt, seen.arriving),
        seen.consulted,
        (seen.recallable, seen.parkable_until is None, seen.written),
        seen.went_on_to,
        seen.left_into,
        seen.sent_out_to,
        seen.came_into,
        seen.consults,
        frozenset(seen.waits),
    )
    return fields, _recorders(seen)
