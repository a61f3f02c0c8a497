"""One Asterisk: its link, its translator, its clock; commands become actions, answers facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.clock import PbxClock
from ami_bridge.asterisk.link import Link
from ami_bridge.asterisk.protocol import Frame
from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    Channel,
    Command,
    Fact,
    NoteState,
    RecorderRefused,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
)
from hushtape.config import Pbx
from hushtape.errors import ActionRefused, HushtapeError

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 2.0
NOTE_TIMEOUT_S = 5.0
STATUS_TIMEOUT_S = 15.0
MOST_RECORDERS = 20  # on one channel; more than any dialplan starts
CALL_VARIABLE = "HUSHTAPE_CALL"

log = structlog.get_logger()


class AsteriskStation:
    """One Asterisk, for the bridge.

    Args:
        name: the PBX's name in the configuration.
        now: tells the time, aware UTC.
    """

    def __init__(
        self,
        name: str,
        pbx: Pbx,
        password: str,
        bridge: Bridge,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._pbx = pbx
        self._bridge = bridge
        self._now = now
        self._clock = PbxClock()
        self._translator = Translator(pbx)
        self._was_up = False
        self._link = Link(
            name,
            pbx,
            password,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
        )

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        self._link.start()
        try:
            await asyncio.Event().wait()
        finally:
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
            case NoteState():
                await self._note(channel, command.text)
                return None
            case _:
                raise TypeError(f"an Asterisk knows no command {type(command).__name__}")

    async def _start(self, channel: Channel, command: StartRecorder) -> Fact:
        segment = command.segment
        try:
            answer = await self._link.ask(
                actions.start_recorder(
                    channel.name,
                    f"{self._pbx.spool}/{command.outside_file}",
                    f"{self._pbx.spool}/{command.inside_file}",
                    f"HUSHTAPE_RECORDER_{segment}",
                ),
                timeout_s=START_TIMEOUT_S,
            )
        except ActionRefused as error:
            log.error("recorder refused", pbx=self.name, why=str(error))
            return RecorderRefused(at=self.pbx_now(), segment=segment)
        except HushtapeError as error:
            log.error("recorder uncertain", pbx=self.name, why=str(error))
            return RecorderUncertain(at=self.pbx_now(), segment=segment)
        recorder_id = answer.get("MixMonitorID", "")
        if not recorder_id:
            # The variable is new for each segment: empty means that no recorder was made.
            return RecorderRefused(at=self.pbx_now(), segment=segment)
        return RecorderStarted(at=self.pbx_now(), segment=segment, recorder_id=recorder_id)

    async def _stop(self, channel: Channel, command: StopRecorder) -> Fact:
        """Stop one recorder, and stop it once more: a refusal shows that it is gone.

        Run on Asterisk 22: an explicit stop closes the file before it answers, and a second stop
        of the same id is refused. A refusal of the first proves nothing: a wrong id has it too.
        """
        action = actions.stop_recorder(channel.name, command.recorder_id)
        try:
            await self._link.ask(action, timeout_s=STOP_TIMEOUT_S)
        except HushtapeError as error:
            return self._unconfirmed(command.segment, error)
        closed_at = self.pbx_now()
        try:
            await self._link.ask(action, timeout_s=STOP_TIMEOUT_S)
        except ActionRefused:
            return RecorderStopped(at=closed_at, segment=command.segment)
        except HushtapeError as error:
            return self._unconfirmed(command.segment, error)
        return self._unconfirmed(command.segment, "it could be stopped twice")

    async def _stop_every(self, channel: Channel, segment: int) -> Fact:
        """Stop the newest recorder until there is none left to stop."""
        action = actions.stop_newest_recorder(channel.name)
        try:
            for _ in range(MOST_RECORDERS):
                await self._link.ask(action, timeout_s=STOP_TIMEOUT_S)
        except ActionRefused:
            return RecorderStopped(at=self.pbx_now(), segment=segment)
        except HushtapeError as error:
            return self._unconfirmed(segment, error)
        return self._unconfirmed(segment, f"more than {MOST_RECORDERS} recorders on one channel")

    def _unconfirmed(self, segment: int, why: object) -> Fact:
        log.warning("stop unconfirmed", pbx=self.name, why=str(why))
        return StopUnconfirmed(at=self.pbx_now(), segment=segment)

    async def _note(self, channel: Channel, text: str) -> None:
        try:
            await self._link.ask(
                actions.set_variable(channel.name, CALL_VARIABLE, text), timeout_s=NOTE_TIMEOUT_S
            )
        except HushtapeError as error:
            log.warning("call state not noted", pbx=self.name, why=str(error))

    async def _on_event(self, frame: Frame) -> None:
        if frame.sent is not None:
            self._clock.note(frame.sent, frame.received)
        for told in self._translator.translate(frame, frame.sent or frame.received):
            self._bridge.tell(self, told.channel, told.fact)

    async def _on_up(self) -> None:
        living = await self._link.ask_list(
            actions.status((CALL_VARIABLE,)), timeout_s=STATUS_TIMEOUT_S
        )
        at = self.pbx_now()
        for told in self._translator.resync(living, at):
            self._bridge.tell(self, told.channel, told.fact)
        if self._was_up:
            self._bridge.link_returned(self, at)
        self._was_up = True
        log.info("link up", pbx=self.name, channels=len(living))

    async def _on_down(self, why: HushtapeError) -> None:
        """Live calls go on as they are; the link has said why in the log, and comes back."""

    def pbx_now(self) -> datetime:
        """Tell the time on the PBX's clock, aware UTC."""
        return self._clock.pbx_time(self._now())
