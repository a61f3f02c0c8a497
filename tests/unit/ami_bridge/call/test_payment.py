"""What becomes of a payment by what the policy says of its end."""

from __future__ import annotations

from hushtape.policy.schema import AfterPayment
from hushtape.policy.stages import Stage
from tests.unit.ami_bridge.call.test_machine import rested, stopped
from tests.unit.ami_bridge.call.test_payment_ends import KEY, after, began, ended, policy


def test_after_one_that_ended_for_good_the_next_brings_nothing_back() -> None:
    resumes = policy(KEY, afterwards=AfterPayment.STAY_SILENT, too_long=AfterPayment.RESUME)
    call = after(began(7, KEY), stopped(7.1), ended(9, KEY), began(20, KEY), under=resumes)
    assert call.paying is not None
    call.apply(rested(905, call.paying.rest))
    assert call.stage is Stage.SILENT
