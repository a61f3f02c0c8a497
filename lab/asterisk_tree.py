"""What an Asterisk of the lab is told: its folders, configuration, certificate and sounds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import town
from lab.pbxes import TEMPLATES, filled_in
from lab.sounds import write_sounds

OPENSSL_TIMEOUT_S = 20
CERTIFICATE_DAYS = 30
CERTIFICATE, KEY = "etc/ami-cert.pem", "etc/ami-key.pem"

TREE = (
    *("etc", "var/keys", "cache", "agi", "spool/hushtape", "spool/outgoing", "run"),
    *("log/cdr-csv", "moh", "sounds"),
)
DIALPLAN = Path(__file__).parents[1] / "dialplan" / "asterisk"  # what Hushtape ships


@dataclass(frozen=True)
class Outside:
    """What lies beyond loopback, where an Asterisk is to be reached from there.

    Attributes:
        address: its own address there.
        network: who may log in as Hushtape by TLS from there: address/mask.
        visitor_secret: the password of the one account that may register from there.
    """

    address: str
    network: str
    visitor_secret: str


@dataclass(frozen=True)
class Settings:
    """How one Asterisk differs from another one; `tree` is what it calls its own folder."""

    name: str
    tree: str
    modules: str
    data: str
    sip_port: int
    ami_port: int
    ami_tls_port: int
    rtp_ports: range
    hushtape_secret: str
    observer_secret: str
    crowd: town.Crowd = field(default_factory=lambda: town.Crowd(0))
    outside: Outside | None = None  # left out: loopback only

    def values(self) -> dict[str, str]:
        """The placeholders of the templates."""
        outside = self.outside
        return {
            "tree": self.tree,
            "modules": self.modules,
            "data": self.data,
            "systemname": self.name,
            "sip_port": str(self.sip_port),
            "ami_port": str(self.ami_port),
            "ami_tls_port": str(self.ami_tls_port),
            "ami_tls_address": outside.address if outside else "127.0.0.1",
            "permit": f"permit = {outside.network}\n" if outside else "",
            "rtp_start": str(self.rtp_ports[0]),
            "rtp_end": str(self.rtp_ports[-1]),
            "hushtape_secret": self.hushtape_secret,
            "observer_secret": self.observer_secret,
            "payment_hz": str(town.PAYMENT_HZ),
            "outside": _way_in(outside, self.sip_port) if outside else "",
            "endpoints": _endpoints(self.crowd, outside),
            "queues": _queues(self.crowd),
        }


def write(here: Path, settings: Settings, extra: Mapping[str, str] | None = None) -> None:
    """Write the tree's folders and all that belongs into them, but for certificate and key.

    Args:
        here: the tree, as it is seen from here.
        extra: file names and texts that are added to (or replace) the configuration.
    """
    for part in TREE:
        (here / part).mkdir(parents=True)
    values = settings.values()
    etc = here / "etc"
    for template in sorted(TEMPLATES.glob("*.conf")):
        text = template.read_text(encoding="utf-8")
        (etc / template.name).write_text(filled_in(text, values), encoding="utf-8")
    for shipped in sorted(DIALPLAN.glob("*.conf")):
        shutil.copyfile(shipped, etc / shipped.name)
    for file_name, text in (extra or {}).items():
        (etc / file_name).write_text(text, encoding="utf-8")
    (etc / "manager.conf").chmod(0o600)
    write_sounds(here)


def write_certificate(
    certificate: Path,
    key: Path,
    name: str,
    hosts: Sequence[str] = (),
    days: int = CERTIFICATE_DAYS,
) -> None:
    """Make a certificate of the manager interface, for loopback and these hosts."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    request += ["-days", str(days), "-subj", f"/CN={name}"]
    names = ["IP:127.0.0.1", "DNS:localhost", *(f"DNS:{each}" for each in hosts)]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [*request, "-addext", f"subjectAltName={','.join(names)}", *files],
        check=True,
        capture_output=True,
        timeout=OPENSSL_TIMEOUT_S,
    )


def _way_in(outside: Outside, sip_port: int) -> str:
    """The way in from beyond loopback, and the password of who may take it."""
    return (
        "[transport-outside]\n"
        "type = transport\n"
        "protocol = udp\n"
        f"bind = {outside.address}:{sip_port}\n\n"
        "[visitors-password]\n"
        "type = auth\n"
        "auth_type = userpass\n"
        f"username = {town.VISITOR.endpoint}\n"
        f"password = {outside.visitor_secret}\n"
    )


def _endpoints(crowd: town.Crowd, outside: Outside | None) -> str:
    parts = []
    groups = {x.endpoint: c.policy for c in town.COUNCILS for x in c.people if x.staff}
    for person in town.everybody(crowd):
        kind = "staff" if person.staff else "public"
        if person is town.VISITOR and outside:
            kind = "visitor"
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
