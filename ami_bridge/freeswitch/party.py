"""Who a channel belongs to: inside or outside, which telephone, which place for a policy. Pure.

A channel that came in is outside if it entered the dialplan in an outside context. One that was
rung has the context of whoever rang it, so that says nothing: it is outside if it goes through a
gateway, or if what was dialled to reach it leads outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ami_bridge.facts import Channel, Talker
from ami_bridge.places import person, place
from ami_bridge.talks import Heard
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.numbers import SHORT_DIGITS
from hushtape.policy.schema import DestinationKind

Event = Mapping[str, str]

LOOPBACK = "loopback/"
OF_LOOPBACKS = ("variable_loopback_leg", "variable_other_loopback_leg_uuid")
HALVES = ("-a", "-b")  # how the names of a loopback channel's halves end; a caller's may, too
_LONG_NUMBER = re.compile(rf"\+?\d{{{SHORT_DIGITS + 1},}}", re.ASCII)  # no extension's
_OF_USERS = ("Channel-Presence-ID", "variable_dialed_user")
_NOWHERE = Place(DestinationKind.UNKNOWN, "")


@dataclass(slots=True)
class Leg:
    """What is known of a channel beside what the bridge needs of it.

    Args:
        rung: FreeSWITCH rang it; else it came in.
        telephone: "211@example.org"; "" for a line, or half of a loopback channel.
        user: whoever rang it meant a user of the directory, not a number somewhere.
        gateway: through which it goes out.
        rung_by: uniqueid of the channel that rang it; "" for a queue, or a command.
        rung_as: what that one had dialled.
        loops_to: what half of a loopback channel leads to.
        inline: the list of applications to which it was sent last, instead of an extension.
        answered: somebody has.
        going: it hangs up.
        arrived: it has waited in a queue, or talked.
    """

    rung: bool
    telephone: str = ""
    user: bool = False
    gateway: str = ""
    rung_by: str = ""
    rung_as: str = ""
    loops_to: str = ""
    inline: str = ""
    answered: bool = False
    going: bool = False
    arrived: bool = False


def leg_of(event: Event) -> Leg:
    """Read what an event of a channel, or a ``uuid_dump``, says of it.

    By its name no channel is half of a loopback one: the header X-FS-Channel-Name, which whoever
    calls may send, gives it any. (Run on 1.10.12.)
    """
    name = event.get("Channel-Name", "")
    rung = event.get("Call-Direction") == "outbound"
    leg = Leg(
        rung=rung,
        gateway=event.get("variable_sip_gateway_name", "") if rung else "",
        answered=event.get("Answer-State") == "answered",
        going=event.get("Answer-State") == "hangup",
    )
    if rung and event.get("Other-Type") == "originator":
        leg.rung_by = event.get("Other-Leg-Unique-ID", "")
        leg.rung_as = event.get("Other-Leg-Destination-Number", "")
    # On the first half, the second one's id may stand before the other variable does.
    is_half = any(event.get(each) for each in OF_LOOPBACKS)
    if is_half and name.startswith(LOOPBACK) and name.endswith(HALVES):
        leg.loops_to = name.removeprefix(LOOPBACK)[:-2]
        return leg
    leg.telephone = _telephone(event, name, rung=rung)
    leg.user = rung and any(event.get(each) for each in _OF_USERS)
    return leg


def _telephone(event: Event, name: str, *, rung: bool) -> str:
    """Name a telephone the same whether it calls or is rung.

    Its own address is of no use: the name of a channel that is rung holds whatever the telephone
    has registered, a random word perhaps.
    """
    own = event.get("Channel-Presence-ID", "")
    if not own:
        own = name.rpartition("/")[2].removeprefix("sip:")
        dialled = event.get("variable_dialed_user", "") if rung else ""
        if dialled:
            own = f"{dialled}@{own.rpartition('@')[2]}"
    user, at, host = own.rpartition("@")
    return person(f"{user}@{host.partition(':')[0]}" if at else host)


class Party:
    """What the configuration says of one PBX's channels and extensions.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        legs: the same of what else is known of them.
    """

    def __init__(self, pbx: Pbx, channels: Mapping[str, Channel], legs: Mapping[str, Leg]) -> None:
        self._pbx = pbx
        self._channels = channels
        self._legs = legs

    def place(self, extension: str) -> Place:
        """Say what an extension of this PBX leads to, by the configuration."""
        return place(self._pbx, extension)

    def is_outside(self, channel: Channel) -> bool:
        """Tell whether a channel is a line to the outside."""
        leg = self._legs.get(channel.uniqueid)
        if leg is None or not leg.rung:
            return channel.context in self._pbx.outside_contexts and not (leg and leg.loops_to)
        if leg.loops_to:
            return False
        if leg.gateway:
            return True
        if self._own_extension(leg):
            return False
        if not leg.rung_as:  # by a command, or several at once: nothing says what was dialled
            return not leg.user and _LONG_NUMBER.fullmatch(channel.number) is not None
        return self.place(leg.rung_as).kind is DestinationKind.OUTSIDE

    def telephone(self, channel: Channel) -> str:
        """Name the telephone of a channel, "211@example.org"; "" for a line or a loopback."""
        leg = self._legs.get(channel.uniqueid)
        return "" if leg is None or self.is_outside(channel) else leg.telephone

    def extension_of(self, channel: Channel) -> str:
        """Say under which extension a telephone of ours is known."""
        user = self.telephone(channel).rpartition("@")[0] or self.telephone(channel)
        for extension in (user, channel.number):
            if self.place(extension).kind is DestinationKind.EXTENSION:
                return extension
        return user

    def place_of(self, channel: Channel) -> Place:
        """Say where a policy would find whoever speaks on a channel."""
        leg = self._legs.get(channel.uniqueid, Leg(rung=False))
        if leg.loops_to:
            return self.place(leg.loops_to)
        dialled = self.place(leg.rung_as)
        if not self.is_outside(channel):
            own = self.place(self.extension_of(channel))
            return dialled if own.kind is DestinationKind.UNKNOWN else own
        if dialled.kind is DestinationKind.OUTSIDE:
            return dialled
        return Place(DestinationKind.OUTSIDE, channel.number, number=channel.number)

    def talker(self, channel: Channel, replaces: str = "") -> Talker:
        """Say who speaks on a channel."""
        leg = self._legs.get(channel.uniqueid)
        return Talker(
            channel.uniqueid,
            self.place_of(channel),
            telephone=self.telephone(channel),
            replaces=replaces,
            stands_in=bool(leg and leg.loops_to),
        )

    def talkers(self, heard: Sequence[Heard]) -> tuple[Talker, ...]:
        """Say who is heard in a talk; one that nobody saw arrive is somewhere unknown."""
        found = []
        for each in heard:
            channel = self._channels.get(each.uniqueid)
            if channel is None:
                found.append(Talker(each.uniqueid, _NOWHERE, replaces=each.replaces))
            else:
                found.append(self._seen_through(self.talker(channel, each.replaces), each.through))
        return tuple(found)

    def _seen_through(self, talker: Talker, half: str) -> Talker:
        """Whom nothing of his own places is where the loopback leads through which he came."""
        found, line = talker.place, self._channels.get(half)
        unplaced = found.kind is DestinationKind.UNKNOWN or (
            found.kind is DestinationKind.OUTSIDE and not found.number
        )
        return replace(talker, place=self.place_of(line)) if unplaced and line else talker

    def consulted(self, leg: Channel, heard: Sequence[Heard]) -> Place:
        """Say whom an agent consults: what was dialled for it, else who is there."""
        dialled = self.place(leg.dialled)
        if dialled.kind is not DestinationKind.UNKNOWN or not heard:
            return dialled
        other = self._channels.get(heard[0].through or heard[0].uniqueid)
        return self.place_of(other) if other is not None else _NOWHERE

    def _own_extension(self, leg: Leg) -> bool:
        user = leg.telephone.rpartition("@")[0]
        return self.place(user).kind is DestinationKind.EXTENSION
