"""What becomes of each caller of a throng: drawn by chance, in fixed shares."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from lab import judge
from lab.gamble import CONSULTS_S
from lab.scene import Stage
from lab.town import Person

SIZE = 50
MOVES_S = (0.0, 4.0)
ENDS_S = (0.0, 3.0)


class Lot(StrEnum):
    """What becomes of a caller."""

    EARLY = "hangs up early"
    STAYS = "stays"
    AGENT = "is sent to another agent"
    CONSULTED = "is sent to another agent after a consultation"
    QUEUE = "is sent to the queue"
    PAYMENT = "is sent to the payment line"


# So many of SIZE; the others stay.
LOTS = {
    Lot.EARLY: 14,  # hang up first; their agents are free
    Lot.AGENT: 8,  # each to a free agent of his own
    Lot.CONSULTED: 4,
    Lot.QUEUE: 4,  # whoever is free
    Lot.PAYMENT: 3,
}


@dataclass
class Call:
    """One caller of a throng, and his agent."""

    stage: Stage
    caller: Person
    agent: Person
    uniqueid: str
    lot: Lot = Lot.STAYS
    target: Person | None = None
    wait_s: float = 0.0
    end_s: float = 0.0
    last: str = "caller"
    consult_s: float = 0.0
    consults_from_s: float | None = None
    moved_s: float | None = None  # to the payment line
    outage: judge.Span | None = None  # nobody watched the PBX when he was sent on


def lots_of(size: int) -> list[Lot]:
    """What becomes of so many callers, but for those who stay."""
    return [lot for lot, count in LOTS.items() for _ in range(round(count * size / SIZE))]


def draw_lots(calls: list[Call], chance: random.Random) -> None:
    """Say what becomes of each of a PBX's callers, and when."""
    calls.sort(key=lambda each: each.caller.number)  # who was answered first isn't chance of ours
    drawn = chance.sample(calls, len(calls))
    for each, lot in zip(drawn, lots_of(len(calls)), strict=False):
        each.lot = lot
    free = [each.agent for each in drawn if each.lot is Lot.EARLY]
    for each in drawn:
        if each.lot in (Lot.AGENT, Lot.CONSULTED):
            each.target = free.pop()
        each.wait_s, each.end_s = chance.uniform(*MOVES_S), chance.uniform(*ENDS_S)
        each.consult_s = chance.uniform(*CONSULTS_S)
        each.last = chance.choice(("caller", "agent"))
