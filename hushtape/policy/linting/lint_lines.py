"""Doubts about other policies' payment lines: what is silent although this policy records it.

Pure. A payment line of any policy in force is one for the calls of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hushtape.policy import patterns
from hushtape.policy.deciding.coverage import listed, pays
from hushtape.policy.linting.findings import Remark, warning
from hushtape.policy.linting.lint_payments import goes_on
from hushtape.policy.schema import Destination, OnConsultation, Policy


def remarks(policies: Sequence[Policy]) -> Iterator[tuple[Policy, Remark]]:
    """Find what a policy says of places that another one names as a payment line.

    Args:
        policies: those that are in force at once.
    """
    for owner in policies:
        for line in owner.destination:
            if not pays(owner, line):
                continue
            for policy in policies:
                if policy.name != owner.name:
                    yield from ((policy, each) for each in _recorded(policy, owner, line))


def _recorded(policy: Policy, owner: Policy, line: Destination) -> Iterator[Remark]:
    whose = f'a payment line of policy "{owner.name}" ({line.name})'
    for index, queue in enumerate(policy.calls.queues):
        if queue in line.queues:
            what = f'"{queue}" is {whose}: none of its calls is recorded'
            yield warning(f"calls.queues[{index}]", what)
    for index, number in enumerate(policy.calls.numbers):
        if listed(owner, (*line.numbers, *line.extensions), number):
            what = f'"{number}" is {whose}: no call to it is recorded'
            yield warning(f"calls.numbers[{index}]", what)
    for index, destination in enumerate(policy.destination):
        talks = destination.on_consultation is OnConsultation.RECORD
        if pays(policy, destination) or not (goes_on(destination) or talks):
            continue
        for key, place in _shared(destination, owner, line):
            what = f'"{place}" is {whose}: nothing is recorded there'
            yield warning(f"destination[{index}].{key}", what, place)


def _shared(
    destination: Destination, owner: Policy, line: Destination
) -> Iterator[tuple[str, str]]:
    """List what a destination names of a line: the key, and its entry."""
    for pattern in destination.extensions:
        if any(patterns.lies_in(pattern, [each]) for each in line.extensions):
            yield "extensions", pattern
    yield from (("queues", each) for each in destination.queues if each in line.queues)
    yield from (
        ("numbers", each) for each in destination.numbers if listed(owner, line.numbers, each)
    )
