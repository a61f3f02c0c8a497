"""What the lab needs on this machine, and how it gets it.

`plan()` says what is missing, `install()` fetches it. Only Debian's own packages are used. The
mirror is the one this machine's apt is configured with. A half-finished installation is never
taken for a whole one: everything is built in a temporary folder, stamped, and renamed at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]

HOST_PACKAGE_TIMEOUT_S = 900
ROOT_BUILD_TIMEOUT_S = 1800
SHORT_COMMAND_TIMEOUT_S = 60
LOCK_TIMEOUT_S = 3600
PROGRESS_EVERY_S = 5.0

OLDEST_ASTERISK = 18
ROOT_SUITE = "forky"
# debootstrap of Debian 12 has no script of that name; the scripts of all newer suites are one file.
ROOT_SCRIPT = Path("/usr/share/debootstrap/scripts/sid")
ROOT_PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm", "baresip-core")
ROOT_MB = 550
STAMP = "hushtape-lab.complete"

# Debian package -> how its presence is known (a program, or a file).
HOST_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "ffmpeg": ("ffmpeg", "ffprobe"),
    "openssl": ("openssl",),
    "debootstrap": ("debootstrap",),
}
HOST_PACKAGE_MB: Mapping[str, int] = {
    "ffmpeg": 420,
    "openssl": 3,
    "debootstrap": 1,
}

_NETWORK_SIGNS = re.compile(
    r"could not resolve|temporary failure|failed to fetch|unable to connect|couldn't download"
    r"|connection (refused|timed out)|network is unreachable|failed getting release file"
    r"|invalid release file",
    re.IGNORECASE,
)


class MachineError(RuntimeError):
    """The machine can't be made ready; the message says why and what to do."""


@dataclass(frozen=True)
class Step:
    """One thing that is missing: a key for `install`, a sentence for people, a size in MB."""

    key: str
    sentence: str
    size_mb: int


@dataclass(frozen=True)
class AsteriskHome:
    """An Asterisk that can be started: on the machine itself (`root` None) or in a chroot."""

    root: Path | None
    binary: str
    modules: str
    data: str

    def seen_from_here(self, inside: str) -> Path:
        """The path on this machine of what Asterisk itself calls `inside`."""
        return Path(inside) if self.root is None else self.root / inside.lstrip("/")


@dataclass(frozen=True)
class PhoneHome:
    """A baresip that can write what it hears to a file: on the machine, or in a chroot."""

    root: Path | None
    binary: str
    modules: str


def lab_home() -> Path:
    """The folder in which the lab keeps what it installed."""
    chosen = os.environ.get("HUSHTAPE_LAB_HOME")
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache:
        return Path(cache).absolute() / "hushtape-lab"
    try:
        return Path.home() / ".cache" / "hushtape-lab"
    except RuntimeError:
        # An account without a home.
        return Path("/var/cache/hushtape-lab")


def asterisk_root() -> Path:
    """Where the lab's own Asterisk lives, whether or not it is there yet."""
    return lab_home() / f"asterisk-{ROOT_SUITE}"


def asterisk_home() -> AsteriskHome | None:
    """The Asterisk to use: the system's own if new enough, else the lab's, else None."""
    own = shutil.which("asterisk")
    if own and _asterisk_major(own) >= OLDEST_ASTERISK:
        home = _home_of(None, own)
        if home:
            return home
    return _home_of(asterisk_root(), "/usr/sbin/asterisk") if _root_complete() else None


def phone_home() -> PhoneHome | None:
    """The softphone to use: the system's own if it is able to, else the lab's, else None.

    Debian 12's baresip 1.0 plays to sound cards only; 1.1 and later can write a file.
    """
    own = shutil.which("baresip")
    if own:
        library = Path("/usr/lib")
        for modules in (library / "baresip/modules", *library.glob("*/baresip/modules")):
            with contextlib.suppress(OSError):
                if b"writing speaker audio" in (modules / "aufile.so").read_bytes():
                    return PhoneHome(None, own, str(modules))
    root = asterisk_root()
    if _root_complete() and (root / "usr/bin/baresip").exists():
        return PhoneHome(root, "/usr/bin/baresip", "/usr/lib/baresip/modules")
    return None


def _root_complete() -> bool:
    try:
        stamp = (asterisk_root() / STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp.splitlines()[-1:] == [" ".join(ROOT_PACKAGES)]


def _home_of(root: Path | None, binary: str) -> AsteriskHome | None:
    base = root or Path("/")
    library = base / "usr/lib"
    for modules in (*library.glob("*/asterisk/modules"), library / "asterisk/modules"):
        if (modules / "res_pjsip.so").exists() and (modules / "app_mixmonitor.so").exists():
            inside = "/" + str(modules.relative_to(base))
            return AsteriskHome(root, binary, inside, "/usr/share/asterisk")
    return None


def _asterisk_major(binary: str) -> int:
    try:
        said = subprocess.run(
            [binary, "-V"],
            capture_output=True,
            text=True,
            timeout=SHORT_COMMAND_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"Asterisk (?:certified[/-])?(\d+)", said)
    return int(found.group(1)) if found else 0


def plan() -> list[Step]:
    """What is missing, in the order in which it must be fetched; empty when all is there."""
    steps: list[Step] = []
    have_root = asterisk_home() is not None and phone_home() is not None
    for package, programs in HOST_PACKAGES.items():
        if package == "debootstrap" and have_root:
            continue
        if all(_program(p) for p in programs):
            continue
        steps.append(
            Step(
                f"package:{package}",
                f"Install Debian's package {package} on this machine",
                HOST_PACKAGE_MB[package],
            )
        )
    if not have_root:
        steps.append(
            Step(
                "asterisk",
                f"Build a small Debian {ROOT_SUITE} with Asterisk and phones in {asterisk_root()}",
                ROOT_MB,
            )
        )
    return steps


def _program(name: str) -> str | None:
    # debootstrap lives in /usr/sbin, which is not on everybody's PATH.
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def install(steps: Sequence[Step], say: Say = print) -> None:
    """Carry out `steps` and tell `say` how it goes. May be repeated after an interruption."""
    if not steps:
        return
    if os.geteuid() != 0:
        raise MachineError(
            "The lab installs packages and uses chroot: run it as root.\nMissing:\n"
            + "\n".join(f"  - {s.sentence}" for s in steps)
        )
    with _only_one(say):
        # Someone else may have installed while we waited for the lock.
        missing = {s.key: s for s in plan()}
        todo = [missing[s.key] for s in steps if s.key in missing]
        packages = [s.key.split(":", 1)[1] for s in todo if s.key.startswith("package:")]
        if packages:
            install_packages(packages, say)
        if any(s.key == "asterisk" for s in todo):
            _build_root(asterisk_root(), say)
    left = plan()
    if left:
        raise MachineError(
            "Installed, and yet missing:\n" + "\n".join(f"  - {s.sentence}" for s in left)
        )


def ready(say: Say = print) -> AsteriskHome:
    """Install whatever is missing and return the Asterisk to use."""
    install(plan(), say)
    home = asterisk_home()
    if home is None:
        raise MachineError(f"No usable Asterisk under {asterisk_root()}")
    return home


def install_packages(packages: list[str], say: Say) -> None:
    """Install packages of Debian's on this machine."""
    if not shutil.which("apt-get"):
        raise MachineError("This machine has no apt-get. Install by hand: " + ", ".join(packages))
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    say(f"Installing {', '.join(packages)} ...")
    try:
        _run(command, HOST_PACKAGE_TIMEOUT_S, say, env=env)
    except MachineError:
        # No package lists, or old ones whose files are gone from the mirror.
        say("Refreshing the package lists ...")
        _run(["apt-get", "update", "-q"], HOST_PACKAGE_TIMEOUT_S, say, env=env)
        _run(command, HOST_PACKAGE_TIMEOUT_S, say, env=env)


def _build_root(root: Path, say: Say) -> None:
    started = time.monotonic()
    root.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(root)
    building = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    building.chmod(0o755)
    try:
        env = debootstrap(ROOT_SUITE, building, say)
        say("Installing Asterisk and the softphone in it ...")
        chroot = ["chroot", str(building)]
        # A mirror may lag: the signature is still checked, only its best-before date is not.
        _run(
            [*chroot, "apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "update"],
            ROOT_BUILD_TIMEOUT_S,
            say,
            env=env,
        )
        _run(
            [*chroot, "apt-get", "install", "-y", "-q", "--no-install-recommends", *ROOT_PACKAGES],
            ROOT_BUILD_TIMEOUT_S,
            say,
            env=env,
        )
        _run([*chroot, "apt-get", "clean"], SHORT_COMMAND_TIMEOUT_S, say, env=env)
        version = subprocess.run(
            [*chroot, "asterisk", "-V"],
            capture_output=True,
            text=True,
            timeout=SHORT_COMMAND_TIMEOUT_S,
            check=True,
        ).stdout.strip()
        (building / "lab").mkdir(exist_ok=True)
        (building / STAMP).write_text(f"{version}\n{' '.join(ROOT_PACKAGES)}\n", encoding="utf-8")
        os.sync()
        building.rename(root)
    except BaseException:
        remove_tree(building)
        raise
    say(f"{version} is ready after {time.monotonic() - started:.0f} s.")


def debootstrap(suite: str, folder: Path, say: Say) -> dict[str, str]:
    """Put a small Debian into a folder; return the environment for what is installed in it.

    Raises:
        MachineError: there is no mirror, or it can't be reached.
    """
    mirror = _debian_mirror()
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    proxy = _apt_setting("Acquire::http::Proxy")
    if proxy:
        env.setdefault("http_proxy", proxy)
    program = _program("debootstrap") or "debootstrap"
    say(f"Building a small Debian {suite} (about 20 s on a fast line) ...")
    known = ROOT_SCRIPT.with_name(suite).exists()
    script = [str(ROOT_SCRIPT)] if ROOT_SCRIPT.exists() and not known else []
    command = [program, "--variant=minbase", "--include=ca-certificates"]
    _run([*command, suite, str(folder), mirror, *script], ROOT_BUILD_TIMEOUT_S, say, env=env)
    _prepare_chroot(folder, proxy)
    return env


def _prepare_chroot(root: Path, proxy: str | None) -> None:
    # Nothing may start by itself while packages are configured.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    for name in ("resolv.conf", "hosts"):
        source = Path("/etc") / name
        if source.exists():
            shutil.copyfile(source, root / "etc" / name)
    name_known_in_chroot(root)
    if proxy:
        (root / "etc/apt/apt.conf.d/90lab-proxy").write_text(
            f'Acquire::http::Proxy "{proxy}";\n', encoding="utf-8"
        )


def name_known_in_chroot(root: Path) -> None:
    """Put this machine's name into the chroot's hosts file, or PJSIP waits for DNS."""
    hosts = root / "etc/hosts"
    name = platform.node() or "localhost"
    text = hosts.read_text(encoding="utf-8") if hosts.exists() else "127.0.0.1 localhost\n"
    if any(name in line.split("#")[0].split()[1:] for line in text.splitlines()):
        return
    if not text.endswith("\n"):
        text += "\n"
    hosts.write_text(f"{text}127.0.0.1 {name}\n", encoding="utf-8")


def _debian_mirror() -> str:
    chosen = os.environ.get("HUSHTAPE_LAB_MIRROR")
    if chosen:
        return chosen
    if not shutil.which("apt-get"):
        raise MachineError("No apt-get here: set HUSHTAPE_LAB_MIRROR to a Debian mirror.")
    with contextlib.suppress(OSError):
        release = Path("/etc/os-release").read_text(encoding="utf-8")
        codename = re.search(r'^VERSION_CODENAME="?([\w-]+)', release, re.MULTILINE)
        filters = [[f"Codename: {codename.group(1)}"]] if codename else []
        for extra in [*filters, []]:
            wanted = ["--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT)", "Created-By: Packages"]
            said = subprocess.run(
                ["apt-get", "indextargets", *wanted, *extra],
                capture_output=True,
                text=True,
                timeout=SHORT_COMMAND_TIMEOUT_S,
                check=False,
            ).stdout
            for line in said.splitlines():
                uri, *rest = line.split()
                if rest == ["Debian", "main"] and "security" not in uri:
                    return uri
    raise MachineError(
        "apt knows no Debian mirror here. Run `apt-get update`, or on another distribution "
        "install Asterisk 18 or later, or set HUSHTAPE_LAB_MIRROR."
    )


def _apt_setting(name: str) -> str | None:
    said = subprocess.run(
        ["apt-config", "shell", "VALUE", name],
        capture_output=True,
        text=True,
        timeout=SHORT_COMMAND_TIMEOUT_S,
        check=False,
    ).stdout
    found = re.search(r"VALUE='(.*)'", said)
    return found.group(1) if found else None


@contextlib.contextmanager
def _only_one(say: Say) -> Iterator[None]:
    """Two labs that start at once must not build the same folder."""
    home = lab_home()
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say("Another lab is installing; waiting for it ...")
                    told = True
                if time.monotonic() > deadline:
                    raise MachineError(f"Waited {LOCK_TIMEOUT_S} s for another lab.") from None
                time.sleep(0.2)
        yield


def _clear_leftovers(root: Path) -> None:
    """Remove what an interrupted build left behind (called under the lock)."""
    for leftover in root.parent.glob(f".{root.name}.*"):
        remove_tree(leftover)
    if root.exists() and not _root_complete():
        remove_tree(root)


def remove_tree(tree: Path) -> None:
    """Delete a Debian that was built, whatever is still mounted in it."""
    # An interrupted debootstrap may leave /proc mounted inside; never delete through a mount.
    for _ in range(5):
        inside = _mounts_under(tree)
        if not inside:
            shutil.rmtree(tree, ignore_errors=True)
            return
        for mount in reversed(inside):
            subprocess.run(
                ["umount", "-l", mount],
                capture_output=True,
                timeout=SHORT_COMMAND_TIMEOUT_S,
                check=False,
            )
    raise MachineError(f"Something is still mounted under {tree}: unmount it and try again.")


def _mounts_under(tree: Path) -> list[str]:
    prefix = str(tree.absolute()) + "/"
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    points = [line.split()[1].encode().decode("unicode_escape") for line in mounts.splitlines()]
    return sorted(p for p in points if p.startswith(prefix))


def _run(
    command: Sequence[str], timeout_s: float, say: Say, env: Mapping[str, str] | None = None
) -> None:
    """Run a long command, say every few seconds where it is, and explain a failure."""
    # Should Python be killed, an orphan must not go on building what the next run clears away.
    setpriv = shutil.which("setpriv")
    process = subprocess.Popen(
        [setpriv, "--pdeathsig", "TERM", *command] if setpriv else command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=dict(env) if env is not None else None,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    deadline = time.monotonic() + timeout_s
    said_at = time.monotonic()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            rest = b""
            while True:
                if time.monotonic() > deadline:
                    raise MachineError(f"`{' '.join(command)}` took more than {timeout_s:g} s")
                if selector.select(timeout=1.0):
                    data = os.read(process.stdout.fileno(), 65536)
                    if not data:
                        break
                    *whole, rest = (rest + data).split(b"\n")
                    lines += [w.decode("utf-8", "replace").rstrip() for w in whole]
                    del lines[:-200]
                if time.monotonic() - said_at > PROGRESS_EVERY_S and lines:
                    say(f"  {lines[-1][:100]}")
                    said_at = time.monotonic()
        code = process.wait(timeout=SHORT_COMMAND_TIMEOUT_S)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        process.stdout.close()
    if code:
        tail = "\n".join(lines[-12:])
        why = (
            "The package mirror can't be reached. Is there a network? "
            "(A proxy is taken from apt's own configuration.)"
            if _NETWORK_SIGNS.search(tail)
            else f"It ended with code {code}."
        )
        raise MachineError(f"`{' '.join(command)}` failed. {why}\n{tail}")
