"""What has become of the channels of one PBX, of whatever kind, while nobody listened. Pure.

What a channel says of itself is each kind's own; what is told of it, and in which order, is the
same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.facts import Channel, Claimed, NobodyListened, OptedOut, TransferCompleted
from ami_bridge.party import NOWHERE, BaseParty
from ami_bridge.payments import Payments, read_note
from ami_bridge.places import person
from ami_bridge.talks import Talks
from ami_bridge.told import Told
from ami_bridge.variables import (
    CALL_VARIABLE,
    OPT_OUT_VARIABLE,
    PAID_VARIABLE,
    PAYMENT_VARIABLE,
)
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import Asker
from hushtape.recordings.manifest import Direction

Living = Mapping[str, str]


class BaseResync(ABC):
    """Tells what is otherwise than it was remembered.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        talks: who is in a bridge with whom.
        party: who a channel belongs to.
        payments: those of the PBX.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        talks: Talks,
        party: BaseParty,
        payments: Payments,
    ) -> None:
        self._channels = channels
        self._talks = talks
        self._party = party
        self._payments = payments

    @abstractmethod
    def _variable(self, living: Living, name: str) -> str:
        """Read a variable of a channel; "": it isn't set."""

    @abstractmethod
    def _name(self, channel: Channel, living: Living) -> str:
        """Name the caller."""

    @abstractmethod
    def _queue(self, living: Living) -> str:
        """Name the queue in which a channel waits, or through which it came to its talk."""

    @abstractmethod
    def _moved(
        self, channel: Channel, living: Living, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell how a channel is elsewhere than it was, or with somebody else."""

    @abstractmethod
    def _found(
        self, channel: Channel, living: Living, new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of a call that began while nobody listened, as if it began now."""

    def _linkedid(self, living: Living) -> str:
        """Name the call that a channel belongs to, where the PBX tells that."""
        return ""

    def is_noted(self, living: Living) -> bool:
        """Tell whether a bridge had the call of a channel."""
        return bool(self._variable(living, CALL_VARIABLE))

    def tell(
        self, alive: Mapping[str, Living], new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of everybody who lives."""
        for uniqueid in alive:  # whoever began to record meanwhile has not been seen
            self._channels[uniqueid].strange = True
        payments = list(self._payments_noted(alive, at, since))
        for uniqueid, each in alive.items():
            channel, is_new = self._channels[uniqueid], uniqueid in new
            noted = is_new and self.is_noted(each)
            if noted:
                yield self._claimed(channel, each, at, since)
            # Before anything from which recording may follow.
            yield from (told for told in payments if told.channel.uniqueid == uniqueid)
            if not is_new:
                yield from self._moved(channel, each, at, since)
            yield from self._opted_out(channel, each, since)
            if is_new and not noted:
                yield from self._found(channel, each, new, at, since)

    def nobody_listened(
        self, alive: Mapping[str, Living], new: Sequence[str], since: datetime
    ) -> Iterator[Told]:
        """Close the time in which nobody listened."""
        for uniqueid in alive:
            if uniqueid not in new:
                yield Told(self._channels[uniqueid], NobodyListened(at=since))

    def _payments_noted(
        self, alive: Mapping[str, Living], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of payments that began or ended unheard, those that are over first."""
        for uniqueid, each in alive.items():
            channel, text = self._channels[uniqueid], self._variable(each, PAID_VARIABLE)
            yield from self._payments.paid(text, channel, self._linkedid(each), at, since)
        for uniqueid, each in alive.items():
            channel, text = self._channels[uniqueid], self._variable(each, PAYMENT_VARIABLE)
            channel.paying = read_note(text, at, since) if text else None
            if text:
                yield from self._payments.noted(text, channel, self._linkedid(each), at, since)

    def _opted_out(self, channel: Channel, living: Living, at: datetime) -> Iterator[Told]:
        """Tell of an opt-out that nobody heard: the dialplan has noted it on the channel."""
        said = self._variable(living, OPT_OUT_VARIABLE)
        if said and not channel.opted_out:
            channel.opted_out = True
            by = Asker.AGENT if said == Asker.AGENT else Asker.CALLER
            yield Told(channel, OptedOut(at=at, by=by))

    def _is_with_others(self, channel: Channel) -> bool:
        """Take in with whom a channel talks now; tell whether that is somebody else than before."""
        before = set(channel.others)
        now = {each.uniqueid for each in self._talks.company(channel.uniqueid)}
        channel.others = sorted(now)
        return bool(before and now and before != now)

    def _went(self, channel: Channel, since: datetime, place: Place = NOWHERE) -> Told:
        """Tell of a transfer that nobody saw."""
        return Told(channel, TransferCompleted(at=since, place=place, how="unseen"))

    def _insiders_with(self, channel: Channel) -> Iterator[Channel]:
        """Name those of ours with whom a channel talks."""
        for heard in self._talks.company(channel.uniqueid):
            other = self._channels.get(heard.uniqueid)
            if other is not None and not self._party.is_outside(other):
                yield other

    def _claimed(self, channel: Channel, living: Living, at: datetime, since: datetime) -> Told:
        heard = self._talks.company(channel.uniqueid)
        claimed = Claimed(
            at=at,
            arrival=Arrival(at=at, direction=Direction.INBOUND, dialled=person(channel.dialled)),
            number=channel.number,
            name=self._name(channel, living),
            note=self._variable(living, CALL_VARIABLE),
            since=since,
            talkers=self._party.talkers(heard),
            waits_in=self._queue(living),
        )
        return Told(channel, claimed)
