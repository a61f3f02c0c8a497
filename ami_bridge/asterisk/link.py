"""The link to one Asterisk. What its owner can rely on is said in ``ami_bridge.link``."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.connection import AmiConnection, Opener
from ami_bridge.asterisk.limits import Limits
from ami_bridge.asterisk.protocol import Ask, Frame, SafeProtocol
from ami_bridge.asterisk.trace import Trace
from ami_bridge.link import BaseLink, Turn
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, HushtapeError, LinkLost, LoginRefused, Unreachable

MESSAGE_LIMIT = 200
"""Characters of a PBX's error message that are kept."""


class Link(BaseLink[AmiConnection, Frame]):
    """The link to one Asterisk.

    Args:
        name: the PBX's name in the configuration.
        pbx: where it is.
        password: its account's.
        on_event, on_up, on_down, limits, clock, chance, pause, turn: see ``BaseLink``.
        events: the event classes to ask for, ``on`` for all.
        trace: keeps what the PBX says.
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
        self.limits = limits or Limits()
        self._opener = Opener(name, pbx, self.limits, self._make_protocol)
        super().__init__(
            name,
            self._opener.where,
            on_event,
            on_up,
            on_down,
            limits=self.limits,
            clock=clock,
            chance=chance,
            pause=pause,
            turn=turn,
        )
        self._on_keys = on_keys
        self._user = pbx.user
        self._login_action = actions.login(pbx.user, password, events)
        actions.check(self._login_action)
        self._trace = trace
        # Nobody can guess it, so no event of a dialplan passes for an item of our lists.
        self._ids = f"hushtape-{secrets.token_hex(8)}"
        self._asked = 0

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

    async def get_global(self, name: str) -> str:
        """Read a variable of the whole PBX, whoever serves it. Raises what ``ask`` does."""
        return (await self.ask(actions.get_global(name), out_of_turn=True)).get("Value", "")

    async def set_global(self, name: str, value: str) -> None:
        """Set a variable of the whole PBX, whoever serves it. Raises what ``ask`` does."""
        await self.ask(actions.set_global(name, value), out_of_turn=True)

    async def _ask(
        self,
        action: Mapping[str, str],
        timeout_s: float | None,
        list_limit: int,
        *,
        out_of_turn: bool,
    ) -> list[Frame]:
        actions.check(action)
        return await self._carried_out(
            action.get("Action", ""),
            timeout_s,
            lambda connection: self._send(connection, action, list_limit),
            out_of_turn=out_of_turn,
        )

    async def _send(
        self, connection: AmiConnection, action: Mapping[str, str], list_limit: int = 0
    ) -> list[Frame]:
        unsent = connection.protocol.transport.get_write_buffer_size()
        if unsent > self.limits.unsent_bytes:
            connection.end(LinkLost(f"the PBX reads nothing: {unsent} bytes wait to be sent"))
        frames = await self._timed(
            connection, lambda: self._exchange(connection, action, list_limit)
        )
        if not frames[0].succeeded:
            message = frames[0].get("Message", "no reason given")[:MESSAGE_LIMIT]
            what = f"{self._where} refused {action.get('Action')}: {message!r}"
            raise ActionRefused(what, message)
        return frames

    async def _exchange(
        self, connection: AmiConnection, action: Mapping[str, str], list_limit: int
    ) -> list[Frame]:
        self._asked += 1
        kind = "list" if list_limit else "one"
        ask = Ask(action, f"{self._ids}-{kind}-{self._asked}", list_limit)
        try:
            frames: list[Frame] = await connection.manager.send_action(ask)
        finally:
            connection.protocol.forget(ask.id)
        return frames

    async def _open(self) -> AmiConnection:
        return await self._opener.open()

    def _make_protocol(self) -> SafeProtocol:
        return SafeProtocol(
            clock=self._clock,
            list_ids=f"{self._ids}-list-",
            own_ids=self._ids,
            frame_limit=self.limits.frame_bytes,
            trace=self._trace,
            on_keys=self._on_keys,
        )

    async def _log_in(self, connection: AmiConnection) -> None:
        timeout_s = self.limits.login_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                # The password goes only to what greets like a manager interface.
                await asyncio.shield(connection.protocol.greeted)
                if connection.closed:
                    raise await asyncio.shield(connection.lost)
                await self._send(connection, self._login_action)
        except TimeoutError:
            raise Unreachable(f"{self._where} did not log us in within {timeout_s:g} s") from None
        except ActionRefused as refused:
            raise LoginRefused(f"{refused} (user {self._user!r})") from None

    async def _ask_for_life(self, connection: AmiConnection) -> None:
        await self._send(connection, actions.ping())
