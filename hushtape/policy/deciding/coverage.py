"""Which places, numbers and payment lines a policy's words cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hushtape.policy import numbers
from hushtape.policy.deciding.decision import Arrival, Beside, Place
from hushtape.policy.duties import Retention
from hushtape.policy.schema import Calls, Destination, DestinationKind, Policy
from hushtape.recordings.manifest import Direction


def beside(policy: Policy, current: Iterable[Policy]) -> Beside:
    """Stand a policy beside others; those beside which it stood before stay."""
    known = policy.others if isinstance(policy, Beside) else ()
    others = (each for each in current if each.name != policy.name and each.payment.lines)
    own = {name: getattr(policy, name) for name in Policy.__struct_fields__}
    return Beside(**own, others=(*known, *map(_only_lines, others)))


def _only_lines(policy: Policy) -> Policy:
    return Policy(
        policy=policy.policy,
        calls=Calls(),
        retention=Retention(keep=policy.retention.keep),
        destination=tuple(each for each in policy.destination if pays(policy, each)),
        payment=policy.payment,
    )


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


def payment_lines(policy: Policy) -> Iterator[tuple[Policy, Destination]]:
    """List the payment lines of a policy, then those of the policies beside it; each with its own.

    Each is found by the words of the policy that names it: its country's way of dialling.
    """
    others = policy.others if isinstance(policy, Beside) else ()
    for owner in (policy, *others):
        yield from ((owner, each) for each in owner.destination if pays(owner, each))


def payment_line(policy: Policy, arrival: Arrival) -> tuple[Policy, Destination] | None:
    """Find the payment line that a call has come to, has dialled, or was answered by.

    Returns:
        The line, after the policy that names it.
    """
    places = [reached(arrival)]
    if arrival.direction is not Direction.OUTBOUND:
        # A line's number, written among its extensions or its numbers: as a caller dials it.
        places.append(Place(DestinationKind.UNKNOWN, arrival.dialled, number=arrival.dialled))
    for owner, line in payment_lines(policy):
        if any(covers(owner, line, place) for place in places):
            return owner, line
    return None


def excepted(policy: Policy, place: Place) -> bool:
    """Tell whether a place is one of ``except_numbers``: an outside number, or an extension."""
    spelled = policy.calls.except_numbers
    return listed(policy, spelled, place.number) or listed(policy, spelled, place.extension)


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
