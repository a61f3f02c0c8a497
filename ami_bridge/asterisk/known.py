"""What is known of one Asterisk's channels: shared by all that translate its events. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ami_bridge.asterisk.halves import Talks
from ami_bridge.asterisk.party import Party
from ami_bridge.asterisk.rings import Rings
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.consulting import Consulting
from ami_bridge.facts import Channel
from hushtape.config import Pbx

Event = Mapping[str, str]


class Known:
    """The channels, who talks with whom, and who consults somebody."""

    def __init__(self, pbx: Pbx) -> None:
        self.channels: dict[str, Channel] = {}
        self.talks = Talks()
        self.rings = Rings()
        self.party = Party(pbx, self.channels)
        self.consulting = Consulting(self.channels, self.talks, self.party.telephone)

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a channel that is known to live."""
        return self.channels.get(uniqueid)

    def of(self, event: Event) -> Channel | None:
        """Return the channel of whom an event is."""
        return self.channels.get(event.get("Uniqueid", ""))

    def named(self, name: str) -> Channel | None:
        """Return a channel by its name, which another program knows."""
        found = [each for each in self.channels.values() if name and each.name == name]
        return found[-1] if found else None

    def behind(self, half: str) -> Channel | None:
        """Return the one with whom a Local channel's half connects, if there is just one."""
        heard = self.talks.behind_name(half)
        return self.channels.get(heard[0].uniqueid) if len(heard) == 1 else None

    def dialled_in(self, event: Event) -> str:
        """Say in which extension somebody dials; a subroutine of ours is none."""
        if not in_subroutine(event):
            return event.get("Exten", "")
        caller = self.of(event)
        return caller.extension if caller is not None else ""

    def add(self, channel: Channel) -> None:
        """Remember a channel."""
        self.channels[channel.uniqueid] = channel
        self.talks.name(channel.uniqueid, channel.name)

    def rename(self, channel: Channel, name: str) -> None:
        """Take in that a channel has another name."""
        channel.name = name
        self.talks.name(channel.uniqueid, name)

    def remove(self, uniqueid: str) -> Channel:
        """Forget a channel that is gone, but for the talk in which it was."""
        self.party.forget(uniqueid)
        return self.channels.pop(uniqueid)
