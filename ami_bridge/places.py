"""What the configuration says of a PBX's numbers, and what is kept of what callers say. Pure."""

from __future__ import annotations

import re

from hushtape.config import Pbx
from hushtape.policy import numbers
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

TEXT_LIMIT = 200  # characters of a caller's name or number that are kept
_NOT_IN_QUEUES = re.compile(r"[^A-Za-z0-9_.-]")
QUEUE_LIMIT = 80


def person(text: str) -> str:
    """Cut a name or number from the network to what is kept of it; Asterisk's word for none."""
    text = "".join(character for character in text[:TEXT_LIMIT] if character.isprintable())
    return "" if text == "<unknown>" else text


def queue_name(text: str) -> str:
    """Keep of a queue's name what a configuration can name; anything else is no queue of ours."""
    return _NOT_IN_QUEUES.sub("_", text[:QUEUE_LIMIT])


def place(pbx: Pbx, extension: str) -> Place:
    """Say what an extension of a PBX leads to, by the configuration."""
    if extension in pbx.queues:
        return Place(DestinationKind.QUEUE, extension, queue=pbx.queues[extension])
    if any(numbers.matches(pattern, extension) for pattern in pbx.extensions):
        return Place(DestinationKind.EXTENSION, extension)
    if any(numbers.matches(pattern, extension) for pattern in pbx.outside):
        number = extension.removeprefix(pbx.outside_prefix)
        return Place(DestinationKind.OUTSIDE, extension, number=number)
    return Place(DestinationKind.UNKNOWN, extension)
