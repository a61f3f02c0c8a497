"""Answers the dialplan that asks, before it rings a payment line, whether nothing records.

Not sure means no.

There is no answer but yes: the dialplan waits for it two seconds and takes everything else for no.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum

import structlog

from ami_bridge.facts import (
    AnswerYes,
    Channel,
    NotePayment,
    NoteState,
    RecorderStopped,
    SilenceAsked,
    StopEveryRecorder,
    VariableSet,
)
from ami_bridge.living import Live, Station
from ami_bridge.trials import Trials
from hushtape import metrics

ANSWER_WITHIN_S = 1.8  # the dialplan asks for two seconds; nobody is to be asked for longer
MOST_QUESTIONS = 200  # at once

log = structlog.get_logger()


class No(StrEnum):
    """Why there was no yes."""

    UNKNOWN = "whose call it is can't be told"
    OVERHEARD = "something that Hushtape can't stop records the call, or listens in"
    BUSY = "too many questions at once"
    LATE = "not every recorder was shown to be gone in time"
    STATE = "a call is not in payment"
    NOTE = "a call's state could not be noted on its channel"
    RECORDER = "a recorder could not be shown to be gone"
    SPOOL = "the spool can't be written"
    ENDING = "the bridge ends"
    LINK = "the PBX didn't take the answer"
    BUG = "a bug"


class Guard:
    """Answers for one bridge.

    Args:
        find: the live call of an outside party's channel, if there is one.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(
        self,
        find: Callable[[Station, Channel], Live | None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._clock_s = clock_s
        self._trials = Trials()
        self._asked = 0
        self.ending = False

    async def answer(self, station: Station, channel: Channel, asked: SilenceAsked) -> None:
        """Answer a question, or don't; either is said in the log."""
        began_s = self._clock_s()
        calls = self._calls(station, asked)
        self._asked += 1
        try:
            no = await self._try(station, channel, asked, calls)
        except Exception:
            log.exception("the guard failed", pbx=station.name)
            no = No.BUG
        finally:
            self._asked -= 1
        metrics.guard_answered(no.name.lower() if no is not None else "")
        level = log.info if no is None else log.warning
        level(
            "guard: yes" if no is None else "guard: no",
            pbx=station.name,
            calls=[live.call.id for live in calls],
            after_ms=round(1000 * (self._clock_s() - began_s), 1),
            **({} if no is None else {"why": no.value}),
        )

    async def _try(
        self, station: Station, channel: Channel, asked: SilenceAsked, calls: list[Live]
    ) -> No | None:
        if not asked.sure:
            return No.UNKNOWN
        if asked.overheard:
            return No.OVERHEARD
        if self.ending:
            return No.ENDING
        if self._asked > MOST_QUESTIONS:
            return No.BUSY
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                no = await self._silent(station, asked, calls)
                if no is not None:
                    return no
                no = _still(calls)  # whatever happened while it was looked at
                if no is not None or self.ending:
                    return no or No.ENDING
                said = await station.carry_out(channel, AnswerYes(asked.nonce))
        except TimeoutError:
            return No.LATE
        return None if isinstance(said, VariableSet) else No.LINK

    async def _silent(self, station: Station, asked: SilenceAsked, calls: list[Live]) -> No | None:
        """See that nothing records, and that a successor of this bridge will know why."""
        for live in calls:
            if not live.in_payment:
                return No.STATE
            await live.until_silent(ANSWER_WITHIN_S)
        no = _still(calls)
        if no is not None:
            return no
        # Side by side: each takes as long as the PBX takes to answer.
        gone = [self._is_gone(station, each) for each in asked.channels]
        noted = [self._is_noted(live, asked) for live in calls]
        answers = await asyncio.gather(self._trials.writable(station), *noted, *gone)
        writable, notes = answers[0], answers[1 : 1 + len(noted)]
        if not writable:
            return No.SPOOL
        if not all(notes):
            return No.NOTE
        return None if all(answers[1 + len(noted) :]) else No.RECORDER

    async def _is_gone(self, station: Station, channel: Channel) -> bool:
        """Stop whatever records on a channel, until the PBX says that there is nothing to stop."""
        done = await station.carry_out(channel, StopEveryRecorder(0))
        if isinstance(done, RecorderStopped):
            return True
        return not station.lives(channel.uniqueid)  # it has hung up meanwhile

    async def _is_noted(self, live: Live, asked: SilenceAsked) -> bool:
        if not live.call.papers.noted:
            return False
        notes = [live.station.carry_out(live.channel, NoteState(live.call.papers.noted))]
        if live.channel.uniqueid != asked.channels[0].uniqueid:
            # The dialplan's own note is on the channel that asks, and that isn't the caller's.
            note = NotePayment(asked.at, asked.way)
            notes.append(live.station.carry_out(live.channel, note))
        return all(isinstance(each, VariableSet) for each in await asyncio.gather(*notes))

    def _calls(self, station: Station, asked: SilenceAsked) -> list[Live]:
        found = [self._find(station, each) for each in asked.callers]
        return [live for live in found if live is not None]


def _still(calls: list[Live]) -> No | None:
    if not all(live.in_payment for live in calls):
        return No.STATE
    return None if all(live.silent for live in calls) else No.LATE
