"""What is known of one FreeSWITCH's channels: shared by all that translate its events. Pure."""

from __future__ import annotations

from ami_bridge.consulting import Consulting
from ami_bridge.facts import Channel
from ami_bridge.freeswitch.party import Leg, Party
from ami_bridge.talks import MOST_LOCALS, Talks
from hushtape.config import Pbx


class Known:
    """The channels, who talks with whom, and who consults somebody.

    A channel is known by its first ``Unique-ID``; FreeSWITCH may give it another one, which is its
    ``name`` then: commands are addressed to that.
    """

    def __init__(self, pbx: Pbx) -> None:
        self.channels: dict[str, Channel] = {}
        self.legs: dict[str, Leg] = {}
        self.talks = Talks()
        self.party = Party(pbx, self.channels, self.legs)
        self.consulting = Consulting(self.channels, self.talks, self.party.telephone)
        self._first: dict[str, str] = {}  # a channel's later uuid -> its uniqueid

    def uniqueid(self, uuid: str) -> str:
        """Return the first uuid that a channel had."""
        return self._first.get(uuid, uuid)

    def channel(self, uuid: str) -> Channel | None:
        """Return a channel by a uuid that it has or had."""
        return self.channels.get(self.uniqueid(uuid))

    def add(self, channel: Channel, leg: Leg) -> None:
        """Remember a channel."""
        self.channels[channel.uniqueid] = channel
        self.legs[channel.uniqueid] = leg

    def rename(self, old: str, new: str) -> None:
        """Take in that a channel has another uuid."""
        channel = self.channel(old)
        if channel is not None and new and new not in self.channels:
            channel.name = new
            self._first[new] = channel.uniqueid

    def remove(self, uniqueid: str) -> Channel:
        """Forget a channel that is gone."""
        channel = self.channels.pop(uniqueid)
        self.legs.pop(uniqueid, None)
        for uuid in [each for each, first in self._first.items() if first == uniqueid]:
            del self._first[uuid]
        return channel

    def leg(self, channel: Channel) -> Leg:
        """Return what else is known of a channel."""
        return self.legs.setdefault(channel.uniqueid, Leg(rung=False))

    def waits_for(self, channel: Channel) -> list[Channel]:
        """Name those with whom the one talks who has rung a channel, or its other half."""
        found: dict[str, Channel] = {}
        for each in (channel.uniqueid, self.talks.other_half(channel.uniqueid)):
            leg = self.legs.get(each)
            for heard in self.talks.company(leg.rung_by) if leg and leg.rung_by else ():
                if heard.uniqueid in self.channels and heard.uniqueid != channel.uniqueid:
                    found[heard.uniqueid] = self.channels[heard.uniqueid]
        return list(found.values())

    def stands_for(self, channel: Channel) -> Channel:
        """Name who speaks through a channel: himself, but for half of a loopback one.

        Before the two halves are answered nobody talks through them: it is who has rung them.
        """
        found = channel
        for _ in range(MOST_LOCALS):
            if not self.talks.is_half(found.uniqueid):
                return found
            heard = [each.uniqueid for each in self.talks.behind(found.uniqueid)]
            other = self.legs.get(self.talks.other_half(found.uniqueid))
            by = heard[0] if len(heard) == 1 else other.rung_by if other is not None else ""
            if by not in self.channels:
                return channel
            found = self.channels[by]
        return channel

    def is_gone(self, uniqueid: str) -> bool:
        """Tell whether a channel has hung up, or is about to."""
        return uniqueid not in self.channels or self.legs[uniqueid].going
