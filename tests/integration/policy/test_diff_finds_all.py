"""Whatever two policies decide differently, ``policy diff`` has something to say of its sort.

Calls are drawn at random, not from the kinds that diff tries: a kind that it forgot shows here.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from hushtape.policy import decide, parse
from hushtape.policy.comparing import diff
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.period import parse_period
from hushtape.policy.schema import DestinationKind, Policy
from hushtape.recordings.manifest import Direction
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, OF_A_KIND, changed, keys, others

CHANGES = 25
CALLS = 250  # of each pair
DECIDED = ["calls", "destination", "transfer", "payment", "outbound", "tag", "retention", "policy"]
NUMBERS = ["01799510510", "02087488588", "01737276000", "01737276001", "01737276999"]
NUMBERS += ["02079460010", "02079460020", OF_A_KIND["numbers"], "0999"]
NUMBERS += ["700", "777777", "210", "721", "729"]
QUEUES = ["", "surrey-contact-centre", "customer-service", "help-line", "housing", "union"]
QUEUES += ["payments", "back-office", "zebra", "somewhere"]
EXTENSIONS = ["221", "211", "213", "219", "700", "721", "724", "777777", "300"]


def one_change(policy: Policy, chance: random.Random) -> Policy:
    while True:
        table = chance.choice(DECIDED)
        inside = [each for each in keys(policy) if each[0][0] == table]
        path, kind, value = chance.choice(inside)
        values = list(others(kind, str(path[-1]), value))
        if not values or path[-1] in {"name", "country_code", "trunk_prefix"}:
            continue
        other = changed(path, chance.choice(values), policy)
        if not any(True for _ in parse.problems(other)):
            return other


def call(chance: random.Random) -> Arrival:
    days, minutes = chance.randrange(400, 800), chance.randrange(1440)
    start = datetime(2026, 2, 1, tzinfo=EVERYTHING.zone)
    direction = chance.choice(list(Direction))
    return Arrival(
        at=start + timedelta(days=days, minutes=minutes),
        direction=direction,
        dialled=chance.choice(NUMBERS),
        queue="" if direction is Direction.OUTBOUND else chance.choice(QUEUES),
        extension=chance.choice(EXTENSIONS) if direction is Direction.OUTBOUND else "",
    )


def place(chance: random.Random) -> Place:
    kind = chance.choice(
        [DestinationKind.EXTENSION, DestinationKind.QUEUE, DestinationKind.OUTSIDE]
    )
    if kind is DestinationKind.QUEUE:
        return Place(kind, "", queue=chance.choice(QUEUES[1:]))
    if kind is DestinationKind.EXTENSION:
        return Place(kind, chance.choice(EXTENSIONS))
    number = chance.choice([each for each in NUMBERS if len(each) > 8])
    return Place(kind, number, number=number)


def treated(policy: Policy, arrival: Arrival, where: Place, day: datetime) -> dict[str, object]:
    """What becomes of a call, by the part of a difference that would say so."""
    own = decide.choose((policy,), arrival).policy
    marks = decide.tags(policy, arrival, ()) if own else ()
    kept = decide.keep(policy, day, {arrival.queue} - {""}, marks)
    transfers = [decide.on_transfer(policy, where, how).outcome for how in ("blind", "attended")]
    queue = arrival.queue or "somewhere"
    return {
        "calls": (own is None, own and arrival.queue and policy.calls.starts, marks),
        "transfers": (
            *transfers,
            decide.on_consultation(policy, where).allowed,
            decide.on_move(policy, queue).outcome,
            decide.on_return(policy, queue).outcome,
        ),
        "recordings": parse_period(kept.period) if own else None,
    }


@pytest.mark.parametrize("base", ["everything", "surrey", "uttlesford", "hammersmith-fulham"])
def test_what_is_decided_differently_is_said(base: str) -> None:
    chance = random.Random(5)
    old = POLICIES.get(base, EVERYTHING)
    seen = dict.fromkeys(("calls", "transfers", "recordings"), 0)
    for _ in range(CHANGES):
        new = old
        for _ in range(chance.randrange(1, 4)):
            new = one_change(new, chance)
        found = diff.compare(old, new)
        for _ in range(CALLS):
            arrival, where = call(chance), place(chance)
            day = arrival.at + timedelta(days=chance.randrange(1500))
            was, now = (treated(policy, arrival, where, day) for policy in (old, new))
            for sort, before in was.items():
                if sort == "recordings" and None in {before, now[sort]}:
                    continue  # only one of them records the call: that's said under calls
                if before != now[sort]:
                    seen[sort] += 1
                    assert getattr(found, sort), (sort, arrival, where, before, now[sort], new)
    assert all(seen.values()), "nothing was decided differently: the test would prove nothing"
