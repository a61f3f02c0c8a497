"""One Asterisk: its link, its translator, its clock; commands become actions, answers facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from ami_bridge.asterisk import actions
from ami_bridge.asterisk.halts import Halts
from ami_bridge.asterisk.link import Link
from ami_bridge.asterisk.protocol import DROPPED, Frame
from ami_bridge.asterisk.rights import LACKING, Rights
from ami_bridge.asterisk.said import OWN_EVENT
from ami_bridge.asterisk.starts import Starts
from ami_bridge.asterisk.trace import Trace
from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import (
    Channel,
    Fact,
    RecorderStarted,
    RecorderStopped,
    StartRecorder,
)
from ami_bridge.station import (
    MUTE_TIMEOUT_S,
    NOTE_TIMEOUT_S,
    START_TIMEOUT_S,
    STATUS_TIMEOUT_S,
    STOP_TIMEOUT_S,
    TOLD_AT_LAST_S,
    BaseStation,
)
from ami_bridge.variables import VARIABLES
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Pbx
from hushtape.errors import (
    ActionRefused,
    AnswerTimeout,
    ChannelGone,
    HushtapeError,
    UnsafeValue,
)

if TYPE_CHECKING:
    from ami_bridge.bridge import Bridge
    from ami_bridge.facts import StopRecorder

HALT_EXPLAINS_S = 10.0  # a start that was under way may take START_TIMEOUT_S before its stop
HALT_TOLD_WITHIN_S = 0.1  # the dialplan stops first and tells of it then; our stop may fall between
MOST_RECORDERS = 20  # on one channel; more than any dialplan starts
KEYS_HEARD = (
    "the PBX tells of keys that people press, and of variables: card numbers, among others. Take"
    " dtmf, dialplan and all out of read = in manager.conf. Hushtape reads none of it"
)
FORGED = (
    "an event isn't as Asterisk writes it: somebody may have claimed or dialled line breaks to"
    " feign it. It is dropped, and all calls are looked up anew. In the dialplan, let nobody dial"
    " them: FILTER(0-9+*#,${EXTEN})"
)
NOBODYS_PAYMENT = (
    "an event says that a payment begins, on a channel that nobody knows: nothing was silenced. See"
    " `UserEvent` in docs/asterisk.md for what it must say"
)
LOOK_UP_EVERY_S = 5.0  # at most, whatever somebody feigns
LACKS_RIGHT = (
    "{without}: the PBX doesn't tell this account what it should. Add {right} to read = in"
    " manager.conf, reload the manager, then restart Hushtape"
)
RIGHTS_OFTEN_S = 30.0  # while no call was told of; there may be one now and then
RIGHTS_SELDOM_S = 600.0  # at last: some have no queues, or no payments, and many channels to list
NOTHING_TO_STOP = "Could not stop monitoring channel"  # run on Asterisk 22


log = structlog.get_logger()


class AsteriskStation(BaseStation):
    """One Asterisk, for the bridge. See ``BaseStation``.

    Args:
        trace: keeps what the PBX says.
        clock_s: a monotonic clock, seconds.
    """

    one_file = False
    UNSTAMPED = "the PBX doesn't stamp its events: set timestampevents = yes in manager.conf"
    UNIQUEID = "Uniqueid"
    NO_CHANNEL = ("No such channel",)

    _translator: Translator
    _link: Link

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
        super().__init__(name, pbx, bridge, now, owner=owner, stop_timeout_s=stop_timeout_s)
        self._starts = Starts(START_TIMEOUT_S, clock_s)
        self._halts = Halts(HALT_EXPLAINS_S, clock_s)
        self._halt_told = asyncio.Event()
        self._clock_s = clock_s
        self._looked_up_s = -LOOK_UP_EVERY_S
        self._doubted_since: datetime | None = None  # from when on an event may be lacking
        self._rights = Rights(())
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

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        watching = asyncio.create_task(self._watch_rights(), name=f"rights {self.name}")
        try:
            await super().run()
        finally:
            watching.cancel()

    def _new_translator(self) -> Translator:
        return Translator(self._pbx)

    async def _living(self) -> Sequence[Frame]:
        living = await self._status()
        self._rights = Rights(living)
        return living

    async def _status(self) -> Sequence[Frame]:
        return await self._link.ask_list(actions.status(VARIABLES), timeout_s=STATUS_TIMEOUT_S)

    async def _watch_rights(self) -> None:
        rest_s = RIGHTS_OFTEN_S
        while True:
            await asyncio.sleep(rest_s)
            seldom_s = min(2 * rest_s, RIGHTS_SELDOM_S)
            rest_s = seldom_s if self._rights.tells_calls else RIGHTS_OFTEN_S
            if self.up and not self._rights.whole:
                with suppress(HushtapeError):
                    await self._look_for_rights()

    async def _look_for_rights(self) -> None:
        """Find what the account may not read. A link that is lost meanwhile shows nothing."""
        rights, living = self._rights, await self._status()
        if not rights.lacking(living):
            return
        await asyncio.sleep(TOLD_AT_LAST_S)
        if rights is self._rights and self.up:
            for right in rights.lacking(living):
                what = LACKS_RIGHT.format(without=LACKING[right], right=right)
                self._warn_once(what, Kind.RECORDER)

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
            self._halts.started(channel.uniqueid)
            answer = await self._ask_of(channel, action, START_TIMEOUT_S)
        except (ActionRefused, UnsafeValue) as error:
            self._starts.refused(channel.uniqueid)
            return self._refused(segment, error)
        except ChannelGone:
            self._starts.refused(channel.uniqueid)
            return self._not_begun(segment)
        except HushtapeError as error:
            return self._uncertain(segment, error)
        recorder_id = answer.get("MixMonitorID", "")
        if not recorder_id:
            # The variable is new for each segment: empty means that no recorder was made.
            return self._refused(segment, "the PBX gave it no id")
        return RecorderStarted(at=self.pbx_now(), segment=segment, recorder_id=recorder_id)

    async def _stop(self, channel: Channel, command: StopRecorder) -> Fact:
        """Stop one recorder, and stop it once more: a refusal shows that it is gone.

        A stop that isn't answered is sent once more: to be stopped twice harms nothing.

        Run on Asterisk 22: an explicit stop closes the file before it answers, and a second stop
        of the same id is refused. A refusal of the first proves nothing: a wrong id has it too.
        Where the dialplan has said that it stopped all that was there, it is what was to be
        expected: see ``_stopped_before``.
        """
        segment = command.segment
        try:
            action = actions.stop_recorder(channel.name, command.recorder_id)
            try:
                await self._ask_of(channel, action, self._stop_timeout_s)
            except AnswerTimeout:
                await self._ask_of(channel, action, self._stop_timeout_s)
            closed_at = self.pbx_now()
            gone = await self._nothing_to_stop(channel, action)
        except ChannelGone:
            return self._went_along(segment)
        except HushtapeError as error:
            if isinstance(error, ActionRefused) and error.answer == NOTHING_TO_STOP:
                halted_at = await self._halted_at(channel)
                if halted_at is not None:
                    return await self._stopped_before(channel, segment, halted_at)
            return self._unconfirmed(segment, error, by_id=True)
        if not gone:
            return self._unconfirmed(segment, "it could be stopped twice", by_id=True)
        return RecorderStopped(at=closed_at, segment=segment)

    async def _halted_at(self, channel: Channel) -> datetime | None:
        """Say by when the dialplan has stopped all on a channel; None: it hasn't told so."""
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(HALT_TOLD_WITHIN_S):
                while self._halts.stopped_at(channel.uniqueid) is None:
                    self._halt_told.clear()
                    await self._halt_told.wait()
        return self._halts.stopped_at(channel.uniqueid)

    async def _stopped_before(self, channel: Channel, segment: int, at: datetime) -> Fact:
        """Show that nothing records any more on a channel where the dialplan has stopped all.

        Then it was gone when the dialplan said so; what there is to stop still had another end.
        """
        done = await self._stop_every(channel, segment)
        if isinstance(done, RecorderStopped) and not done.found:
            return RecorderStopped(at=at, segment=segment)
        return done

    async def _stop_every(self, channel: Channel, segment: int) -> Fact:
        """Stop the newest recorder until there is none left to stop."""
        try:
            action = actions.stop_newest_recorder(channel.name)
            for found in range(MOST_RECORDERS):
                if await self._nothing_to_stop(channel, action):
                    return RecorderStopped(at=self.pbx_now(), segment=segment, found=found)
        except ChannelGone:
            return self._went_along(segment)
        except HushtapeError as error:
            return self._unconfirmed(segment, error)
        return self._unconfirmed(segment, f"more than {MOST_RECORDERS} recorders on one channel")

    async def _nothing_to_stop(self, channel: Channel, action: dict[str, str]) -> bool:
        """Send a stop; true if the PBX says that there was nothing to stop."""
        try:
            await self._ask_of(channel, action, self._stop_timeout_s)
        except ActionRefused as error:
            if error.answer == NOTHING_TO_STOP:
                return True
            raise
        return False

    async def _ask_of(
        self, channel: Channel, action: dict[str, str], timeout_s: float
    ) -> Mapping[str, str]:
        """Ask something of a channel, which may have another name by now (a masquerade's).

        Run on Asterisk 22: where no channel has the name, it is looked for by its uniqueid.

        Raises:
            ChannelGone: there is no such channel any more, and its hang-up has been told.
            HushtapeError: anything else that goes wrong.
        """
        try:
            return await self._link.ask(action, timeout_s=timeout_s)
        except ActionRefused as error:
            if error.answer not in self.NO_CHANNEL:
                raise
        by_uniqueid = action | {"Channel": channel.uniqueid}
        try:
            return await self._link.ask(by_uniqueid, timeout_s=timeout_s)
        except ActionRefused as error:
            await self._raise_if_gone(channel, error)
            raise

    async def _hush(self, channel: Channel, recorder_id: str, *, muted: bool) -> None:
        action = actions.mute_recorder(channel.name, recorder_id, muted=muted)
        await self._ask_of(channel, action, MUTE_TIMEOUT_S)

    async def _set_variable(self, channel: Channel, name: str, value: str) -> None:
        action = actions.set_variable(channel.name, name, value)
        await self._ask_of(channel, action, NOTE_TIMEOUT_S)

    async def _on_event(self, frame: Frame) -> None:
        if frame.event == DROPPED:
            self._dropped(frame.received)
        if self._doubted_since is not None:
            await self._look_up()
        if frame.event == DROPPED:
            return
        self._rights.hear(frame)
        at = self._time_of(frame)
        if frame.event == "UserEvent":
            self._halts.hear(frame, at)
            self._halt_told.set()
        told = self._translator.translate(frame, at)
        self._taken_in.set()
        if not told and _begins_payment(frame):
            raise_alarm(Kind.SILENCE, NOBODYS_PAYMENT, pbx=self.name)
        if frame.event == "MixMonitorStart" and not self._starts.seen(frame.get("Uniqueid", "")):
            told += self._translator.foreign(frame, at)
        for each in told:
            self._bridge.tell(self, each.channel, each.fact)

    def _dropped(self, received: datetime) -> None:
        """Something was feigned; what it stood in, or hid, may have been an event that counts."""
        if self._doubted_since is None:
            raise_alarm(Kind.SILENCE, FORGED, pbx=self.name)
            heard_at = self._link.heard_at or received
            self._doubted_since = self._clock.pbx_time(heard_at)

    async def _look_up(self) -> None:
        """Look every call up anew, as after a lost link; events wait until that is done."""
        if self._clock_s() - self._looked_up_s < LOOK_UP_EVERY_S:
            return  # with the next event after that
        self._looked_up_s = self._clock_s()
        since = self._doubted_since or self.pbx_now()
        try:
            living = await self._living()
        except HushtapeError as error:  # it is tried again; this event is handled as ever
            log.warning("the calls could not be looked up", pbx=self.name, why=str(error))
            return
        self._doubted_since = None
        for told in self._translator.resync(living, self.pbx_now(), since):
            self._bridge.tell(self, told.channel, told.fact)
        self._bridge.link_up(self, self.pbx_now())

    def _heard_keys(self) -> None:
        self._warn_once(KEYS_HEARD, Kind.SILENCE)

    def _since(self, asked_at: datetime) -> datetime:
        since = min(super()._since(asked_at), self._doubted_since or asked_at)
        self._doubted_since = None
        return since


def _begins_payment(frame: Frame) -> bool:
    return (
        frame.event == "UserEvent"
        and frame.get("UserEvent") == OWN_EVENT
        and frame.get("Act") == "payment-began"
    )
