"""What a policy says of calls, in English: which are recorded, and which are not."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.policy import decide
from hushtape.policy.comparing import calls_to_try
from hushtape.policy.decide import Place
from hushtape.policy.deciding.coverage import in_order, pays
from hushtape.policy.duties import Tag
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    Policy,
    Starts,
)
from hushtape.policy.showing import queues, week
from hushtape.policy.showing.extensions import extensions, may_be_outside
from hushtape.policy.showing.wording import hours, listing, named, quoted, tidy
from hushtape.recordings.manifest import Direction


def recorded(policy: Policy) -> Iterator[str]:
    """Say which calls are recorded, from when on, and what their recordings are marked with."""
    calls = policy.calls
    inside = queues.recorded(policy)
    listed = bool(inside or (calls.numbers and not calls.queues))
    who = _directions(policy, (Direction.INBOUND, Direction.INTERNAL))
    if who and listed:
        to = f" to {named('the number', 'the numbers', calls.numbers, 'or')}" * bool(calls.numbers)
        where = ", whether they come through a queue or not"
        if inside:
            where = f" while they are in {named('the queue', 'one of the queues', inside)}"
            where += ", the talk with the adviser who takes them from it included"
        yield f"{who} calls{to} are recorded{where}"
    if who and calls.direct_dial:
        yield (
            f"{who} calls that are dialled directly to an individual extension are recorded,"
            " whatever number was dialled"
        )
    if Direction.OUTBOUND in calls.directions:
        yield f"Outbound calls from {extensions(policy.outbound.extensions)} are recorded"
    if calls.hours:
        times = listing(hours(each) for each in calls.hours)
        yield f"Only calls that begin in these hours are recorded: {times}"
    if who and listed:
        yield {
            Starts.QUEUE_ENTRY: "The recording of a call in a queue begins as it enters the queue",
            Starts.ANSWER: (
                "The recording of a call in a queue begins when an adviser answers it: the wait"
                " in the queue is not recorded"
            ),
        }[calls.starts]
    if calls.direct_dial or not calls.queues or Direction.OUTBOUND in calls.directions:
        yield "A call without a queue is recorded from the moment it is answered"
    consulted = _consulted(policy)
    if consulted:
        names = listing((each.name for each in consulted), "or")
        yield f"While the caller waits, the adviser's talk with {names} is recorded"
    for tag in policy.tag:
        yield f"A recording is marked {quoted(tag.name)}{_tagged(tag)}"


def not_recorded(policy: Policy) -> Iterator[str]:
    """Say which calls and which parts of them are not recorded."""
    calls = policy.calls
    yield "What this policy does not name is not recorded"
    missing = [each for each in Direction if each not in calls.directions]
    if missing:
        yield f"{listing(missing)} calls are not recorded".capitalize()
    if not calls.direct_dial and set(calls.directions) - {Direction.OUTBOUND}:
        yield "Calls that are dialled directly to an individual extension are not recorded"
    left = week.gaps(calls.hours) if calls.hours else []
    if left:
        yield f"Calls that begin at these times are not recorded: {week.said(left)}"
    yield from _exceptions(policy)
    by_themselves = queues.not_by_themselves(policy)
    if by_themselves:
        where = named("the queue", "one of the queues", by_themselves)
        yield f"A call that comes into {where} other than by a transfer is not recorded there"
    if policy.payment.lines:
        lines = listing(policy.payment.lines, "or")
        yield f"Calls that are dialled directly to {lines} are never recorded"
    if Direction.OUTBOUND in calls.directions:
        for destination in in_order(policy):
            spelled = _rung(destination)
            stops_there = destination.on_transfer is not OnTransfer.CONTINUE
            if spelled and (stops_there or pays(policy, destination)):
                yield f"Outbound calls to {tidy(destination.name)} ({spelled}) are not recorded"
    with_whom = _not_consulted(policy)
    if with_whom:
        yield f"While the caller waits, the adviser's talk with {with_whom} is not recorded"
    yield "While a call is parked and nobody is there, nothing is recorded"


def _exceptions(policy: Policy) -> Iterator[str]:
    calls = policy.calls
    if calls.except_numbers:
        several = named("the number", "the numbers", calls.except_numbers, "or")
        it = "it" if len(calls.except_numbers) == 1 else "one of them"
        transfers = f"a transfer to {it} stops recording, and no talk with it is recorded"
        yield f"Calls to {several} are never recorded; {transfers}"
    if calls.except_queues:
        where = named("the queue", "one of the queues", calls.except_queues)
        yield f"Nothing is ever recorded in {where}"


def _rung(destination: Destination) -> str:
    """Say the telephone numbers that a destination names, for calls to the outside."""
    long = [each for each in destination.extensions if may_be_outside(each)]
    several = [*destination.numbers, *long]
    return named("number", "numbers", several) if several else ""


def _consulted(policy: Policy) -> list[Destination]:
    """List the destinations with which a consultation is recorded."""
    return [
        destination
        for destination in policy.destination
        if destination.on_consultation is OnConsultation.RECORD and not pays(policy, destination)
    ]


def _not_consulted(policy: Policy) -> str:
    """Say with whom a consultation isn't recorded: anybody else, or who is left; "": nobody is."""
    if not _consulted(policy):
        return "anybody"
    same = (policy, policy)
    number, extension = calls_to_try.other_number(same), calls_to_try.other_extension(same)
    others = [
        queues.at(calls_to_try.OTHER_QUEUE),
        Place(DestinationKind.OUTSIDE, number, number=number),
        *([Place(DestinationKind.EXTENSION, extension)] if extension else []),
    ]
    if not all(decide.on_consultation(policy, place).allowed for place in others):
        return "anybody else"
    return listing(
        (
            destination.name
            for destination in in_order(policy)
            if pays(policy, destination)
            or destination.on_consultation is OnConsultation.NOT_RECORDED
        ),
        "or",
    )


def _directions(policy: Policy, among: tuple[Direction, ...]) -> str:
    return listing(each for each in among if each in policy.calls.directions).capitalize()


def _tagged(tag: Tag) -> str:
    """Say when a tag is given: each key that is given narrows."""
    ways = [f"it is {listing(tag.directions, 'or')}"] if tag.directions else []
    if tag.numbers:
        ways.append(f"it came to {named('the number', 'the numbers', tag.numbers, 'or')}")
    if tag.queues:
        ways.append(f"it was in {named('the queue', 'one of the queues', tag.queues)}")
    if tag.hours:
        ways.append(f"it began in these hours: {listing(hours(each) for each in tag.hours)}")
    if tag.outside_hours:
        times = listing(hours(each) for each in tag.outside_hours)
        ways.append(f"it began outside these hours: {times}")
    return f" if the call fits this: {listing(ways)}" if ways else ", whatever the call"
