"""A picture of a call's states under one policy, with its own words on the arrows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hushtape.policy import decide
from hushtape.policy.comparing import calls_to_try
from hushtape.policy.decide import Place
from hushtape.policy.deciding.coverage import in_order
from hushtape.policy.schema import (
    AfterPayment,
    Asker,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Permission,
    Policy,
    Starts,
)
from hushtape.policy.showing import queues
from hushtape.policy.showing.diagram import Arrow, Box, draw
from hushtape.policy.showing.extensions import extensions
from hushtape.policy.showing.said_moves import both_ways
from hushtape.policy.showing.wording import day, listing, named, tidy
from hushtape.policy.stages import Stage
from hushtape.printable import printable
from hushtape.recordings.manifest import Direction

MOST_NAMED = 4  # destinations on one arrow; the sentences of ``policy show`` name them all
_NAMES = {
    Stage.RECORDED: "recorded",
    Stage.SILENT: "payment",
    Stage.PARKED: "waiting",
    Stage.UNRECORDED: "not recorded",
    Stage.DECLINED: "opted out",
    Stage.OVER: "over",
}
_WAYS = {
    PaymentWay.KEY: "the adviser's key",
    PaymentWay.DIALPLAN: "the telephone system",
    PaymentWay.EVENT: "another system",
    PaymentWay.API: "the adviser's desk",
}
_ASKERS = {Asker.CALLER: "the caller opts out", Asker.AGENT: "the adviser opts the caller out"}


def svg(policy: Policy) -> str:
    """Draw the states that a call can be in under a policy, and what leads from one to another."""
    arrows = [
        Arrow(_NAMES[before], _NAMES[after], printable(words))
        for before, after, several in _arrows(policy)
        for words in several
    ]
    drawn = {name for arrow in arrows for name in (arrow.start, arrow.end)}
    boxes = [
        Box(_NAMES[stage], printable(words))
        for stage, words in _boxes(policy)
        if _NAMES[stage] in drawn
    ]
    title = printable(tidy(policy.policy.title))
    version = f"{title}: policy {policy.name}, in force from {day(policy.policy.in_force_from)}"
    return draw(boxes, arrows, title, [version])


def _boxes(policy: Policy) -> Iterator[tuple[Stage, str]]:
    """Say what each state is, in the order in which a call goes through them."""
    yield Stage.RECORDED, listing(_begins(policy), "or")
    yield Stage.SILENT, "silence: nothing is recorded"
    yield Stage.PARKED, "parked: nothing is recorded"
    yield Stage.UNRECORDED, "nothing is recorded"
    yield Stage.DECLINED, "nothing more is recorded"
    keep = tidy(policy.retention.keep)
    some = ", some of it as a rule says" * bool(policy.retention.rule)
    yield Stage.OVER, f"what was recorded is kept {keep}{some}"


def _arrows(policy: Policy) -> Iterator[tuple[Stage, Stage, Iterator[str]]]:
    yield Stage.RECORDED, Stage.SILENT, _transfers(policy, OnTransfer.SILENT)
    yield Stage.RECORDED, Stage.SILENT, _ways(policy)
    yield Stage.RECORDED, Stage.UNRECORDED, _transfers(policy, OnTransfer.STOP)
    yield Stage.RECORDED, Stage.UNRECORDED, _taken_away(policy)
    yield Stage.RECORDED, Stage.PARKED, iter(["the call is parked"])
    yield Stage.RECORDED, Stage.DECLINED, _refused(policy)
    yield Stage.RECORDED, Stage.OVER, iter(["either side ends the call"])
    yield Stage.SILENT, Stage.RECORDED, _paid(policy)
    yield Stage.PARKED, Stage.RECORDED, _fetched(policy, OnTransfer.CONTINUE)
    yield Stage.PARKED, Stage.UNRECORDED, _fetched(policy, OnTransfer.STOP)
    yield Stage.UNRECORDED, Stage.RECORDED, _back(policy)


def _begins(policy: Policy) -> Iterator[str]:
    calls = policy.calls
    inside = queues.recorded(policy)
    if inside:
        start = "in" if calls.starts is Starts.QUEUE_ENTRY else "answered from"
        yield f"{start} {named('the queue', 'one of the queues', _few(inside))}"
    elif calls.numbers and not calls.queues:
        yield f"to {named('the number', 'one of the numbers', _few(calls.numbers))}"
    if calls.direct_dial:
        yield "dialled directly"
    if Direction.OUTBOUND in calls.directions:
        yield f"made by {extensions(policy.outbound.extensions, 'or')}"


def _transfers(policy: Policy, outcome: OnTransfer) -> Iterator[str]:
    """Name the places to which a transfer has an outcome, in some way of transferring at least."""
    names = []
    for destination in in_order(policy):
        blind, attended = both_ways(policy, destination)
        only = {blind: " (blind)", attended: " (attended)"} if blind is not attended else {}
        if outcome in {blind, attended}:
            names.append(tidy(destination.name) + only.get(outcome, ""))
    if policy.transfer.otherwise is outcome:
        names.append("anywhere else" if policy.destination else "anywhere")
    if names:
        yield f"transfer to {listing(_few(names), 'or')}"


def _taken_away(policy: Policy) -> Iterator[str]:
    """Name where a recorded call isn't recorded, though no destination says so."""
    kept_out = [*policy.calls.except_queues, *queues.not_by_themselves(policy)]
    if kept_out:
        yield f"comes into {named('the queue', 'one of the queues', _few(kept_out))}"
    if policy.transfer.otherwise is OnTransfer.CONTINUE:
        yield "transfer to a place that is not known"


def _back(policy: Policy) -> Iterator[str]:
    back = queues.recorded(policy)
    if back:
        other = " other than by a transfer that stops" * queues.stopped_on_the_way(policy)
        yield f"comes into {named('the queue', 'one of the queues', _few(back))}{other}"


def _ways(policy: Policy) -> Iterator[str]:
    ways = [_WAYS[way] for way in policy.payment.by if way in _WAYS]
    if ways:
        yield f"payment begun by {listing(ways, 'or')}"


def _paid(policy: Policy) -> Iterator[str]:
    payment = policy.payment
    if payment.by and payment.afterwards is AfterPayment.RESUME:
        yield "end of the payment signalled"
    if any(way in _WAYS for way in payment.by) and payment.when_too_long is AfterPayment.RESUME:
        yield f"no end signalled for {tidy(payment.longest)}"
    yield from _back(policy)


def _fetched(policy: Policy, outcome: OnTransfer) -> Iterator[str]:
    if outcome is OnTransfer.CONTINUE:
        yield "fetched by the adviser who parked it"
    extension = calls_to_try.other_extension((policy, policy))
    colleague = Place(DestinationKind.EXTENSION, extension)
    if extension and decide.on_transfer(policy, colleague, "unseen").outcome is outcome:
        yield "fetched by a colleague"


def _refused(policy: Policy) -> Iterator[str]:
    yield from (_ASKERS[by] for by in policy.opt_out.by)
    if policy.outbound.permission is not Permission.NONE:
        yield f"outbound call: no permission within {tidy(policy.outbound.permission_within)}"


def _few(items: Sequence[str]) -> list[str]:
    """Leave what would make an arrow's words too long to the sentences."""
    if len(items) <= MOST_NAMED:
        return [*items]
    return [*items[: MOST_NAMED - 1], f"{len(items) - MOST_NAMED + 1} more"]
