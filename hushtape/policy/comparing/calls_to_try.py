"""The calls that two policies can tell apart: one sample of each kind, with words for its kind.

Two numbers that stand in the same lists of both policies are one kind; so are two extensions. What
is true of the sample is true of its kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sized
from datetime import UTC, datetime

from hushtape.errors import PolicyError
from hushtape.policy import decide, numbers
from hushtape.policy.comparing.kinds import Kind, Pair, sort
from hushtape.policy.comparing.pattern_samples import in_words, samples
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.deciding.coverage import payment_line
from hushtape.policy.schema import DestinationKind, Policy
from hushtape.policy.showing.wording import listing, named
from hushtape.policy.trying import places as known_places
from hushtape.recordings.manifest import Direction

MOST_NAMED = 3000  # numbers or queues that two policies may name to be compared
MOST_PLACES = 500  # extensions, and outside numbers of destinations: each is held against each
OTHER_QUEUE = "a-queue-that-no-policy-names"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # where the time doesn't count
OTHER_NUMBER = 1632960000  # of the numbers that are kept free for films and tests


def dialled_numbers(pair: Pair) -> list[Kind[str]]:
    """Sort the numbers that can be dialled: those that a policy names, and any other."""
    spelled = [number for policy in pair for number in _numbers(policy)]
    inside = samples(pattern for policy in pair for pattern in _patterns(policy))
    _check(inside, "extensions", MOST_PLACES)
    spelled += inside
    _check(spelled, "numbers", MOST_NAMED)

    seen = [_of_number(policy) for policy in pair]

    def alike(number: str) -> Hashable:
        return tuple(by_policy(number) for by_policy in seen)

    found = [each for each in _once(pair, spelled) if not _always_pays(pair, each)]
    return [
        *sort(found, alike, lambda some: listing(in_words(some, inside), "or")),
        Kind("any number", other_number(pair), rest=True),
    ]


def queues(pair: Pair) -> list[Kind[str]]:
    """Sort the queues: those that a policy names, any other, and none at all."""
    names = sorted(known_places.queues(pair))
    _check(names, "queues", MOST_NAMED)

    def alike(name: str) -> Hashable:
        return tuple(_of_queue(policy, name) for policy in pair)

    return [
        *sort(names, alike, lambda some: named("the queue", "the queues", some, "or")),
        Kind("any queue", OTHER_QUEUE, rest=True),
        Kind("no queue", ""),
    ]


def callers(pair: Pair) -> list[Kind[str]]:
    """Sort the extensions that ring out: those of ``[outbound]``, and any other."""
    patterns = [each for policy in pair for each in policy.outbound.extensions]
    known = samples(patterns)

    def alike(extension: str) -> Hashable:
        return tuple(
            any(numbers.matches(each, extension) for each in policy.outbound.extensions)
            for policy in pair
        )

    def say(some: list[str]) -> str:
        return named("extension", "extensions", in_words(some, known), "or")

    other = other_extension(pair)
    return [
        *sort(list(known), alike, say),
        *([Kind("any extension", other, rest=True)] if other else []),
    ]


def places(pair: Pair) -> list[Kind[Place]]:
    """List the places that a call can be transferred to: each one named, and any other."""
    known = samples(pattern for policy in pair for pattern in _patterns(policy))
    _check(known, "extensions", MOST_PLACES)

    def alike(extension: str) -> Hashable:
        return tuple(_of_place(policy, _inside_place(extension)) for policy in pair)

    found = [
        Kind(kind.words, _inside_place(kind.sample))
        for kind in sort(known, alike, lambda some: listing(in_words(some, known)))
    ]
    names = sorted(known_places.queues(pair))
    found += [Kind(f"the queue {name}", _queue_place(name)) for name in names]
    spelled = [each for policy in pair for each in _transferable(policy)]
    _check(spelled, "outside numbers of destinations", MOST_PLACES)
    found += [Kind(each, _outside_place(each)) for each in _once(pair, spelled)]
    other = other_extension(pair)
    if other:
        found.append(Kind("any other extension", Place(DestinationKind.EXTENSION, other)))
    found.append(Kind("any other queue", _queue_place(OTHER_QUEUE)))
    found.append(Kind("any other outside number", _outside_place(other_number(pair))))
    return found


def other_extension(pair: Pair) -> str:
    """Find an extension that no pattern of either policy matches; ``""`` where all are."""
    patterns = {
        each for policy in pair for each in (*_patterns(policy), *policy.outbound.extensions)
    }
    for number in range(200, 10_000):
        if not any(numbers.matches(pattern, str(number)) for pattern in patterns):
            return str(number)
    return ""


def other_number(pair: Pair) -> str:
    """Find a number that neither policy names."""
    taken = {_normal(policy, each) for policy in pair for each in _numbers(policy)}
    counted = (f"0{number}" for number in itertools.count(OTHER_NUMBER))
    return next(
        each for each in counted if not any(_normal(policy, each) in taken for policy in pair)
    )


def _always_pays(pair: Pair, number: str) -> bool:
    """Tell whether both take it for a payment line's: then it's never recorded, as all know."""
    return all(
        payment_line(policy, Arrival(_LONG_AGO, direction, number))
        for policy in pair
        for direction in Direction
    )


def _check(several: Sized, what: str, most: int) -> None:
    if len(several) > most:
        raise PolicyError("diff", f"more than {most} {what}: too many to try each")


def _numbers(policy: Policy) -> Iterator[str]:
    yield from policy.calls.numbers
    yield from policy.calls.except_numbers
    for destination in policy.destination:
        yield from destination.numbers
    for tag in policy.tag:
        yield from tag.numbers


def _transferable(policy: Policy) -> Iterator[str]:
    """The outside numbers that say something of a transfer."""
    for destination in policy.destination:
        yield from destination.numbers
    yield from (each for each in policy.calls.except_numbers if not _is_inside(policy, each))


def _patterns(policy: Policy) -> Iterator[str]:
    """The extensions that say something of a transfer, and patterns of them."""
    for destination in policy.destination:
        yield from destination.extensions
    yield from (each for each in policy.calls.except_numbers if _is_inside(policy, each))


def _is_inside(policy: Policy, number: str) -> bool:
    return numbers.is_pattern(number) and len(_normal(policy, number)) <= numbers.SHORT_DIGITS


def _normal(policy: Policy, number: str) -> str:
    return numbers.normal(number, policy.policy.country_code, policy.policy.trunk_prefix)


def _once(pair: Pair, spelled: Iterable[str]) -> list[str]:
    """Leave out second spellings of the same number."""
    found: dict[Hashable, str] = {}
    for each in spelled:
        found.setdefault(tuple(_normal(policy, each) or each for policy in pair), each)
    return list(found.values())


def _of_number(policy: Policy) -> Callable[[str], Hashable]:
    """What a policy sees of a dialled number: the lists it is in, and the destination it is."""
    spelled = [policy.calls.numbers, policy.calls.except_numbers, *(t.numbers for t in policy.tag)]
    lists = [{_normal(policy, each) for each in several} for several in spelled]

    def seen(number: str) -> Hashable:
        plain = _normal(policy, number)
        inside = Place(DestinationKind.UNKNOWN, number, number=number)
        return (
            *(plain in several for several in lists),
            decide.on_transfer(policy, inside).reason.rule,
            decide.on_transfer(policy, _outside_place(number)).reason.rule,
        )

    return seen


def _of_queue(policy: Policy, queue: str) -> Hashable:
    lists = [policy.calls.queues, policy.calls.except_queues]
    lists += [each.queues for each in policy.destination]
    lists += [each.queues for each in policy.tag]
    lists += [each.queues for each in policy.retention.rule]
    return tuple(queue in several for several in lists)


def _of_place(policy: Policy, place: Place) -> Hashable:
    """What a policy makes of a transfer to a place, and of a talk with it."""
    blind, attended = (decide.on_transfer(policy, place, how) for how in ("blind", "attended"))
    talk = decide.on_consultation(policy, place).allowed
    return blind.outcome, attended.outcome, blind.reason.rule, talk


def _inside_place(extension: str) -> Place:
    """A destination's extensions may be what is dialled for an outside number, too."""
    if len(extension) > numbers.SHORT_DIGITS:
        return _outside_place(extension)
    return Place(DestinationKind.EXTENSION, extension)


def _queue_place(name: str) -> Place:
    return Place(DestinationKind.QUEUE, "", queue=name)


def _outside_place(number: str) -> Place:
    return Place(DestinationKind.OUTSIDE, number, number=number)
