"""How calls begin on one PBX, of whatever kind: in a queue, or with an answer. Pure.

Who rang whom each kind finds out in its own way; what is told of it then is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ami_bridge.facts import Answered, Channel, QueueEntered
from ami_bridge.party import BaseParty
from ami_bridge.places import person
from ami_bridge.told import Told
from hushtape.policy.decide import Arrival
from hushtape.policy.schema import DestinationKind
from hushtape.recordings.manifest import Direction


def in_queue(
    party: BaseParty, channel: Channel, queue: str, number: str, name: str, at: datetime
) -> Told:
    """Tell that somebody is in a queue.

    Args:
        number, name: the caller's.
    """
    arrival = Arrival(
        at=at,
        direction=_direction(party, channel),
        dialled=person(channel.dialled),
        queue=queue,
    )
    return Told(channel, QueueEntered(at=at, arrival=arrival, number=number, name=name))


def answered(
    party: BaseParty, caller: Channel, called: Channel, name: str, agent: str, at: datetime
) -> Told:
    """Tell that somebody's call was answered here.

    Args:
        name: the caller's.
        agent: the telephone on which it was.
    """
    arrival = Arrival(
        at=at,
        direction=_direction(party, caller),
        dialled=person(caller.dialled),
        place=party.place_of(called),
    )
    fact = Answered(at=at, arrival=arrival, number=caller.number, name=name, agent=agent)
    return Told(caller, fact)


def answered_outside(
    party: BaseParty, caller: Channel, called: Channel, dialled: Iterable[str], at: datetime
) -> Told:
    """Tell that a call to the outside was answered.

    Args:
        dialled: in which extensions, the likeliest first; one may be a place of this PBX's.
    """
    place = party.place_of(called)
    for extension in dialled:
        if party.place(extension).kind is not DestinationKind.UNKNOWN:
            place = replace(place, extension=extension)
            break
    arrival = Arrival(
        at=at,
        direction=Direction.OUTBOUND,
        dialled=place.number,
        extension=party.extension_of(caller),
        place=place,
    )
    agent = party.telephone(caller)
    return Told(called, Answered(at=at, arrival=arrival, number=place.number, agent=agent))


def _direction(party: BaseParty, caller: Channel) -> Direction:
    return Direction.INBOUND if party.is_outside(caller) else Direction.INTERNAL
