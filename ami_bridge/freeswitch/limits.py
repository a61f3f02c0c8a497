"""How long and how much, for a link to one FreeSWITCH."""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.freeswitch.esl import FRAME_LIMIT_BYTES
from ami_bridge.limits import CommonLimits


@dataclass(frozen=True, kw_only=True)
class Limits(CommonLimits):
    """How long and how much, for one link."""

    frame_bytes: int = FRAME_LIMIT_BYTES
