"""One PBX, as the bridge sees it: what is the same for every kind.

A kind of PBX has its link, its translator, and its own way to start, stop and mute a recorder; how
the three fit together, and what the bridge is told when, is here.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import structlog

from ami_bridge.clock import PbxClock, believable
from ami_bridge.facts import (
    AnswerYes,
    Channel,
    Command,
    Fact,
    MuteRecorder,
    MuteUnconfirmed,
    NotePayment,
    NoteState,
    RecorderMuted,
    RecorderRefused,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    UnmuteRecorder,
    VariableSet,
)
from ami_bridge.lease import Lease
from ami_bridge.living import Running
from ami_bridge.payments import note
from ami_bridge.told import Told
from ami_bridge.variables import CALL_VARIABLE, PAYMENT_VARIABLE, SILENCE_VARIABLE
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, ChannelGone, HushtapeError

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 5.0  # a link that takes 2 s each way still confirms
MUTE_TIMEOUT_S = 5.0
NOTE_TIMEOUT_S = 5.0
STATUS_TIMEOUT_S = 15.0
TOLD_AT_LAST_S = 2.0  # an event may come after the answer that shows what it tells

log = structlog.get_logger()


class Stamped(Protocol):
    """What a PBX told."""

    @property
    def sent(self) -> datetime | None:
        """When, by the PBX's clock."""

    @property
    def received(self) -> datetime:
        """When it came, by ours."""


class StationLink(Protocol):
    """The link, as far as every kind has the same."""

    @property
    def heard_at(self) -> datetime | None:
        """All that the PBX said until then was handed on; our clock."""

    def start(self) -> None:
        """Begin to connect."""

    async def close(self) -> None:
        """End everything, for good."""

    async def get_global(self, name: str) -> str:
        """Read a variable of the whole PBX."""

    async def set_global(self, name: str, value: str) -> None:
        """Set it."""


class StationTranslator(Protocol):
    """The translator, as far as every kind has the same."""

    def channel(self, uniqueid: str) -> Channel | None:
        """Return a live channel."""

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        """Name every channel on which an outside party may be recorded, its own the first."""

    def overheard(self, channel: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears a call."""

    def know(self, channel: Channel, legs: Sequence[Channel]) -> None:
        """Remember the channels of a call that a predecessor left."""

    def resync(
        self, living: Sequence[Mapping[str, str]], at: datetime, since: datetime
    ) -> Iterable[Told]:
        """Take in what lives on the PBX."""


class BaseStation(ABC):
    """One PBX, for the bridge.

    Args:
        name: the PBX's name in the configuration.
        now: tells the time, aware UTC.
        owner: names this bridge among those that may serve the PBX, see ``lease.owner_of``; left
            out, there is no other.
        stop_timeout_s: for each try to stop a recorder.
    """

    one_file: ClassVar[bool]  # both sides of a recorder go into one file
    UNSTAMPED: ClassVar[str]  # what to do about a PBX that doesn't stamp its events
    UNIQUEID: ClassVar[str]  # under which name a living channel has its id
    NO_CHANNEL: ClassVar[tuple[str, ...]]  # the words in which it says that there is none
    _link: StationLink
    _translator: Any  # a StationTranslator, and what its own kind asks of it

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        bridge: Bridge,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        owner: str = "",
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        self.name = name
        self._pbx = pbx
        self._bridge = bridge
        self._now = now
        self._stop_timeout_s = stop_timeout_s
        self._clock = PbxClock()
        self._translator = self._new_translator()
        self._warned: set[str] = set()
        self._taken_in = asyncio.Event()  # one more of the PBX's events
        self._is_in_step = False  # with what the PBX says, since the last resync
        self._unseen_since: datetime | None = None  # from when on we can't know what happened
        self._lease = (
            Lease(
                name,
                owner,
                lambda variable: self._link.get_global(variable),
                lambda variable, text: self._link.set_global(variable, text),
                self._caught_up,
            )
            if owner
            else None
        )

    @property
    def heard_at(self) -> datetime | None:
        """When the PBX was last known to be there, on its own clock."""
        at = self._link.heard_at
        return None if at is None else self._clock.pbx_time(at)

    def lives(self, uniqueid: str) -> bool:
        """Tell whether a channel is there, as far as is known."""
        return self._translator.channel(uniqueid) is not None

    @property
    def up(self) -> bool:
        """Whether the PBX can be asked now, and it is this bridge that serves it."""
        return self._is_in_step

    @property
    def spool(self) -> Path | None:
        """The folder in which the PBX records; None: this machine hasn't got it."""
        return self._pbx.spool_to_try

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        """Name every channel on which an outside party may be recorded, its own the first."""
        around: tuple[Channel, ...] = self._translator.around(channel)
        return around

    def overheard(self, channel: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears an outside party's call."""
        return bool(self._translator.overheard(channel))

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        """Remember the channels of a call that a predecessor left, alive until ``since``."""
        self._translator.know(channel, legs)
        self._unseen_since = min(since, self._unseen_since or since)

    def pbx_now(self) -> datetime:
        """Tell the time on the PBX's clock, aware UTC."""
        return self._clock.pbx_time(self._now())

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        self._link.start()
        try:
            await asyncio.Event().wait()
        finally:
            if self._lease is not None:
                await self._lease.release()
            await self._link.close()

    async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
        """Carry out a command on a channel. What goes wrong is a fact too."""
        match command:
            case StartRecorder():
                return await self._start(channel, command)
            case StopRecorder():
                return await self._stop(channel, command)
            case StopEveryRecorder():
                return await self._stop_every(channel, command.segment)
            case MuteRecorder():
                return await self._mute(channel, command, muted=True)
            case UnmuteRecorder():
                return await self._mute(channel, command, muted=False)
            case NoteState():
                return await self._set(channel, CALL_VARIABLE, command.text)
            case NotePayment():
                text = note(command.at, command.way) if command.at is not None else ""
                return await self._set(channel, PAYMENT_VARIABLE, text)
            case AnswerYes():
                return await self._set(channel, SILENCE_VARIABLE, command.nonce)
            case _:
                raise TypeError(f"a PBX knows no command {type(command).__name__}")

    # What each kind of PBX does in its own way; what goes wrong is raised as a HushtapeError where
    # nothing else is said

    @abstractmethod
    def _new_translator(self) -> StationTranslator:
        """Make a translator that knows of nothing yet."""

    @abstractmethod
    async def _living(self) -> Sequence[Mapping[str, str]]:
        """Ask for every channel that lives."""

    @abstractmethod
    async def _start(self, channel: Channel, command: StartRecorder) -> Fact:
        """Start a recorder; whatever goes wrong is a fact."""

    @abstractmethod
    async def _stop(self, channel: Channel, command: StopRecorder) -> Fact:
        """Stop a recorder, and show that it is gone; whatever goes wrong is a fact."""

    @abstractmethod
    async def _stop_every(self, channel: Channel, segment: int) -> Fact:
        """Stop all that records on a channel; whatever goes wrong is a fact."""

    @abstractmethod
    async def _hush(self, channel: Channel, recorder_id: str, *, muted: bool) -> None:
        """Have a recorder write zeros, or sound again."""

    @abstractmethod
    async def _set_variable(self, channel: Channel, name: str, value: str) -> None:
        """Set a variable of a channel."""

    # The answers

    def _refused(self, segment: int, why: object) -> Fact:
        log.error("recorder refused", pbx=self.name, why=str(why))
        return RecorderRefused(at=self.pbx_now(), segment=segment)

    def _uncertain(self, segment: int, why: object) -> Fact:
        log.error("recorder uncertain", pbx=self.name, why=str(why))
        return RecorderUncertain(at=self.pbx_now(), segment=segment)

    def _unconfirmed(self, segment: int, why: object, *, by_id: bool = False) -> Fact:
        log.warning("stop unconfirmed", pbx=self.name, why=str(why))
        return StopUnconfirmed(at=self.pbx_now(), segment=segment, by_id=by_id)

    async def _raise_if_gone(self, channel: Channel, error: ActionRefused) -> None:
        """Wait for the hang-up of a channel that is no more: only the event says since when.

        Raises:
            ChannelGone: the PBX knows it no more, and its hang-up has been told.
        """
        if error.answer.strip() in self.NO_CHANNEL and await self._is_hung_up(channel):
            raise ChannelGone(str(error)) from None

    async def _is_hung_up(self, channel: Channel) -> bool:
        """Tell whether a channel's hang-up is told by now, or at last."""
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(TOLD_AT_LAST_S):
                while self.lives(channel.uniqueid):
                    self._taken_in.clear()
                    await self._taken_in.wait()
        return not self.lives(channel.uniqueid)

    def _not_begun(self, segment: int) -> Fact:
        log.info("hung up before its recorder could begin", pbx=self.name)
        return RecorderRefused(at=self.pbx_now(), segment=segment)

    def _went_along(self, segment: int) -> Fact:
        """Every recorder of a channel is gone with it; when, its hang-up has told."""
        return RecorderStopped(at=self.pbx_now(), segment=segment, found=0)

    async def _mute(
        self, channel: Channel, command: MuteRecorder | UnmuteRecorder, *, muted: bool
    ) -> Fact | None:
        segment = command.segment
        try:
            await self._hush(channel, command.recorder_id, muted=muted)
        except ChannelGone:
            return MuteUnconfirmed(at=self.pbx_now(), segment=segment)
        except HushtapeError as error:
            log.warning("mute unconfirmed", pbx=self.name, muted=muted, why=str(error))
            return MuteUnconfirmed(at=self.pbx_now(), segment=segment)
        return RecorderMuted(at=self.pbx_now(), segment=segment) if muted else None

    async def _set(self, channel: Channel, name: str, value: str) -> Fact | None:
        try:
            await self._set_variable(channel, name, value)
        except ChannelGone:
            return None  # nobody will read it
        except HushtapeError as error:
            log.warning("call state not noted", pbx=self.name, variable=name, why=str(error))
            return None
        return VariableSet(at=self.pbx_now())

    # The clock

    def _time_of(self, event: Stamped) -> datetime:
        """Return when an event happened: by the PBX's clock, if it tells and can be believed."""
        stamp = event.sent
        if stamp is None:
            self._warn_once(self.UNSTAMPED)
            return event.received
        if not believable(stamp, event.received):
            self._warn_once("the PBX's clock is more than a minute off: not believed, set it right")
            return event.received
        self._clock.note(stamp, event.received)
        return stamp

    def _warn_once(self, what: str, kind: Kind = Kind.OTHER) -> None:
        if what not in self._warned:
            self._warned.add(what)
            raise_alarm(kind, what, pbx=self.name)

    # The link comes and goes

    def _caught_up(self) -> datetime | None:
        """Until when all that the PBX said was taken in, on its clock."""
        if not self._is_in_step or self._link.heard_at is None:
            return None
        return self._clock.pbx_time(self._link.heard_at)

    def _since(self, asked_at: datetime) -> datetime:
        """From when on nobody listened: neither this bridge nor the one before it."""
        before = self._lease.previous_renewed_at if self._lease is not None else None
        if self._lease is not None and self._lease.is_after_another:
            return before or asked_at
        return self._unseen_since or before or asked_at

    async def _on_up(self) -> None:
        asked_at = self.pbx_now()
        living = await self._living()
        if self._lease is not None and self._lease.is_after_another:
            there = {each.get(self.UNIQUEID, "") for each in living}
            self._bridge.disown(self, there, self._unseen_since or asked_at)
            self._translator = self._new_translator()
        since = self._since(asked_at)
        for told in self._translator.resync(living, self.pbx_now(), since):
            self._bridge.tell(self, told.channel, told.fact)
        self._unseen_since = None
        self._is_in_step = True
        self._bridge.link_up(self, self.pbx_now())
        metrics.link(self.name, is_up=True)
        log.info("link up", pbx=self.name, channels=len(living))

    async def _on_down(self, why: HushtapeError) -> None:
        """Live calls go on as they are; the link has said why in the log, and comes back."""
        self._is_in_step = False
        metrics.link(self.name, is_up=False)
        if self._unseen_since is None and self._link.heard_at is not None:
            self._unseen_since = self._clock.pbx_time(self._link.heard_at)
