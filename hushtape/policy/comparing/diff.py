"""Which calls and which recordings two versions of a policy treat differently. Pure.

Not a comparison of texts: every kind of call that the two can tell apart is decided under both.
What can't be tried out, such as who may listen, is compared by its sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from hushtape.policy import decide
from hushtape.policy.comparing import calls_to_try, times_to_try
from hushtape.policy.comparing.kinds import Kind, Pair
from hushtape.policy.comparing.shapes import Axis, Shape
from hushtape.policy.decide import Arrival, Ruling
from hushtape.policy.period import parse_period
from hushtape.policy.schema import OnTransfer, Policy, Starts
from hushtape.policy.showing import said_keeping, said_moves
from hushtape.policy.showing.sentences import CALLS, DUTIES, about
from hushtape.policy.showing.wording import listing, moment, quoted, sentence, tidy
from hushtape.recordings.manifest import Direction, Keep

NOT_RECORDED = "not recorded"
KEPT = "How long recordings are kept"
_RECORDED = {True: "recorded", False: NOT_RECORDED}
_NAMED = "destination: "  # how a decision's rule begins that a destination has made


class Change(NamedTuple):
    """What is decided differently."""

    which: str  # "inbound calls to 01799 510510"
    old: str  # "not recorded"
    new: str
    example: str = ""  # a sentence that can be checked by hand


class Reworded(NamedTuple):
    """Sentences of one section that are no longer said, and new ones."""

    heading: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """All that two policies treat differently of calls from a day on: the newer one's first."""

    since: date
    calls: tuple[Change, ...]
    transfers: tuple[Change, ...]
    recordings: tuple[Change, ...]
    said: tuple[Reworded, ...]
    only_words: tuple[Reworded, ...]  # said differently, though every call is treated alike

    @property
    def is_any(self) -> bool:
        """Whether anything is treated differently; other words for the same are not."""
        return bool(self.calls or self.transfers or self.recordings or self.said)


def compare(old: Policy, new: Policy) -> Difference:
    """Decide every kind of call under both, and say where the answers differ.

    Only calls from the newer version's first day on: it touches none that began before.

    Raises:
        PolicyError: they name too many places to try each of them.
    """
    pair = (old, new)
    shapes = (_incoming(pair), _outbound(pair))
    calls = tuple(change for shape in shapes for change in _changed_calls(pair, shape))
    kept = [_changed_periods(pair, shape) for shape in shapes]
    recordings = _joined(change for changes in kept if changes for change in changes)
    in_common = any(changes is not None for changes in kept)
    transfers = (*_changed_transfers(pair), *_changed_queues(pair))
    return Difference(
        since=times_to_try.first_day(pair),
        calls=calls,
        transfers=transfers,
        recordings=recordings,
        said=tuple(_changed_duties(pair, in_common)),
        only_words=tuple(
            _only_words(pair, bool(calls or transfers), bool(recordings) or not in_common)
        ),
    )


def _incoming(pair: Pair) -> Shape:
    """Calls to us: which way, to which number, through which queue, when."""
    return Shape(
        (
            Axis(_directions(pair, (Direction.INBOUND, Direction.INTERNAL)), ""),
            Axis([Kind("", "")], "from"),
            Axis(calls_to_try.dialled_numbers(pair), "to"),
            Axis(calls_to_try.queues(pair), "through"),
            Axis(times_to_try.times(pair), "that begin"),
        )
    )


def _outbound(pair: Pair) -> Shape:
    """Calls that staff make: from which extension, to which number, when."""
    return Shape(
        (
            Axis(_directions(pair, (Direction.OUTBOUND,)), ""),
            Axis(calls_to_try.callers(pair), "from"),
            Axis(calls_to_try.dialled_numbers(pair), "to"),
            Axis([Kind("", "")], "through"),
            Axis(times_to_try.times(pair), "that begin"),
        )
    )


def _directions(pair: Pair, among: tuple[Direction, ...]) -> list[Kind[Direction]]:
    return [
        Kind(str(each), each)
        for each in among
        if any(each in policy.calls.directions for policy in pair)
    ]


def _arrival(parts: list[Any]) -> Arrival:
    direction, extension, dialled, queue, at = parts
    return Arrival(at, direction, dialled, queue=queue, extension=extension)


def _changed_calls(pair: Pair, shape: Shape) -> Iterator[Change]:
    days = [kind.sample for kind in times_to_try.days(pair)]
    decided = {point: _outcomes(pair, _arrival(parts), days) for point, parts in shape.points()}
    for (old, new), which, _ in shape.told_apart(decided):
        if old != new:
            yield Change(which, old, new)


def _outcomes(pair: Pair, arrival: Arrival, days: list[datetime]) -> tuple[str, str]:
    """Say what becomes of a call under both; of one that only the new one records, how long."""
    old, new = (_outcome(policy, arrival) for policy in pair)
    if old == NOT_RECORDED != new:
        periods = dict.fromkeys(tidy(_keep(pair[1], arrival, day).period) for day in days)
        new += f", kept {listing(periods, 'or')}{' by its day' * (len(periods) > 1)}"
    return old, new


def _outcome(policy: Policy, arrival: Arrival) -> str:
    if decide.choose((policy,), arrival).policy is None:
        return NOT_RECORDED
    begin = "the answer"
    if arrival.queue and policy.calls.starts is Starts.QUEUE_ENTRY:
        begin = "the entry into the queue"
    marks = decide.tags(policy, arrival, ())
    marked = f", marked {listing(map(quoted, marks))}" if marks else ""
    return f"recorded from {begin} on{marked}"


def _changed_periods(pair: Pair, shape: Shape) -> list[Change] | None:
    """Compare how long that is kept which both record; None: there is no such call."""
    dated = Shape((*shape.axes, Axis(times_to_try.days(pair), "")))
    decided: dict[tuple[int, ...], tuple[str, str] | None] = {}
    tried: dict[tuple[int, ...], tuple[Arrival, datetime]] = {}
    for point, (*parts, day) in dated.points():
        arrival = _arrival(parts)
        if not all(decide.choose((policy,), arrival).policy for policy in pair):
            continue
        old, new = (_keep(policy, arrival, day) for policy in pair)
        alike = parse_period(old.period) == parse_period(new.period)
        decided[point] = None if alike else (tidy(old.period), tidy(new.period))
        tried[point] = arrival, day
    found = []
    for periods, which, first in dated.told_apart(decided):
        if periods is not None:
            example = _example(pair, *tried[first], periods)
            found.append(Change(which, f"kept {periods[0]}", f"kept {periods[1]}", example))
    return found if decided else None


def _example(pair: Pair, arrival: Arrival, day: datetime, periods: tuple[str, str]) -> str:
    """Say of one call until when both keep it; "": the moment that is tried doesn't fit."""
    at = times_to_try.like(arrival.at, day, pair)
    call = replace(arrival, at=at)
    old, new = (_keep(policy, call, at) for policy in pair)
    named = all(decide.choose((policy,), call).policy for policy in pair)
    if not named or (tidy(old.period), tidy(new.period)) != periods:
        return ""
    was, now = (moment(each.until.astimezone(pair[1].zone)) for each in (old, new))
    return f"a call of {moment(at)} is kept until {now} instead of {was}"


def _joined(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Say once what is true of inbound and of outbound calls."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for which, old, new, example in changes:
        alike.setdefault((old, new, example), []).append(which)
    return tuple(Change(listing(several), *rest) for rest, several in alike.items())


def _keep(policy: Policy, arrival: Arrival, began: datetime) -> Keep:
    been_in = (arrival.queue,) if arrival.queue else ()
    return decide.keep(policy, began, been_in, decide.tags(policy, arrival, been_in))


def _changed_transfers(pair: Pair) -> Iterator[Change]:
    """Try each place with each kind of transfer, and a consultation with it."""
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for kind in calls_to_try.places(pair):
        tried = {
            f"{how} transfers to": [decide.on_transfer(each, kind.sample, how) for each in pair]
            for how in ("blind", "attended")
        }
        outcomes = [[ruling.outcome for ruling in rulings] for rulings in tried.values()]
        if outcomes[0] == outcomes[1]:
            tried = {"transfers to": tried["blind transfers to"]}
        for what, (old, new) in tried.items():
            if old.outcome is not new.outcome:
                words = (what, _OUTCOMES[old.outcome], _OUTCOMES[new.outcome])
                found.setdefault(words, []).append((_by((old, new)), kind.words))
        before, after = (decide.on_consultation(each, kind.sample) for each in pair)
        if before.allowed != after.allowed:
            what = "an adviser's talk, while the caller waits, with"
            words = (what, _RECORDED[before.allowed], _RECORDED[after.allowed])
            name = (after if after.allowed else before).reason.rule.removeprefix(_NAMED)
            found.setdefault(words, []).append((name, kind.words))
    for (what, was, now), where in found.items():
        yield Change(f"{what} {_places(where)}", was, now)


def _by(rulings: tuple[Ruling, Ruling]) -> str:
    """Name the destination that decides, in the newer policy if there is one; "": none does."""
    for ruling in reversed(rulings):
        if ruling.reason.rule.startswith(_NAMED):
            return tidy(ruling.reason.rule.removeprefix(_NAMED))
    return ""


def _places(where: list[tuple[str, str]]) -> str:
    """Say ``the payment line (710 and 711), 230 and any other queue``."""
    by_name: dict[str, list[str]] = {}
    for name, words in where:
        by_name.setdefault(name, []).append(words)
    bare = by_name.pop("", [])
    return listing([*(f"{name} ({listing(several)})" for name, several in by_name.items()), *bare])


def _changed_queues(pair: Pair) -> Iterator[Change]:
    """Try what becomes of a call that comes to a queue without a transfer."""
    ways: tuple[tuple[str, Callable[[Policy, str], Ruling]], ...] = (
        ("calls that are recorded and that the telephone system takes to", decide.on_move),
        ("calls that are no longer recorded and that come to", decide.on_return),
    )
    found: dict[tuple[str, OnTransfer, OnTransfer], list[str]] = {}
    for kind in calls_to_try.queues(pair):
        if not kind.sample:
            continue
        moved = {
            what: tuple(decision(policy, kind.sample).outcome for policy in pair)
            for what, decision in ways
        }
        if len(set(moved.values())) == 1:  # whether it was recorded before or not
            moved = {"calls that come by themselves to": next(iter(moved.values()))}
        for what, (old, new) in moved.items():
            if old is not new:
                words = "any other queue" if kind.rest else kind.words
                found.setdefault((what, old, new), []).append(words)
    for (what, old, new), where in found.items():
        yield Change(f"{what} {listing(where, 'or')}", _THERE[old], _THERE[new])


def _changed_duties(pair: Pair, periods_tried: bool) -> Iterator[Reworded]:
    for heading, say in DUTIES:
        says: tuple[Callable[[Policy], Iterator[str]], ...] = (say,)
        if heading == KEPT:
            tried = () if periods_tried else (said_keeping.periods,)
            says = (*tried, said_keeping.zone, said_keeping.holds)
        yield from _reworded(heading, *(_said(policy, *says) for policy in pair))


def _only_words(pair: Pair, calls: bool, periods: bool) -> Iterator[Reworded]:
    """Find what is said differently of calls and periods, where none of them is treated so."""
    titles = [(sentence(tidy(each.policy.title)), *about(each)[1:]) for each in pair]
    yield from _reworded("About this policy", titles[0], titles[1])
    if not calls:
        for heading, say in CALLS:
            yield from _reworded(heading, *(_said(policy, say) for policy in pair))
    if not periods:
        yield from _reworded(KEPT, *(_said(policy, said_keeping.periods) for policy in pair))


def _said(policy: Policy, *says: Callable[[Policy], Iterator[str]]) -> tuple[str, ...]:
    return tuple(sentence(each) for say in says for each in say(policy))


def _reworded(heading: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Reworded]:
    gone = tuple(each for each in old if each not in new)
    come = tuple(each for each in new if each not in old)
    if gone or come:
        yield Reworded(heading, gone, come)


_OUTCOMES = {
    **said_moves.OUTCOMES,
    OnTransfer.SILENT: "silence, as for a payment",
}
_THERE = {
    OnTransfer.STOP: NOT_RECORDED,
    OnTransfer.CONTINUE: "recorded",
    OnTransfer.SILENT: "silence, as for a payment",
}
