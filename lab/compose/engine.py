"""A Docker engine for a while: the one that DOCKER_HOST names, or one of our own.

Its data, its socket and its bridge are its own; when it ends nothing of it is left. It needs root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab import machine, processes
from lab.machine import Say
from lab.waiting import LabTimeoutError, until

PACKAGES = ("docker.io", "docker-compose", "debootstrap")
START_TIMEOUT_S = 60.0
STOP_GRACE_S = 30.0
COMMAND_TIMEOUT_S = 30.0
BRIDGE = "hushtape-lab0"  # at most 15 letters
BRIDGE_ADDRESS = "172.31.251.1/24"
POOL = "base=172.31.252.0/22,size=26"  # of the networks that Compose makes


class NoEngineError(RuntimeError):
    """No engine can run here; the message says why."""


@contextlib.contextmanager
def running(say: Say) -> Iterator[dict[str, str]]:
    """Have an engine; yield the environment in which `docker` and Compose use it.

    Raises:
        NoEngineError: none can be had.
    """
    if os.environ.get("DOCKER_HOST"):
        yield dict(os.environ)
        return
    _install(say)
    folder = Path(tempfile.mkdtemp(prefix="hushtape-engine-"))
    try:
        with _bridge(), _started(folder) as environment:
            yield environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compose_command(environment: dict[str, str]) -> list[str]:
    """What Compose is called here: `docker compose`, or `docker-compose`.

    Raises:
        NoEngineError: it isn't installed.
    """
    for command in (["docker", "compose"], ["docker-compose"]):
        if _succeeds([*command, "version"], environment):
            return command
    raise NoEngineError("Compose isn't installed: apt-get install docker-compose")


def _install(say: Say) -> None:
    if os.geteuid() != 0:
        raise NoEngineError("an engine is started as root")
    if not shutil.which("ip"):
        raise NoEngineError("there is no `ip`: apt-get install iproute2")
    missing = [each for each in PACKAGES if not _is_there(each)]
    if not missing:
        return
    try:
        machine.install_packages(missing, say)
    except machine.MachineError as error:
        raise NoEngineError(str(error)) from None


def _is_there(package: str) -> bool:
    if package == "docker-compose" and _succeeds(["docker", "compose", "version"], {**os.environ}):
        return True
    return bool(_program({"docker.io": "dockerd"}.get(package, package)))


def _program(name: str) -> str | None:
    # Those of administrators are not on everybody's PATH.
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


@contextlib.contextmanager
def _bridge() -> Iterator[None]:
    """A bridge of its own, beside that of an engine that may run here."""
    steps = (
        ["ip", "link", "add", BRIDGE, "type", "bridge"],
        ["ip", "address", "add", BRIDGE_ADDRESS, "dev", BRIDGE],
        ["ip", "link", "set", BRIDGE, "up"],
    )
    environment = dict(os.environ)
    try:
        if not all(_succeeds(step, environment) for step in steps):
            raise NoEngineError("this machine lets nobody make a network bridge")
        yield
    finally:
        _succeeds(["ip", "link", "delete", BRIDGE], environment)


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[dict[str, str]]:
    socket = f"unix://{folder}/docker.sock"
    dockerd = (
        shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/sbin") or "dockerd"
    )
    command = [dockerd, "--host", socket, "--bridge", BRIDGE, "--default-address-pool", POOL]
    command += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["--pidfile", str(folder / "docker.pid"), "--config-file", str(folder / "none.json")]
    (folder / "none.json").write_text("{}", encoding="ascii")
    environment = {**os.environ, "DOCKER_HOST": socket}
    log = folder / "log"
    process = processes.spawn(command, log)

    def answers() -> bool:
        if process.poll() is not None:
            raise NoEngineError(f"dockerd ended at once: {_last_line(log)}")
        return _succeeds(["docker", "info"], environment)

    try:
        try:
            until("dockerd answers", answers, START_TIMEOUT_S, poll_s=0.5)
        except LabTimeoutError as error:
            raise NoEngineError(f"{error}: {_last_line(log)}") from None
        yield environment
    finally:
        processes.end([process], STOP_GRACE_S)


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
