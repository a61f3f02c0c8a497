"""Which places, numbers and payment lines a policy's words cover."""

from __future__ import annotations

from collections.abc import Iterable

from hushtape.policy import numbers
from hushtape.policy.deciding.decision import Arrival, Place
from hushtape.policy.schema import Destination, DestinationKind, Policy
from hushtape.recordings.manifest import Direction


def in_order(policy: Policy) -> list[Destination]:
    """Sort destinations as they count: a payment line is one whatever stands before it."""
    return sorted(policy.destination, key=lambda destination: not pays(policy, destination))


def pays(policy: Policy, destination: Destination) -> bool:
    """Tell whether a destination is a payment line."""
    return destination.name in policy.payment.lines


def covers(policy: Policy, destination: Destination, place: Place) -> bool:
    """Tell whether a place is one of a destination's."""
    return place.kind in destination.every or names(policy, destination, place)


def names(policy: Policy, destination: Destination, place: Place) -> bool:
    """Tell whether a destination names this very place, other than by ``every``."""
    return (
        any(numbers.matches(pattern, place.extension) for pattern in destination.extensions)
        or bool(place.queue and place.queue in destination.queues)
        or listed(policy, destination.numbers, place.number)
    )


def payment_line(policy: Policy, arrival: Arrival) -> Destination | None:
    """Find the payment line that a call has come to, has dialled, or was answered by."""
    places = [reached(arrival)]
    if arrival.direction is not Direction.OUTBOUND:
        # A line's number, written among its extensions or its numbers: as a caller dials it.
        places.append(Place(DestinationKind.UNKNOWN, arrival.dialled, number=arrival.dialled))
    for destination in policy.destination:
        if pays(policy, destination) and any(covers(policy, destination, p) for p in places):
            return destination
    return None


def reached(arrival: Arrival) -> Place:
    """Say where a call is when its recording may begin, as a policy's destination names it."""
    if arrival.queue:
        return Place(DestinationKind.QUEUE, "", queue=arrival.queue)
    if arrival.direction is Direction.OUTBOUND:
        dialled = arrival.place.extension if arrival.place is not None else arrival.dialled
        return Place(DestinationKind.OUTSIDE, dialled, number=arrival.dialled)
    return arrival.place or Place(DestinationKind.UNKNOWN, arrival.dialled)


def listed(policy: Policy, spelled: Iterable[str], number: str) -> bool:
    """Tell whether a number is among some that the policy spells as it likes."""
    country, trunk = policy.policy.country_code, policy.policy.trunk_prefix
    plain = numbers.normal(number, country, trunk)
    return bool(plain) and any(numbers.normal(each, country, trunk) == plain for each in spelled)
