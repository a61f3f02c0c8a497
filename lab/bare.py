"""A machine of its own with a plain Asterisk, for what an administrator types as root.

It is a copy of this machine in memory, in namespaces of its own (files, processes, network), with
its own systemd. Nothing that is done there is left when it ends. It needs root, and a systemd on
this machine; no virtual machine and no Docker.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import machine, processes
from lab.lifetime import Lifetime
from lab.waiting import LabTimeoutError, until

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("bare.sh")
SYSTEMD = Path("/lib/systemd/systemd")
CGROUPS = [Path("/sys/fs/cgroup"), *(Path("/sys/fs/cgroup") / x for x in ("systemd", "unified"))]

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 300
PROBE_TIMEOUT_S = 10
SPACES = ("--mount", "--pid", "--ipc", "--uts", "--cgroup")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
}
# What lets programs reach package registries from here is let through.
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE")


class BareMachine(Lifetime):
    """Such a machine. Its commands are run as root, in the folder of the repository."""

    def __init__(self) -> None:
        home = machine.ready()
        if why := impossible(home):
            raise machine.MachineError(why)
        assert home.root is not None
        self._asterisk = home.root
        self._folder = Path(tempfile.mkdtemp(prefix="hushtape-bare-"))
        self._log = self._folder.with_name(f"{self._folder.name}.log")
        self._process: processes.Process | None = None
        self._first = 0  # its systemd, as this machine numbers it

    def start(self) -> None:
        """Start it, and wait until its systemd and its Asterisk are up."""
        script = [str(SCRIPT), str(self._folder), str(self._asterisk), str(ROOT)]
        spaces = [*SPACES, "--net", "--fork", "--kill-child"]
        # Into a control group of its own, which the new namespace takes for all there is.
        enter = 'for group; do [ "$group" = -- ] && break; echo $$ >"$group/cgroup.procs"; done; '
        shift = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
        groups = self._control_groups()
        for group in groups:
            group.mkdir()
        command = ["sh", "-c", enter + shift, "sh", *map(str, groups), "--"]
        self._process = processes.spawn(
            [*command, "unshare", *spaces, "sh", *script], self._log, env=ENVIRONMENT
        )
        until("the bare machine boots", self._is_up, START_TIMEOUT_S)
        self.run("systemctl enable --quiet --now asterisk")
        self.run("until asterisk -rx 'core waitfullybooted' >/dev/null 2>&1; do sleep 0.1; done")

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the bare machine ended at once:\n{self._log.read_text()[-2000:]}")
        if not self._first:
            task = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            with contextlib.suppress(OSError, ValueError, IndexError):
                child = int(task.read_text().split()[0])
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    self._first = child
            return False
        return self.ask("systemctl is-active --quiet basic.target").returncode == 0

    def stop(self) -> None:
        """End it with all that runs in it."""
        if self._process is not None:
            # Its systemd heeds no polite signal: with it everything in its namespace ends.
            processes.end([self._process], grace_s=0.0, politely=False)
            self._process = None

    def remove(self) -> None:
        """End it; what was written there is gone."""
        self.stop()
        with contextlib.suppress(LabTimeoutError):
            until("its control groups are empty", self._groups_are_gone, STOP_TIMEOUT_S)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    def ask(
        self, command: str, *, outward: bool = False, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the shell there; output and errors come in one piece.

        Args:
            outward: it may use this machine's network, for instance to install something.
        """
        spaces = [*SPACES, *(() if outward else ("--net",))]
        passed_on = {k: v for k, v in os.environ.items() if k.startswith(PASSED_ON)}
        enter = ["nsenter", f"--target={self._first}", *spaces, "--root", f"--wdns={ROOT}"]
        return subprocess.run(
            [*enter, "bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=ENVIRONMENT | passed_on,
        )

    def run(self, command: str, *, outward: bool = False) -> str:
        """Run a command of the shell there and return what it printed; it must succeed."""
        done = self.ask(command, outward=outward)
        if done.returncode:
            raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def _groups_are_gone(self) -> bool:
        """Remove what is empty of them; the last process takes a moment to be gone."""
        groups = self._control_groups()
        for group in groups:
            for each in sorted(group.glob("**/"), reverse=True):
                with contextlib.suppress(OSError):
                    each.rmdir()
        return not any(group.exists() for group in groups)

    def here(self, there: str) -> Path:
        """The path, on this machine, of a file there."""
        return Path(f"/proc/{self._first}/root") / there.lstrip("/")

    def _control_groups(self) -> list[Path]:
        return [x / self._folder.name for x in CGROUPS if (x / "cgroup.procs").exists()]


def impossible(home: machine.AsteriskHome) -> str:
    """Why this machine can't have such a machine in it; "" if it can."""
    if os.geteuid() != 0:
        return "a machine of its own needs root"
    if home.root is None:
        return "a machine of its own is made with the lab's Asterisk, and this machine has its own"
    if not SYSTEMD.exists():
        return f"there is no {SYSTEMD} here"
    missing = [x for x in ("unshare", "nsenter", "ip") if shutil.which(x) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    with tempfile.TemporaryDirectory(prefix="hushtape-bare-") as folder:
        tried = subprocess.run(
            ["unshare", *SPACES, "--net", "--fork", "mount", "-t", "tmpfs", "none", folder],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    return f"no namespaces or mounts here: {tried.stderr.strip()}" if tried.returncode else ""
