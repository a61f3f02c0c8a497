"""One Asterisk: its link, its translator, its clock; commands become actions, answers facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.clock import PbxClock, believable
from ami_bridge.asterisk.lease import Lease
from ami_bridge.asterisk.link import Link
from ami_bridge.asterisk.payments import PAYMENT_VARIABLE, note
from ami_bridge.asterisk.protocol import Frame
from ami_bridge.asterisk.starts import Starts
from ami_bridge.asterisk.trace import Trace
from ami_bridge.asterisk.translate import CALL_VARIABLE, VARIABLES, Translator
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
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    UnmuteRecorder,
    VariableSet,
)
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, AnswerTimeout, HushtapeError, UnsafeValue

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 5.0  # a link that takes 2 s each way still confirms
MUTE_TIMEOUT_S = 5.0
NOTE_TIMEOUT_S = 5.0
STATUS_TIMEOUT_S = 15.0
LEASE_TIMEOUT_S = 5.0
MOST_RECORDERS = 20  # on one channel; more than any dialplan starts
SILENCE_VARIABLE = "HUSHTAPE_SILENCE"  # where a dialplan waits for the answer to its question
KEYS_HEARD = (
    "the PBX tells of keys that people press, and of variables: card numbers, among others. Take"
    " dtmf, dialplan and all out of read = in manager.conf. Hushtape reads none of it"
)
NOTHING_TO_STOP = "Could not stop monitoring channel"  # run on Asterisk 22

log = structlog.get_logger()


class AsteriskStation:
    """One Asterisk, for the bridge.

    Args:
        name: the PBX's name in the configuration.
        now: tells the time, aware UTC.
        owner: names this bridge among those that may serve the PBX, see ``lease.owner_of``; left
            out, there is no other.
        trace: keeps what the PBX says.
        clock_s: a monotonic clock, seconds.
        stop_timeout_s: for each try to stop a recorder.
    """

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        bridge: Bridge,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        owner: str = "",
        trace: Trace | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        self.name = name
        self._stop_timeout_s = stop_timeout_s
        self._pbx = pbx
        self._starts = Starts(START_TIMEOUT_S, clock_s)
        self._bridge = bridge
        self._now = now
        self._clock = PbxClock()
        self._translator = Translator(pbx)
        self._warned: set[str] = set()
        self._is_in_step = False  # with what the PBX says, since the last resync
        self._unseen_since: datetime | None = None  # from when on we can't know what happened
        self._lease = Lease(name, owner, self._ask_out_of_turn, self._caught_up) if owner else None
        self._link = Link(
            name,
            pbx,
            password,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
            turn=self._lease,
            trace=trace,
            on_keys=self._heard_keys,
        )

    @property
    def heard_at(self) -> datetime | None:
        """When the PBX was last known to be there, aware UTC, our clock."""
        return self._link.heard_at

    def lives(self, uniqueid: str) -> bool:
        """Tell whether a channel is there, as far as is known."""
        return self._translator.channel(uniqueid) is not None

    @property
    def up(self) -> bool:
        """Whether the PBX can be asked now, and it is this bridge that serves it."""
        return self._is_in_step

    @property
    def spool(self) -> Path:
        """The folder in which the PBX records, as this machine may have it."""
        return self._pbx.spool_path

    def around(self, channel: Channel) -> tuple[Channel, ...]:
        """Name every channel on which an outside party may be recorded, its own the first."""
        return self._translator.around(channel)

    def know(self, channel: Channel, legs: Sequence[Channel], since: datetime) -> None:
        """Remember the channels of a call that a predecessor left, alive until ``since``."""
        self._translator.know(channel, legs)
        self._unseen_since = min(since, self._unseen_since or since)

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
                raise TypeError(f"an Asterisk knows no command {type(command).__name__}")

    async def _start(self, channel: Channel, command: StartRecorder) -> Fact:
        segment = command.segment
        try:
            action = actions.start_recorder(
                channel.name,
                f"{self._pbx.spool}/{command.outside_file}",
                f"{self._pbx.spool}/{command.inside_file}",
                f"HUSHTAPE_RECORDER_{segment}",
            )
            self._starts.asked(channel.uniqueid)
            answer = await self._link.ask(action, timeout_s=START_TIMEOUT_S)
        except (ActionRefused, UnsafeValue) as error:
            self._starts.refused(channel.uniqueid)
            log.error("recorder refused", pbx=self.name, why=str(error))
            return RecorderRefused(at=self.pbx_now(), segment=segment)
        except HushtapeError as error:
            log.error("recorder uncertain", pbx=self.name, why=str(error))
            return RecorderUncertain(at=self.pbx_now(), segment=segment)
        recorder_id = answer.get("MixMonitorID", "")
        if not recorder_id:
            # The variable is new for each segment: empty means that no recorder was made.
            log.error("recorder refused", pbx=self.name, why="the PBX gave it no id")
            return RecorderRefused(at=self.pbx_now(), segment=segment)
        return RecorderStarted(at=self.pbx_now(), segment=segment, recorder_id=recorder_id)

    async def _stop(self, channel: Channel, command: StopRecorder) -> Fact:
        """Stop one recorder, and stop it once more: a refusal shows that it is gone.

        A stop that isn't answered is sent once more: to be stopped twice harms nothing.

        Run on Asterisk 22: an explicit stop closes the file before it answers, and a second stop
        of the same id is refused. A refusal of the first proves nothing: a wrong id has it too.
        """
        segment = command.segment
        try:
            action = actions.stop_recorder(channel.name, command.recorder_id)
            try:
                await self._link.ask(action, timeout_s=self._stop_timeout_s)
            except AnswerTimeout:
                await self._link.ask(action, timeout_s=self._stop_timeout_s)
            closed_at = self.pbx_now()
            gone = await self._nothing_to_stop(action)
        except HushtapeError as error:
            return self._unconfirmed(segment, error, by_id=True)
        if not gone:
            return self._unconfirmed(segment, "it could be stopped twice", by_id=True)
        return RecorderStopped(at=closed_at, segment=segment)

    async def _stop_every(self, channel: Channel, segment: int) -> Fact:
        """Stop the newest recorder until there is none left to stop."""
        try:
            action = actions.stop_newest_recorder(channel.name)
            for found in range(MOST_RECORDERS):
                if await self._nothing_to_stop(action):
                    return RecorderStopped(at=self.pbx_now(), segment=segment, found=found)
        except HushtapeError as error:
            return self._unconfirmed(segment, error)
        return self._unconfirmed(segment, f"more than {MOST_RECORDERS} recorders on one channel")

    async def _nothing_to_stop(self, action: dict[str, str]) -> bool:
        """Send a stop; true if the PBX says that there was nothing to stop.

        Only these words say so. "No such channel" may be a channel under another name by now.
        """
        try:
            await self._link.ask(action, timeout_s=self._stop_timeout_s)
        except ActionRefused as error:
            if error.answer == NOTHING_TO_STOP:
                return True
            raise
        return False

    def _unconfirmed(self, segment: int, why: object, *, by_id: bool = False) -> Fact:
        log.warning("stop unconfirmed", pbx=self.name, why=str(why))
        return StopUnconfirmed(at=self.pbx_now(), segment=segment, by_id=by_id)

    async def _mute(
        self, channel: Channel, command: MuteRecorder | UnmuteRecorder, *, muted: bool
    ) -> Fact | None:
        segment = command.segment
        try:
            action = actions.mute_recorder(channel.name, command.recorder_id, muted=muted)
            await self._link.ask(action, timeout_s=MUTE_TIMEOUT_S)
        except HushtapeError as error:
            log.warning("mute unconfirmed", pbx=self.name, muted=muted, why=str(error))
            return MuteUnconfirmed(at=self.pbx_now(), segment=segment)
        return RecorderMuted(at=self.pbx_now(), segment=segment) if muted else None

    async def _set(self, channel: Channel, name: str, value: str) -> Fact | None:
        try:
            action = actions.set_variable(channel.name, name, value)
            await self._link.ask(action, timeout_s=NOTE_TIMEOUT_S)
        except HushtapeError as error:
            log.warning("call state not noted", pbx=self.name, variable=name, why=str(error))
            return None
        return VariableSet(at=self.pbx_now())

    async def _on_event(self, frame: Frame) -> None:
        at = self._time_of(frame)
        told = self._translator.translate(frame, at)
        if frame.event == "MixMonitorStart" and not self._starts.seen(frame.get("Uniqueid", "")):
            told += self._translator.foreign(frame, at)
        for each in told:
            self._bridge.tell(self, each.channel, each.fact)

    def _heard_keys(self) -> None:
        if KEYS_HEARD not in self._warned:
            self._warned.add(KEYS_HEARD)
            raise_alarm(Kind.SILENCE, KEYS_HEARD, pbx=self.name)

    def _time_of(self, frame: Frame) -> datetime:
        """Return when an event happened: by the PBX's clock, if it tells and can be believed."""
        stamp = frame.sent
        if stamp is None:
            self._warn_once(
                "the PBX doesn't stamp its events: set timestampevents = yes in manager.conf"
            )
            return frame.received
        if not believable(stamp, frame.received):
            self._warn_once("the PBX's clock is more than a minute off: not believed, set it right")
            return frame.received
        self._clock.note(stamp, frame.received)
        return stamp

    def _warn_once(self, what: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            raise_alarm(Kind.OTHER, what, pbx=self.name)

    async def _ask_out_of_turn(self, action: Mapping[str, str]) -> Frame:
        return await self._link.ask(action, timeout_s=LEASE_TIMEOUT_S, out_of_turn=True)

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
        living = await self._link.ask_list(actions.status(VARIABLES), timeout_s=STATUS_TIMEOUT_S)
        if self._lease is not None and self._lease.is_after_another:
            there = {each.get("Uniqueid", "") for each in living}
            self._bridge.disown(self, there, self._unseen_since or asked_at)
            self._translator = Translator(self._pbx)
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

    def pbx_now(self) -> datetime:
        """Tell the time on the PBX's clock, aware UTC."""
        return self._clock.pbx_time(self._now())
