"""The service `freeswitch-setup`: writes the tree that `./run-lab --pbx freeswitch` writes, too.

The service `freeswitch` itself is somebody else's image, which needn't have a Python.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from lab import freeswitch, town
from lab.compose import places
from lab.compose.places import PBX
from lab.pbxes import TEMPLATES

FOLDER = Path("/var/lib/freeswitch-lab")
# A script: the workers are in the spool's group, and overwrite what must not be kept.
START = FOLDER / "start"
STAMP_LETTERS = 12


def main() -> None:
    """Write configuration and sounds; those of one that runs stay, changed ones stand beside."""
    os.umask(0o077)
    settings = freeswitch.Settings(
        name=places.FREESWITCH,
        sip_port=places.SIP_PORT,
        esl_port=places.ESL_PORT,
        rtp_ports=places.RTP_PORTS,
        secret=places.secret(PBX, "freeswitch"),
        phone_secret=places.secret(PBX, "freeswitch-phones"),
        crowd=town.Crowd(places.CROWD),
    )
    tree = FOLDER / _stamp(settings)
    if not tree.exists():
        part = FOLDER / "part"
        shutil.rmtree(part, ignore_errors=True)
        freeswitch.write_tree(part, settings, str(tree))
        part.rename(tree)
    command = freeswitch.command('"${FREESWITCH:-freeswitch}"', tree)
    START.write_text(f"umask 007\nexec {' '.join(command)}\n", encoding="ascii")


def _stamp(settings: freeswitch.Settings) -> str:
    """What the tree is made of, as a hash."""
    made_of = hashlib.sha256(repr(settings).encode())
    for folder in (TEMPLATES / "freeswitch", freeswitch.DIALPLAN):
        for path in sorted(folder.glob("*.xml")):
            made_of.update(path.read_bytes())
    for source in (freeswitch.__file__, town.__file__):
        made_of.update(Path(source).read_bytes())
    return made_of.hexdigest()[:STAMP_LETTERS]


if __name__ == "__main__":
    main()
