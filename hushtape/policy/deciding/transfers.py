"""What becomes of the recording of a call that moves: transfers, queues, parking, consultations."""

from __future__ import annotations

from hushtape.policy.deciding.coverage import (
    covers,
    excepted,
    in_order,
    names,
    payment_lines,
    pays,
    reached,
)
from hushtape.policy.deciding.decision import Arrival, Place, Ruling, Verdict, quoted, reason_of
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    Policy,
)
from hushtape.recordings.manifest import Reason

STRICTEST = (OnTransfer.SILENT, OnTransfer.STOP, OnTransfer.CONTINUE)
OUTCOME_WORDS = {
    OnTransfer.STOP: "recording stops",
    OnTransfer.CONTINUE: "recording goes on",
    OnTransfer.SILENT: "a payment: silence",
}
# How a transfer came, as facts tell it; a Redirect takes the call away without asking anybody, as
# a blind transfer does. Any other word is a move that nobody has seen: the strictest counts.
BLIND = ("blind", "redirected")
ATTENDED = ("attended",)


def on_transfer(policy: Policy, place: Place, how: str = "blind") -> Ruling:
    """Decide what a transfer does: payment lines first, then the first destination that fits.

    A payment line of a policy beside this one is one, too.

    Args:
        how: "blind", "attended", "redirected"; anything else, such as "unseen" or a talk that has
            changed, is judged by the strictest of what the first two would do.
    """
    for owner, line in payment_lines(policy):
        if covers(owner, line, place):
            return _at_line(policy, owner, line, "transfer to")
    if place.queue and place.queue in policy.calls.except_queues:
        return _excepted(policy, place.queue)
    if excepted(policy, place):
        words = "transfer to a number of except_numbers: recording stops"
        return Ruling(OnTransfer.STOP, reason_of(policy, "calls.except_numbers", words))
    listed_apart = any(place.queue in destination.queues for destination in policy.destination)
    if place.queue and place.queue in policy.calls.queues and not listed_apart:
        words = f"queue {place.queue} is recorded: goes on"
        return Ruling(OnTransfer.CONTINUE, reason_of(policy, "calls.queues", words))
    for destination in in_order(policy):
        if covers(policy, destination, place):
            return _by(policy, destination, "transfer to", how)
    if place.kind is DestinationKind.UNKNOWN:
        words = "transfer to a place that neither policy nor configuration knows: recording stops"
        return Ruling(OnTransfer.STOP, reason_of(policy, "transfer.otherwise", words))
    outcome = policy.transfer.otherwise
    words = (
        f"transfer to no destination of the policy: {OUTCOME_WORDS[outcome]}"
        f' (otherwise = "{outcome}")'
    )
    return Ruling(outcome, reason_of(policy, "transfer.otherwise", words))


def on_move(policy: Policy, queue: str) -> Ruling:
    """Decide on a recorded call that the dialplan takes into another queue, without a transfer.

    It goes on into a queue that the policy names, under ``[calls]`` or in a destination of which
    ``on_transfer`` says so; if it names none under ``[calls]``, into every other one, too.
    """
    out = kept_out(policy, queue)
    if out is not None:
        return out
    if not policy.calls.queues:
        words = f"queue {queue}: the policy names no queues, recording goes on"
        return Ruling(OnTransfer.CONTINUE, reason_of(policy, "calls", words))
    by_itself = queue in policy.calls.queues
    return (None if by_itself else _of_destination(policy, queue)) or on_return(policy, queue)


def on_return(policy: Policy, queue: str) -> Ruling:
    """Decide on a call that comes to a queue after it had left the recorded place.

    A queue that the policy names is a recorded place of its own. A number is only a way in: once
    a call has left, the number that was dialled brings it back no more.
    """
    out = kept_out(policy, queue)
    if out is not None:
        return out
    if queue in policy.calls.queues:
        words = f"back in queue {queue}: recorded"
        return Ruling(OnTransfer.CONTINUE, reason_of(policy, "calls.queues", words))
    among = f" ({quoted(policy.calls.queues)})" if policy.calls.queues else ""
    words = f"queue {queue} is not in the policy{among}: not recorded"
    return Ruling(OnTransfer.STOP, reason_of(policy, "calls.queues", words))


def kept_out(policy: Policy, queue: str) -> Ruling | None:
    """Return what keeps a queue unrecorded however a call comes to it; None: nothing does.

    That is a payment line, an exception, or a destination that names the queue.
    """
    for owner, line in payment_lines(policy):
        if queue in line.queues:
            return _at_line(policy, owner, line, "queue of")
    if queue in policy.calls.except_queues:
        return _excepted(policy, queue)
    ruling = _of_destination(policy, queue)
    return None if ruling is None or ruling.outcome is OnTransfer.CONTINUE else ruling


def _of_destination(policy: Policy, queue: str) -> Ruling | None:
    """Rule by the first destination that names a queue, without a transfer; None: none does."""
    for destination in in_order(policy):
        if queue in destination.queues:
            return _by(policy, destination, "queue of")
    return None


def on_dialling(policy: Policy, arrival: Arrival) -> Ruling | None:
    """Decide on an outbound call by the destination that names whom it rings; None: none does.

    ``every = ["outside"]`` names nobody: all outbound calls go there.
    """
    place = reached(arrival)
    for destination in in_order(policy):
        if names(policy, destination, place):
            return _by(policy, destination, "outbound call to")
    return None


def on_vanishing(policy: Policy) -> Ruling:
    """Decide on a call that left its talk, nobody said where to: it may be anywhere."""
    words = "gone from the talk without a transfer: recording stops"
    return Ruling(OnTransfer.STOP, reason_of(policy, "calls", words))


def on_consultation(policy: Policy, place: Place) -> Verdict:
    """Decide whether what the agent and a place say is recorded, while the outside party waits."""
    for owner, line in payment_lines(policy):
        if covers(owner, line, place):
            words = f"consultation with {_named(policy, owner, line)}, a payment line: not recorded"
            return Verdict(False, reason_of(owner, f"destination: {line.name}", words))
    for destination in in_order(policy):
        if not covers(policy, destination, place):
            continue
        rule = f"destination: {destination.name}"
        exception = place.queue in policy.calls.except_queues or excepted(policy, place)
        recorded = destination.on_consultation is OnConsultation.RECORD and not exception
        words = (
            f"consultation with {destination.name}: {'recorded' if recorded else 'not recorded'}"
            f' (on_consultation = "{destination.on_consultation}")'
        )
        if exception:
            words = f"consultation with {destination.name}, at an exception: not recorded"
        return Verdict(recorded, reason_of(policy, rule, words))
    words = "consultation with no destination of the policy: not recorded"
    return Verdict(False, reason_of(policy, "destination", words))


def on_waiting(policy: Policy) -> Reason:
    """Say why a call isn't recorded while it waits for an agent."""
    words = f'in the queue: recorded from the agent\'s answer on (starts = "{policy.calls.starts}")'
    return reason_of(policy, "calls.starts", words)


def on_first_answer(policy: Policy) -> Reason:
    """Say why a call is recorded from the moment in which an agent takes it from the queue."""
    words = f'answered: recorded from here on (starts = "{policy.calls.starts}")'
    return reason_of(policy, "calls.starts", words)


def on_parking(policy: Policy) -> Reason:
    """Say what parking does: nobody is there, so recording waits."""
    return reason_of(policy, "calls", "parked: recording waits for whoever fetches the call")


def on_fetching(policy: Policy) -> Reason:
    """Say what a fetch by somebody who had the call before does."""
    return reason_of(policy, "calls", "fetched by somebody who had the call: recording goes on")


def on_recall(policy: Policy) -> Reason:
    """Say what becomes of a call that nobody took over: it is with its adviser as before."""
    return reason_of(policy, "calls", "nobody took the call over, the adviser has it: goes on")


def on_resuming(policy: Policy) -> Reason:
    """Say why a call is recorded of which only its policy is known."""
    words = "recorded, as another bridge had decided when the call began"
    return reason_of(policy, "calls", words)


def outcomes(destination: Destination) -> dict[str, OnTransfer]:
    """Return what a destination says of each kind of transfer, by the key that says it.

    ``on_blind_transfer`` and ``on_attended_transfer`` stand there only if the file has them.
    """
    said = {"on_transfer": destination.on_transfer}
    if destination.on_blind_transfer is not None:
        said["on_blind_transfer"] = destination.on_blind_transfer
    if destination.on_attended_transfer is not None:
        said["on_attended_transfer"] = destination.on_attended_transfer
    return said


def _by(policy: Policy, destination: Destination, where: str, how: str = "") -> Ruling:
    """Rule by a destination; no ``how``: it was no transfer, ``on_transfer`` counts."""
    if pays(policy, destination):
        return _at_line(policy, policy, destination, where)
    rule = f"destination: {destination.name}"
    said = outcomes(destination)
    blind = "on_blind_transfer" if "on_blind_transfer" in said else "on_transfer"
    attended = "on_attended_transfer" if "on_attended_transfer" in said else "on_transfer"
    if not how:
        key = "on_transfer"
    elif how in BLIND:
        key = blind
    elif how in ATTENDED:
        key = attended
    else:
        key = min((blind, attended), key=lambda each: STRICTEST.index(said[each]))
    words = f'{where} {destination.name}: {OUTCOME_WORDS[said[key]]} ({key} = "{said[key]}")'
    return Ruling(said[key], reason_of(policy, rule, words))


def _at_line(policy: Policy, owner: Policy, line: Destination, where: str) -> Ruling:
    """Rule by a payment line, which may be another policy's."""
    words = f"{where} {_named(policy, owner, line)}: {OUTCOME_WORDS[OnTransfer.SILENT]}"
    return Ruling(OnTransfer.SILENT, reason_of(owner, f"destination: {line.name}", words))


def _named(policy: Policy, owner: Policy, line: Destination) -> str:
    return line.name if owner is policy else f"{line.name} of policy {owner.name}"


def _excepted(policy: Policy, queue: str) -> Ruling:
    words = f'queue {queue} is one of except_queues ("{queue}"): not recorded'
    return Ruling(OnTransfer.STOP, reason_of(policy, "calls.except_queues", words))
