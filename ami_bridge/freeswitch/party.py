"""Who a channel belongs to: inside or outside, which telephone, which place for a policy. Pure.

A channel that came in is outside if it entered the dialplan in an outside context. One that was
rung has the context of whoever rang it, so that says nothing: it is outside if it goes through a
gateway, or if what was dialled to reach it leads outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ami_bridge.facts import Channel
from ami_bridge.party import NOWHERE, BaseParty
from ami_bridge.places import person
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
        recovered: FreeSWITCH has crashed meanwhile, and made it anew by what it had written down.
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
    recovered: bool = False


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
        recovered=is_recovered(event),
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


def is_recovered(event: Event) -> bool:
    """Tell whether FreeSWITCH has crashed, and made a channel anew by what it had written down."""
    return event.get("variable_recovered") == "true"


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


class Party(BaseParty):
    """What the configuration says of one PBX's channels and extensions.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        legs: the same of what else is known of them.
    """

    def __init__(self, pbx: Pbx, channels: Mapping[str, Channel], legs: Mapping[str, Leg]) -> None:
        super().__init__(pbx, channels)
        self._legs = legs

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

    def consulted(self, leg: Channel, heard: Sequence[Heard]) -> Place:
        """Say whom an agent consults: what was dialled for it, else who is there."""
        dialled = self.place(leg.dialled)
        if dialled.kind is not DestinationKind.UNKNOWN or not heard:
            return dialled
        other = self._channels.get(heard[0].through or heard[0].uniqueid)
        return self.place_of(other) if other is not None else NOWHERE

    def _user(self, channel: Channel) -> str:
        return self.telephone(channel).rpartition("@")[0] or self.telephone(channel)

    def _dialled_as(self, channel: Channel) -> str:
        leg = self._legs.get(channel.uniqueid)
        return leg.rung_as if leg is not None else ""

    def _leads_to(self, channel: Channel) -> str | None:
        leg = self._legs.get(channel.uniqueid)
        return (leg.loops_to or None) if leg is not None else None

    def _own_extension(self, leg: Leg) -> bool:
        user = leg.telephone.rpartition("@")[0]
        return self.place(user).kind is DestinationKind.EXTENSION
