"""Who in a talk is a payment line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.call import judging
from ami_bridge.call.company import Company
from ami_bridge.facts import Talker
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.call.test_company import ADVISER, OTHER
from tests.unit.ami_bridge.call.test_machine import PAYMENT_LINE, POLICIES

REIGATE = POLICIES["reigate-banstead"]
TRUNK = Talker("1.740", Place(DestinationKind.OUTSIDE, "0800", number="0800"))


def is_line(company: Company, talker: Talker) -> bool:
    return judging.payment_line(REIGATE, company, [talker]) is not None


@pytest.mark.parametrize("talker", [OTHER, TRUNK], ids=["a telephone of ours", "a trunk"])
def test_one_is_a_payment_line_by_its_place_or_by_what_was_dialled(talker: Talker) -> None:
    assert not is_line(Company(), talker)
    assert is_line(Company(), replace(talker, place=PAYMENT_LINE))
    assert is_line(Company(), replace(talker, ways=(PAYMENT_LINE,)))


def test_who_had_the_call_is_none_however_he_is_rung_again() -> None:
    """The guard says no, and the dialplan rings him in the payment line's own extension."""
    company = Company()
    company.let_in(ADVISER)
    again = replace(ADVISER, uniqueid="1.98", ways=(PAYMENT_LINE,))
    assert not is_line(company, again)
    assert is_line(Company(), again), "anybody else's telephone"


def test_a_trunk_that_was_let_in_is_one_all_the_same() -> None:
    company = Company()
    company.let_in(TRUNK)
    assert is_line(company, replace(TRUNK, ways=(PAYMENT_LINE,)))
