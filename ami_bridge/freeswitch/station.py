"""One FreeSWITCH: its link, its translator, its recorders; commands become api commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from ami_bridge.call.recorder import MOST_STUCK_TRIES, STUCK_REST_S
from ami_bridge.facts import (
    Channel,
    Fact,
    HungUp,
    LegGone,
    RecorderStarted,
    RecorderStopped,
    RecorderUncertain,
    StartRecorder,
)
from ami_bridge.freeswitch import asking, commands, said
from ami_bridge.freeswitch.bypass import GOES_PAST, Bypass
from ami_bridge.freeswitch.esl import Message
from ami_bridge.freeswitch.link import Link
from ami_bridge.freeswitch.party import is_recovered
from ami_bridge.freeswitch.recorders import (
    Cut,
    Ended,
    Known,
    Recorders,
    Stranger,
    Stray,
)
from ami_bridge.freeswitch.stops import Stops, end_of
from ami_bridge.freeswitch.tenants import Tenants
from ami_bridge.freeswitch.trace import Trace
from ami_bridge.freeswitch.translate import Translator
from ami_bridge.living import Running
from ami_bridge.station import (
    MUTE_TIMEOUT_S,
    NOTE_TIMEOUT_S,
    START_TIMEOUT_S,
    STATUS_TIMEOUT_S,
    STOP_TIMEOUT_S,
    BaseStation,
)
from ami_bridge.tasks import Tasks
from ami_bridge.told import Told
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

CLOCK_STEP = timedelta(milliseconds=20)  # an event's stamp is up to so much too early
EXPLAINED_WITHIN_S = 1.0  # the dialplan stops first, and tells of a payment within milliseconds
TOO_OLD = (
    "this FreeSWITCH can't be told how to record, and nothing is recorded on it: it needs an"
    " uuid_record with recording_vars, as 1.10.12 has"
)
CUT = "the PBX couldn't write a recording to its end: is the spool's disk full?"
NOBODYS_PAYMENT = (
    "an event says that a payment begins, on a channel that nobody knows: nothing was silenced. See"
    " Payments in docs/freeswitch.md for what it must say"
)
ONE_NAME = (
    "the queue {queue} is there in several domains, and one policy takes the calls of all of them."
    " A FreeSWITCH is for one tenant: give its queues names of their own"
)
RECOVERED = (
    "the PBX has recovered calls after a crash, and nothing of them is recorded: the agents' keys"
    " are gone, and nobody knows who had opted out or is paying"
)
UNSTAMPED = "the PBX doesn't stamp its events: they carry no Event-Date-Timestamp"

log = structlog.get_logger()


class FreeSwitchStation(BaseStation):
    """One FreeSWITCH, for the bridge. See ``BaseStation``.

    Args:
        trace: keeps what the PBX says.
        clock_s: a monotonic clock, seconds.
    """

    one_file = True
    UNSTAMPED = UNSTAMPED
    UNIQUEID = asking.UUID
    NO_CHANNEL = commands.NO_CHANNEL

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
        self._recorders = Recorders(clock_s)
        self._can_be_told = True
        self._tenants = Tenants()
        self._bypass = Bypass()
        self._tasks = Tasks()
        self._link: Link = Link(
            name,
            pbx,
            password,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
            events=said.EVENTS,
            subclasses=said.SUBCLASSES,
            headers=said.HEADERS,
            turn=self._lease,
            trace=trace,
        )
        self._stops = Stops(
            name, self._link, self._recorders, self.pbx_now, self._taken_in, stop_timeout_s
        )

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        try:
            await super().run()
        finally:
            for task in self._tasks:
                task.cancel()

    def _new_translator(self) -> Translator:
        return Translator(self._pbx)

    async def _living(self) -> Sequence[Mapping[str, str]]:
        """Ask for every channel, and for all of each; one that is gone meanwhile is left out."""
        await self._look_how_to_record()
        rows = await asking.rows(self._link.api)
        found = await asyncio.gather(*(asking.whole(self._link.api, each) for each in rows))
        living = [each for each in found if each]
        self._bypass = Bypass()
        for each in living:
            self._bypass.take(each)
            self._look_if_recovered(each)
        uuids = [each.get(self.UNIQUEID, "") for each in living]
        attached = await asyncio.gather(*(asking.bugs(self._link.api, each) for each in uuids))
        self._look_where_recorders_are(dict(zip(uuids, attached, strict=True)))
        for each, bugs in zip(living, attached, strict=True):
            each[said.BUGS] = " ".join(bug.kind for bug in bugs)
        return living

    def _look_where_recorders_are(self, attached: Mapping[str, Sequence[commands.Bug]]) -> None:
        """Find what was moved while nobody listened, which nothing will tell of."""
        since = self._since(self.pbx_now())
        for uuid, bugs in attached.items():
            for path in commands.paths_in(bugs):
                stray = self._recorders.found(path, uuid, since)
                if stray is not None:
                    self._tasks.begin(self._end_stray(stray))
        self._recorders.only_on(attached)

    def _look_if_recovered(self, channel: Mapping[str, str]) -> None:
        if is_recovered(channel):
            self._warn_once(RECOVERED, Kind.RECORDER)

    async def _look_how_to_record(self) -> None:
        answer = ""
        try:
            answer = await self._link.api(commands.usage(), timeout_s=STATUS_TIMEOUT_S)
        except ActionRefused as error:
            answer = error.answer
        self._can_be_told = commands.takes_variables(answer)
        if not self._can_be_told:
            self._warn_once(TOO_OLD, Kind.RECORDER)

    async def _on_event(self, message: Message) -> None:
        at = self._time_of(message)
        if queue := self._tenants.mixed(message):
            self._warn_once(ONE_NAME.format(queue=queue), Kind.POLICY)
        if unheard := [x for x in self._bypass.take(message) if self._recorders.runs_on(x)]:
            raise_alarm(Kind.RECORDER, self._bypass.why(unheard[0]), pbx=self.name)
        self._look_if_recovered(message)
        told = self._translator.translate(message, at)
        if not told and _begins_payment(message):
            raise_alarm(Kind.SILENCE, NOBODYS_PAYMENT, pbx=self.name)
        found = self._recorders.hear(message, at)
        self._taken_in.set()
        if isinstance(found, Stranger):
            told += self._translator.foreign(message, at)
        for each in told:
            self._tell_what_moved_from(each)
            self._bridge.tell(self, each.channel, each.fact)
        if isinstance(found, Ended | Cut):
            self._tasks.begin(self._tell_if_unasked(found.known))
        if isinstance(found, Cut):
            raise_alarm(Kind.DISK, CUT, pbx=self.name)
        if isinstance(found, Stray):
            self._tasks.begin(self._end_stray(found))

    def know(
        self,
        channel: Channel,
        legs: Sequence[Channel],
        since: datetime,
        recorders: Sequence[Running] = (),
    ) -> None:
        """Remember the channels of a call that a predecessor left, alive until ``since``."""
        super().know(channel, legs, since, recorders)
        for on, segment, path in recorders:
            self._recorders.asked(path, on, segment)

    # Recorders

    async def _start(self, channel: Channel, command: StartRecorder) -> Fact:
        segment = command.segment
        if not self._can_be_told:
            return self._refused(segment, TOO_OLD)
        if why := self._bypass.why(channel.name):
            self._warn_once(why, Kind.RECORDER)
            if why == GOES_PAST:
                return self._refused(segment, why)
        path = f"{self._pbx.spool}/{command.outside_file}"
        try:
            text = commands.start_recorder(channel.name, path)
            self._recorders.asked(path, channel, segment)
            await self._do_on(channel, text, START_TIMEOUT_S)
        except ChannelGone:
            self._recorders.give_up(path)
            return self._not_begun(segment)
        except (ActionRefused, UnsafeValue) as error:
            self._recorders.give_up(path)
            if _cannot_record(error) and await self._is_hung_up(channel):
                return RecorderUncertain(at=self.pbx_now(), segment=segment)  # there may be a file
            return self._refused(segment, error)
        except HushtapeError as error:
            return self._uncertain(segment, error)
        return RecorderStarted(at=self._began(path), segment=segment, recorder_id=path)

    def _began(self, path: str) -> datetime:
        """When a recorder took in its first sample: a PBX that is busy may answer late."""
        known = self._recorders.get(path)
        answered_at = self.pbx_now()
        if known is None or known.began_at is None:
            return answered_at
        return min(answered_at, known.began_at + CLOCK_STEP)

    async def _stop(self, channel: Channel, command: StopRecorder) -> Fact:
        """Stop one recorder, and stop it once more: a refusal then shows that it is gone.

        A stop that isn't answered is sent once more: to be stopped twice harms nothing. Where the
        first is refused, somebody else has stopped the recorder, or it was moved: see stops.py.
        """
        segment, path = command.segment, command.recorder_id
        self._recorders.stopping(path)
        why: object = "it could be stopped twice"
        answered = True
        try:
            text = commands.stop_recorder(channel.name, path)
            try:
                await self._do(text, self._stop_timeout_s)
            except AnswerTimeout:
                await self._do(text, self._stop_timeout_s)
            closed_at = self.pbx_now()
            if await self._stops.nothing_to_stop(text):
                return RecorderStopped(at=closed_at, segment=segment)
        except HushtapeError as error:
            why, answered = error, isinstance(error, ActionRefused)
        sought = await self._stops.sought(path, segment) if answered else None
        return sought or self._unconfirmed(segment, why, by_id=True)

    async def _stop_every(self, channel: Channel, segment: int) -> Fact:
        """Stop all on a channel until there is nothing to stop, and the segment's own elsewhere."""
        known = self._recorders.of(channel.uniqueid, segment)
        if known is not None:
            self._recorders.stopping(known.path)
        try:
            found = await self._stops.none_left(channel.name)
        except HushtapeError as error:
            if known is None and isinstance(error, ActionRefused):
                try:
                    await self._raise_if_gone(channel, error)
                except ChannelGone:
                    return self._went_along(segment)
                return self._unconfirmed(segment, error)
            return end_of(known) or self._unconfirmed(segment, error)
        if known is not None and not found:
            if known.moved_at is not None or known.ended_at is not None:
                sought = await self._stops.sought(known.path, segment)
                return sought or self._unconfirmed(segment, "it was moved, and isn't stopped")
            self._recorders.give_up(known.path)  # its start wasn't answered
        return RecorderStopped(at=self.pbx_now(), segment=segment, found=found)

    async def _end_stray(self, stray: Stray) -> None:
        """End a recorder of ours that is where, or when, it must not be."""
        known = stray.known
        what = (
            "the PBX has moved a recorder to another channel: it is stopped there. Take"
            " recording_follow_transfer and the like out of the dialplan"
            if stray.moved
            else "a recorder began when it was given up already: it is stopped"
        )
        raise_alarm(Kind.RECORDER, what, pbx=self.name)
        for _ in range(MOST_STUCK_TRIES):
            try:
                if stray.moved:
                    await self._stops.none_left(known.on)
                    break
                if await self._stops.nothing_to_stop(commands.stop_recorder(known.on, known.path)):
                    break
            except HushtapeError as error:
                answer = error.answer.strip() if isinstance(error, ActionRefused) else ""
                if answer in commands.NO_CHANNEL or known.ended_at is not None:
                    break
                raise_alarm(Kind.RECORDER, f"it isn't stopped: {error}", pbx=self.name)
                await asyncio.sleep(STUCK_REST_S)
        await self._stops.until_ended(known)
        self._tell_moved(known)

    async def _tell_if_unasked(self, known: Known) -> None:
        """Somebody else has stopped a recorder: the dialplan, which says why, or who knows."""
        await asyncio.sleep(EXPLAINED_WITHIN_S)
        if not (known.stopping or known.told or known.ended_at is None):
            known.told = True
            gone = RecorderStopped(at=known.ended_at, segment=known.segment)
            self._bridge.tell(self, known.channel, gone)

    def _tell_what_moved_from(self, told: Told) -> None:
        """A channel's end shows that its recorders are gone; but for those that were moved."""
        gone = told.fact.leg if isinstance(told.fact, LegGone) else told.channel.uniqueid
        if isinstance(told.fact, LegGone | HungUp):
            for known in self._recorders.moved_from(gone):
                self._tell_moved(known)

    def _tell_moved(self, known: Known) -> None:
        if known.moved_at is not None and not known.told:
            known.told = True
            gone = RecorderStopped(at=known.moved_at, segment=known.segment, found=0)
            self._bridge.tell(self, known.channel, gone)

    async def _hush(self, channel: Channel, recorder_id: str, *, muted: bool) -> None:
        text = commands.mute_recorder(channel.name, recorder_id, muted=muted)
        await self._do_on(channel, text, MUTE_TIMEOUT_S)

    async def _set_variable(self, channel: Channel, name: str, value: str) -> None:
        text = commands.set_variable(channel.name, name, value)
        await self._do_on(channel, text, NOTE_TIMEOUT_S)

    async def _do(self, text: str, timeout_s: float) -> None:
        await asking.do(self._link.api, self.name, text, timeout_s)

    async def _do_on(self, channel: Channel, text: str, timeout_s: float) -> None:
        """Have something done on a channel; one that is gone is no refusal."""
        try:
            await self._do(text, timeout_s)
        except ActionRefused as error:
            await self._raise_if_gone(channel, error)
            raise


def _begins_payment(message: Message) -> bool:
    return message.event == said.OWN_EVENT and message.get("Hushtape-Act") == "payment-began"


def _cannot_record(error: ActionRefused | UnsafeValue) -> bool:
    said = error.answer.strip() if isinstance(error, ActionRefused) else ""
    return said == commands.CANNOT_RECORD
