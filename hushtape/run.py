"""``hushtape run``: everything on one machine, each part a process of its own.

A part that dies is started again, after a pause that doubles; one that says that its configuration
is wrong (exit code 2) ends the whole, because no restart mends it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from hushtape.config import Config
from hushtape.errors import ConfigError, Unreachable

CONFIG_EXIT_CODE = 2
LOOK_INTERVAL_S = 0.2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0  # a part that ran this long starts again with the first pause
STOP_TIMEOUT_S = 120.0  # longer than the longest job is expected to take
REDIS_TIMEOUT_S = 20.0

log = structlog.get_logger()


@dataclass(slots=True)
class Part:
    """One process that is kept running."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at_s: float = 0.0
    start_again_at_s: float = 0.0
    pause_s: float = field(default=FIRST_PAUSE_S)

    def start(self) -> None:
        """Start the process, in a group of its own: Ctrl-C is for us to pass on."""
        self.process = subprocess.Popen(self.command, process_group=0)
        self.started_at_s = time.monotonic()

    def look(self) -> None:
        """Start the process again if it died and its pause is over.

        Raises:
            ConfigError: it ended because the configuration is wrong.
        """
        now_s = time.monotonic()
        if self.process is None:
            if now_s >= self.start_again_at_s:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        if code == CONFIG_EXIT_CODE:
            raise ConfigError(self.name, "could not start with this configuration: see above")
        if now_s - self.started_at_s > STEADY_AFTER_S:
            self.pause_s = FIRST_PAUSE_S
        log.error("part ended", part=self.name, exit_code=code, again_in_s=self.pause_s)
        self.process = None
        self.start_again_at_s = now_s + self.pause_s
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)

    def stop(self) -> None:
        """End the process: asked first, then killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            log.error("part doesn't end: killed", part=self.name)
            self.process.kill()
            self.process.wait()


def run(config: Config, config_path: Path, options: list[str]) -> None:
    """Keep bridge, worker and scheduler running until SIGTERM or SIGINT.

    SIGHUP is for the bridge: it reads the policies again.

    Args:
        config_path: the file that the parts read.
        options: what every part is told beside it, such as ``--json-logs``.
    """
    ended = threading.Event()
    read_again = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    signal.signal(signal.SIGHUP, lambda *_: read_again.set())
    parts = []
    if not config.redis.url:
        socket = str(config.redis_socket_path)
        parts.append(Part("redis", [sys.executable, "-m", "hushtape.embedded_redis", socket]))
    for name in ("worker", "scheduler", "bridge"):
        command = [sys.executable, "-m", "hushtape", name, "--config", str(config_path), *options]
        parts.append(Part(name, command))
    log.info("running", parts=[part.name for part in parts], config=str(config_path))
    try:
        for part in parts:
            part.start()
            if part.name == "redis":
                _await(part, config.redis_socket_path.exists, ended)
        while not ended.wait(LOOK_INTERVAL_S):
            for part in parts:
                part.look()
            if read_again.is_set():
                read_again.clear()
                _read_again(parts)
    finally:
        log.info("ending")
        for part in reversed(parts):
            part.stop()


def _read_again(parts: list[Part]) -> None:
    """Let the bridge read the policies again; one that is about to start reads them anyway."""
    for part in parts:
        if part.name == "bridge" and part.process is not None and part.process.poll() is None:
            part.process.send_signal(signal.SIGHUP)


def _await(part: Part, ready: Callable[[], bool], ended: threading.Event) -> None:
    deadline_s = time.monotonic() + REDIS_TIMEOUT_S
    # It must be this one that is ready: another's socket may lie there, and in use.
    while not ended.wait(LOOK_INTERVAL_S):
        if part.process is not None and part.process.poll() is not None:
            raise Unreachable("the embedded Redis doesn't start: see the lines above")
        if ready():
            return
        if time.monotonic() > deadline_s:
            raise Unreachable("the embedded Redis doesn't listen: see the lines above")
