"""Everything delayed by 2 s, each way, and no time made shorter: the link comes up, and stays."""

from __future__ import annotations

import asyncio

import pytest

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.limits import Limits
from ami_bridge.lease import Lease
from tests.integration.ami_bridge.asterisk.test_link import Owner, running
from tests.integration.ami_bridge.fake_ami import FakeAmi
from tests.integration.ami_bridge.slow_cable import SlowCable

pytestmark = pytest.mark.timeout(300)

WAY_S = 2.0
UP_WITHIN_S = 60.0
WATCHED_S = 40.0


async def test_everything_delayed_by_two_seconds() -> None:
    ami = await FakeAmi().start()

    try:
        async with SlowCable(ami.port, WAY_S) as cable:
            lease = Lease(
                "town-hall",
                "ab",
                lambda name: owner.link.get_global(name),
                lambda name, text: owner.link.set_global(name, text),
                lambda: owner.link.heard_at,
            )
            owner = Owner(cable.port, Limits(), turn=lease)
            async with running(owner):
                async with asyncio.timeout(UP_WITHIN_S):
                    while "up" not in owner.told:  # noqa: ASYNC110 - longer than heard() waits
                        await asyncio.sleep(0.1)
                began_s = asyncio.get_running_loop().time()
                number = 0
                while asyncio.get_running_loop().time() - began_s < WATCHED_S:
                    await owner.link.ask(actions.set_global("HT", str(number)))
                    number += 1
                    assert lease.held
                assert owner.told == ["up"]
    finally:
        await ami.close()
    assert ami.names().count("Login") == 1
    values = [action["Value"] for action in ami.actions if action.get("Variable") == "HT"]
    assert values == [str(each) for each in range(number)]
