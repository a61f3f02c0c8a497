"""Who speaks on a channel of any kind of PBX: which place for a policy, which telephone. Pure.

Each kind says what it can tell of a channel by itself; what follows from that is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ami_bridge.facts import Channel, Talker
from ami_bridge.places import place
from ami_bridge.talks import Heard
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

NOWHERE = Place(DestinationKind.UNKNOWN, "")


class BaseParty(ABC):
    """What the configuration says of one PBX's channels and extensions.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
    """

    def __init__(self, pbx: Pbx, channels: Mapping[str, Channel]) -> None:
        self._pbx = pbx
        self._channels = channels

    @abstractmethod
    def is_outside(self, channel: Channel) -> bool:
        """Tell whether a channel is a line to the outside."""

    @abstractmethod
    def telephone(self, channel: Channel) -> str:
        """Name the telephone of a channel; "" for a line, or half of a channel."""

    @abstractmethod
    def consulted(self, leg: Channel, heard: Sequence[Heard]) -> Place:
        """Say whom an agent consults."""

    @abstractmethod
    def _user(self, channel: Channel) -> str:
        """Name whose the telephone of a channel is, as the PBX knows him."""

    @abstractmethod
    def _dialled_as(self, channel: Channel) -> str:
        """Say what was dialled to reach a channel; "": nobody has seen that."""

    @abstractmethod
    def _leads_to(self, channel: Channel) -> str | None:
        """Say to which extension half of a channel leads; None: it is a channel of its own."""

    def _speaks(self, channel: Channel) -> bool:
        """Tell whether somebody may speak through a channel."""
        return True

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return place(self._pbx, extension)

    def extension_of(self, channel: Channel) -> str:
        """Say under which extension a telephone of ours is known."""
        user = self._user(channel)
        for extension in (user, channel.number):
            if self.place(extension).kind is DestinationKind.EXTENSION:
                return extension
        return user

    def place_of(self, channel: Channel) -> Place:
        """Say where a policy would find whoever speaks on a channel."""
        leads_to = self._leads_to(channel)
        if leads_to is not None:
            return self.place(leads_to)
        dialled = self.place(self._dialled_as(channel))
        if not self.is_outside(channel):
            own = self.place(self.extension_of(channel))
            return dialled if own.kind is DestinationKind.UNKNOWN else own
        if dialled.kind is DestinationKind.OUTSIDE:
            return dialled
        return Place(DestinationKind.OUTSIDE, channel.number, number=channel.number)

    def talker(self, channel: Channel, halves: tuple[str, ...] = ()) -> Talker:
        """Say who speaks on a channel."""
        return Talker(
            channel.uniqueid,
            self.place_of(channel),
            telephone=self.telephone(channel),
            halves=halves,
            stands_in=self._leads_to(channel) is not None,
        )

    def talkers(self, heard: Sequence[Heard]) -> tuple[Talker, ...]:
        """Say who is heard in a talk; one that nobody saw arrive is somewhere unknown."""
        found = []
        for each in heard:
            channel = self._channels.get(each.uniqueid)
            if channel is None:
                talker = Talker(each.uniqueid, NOWHERE, halves=each.halves)
            elif self._speaks(channel):
                talker = self._seen_through(self.talker(channel, each.halves), each.through)
            else:
                continue
            found.append(replace(talker, ways=self._ways(talker)))
        return tuple(found)

    def _ways(self, talker: Talker) -> tuple[Place, ...]:
        """Name the places that were dialled on the way to somebody, but for his own."""
        channels = [self._channels.get(each) for each in (talker.uniqueid, *talker.halves)]
        dialled = [
            extension
            for channel in channels
            if channel is not None
            for extension in (self._leads_to(channel), *self._dialled_for(channel))
        ]
        found = (self.place(each) for each in dict.fromkeys(dialled) if each)
        unnamed = ("", talker.place.extension)
        return tuple(each for each in found if each.extension not in unnamed)

    def _dialled_for(self, channel: Channel) -> Sequence[str]:
        """Name the extensions in which somebody dialled a channel, or the half that it was."""
        return (self._dialled_as(channel),)

    def _seen_through(self, talker: Talker, half: str) -> Talker:
        """Whom nothing of his own places is where the channel leads through which he came."""
        found, line = talker.place, self._channels.get(half)
        unplaced = found.kind is DestinationKind.UNKNOWN or (
            found.kind is DestinationKind.OUTSIDE and not found.number
        )
        return replace(talker, place=self.place_of(line)) if unplaced and line else talker
