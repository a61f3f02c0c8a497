"""Doubts about destinations: which of them never decide, because another comes first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hushtape.policy import patterns
from hushtape.policy.deciding.coverage import in_order, listed, pays
from hushtape.policy.linting.findings import Remark, warning
from hushtape.policy.linting.lint_calls import Says
from hushtape.policy.schema import Destination, DestinationKind, OnTransfer, Policy

_HOW = ("a blind transfer", "an attended transfer")
_GOES_ON = OnTransfer.CONTINUE
_KINDS = (DestinationKind.EXTENSION, DestinationKind.QUEUE, DestinationKind.OUTSIDE)


def remarks(policy: Policy, says: Says) -> Iterator[Remark]:
    """Name what is said of transfers and can never apply."""
    ordered = in_order(policy)
    for place, destination in enumerate(ordered):
        key = f"destination[{policy.destination.index(destination)}]"
        yield from _shadowed(policy, destination, ordered[:place], key)
        if not pays(policy, destination):
            yield from _outcomes(policy, destination, key, says)
    if says("transfer.otherwise"):
        every = {kind for destination in policy.destination for kind in destination.every}
        if every >= set(_KINDS):
            what = "can never apply: the destinations name every extension, queue and number"
            yield warning("transfer.otherwise", what)


def _shadowed(
    policy: Policy, destination: Destination, before: Sequence[Destination], key: str
) -> Iterator[Remark]:
    entries = list(_entries(policy, destination, before))
    hidden = [(field, index, word, by) for field, index, word, by in entries if by]
    if entries and len(hidden) == len(entries):
        by = " and ".join(f'"{name}"' for name in dict.fromkeys(each for *_, each in hidden))
        what = f'"{destination.name}" can never apply: {by} covers all of it and comes first'
        yield warning(key, what)
        return
    for field, index, word, by in hidden:
        what = f'"{word}" can never apply: "{by}" covers it and comes first'
        yield warning(f"{key}.{field}[{index}]", what)


def _entries(
    policy: Policy, destination: Destination, before: Sequence[Destination]
) -> Iterator[tuple[str, int, str, str]]:
    """List each entry with the name of the earlier destination that covers it; "": none."""
    for index, kind in enumerate(destination.every):
        yield "every", index, kind, _name_of_first([d for d in before if kind in d.every])
    for index, pattern in enumerate(destination.extensions):
        yield "extensions", index, pattern, _covering(pattern, before)
    for index, queue in enumerate(destination.queues):
        by = [d for d in before if queue in d.queues or DestinationKind.QUEUE in d.every]
        yield "queues", index, queue, _name_of_first(by)
    for index, number in enumerate(destination.numbers):
        outside = DestinationKind.OUTSIDE
        by = [d for d in before if outside in d.every or listed(policy, d.numbers, number)]
        yield "numbers", index, number, _name_of_first(by)


def _name_of_first(destinations: Sequence[Destination]) -> str:
    return destinations[0].name if destinations else ""


def _covering(pattern: str, before: Sequence[Destination]) -> str:
    """Name what covers a pattern: every extension, or patterns, of one destination or of several.

    Whether the PBX has an extension of its own there can't be told without its configuration; most
    patterns are that.
    """
    so_far: list[str] = []
    for each in before:
        so_far += each.extensions
        if DestinationKind.EXTENSION in each.every or patterns.lies_in(pattern, so_far):
            return each.name
    return ""


def _outcomes(policy: Policy, destination: Destination, key: str, says: Says) -> Iterator[Remark]:
    both = (destination.on_blind_transfer, destination.on_attended_transfer)
    if None not in both and says(f"{key}.on_transfer") and not destination.queues:
        what = "can never apply: on_blind_transfer and on_attended_transfer are both given"
        yield warning(f"{key}.on_transfer", what)
    for name, said in zip(("on_blind_transfer", "on_attended_transfer"), both, strict=True):
        if said is destination.on_transfer and says(f"{key}.on_transfer"):
            yield warning(f"{key}.{name}", f'says the same as on_transfer = "{said}"')
    for index, queue in enumerate(destination.queues):
        at = policy.calls.queues.index(queue) if queue in policy.calls.queues else None
        if at is not None and destination.on_transfer is not OnTransfer.CONTINUE:
            kinds = [kind for kind, said in zip(_HOW, both, strict=True) if said is _GOES_ON]
            but = f", but for those that come by {' or '.join(kinds)}" if kinds else ""
            what = (
                f'"{queue}" is a queue of "{destination.name}", where recording doesn\'t go on:'
                f" none of its calls is recorded{but}"
            )
            yield warning(f"calls.queues[{at}]", what)
        if queue in policy.calls.except_queues and destination.on_transfer is OnTransfer.CONTINUE:
            what = f'"{queue}" is in calls.except_queues: recording never goes on there'
            yield warning(f"{key}.queues[{index}]", what)
