"""One connection to an Asterisk: TCP, TLS, and a panoramisk ``Manager`` of its own, which neither
reconnects nor pings nor logs.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from panoramisk import Manager

from ami_bridge.asterisk.limits import NEVER_S, Limits
from ami_bridge.asterisk.protocol import Frame, SafeProtocol
from ami_bridge.inbox import Inbox
from ami_bridge.link import Connection
from hushtape.config import Pbx
from hushtape.errors import ConfigError, HushtapeError, Unreachable, Untrusted

# panoramisk writes whole actions to its log, the login among them, so it gets one that keeps none.
_NO_LOG = logging.getLogger(f"{__name__}.panoramisk")
_NO_LOG.addFilter(lambda _: False)


class AmiConnection(Connection[Frame]):
    """One connection, for its whole life."""

    def __init__(
        self, protocol: SafeProtocol, manager: Manager, inbox: Inbox[Frame], limits: Limits
    ) -> None:
        super().__init__(inbox, limits)
        self.protocol = protocol
        self.manager = manager

    @property
    def lost(self) -> asyncio.Future[HushtapeError]:
        """Gets the reason when it is over."""
        return self.protocol.lost

    @property
    def gone(self) -> asyncio.Future[None]:
        """Is done when the socket is closed."""
        return self.protocol.gone

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self.protocol.closed

    def end(self, reason: HushtapeError) -> None:
        """End it, once: everybody who waits gets ``LinkLost``."""
        self.protocol.end(reason)

    def close(self) -> None:
        """End it from our side, panoramisk's timer included."""
        self.protocol.close()
        self.manager.close()


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

    async def open(self) -> AmiConnection:
        """Connect.

        Raises:
            Unreachable: nobody accepts, or it isn't who it should be.
        """
        loop = asyncio.get_running_loop()
        limits = self._limits
        transport, protocol = await self._connect()
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
        inbox: Inbox[Frame] = Inbox(limits.waiting_frames, limits.waiting_bytes)
        connection = AmiConnection(protocol, manager, inbox, limits)
        manager.register_event("*", lambda _manager, carried: connection.put(carried.frame))
        made: asyncio.Future[Any] = loop.create_future()
        made.set_result((transport, protocol))
        manager.connection_made(made)
        return connection

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
            raise Untrusted(
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
