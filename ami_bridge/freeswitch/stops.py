"""Ends recorders of one FreeSWITCH, and shows that they are gone.

Run on 1.10.12: an explicit stop closes the file, and tells RECORD_STOP, before it answers; the same
stop once more is then refused. A refusal alone proves nothing: a wrong path has it too, and so has
a recorder that was moved to another channel (recorders.py), or one that somebody else is just
closing (its file was still open in 7 of 60 cases). So what proves that a recorder is gone is a stop
that was answered and then refused, or its RECORD_STOP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from ami_bridge.facts import Fact, RecorderStopped
from ami_bridge.freeswitch import asking, commands
from ami_bridge.freeswitch.link import Link
from ami_bridge.freeswitch.recorders import Known, Recorders
from hushtape.errors import ActionRefused, HushtapeError

END_TOLD_WITHIN_S = 0.25  # an event came 7 ms after the answer to its command
MOST_STOPS = 3  # of everything on one channel; each stops all that is there

log = structlog.get_logger()


class Stops:
    """Stops what records.

    Args:
        name: the PBX's.
        link: to it.
        recorders: those of ours.
        pbx_now: tells the time on the PBX's clock.
        taken_in: is set when one more of the PBX's events was taken in.
        timeout_s: for each try.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        recorders: Recorders,
        pbx_now: Callable[[], datetime],
        taken_in: asyncio.Event,
        timeout_s: float,
    ) -> None:
        self._name = name
        self._link = link
        self._recorders = recorders
        self._pbx_now = pbx_now
        self._taken_in = taken_in
        self._timeout_s = timeout_s

    async def none_left(self, uuid: str) -> int:
        """Stop all on a channel until it is refused; return how often there was something."""
        text = commands.stop_every_recorder(uuid)
        for found in range(MOST_STOPS + 1):
            if await self.nothing_to_stop(text):
                return found
        raise ActionRefused("recorders come back on a channel as often as they are stopped")

    async def nothing_to_stop(self, text: str) -> bool:
        """Send a stop; true if the PBX says that there was nothing to stop."""
        try:
            await asking.do(self._link.api, self._name, text, self._timeout_s)
        except ActionRefused as error:
            if error.answer.strip() == commands.NOTHING_TO_STOP:
                return True
            raise
        return False

    async def sought(self, path: str, segment: int) -> Fact | None:
        """Show that a recorder is gone that isn't where it was; None: that can't be shown."""
        known = self._recorders.get(path)
        if known is not None:
            if known.moved_at is not None and known.ended_at is None:
                with suppress(HushtapeError):
                    await self.none_left(known.on)
            await self.until_ended(known)
            if (end := end_of(known)) is not None:
                return end
        if not await self._ended_elsewhere(path):
            return None
        return RecorderStopped(at=self._pbx_now(), segment=segment, found=0)

    async def _ended_elsewhere(self, path: str) -> bool:
        """Look on every channel for a recorder that nothing told of, and end it there."""
        try:
            for row in await asking.rows(self._link.api):
                uuid = row.get(asking.UUID, "")
                bugs = await asking.bugs(self._link.api, uuid, self._timeout_s)
                if path in commands.paths_in(bugs):
                    with suppress(ActionRefused):  # a channel that is gone
                        return await self.none_left(uuid) > 0
        except HushtapeError as error:
            log.warning("a recorder can't be looked for", pbx=self._name, why=str(error))
        return False

    async def until_ended(self, known: Known) -> None:
        """Wait until a recorder's end is told, but no longer than that takes."""
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(END_TOLD_WITHIN_S):
                while known.ended_at is None:
                    self._taken_in.clear()
                    await self._taken_in.wait()


def end_of(known: Known | None) -> Fact | None:
    """The fact that a recorder's file is closed; None: that wasn't told.

    Of one that was moved, what came in afterwards isn't the call's: it ended with the move.
    """
    if known is None or known.ended_at is None:
        return None
    if known.moved_at is not None:
        return RecorderStopped(at=known.moved_at, segment=known.segment, found=0)
    return RecorderStopped(at=known.ended_at, segment=known.segment)
