"""What a translator tells. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ami_bridge.facts import Channel, Fact


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, and the channel of the outside party to whose call it belongs."""

    channel: Channel
    fact: Fact
