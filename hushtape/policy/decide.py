"""What follows from a policy for a call. Every decision carries its reason.

This is where the programs look; the decisions themselves are in ``choose`` (which policy, which
tags), ``transfers`` (a call that moves), ``consent`` (permission, opt-out, payment), ``keeping``.
"""

from __future__ import annotations

from hushtape.policy.deciding.choose import choose, in_force, tags
from hushtape.policy.deciding.consent import (
    discards_on_opt_out,
    on_opt_out,
    on_payment,
    payment_terms,
    permission_terms,
    still_paying,
)
from hushtape.policy.deciding.coverage import beside
from hushtape.policy.deciding.decision import (
    Arrival,
    Beside,
    Choice,
    PaymentTerms,
    PermissionTerms,
    Place,
    Ruling,
    Verdict,
)
from hushtape.policy.deciding.keeping import audio_terms, keep
from hushtape.policy.deciding.transfers import (
    on_consultation,
    on_fetching,
    on_first_answer,
    on_move,
    on_parking,
    on_recall,
    on_resuming,
    on_return,
    on_transfer,
    on_vanishing,
    on_waiting,
)

__all__ = [
    "Arrival",
    "Beside",
    "Choice",
    "PaymentTerms",
    "PermissionTerms",
    "Place",
    "Ruling",
    "Verdict",
    "audio_terms",
    "beside",
    "choose",
    "discards_on_opt_out",
    "in_force",
    "keep",
    "on_consultation",
    "on_fetching",
    "on_first_answer",
    "on_move",
    "on_opt_out",
    "on_parking",
    "on_payment",
    "on_recall",
    "on_resuming",
    "on_return",
    "on_transfer",
    "on_vanishing",
    "on_waiting",
    "payment_terms",
    "permission_terms",
    "still_paying",
    "tags",
]
