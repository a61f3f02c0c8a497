"""The kinds of PBX that the lab can start."""

from __future__ import annotations

from collections.abc import Mapping

from lab import freeswitch
from lab.asterisk import Asterisk
from lab.freeswitch import FreeSwitch
from lab.pbxes import OwnPbx
from lab.town import Crowd

ASTERISK, FREESWITCH = Asterisk.kind, FreeSwitch.kind
KINDS = (ASTERISK, FREESWITCH)
TITLES = {ASTERISK: Asterisk.title, FREESWITCH: FreeSwitch.title}


def lacking(kind: str) -> str:
    """What this machine lacks for a PBX of this kind, and what to do; "" if it lacks nothing.

    Asterisk is never lacking: the lab installs it.
    """
    return freeswitch.lacking() if kind == FREESWITCH else ""


def make(
    kind: str,
    name: str,
    *,
    crowd: int | Crowd = 0,
    time_zone: str = "",
    asterisk_files: Mapping[str, str] | None = None,
) -> OwnPbx:
    """A PBX of this kind, not yet started.

    Args:
        asterisk_files: texts that are added to the configuration, if it is an Asterisk.
    """
    if kind == FREESWITCH:
        return FreeSwitch(name, crowd=crowd, time_zone=time_zone)
    return Asterisk(name=name, crowd=crowd, time_zone=time_zone, extra=asterisk_files)
