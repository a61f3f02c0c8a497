"""The lab's services as the host sees them: Compose, and what the engine says of each container."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
PROJECT = "hushtape-test"
UP_TIMEOUT_S = 900.0  # bases and images are made the first time
DOWN_TIMEOUT_S = 300.0
COMMAND_TIMEOUT_S = 60.0

RUNNING = ("asterisk", "bridge", "redis", "scheduler", "worker")
Says = Callable[[str], None]


@dataclass(frozen=True)
class Composed:
    """The project of a test: its services, and the commands that a person would type."""

    command: Sequence[str]
    environment: dict[str, str]

    def run(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run a command of Compose; return what it printed."""
        done = subprocess.run(
            [*self.command, "-p", PROJECT, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def bytes_of(self, *arguments: str) -> bytes:
        """The same, for sound."""
        done = subprocess.run(
            [*self.command, "-p", PROJECT, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
        )
        return done.stdout

    def watch(
        self, *arguments: str, timeout_s: float, hears: Callable[[str], None]
    ) -> tuple[int, str]:
        """Run a command, and tell each of its lines at once; return its exit code and its text."""
        with self.talking(*arguments) as process:
            assert process.stdout is not None
            over = threading.Timer(timeout_s, process.kill)
            over.start()
            lines = []
            for line in process.stdout:
                lines.append(line)
                hears(line.rstrip("\n"))
            over.cancel()
            return process.wait(), "".join(lines)

    @contextmanager
    def talking(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command that can be spoken to; it is ended with the block."""
        process = subprocess.Popen(
            [*self.command, "-p", PROJECT, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            _close(process.stdin)  # what runs in the container ends by itself then
            with suppress(subprocess.TimeoutExpired):
                process.wait(COMMAND_TIMEOUT_S)
            process.terminate()
            _close(process.stdout)
            process.wait(COMMAND_TIMEOUT_S)

    def docker(self, *arguments: str) -> str:
        """Ask the engine itself."""
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine says of each container that runs, by its service."""
        ours = ["--filter", f"label=com.docker.compose.project={PROJECT}"]
        lasting = ["--filter", "label=com.docker.compose.oneoff=False"]
        ids = self.docker("ps", "--quiet", *ours, *lasting)
        if not ids:
            return {}
        found = json.loads(self.docker("inspect", *ids.split()))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def left(self) -> dict[str, list[str]]:
        """What there is of the project: containers, volumes and networks."""
        ours = ["--filter", f"label=com.docker.compose.project={PROJECT}"]
        return {
            "containers": self.docker("ps", "--all", "--quiet", *ours).split(),
            "volumes": self.docker("volume", "ls", "--quiet", *ours).split(),
            "networks": self.docker("network", "ls", "--quiet", *ours).split(),
        }


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        pipe.close()
