"""PBXes of the lab, of any kind: what the scenes need of one, and the life of one of our own."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lab import ports, processes, town
from lab.eyes import Eyes
from lab.lifetime import Lifetime
from lab.waiting import LabTimeoutError, until
from lab.workplace import Workplace

BOOT_TIMEOUT_S = 60.0
BOOT_POLL_S = 0.1
STOP_GRACE_S = 10.0
CLAIMED_PORTS = 20
RTP_PORTS = 240  # in one piece; each channel takes two, and they are given out in turn
CROWDED_RTP_PORTS = 600
TEMPLATES = Path(__file__).parent / "pbx"
_PLACEHOLDER = re.compile(r"@([a-z_]+)@")


class Pbx(Protocol):
    """What phones, scenes and Hushtape need of a PBX, whoever started it.

    A path may have two names: `spool_inside` is what the PBX calls its recording folder,
    `spool_here` the same seen from outside. `phone_secret` is "" where phones need no password.
    """

    @property
    def kind(self) -> str:
        """What a configuration calls it: "asterisk" or "freeswitch"."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def crowd(self) -> town.Crowd:
        """The extra people that it knows."""

    @property
    def sip_port(self) -> int:
        """Where phones register, on 127.0.0.1."""

    @property
    def phone_secret(self) -> str:
        """The password of every phone."""

    @property
    def hushtape_secret(self) -> str:
        """The password of Hushtape's account."""

    @property
    def control_port(self) -> int:
        """Where Hushtape connects."""

    @property
    def spool_here(self) -> Path:
        """The recording folder."""

    @property
    def spool_inside(self) -> str:
        """What the PBX calls it."""

    def tls(self) -> Mapping[str, str]:
        """What a configuration says of TLS to this PBX, as TOML values; nothing: it has none."""

    def observer(self, record: Path | None = None) -> Eyes:
        """Somebody who sees everything; `record` takes the raw bytes received."""


class OwnPbx(Lifetime):
    """A PBX of the lab's own on 127.0.0.1, with a tree of its own, that knows the whole town.

    Args:
        root: the chroot in which it lives, if it does.
        crowd: so many pairs of extra callers and agents, or which ones.
        time_zone: that of its environment; "" is the machine's.
        keep: whether its tree is left where it is.
    """

    kind = ""
    title = ""  # for people
    phone_secret = ""

    def __init__(
        self,
        name: str,
        *,
        root: Path | None = None,
        crowd: int | town.Crowd = 0,
        time_zone: str = "",
        keep: bool = False,
    ) -> None:
        self.name = name
        self.crowd = crowd if isinstance(crowd, town.Crowd) else town.Crowd(crowd)
        self.keep = keep
        self._time_zone = time_zone
        self._process: processes.Process | None = None
        self._place = Workplace(root, name)
        self.tree_here, self.tree_inside = self._place.here, self._place.inside
        self._ports = ports.claim(CLAIMED_PORTS)
        self._rtp = ports.claim(CROWDED_RTP_PORTS if self.crowd.size else RTP_PORTS)
        self.sip_port, self.control_port = self._ports[0:2]
        self.hushtape_secret = secrets.token_urlsafe(18)
        self.spool_here = self.tree_here / "spool" / "hushtape"
        self.spool_inside = f"{self.tree_inside}/spool/hushtape"
        self.log_here = self.tree_here / "log" / "full"

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start it and wait until it has fully booted."""
        if self.alive():
            return
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self._home_inside}
        env |= {"LC_ALL": "C.UTF-8"}
        if self._time_zone:
            env["TZ"] = self._time_zone
        process = processes.spawn(self._command(), self.tree_here / "log" / "console", env=env)
        self._process = process

        def booted() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{self.title} {self.name} ended at once")
            return self._is_up()

        try:
            until(f"{self.title} {self.name} boots", booted, BOOT_TIMEOUT_S, poll_s=BOOT_POLL_S)
        except (LabTimeoutError, RuntimeError) as error:
            tail = self.log_tail()
            self.stop()
            raise RuntimeError(f"{error}\n{tail}") from error

    def stop(self) -> None:
        """End it, politely at first; what it wrote stays."""
        if self._process is not None:
            processes.end([self._process], STOP_GRACE_S)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            processes.end([self._process], grace_s=0.0, politely=False)
            self._process = None

    def remove(self) -> None:
        """Stop, give the ports back, and delete the tree (unless `keep` was asked for)."""
        self.stop()
        ports.release(self._ports)
        ports.release(self._rtp)
        if self.keep:
            self._place.keep()
        else:
            self._place.remove()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    # ------------------------------------------------------------------ asking

    def here(self, inside: str) -> Path:
        """The path on this machine of a file that the PBX calls `inside`."""
        return Path(inside)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the PBX's own log and of its console."""
        text = []
        for path in (self.log_here, self.tree_here / "log" / "console"):
            with contextlib.suppress(OSError):
                text += path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return "\n".join(text)

    def cpu_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        return processes.cpu_seconds(self._process) if self._process else 0.0

    def tls(self) -> Mapping[str, str]:
        """What a configuration says of TLS to this PBX, as TOML values; nothing: it has none."""
        return {}

    # ------------------------------------------------------------------ of each kind

    def observer(self, record: Path | None = None) -> Eyes:
        """Somebody who sees everything; `record` takes the raw bytes received."""
        raise NotImplementedError

    @property
    def _home_inside(self) -> str:
        return "/"

    def _command(self) -> Sequence[str]:
        """What starts it in the foreground."""
        raise NotImplementedError

    def _is_up(self) -> bool:
        """Whether it has booted, as far as phones and Hushtape need it."""
        raise NotImplementedError


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """A template's text, with its placeholders (`@name@`) filled in."""
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)
