"""The link to one PBX, of whatever kind: it connects, logs in, stays alive, and comes back.

What the owner can rely on:

- ``on_up`` is awaited after each login, before any event of that connection is handed on. Events
  that arrive meanwhile wait, in order: what ``on_up`` reads of the PBX (the resync) may be newer
  than the events after it, never older.
- ``on_event`` gets every event of a connection, one at a time, in order. None is dropped in
  silence: an owner who falls too far behind loses the connection instead, and gets ``on_up`` again.
- ``on_down`` is awaited after the last event of a connection; once for a PBX that can't be reached;
  and once when the PBX begins to refuse the login.
- A command is sent once or never. ``LinkLost`` and ``AnswerTimeout`` mean that nobody knows whether
  it was carried out: look at the PBX, in ``on_up``.
- Given a ``Turn``, it waits after each login until that has come: events pass by until then, which
  the resync makes up for. Out of turn nothing is sent, and the link is given up and made again.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from ami_bridge.inbox import Event, Inbox
from ami_bridge.limits import FAIR_S, FAIR_SHARE, CommonLimits, backoff_s
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    HushtapeError,
    LeaseLost,
    LinkLost,
    LoginRefused,
    Untrusted,
    described,
)

Beside = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Starts a task of a connection's, by a name; the connection ends with it."""

LOG = logging.getLogger(__name__)


class State(enum.Enum):
    """Where a link is."""

    DOWN = "down"  # not connected, trying
    WAITING = "waiting"  # connected; it is another bridge's turn
    UP = "up"
    REFUSED = "refused"  # the PBX doesn't accept the user or password; tried seldom
    CLOSED = "closed"  # by its owner, for good


class Turn(Protocol):
    """Which of several bridges serves the PBX: see ``Lease``."""

    @property
    def held(self) -> bool:
        """Whether it is this one's turn now, surely."""

    async def acquire(self) -> None:
        """Wait for the turn, as long as it takes. It is awaited while the link is up."""

    async def keep(self) -> HushtapeError:
        """Keep the turn; return why it is over. Cancelled when the link goes."""


E = TypeVar("E", bound=Event)


class Connection(ABC, Generic[E]):
    """One connection, for its whole life."""

    def __init__(self, inbox: Inbox[E], limits: CommonLimits) -> None:
        self.inbox = inbox
        self.slots = asyncio.Semaphore(limits.actions_under_way)
        self.answered_s = asyncio.get_running_loop().time()  # when the PBX last answered
        self.listening = False  # its owner has caught up with what lives on the PBX
        self.slow = False  # its last answer took longer than it should

    @property
    @abstractmethod
    def lost(self) -> asyncio.Future[HushtapeError]:
        """Gets the reason when it is over."""

    @property
    @abstractmethod
    def gone(self) -> asyncio.Future[None]:
        """Is done when nothing of it is left."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it is over."""

    @abstractmethod
    def end(self, reason: HushtapeError) -> None:
        """End it, once: everybody who waits gets ``LinkLost``."""

    @abstractmethod
    def close(self) -> None:
        """End it from our side, and give back all that it holds."""

    def put(self, event: E) -> None:
        """Let an event wait for the link's owner."""
        if not self.inbox.put(event):
            lagging = f"{len(self.inbox)} events wait to be handled; starting over from the PBX"
            self.inbox.discard()
            self.end(LinkLost(lagging))

    def answered(self, asked_s: float, now_s: float, slow_s: float) -> bool:
        """Note an answer; tell whether it is news that answers are slow, or quick again."""
        self.answered_s = now_s
        before, self.slow = self.slow, now_s - asked_s > slow_s
        return self.slow is not before


C = TypeVar("C", bound=Connection[Any])
R = TypeVar("R")


class BaseLink(ABC, Generic[C, E]):
    """The link to one PBX.

    Args:
        name: the PBX's name in the configuration.
        where: the same, with its address.
        on_event, on_up, on_down: see the module. What they raise is logged; after a failed
            ``on_up`` the connection is given up and made again.
        limits: times and sizes.
        clock: aware, UTC: stamps each event.
        chance: for the jitter.
        pause: waits between attempts.
        turn: who serves the PBX; left out, this link does.
    """

    def __init__(
        self,
        name: str,
        where: str,
        on_event: Callable[[E], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[HushtapeError], Awaitable[None]],
        *,
        limits: CommonLimits,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        turn: Turn | None,
    ) -> None:
        self.name = name
        self.state = State.DOWN
        self.reason: HushtapeError | None = None  # why it isn't up
        self.heard_at: datetime | None = None  # all that the PBX said until then was handed on
        self._where = where
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._common = limits
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._turn = turn
        self._told_down = False
        self._connection: C | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether a command can be sent now, turn or not."""
        return self._connection is not None and not self._connection.closed

    def start(self) -> None:
        """Begin to connect, and keep at it until ``close``."""
        if self._task is None and self.state is not State.CLOSED:
            self._task = asyncio.create_task(self._run(), name=f"link {self.name}")

    async def close(self) -> None:
        """End everything, for good: who waits for an answer gets ``LinkLost``; no ``on_down``."""
        self.state = State.CLOSED
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=3 * self._common.close_timeout_s)

    # What each kind of PBX does in its own way

    @abstractmethod
    async def _open(self) -> C:
        """Connect.

        Raises:
            Unreachable: nobody accepts, or it isn't who it should be.
        """

    @abstractmethod
    async def _log_in(self, connection: C) -> None:
        """Log in.

        Raises:
            LoginRefused: the PBX knows us not.
            Unreachable: it didn't answer in time, or the connection was lost.
        """

    @abstractmethod
    async def _ask_for_life(self, connection: C) -> None:
        """Ask for a sign of life, and wait for it.

        Raises:
            ActionRefused: an answer all the same.
            LinkLost: the connection is over.
        """

    # Commands

    async def _carried_out(
        self,
        what: str,
        timeout_s: float | None,
        send: Callable[[C], Awaitable[R]],
        *,
        out_of_turn: bool,
    ) -> R:
        """Send a command when one may be, and wait for its answer no longer than its time.

        Raises:
            LeaseLost: it isn't this bridge's turn; nothing was sent.
            LinkLost: there is no link, or it went down before the answer came.
            AnswerTimeout: no answer in time.
        """
        connection = self._connection
        if connection is None:
            raise LinkLost(f"there is no link to {self._where}")
        timeout_s = self._common.answer_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(timeout_s), connection.slots:
                if not out_of_turn and self._turn is not None and not self._turn.held:
                    raise LeaseLost(f"it is not this bridge's turn to serve {self._where}")
                return await send(connection)
        except TimeoutError:
            raise AnswerTimeout(
                f"{self._where} did not answer {what} within {timeout_s:g} s"
            ) from None

    async def _timed(self, connection: C, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask, and note that an answer came: it is a sign of life."""
        if connection.closed:  # also while this one waited for its turn
            raise LinkLost(f"there is no link to {self._where}")
        clock_s = asyncio.get_running_loop().time
        asked_s = clock_s()
        answer = await ask()
        if connection.answered(asked_s, clock_s(), self._common.slow_answer_s):
            level, how = (logging.WARNING, "slow") if connection.slow else (logging.INFO, "quick")
            took_s = connection.answered_s - asked_s
            LOG.log(level, "%s: the link is %s: an answer took %.1f s", self._where, how, took_s)
        if connection.listening and not connection.inbox:
            self.heard_at = self._clock()
        return answer

    # The life of the link

    async def _run(self) -> None:
        attempt = 0
        limits = self._common
        while True:
            began_s = asyncio.get_running_loop().time()
            connected = False
            try:
                reason = await self._connect_once()
                connected = True
            except HushtapeError as error:
                reason = error
            except Exception as error:  # the link must outlive a bug in it
                LOG.error("%s: a bug in the link: %s", self._where, described(error))
                reason = LinkLost(f"a bug in the link: {type(error).__name__}")
            await self._went_down(reason)
            if connected and asyncio.get_running_loop().time() - began_s >= limits.stable_s:
                attempt = 0
            if isinstance(reason, LoginRefused | Untrusted):
                least, most = limits.refused_least_s, limits.refused_most_s
                await self._pause(least + (most - least) * self._chance())
            else:
                await self._pause(backoff_s(attempt, limits, self._chance))
                attempt += 1

    async def _connect_once(self) -> HushtapeError:
        """Live through one connection; return why it ended."""
        connection = await self._open()
        tasks: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                LOG.error("%s: a bug in the link: %s", self._where, described(error))
            connection.end(LinkLost("a task of it ended"))

        def beside(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            task = asyncio.create_task(work, name=f"{name} {self.name}")
            task.add_done_callback(ended)
            tasks.add(task)
            return task

        if self._turn is None:
            connection.inbox.open()
        try:
            await self._log_in(connection)
            self._connection, self.reason = connection, None
            beside(self._ping(connection), "ping")
            serving = beside(self._serve(connection, beside), "events")
            reason = await asyncio.shield(connection.lost)
            connection.inbox.end()
            if connection.inbox.opened:
                await asyncio.wait({serving}, timeout=self._common.drain_timeout_s)
            return reason
        finally:
            self._connection = None
            connection.close()
            for task in tasks:
                task.cancel()
            await asyncio.wait({connection.gone, *tasks}, timeout=self._common.close_timeout_s)
            if any(not task.done() for task in tasks):
                LOG.error("%s: a handler does not end; going on without it", self._where)

    async def _serve(self, connection: C, beside: Beside) -> None:
        loop = asyncio.get_running_loop()
        inbox = connection.inbox
        if self._turn is not None:
            self.state = State.WAITING
            failed = await self._guarded("the turn", self._turn.acquire, timeout_s=None)
            if failed is not None:
                connection.end(LinkLost(f"whose turn it is can't be told: {failed}"))
                return
            beside(self._keep_turn(self._turn, connection), "turn")
        inbox.open()
        self._told_down = False
        self.state = State.UP
        asked_at = self._clock()
        failed = await self._guarded("on_up", self._on_up, self._common.up_timeout_s)
        if failed is not None:
            connection.end(LinkLost(f"the calls could not be taken over: {failed}"))
            return
        self.heard_at = asked_at
        connection.listening = True
        handled, began_s = 0, loop.time()
        while (event := await inbox.take()) is not None:
            handled += 1
            if handled >= FAIR_SHARE and loop.time() - began_s >= FAIR_S:
                await asyncio.sleep(0)
                handled, began_s = 0, loop.time()
            # One call's trouble must not end the link of all: it is logged, the next event comes.
            await self._guarded("on_event", self._on_event, self._common.handler_timeout_s, event)
            self.heard_at = event.received

    async def _keep_turn(self, turn: Turn, connection: C) -> None:
        connection.end(await turn.keep())

    async def _ping(self, connection: C) -> None:
        """Ask for a sign of life where nothing else that was asked brought one."""
        loop = asyncio.get_running_loop()
        limits = self._common
        while True:
            silent_s = loop.time() - connection.answered_s
            if silent_s < limits.ping_interval_s:
                await asyncio.sleep(limits.ping_interval_s - silent_s)
                continue
            try:
                async with asyncio.timeout(limits.ping_timeout_s):
                    await self._ask_for_life(connection)
            except TimeoutError:
                silent = f"no answer to a ping within {limits.ping_timeout_s:g} s"
                connection.end(LinkLost(silent))
                return
            except ActionRefused:
                pass  # an answer all the same
            except LinkLost:
                return

    async def _went_down(self, reason: HushtapeError) -> None:
        before, self.reason = self.reason, reason
        refused = isinstance(reason, LoginRefused)
        news = not self._told_down or (refused and not isinstance(before, LoginRefused))
        self.state = State.REFUSED if refused else State.DOWN
        if news or str(before) != str(reason):
            level = logging.ERROR if refused else logging.WARNING
            LOG.log(level, "%s: the link is down: %s", self._where, reason)
        if news:
            self._told_down = True
            await self._guarded("on_down", self._on_down, self._common.handler_timeout_s, reason)

    async def _guarded(
        self,
        what: str,
        handler: Callable[..., Awaitable[None]],
        timeout_s: float | None,
        *args: Any,
    ) -> str | None:
        """Await a handler of the owner's; return what went wrong, if anything did."""
        try:
            async with asyncio.timeout(timeout_s):
                await handler(*args)
        except HushtapeError as error:
            LOG.warning("%s: %s: %s", self._where, what, error)
            return str(error)
        except Exception as error:  # the owner's, whatever it is
            LOG.error("%s: %s failed: %s", self._where, what, described(error))
            return type(error).__name__
        return None
