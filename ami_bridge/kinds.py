"""What each kind of PBX has of its own for the bridge: its station and its trace.

Imported only where one of that kind is configured: a bridge of Asterisks alone loads no gevent, nor
one of FreeSWITCHes panoramisk.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushtape.config_pbx import FREESWITCH, Pbx
from hushtape.errors import ConfigError
from hushtape.policy.schema import Policy

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge
    from ami_bridge.living import Station
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
        from ami_bridge.freeswitch.said import HEADERS
        from ami_bridge.freeswitch.trace import Trace as FreeSwitchTrace

        if masked_for is not None:
            raise ConfigError(
                "--trace-mask",
                "what a FreeSWITCH says can't be masked: leave it out, and keep the file to"
                " yourselves",
            )
        return FreeSwitchTrace(path, HEADERS, limit_bytes)
    from ami_bridge.asterisk.mask import Masker
    from ami_bridge.asterisk.trace import Trace

    mask = Masker(pbx, masked_for).mask if masked_for is not None else None
    return Trace(path, limit_bytes, mask)


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
