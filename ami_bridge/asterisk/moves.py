"""Where an Asterisk sends a call, and who did it: transfers and redirects. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from ami_bridge.asterisk.halves import pair
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.facts import Channel, TransferCompleted, TransferFailed
from ami_bridge.told import Told
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

Event = Mapping[str, str]


class Moves:
    """Follows the ways of one PBX's channels."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._moved: set[str] = set()  # uniqueids of those who are not where they had dialled
        # A queue's Local member stands between caller and agent: its halves' common name -> caller.
        self._callers: dict[str, Channel] = {}

    def has_moved(self, channel: Channel) -> bool:
        """Tell whether a channel isn't where it had dialled."""
        return channel.uniqueid in self._moved

    def moved(self, channel: Channel) -> None:
        """Note that a channel isn't where it had dialled."""
        self._moved.add(channel.uniqueid)

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._moved.discard(uniqueid)

    # queues' Local members

    def connects(self, name: str, caller: Channel) -> None:
        """Take in through which channel a caller is connected with a queue's agent."""
        if pair(name):
            self._callers[pair(name)] = caller

    def hung_up(self, name: str) -> None:
        """Forget a queue's Local member, by a half's name."""
        self._callers.pop(pair(name), None)

    def resync(self, alive: Collection[str]) -> None:
        """Forget the callers who are gone, after nobody has listened."""
        self._callers = {k: v for k, v in self._callers.items() if v.uniqueid in alive}

    # transfers

    def redirected(self, channel: Channel, event: Event, at: datetime) -> Iterator[Told]:
        """Take in where a channel is that talks: elsewhere than was told, it was redirected."""
        extension = event.get("Exten", "")
        if extension and extension != channel.extension and not in_subroutine(event):
            channel.extension = extension
            place = self._known.party.place(extension)
            yield Told(channel, TransferCompleted(at=at, place=place, how="redirected"))

    def blind(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in a ``BlindTransfer``."""
        place = self._known.party.place(event.get("Extension", ""))
        yield from self._transferred(event, place, "blind", at)

    def attended(self, event: Event, at: datetime) -> Iterator[Told]:
        """Take in an ``AttendedTransfer``."""
        if event.get("DestType") == "Threeway":
            return  # nobody has left: who is in the talk is what counts
        yield from self._transferred(event, self._attended_place(event), "attended", at)
        yield from self._swapped(event, at)

    def _transferred(self, event: Event, place: Place, how: str, at: datetime) -> Iterator[Told]:
        channel = self._known.channel(event.get("TransfereeUniqueid", ""))
        # Where a queue's member is a Local channel, its far half is transferred, and with it the
        # caller. (Run on Asterisk 22, with Local/211@internal/n.)
        half = event.get("TransfereeChannel", "")
        if pair(half):
            channel = self._callers.get(pair(half)) or self._known.behind(half)
            if channel is None:
                # Somebody near this caller was transferred, we can't tell who: not sure means no.
                channel = self._known.channel(event.get("TransfereeLinkedid", ""))
                place = Place(DestinationKind.UNKNOWN, place.extension)
        if channel is None:
            return
        if event.get("Result") != "Success":
            yield Told(channel, TransferFailed(at=at))
            return
        self.moved(channel)
        # In an attended one the caller stays where it is in the dialplan, unless it takes the place
        # of a channel that was dialling, or waiting, there.
        if how == "blind" or event.get("DestType") == "App":
            channel.extension = place.extension
        yield Told(channel, TransferCompleted(at=at, place=place, how=how))

    def _swapped(self, event: Event, at: datetime) -> Iterator[Told]:
        """An attended transfer the other way round: the caller is the one who is talked to."""
        target = self._known.channel(event.get("TransferTargetUniqueid", ""))
        if event.get("Result") != "Success" or target is None or pair(target.name):
            return
        first = self._known.channel(event.get("OrigTransfererUniqueid", ""))
        place = Place(DestinationKind.UNKNOWN, "")
        if first is not None and _by_phone(event):
            place = self._known.party.place(first.dialled)
        yield Told(target, TransferCompleted(at=at, place=place, how="attended"))

    def _attended_place(self, event: Event) -> Place:
        """Say where an attended transfer led: to whom the transferer was talking.

        By feature code that is a Local channel, named after the extension. By phone it is what the
        transferer's second channel had dialled. Anything else can't be told.
        """
        target = event.get("TransferTargetChannel", "")
        if not target:
            # Run on Asterisk 22: every now and then the event names no target. It has joined the
            # caller's bridge by then.
            target = self._local_in_talk(event.get("TransfereeUniqueid", ""))
        if pair(target):
            return self._known.party.place(target.removeprefix("Local/").partition("@")[0])
        second = self._known.channel(event.get("SecondTransfererUniqueid", ""))
        if second is not None and _by_phone(event):
            return self._known.party.place(second.dialled)
        return Place(DestinationKind.UNKNOWN, "")

    def _local_in_talk(self, uniqueid: str) -> str:
        """Return the name of the one Local channel with which a channel talks, else ``""``.

        The channel may be half of one itself: behind a queue's Local member.
        """
        members = self._known.talks.members(self._known.talks.bridge_of(uniqueid))
        found = [self._known.channel(each) for each in members if each != uniqueid]
        locals_ = [each.name for each in found if each is not None and pair(each.name)]
        return locals_[0] if len(locals_) == 1 else ""


def _by_phone(event: Event) -> bool:
    """Tell whether somebody connected two channels of his telephone, and pressed no key for it."""
    return event.get("SecondTransfererChannel") != event.get("OrigTransfererChannel")
