"""How long and how much, for a link to one Asterisk."""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.asterisk.protocol import FRAME_LIMIT_BYTES
from ami_bridge.limits import CommonLimits

NEVER_S = 10 * 365 * 24 * 3600
"""When panoramisk sends a ping of its own, which it would not check."""


@dataclass(frozen=True, kw_only=True)
class Limits(CommonLimits):
    """How long and how much, for one link."""

    list_items: int = 20_000
    frame_bytes: int = FRAME_LIMIT_BYTES
