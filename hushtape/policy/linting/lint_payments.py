"""Doubts about payments: what stands between a card number and the recorder. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hushtape.policy.deciding.coverage import pays
from hushtape.policy.deciding.transfers import outcomes
from hushtape.policy.linting.findings import Remark, warning
from hushtape.policy.linting.lint_calls import Says
from hushtape.policy.schema import (
    AfterPayment,
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    PaymentWay,
    Policy,
)

SOUNDS_LIKE_PAYING = re.compile(r"\b(pay|card|till|cashier|chip and pin)", re.IGNORECASE)
_TOLD = frozenset(PaymentWay) - {PaymentWay.TRANSFER}  # the ways that somebody or something tells


def remarks(policy: Policy, says: Says) -> Iterator[Remark]:
    """Name where a payment could be recorded, and what is said of payments without effect."""
    payment = policy.payment
    told = [way for way in payment.by if way in _TOLD]
    # by that is left out allows every way, but nobody has thought of one
    guarded = bool(payment.lines) or (says("payment.by") and bool(told))
    if not guarded:
        yield from _unguarded(policy)
    yield from _unlisted_lines(policy)
    if says("payment.by") and PaymentWay.TRANSFER in payment.by and not payment.lines:
        what = "no transfer is a payment: payment.lines names no destination"
        yield warning("payment.by", what, PaymentWay.TRANSFER)
    if not told:
        for key in ("longest", "afterwards", "when_too_long", "pause"):
            if says(f"payment.{key}"):
                what = (
                    'can never apply: payment.by has none of "key", "dialplan", "event" and "api",'
                    " and a payment line is silent as long as the transfer lasts"
                )
                yield warning(f"payment.{key}", what)
    elif payment.when_too_long is AfterPayment.RESUME:
        what = (
            f"a payment that takes longer than {payment.longest} would be recorded from then on:"
            ' expected "stay silent"'
        )
        yield warning("payment.when_too_long", what)


def _unguarded(policy: Policy) -> Iterator[Remark]:
    missing = "and no payment line is named: a card number that is given there is recorded"
    expected = "expected the line's [[destination]] in payment.lines"
    if policy.transfer.otherwise is OnTransfer.CONTINUE:
        what = f"recording goes on after a transfer to anywhere, {missing}; {expected}"
        yield warning("transfer.otherwise", what)
    for index, destination in enumerate(policy.destination):
        key = f"destination[{index}]"
        if goes_on(destination) and destination.every:
            what = f"recording goes on at every place of a kind, {missing}; {expected}"
            yield warning(f"{key}.every", what)
        records = destination.on_consultation is OnConsultation.RECORD
        if records and DestinationKind.EXTENSION in destination.every:
            what = f"a consultation with any extension is recorded, {missing}; {expected}"
            yield warning(f"{key}.on_consultation", what)
    if policy.calls.direct_dial:
        what = f"calls dialled to any extension are recorded, {missing}; {expected}"
        yield warning("calls.direct_dial", what)


def _unlisted_lines(policy: Policy) -> Iterator[Remark]:
    for index, destination in enumerate(policy.destination):
        if not SOUNDS_LIKE_PAYING.search(destination.name) or pays(policy, destination):
            continue
        if goes_on(destination) or destination.on_consultation is OnConsultation.RECORD:
            what = (
                f'"{destination.name}" sounds like a place where cards are paid with, and is'
                " recorded: expected it in payment.lines"
            )
            yield warning(f"destination[{index}].name", what)


def goes_on(destination: Destination) -> bool:
    """Tell whether some transfer to a destination is recorded."""
    return OnTransfer.CONTINUE in outcomes(destination).values()
