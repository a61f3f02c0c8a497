"""What a policy says of calls that move, in English: transfers, queues, parking."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.policy import decide
from hushtape.policy.deciding.coverage import in_order, pays
from hushtape.policy.schema import Destination, DestinationKind, OnTransfer, Policy
from hushtape.policy.showing import queues
from hushtape.policy.showing.extensions import extensions, letters
from hushtape.policy.showing.wording import named, tidy

OUTCOMES = {
    OnTransfer.STOP: "recording stops",
    OnTransfer.CONTINUE: "recording goes on",
    OnTransfer.SILENT: "recording falls silent",
}
_EVERY = {
    DestinationKind.EXTENSION: "every internal extension",
    DestinationKind.QUEUE: "every queue",
    DestinationKind.OUTSIDE: "every outside number",
    DestinationKind.UNKNOWN: "every place that isn't known",
}


def stops(policy: Policy) -> Iterator[str]:
    """Say what ends a recording, and what a transfer to each place does."""
    yield "Recording ends when either side ends the call"
    ordered = in_order(policy)
    for destination in ordered:
        yield _transfer(policy, destination)
    if len(ordered) > 1:
        yield "Where more than one of these fits, the first one counts"
    outcome = OUTCOMES[policy.transfer.otherwise]
    yield f"On {'any other' if policy.destination else 'every'} transfer {outcome}"
    if policy.transfer.otherwise is OnTransfer.CONTINUE:
        yield "A transfer to a place that is not known to the telephone system always stops it"
    back = queues.recorded(policy)
    if back:
        where = named("the queue", "one of the queues", back)
        unless = ", unless a transfer for which recording stops (see above) brought it there"
        yield (
            f"A call that comes into {where}, from wherever, is recorded from there on"
            f"{unless * queues.stopped_on_the_way(policy)}"
        )
    if policy.calls.numbers and not policy.calls.queues:
        kept_out = [*policy.calls.except_queues, *queues.not_by_themselves(policy)]
        except_ = f", except into {named('the queue', 'the queues', kept_out)}" * bool(kept_out)
        yield (
            f"A call that the telephone system takes to another queue by itself is recorded on"
            f"{except_}; once recording has stopped, no queue begins it again"
        )
    yield (
        "A call that was parked is recorded on if the adviser who parked it fetches it; if a"
        " colleague fetches it, that counts as a transfer to the colleague"
    )
    patterns = [each for destination in policy.destination for each in destination.extensions]
    yield from letters([*patterns, *policy.outbound.extensions])


def places(destination: Destination) -> str:
    """Say which places a destination is: ``extension 720; every queue``."""
    spelled = [extensions(destination.extensions)] if destination.extensions else []
    spelled += [
        named(one, many, several)
        for one, many, several in (
            ("queue", "queues", destination.queues),
            ("number", "numbers", destination.numbers),
        )
        if several
    ]
    return "; ".join([*spelled, *(_EVERY[kind] for kind in destination.every)])


def both_ways(policy: Policy, destination: Destination) -> tuple[OnTransfer, OnTransfer]:
    """Return what a blind and an attended transfer to a destination do."""
    if pays(policy, destination):
        return OnTransfer.SILENT, OnTransfer.SILENT
    return (
        destination.on_blind_transfer or destination.on_transfer,
        destination.on_attended_transfer or destination.on_transfer,
    )


def _transfer(policy: Policy, destination: Destination) -> str:
    blind, attended = both_ways(policy, destination)
    where = f"when a call is transferred to {tidy(destination.name)} ({places(destination)})"
    if blind is attended:
        return f"{OUTCOMES[blind]} {where}{_otherwise(policy, destination, blind)}"
    return (
        f"{where}: {OUTCOMES[blind]} if it is passed on unannounced (blind), and"
        f" {OUTCOMES[attended]} if the adviser has spoken with them first (attended); where it"
        " isn't known which, the stricter of the two counts"
        f"{_otherwise(policy, destination, None)}"
    )


def _otherwise(policy: Policy, destination: Destination, usual: OnTransfer | None) -> str:
    """Say what becomes of a call that comes to a destination's queues without a transfer."""
    by_outcome: dict[OnTransfer, list[str]] = {}
    for queue in destination.queues:
        by_outcome.setdefault(decide.on_move(policy, queue).outcome, []).append(queue)
    return "".join(
        f"; {OUTCOMES[outcome]} if it comes into {named('the queue', 'one of the queues', several)}"
        " without a transfer"
        for outcome, several in by_outcome.items()
        if outcome is not usual
    )
