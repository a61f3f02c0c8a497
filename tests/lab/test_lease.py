"""The lease and the trace on a real Asterisk: its variable, its rights, its restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.link import Link
from ami_bridge.asterisk.protocol import Frame
from ami_bridge.asterisk.trace import Trace
from ami_bridge.lease import SETTLE_S, Lease
from hushtape.config import Pbx
from hushtape.errors import HushtapeError, LeaseLost
from lab.asterisk import Asterisk
from tests import playback

TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    one = Asterisk(name="lease")
    try:
        one.start()
        yield one
    finally:
        one.remove()


class Bridge:
    """A link with the bridge's own account, and its turn."""

    def __init__(self, asterisk: Asterisk, owner: str, trace: Trace | None = None) -> None:
        self.ups = asyncio.Semaphore(0)
        self.downs: list[HushtapeError] = []
        pbx = Pbx(
            kind="asterisk",
            host="127.0.0.1",
            port=asterisk.control_port,
            spool="/spool",
            outside_contexts=("from-outside",),
        )
        self.lease = Lease(
            "lease",
            owner,
            lambda name: self.link.get_global(name),
            lambda name, text: self.link.set_global(name, text),
            lambda: self.link.heard_at,
        )
        self.link = Link(
            "lease",
            pbx,
            asterisk.hushtape_secret,
            self.on_event,
            self.on_up,
            self.on_down,
            trace=trace,
            turn=self.lease,
        )

    async def on_event(self, event: Frame) -> None:
        pass

    async def on_up(self) -> None:
        await self.link.ask_list(actions.status())
        self.ups.release()

    async def on_down(self, why: HushtapeError) -> None:
        self.downs.append(why)

    async def serves(self) -> float:
        """Wait until it is this one's turn; return when."""
        async with asyncio.timeout(TIMEOUT_S):
            await self.ups.acquire()
        return asyncio.get_running_loop().time()


@asynccontextmanager
async def running(bridge: Bridge) -> AsyncIterator[Bridge]:
    bridge.link.start()
    try:
        yield bridge
    finally:
        await bridge.lease.release()
        await bridge.link.close()


async def test_of_two_bridges_the_second_waits_until_the_first_leaves(asterisk: Asterisk) -> None:
    begin_s = asyncio.get_running_loop().time()
    async with running(Bridge(asterisk, "aa")) as first:
        assert await first.serves() - begin_s < SETTLE_S + 1
        async with running(Bridge(asterisk, "bb")) as second:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await second.ups.acquire()
            with pytest.raises(LeaseLost):
                await second.link.ask(actions.status())
            await first.lease.release()
            await second.serves()
            assert second.lease.previous_renewed_at is not None
            assert not first.lease.held


async def test_a_restart_of_asterisk_clears_it(asterisk: Asterisk) -> None:
    async with running(Bridge(asterisk, "cc")) as bridge:
        await bridge.serves()
        await asyncio.to_thread(asterisk.stop)
        await asyncio.to_thread(asterisk.start)
        await bridge.serves()
        assert len(bridge.downs) == 1


async def test_a_trace_of_a_real_asterisk(asterisk: Asterisk, tmp_path: Path) -> None:
    trace = Trace(tmp_path / "a.trace")
    async with running(Bridge(asterisk, "dd", trace)) as bridge:
        await bridge.serves()
    trace.close()
    kept = await asyncio.to_thread((tmp_path / "a.trace").read_bytes)
    assert asterisk.hushtape_secret.encode() not in kept
    parts = playback.frames(kept)
    assert parts[-1].endswith(b"Link: down\r\n\r\n")
    assert any(part.startswith(b"Event: StatusComplete") for part in parts)
    assert any(b"Variable: HUSHTAPE_BRIDGE" in part for part in parts)
