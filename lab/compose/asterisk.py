"""The service `asterisk`: writes the tree that `./run-lab` writes, too, and becomes Asterisk."""

from __future__ import annotations

import os
import shutil
import socket
import struct
from pathlib import Path

from lab import asterisk_tree, machine, town
from lab.asterisk_tree import Outside, Settings
from lab.compose import places
from lab.compose.places import PBX
from lab.compose.setup import CERTIFICATE, KEY

TREE = Path("/run/asterisk/tree")
ROUTES = Path("/proc/net/route")
UMASK = 0o007  # the workers are in the spool's group, and overwrite what must not be kept
ROUTE_UP = 1
# Neither dtmf nor verbose: Read would write what was keyed into the log (docs/asterisk.md). Nor
# notice: a call that is refused would stand there with name and number.
LOGGER = """[general]
dateformat = %F %T.%3q
queue_log = yes
[logfiles]
/dev/stdout => warning,error
"""


def main() -> None:
    """Write configuration, sounds and certificate, and run Asterisk in this process's place."""
    os.umask(UMASK)
    home = machine.asterisk_home()
    if home is None:
        raise SystemExit("error: this image has no Asterisk")
    shutil.rmtree(TREE, ignore_errors=True)  # of a container that is started again
    settings = Settings(
        name=places.NAME,
        tree=str(TREE),
        modules=home.modules,
        data=home.data,
        sip_port=places.SIP_PORT,
        ami_port=places.AMI_PORT,
        ami_tls_port=places.AMI_TLS_PORT,
        rtp_ports=places.RTP_PORTS,
        hushtape_secret=places.secret(PBX, "asterisk"),
        observer_secret=places.secret(PBX, "observer"),
        crowd=town.Crowd(places.CROWD),
        outside=Outside(own_address(), own_network(), places.secret(PBX, "visitor")),
    )
    asterisk_tree.write(TREE, settings, {"logger.conf": LOGGER})
    for name, file in ((asterisk_tree.CERTIFICATE, CERTIFICATE), (asterisk_tree.KEY, KEY)):
        shutil.copyfile(places.SECRETS / PBX / file, TREE / name)
    os.execv(  # noqa: S606 (no shell is wanted)
        home.binary,
        [home.binary, "-C", str(TREE / "etc/asterisk.conf"), "-f"],
    )


def own_address() -> str:
    """Tell this container's address on the lab's network."""
    return socket.gethostbyname(socket.gethostname())


def own_network(routes: str = "") -> str:
    """Tell that network, as `address/mask`, from the kernel's table of routes."""
    for line in (routes or ROUTES.read_text(encoding="ascii")).splitlines()[1:]:
        _, destination, gateway, flags, *_, mask = line.split()[:8]
        if int(flags, 16) & ROUTE_UP and gateway == "00000000" and mask != "00000000":
            return f"{_dotted(destination)}/{_dotted(mask)}"
    raise SystemExit("error: this container is in no network")


def _dotted(little_endian: str) -> str:
    return socket.inet_ntoa(struct.pack("<L", int(little_endian, 16)))


if __name__ == "__main__":
    main()
