"""The API's sockets: HTTP/1.1, one request a connection, on threads of their own.

Whoever sends too much, too slowly or too often is cut off; the bridge's loop sees none of it.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit

import structlog

from ami_bridge.desktop.api import BODY_MAX_BYTES, Api, Refused, Reply, Request, plain
from ami_bridge.desktop.desk import Desk
from hushtape import doors
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Config
from hushtape.config_doors import Api as Settings
from hushtape.errors import ConfigError

CONNECTIONS_MAX = 64
READ_WITHIN_S = 5.0  # a whole request, with the agreement on TLS
WRITE_WITHIN_S = 5.0
LINGER_S = 1.0
HEAD_MAX_BYTES = 8192
POLL_S = 0.1  # how soon the end is noticed

log = structlog.get_logger()


class _TooLong(OSError):
    """More bytes came than a request may have."""


class _Bounded(io.RawIOBase):
    """Reads from a socket: so many bytes, until then, and no more."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._left_bytes = HEAD_MAX_BYTES + BODY_MAX_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there.

        Raises:
            TimeoutError: the time is over.
            _TooLong: there is more than was allowed.
        """
        if self._left_bytes <= 0:
            raise _TooLong
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        with memoryview(buffer) as view:
            count = self._connection.recv_into(view[: self._left_bytes])
        self._left_bytes -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: ApiServer
    command = ""  # where not even the first line could be read
    requestline = ""

    def setup(self) -> None:
        """Read within bounds."""
        self.connection = self.request
        deadline_s = time.monotonic() + READ_WITHIN_S
        self.connection.settimeout(READ_WITHIN_S)
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()
        self.rfile = io.BufferedReader(_Bounded(self.connection, deadline_s))
        self.wfile = io.BufferedWriter(self.connection.makefile("wb", buffering=0))

    def handle(self) -> None:
        """Answer one request, and be done."""
        # Whoever asked may be gone, or too slow.
        with suppress(ConnectionError, TimeoutError):
            try:
                self.raw_requestline = self.rfile.readline()
                if self.raw_requestline and self.parse_request():
                    self._answer()
            except _TooLong:
                self._send(plain(431, "the request is too long"))
            self._linger()

    def _answer(self) -> None:
        try:
            request = self._head()
            who, asked = self.server.api.admit(request)
            body = self.rfile.read(request.length or 0)
            if len(body) == (request.length or 0):  # or it has hung up in the middle
                self._send(self.server.api.answer(who, asked, request, body))
        except Refused as refused:
            self._send(refused.reply)

    def _linger(self) -> None:
        """Read what nobody wanted: a connection closed over it would take the answer along."""
        self.connection.shutdown(socket.SHUT_WR)
        deadline_s = time.monotonic() + LINGER_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            self.connection.settimeout(left_s)
            if not self.connection.recv(HEAD_MAX_BYTES):
                return

    def _head(self) -> Request:
        lengths = self.headers.get_all("Content-Length", [])
        tokens = self.headers.get_all("Authorization", [])
        if "Transfer-Encoding" in self.headers:
            raise Refused(411, "Content-Length is needed, not Transfer-Encoding")
        right = [each for each in lengths if each.isascii() and each.isdecimal() and len(each) < 10]
        if len(lengths) > 1 or len(right) != len(lengths):
            raise Refused(400, "Content-Length is wrong")
        try:
            parts = urlsplit(self.path)
        except ValueError:
            raise Refused(400, "the address is wrong") from None
        return Request(
            method=self.command,
            path=parts.path,
            query=parts.query,
            authorization=tokens[0] if len(tokens) == 1 else "",
            length=int(lengths[0]) if lengths else None,
        )

    def handle_expect_100(self) -> bool:
        """Let the body come only where it will be read."""
        try:
            self.server.api.admit(self._head())
        except Refused as refused:
            self._send(refused.reply)
            return False
        return super().handle_expect_100()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say in our own way what the library found wrong."""
        self._send(plain(int(code), "no valid request"))

    def _send(self, reply: Reply) -> None:
        self.connection.settimeout(WRITE_WITHIN_S)
        self.request_version = self.protocol_version  # to an older one no head would be sent
        self.send_response(reply.status)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(reply.body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            **reply.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def version_string(self) -> str:
        """Tell nothing of what is inside."""
        return "hushtape"

    def log_message(self, *_: Any) -> None:
        """Log nothing: api.py does, without numbers."""


class ApiServer(ThreadingMixIn, TCPServer):
    """Listens, with a thread for each connection, and no more than so many."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, settings: Settings, api: Api, tls: ssl.SSLContext | None) -> None:
        self.api = api
        self._tls = tls
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        if ipaddress.ip_address(settings.listen).version == 6:
            self.address_family = socket.AF_INET6
        super().__init__((settings.listen, settings.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, if one is left."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be had
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection on its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Agree on TLS here, where nobody else waits for it."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        wrapped = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        with wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong with one connection, without an address and without a traceback."""
        error = sys.exception()
        if isinstance(error, OSError):  # a TLS that failed, a time that was over
            log.debug("a desktop's connection failed", why=type(error).__name__)
        else:
            raise_alarm(Kind.PROGRAM, "a bug in the API", exc_info=error)


def tls_context(settings: Settings, where: str) -> ssl.SSLContext | None:
    """Read the certificate; None: without TLS.

    Raises:
        ConfigError: certificate or key can't be used.
    """
    if not settings.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: api.tls_cert", f"can't be used: {error}") from None
    return context


class ApiDoor:
    """The API of a configuration: all that can be wrong with it is found before the bridge runs.

    Raises:
        ConfigError: a token or the certificate can't be used.
    """

    def __init__(self, config: Config, where: str) -> None:
        self._settings = config.api
        self._tokens = doors.tokens(config, where)
        self._tls = tls_context(config.api, where) if config.api.port else None

    @asynccontextmanager
    async def open(self, desk: Desk) -> AsyncIterator[None]:
        """Serve, on whose loop this is, as long as this lasts; without a port nothing happens."""
        if not self._settings.port:
            yield
            return
        api = Api(desk, asyncio.get_running_loop(), self._tokens)
        server = serve(self._settings, api, self._tls)
        try:
            yield
        finally:
            await asyncio.to_thread(stop, server)


def serve(settings: Settings, api: Api, tls: ssl.SSLContext | None) -> ApiServer | None:
    """Listen on a thread of its own.

    Returns:
        The server, for ``stop``; None: the port can't be had, which is an alarm, and no reason not
        to record.
    """
    try:
        server = ApiServer(settings, api, tls)
    except OSError as error:
        why = error.strerror or str(error)
        place = f"{settings.listen}:{settings.port}"
        raise_alarm(Kind.PROGRAM, f"the API can't be served at {place}: {why}")
        return None
    threading.Thread(target=server.serve_forever, args=(POLL_S,), name="api", daemon=True).start()
    log.info("the API is served", listen=settings.listen, port=settings.port, tls=tls is not None)
    return server


def stop(server: ApiServer | None) -> None:
    """End what ``serve`` has started. It blocks for a moment: not on the bridge's loop."""
    if server is not None:
        server.shutdown()
        server.server_close()
