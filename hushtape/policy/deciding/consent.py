"""What people agree to, refuse, or mean to keep to themselves: permission, opt-out, payment."""

from __future__ import annotations

from hushtape.policy.deciding.decision import (
    PaymentTerms,
    PermissionTerms,
    Verdict,
    quoted,
    reason_of,
)
from hushtape.policy.period import parse_wait_s
from hushtape.policy.schema import AfterPayment, Asker, PaymentWay, Permission, Policy, SoFar
from hushtape.recordings.manifest import Direction, Reason


def on_opt_out(policy: Policy, by: Asker) -> Verdict:
    """Decide whether a wish not to be recorded ends recording."""
    if by in policy.opt_out.by:
        so_far = "discarded" if discards_on_opt_out(policy) else "kept"
        words = f"the {by} opted out: not recorded, what there was is {so_far}"
        return Verdict(True, reason_of(policy, "opt_out", words))
    words = f"the policy knows no opt-out by the {by}: recording stays as it was"
    return Verdict(False, reason_of(policy, "opt_out.by", words))


def discards_on_opt_out(policy: Policy) -> bool:
    """Tell whether what was recorded before an opt-out is discarded."""
    return policy.opt_out.recorded_so_far is SoFar.DISCARD


def permission_terms(policy: Policy, direction: Direction) -> PermissionTerms | None:
    """Say which permission a call needs; None where it needs none."""
    outbound = policy.outbound
    if direction is not Direction.OUTBOUND or outbound.permission is Permission.NONE:
        return None
    words = (
        f"no permission ({outbound.permission}) within {outbound.permission_within}: recording"
        " ends, and what there was is discarded"
    )
    return PermissionTerms(
        outbound.permission,
        parse_wait_s(outbound.permission_within),
        reason_of(policy, "outbound.permission", words),
    )


def on_payment(policy: Policy, way: PaymentWay) -> Verdict:
    """Decide whether a payment may begin this way.

    Whatever the answer, silence that the PBX's dialplan keeps by itself isn't undone by it.
    """
    allowed = way in policy.payment.by
    if allowed:
        words = f'a payment, by "{way}": silence'
    else:
        named = f"by = {quoted(policy.payment.by)}" if policy.payment.by else "no way is named"
        words = f'the policy knows no payment by "{way}" ({named})'
    return Verdict(allowed, reason_of(policy, "payment.by", words))


def payment_terms(policy: Policy) -> PaymentTerms:
    """Say how long a payment may last that isn't a payment line's, and what follows it."""
    payment = policy.payment
    ended = f"the payment is over: {_AFTERWARDS[payment.afterwards]}"
    late = (
        f"no end of the payment was told for {payment.longest}:"
        f" {_AFTERWARDS[payment.when_too_long]}"
    )
    return PaymentTerms(
        pause=payment.pause,
        longest_s=parse_wait_s(payment.longest),
        afterwards=payment.afterwards,
        when_too_long=payment.when_too_long,
        ended=reason_of(
            policy, "payment.afterwards", f'{ended} (afterwards = "{payment.afterwards}")'
        ),
        too_long=reason_of(
            policy, "payment.when_too_long", f'{late} (when_too_long = "{payment.when_too_long}")'
        ),
    )


def still_paying(policy: Policy, *, told: bool = False) -> Reason:
    """Say why a call in payment stays silent although it went to where recording goes on.

    Args:
        told: somebody told that it began, and has still to tell that it is over.
    """
    words = "still in payment: silent until its end is told"
    if not told:
        words += ", or a recorded queue is entered anew"
    return reason_of(policy, "payment", words)


_AFTERWARDS = {
    AfterPayment.RESUME: "recording goes on",
    AfterPayment.STAY_SILENT: "the call stays silent",
}
