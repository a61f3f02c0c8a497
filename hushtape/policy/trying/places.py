"""Where a script's transfers lead, told from a policy alone: an extension, a queue, a number. Pure.

With a PBX's configuration at hand its own map decides (ami_bridge/rehearsal/places.py).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from hushtape.policy.decide import Place
from hushtape.policy.numbers import SHORT_DIGITS
from hushtape.policy.schema import Destination, DestinationKind, Policy

_QUEUE = re.compile(r"(?:the )?queue (?:of )?([A-Za-z0-9_.-]{1,80})", re.IGNORECASE)
_DIALLED = re.compile(r"[0-9*#+][0-9*#+ ().\-/]{0,39}")
_NOT_DIALLED = re.compile(r"[ ().\-/]")
_LETTERS = {"X": "5", "Z": "5", "N": "5", ".": "5", "!": ""}
_EVERY = {
    DestinationKind.EXTENSION: Place(DestinationKind.EXTENSION, "an extension"),
    DestinationKind.QUEUE: Place(DestinationKind.QUEUE, "", queue="another-queue"),
    DestinationKind.OUTSIDE: Place(DestinationKind.OUTSIDE, "an outside number"),
}


def place(text: str, policies: Iterable[Policy]) -> Place:
    """Say what is meant by ``730``, ``queue revenues``, ``020 7946 0010`` or ``the payment line``.

    Up to six digits are an extension, more an outside number. A destination's name stands for one
    of its places.

    Raises:
        ValueError: it is none of these; the nearest name stands in it.
    """
    versions = tuple(policies)
    named = _QUEUE.fullmatch(text)
    if named:
        return Place(DestinationKind.QUEUE, "", queue=named[1])
    destinations = [each for policy in versions for each in policy.destination]
    for destination in destinations:
        if _bare(destination.name) == _bare(text):
            return of_destination(destination)
    if text in queues(versions):
        return Place(DestinationKind.QUEUE, "", queue=text)
    if is_dialled(text):
        return dialled(text)
    known = [each.name for each in destinations] + sorted(queues(versions))
    close = difflib.get_close_matches(text, known, n=1)
    meant = f'; did you mean "{close[0]}"?' if close else ""
    raise ValueError(
        f'"{text}" is no place that the policy knows: expected an extension, an outside number,'
        f' a queue ("queue NAME") or a destination\'s name{meant}'
    )


def is_dialled(text: str) -> bool:
    """Tell whether a text is an extension or a telephone number."""
    return _DIALLED.fullmatch(text) is not None


def dialled(text: str) -> Place:
    """Take up to six digits for an extension, more for an outside number."""
    digits = _NOT_DIALLED.sub("", text)
    if len(digits) <= SHORT_DIGITS:
        return Place(DestinationKind.EXTENSION, digits)
    return Place(DestinationKind.OUTSIDE, digits, number=text)


def of_destination(destination: Destination) -> Place:
    """Return one place that a destination covers."""
    if destination.extensions:
        return Place(DestinationKind.EXTENSION, fitting(destination.extensions[0]))
    if destination.queues:
        return Place(DestinationKind.QUEUE, "", queue=destination.queues[0])
    if destination.numbers:
        return dialled(destination.numbers[0])
    return _EVERY[destination.every[0]]


def fitting(pattern: str) -> str:
    """Return an extension that fits a dialplan pattern: ``2XX`` 255, ``7[1-5]0`` 710."""
    parts = re.findall(r"\[[^\]]*\]|.", pattern.removeprefix("_"))
    return "".join(part[1] if part.startswith("[") else _LETTERS.get(part, part) for part in parts)


def queues(policies: Iterable[Policy]) -> set[str]:
    """Every queue that one of the policies names."""
    return {
        queue
        for policy in policies
        for named in (
            policy.calls.queues,
            policy.calls.except_queues,
            *(each.queues for each in policy.destination),
            *(each.queues for each in policy.tag),
            *(each.queues for each in policy.retention.rule),
        )
        for queue in named
    }


def _bare(name: str) -> str:
    return name.strip().casefold().removeprefix("the ").removeprefix("an ").removeprefix("a ")
