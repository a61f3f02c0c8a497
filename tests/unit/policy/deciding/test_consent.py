from __future__ import annotations

import msgspec
import pytest

from hushtape.policy import decide
from hushtape.policy.schema import (
    AfterPayment,
    Asker,
    OptOut,
    Payment,
    PaymentWay,
    Permission,
    SoFar,
)
from hushtape.recordings.manifest import Direction
from tests.councils import NARROW, POLICIES


@pytest.mark.parametrize(
    ("by", "asker", "allowed"),
    [
        ((Asker.CALLER, Asker.AGENT), Asker.CALLER, True),
        ((Asker.CALLER,), Asker.AGENT, False),
        ((Asker.AGENT,), Asker.AGENT, True),
        ((), Asker.CALLER, False),
    ],
)
def test_who_may_opt_out(by: tuple[Asker, ...], asker: Asker, allowed: bool) -> None:
    policy = msgspec.structs.replace(NARROW, opt_out=OptOut(by=by))
    verdict = decide.on_opt_out(policy, asker)
    assert verdict.allowed is allowed
    assert ("discarded" in verdict.reason.words) is allowed


def test_what_becomes_of_what_there_was() -> None:
    assert decide.discards_on_opt_out(NARROW), "unless the policy says otherwise"
    keeps = msgspec.structs.replace(
        NARROW, opt_out=OptOut(by=(Asker.CALLER,), recorded_so_far=SoFar.KEEP)
    )
    assert not decide.discards_on_opt_out(keeps)
    assert "kept" in decide.on_opt_out(keeps, Asker.CALLER).reason.words


def test_which_calls_need_permission() -> None:
    surrey = POLICIES["surrey"]
    terms = decide.permission_terms(surrey, Direction.OUTBOUND)
    assert terms is not None
    assert (terms.permission, terms.within_s) == (Permission.KEY, 60)
    assert "60 seconds" in terms.reason.words
    for direction in (Direction.INBOUND, Direction.INTERNAL):
        assert decide.permission_terms(surrey, direction) is None
    assert decide.permission_terms(POLICIES["uttlesford"], Direction.OUTBOUND) is None


def test_by_which_ways_a_payment_may_begin() -> None:
    policy = msgspec.structs.replace(NARROW, payment=Payment(by=(PaymentWay.KEY,)))
    assert decide.on_payment(policy, PaymentWay.KEY).allowed
    refused = decide.on_payment(policy, PaymentWay.API)
    assert not refused.allowed
    nobody = msgspec.structs.replace(NARROW, payment=Payment(by=()))
    words = decide.on_payment(nobody, PaymentWay.KEY).reason.words
    assert words.endswith('by "key" (no way is named)')
    assert refused.reason.rule == "payment.by"
    assert 'by "api" (by = "key")' in refused.reason.words
    assert all(decide.on_payment(NARROW, way).allowed for way in PaymentWay), "the default"


def test_how_long_a_payment_lasts_and_what_follows() -> None:
    terms = decide.payment_terms(NARROW)
    assert terms.longest_s == 15 * 60
    assert terms.afterwards is AfterPayment.RESUME
    assert 'afterwards = "resume"' in terms.ended.words
    assert terms.when_too_long is AfterPayment.STAY_SILENT
    assert terms.too_long.words.startswith("no end of the payment was told for 15 minutes: ")
    quick = msgspec.structs.replace(NARROW, payment=Payment(longest="ninety"))
    with pytest.raises(ValueError, match="60 seconds"):
        decide.payment_terms(quick)
