"""What each kind of PBX has of its own: its station, its trace, and what plays that.

Imported only where one of that kind is configured: a bridge of Asterisks alone loads no gevent, nor
one of FreeSWITCHes panoramisk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushtape.config_pbx import FREESWITCH, Pbx
from hushtape.policy.schema import Policy

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge
    from ami_bridge.living import Station
    from ami_bridge.played import Replayed
    from ami_bridge.trace import TraceFile


def open_trace(
    pbx: Pbx, path: Path, limit_bytes: int, masked_for: tuple[Policy, ...] | None
) -> TraceFile:
    """Open the file in which is kept what a PBX says.

    Args:
        masked_for: names and numbers are made up, as far as these policies allow; ``None``: no.

    Raises:
        ConfigError: the file can't be used.
    """
    if pbx.kind == FREESWITCH:
        from ami_bridge.freeswitch.mask import Masker as FreeSwitchMasker
        from ami_bridge.freeswitch.said import HEADERS
        from ami_bridge.freeswitch.trace import Trace as FreeSwitchTrace

        masker = FreeSwitchMasker(pbx, masked_for) if masked_for is not None else None
        return FreeSwitchTrace(path, HEADERS, limit_bytes, masker)
    from ami_bridge.asterisk.mask import Masker
    from ami_bridge.asterisk.trace import Trace

    mask = Masker(pbx, masked_for).mask if masked_for is not None else None
    return Trace(path, limit_bytes, mask)


def player_of(pbx: Pbx) -> Callable[[Path, Pbx, Sequence[Policy]], Replayed]:
    """Return what plays a recorded session of a PBX of this kind."""
    if pbx.kind == FREESWITCH:
        from ami_bridge.freeswitch.replay import play

        return play
    from ami_bridge.asterisk.replay import play as play_asterisk

    return play_asterisk


def make_station(
    name: str,
    pbx: Pbx,
    password: str,
    bridge: Bridge,
    *,
    owner: str,
    trace: Any,
    stop_timeout_s: float,
) -> Station:
    """Make what serves a PBX.

    Args:
        owner: names this bridge among those that may serve the PBX.
        trace: what ``open_trace`` made for it.
        stop_timeout_s: for each try to stop a recorder.

    Raises:
        HushtapeError: what the configuration says of it can't be used.
    """
    if pbx.kind == FREESWITCH:
        from ami_bridge.freeswitch.station import FreeSwitchStation

        return FreeSwitchStation(
            name, pbx, password, bridge, owner=owner, trace=trace, stop_timeout_s=stop_timeout_s
        )
    from ami_bridge.asterisk.station import AsteriskStation

    return AsteriskStation(
        name, pbx, password, bridge, owner=owner, trace=trace, stop_timeout_s=stop_timeout_s
    )
