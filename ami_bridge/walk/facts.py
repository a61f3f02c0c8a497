"""What may happen to a call under one policy: of all that it treats alike, one.

Made of the policy's words and of the decisions: two places are alike only if neither tells them
apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Arrived,
    Channel,
    Fact,
    QueueEntered,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from ami_bridge.walk.reading import Reading
from hushtape.policy import decide, numbers
from hushtape.policy.decide import Arrival, Beside, Place
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Policy,
)
from hushtape.recordings.manifest import Direction

HOWS = ("blind", "attended", "redirected", "unseen")
_STRANGE_QUEUE = "a queue that the policy does not know"
_STRANGE_NUMBER = "+15005550006"
_LETTERS = {"X": "5", "Z": "5", "N": "5", ".": "5", "!": ""}
_DAYS = 14  # so many are looked through for a moment in a policy's hours
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact, and how a person would say it."""

    words: str
    fact: Callable[[datetime], Fact]


@dataclass(frozen=True, slots=True)
class People:
    """Who may be in a talk: the agent, a line, and others by what a transfer to them does."""

    agent: Talker
    others: tuple[Talker, ...]


def places(policy: Policy) -> list[tuple[str, Place]]:
    """Name one place of each kind that the policy tells apart."""
    reading = Reading(policy)
    found: dict[object, tuple[str, Place]] = {}
    for words, place in _candidates(policy):
        key = (
            place.kind is DestinationKind.QUEUE,
            place.kind is DestinationKind.UNKNOWN,
            *(reading.transfer(place, how) for how in HOWS),
            *(decide.on_transfer(policy, place, how).outcome for how in HOWS),
            reading.consultation(place),
            decide.on_consultation(policy, place).allowed,
            *_as_queue(policy, reading, place),
        )
        found.setdefault(key, (words, place))
    return list(found.values())


def _as_queue(policy: Policy, reading: Reading, place: Place) -> tuple[OnTransfer, ...]:
    if not place.queue:
        return ()
    return (
        reading.queue(place.queue, on_the_way=True),
        reading.queue(place.queue, on_the_way=False),
        decide.on_move(policy, place.queue).outcome,
        decide.on_return(policy, place.queue).outcome,
    )


def _candidates(policy: Policy) -> Iterator[tuple[str, Place]]:
    calls = policy.calls
    for each in (*policy.destination, *_others(policy)):
        for pattern in each.extensions:
            extension = _matching(pattern)
            yield f"{each.name} ({extension})", Place(DestinationKind.EXTENSION, extension)
        for queue in each.queues:
            yield f"{each.name} (queue {queue})", Place(DestinationKind.QUEUE, "", queue=queue)
        for number in each.numbers:
            outside = Place(DestinationKind.OUTSIDE, number, number=number)
            yield f"{each.name} (an outside number)", outside
    for queue in (*calls.queues, *calls.except_queues):
        yield f"queue {queue}", Place(DestinationKind.QUEUE, "", queue=queue)
    for number in calls.except_numbers:
        yield "a number of except_numbers", Place(DestinationKind.OUTSIDE, number, number=number)
        yield "an extension of except_numbers", Place(DestinationKind.EXTENSION, number)
    yield "an extension", Place(DestinationKind.EXTENSION, unlisted(policy))
    yield "another queue", Place(DestinationKind.QUEUE, "", queue=_STRANGE_QUEUE)
    yield (
        "an outside number",
        Place(DestinationKind.OUTSIDE, _STRANGE_NUMBER, number=_STRANGE_NUMBER),
    )
    yield "nowhere known", Place(DestinationKind.UNKNOWN, "")


def unlisted(policy: Policy) -> str:
    """Find an extension that no destination names, nor an exception."""
    named = [pattern for each in policy.destination for pattern in each.extensions]
    patterns = [*named, *(each for line in _others(policy) for each in line.extensions)]
    patterns += [each for each in policy.calls.except_numbers if numbers.is_pattern(each)]
    for number in range(200, 100_000):
        if not any(numbers.matches(pattern, str(number)) for pattern in patterns):
            return str(number)
    return "s"


def _others(policy: Policy) -> list[Destination]:
    """List the payment lines of the policies beside this one."""
    if not isinstance(policy, Beside):
        return []
    return [
        each
        for other in policy.others
        for each in other.destination
        if each.name in other.payment.lines
    ]


def _matching(pattern: str) -> str:
    """Write an extension that a dialplan pattern matches."""
    if not pattern.startswith("_"):
        return _as_digits(pattern)
    return _as_digits(pattern[1:])


def _as_digits(pattern: str) -> str:
    plain = re.sub(r"\[(.)[^\]]*\]", r"\1", pattern)
    return "".join(_LETTERS.get(each, each) for each in plain)


def moment(policy: Policy) -> datetime:
    """Find a moment at which the policy records."""
    reading = Reading(policy)
    first = datetime.combine(policy.policy.in_force_from, time(12), policy.zone).astimezone(UTC)
    for step in range(_DAYS * 24 * 4):
        at = first + step * _STEP
        if any(reading.named(_arrival(policy, at, *each)) for each in _ways_in(policy)):
            return at
    return first


_WayIn = tuple[Direction, str, str, str]


def arrivals(policy: Policy, at: datetime) -> list[tuple[str, Arrival]]:
    """Name every kind of arrival, of calls that the policy names and of others."""
    found = {}
    for way in _ways_in(policy):
        arrival = _arrival(policy, at, *way)
        direction, dialled, queue, extension = way
        through = f"through queue {queue}" if queue else "through no queue"
        ours = f", of extension {extension}" if extension else ""
        found[f"{direction} call to {dialled} {through}{ours}"] = arrival
    return list(found.items())


def _ways_in(policy: Policy) -> Iterator[_WayIn]:
    calls = policy.calls
    dialled = dict.fromkeys((*calls.numbers[:1], *calls.except_numbers[:1], _STRANGE_NUMBER))
    lines = [each for each in policy.destination if each.name in policy.payment.lines]
    for line in (*lines, *_others(policy)):
        dialled.update(dict.fromkeys((*line.numbers[:1], *map(_matching, line.extensions[:1]))))
    named = (*policy.destination, *_others(policy))
    own = [queue for each in named for queue in each.queues[:1]]
    queues = dict.fromkeys(("", *calls.queues[:1], *calls.except_queues[:1], *own, _STRANGE_QUEUE))
    ours = dict.fromkeys((*map(_matching, policy.outbound.extensions[:1]), "nobody's"))
    for number in dialled:
        yield from ((Direction.INBOUND, number, queue, "") for queue in queues)
        yield from ((Direction.OUTBOUND, number, "", extension) for extension in ours)
        yield Direction.INTERNAL, number, "", unlisted(policy)


def _arrival(
    policy: Policy, at: datetime, direction: Direction, dialled: str, queue: str, extension: str
) -> Arrival:
    return Arrival(at=at, direction=direction, dialled=dialled, queue=queue, extension=extension)


def first_fact(arrival: Arrival) -> Arrived:
    """Tell the fact with which such a call begins."""
    if arrival.queue:
        return QueueEntered(at=arrival.at, arrival=arrival)
    return Answered(at=arrival.at, arrival=arrival)


def people(policy: Policy) -> People:
    """Name the agent, and one other for each thing that a transfer to somebody may do."""
    reading = Reading(policy)
    found: dict[object, Talker] = {}
    for words, place in places(policy):
        if place.kind is DestinationKind.QUEUE:
            continue
        key = tuple(reading.transfer(place, how) for how in HOWS)
        key += tuple(decide.on_transfer(policy, place, how).outcome for how in HOWS)
        number = len(found)
        found.setdefault(key, Talker(f"2.{number}", place, f"somebody at {words}"))
    agent = Talker("1.1", Place(DestinationKind.EXTENSION, unlisted(policy)), "the agent")
    return People(agent, tuple(found.values()))


def transfers(policy: Policy) -> list[Happening]:
    """Every kind of transfer to every kind of place."""
    return [
        Happening(f"{how} transfer to {words}", _transfer(place, how))
        for words, place in places(policy)
        for how in HOWS
        if how != "unseen" or place.kind is DestinationKind.UNKNOWN  # as a bridge tells it
    ]


def _transfer(place: Place, how: str) -> Callable[[datetime], Fact]:
    return lambda at: TransferCompleted(at=at, place=place, how=how)


def entries(policy: Policy, arrival: Arrival) -> list[Happening]:
    """Entries into every kind of queue."""
    return [
        Happening(f"enters queue {place.queue}", _entry(arrival, place.queue))
        for _, place in places(policy)
        if place.queue
    ]


def _entry(first: Arrival, queue: str) -> Callable[[datetime], Fact]:
    arrival = Arrival(at=first.at, direction=first.direction, dialled=first.dialled, queue=queue)
    return lambda at: QueueEntered(at=at, arrival=arrival)


def answers(who: People) -> list[Happening]:
    """An agent answers; the PBX says with which channel, or it doesn't."""
    return [
        Happening("the agent answers", lambda at: AgentAnswered(at=at, agent="", talker=who.agent)),
        Happening(
            "an agent answers, on a channel unknown", lambda at: AgentAnswered(at=at, agent="")
        ),
    ]


def talks(who: People) -> list[Happening]:
    """Who may be in the talk."""
    found = [
        Happening("nobody is in the talk", _talk(())),
        Happening("the agent is in the talk", _talk((who.agent,))),
    ]
    for other in who.others:
        name = other.telephone
        found += [
            Happening(f"{name} is in the talk", _talk((other,))),
            Happening(f"the agent and {name} are in the talk", _talk((who.agent, other))),
        ]
    return found


def lines(who: People) -> list[Happening]:
    """An agent who is rung through a Local channel: half of it first, and then who came through."""
    half = Talker("1.2", who.agent.place, stands_in=True)
    behind = Talker("1.3", who.agent.place, "a second agent", halves=(half.uniqueid,))
    return [
        Happening("half a line to an agent is in the talk", _talk((half,))),
        Happening("a second agent comes through that line", _talk((behind,))),
    ]


def _talk(talkers: tuple[Talker, ...]) -> Callable[[datetime], Fact]:
    return lambda at: TalkChanged(at=at, talkers=talkers)


def ways(policy: Policy) -> list[PaymentWay]:
    """Two ways by which a payment may begin, and one by which it may not."""
    told: list[PaymentWay] = [way for way in PaymentWay if way is not PaymentWay.TRANSFER]
    named = [way for way in told if way in policy.payment.by]
    return named[:2] + [way for way in told if way not in policy.payment.by][:1]


def leg(talker: Talker) -> Channel:
    """Return the channel on which somebody consults."""
    return Channel(talker.uniqueid, f"PJSIP/{talker.uniqueid}", "", "")
