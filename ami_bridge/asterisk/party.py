"""Who a channel belongs to: inside or outside, which telephone, which place for a policy. Pure.

No event says it in one word. What is looked at, in this order: a Local channel's own name, the name
of its endpoint, for an outside line what was dialled to reach it, the number that the PBX shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ami_bridge.asterisk.halves import pair
from ami_bridge.facts import Channel
from ami_bridge.party import NOWHERE, BaseParty
from ami_bridge.places import person
from ami_bridge.talks import Heard
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

# Asterisk's own: they announce and record in conferences, and nobody speaks through them.
MACHINES = ("CBAnn/", "CBRec/", "Announcer/", "Recorder/", "Snoop/", "Message/")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def unescaped(name: str) -> str:
    r"""Undo what Asterisk does to names in events, as C writes strings: ``O\'Brien``."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), name)


def name_in(event: Mapping[str, str]) -> str:
    """Return the caller's name that an event shows."""
    return person(unescaped(event.get("CallerIDName", "")))


class Party(BaseParty):
    """What the configuration says of one PBX's channels and extensions.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
    """

    def __init__(self, pbx: Pbx, channels: Mapping[str, Channel]) -> None:
        super().__init__(pbx, channels)
        self._dialled: dict[str, str] = {}  # a called channel's uniqueid -> what was dialled
        self._came_for: dict[str, str] = {}  # uniqueid -> where the half leads whose part it took

    def dials(self, called: str, extension: str) -> None:
        """Note in which extension a channel, by its uniqueid, is dialled."""
        self._dialled[called] = extension

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._dialled.pop(uniqueid, None)
        self._came_for.pop(uniqueid, None)

    def takes_part_of(self, channel: Channel, half: Channel) -> None:
        """Note whose part somebody takes in a talk; half of a Local channel goes away then.

        Who takes that of the half named ;1 is behind it, and was reached by where it leads.
        """
        leads_to = self._leads_to(half)
        if leads_to is not None and half.name.endswith(";1"):
            self._came_for[channel.uniqueid] = leads_to

    def is_outside(self, channel: Channel) -> bool:
        """Tell whether a channel is a line to the outside."""
        return channel.context in self._pbx.outside_contexts

    def telephone(self, channel: Channel) -> str:
        """Name the telephone of a channel, "PJSIP/211"; "" for a line or a Local channel."""
        if self.is_outside(channel) or pair(channel.name):
            return ""
        return person(channel.name.rpartition("-")[0])

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
        return self.place_of(other) if other is not None else NOWHERE

    def _user(self, channel: Channel) -> str:
        return self.telephone(channel).partition("/")[2]

    def _dialled_as(self, channel: Channel) -> str:
        return self._dialled.get(channel.uniqueid, "")

    def _dialled_for(self, channel: Channel) -> Sequence[str]:
        return (self._dialled_as(channel), self._came_for.get(channel.uniqueid, ""))

    def _leads_to(self, channel: Channel) -> str | None:
        if not pair(channel.name):
            return None
        return channel.name.removeprefix("Local/").partition("@")[0]

    def _speaks(self, channel: Channel) -> bool:
        return not channel.name.startswith(MACHINES)
