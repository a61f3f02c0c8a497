"""One call to a plain Asterisk: `python -m lab.bare_call NUMBER`, run inside a bare machine.

Two of the lab's phones register as `trunk` and `201` (lab/plain/pjsip.conf), the first one calls
NUMBER, the second one answers, they sing to each other for a while, the first one hangs up.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from lab import town
from lab.pbxes import Pbx
from lab.phones import Phones
from lab.waiting import pass_time

SIP_PORT = 5060
TALK_S = 8.0  # a phone's very first call may be silent for three seconds
CALLER = town.Person(
    "trunk", "07700900123", "caller", town.CALLER_HZ, "from-trunk", answers=False, staff=False
)
AGENT = town.Person("201", "201", "agent", town.AGENT_HZ, "internal", answers=True, staff=True)


def call(number: str) -> None:
    """Make the call."""
    pbx = cast(Pbx, SimpleNamespace(name="plain", sip_port=SIP_PORT, phone_secret=""))
    with Phones(pbx, [CALLER, AGENT], warm_up=False) as phones:
        caller, agent = phones[CALLER], phones[AGENT]
        since = agent.mark()
        caller.dial(number)
        agent.established(since=since)
        pass_time(TALK_S)
        caller.hang_up()
        agent.closed(since=since)


if __name__ == "__main__":
    call(sys.argv[1])
    print(f"called {sys.argv[1]} for {TALK_S:.0f} s, from {Path.cwd()}")
