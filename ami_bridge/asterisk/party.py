"""Who a channel belongs to: inside or outside, which telephone, which place for a policy. Pure.

No event says it in one word. What is looked at, in this order: a Local channel's own name, the name
of its endpoint, for an outside line what was dialled to reach it, the number that the PBX shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ami_bridge.asterisk.talks import pair
from ami_bridge.facts import Channel, Talker
from ami_bridge.places import person, place
from ami_bridge.talks import Heard
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

# Asterisk's own: they announce and record in conferences, and nobody speaks through them.
MACHINES = ("CBAnn/", "CBRec/", "Announcer/", "Recorder/", "Snoop/", "Message/")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_NOWHERE = Place(DestinationKind.UNKNOWN, "")


def unescaped(name: str) -> str:
    r"""Undo what Asterisk does to names in events, as C writes strings: ``O\'Brien``."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), name)


class Party:
    """What the configuration says of one PBX's channels and extensions.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
    """

    def __init__(self, pbx: Pbx, channels: Mapping[str, Channel]) -> None:
        self._pbx = pbx
        self._channels = channels
        self._dialled_as: dict[str, str] = {}  # a called channel's uniqueid -> what was dialled

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return place(self._pbx, extension)

    def dials(self, called: str, extension: str) -> None:
        """Note in which extension a channel, by its uniqueid, is dialled."""
        self._dialled_as[called] = extension

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._dialled_as.pop(uniqueid, None)

    def is_outside(self, channel: Channel) -> bool:
        """Tell whether a channel is a line to the outside."""
        return channel.context in self._pbx.outside_contexts

    def telephone(self, channel: Channel) -> str:
        """Name the telephone of a channel, "PJSIP/211"; "" for a line or a Local channel."""
        if self.is_outside(channel) or pair(channel.name):
            return ""
        return person(channel.name.rpartition("-")[0])

    def extension_of(self, channel: Channel) -> str:
        """Say under which extension a telephone of ours is known."""
        endpoint = self.telephone(channel).partition("/")[2]
        for extension in (endpoint, channel.number):
            if self.place(extension).kind is DestinationKind.EXTENSION:
                return extension
        return endpoint

    def place_of(self, channel: Channel) -> Place:
        """Say where a policy would find whoever speaks on a channel."""
        if pair(channel.name):
            return self.place(channel.name.removeprefix("Local/").partition("@")[0])
        dialled = self.place(self._dialled_as.get(channel.uniqueid, ""))
        if not self.is_outside(channel):
            own = self.place(self.extension_of(channel))
            return dialled if own.kind is DestinationKind.UNKNOWN else own
        if dialled.kind is DestinationKind.OUTSIDE:
            return dialled
        return Place(DestinationKind.OUTSIDE, channel.number, number=channel.number)

    def talker(self, channel: Channel, replaces: str = "") -> Talker:
        """Say who speaks on a channel."""
        return Talker(
            channel.uniqueid,
            self.place_of(channel),
            telephone=self.telephone(channel),
            replaces=replaces,
            stands_in=bool(pair(channel.name)),
        )

    def talkers(self, heard: Sequence[Heard]) -> tuple[Talker, ...]:
        """Say who is heard in a talk; one that nobody saw arrive is somewhere unknown."""
        found = []
        for each in heard:
            channel = self._channels.get(each.uniqueid)
            if channel is None:
                found.append(Talker(each.uniqueid, _NOWHERE, replaces=each.replaces))
            elif not channel.name.startswith(MACHINES):
                found.append(self._seen_through(self.talker(channel, each.replaces), each.through))
        return tuple(found)

    def _seen_through(self, talker: Talker, half: str) -> Talker:
        """Whom nothing of his own places is where the Local channel leads through which he came."""
        place, line = talker.place, self._channels.get(half)
        unplaced = place.kind is DestinationKind.UNKNOWN or (
            place.kind is DestinationKind.OUTSIDE and not place.number
        )
        return replace(talker, place=self.place_of(line)) if unplaced and line else talker

    def consulted(self, leg: Channel, heard: Sequence[Heard]) -> Place:
        """Say whom an agent consults: what was dialled for it, else who is there."""
        for each in heard:
            half = self._channels.get(each.through or each.uniqueid)
            if half is not None and pair(half.name):
                return self.place_of(half)
        dialled = self.place(leg.dialled)
        if dialled.kind is not DestinationKind.UNKNOWN or not heard:
            return dialled
        other = self._channels.get(heard[0].uniqueid)
        return self.place_of(other) if other is not None else _NOWHERE
