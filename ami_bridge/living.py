"""A live call as the bridge holds it, and the PBX on which it lives."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from ami_bridge.call.machine import Call
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import Channel, Command, Fact
from hushtape.policy.stages import Stage


class Running(NamedTuple):
    """A recorder that runs, or may."""

    channel: Channel
    segment: int
    recorder_id: str


class Station(Protocol):
    """One PBX, as the bridge sees it."""

    @property
    def name(self) -> str:
        """The PBX's name in the configuration."""

    @property
    def heard_at(self) -> datetime | None:
        """When the PBX was last known to be there, on its own clock, aware UTC."""

    @property
    def up(self) -> bool:
        """Whether the PBX can be asked now, and it is this bridge that serves it."""

    @property
    def spool(self) -> Path | None:
        """The folder in which the PBX records; None: this machine hasn't got it."""

    @property
    def one_file(self) -> bool:
        """Whether the PBX writes both sides of a recorder into one file."""

    def lives(self, uniqueid: str) -> bool:
        """Tell whether a channel is there, as far as is known."""

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        """Name every channel on which an outside party may be recorded, its own the first."""

    def overheard(self, channel: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears an outside party's call."""

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        """Remember the channels of a call that a predecessor left, alive until ``since``.

        Args:
            channel: the outside party's.
            legs: of the agents who consulted somebody.
            recorders: those of the call that run, or may.
        """

    async def run(self) -> None:
        """Keep the link up, and tell the bridge every fact, until cancelled."""

    def pbx_now(self) -> datetime:
        """Tell the time on the PBX's clock, aware UTC."""

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        """Carry out a command on a channel; the PBX's answer is a fact."""


@dataclass(slots=True, eq=False)
class Live:
    """A live call, or one that is over and not handed off yet.

    Args:
        adopted: False: a predecessor's, and its PBX has not been asked about it yet.
        disowned: another bridge's by now: what comes late of it is nothing to us.
        stirred: is set whenever something has happened to it.
        heard_until: when the last happened that its PBX told of it.
        looked_at: uniqueids of channels around it that were shown, in this payment, to have no
            recorder that isn't ours.
        looking: how often a channel is being looked at now, by its uniqueid.
    """

    call: Call
    station: Station
    channel: Channel
    adopted: bool = True
    disowned: bool = False
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    heard_until: datetime | None = None
    looked_at: set[str] = field(default_factory=set)
    looking: Counter[str] = field(default_factory=Counter)

    @property
    def recorders(self) -> list[Running]:
        """Its recorders that have an id, and may run still."""
        return [
            Running(track.channel or self.channel, track.draft.number, track.draft.recorder_id)
            for track in self.call.tracks
            if track.draft is not None and track.draft.recorder_id
        ]

    def heard(self, at: datetime) -> None:
        """Note that its PBX has told of something that happened then."""
        self.heard_until = max(at, self.heard_until or at)

    @property
    def in_payment(self) -> bool:
        """Whether it is silent because of a payment, or nothing is ever recorded of it again."""
        return not self.disowned and self.call.stage in (Stage.SILENT, Stage.DECLINED)

    @property
    def silent(self) -> bool:
        """Whether it is in payment and every recorder of it was shown to be gone."""
        return self.in_payment and not self.call.writing

    @property
    def quiet(self) -> bool:
        """Whether it is in payment and each recorder of it is gone, or says that it is muted."""
        tracks = self.call.tracks
        return self.in_payment and all(
            not track.writing or track.recorder is Recorder.MUTED for track in tracks
        )

    @property
    def alone(self) -> bool:
        """Whether nothing but our own, muted recorders can record on any channel around it."""
        return all(
            not self.looking[uniqueid] and (uniqueid in self.looked_at or self.has_ours(uniqueid))
            for uniqueid in (each.uniqueid for each in self.station.around(self.channel))
            if self.station.lives(uniqueid)
        )

    def has_ours(self, uniqueid: str) -> bool:
        """Tell whether a recorder of this call is on a channel, or may be."""
        on = self.channel.uniqueid
        return any(
            track.writing
            and uniqueid == (track.channel.uniqueid if track.channel is not None else on)
            for track in self.call.tracks
        )

    async def until_silent(self, within_s: float) -> bool:
        """Wait for silence; False: there is none within the time, or no payment any more."""
        return await self._until(lambda: self.silent, within_s)

    async def until_quiet(self, within_s: float) -> bool:
        """The same, where the policy lets recorders be muted."""
        return await self._until(lambda: self.quiet, within_s)

    async def until_sure(self, within_s: float) -> bool:
        """The same, and nothing else records around it either."""
        return await self._until(lambda: self.quiet and self.alone, within_s)

    async def until_stirred(self) -> None:
        """Wait until something happens to the call."""
        self.stirred.clear()
        await self.stirred.wait()

    async def _until(self, reached: Callable[[], bool], within_s: float) -> bool:
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.in_payment and not reached():
                    await self.until_stirred()
        return reached()
