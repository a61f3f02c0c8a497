"""Sentences on payments. That each key is said at all is test_sentences' business."""

from __future__ import annotations

from hushtape.policy.schema import Policy
from hushtape.policy.showing import said_payments
from tests.councils import POLICIES
from tests.policy_changes import changed

HAMS = POLICIES["south-hams"]
BY_NUMBER = POLICIES["hammersmith-fulham"]
STAY_SILENT = "stay silent"


def payments(policy: Policy, **keys: object) -> list[str]:
    for key, value in keys.items():
        policy = changed(("payment", key), value, policy)
    return list(said_payments.payments(policy))


def test_what_brings_a_call_back_from_a_payment_line() -> None:
    again = "A call that was with a payment line is recorded again only if "
    queue, told = "it enters a recorded queue anew", "the end of the payment is signalled"
    assert f"{again}{queue} or {told}" in payments(HAMS)
    assert f"{again}{queue}" in payments(HAMS, afterwards=STAY_SILENT)
    assert f"{again}{told}" in payments(BY_NUMBER)
    never = "A call that was with a payment line is not recorded again"
    assert never in payments(BY_NUMBER, afterwards=STAY_SILENT)
    assert "payment line is" not in " ".join(payments(HAMS, lines=[]))


def test_a_payment_s_end_that_comes_too_late_changes_nothing() -> None:
    (late,) = (each for each in payments(HAMS) if each.startswith("If nobody"))
    assert late == (
        "If nobody signals the end of a payment within 15 minutes, nothing more of the call is"
        " recorded, unless it enters a recorded queue anew; to signal it later changes nothing, and"
        " the recording is marked for a person to look at"
    )
    assert "recording goes on then" in " ".join(payments(HAMS, when_too_long="resume"))


def test_of_payments_that_are_not_named_only_their_silence_is_said() -> None:
    assert payments(HAMS, by=["transfer"])[2:] == [
        "A payment may begin through a transfer to a payment line",
        "A payment that begins in another way is silent too until its end is signalled",
    ]
    assert payments(HAMS, by=[], lines=[]) == [
        "This policy names no way in which a payment may begin",
        "A payment that begins all the same is silent until its end is signalled",
    ]
    assert "all the same" not in " ".join(payments(HAMS))
    assert "another way" not in " ".join(payments(HAMS))


def test_after_a_payment_nothing_more() -> None:
    nothing = "After a payment nothing more of the call is recorded"
    assert f"{nothing}, unless it enters a recorded queue anew" in (
        payments(HAMS, afterwards=STAY_SILENT)
    )
    assert nothing in payments(BY_NUMBER, afterwards=STAY_SILENT)
