"""What the shipped dialplan writes on a real Asterisk, wherever in the world that stands."""

from __future__ import annotations

import re
import time

import pytest

from lab.asterisk import Asterisk
from lab.eyes import event

TIMEOUT_S = 10.0
SLACK_S = 0.2
# EPOCH's clock lags behind the other one by a tick at most: in a second's first milliseconds the
# note is a second early, and never late.
EARLY_S = 1.0
PAYS = """
[pays]
exten => s,1,Gosub(hushtape-payment-began,s,1)
 same => n,Set(GLOBAL(NOTED)=${HUSHTAPE_PAYMENT})
 same => n,UserEvent(Noted)
 same => n,Hangup()
"""


@pytest.mark.parametrize("time_zone", ["America/New_York", "Asia/Kolkata", ""])
def test_a_payment_s_note_has_the_time_of_the_whole_world(time_zone: str) -> None:
    pbx = Asterisk(name="zone", time_zone=time_zone, extra={"extensions-extra.conf": PAYS})
    try:
        pbx.start()
        with pbx.observer() as eyes:
            before_s = time.time()
            eyes.action(
                "Originate", Channel="Local/s@pays", Application="Wait", Data="1", Async="true"
            )
            eyes.wait_for(event("UserEvent", UserEvent="Noted"), TIMEOUT_S)
            after_s = time.time()
            noted = eyes.action("Getvar", Variable="NOTED").get("Value")
    finally:
        pbx.remove()
    found = re.fullmatch(r"began:(\d+\.\d{3}):dialplan", noted)
    assert found is not None, noted
    assert before_s - EARLY_S - SLACK_S <= float(found[1]) <= after_s + SLACK_S
