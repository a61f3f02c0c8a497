"""What has become of an Asterisk's channels while nobody listened. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ami_bridge.asterisk.dials import Dials
from ami_bridge.asterisk.known import Known
from ami_bridge.asterisk.living import Living, queue_of, variables_of, was_dialled
from ami_bridge.asterisk.party import name_in
from ami_bridge.asterisk.queues import Queues
from ami_bridge.asterisk.subroutines import in_subroutine
from ami_bridge.facts import Channel
from ami_bridge.payments import Payments
from ami_bridge.resync import BaseResync
from ami_bridge.told import Told


class Resync(BaseResync):
    """Tells what is otherwise than it was remembered."""

    def __init__(self, known: Known, queues: Queues, dials: Dials, payments: Payments) -> None:
        super().__init__(known.channels, known.talks, known.party, payments)
        self._queues = queues
        self._dials = dials

    def tell(
        self, alive: Mapping[str, Living], new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Tell of everybody who lives."""
        yield from super().tell(alive, new, at, since)
        yield from self._dials.meanwhile(alive, at)

    def _variable(self, living: Living, name: str) -> str:
        return variables_of(living).get(name, "")

    def _linkedid(self, living: Living) -> str:
        return living.get("Linkedid", "")

    def _name(self, channel: Channel, living: Living) -> str:
        return name_in(living)

    def _queue(self, living: Living) -> str:
        return queue_of(living)

    def _moved(
        self, channel: Channel, living: Living, at: datetime, since: datetime
    ) -> Iterator[Told]:
        channel.name = living.get("Channel", channel.name)
        others = self._is_with_others(channel)
        extension = living.get("Exten", "")
        if extension != channel.extension and not in_subroutine(living):
            channel.extension = extension
            yield self._went(channel, since, self._party.place(extension))
            yield from self._queues.found(channel, living, at)
        elif channel.queue and queue_of(living) not in ("", channel.queue):  # the dialplan's doing
            yield from self._queues.found(channel, living, since)
        elif others:
            yield self._went(channel, since)

    def _found(
        self, channel: Channel, living: Living, new: Sequence[str], at: datetime, since: datetime
    ) -> Iterator[Told]:
        yield from self._queues.found(channel, living, at)
        if was_dialled(living) and self._party.is_outside(channel):
            for caller in self._insiders_with(channel):
                yield from self._dials.answered(caller, channel, living, at)
