"""Makes the images' bases from Debian's packages, where no registry can be reached.

`python3 -m lab.compose.bases` gives them the names that docker/Dockerfile begins from. It needs
root, debootstrap and a Debian mirror: the one that apt uses here, or HUSHTAPE_LAB_MIRROR.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import machine
from lab.machine import Say

# Name, and the suite that is in it.
BASES = {"debian:bookworm-slim": "bookworm", "debian:forky-slim": machine.ROOT_SUITE}
PULL_TIMEOUT_S = 60.0
IMPORT_TIMEOUT_S = 300.0
LOOK_TIMEOUT_S = 20.0

# What this machine trusts, and how its pip finds packages: a build has to get through as it does.
AUTHORITIES, PIP = Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf")
PASSWORDS_MARK = "@"  # in an address: nobody's password goes into an image


def make(say: Say = print, environment: Mapping[str, str] = os.environ) -> None:
    """See that every base is there: as it is, from a registry, or made.

    Args:
        environment: names the engine.

    Raises:
        MachineError: no engine answers, or there is no mirror.
    """

    def docker(*arguments: str, timeout_s: float) -> bool:
        return not _refused(arguments, environment, timeout_s)

    if why := _refused(("version",), environment, LOOK_TIMEOUT_S):
        raise machine.MachineError(f"no Docker engine answers: {why}")
    for name, suite in BASES.items():
        if docker("image", "inspect", name, timeout_s=LOOK_TIMEOUT_S):
            say(f"{name} is there.")
        elif docker("pull", "--quiet", name, timeout_s=PULL_TIMEOUT_S):
            say(f"{name} comes from a registry.")
        else:
            say(f"No registry gives {name}: making it from Debian's packages ...")
            _import(name, suite, say, environment)


def _refused(arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> str:
    """Have the engine do something; return what it says against that, "" if it did it."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing is heard within {timeout_s:g} s"
    except FileNotFoundError:
        return "there is no `docker`: apt-get install docker.io"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _import(name: str, suite: str, say: Say, environment: Mapping[str, str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hushtape-base-"))
    folder.chmod(0o755)
    try:
        machine.debootstrap(suite, folder, say)
        _trust(folder)
        for path in (folder / "var/cache/apt/archives").glob("*.deb"):
            path.unlink()
        with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(
                ["docker", "import", "-", name],
                env=environment,
                stdin=tar.stdout,
                capture_output=True,
                timeout=IMPORT_TIMEOUT_S,
                check=True,
            )
    finally:
        machine.remove_tree(folder)


def _trust(folder: Path) -> None:
    if AUTHORITIES.exists():
        shutil.copyfile(AUTHORITIES, folder / AUTHORITIES.relative_to("/"))
    if PIP.exists():
        lines = PIP.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = "".join(line for line in lines if PASSWORDS_MARK not in line)
        (folder / PIP.relative_to("/")).write_text(kept, encoding="utf-8")


if __name__ == "__main__":
    try:
        make()
    except (machine.MachineError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"error: {error}")
