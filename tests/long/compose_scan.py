"""What a container is allowed and what runs in it, as the engine and the kernel see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.long.composed import Composed

STATUS = ("Uid", "CapEff", "CapBnd", "NoNewPrivs")


@dataclass(frozen=True)
class Scan:
    """One container."""

    service: str
    processes: tuple[str, ...]  # "user command"
    users: frozenset[str]  # numbers
    capabilities: frozenset[str]  # sets of the kernel's, in hexadecimal
    no_new_privileges: bool
    read_only: bool
    privileged: bool
    dropped: tuple[str, ...]
    published: tuple[str, ...]
    listens: tuple[str, ...]
    mounts: tuple[str, ...]
    written: tuple[str, ...]  # folders of the image that could be written into

    def text(self) -> str:
        """For people."""
        first = (
            f"{self.service}: users {', '.join(sorted(self.users))};"
            f" capabilities {', '.join(sorted(self.capabilities))};"
            f" no new privileges: {self.no_new_privileges}; read-only: {self.read_only};"
            f" published: {', '.join(self.published) or 'nothing'}"
        )
        lines = [first, *(f"    {each}" for each in self.processes)]
        lines += [f"  listens: {', '.join(self.listens)}", f"  mounts:  {', '.join(self.mounts)}"]
        return "\n".join(lines)


FOLDERS = ("/", "/etc", "/usr/bin", "/opt", "/var/lib", "/var", "/home", "/root")
# In the container, without any program that its image may lack.
LOOK = (
    "for p in /proc/[0-9]*/status; do cat $p 2>/dev/null; done; echo ====;"
    " cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; echo ====;"
    f" for d in {' '.join(FOLDERS)}; do (: >$d/.probe) 2>/dev/null && echo $d; done; true"
)


def scan(composed: Composed, service: str, about: dict[str, Any]) -> Scan:
    """Look at one container that runs."""
    said = composed.docker("exec", about["Id"], "sh", "-c", LOOK)
    status, sockets, written = said.split("====\n")
    values: dict[str, set[str]] = {name: set() for name in STATUS}
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name in values:
            values[name].add(value.split()[0])
    host, top = about["HostConfig"], composed.docker("top", about["Id"], "-eo", "pid,uid,args")
    published = [
        f"{bound['HostIp']}:{bound['HostPort']}->{port}"
        for port, bounds in (about["NetworkSettings"]["Ports"] or {}).items()
        for bound in bounds or []
    ]
    return Scan(
        service,
        tuple(" ".join(line.split()[1:])[:110] for line in top.splitlines()[1:]),
        frozenset(values["Uid"]),
        frozenset(values["CapEff"] | values["CapBnd"]),
        values["NoNewPrivs"] == {"1"},
        host["ReadonlyRootfs"],
        host["Privileged"],
        tuple(host["CapDrop"] or ()),
        tuple(published),
        tuple(sorted(_listening(sockets))),
        tuple(
            f"{each['Destination']}{'' if each['RW'] else ' (ro)'}"
            for each in sorted(about["Mounts"], key=lambda each: each["Destination"])
        ),
        tuple(written.split()),
    )


TCP_LISTENS, UDP_UNCONNECTED = "0A", "07"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
ANY = {"0" * 8, "0" * 32}
RESOLVER = "0B00007F"  # the engine's own


def _listening(text: str) -> set[str]:
    found = set()
    for line in text.splitlines():
        fields = line.split()
        if (
            len(fields) < 4
            or ":" not in fields[1]
            or fields[3] not in (TCP_LISTENS, UDP_UNCONNECTED)
        ):
            continue
        address, port = fields[1].split(":")
        if address == RESOLVER:
            continue
        where = "loopback" if address in LOOPBACK else "any" if address in ANY else "network"
        kind = "tcp" if fields[3] == TCP_LISTENS else "udp"
        found.add(f"{kind} {int(port, 16)} {where}")
    return found
