"""One Asterisk of the lab: configuration of its own, ports of its own, and a certain end."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab import machine, ports, processes, town
from lab.eyes import ObserverError, event
from lab.lifetime import Lifetime
from lab.observer import Observer
from lab.sounds import write_sounds
from lab.waiting import LabTimeoutError, until
from lab.workplace import Workplace

BOOT_TIMEOUT_S = 60.0
STOP_GRACE_S = 10.0
OPENSSL_TIMEOUT_S = 20
COMMAND_TIMEOUT_S = 20
RTP_PORTS = 240  # in one piece; each channel takes two, and they are given out in turn
CROWDED_RTP_PORTS = 600
CERTIFICATE_DAYS = 30

TREE = (
    *("etc", "var/keys", "cache", "agi", "spool/hushtape", "spool/outgoing", "run"),
    *("log/cdr-csv", "moh", "sounds"),
)
TEMPLATES = Path(__file__).parent / "pbx"
DIALPLAN = Path(__file__).parents[1] / "dialplan" / "asterisk"  # what Hushtape ships
_PLACEHOLDER = re.compile(r"@([a-z_]+)@")


class Asterisk(Lifetime):
    """An Asterisk on 127.0.0.1 that knows the whole town (and a crowd of `crowd` pairs).

    Where Asterisk lives in a chroot, a path has two names: `spool_inside` is what Asterisk calls
    its recording folder (to be used in MixMonitor), `spool_here` is the same seen from outside.
    `phone_secret` is "": its phones need no password. `folder`, if given, becomes a symbolic link
    to the instance's tree. `extra` maps file names to texts that are added to (or replace) the
    configuration; `extensions-extra.conf` is included at the end of the dialplan. `time_zone` is
    that of its environment, "" is the machine's.
    """

    kind = "asterisk"
    phone_secret = ""

    def __init__(
        self,
        home: machine.AsteriskHome | None = None,
        folder: Path | None = None,
        name: str = "pbx1",
        *,
        crowd: int = 0,
        extra: Mapping[str, str] | None = None,
        time_zone: str = "",
        keep: bool = False,
    ) -> None:
        self.home = home or machine.ready()
        self.name = name
        self.crowd = town.Crowd(crowd)
        self.keep = keep
        self._extra = dict(extra or {})
        self._time_zone = time_zone
        self._process: processes.Process | None = None

        self._place = Workplace(self.home.root, name)
        self.tree_here, self.tree_inside = self._place.here, self._place.inside
        self._link: Path | None = None
        if folder is not None:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(self.tree_here)
            self._link = folder

        self._ports = ports.claim(20)
        self._rtp = ports.claim(CROWDED_RTP_PORTS if crowd else RTP_PORTS)
        self.sip_port, self.ami_port, self.ami_tls_port = self._ports[0:3]
        self.hushtape_secret = secrets.token_urlsafe(18)
        self.observer_secret = secrets.token_urlsafe(18)
        self.certificate = self.tree_here / "etc" / "ami-cert.pem"
        self.spool_here = self.tree_here / "spool" / "hushtape"
        self.spool_inside = f"{self.tree_inside}/spool/hushtape"
        self.log_here = self.tree_here / "log" / "full"
        self._write_tree()

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start Asterisk and wait until it has fully booted."""
        if self.alive():
            return
        config = f"{self.tree_inside}/etc/asterisk.conf"
        command = [self.home.binary, "-C", config, "-f"]
        if self.home.root is not None:
            machine.name_known_in_chroot(self.home.root)
            command = [_chroot(), str(self.home.root), *command]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}
        if self._time_zone:
            env["TZ"] = self._time_zone
        process = processes.spawn(command, self.tree_here / "log" / "console", env=env)
        self._process = process

        def booted() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"Asterisk {self.name} ended at once:\n{self.log_tail()}")
            try:
                with self.observer() as eyes:
                    eyes.wait_for(event("FullyBooted"), timeout_s=1.0)
            except (OSError, ObserverError):
                return False
            return True

        try:
            until(f"Asterisk {self.name} boots", booted, BOOT_TIMEOUT_S, poll_s=0.05)
        except (LabTimeoutError, RuntimeError) as error:
            tail = self.log_tail()
            self.stop()
            raise RuntimeError(f"{error}\n{tail}") from error

    def stop(self) -> None:
        """End Asterisk, politely at first; what it wrote stays."""
        if self._process is not None:
            processes.end([self._process], STOP_GRACE_S)
            self._process = None

    def kill(self) -> None:
        """End Asterisk as a power cut would."""
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
            return
        self._place.remove()
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    # ------------------------------------------------------------------ asking

    def observer(self, record: Path | None = None, *, tls: bool = False) -> Observer:
        """A session of the lab's own all-seeing account.

        `record` takes the raw bytes received; those sent go beside it, with the suffix `.sent`.
        """
        return self._session("observer", self.observer_secret, record, tls)

    def as_bridge(self, record: Path | None = None, *, tls: bool = False) -> Observer:
        """A session of the account that the bridge uses, with its few rights."""
        return self._session("hushtape", self.hushtape_secret, record, tls)

    def _session(self, account: str, secret: str, record: Path | None, tls: bool) -> Observer:
        port = self.ami_tls_port if tls else self.ami_port
        certificate = self.certificate if tls else None
        return Observer(
            port,
            account,
            secret,
            tls_certificate=certificate,
            record=record,
            record_sent=record.with_suffix(".sent") if record else None,
        )

    def here(self, inside: str) -> Path:
        """The path on this machine of a file that Asterisk calls `inside`."""
        return self.home.seen_from_here(inside)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of Asterisk's own log and of its console."""
        text = []
        for path in (self.log_here, self.tree_here / "log" / "console"):
            with contextlib.suppress(OSError):
                text += path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return "\n".join(text)

    def cpu_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        return processes.cpu_seconds(self._process) if self._process else 0.0

    # ------------------------------------------------------------------ configuration

    def _write_tree(self) -> None:
        for part in TREE:
            (self.tree_here / part).mkdir(parents=True)
        values = {
            "tree": self.tree_inside,
            "modules": self.home.modules,
            "data": self.home.data,
            "systemname": self.name,
            "sip_port": str(self.sip_port),
            "ami_port": str(self.ami_port),
            "ami_tls_port": str(self.ami_tls_port),
            "rtp_start": str(self._rtp[0]),
            "rtp_end": str(self._rtp[-1]),
            "hushtape_secret": self.hushtape_secret,
            "observer_secret": self.observer_secret,
            "payment_hz": str(town.PAYMENT_HZ),
            "endpoints": _endpoints(self.crowd),
            "queues": _queues(self.crowd),
        }
        etc = self.tree_here / "etc"
        for template in sorted(TEMPLATES.glob("*.conf")):
            text = template.read_text(encoding="utf-8")
            text = _PLACEHOLDER.sub(lambda m: values[m.group(1)], text)
            (etc / template.name).write_text(text, encoding="utf-8")
        for shipped in sorted(DIALPLAN.glob("*.conf")):
            shutil.copyfile(shipped, etc / shipped.name)
        for file_name, text in self._extra.items():
            (etc / file_name).write_text(text, encoding="utf-8")
        (etc / "manager.conf").chmod(0o600)
        self._write_certificate()
        write_sounds(self.tree_here)

    def _write_certificate(self) -> None:
        etc = self.tree_here / "etc"
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        request += ["-days", str(CERTIFICATE_DAYS), "-subj", f"/CN={self.name}"]
        names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        files = ["-keyout", str(etc / "ami-key.pem"), "-out", str(self.certificate)]
        subprocess.run(
            [*request, *names, *files],
            check=True,
            capture_output=True,
            timeout=OPENSSL_TIMEOUT_S,
        )


def _endpoints(crowd: town.Crowd) -> str:
    parts = []
    groups = {x.endpoint: c.policy for c in town.COUNCILS for x in c.people if x.staff}
    for person in town.everybody(crowd):
        kind = "staff" if person.staff else "public"
        parts.append(
            f"[{person.endpoint}](place)\n\n"
            f"[{person.endpoint}]({kind})\n"
            f"aors = {person.endpoint}\n"
            f'callerid = "{person.called.replace("_", " ")}" <{person.number}>\n'
        )
        if person.endpoint in groups:
            group = groups[person.endpoint]
            parts.append(f"named_call_group = {group}\nnamed_pickup_group = {group}\n")
    return "\n".join(parts)


def _queues(crowd: town.Crowd) -> str:
    parts = []
    for queue in town.queues(crowd):
        interfaces = (m if "/" in m else f"PJSIP/{m}" for m in queue.members)
        members = "".join(f"member => {interface}\n" for interface in interfaces)
        parts.append(f"[{queue.name}](plain)\nstrategy = {queue.strategy}\n{members}")
    return "\n".join(parts)


def _chroot() -> str:
    return shutil.which("chroot") or shutil.which("chroot", path="/usr/sbin:/sbin") or "chroot"
