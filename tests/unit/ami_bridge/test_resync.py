"""What is told after nobody listened, whatever the kind of the PBX; see also each kind's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ami_bridge.asterisk.protocol import Frame
from ami_bridge.facts import Answered, PaymentBegan
from ami_bridge.payments import note
from ami_bridge.variables import PAYMENT_VARIABLE
from hushtape.policy.schema import PaymentWay
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    NOW,
    OUTSIDE,
    SINCE,
    Pbx,
    living,
    of,
    queue_call,
    status,
)


def test_two_lines_to_the_outside_that_talk_are_nobodys_call_to_the_outside() -> None:
    pbx = Pbx()
    pbx.rings(CALLER, "0199200211", "from-outside")
    lines = {"Context": "from-outside", "BridgeID": "b1"}
    alive = [
        status(CALLER, Exten="0199200211", **lines),
        status(OUTSIDE, Exten="", Application="AppDial", **lines),
    ]
    told = list(pbx.translator.resync(alive, NOW, SINCE))
    assert not [each for each in told if isinstance(each.fact, Answered)]


@pytest.mark.parametrize(("linkedid", "meant"), [("l1", 1), ("l2", 0)])
def test_a_payment_noted_while_an_agent_dials_is_of_whom_he_has_on_hold(
    linkedid: str, meant: int
) -> None:
    pbx = queue_call()
    pbx.says("Hold", Uniqueid=AGENT, Linkedid="l1")
    began = SINCE + timedelta(seconds=10)
    noted = ("Variable", f"{PAYMENT_VARIABLE}={note(began, PaymentWay.TRANSFER)}")
    half = Frame((*status("1.9", Exten="710", Linkedid=linkedid).items(), noted), NOW)
    alive = [*living((CALLER, "b1"), (AGENT, "b1")), half]
    told = list(pbx.translator.resync(alive, NOW, SINCE))
    assert len(of(told, CALLER, PaymentBegan)) == meant
