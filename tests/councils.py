"""The five published policies, and calls and places of the councils, for tests of decisions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hushtape.policy import parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Calls, Destination, DestinationKind, Policy
from hushtape.recordings.manifest import Direction

EXAMPLES = Path(__file__).parents[1] / "examples" / "policies"
POLICIES = {policy.name: policy for policy in parse.load_folder(EXAMPLES)}
NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)  # a Saturday
NARROW = POLICIES["reigate-banstead"]

# council, the number that is dialled, its main queue, another of its queues
COUNCILS = [
    ("surrey", "03456009009", "surrey-contact-centre", "surrey-adult-care", 1),
    ("uttlesford", "01799510510", "customer-service", "housing", 2),
    ("reigate-banstead", "01737276000", "help-line", "revenues", 3),
    ("south-hams", "01803861234", "south-hams-contact", "south-hams-planning", 4),
    ("hammersmith-fulham", "02087488588", "hf-council-tax", "hf-parking", 5),
]


def arrival(
    queue: str, dialled: str = "", direction: Direction = Direction.INBOUND, at: datetime = NOW
) -> Arrival:
    """A call that comes to a queue, or through none."""
    return Arrival(at=at, direction=direction, dialled=dialled, queue=queue)


def made_by(
    extension: str, direction: Direction = Direction.OUTBOUND, dialled: str = "02079460999"
) -> Arrival:
    """A call that somebody of us makes."""
    return Arrival(at=NOW, direction=direction, dialled=dialled, extension=extension)


def place(kind: str, council: int) -> Place:
    """A place of a council's PBX."""
    other = {row[4]: row[3] for row in COUNCILS}[council]
    return {
        "extension": Place(DestinationKind.EXTENSION, f"2{council}2"),
        "queue": Place(DestinationKind.QUEUE, f"6{council}2", queue=other),
        "outside": Place(
            DestinationKind.OUTSIDE, f"9020794600{council}0", number=f"020794600{council}0"
        ),
        "payment": Place(DestinationKind.EXTENSION, f"7{council}0"),
        "nowhere": Place(DestinationKind.UNKNOWN, "12345"),
    }[kind]


def naming(policy: Policy = NARROW, **calls: object) -> Policy:
    """A policy that names these calls."""
    return msgspec.structs.replace(policy, calls=Calls(**calls))  # type: ignore[arg-type]


def with_destinations(
    council: str, *destinations: Destination, payment_lines: tuple[str, ...] = ()
) -> Policy:
    """A council's policy in which these destinations stand before its own."""
    base = POLICIES[council]
    payment = msgspec.structs.replace(base.payment, lines=(*base.payment.lines, *payment_lines))
    return msgspec.structs.replace(
        base, destination=(*destinations, *base.destination), payment=payment
    )
