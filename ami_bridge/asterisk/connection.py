"""One connection to an Asterisk: TCP, TLS, and a panoramisk ``Manager`` of its own, which neither
reconnects nor pings nor logs.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from panoramisk import Manager

from ami_bridge.asterisk.inbox import Inbox
from ami_bridge.asterisk.limits import NEVER_S, Limits
from ami_bridge.asterisk.protocol import Carried, SafeProtocol
from hushtape.config import Pbx
from hushtape.errors import ConfigError, LinkLost, Unreachable

# panoramisk writes whole actions to its log, the login among them, so it gets one that keeps none.
_NO_LOG = logging.getLogger(f"{__name__}.panoramisk")
_NO_LOG.addFilter(lambda _: False)


@dataclass(slots=True, eq=False)
class Connection:
    """One connection, for its whole life."""

    protocol: SafeProtocol
    manager: Manager
    inbox: Inbox
    slots: asyncio.Semaphore  # for actions under way
    answered_s: float  # when the PBX last answered an action: the event loop's time
    listening: bool = False  # its owner has caught up with what lives on the PBX
    slow: bool = False  # its last answer took longer than it should

    def answered(self, asked_s: float, now_s: float, slow_s: float) -> bool:
        """Note an answer; tell whether it is news that answers are slow, or quick again."""
        self.answered_s = now_s
        before, self.slow = self.slow, now_s - asked_s > slow_s
        return self.slow is not before


class Opener:
    """Makes the connections of one link.

    Args:
        name: the PBX's name in the configuration.
        make_protocol: makes the protocol of a new connection.

    Raises:
        ConfigError: the file of authorities can't be used.
    """

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        limits: Limits,
        make_protocol: Callable[[], SafeProtocol],
    ) -> None:
        self.where = f"{name} ({pbx.host}:{pbx.port})"
        self._pbx = pbx
        self._limits = limits
        self._make_protocol = make_protocol
        self._tls = _tls_context(name, pbx) if pbx.tls else None

    async def open(self) -> Connection:
        """Connect.

        Raises:
            Unreachable: nobody accepts, or it isn't who it should be.
        """
        loop = asyncio.get_running_loop()
        limits = self._limits
        transport, protocol = await self._connect()
        inbox = Inbox(limits.waiting_frames, limits.waiting_bytes)

        def take(_manager: Manager, message: Carried) -> None:
            if not inbox.put(message.frame):
                lagging = f"{len(inbox)} events wait to be handled; starting over from the PBX"
                inbox.discard()
                protocol.end(LinkLost(lagging))

        manager = Manager(
            host=self._pbx.host,
            port=self._pbx.port,
            loop=loop,
            log=_NO_LOG,
            protocol_factory=self._make_protocol,
            ping_delay=NEVER_S,
            ping_interval=NEVER_S,
            reconnect_timeout=NEVER_S,
        )
        # Not Manager.connect(): it would try again by itself, also after close().
        manager.register_event("*", take)
        made: asyncio.Future[Any] = loop.create_future()
        made.set_result((transport, protocol))
        manager.connection_made(made)
        slots = asyncio.Semaphore(limits.actions_under_way)
        return Connection(protocol, manager, inbox, slots, answered_s=loop.time())

    async def _connect(self) -> tuple[asyncio.Transport, SafeProtocol]:
        timeout_s = self._limits.connect_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().create_connection(
                    self._make_protocol, self._pbx.host, self._pbx.port, ssl=self._tls
                )
        except TimeoutError:
            raise Unreachable(
                f"{self.where} did not accept a connection within {timeout_s:g} s"
            ) from None
        except ssl.SSLCertVerificationError as error:
            trusted = self._pbx.tls_ca or "the system's authorities"
            raise Unreachable(
                f"{self.where}: its certificate is not trusted: {error.verify_message} "
                f"(trusted: {trusted})"
            ) from None
        except ssl.SSLError as error:
            raise Unreachable(f"{self.where}: TLS failed: {error.reason}") from None
        except OSError as error:
            raise Unreachable(f"{self.where}: {error.strerror or error}") from None


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
