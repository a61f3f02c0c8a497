"""What becomes of calls that come into a policy's queues, other than what transfers do."""

from __future__ import annotations

from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.deciding.coverage import pays
from hushtape.policy.deciding.transfers import kept_out
from hushtape.policy.schema import DestinationKind, OnTransfer, Policy


def recorded(policy: Policy) -> list[str]:
    """List the queues of ``[calls]`` in which calls are recorded."""
    return [queue for queue in policy.calls.queues if kept_out(policy, queue) is None]


def not_by_themselves(policy: Policy) -> list[str]:
    """List the queues whose calls would be recorded, did not a destination say otherwise."""
    listed = [
        queue
        for destination in policy.destination
        if not pays(policy, destination)
        for queue in destination.queues
        if queue not in policy.calls.except_queues
    ]
    if policy.calls.queues:
        listed = [queue for queue in listed if queue in policy.calls.queues]
    elif not policy.calls.numbers:
        listed = []
    return [queue for queue in dict.fromkeys(listed) if kept_out(policy, queue) is not None]


def stopped_on_the_way(policy: Policy) -> bool:
    """Tell whether some transfer to a recorded queue stops recording, there too."""
    return any(
        decide.on_transfer(policy, at(queue), how).outcome is not OnTransfer.CONTINUE
        for queue in recorded(policy)
        for how in ("blind", "attended")
    )


def anew(policy: Policy) -> str:
    """Say what brings a silent call back; "" where no queue does."""
    return "it enters a recorded queue anew" if recorded(policy) else ""


def at(queue: str) -> Place:
    """Return a queue as the place of a transfer."""
    return Place(DestinationKind.QUEUE, "", queue=queue)
