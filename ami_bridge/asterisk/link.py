"""The link to one Asterisk: it connects, logs in, stays alive, and comes back when it was lost.

What the owner can rely on:

- ``on_up`` is awaited after each login, before any event of that connection is handed on. Events
  that arrive meanwhile wait, in order: what ``on_up`` reads of the PBX (the resync) may be newer
  than the events after it, never older.
- ``on_event`` gets every event of a connection, one at a time, in order. None is dropped in
  silence: an owner who falls too far behind loses the connection instead, and gets ``on_up`` again.
- ``on_down`` is awaited after the last event of a connection; once for a PBX that can't be reached;
  and once when the PBX begins to refuse the login.
- An action is sent once or never. ``LinkLost`` and ``AnswerTimeout`` mean that nobody knows whether
  it was carried out: look at the PBX, in ``on_up``.
- Given a ``Turn``, it waits after each login until that has come: events pass by until then, which
  the resync makes up for. Out of turn nothing is sent, and the link is given up and made again.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.connection import Connection, Opener
from ami_bridge.asterisk.limits import FAIR_S, FAIR_SHARE, Limits, backoff_s
from ami_bridge.asterisk.protocol import Ask, Frame, SafeProtocol, described
from ami_bridge.asterisk.trace import Trace
from hushtape.config import Pbx
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    HushtapeError,
    LeaseLost,
    LinkLost,
    LoginRefused,
    Unreachable,
)

MESSAGE_LIMIT = 200
"""Characters of a PBX's error message that are kept."""

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


class Link:
    """The link to one PBX.

    Args:
        name: the PBX's name in the configuration.
        pbx: where it is.
        password: its account's.
        on_event, on_up, on_down: see the module. What they raise is logged; after a failed
            ``on_up`` the connection is given up and made again.
        events: the event classes to ask for, ``on`` for all.
        limits: times and sizes.
        clock: aware, UTC: stamps each event.
        chance: for the jitter.
        pause: waits between attempts.
        trace: keeps what the PBX says.
        turn: who serves the PBX; left out, this link does.
        on_keys: is called when the PBX tells of keys that somebody presses; it must not. Nothing of
            it is read, kept or passed on.

    Raises:
        ConfigError: the file of authorities can't be used.
        UnsafeValue: the user or password can't be sent.
    """

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        on_event: Callable[[Frame], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[HushtapeError], Awaitable[None]],
        *,
        events: str = "on",
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        trace: Trace | None = None,
        turn: Turn | None = None,
        on_keys: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._on_keys = on_keys
        self.limits = limits or Limits()
        self.state = State.DOWN
        self.reason: HushtapeError | None = None  # why it isn't up
        self.heard_at: datetime | None = None  # all that the PBX said until then was handed on
        self._user = pbx.user
        self._login_action = actions.login(pbx.user, password, events)
        actions.check(self._login_action)
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._trace = trace
        self._turn = turn
        self._opener = Opener(name, pbx, self.limits, self._make_protocol)
        self._where = self._opener.where
        # Nobody can guess it, so no event of a dialplan passes for an item of our lists.
        self._ids = f"hushtape-{secrets.token_hex(8)}"
        self._asked = 0
        self._told_down = False
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether an action can be sent now, turn or not."""
        return self._connection is not None and not self._connection.protocol.closed

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
            await asyncio.wait({task}, timeout=3 * self.limits.close_timeout_s)

    async def ask(
        self,
        action: Mapping[str, str],
        *,
        timeout_s: float | None = None,
        out_of_turn: bool = False,
    ) -> Frame:
        """Send an action once and return its answer.

        Args:
            out_of_turn: also while another bridge serves the PBX. For finding out who does.

        Raises:
            UnsafeValue: the action can't be sent; nothing was.
            LeaseLost: it isn't this bridge's turn; nothing was sent.
            LinkLost: the link is down (nothing was sent), or went down before the answer came.
            AnswerTimeout: no answer in time. Should one come later, it is dropped.
            ActionRefused: the PBX answered with an error.
        """
        return (await self._ask(action, timeout_s, list_limit=0, out_of_turn=out_of_turn))[0]

    async def ask_list(
        self, action: Mapping[str, str], *, timeout_s: float | None = None
    ) -> list[Frame]:
        """Send an action that is answered by a list, and return the list's items.

        Raises:
            TooBig: the list has more than ``limits.list_items`` items.
            UnsafeValue, LeaseLost, LinkLost, AnswerTimeout, ActionRefused: as ``ask``.
        """
        return (await self._ask(action, timeout_s, self.limits.list_items, out_of_turn=False))[1:]

    async def _ask(
        self,
        action: Mapping[str, str],
        timeout_s: float | None,
        list_limit: int,
        *,
        out_of_turn: bool,
    ) -> list[Frame]:
        actions.check(action)
        connection = self._connection
        if connection is None:
            raise LinkLost(f"there is no link to {self._where}")
        timeout_s = self.limits.answer_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(timeout_s), connection.slots:
                if not out_of_turn and self._turn is not None and not self._turn.held:
                    raise LeaseLost(f"it is not this bridge's turn to serve {self._where}")
                return await self._send(connection, action, list_limit)
        except TimeoutError:
            raise AnswerTimeout(
                f"{self._where} did not answer {action.get('Action')} within {timeout_s:g} s"
            ) from None

    async def _send(
        self, connection: Connection, action: Mapping[str, str], list_limit: int = 0
    ) -> list[Frame]:
        protocol = connection.protocol
        unsent = protocol.transport.get_write_buffer_size()
        if unsent > self.limits.unsent_bytes:
            protocol.end(LinkLost(f"the PBX reads nothing: {unsent} bytes wait to be sent"))
        if protocol.closed:  # also while this one waited for its turn
            raise LinkLost(f"there is no link to {self._where}")
        self._asked += 1
        kind = "list" if list_limit else "one"
        ask = Ask(action, f"{self._ids}-{kind}-{self._asked}", list_limit)
        clock_s = asyncio.get_running_loop().time
        asked_s = clock_s()
        try:
            frames: list[Frame] = await connection.manager.send_action(ask)
        finally:
            protocol.forget(ask.id)
        if connection.answered(asked_s, clock_s(), self.limits.slow_answer_s):
            level, how = (logging.WARNING, "slow") if connection.slow else (logging.INFO, "quick")
            took_s = connection.answered_s - asked_s
            LOG.log(level, "%s: the link is %s: an answer took %.1f s", self._where, how, took_s)
        if connection.listening and not connection.inbox:
            self.heard_at = self._clock()
        if not frames[0].succeeded:
            message = frames[0].get("Message", "no reason given")[:MESSAGE_LIMIT]
            what = f"{self._where} refused {action.get('Action')}: {message!r}"
            raise ActionRefused(what, message)
        return frames

    # The life of the link

    async def _run(self) -> None:
        attempt = 0
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
            if connected and asyncio.get_running_loop().time() - began_s >= self.limits.stable_s:
                attempt = 0
            if isinstance(reason, LoginRefused):
                least, most = self.limits.refused_least_s, self.limits.refused_most_s
                await self._pause(least + (most - least) * self._chance())
            else:
                await self._pause(backoff_s(attempt, self.limits, self._chance))
                attempt += 1

    async def _connect_once(self) -> HushtapeError:
        """Live through one connection; return why it ended."""
        connection = await self._opener.open()
        protocol = connection.protocol
        tasks: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                LOG.error("%s: a bug in the link: %s", self._where, described(error))
            protocol.end(LinkLost("a task of it ended"))

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
            reason = await asyncio.shield(protocol.lost)
            connection.inbox.end()
            if connection.inbox.opened:
                await asyncio.wait({serving}, timeout=self.limits.drain_timeout_s)
            return reason
        finally:
            self._connection = None
            protocol.close()
            connection.manager.close()  # its timer
            for task in tasks:
                task.cancel()
            await asyncio.wait({protocol.gone, *tasks}, timeout=self.limits.close_timeout_s)
            if any(not task.done() for task in tasks):
                LOG.error("%s: a handler does not end; going on without it", self._where)

    def _make_protocol(self) -> SafeProtocol:
        return SafeProtocol(
            clock=self._clock,
            list_ids=f"{self._ids}-list-",
            frame_limit=self.limits.frame_bytes,
            trace=self._trace,
            on_keys=self._on_keys,
        )

    async def _log_in(self, connection: Connection) -> None:
        timeout_s = self.limits.login_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                # The password goes only to what greets like a manager interface.
                await asyncio.shield(connection.protocol.greeted)
                if connection.protocol.closed:
                    raise await asyncio.shield(connection.protocol.lost)
                await self._send(connection, self._login_action)
        except TimeoutError:
            raise Unreachable(f"{self._where} did not log us in within {timeout_s:g} s") from None
        except ActionRefused as refused:
            raise LoginRefused(f"{refused} (user {self._user!r})") from None

    async def _serve(self, connection: Connection, beside: Beside) -> None:
        loop = asyncio.get_running_loop()
        protocol, inbox = connection.protocol, connection.inbox
        if self._turn is not None:
            self.state = State.WAITING
            failed = await self._guarded("the turn", self._turn.acquire, timeout_s=None)
            if failed is not None:
                protocol.end(LinkLost(f"whose turn it is can't be told: {failed}"))
                return
            beside(self._keep_turn(self._turn, protocol), "turn")
        inbox.open()
        self._told_down = False
        self.state = State.UP
        asked_at = self._clock()
        failed = await self._guarded("on_up", self._on_up, self.limits.up_timeout_s)
        if failed is not None:
            protocol.end(LinkLost(f"the calls could not be taken over: {failed}"))
            return
        self.heard_at = asked_at
        connection.listening = True
        handled, began_s = 0, loop.time()
        while (frame := await inbox.take()) is not None:
            handled += 1
            if handled >= FAIR_SHARE and loop.time() - began_s >= FAIR_S:
                await asyncio.sleep(0)
                handled, began_s = 0, loop.time()
            # One call's trouble must not end the link of all: it is logged, the next event comes.
            await self._guarded("on_event", self._on_event, self.limits.handler_timeout_s, frame)
            self.heard_at = frame.received

    async def _keep_turn(self, turn: Turn, protocol: SafeProtocol) -> None:
        protocol.end(await turn.keep())

    async def _ping(self, connection: Connection) -> None:
        """Ask for a sign of life where nothing else that was asked brought one."""
        loop = asyncio.get_running_loop()
        while True:
            silent_s = loop.time() - connection.answered_s
            if silent_s < self.limits.ping_interval_s:
                await asyncio.sleep(self.limits.ping_interval_s - silent_s)
                continue
            try:
                async with asyncio.timeout(self.limits.ping_timeout_s):
                    await self._send(connection, actions.ping())
            except TimeoutError:
                silent = f"no answer to a ping within {self.limits.ping_timeout_s:g} s"
                connection.protocol.end(LinkLost(silent))
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
            await self._guarded("on_down", self._on_down, self.limits.handler_timeout_s, reason)

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
