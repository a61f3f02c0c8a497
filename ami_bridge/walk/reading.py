"""A policy's words, read a second time: what the walk's observer goes by.

Written from the guide (docs/policies.md), not from the decisions that the machine follows: where
the two don't say the same, the walk finds it. It knows no reasons, and nothing of the PBX's.
"""

from __future__ import annotations

from collections.abc import Iterable

from hushtape.policy import numbers
from hushtape.policy.decide import Arrival, Beside, Place
from hushtape.policy.hours import begins_within
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    Policy,
)
from hushtape.recordings.manifest import Direction


class Reading:
    """What one policy says of places, queues and arrivals."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._said: dict[tuple[Place, str], OnTransfer] = {}
        lines = set(policy.payment.lines)
        self._lines = [each for each in policy.destination if each.name in lines]
        self._others = [each for each in policy.destination if each.name not in lines]
        others = policy.others if isinstance(policy, Beside) else ()
        self._beside = [Reading(each) for each in others]

    def transfer(self, place: Place, how: str) -> OnTransfer:
        """Say what a transfer of a kind to a place does."""
        if (place, how) not in self._said:
            self._said[place, how] = self._transfer(place, how)
        return self._said[place, how]

    def _transfer(self, place: Place, how: str) -> OnTransfer:
        calls = self._policy.calls
        if self.pays(place):
            return OnTransfer.SILENT
        if self._excepted(place):
            return OnTransfer.STOP
        lists = [each for each in self._others if place.queue in each.queues]
        if place.queue in calls.queues and not lists:
            return OnTransfer.CONTINUE
        for each in self._others:
            if self._covers(each, place):
                blind = each.on_blind_transfer or each.on_transfer
                attended = each.on_attended_transfer or each.on_transfer
                if how in ("blind", "redirected"):
                    return blind
                return attended if how == "attended" else stricter(blind, attended)
        if place.kind is DestinationKind.UNKNOWN:
            return OnTransfer.STOP
        return self._policy.transfer.otherwise

    def line(self, place: Place) -> bool:
        """Tell whether a place is silent however one comes to it."""
        kinds = {self.transfer(place, how) for how in ("blind", "attended")}
        return kinds == {OnTransfer.SILENT}

    def queue(self, name: str, *, on_the_way: bool) -> OnTransfer:
        """Say what entering a queue does.

        Args:
            on_the_way: the call was in a recorded place until now.
        """
        calls = self._policy.calls
        if self.pays(Place(DestinationKind.QUEUE, "", queue=name)):
            return OnTransfer.SILENT
        if name in calls.except_queues:
            return OnTransfer.STOP
        lists = [each.on_transfer for each in self._others if name in each.queues]
        if lists and lists[0] is not OnTransfer.CONTINUE:
            return lists[0]
        goes_on = on_the_way and (bool(lists) or not calls.queues)
        return OnTransfer.CONTINUE if goes_on or name in calls.queues else OnTransfer.STOP

    def consultation(self, place: Place) -> bool:
        """Tell whether a consultation with somebody there is recorded."""
        if self.pays(place) or self._excepted(place):
            return False
        for each in self._others:
            if self._covers(each, place):
                return each.on_consultation is OnConsultation.RECORD
        return False

    def named(self, arrival: Arrival) -> bool:
        """Tell whether the policy names a call, and nothing keeps it out."""
        calls, queue = self._policy.calls, arrival.queue
        if arrival.direction not in calls.directions:
            return False
        if calls.hours and not begins_within(calls.hours, arrival.at, self._policy.zone):
            return False
        if queue in calls.except_queues or self._among(arrival.dialled, calls.except_numbers):
            return False
        if arrival.direction is Direction.OUTBOUND:
            ours = self._policy.outbound.extensions
            place = Place(DestinationKind.OUTSIDE, arrival.dialled, number=arrival.dialled)
            named = [each for each in (*self._lines, *self._others) if self._names(each, place)]
            goes_on = not named or self.transfer(place, "blind") is OnTransfer.CONTINUE
            return goes_on and any(numbers.matches(each, arrival.extension) for each in ours)
        dialled = Place(DestinationKind.UNKNOWN, arrival.dialled, number=arrival.dialled)
        if self.pays(dialled):
            return False
        if queue and self.queue(queue, on_the_way=True) is not OnTransfer.CONTINUE:
            return False
        if not queue and calls.direct_dial:
            return True
        if not calls.queues and not calls.numbers:
            return False
        right_number = not calls.numbers or self._among(arrival.dialled, calls.numbers)
        return right_number and (not calls.queues or queue in calls.queues)

    def pays(self, place: Place) -> bool:
        """Tell whether a place is a payment line of this policy, or of one beside it."""
        own = any(self._covers(line, place) for line in self._lines)
        return own or any(each.pays(place) for each in self._beside)

    def _excepted(self, place: Place) -> bool:
        calls = self._policy.calls
        dialled = (place.number, place.extension)
        by_number = any(self._among(each, calls.except_numbers) for each in dialled)
        return by_number or place.queue in calls.except_queues

    def _covers(self, destination: Destination, place: Place) -> bool:
        return place.kind in destination.every or self._names(destination, place)

    def _names(self, destination: Destination, place: Place) -> bool:
        by_queue = bool(place.queue) and place.queue in destination.queues
        by_number = self._among(place.number, destination.numbers)
        inside = any(numbers.matches(each, place.extension) for each in destination.extensions)
        return by_queue or by_number or inside

    def _among(self, number: str, spelled: Iterable[str]) -> bool:
        about = self._policy.policy
        plain = numbers.normal(number, about.country_code, about.trunk_prefix)
        return bool(plain) and plain in {
            numbers.normal(each, about.country_code, about.trunk_prefix) for each in spelled
        }


def stricter(one: OnTransfer, other: OnTransfer) -> OnTransfer:
    """Return the outcome that lets less be recorded."""
    order = (OnTransfer.SILENT, OnTransfer.STOP, OnTransfer.CONTINUE)
    return min(one, other, key=order.index)
