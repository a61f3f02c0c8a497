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

Every connection has a panoramisk ``Manager`` of its own, which neither reconnects nor pings nor
logs.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import random
import secrets
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from panoramisk import Manager

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.protocol import (
    FRAME_LIMIT_BYTES,
    Ask,
    Carried,
    Frame,
    SafeProtocol,
    described,
)
from hushtape.config import Pbx
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    ConfigError,
    HushtapeError,
    LinkLost,
    LoginRefused,
    Unreachable,
)

MESSAGE_LIMIT = 200
"""Characters of a PBX's error message that are kept."""

DOUBLINGS_LIMIT = 16
"""More doublings of the first backoff than any ceiling needs."""

FAIR_SHARE = 1000
"""Events that are handled in a row before everything else gets its turn: more than one read of the
socket brings (256 KB, some 600 events), or a handler that is fast enough would fall behind.
"""

NEVER_S = 10 * 365 * 24 * 3600
"""When panoramisk sends a ping of its own, which it would not check."""

LOG = logging.getLogger(__name__)

# panoramisk writes whole actions to its log, the login among them, so it gets one that keeps none.
_NO_LOG = logging.getLogger(f"{__name__}.panoramisk")
_NO_LOG.addFilter(lambda _: False)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long and how much, for one link. A half-open link shows after ``ping_interval_s`` +
    ``ping_timeout_s`` at the latest.
    """

    connect_timeout_s: float = 5.0  # TCP and TLS together
    login_timeout_s: float = 5.0
    answer_timeout_s: float = 5.0
    ping_interval_s: float = 2.0  # what came after the last answer isn't kept if the link is lost
    ping_timeout_s: float = 5.0
    backoff_first_s: float = 0.5  # the ceiling of the first wait; it doubles
    backoff_most_s: float = 30.0
    stable_s: float = 10.0  # a connection that lived this long starts the backoff anew
    refused_least_s: float = 30.0  # after a refused login: no hammering, somebody must act
    refused_most_s: float = 60.0
    up_timeout_s: float = 30.0  # for on_up
    handler_timeout_s: float = 30.0  # for each on_event, and on_down
    drain_timeout_s: float = 5.0  # for what had arrived when the link was lost
    close_timeout_s: float = 2.0
    waiting_frames: int = 20_000  # some 40 MB; five seconds of a very busy PBX
    waiting_bytes: int = 64 * 1024 * 1024
    actions_under_way: int = 256
    list_items: int = 20_000
    frame_bytes: int = FRAME_LIMIT_BYTES


class State(enum.Enum):
    """Where a link is."""

    DOWN = "down"  # not connected, trying
    UP = "up"
    REFUSED = "refused"  # the PBX doesn't accept the user or password; tried seldom
    CLOSED = "closed"  # by its owner, for good


def backoff_s(attempt: int, limits: Limits, chance: Callable[[], float]) -> float:
    """How long to wait before trying again: anything up to a ceiling that doubles (full jitter).

    Args:
        attempt: 0 for the first.
        chance: a number from 0 to 1.
    """
    doubled = limits.backoff_first_s * 2.0 ** min(attempt, DOUBLINGS_LIMIT)
    return chance() * min(limits.backoff_most_s, doubled)


class Inbox:
    """The events that wait for the owner, in order and up to a limit."""

    def __init__(self, frames_limit: int, bytes_limit: int) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._frames_limit = frames_limit
        self._bytes_limit = bytes_limit
        self._stir = asyncio.Event()
        self._ended = False

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> bool:
        """Add an event; ``False``, and nothing is added, when it is full."""
        full = len(self._frames) >= self._frames_limit
        if full or self._bytes + frame.size > self._bytes_limit:
            return False
        self._frames.append(frame)
        self._bytes += frame.size
        self._stir.set()
        return True

    async def take(self) -> Frame | None:
        """Wait for the next event; ``None`` when the link is over and all were taken."""
        while not self._frames:
            if self._ended:
                return None
            self._stir.clear()
            await self._stir.wait()
        frame = self._frames.popleft()
        self._bytes -= frame.size
        return frame

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._stir.set()

    def discard(self) -> None:
        """Forget what waits: a resync will say more than it could."""
        self._frames.clear()
        self._bytes = 0


@dataclass(frozen=True, slots=True)
class _Connection:
    protocol: SafeProtocol
    manager: Manager
    inbox: Inbox
    slots: asyncio.Semaphore


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
        trace: gets every byte received. It will hold callers' names and numbers.

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
        trace: BinaryIO | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or Limits()
        self.state = State.DOWN
        self.reason: HushtapeError | None = None  # why it isn't up
        self.heard_at: datetime | None = None  # when the PBX was last known to be there
        self._pbx = pbx
        self._where = f"{name} ({pbx.host}:{pbx.port})"
        self._login_action = actions.login(pbx.user, password, events)
        actions.check(self._login_action)
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._trace = trace
        self._tls = _tls_context(name, pbx) if pbx.tls else None
        # Nobody can guess it, so no event of a dialplan passes for an item of our lists.
        self._ids = f"hushtape-{secrets.token_hex(8)}"
        self._asked = 0
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether an action can be sent now."""
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

    async def ask(self, action: Mapping[str, str], *, timeout_s: float | None = None) -> Frame:
        """Send an action once and return its answer.

        Raises:
            UnsafeValue: the action can't be sent; nothing was.
            LinkLost: the link is down (nothing was sent), or went down before the answer came.
            AnswerTimeout: no answer in time. Should one come later, it is dropped.
            ActionRefused: the PBX answered with an error.
        """
        return (await self._ask(action, timeout_s, list_limit=0))[0]

    async def ask_list(
        self, action: Mapping[str, str], *, timeout_s: float | None = None
    ) -> list[Frame]:
        """Send an action that is answered by a list, and return the list's items.

        Raises:
            TooBig: the list has more than ``limits.list_items`` items.
            UnsafeValue, LinkLost, AnswerTimeout, ActionRefused: as ``ask``.
        """
        return (await self._ask(action, timeout_s, list_limit=self.limits.list_items))[1:]

    async def _ask(
        self, action: Mapping[str, str], timeout_s: float | None, list_limit: int
    ) -> list[Frame]:
        actions.check(action)
        connection = self._connection
        if connection is None or connection.protocol.closed:
            raise LinkLost(f"there is no link to {self._where}")
        timeout_s = self.limits.answer_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(timeout_s), connection.slots:
                return await self._send(connection, action, list_limit)
        except TimeoutError:
            raise AnswerTimeout(
                f"{self._where} did not answer {action.get('Action')} within {timeout_s:g} s"
            ) from None

    async def _send(
        self, connection: _Connection, action: Mapping[str, str], list_limit: int = 0
    ) -> list[Frame]:
        if connection.protocol.closed:  # while this one waited for its turn
            raise LinkLost(f"there is no link to {self._where}")
        self._asked += 1
        kind = "list" if list_limit else "one"
        ask = Ask(action, f"{self._ids}-{kind}-{self._asked}", list_limit)
        try:
            frames: list[Frame] = await connection.manager.send_action(ask)
        finally:
            connection.protocol.forget(ask.id)
        if not frames[0].succeeded:
            message = frames[0].get("Message", "no reason given")[:MESSAGE_LIMIT]
            what = f"{self._where} refused {action.get('Action')}: {message!r}"
            raise ActionRefused(what, message)
        return frames

    # The life of the link

    async def _run(self) -> None:
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            was_up = False
            try:
                reason, was_up = await self._connect_once()
            except HushtapeError as error:
                reason = error
            except Exception as error:  # the link must outlive a bug in it
                LOG.error("%s: a bug in the link: %s", self._where, described(error))
                reason = LinkLost(f"a bug in the link: {type(error).__name__}")
            await self._went_down(reason, was_up)
            if was_up and asyncio.get_running_loop().time() - began >= self.limits.stable_s:
                attempt = 0
            if isinstance(reason, LoginRefused):
                least, most = self.limits.refused_least_s, self.limits.refused_most_s
                await self._pause(least + (most - least) * self._chance())
            else:
                await self._pause(backoff_s(attempt, self.limits, self._chance))
                attempt += 1

    async def _connect_once(self) -> tuple[HushtapeError, bool]:
        """Live through one connection; return why it ended, and whether it ever was up."""
        connection = await self._open()
        protocol, inbox = connection.protocol, connection.inbox
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._log_in(connection)
            self._connection = connection
            self.state, self.reason = State.UP, None
            tasks = [
                asyncio.create_task(self._consume(inbox, protocol), name=f"events {self.name}"),
                asyncio.create_task(self._ping(connection), name=f"ping {self.name}"),
            ]
            for task in tasks:
                task.add_done_callback(lambda _: protocol.end(LinkLost("a task of it ended")))
            reason = await asyncio.shield(protocol.lost)
            inbox.end()
            await asyncio.wait({tasks[0]}, timeout=self.limits.drain_timeout_s)
            return reason, True
        finally:
            self._connection = None
            protocol.close()
            connection.manager.close()  # its timer
            for task in tasks:
                task.cancel()
            await asyncio.wait({protocol.gone, *tasks}, timeout=self.limits.close_timeout_s)
            if any(not task.done() for task in tasks):
                LOG.error("%s: a handler does not end; going on without it", self._where)

    async def _open(self) -> _Connection:
        loop = asyncio.get_running_loop()
        limits = self.limits

        def protocol_factory() -> SafeProtocol:
            return SafeProtocol(
                clock=self._clock,
                list_ids=f"{self._ids}-list-",
                frame_limit=limits.frame_bytes,
                trace=self._trace,
            )

        manager = Manager(
            host=self._pbx.host,
            port=self._pbx.port,
            loop=loop,
            log=_NO_LOG,
            protocol_factory=protocol_factory,
            ping_delay=NEVER_S,
            ping_interval=NEVER_S,
            reconnect_timeout=NEVER_S,
        )
        try:
            async with asyncio.timeout(limits.connect_timeout_s):
                transport, protocol = await loop.create_connection(
                    protocol_factory, self._pbx.host, self._pbx.port, ssl=self._tls
                )
        except TimeoutError:
            raise Unreachable(
                f"{self._where} did not accept a connection within {limits.connect_timeout_s:g} s"
            ) from None
        except ssl.SSLCertVerificationError as error:
            trusted = self._pbx.tls_ca or "the system's authorities"
            raise Unreachable(
                f"{self._where}: its certificate is not trusted: {error.verify_message} "
                f"(trusted: {trusted})"
            ) from None
        except ssl.SSLError as error:
            raise Unreachable(f"{self._where}: TLS failed: {error.reason}") from None
        except OSError as error:
            raise Unreachable(f"{self._where}: {error.strerror or error}") from None

        inbox = Inbox(limits.waiting_frames, limits.waiting_bytes)

        def take(_manager: Manager, message: Carried) -> None:
            self.heard_at = message.frame.received
            if not inbox.put(message.frame):
                lagging = f"{len(inbox)} events wait to be handled; starting over from the PBX"
                inbox.discard()
                protocol.end(LinkLost(lagging))

        # Not Manager.connect(): it would try again by itself, also after close().
        manager.register_event("*", take)
        made: asyncio.Future[Any] = loop.create_future()
        made.set_result((transport, protocol))
        manager.connection_made(made)
        return _Connection(protocol, manager, inbox, asyncio.Semaphore(limits.actions_under_way))

    async def _log_in(self, connection: _Connection) -> None:
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
            raise LoginRefused(f"{refused} (user {self._pbx.user!r})") from None

    async def _consume(self, inbox: Inbox, protocol: SafeProtocol) -> None:
        failed = await self._guarded("on_up", self._on_up, self.limits.up_timeout_s)
        if failed is not None:
            protocol.end(LinkLost(f"the calls could not be taken over: {failed}"))
            return
        handled = 0
        while (frame := await inbox.take()) is not None:
            handled += 1
            if handled % FAIR_SHARE == 0:
                await asyncio.sleep(0)
            # One call's trouble must not end the link of all: it is logged, the next event comes.
            await self._guarded("on_event", self._on_event, self.limits.handler_timeout_s, frame)

    async def _ping(self, connection: _Connection) -> None:
        while True:
            await asyncio.sleep(self.limits.ping_interval_s)
            try:
                async with asyncio.timeout(self.limits.ping_timeout_s):
                    await self._send(connection, actions.ping())
                self.heard_at = self._clock()
            except TimeoutError:
                silent = f"no answer to a ping within {self.limits.ping_timeout_s:g} s"
                connection.protocol.end(LinkLost(silent))
                return
            except ActionRefused:
                pass  # an answer all the same
            except LinkLost:
                return

    async def _went_down(self, reason: HushtapeError, was_up: bool) -> None:
        before, self.reason = self.reason, reason
        refused = isinstance(reason, LoginRefused)
        news = was_up or before is None or (refused and not isinstance(before, LoginRefused))
        self.state = State.REFUSED if refused else State.DOWN
        if news or str(before) != str(reason):
            level = logging.ERROR if refused else logging.WARNING
            LOG.log(level, "%s: the link is down: %s", self._where, reason)
        if news:
            await self._guarded("on_down", self._on_down, self.limits.handler_timeout_s, reason)

    async def _guarded(
        self, what: str, handler: Callable[..., Awaitable[None]], timeout_s: float, *args: Any
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


def _tls_context(name: str, pbx: Pbx) -> ssl.SSLContext:
    context = ssl.create_default_context()  # verifies the chain and the host's name
    if pbx.tls_ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(cafile=pbx.tls_ca)
        except OSError as error:  # SSLError is one
            raise ConfigError(
                f"pbx.{name}.tls_ca", f"{pbx.tls_ca} can't be used: {error.strerror or error}"
            ) from None
    return context
