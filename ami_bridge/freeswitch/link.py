"""The link to one FreeSWITCH. What its owner can rely on is said in ``ami_bridge.link``.

Every command is a ``bgapi`` with a Job-UUID of our own. FreeSWITCH carries out one connection's
``api`` commands one after the other, and tells no event meanwhile: a recorder's file on a disk that
hangs would hold up the stop of every other (run: behind ``api msleep 2000`` the next answer took
2.0 s, behind ``bgapi msleep 2000`` 3 ms). As jobs they are side by side, and one that hangs costs
nobody but itself its timeout. What is paid for it: an answer takes 1.2 ms instead of 0.1 ms; and
FreeSWITCH may begin jobs in another order than they were sent in. Whoever needs an order awaits the
first answer before the next question. A start that wasn't answered may still take place after a
later stop: its RECORD_START tells.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime

from ami_bridge.freeswitch.connection import EslConnection
from ami_bridge.freeswitch.esl import JOB, JOB_ID, Frame, Message
from ami_bridge.freeswitch.limits import Limits
from ami_bridge.freeswitch.safe_esl import checked
from ami_bridge.freeswitch.trace import Trace
from ami_bridge.link import BaseLink, Turn
from hushtape.config import Pbx
from hushtape.errors import (
    ActionRefused,
    HushtapeError,
    LinkLost,
    LoginRefused,
    Unreachable,
)

MESSAGE_LIMIT = 200
"""Characters of a PBX's error message that are kept."""
PING = "hostname"
REFUSALS = ("-ERR", "-USAGE")


class Link(BaseLink[EslConnection, Message]):
    """The link to one FreeSWITCH.

    Args:
        name: the PBX's name in the configuration.
        pbx: where it is.
        password: its event socket's.
        on_event, on_up, on_down, limits, clock, chance, pause, turn: see ``BaseLink``.
        events: the names of the events to ask for, without ``CUSTOM``.
        subclasses: those of the ``CUSTOM`` ones.
        headers: the headers that are kept of an event, beside its name and time; nothing else of
            it is even decoded. Left out: all of them.
        trace: keeps what the PBX says.

    Raises:
        UnsafeValue: the password can't be sent.
    """

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        on_event: Callable[[Message], Awaitable[None]],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[HushtapeError], Awaitable[None]],
        *,
        events: Sequence[str],
        subclasses: Sequence[str] = (),
        headers: Collection[str] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        trace: Trace | None = None,
        turn: Turn | None = None,
    ) -> None:
        self.limits = limits or Limits()
        super().__init__(
            name,
            f"{name} ({pbx.host}:{pbx.port})",
            on_event,
            on_up,
            on_down,
            limits=self.limits,
            clock=clock,
            chance=chance,
            pause=pause,
            turn=turn,
        )
        checked(password, {})
        self._pbx = pbx
        self._password = password
        self._headers = headers
        self._trace = trace
        custom = ("CUSTOM", *subclasses) if subclasses else ()
        self._subscription = " ".join(("event plain", JOB, *events, *custom))
        # Nobody can guess it, so no event of a dialplan passes for an answer.
        self._ids = f"hushtape-{secrets.token_hex(8)}"
        self._asked = 0

    async def api(
        self, command: str, timeout_s: float | None = None, *, out_of_turn: bool = False
    ) -> str:
        """Have an api command carried out once, and return what it said, without its last line end.

        Args:
            command: such as ``uuid_getvar UUID NAME``.
            timeout_s: left out: ``limits.answer_timeout_s``.
            out_of_turn: also while another bridge serves the PBX. For finding out who does.

        Raises:
            UnsafeValue: a line break or NUL is in it; nothing was sent.
            LeaseLost: it isn't this bridge's turn; nothing was sent.
            LinkLost: the link is down (nothing was sent), or went down before the answer came.
            AnswerTimeout: no answer in time. Should one come later, it is dropped.
            ActionRefused: the PBX said ``-ERR`` or ``-USAGE``; ``answer`` is what it said.
        """
        checked(command, {})
        return await self._carried_out(
            command.partition(" ")[0],
            timeout_s,
            lambda connection: self._ask(connection, command),
            out_of_turn=out_of_turn,
        )

    async def get_global(self, name: str) -> str:
        """Read a variable of the whole PBX, whoever serves it. Raises what ``api`` does."""
        return await self.api(f"global_getvar {name}", out_of_turn=True)

    async def set_global(self, name: str, value: str) -> None:
        """Set a variable of the whole PBX, whoever serves it. Raises what ``api`` does."""
        await self.api(f"global_setvar {name}={value}", out_of_turn=True)

    async def _ask(self, connection: EslConnection, command: str) -> str:
        said = await self._timed(connection, lambda: self._exchange(connection, command))
        said = said.removesuffix("\n")
        if said.startswith(REFUSALS):
            what = f"{self._where} refused {command.partition(' ')[0]}: {said[:MESSAGE_LIMIT]!r}"
            raise ActionRefused(what, said[:MESSAGE_LIMIT])
        return said

    async def _exchange(self, connection: EslConnection, command: str) -> str:
        self._asked += 1
        job_id = f"{self._ids}-{self._asked}"
        job: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection.jobs[job_id] = job
        try:
            begun = await connection.send(f"bgapi {command}", {JOB_ID: job_id})
            if (refusal := _refusal(begun)) is not None:
                return refusal
            if begun.headers.get(JOB_ID) != job_id:
                lost = LinkLost("the PBX's answers aren't those to our questions")
                connection.end(lost)
                raise lost
            return await job
        finally:
            connection.jobs.pop(job_id, None)
            if job.done() and not job.cancelled():
                job.exception()  # seen

    # What FreeSWITCH does in its own way

    async def _open(self) -> EslConnection:
        host, port = self._pbx.host, self._pbx.port
        loop = asyncio.get_running_loop()
        timeout_s = self.limits.connect_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                # Not in the hub, where a name server that is silent would stop everything.
                found = await loop.getaddrinfo(
                    host, port, family=socket.AF_INET, type=socket.SOCK_STREAM
                )
        except TimeoutError:
            raise Unreachable(
                f"{self._where}: its address could not be looked up within {timeout_s:g} s"
            ) from None
        except OSError as error:
            raise Unreachable(
                f"{self._where}: has no IPv4 address: {error.strerror or error}"
            ) from None
        return EslConnection(
            self.name,
            str(found[0][4][0]),
            port,
            self._password,
            self.limits,
            headers=self._headers,
            clock=self._clock,
            trace=self._trace,
        )

    async def _log_in(self, connection: EslConnection) -> None:
        timeout_s = self.limits.connect_timeout_s + self.limits.login_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(connection.login)
                answer = await connection.send(self._subscription)
        except LoginRefused as error:
            raise LoginRefused(f"{self._where} {error}") from None
        except Unreachable as error:
            raise Unreachable(f"{self._where}: {error}") from None
        except TimeoutError:
            raise Unreachable(f"{self._where} did not log us in within {timeout_s:g} s") from None
        if (refusal := _refusal(answer)) is not None:
            raise LoginRefused(f"{self._where} tells no events: {refusal[:MESSAGE_LIMIT]!r}")

    async def _ask_for_life(self, connection: EslConnection) -> None:
        await self._ask(connection, PING)


def _refusal(answer: Frame) -> str | None:
    """Return what a PBX said that doesn't do what it was told."""
    said = answer.headers.get("Reply-Text", "")
    return None if said.startswith("+OK") else said or "-ERR no reason given"
