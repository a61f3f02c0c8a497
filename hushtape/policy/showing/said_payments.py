"""What a policy says of payments, in English: how they are kept out of recordings."""

from __future__ import annotations

from collections.abc import Iterator

from hushtape.policy.deciding.coverage import pays
from hushtape.policy.schema import AfterPayment, Pause, PaymentWay, Policy
from hushtape.policy.showing import queues
from hushtape.policy.showing.wording import listing, tidy

_WAYS = {
    PaymentWay.TRANSFER: "a transfer to a payment line",
    PaymentWay.KEY: "a key that the adviser presses",
    PaymentWay.DIALPLAN: "the telephone system itself as it asks for card details",
    PaymentWay.EVENT: "a message of another system to the telephone system",
    PaymentWay.API: "the software on the adviser's desk",
}


def payments(policy: Policy) -> Iterator[str]:
    """Say how payments are kept out of recordings."""
    payment = policy.payment
    resumes = payment.afterwards is AfterPayment.RESUME
    lines = [each for each in policy.destination if pays(policy, each)]
    for destination in lines:
        yield (
            f"Nothing is recorded from a transfer to {tidy(destination.name)} on, and no talk with"
            " it is recorded, because payments are taken there"
        )
    if lines:
        yield _after_a_line(policy)
    if payment.by:
        yield f"A payment may begin through {listing((_WAYS[way] for way in payment.by), 'or')}"
    else:
        yield "This policy names no way in which a payment may begin"
    if set(payment.by) - {PaymentWay.TRANSFER}:
        yield {
            Pause.STOP: "During a payment the recorder is stopped",
            Pause.MUTE: "During a payment the recorder writes silence, which is proved afterwards",
        }[payment.pause]
        if resumes:
            yield "When the end of a payment is signalled in time, recording goes on"
        else:
            yield f"After a payment {_nothing_more(policy)}"
        yield _too_long(policy)
    if len(payment.by) < len(PaymentWay):
        what = "in another way is silent too" if payment.by else "all the same is silent"
        until = " until its end is signalled" if resumes else f", and then {_nothing_more(policy)}"
        yield f"A payment that begins {what}{until}"


def _after_a_line(policy: Policy) -> str:
    """Say what brings a call back that has been with a payment line."""
    back = [queues.anew(policy)] if queues.anew(policy) else []
    if policy.payment.afterwards is AfterPayment.RESUME:
        back.append("the end of the payment is signalled")
    if not back:
        return "A call that was with a payment line is not recorded again"
    return f"A call that was with a payment line is recorded again only if {' or '.join(back)}"


def _too_long(policy: Policy) -> str:
    longest = tidy(policy.payment.longest)
    if policy.payment.when_too_long is AfterPayment.RESUME:
        return f"If nobody signals the end of a payment within {longest}, recording goes on then"
    return (
        f"If nobody signals the end of a payment within {longest}, {_nothing_more(policy)}; to"
        " signal it later changes nothing, and the recording is marked for a person to look at"
    )


def _nothing_more(policy: Policy) -> str:
    anew = queues.anew(policy)
    return f"nothing more of the call is recorded{f', unless {anew}' * bool(anew)}"
