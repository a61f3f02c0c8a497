"""Bridges that want to serve one PBX, in virtual time: with latencies, standstills and losses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle

from ami_bridge.lease import STALE_CLAIM_S, TAKE_OVER_S, VALID_S, VARIABLE, Lease
from hushtape.errors import ActionRefused, AnswerTimeout, HushtapeError, LinkLost

ANSWER_TIMEOUT_S = 5.0
# A way may take so long; what takes more than 5 s to be answered is a timeout, and arrives.
WAYS_S = (0.001, 0.05, 0.3, 0.45, 0.6, 1.0, 1.4, 1.6, 2.0, 3.0, 6.0, 11.0, 14.0, 16.0, 25.0)
# What a PBX or a network is like: all of it, and such as come near the lease's own times.
TEMPERS_S = (
    WAYS_S,
    (0.001, 0.3, 0.6, 1.4, 1.6, 2.0),
    (2.0,),
    (0.001, 0.001, 0.001, 14.0, 16.0),
    (1.0, 3.0, 0.001),
    (0.001, 0.001, 0.001, 0.001, 2.4, 13.0),
)
LEAVING_S = 2.4  # the last word of one that leaves must arrive within this
OWNERS = ("aa", "bb", "cc")
ACTS = ("start", "start", "kill", "freeze", "cut", "mend", "leave", "slow", "quick")
LONGEST_S = 45.0
MOST_ACTS = 40

Act = tuple[float, str, str, float, list[float]]
"""After so long, to whom, what, for how long, with which ways."""

AGAIN_S = 0.5
FAST_S = 0.001


def seconds() -> float:
    """Tell the virtual time."""
    return asyncio.get_running_loop().time()


@dataclass
class FakePbx:
    """Keeps the variable, and every bridge that may come."""

    value: str = ""
    written: list[str] = field(default_factory=list)
    refuses: bool = False
    bridges: list[Bridge] = field(default_factory=list)
    doubles: list[float] = field(default_factory=list)  # when two held

    def carry_out(self, variable: str, text: str | None) -> str:
        """Set the variable, or only read it."""
        assert variable == VARIABLE
        if self.refuses:
            raise ActionRefused("refused", "Permission denied")
        if text is not None:
            self.value = text
            self.written.append(self.value)
        return self.value

    def holders(self) -> list[Bridge]:
        """Name those that would act now; there must never have been two."""
        assert not self.doubles
        return [bridge for bridge in self.bridges if bridge.lease.held]


class Bridge:
    """A process that serves the PBX while it holds the lease.

    Args:
        owner: as in ``Lease``.
        way_s: how long each way takes, there and back.
    """

    def __init__(
        self, pbx: FakePbx, owner: str, way_s: Callable[[], float] = lambda: FAST_S
    ) -> None:
        self.way_s = way_s
        self.answer_timeout_s = ANSWER_TIMEOUT_S
        self.cut = False
        self.heard_at: datetime | None = None
        self.began_s: list[float] = []
        self.lost: list[HushtapeError] = []
        self.lease = Lease(
            "pbx1",
            owner,
            self._ask,
            self._set,
            lambda: self.heard_at,
            seconds=seconds,
            pause=self._wait,
        )
        self._pbx = pbx
        self._frozen_until_s = 0.0
        self._pending: set[asyncio.Future[str]] = set()
        pbx.bridges.append(self)
        self._task = asyncio.create_task(self._serve())

    async def kill(self) -> None:
        """End as by ``kill -9``: what is on its way to the PBX arrives all the same."""
        self._task.cancel()
        await asyncio.wait({self._task})

    def freeze(self, for_s: float) -> None:
        """Stand still as by ``SIGSTOP``: whatever is awaited, it goes on when the time is over."""
        self._frozen_until_s = max(self._frozen_until_s, seconds() + for_s)

    def cut_off(self) -> None:
        """Lose the link: nobody knows what became of what was under way."""
        self.cut = True
        for answer in self._pending:
            if not answer.done():
                answer.set_exception(LinkLost("the link was cut"))

    async def _serve(self) -> None:
        while True:
            try:
                await self.lease.acquire()
                if any(each.lease.held for each in self._pbx.bridges if each is not self):
                    self._pbx.doubles.append(seconds())
                self.began_s.append(seconds())
                lost = await self.lease.keep()
            except HushtapeError as error:
                lost = error
            self.lost.append(lost)
            await self._wait(AGAIN_S)

    async def _set(self, variable: str, text: str) -> None:
        await self._ask(variable, text)

    async def _ask(self, variable: str, text: str | None = None) -> str:
        if self.cut:
            raise LinkLost("there is no link")
        loop = asyncio.get_running_loop()
        there_s, back_s = self.way_s(), self.way_s()
        answer: asyncio.Future[str] = loop.create_future()

        def arrive() -> None:
            try:
                done = self._pbx.carry_out(variable, text)
            except HushtapeError as error:
                why = error
                loop.call_later(back_s, lambda: answer.done() or answer.set_exception(why))
            else:
                loop.call_later(back_s, lambda: answer.done() or answer.set_result(done))

        loop.call_later(there_s, arrive)
        self._pending.add(answer)
        try:
            async with asyncio.timeout(self.answer_timeout_s):
                return await answer
        except TimeoutError:
            raise AnswerTimeout("no answer") from None
        finally:
            self._pending.discard(answer)
            await self._thaw()

    async def _wait(self, for_s: float) -> None:
        await asyncio.sleep(for_s)
        await self._thaw()

    async def _thaw(self) -> None:
        while seconds() < self._frozen_until_s:  # noqa: ASYNC110 - it may be moved meanwhile
            await asyncio.sleep(self._frozen_until_s - seconds())


class Stage:
    """The bridges, one for each owner at a time, and what is done to them."""

    def __init__(self) -> None:
        self.pbx = FakePbx()
        self.living: dict[str, Bridge] = {}

    async def do(self, owner: str, act: str, for_s: float, ways_s: list[float]) -> None:
        bridge = self.living.get(owner)
        if bridge is None:
            if act in ("start", "slow"):
                way = cycle(ways_s if act == "slow" else [FAST_S])
                self.living[owner] = Bridge(self.pbx, owner, lambda: next(way))
            return
        match act:
            case "kill":
                del self.living[owner]
                await bridge.kill()
            case "freeze":
                bridge.freeze(for_s)
            case "cut":
                bridge.cut_off()
            case "mend":
                bridge.cut = False
            case "leave":
                way = cycle([min(each, LEAVING_S) for each in ways_s])
                bridge.way_s = lambda: next(way)
                await bridge.lease.release()
                del self.living[owner]
                await bridge.kill()
            case "slow":
                way = cycle(ways_s)
                bridge.way_s = lambda: next(way)
            case "quick":
                bridge.way_s = lambda: FAST_S

    def recover(self) -> None:
        for bridge in self.living.values():
            bridge.cut = False
            bridge.way_s = lambda: FAST_S


def random_play(chance: random.Random) -> list[Act]:
    """Make up what becomes of some bridges."""
    temper = chance.choice(TEMPERS_S)
    moments = (0.0, 0.001, 0.4, 0.9, 1.4, 1.6, 2.0, 5.0, VALID_S, TAKE_OVER_S, 17.0)
    spans = (0.5, 1.1, 3.0, VALID_S - 1, VALID_S + 0.1, TAKE_OVER_S, 20.0, LONGEST_S)
    return [
        (
            chance.choice((*moments, chance.random() * 20)),
            chance.choice(OWNERS),
            chance.choice(ACTS),
            chance.choice((*spans, chance.random() * LONGEST_S)),
            [chance.choice(temper) for _ in range(chance.randint(1, 12))],
        )
        for _ in range(chance.randint(3, MOST_ACTS))
    ]


async def perform(play: list[Act]) -> tuple[Stage, int]:
    """Play it, let everybody recover, and count who holds then."""
    stage = Stage()
    for wait_s, *act in play:
        await asyncio.sleep(wait_s)
        await stage.do(*act)
    stage.recover()
    await asyncio.sleep(LONGEST_S + max(WAYS_S) + STALE_CLAIM_S + 2 * TAKE_OVER_S)
    return stage, len(stage.pbx.holders())
