"""What is told of the talks of one PBX, of whatever kind. Pure.

What the PBX says of bridges, holds and parking is each kind's own; whom a change concerns, and what
he is told, is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from ami_bridge.consulting import Consultation, Consulting
from ami_bridge.facts import (
    Channel,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    OptedOut,
    PermissionGiven,
    TalkChanged,
    Talker,
)
from ami_bridge.party import BaseParty
from ami_bridge.talks import Talks
from ami_bridge.told import Told
from hushtape.policy.schema import Asker, Permission


class BaseTalking(ABC):
    """Tells everybody with whom he talks, and who consults somebody while he waits.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        talks: who is in a bridge with whom.
        consulting: which agent has called somebody.
        party: who a channel belongs to.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        talks: Talks,
        consulting: Consulting,
        party: BaseParty,
    ) -> None:
        self._channels = channels
        self._talks = talks
        self._consulting = consulting
        self._party = party
        self._company: dict[str, tuple[Talker, ...]] = {}  # what was told last

    @abstractmethod
    def _is_half(self, channel: Channel) -> bool:
        """Tell whether a channel is half of another one: nobody's own."""

    def tell_company(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        """Tell with whom a channel talks now, if that is new."""
        channel = self._channels.get(uniqueid)
        if channel is None or self._is_half(channel):
            return
        heard = self._talks.company(uniqueid)
        talkers = self._party.talkers(heard)
        channel.others = [each.uniqueid for each in heard]
        if talkers != self._company.get(uniqueid, ()):
            self._company[uniqueid] = talkers
            yield Told(channel, TalkChanged(at=at, talkers=talkers))
            # Somebody else may have come into a consultation.
            yield from self._consultations(self._consulting.going_on(uniqueid), at)

    def tell_all(self, channel: Channel, fact: Fact) -> Iterator[Told]:
        """Tell it of a channel and of those with whom it talks: one of them has the call."""
        yield Told(channel, fact)
        # Half of a channel stands for whoever is behind it.
        behind = self._talks.behind(channel.uniqueid)
        told = {channel.uniqueid}
        for heard in [*self._talks.company(channel.uniqueid), *behind]:
            other = self._channels.get(heard.uniqueid)
            if other is not None and heard.uniqueid not in told:
                told.add(heard.uniqueid)
                yield Told(other, fact)
        for waiting in self._consulting.going_on(channel.uniqueid):
            if waiting.caller.uniqueid not in told:
                yield Told(waiting.caller, fact)

    def said_of_consent(self, act: str, by: str, channel: Channel, at: datetime) -> Iterator[Told]:
        """Take in what the dialplan says of a channel: an opt-out, or a permission."""
        outside = self._party.is_outside(channel)
        if act == "opt-out":
            asker = Asker.CALLER if outside or by == Asker.CALLER else Asker.AGENT
            if asker is Asker.CALLER:
                channel.opted_out = True
            yield from self.tell_all(channel, OptedOut(at=at, by=asker))
        elif act == "permission":
            announced = by == Permission.ANNOUNCEMENT
            permission = Permission.ANNOUNCEMENT if announced else Permission.KEY
            channel.announced = channel.announced or announced  # the answer comes after it
            if announced or not outside:  # nobody gives it to himself
                yield from self.tell_all(channel, PermissionGiven(at=at, by=permission))

    def _talk_changed(self, bridge: str, at: datetime) -> Iterator[Told]:
        """Tell all whom a change of a bridge concerns."""
        for uniqueid in self._talks.listeners(bridge):
            yield from self.tell_company(uniqueid, at)

    def _consultations(self, changed: Iterable[Consultation], at: datetime) -> Iterator[Told]:
        """Tell of consultations that began, or are over."""
        for leg, caller, began in changed:
            if not began:
                yield Told(caller, ConsultationEnded(at=at, leg=leg.uniqueid))
                continue
            heard = self._talks.company(leg.uniqueid)
            fact = ConsultationBegan(
                at=at,
                leg=leg,
                place=self._party.consulted(leg, heard),
                telephone=self._party.telephone(leg),
                talkers=self._party.talkers(heard),
            )
            yield Told(caller, fact)

    def _consulted_gone(self, bridge: str, at: datetime) -> Iterator[Told]:
        """Tell those who wait for an agent whose talk in a bridge is over."""
        for caller in self._consulting.emptied(bridge):
            yield Told(caller, ConsultedGone(at=at))
