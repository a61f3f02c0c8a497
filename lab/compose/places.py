"""Where things are in the containers: what docker-compose.yml mounts, and who may read it."""

from __future__ import annotations

import os
from pathlib import Path

SECRETS = Path("/secrets")
SPOOL = Path("/var/spool/hushtape")
FREESWITCH_SPOOL = Path("/var/spool/hushtape-freeswitch")
DATA = Path("/var/lib/hushtape")
ARCHIVE = DATA / "archive"
LOGS = Path("/var/log/hushtape")
HEARD = Path("/var/lib/hushtape-heard")  # the last call of the phone in the terminal
CONFIG = Path(os.environ.get("HUSHTAPE_CONFIG", "/run/hushtape/hushtape.toml"))

# Secrets, by who reads them; each folder belongs to that group.
PBX, HUSHTAPE, REDIS, VISITOR = "pbx", "hushtape", "redis", "visitor"

# Names of the PBXes, in the configuration and in their own names of calls.
NAME, FREESWITCH = "asterisk", "freeswitch"
SIP_PORT, AMI_PORT, AMI_TLS_PORT, ESL_PORT = 5060, 5038, 5039, 8021
RTP_PORTS = range(10000, 11200)  # below those that the lab hands out to its own
CROWD = 20

KIND = os.environ.get("PBX") or NAME  # of the PBX beside this container; each has its kind's name


def trace(pbx: str) -> Path:
    """Where a PBX's bridge keeps what it says."""
    return LOGS / f"session.{pbx}"


def secret(reader: str, name: str) -> str:
    """Read a secret that `setup` has made for this reader."""
    return (SECRETS / reader / name).read_text(encoding="ascii").strip()
