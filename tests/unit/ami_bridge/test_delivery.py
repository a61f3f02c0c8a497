"""What is over goes into the outbox, and from there to the workers; see also test_bridge.py."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from ami_bridge import delivery
from ami_bridge.delivery import Delivery
from hushtape.recordings.manifest import Handoff
from tests.samples import sample_handoff

ID = "20261121-130500-abcdefgh"
TIMEOUT_S = 5


@dataclass
class Everybody:
    """The outbox, the kept calls, what is expected and the orders: notes what each is told."""

    told: list[str] = field(default_factory=list)

    def put(self, handoff: Handoff) -> None:
        self.told.append("put")

    def forget(self, call_id: str) -> None:
        self.told.append("forget")

    def handed_off(self, handoff: Handoff) -> None:
        self.told.append("handed off")

    def drain(self) -> None:
        self.told.append("drain")


def make(outbox: Everybody, orders: Everybody | None = None) -> Delivery:
    return Delivery(outbox, outbox, outbox, orders)  # type: ignore[arg-type]


async def test_a_call_is_forgotten_when_the_outbox_has_it_and_expected_until_then() -> None:
    everybody = Everybody()
    await make(everybody).hand_off(sample_handoff(ID))
    assert everybody.told == ["handed off", "put", "forget"]


async def test_orders_are_drained_with_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DRAIN_INTERVAL_S", 0.001)
    outbox, orders = Everybody(), Everybody()
    draining = asyncio.create_task(make(outbox, orders).drain())
    async with asyncio.timeout(TIMEOUT_S):
        while not (outbox.told and orders.told):  # noqa: ASYNC110 - told in a thread
            await asyncio.sleep(0.001)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
