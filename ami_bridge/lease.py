"""Of two bridges on one PBX the second waits: a lease, kept in the PBX itself.

Its place is a global variable of the PBX, read and set as each kind of PBX has it (Asterisk's
``Getvar`` and ``Setvar`` without a channel, FreeSWITCH's ``global_getvar`` and ``global_setvar``),
which needs no more rights than the bridge has. A restart of the PBX clears it::

    HUSHTAPE_BRIDGE = OWNER;HEARD;claims | serves | left;SURE.WRITER.COUNT

No two writings are ever the same, so who sees the same one twice knows that nothing was written
between. That no two bridges hold follows from times alone, since Asterisk can't compare and set at
once. (FreeSWITCH can, but answers the same whether it did or not, so nothing is built on it.)

- A holder renews every ``RENEW_S``. It holds for ``VALID_S`` from when it *sent* its last renewal,
  and one that is answered after that time doesn't count. A process that stood still finds itself
  out of time when it goes on, before it does anything.
- Who waits takes over when a writing stays the same for ``TAKE_OVER_S``, which is longer: by then
  the holder has known for a while that it holds no more.
- Who takes over writes that it claims, waits for ``SETTLE_S``, looks, and holds if the writing is
  still its own. From looking to having written there may be no more than ``QUICK_S``, which is
  shorter: a rival who looked before this one wrote has overwritten it before this one looks.
- Where it took longer, its writing may have landed on that of one who holds. Then it waits for
  ``SETTLE_SLOWLY_S``, which is longer than anybody holds without renewing. A claim isn't taken for
  stale before ``STALE_CLAIM_S``, so that the slow come to serve, too.
- A bridge's successor on the same data folder, and a bridge whose link was lost for a moment, find
  a writing of their own. Up to ``VALID_S`` after the last one that surely counted (``SURE``) nobody
  can have taken over, and they go on at once.
- Later than that somebody may have, unseen: a writing of ours that was long under way may have
  landed on his. So it is claimed at once, but with ``SETTLE_SLOWLY_S``. If it is the very one that
  was answered to this process in time, nobody has written since: then ``SETTLE_S`` does.
- A claim of our own isn't written anew at once, but left for ``SETTLE_SLOWLY_S``: who comes up and
  goes down again and again would otherwise keep everybody else waiting for good.

All this holds however long an answer takes. It fails, for less than one renewal, when somebody else
clears the variable while one bridge serves (``dialplan reload`` with ``clearglobalvars = yes``) and
another starts in that moment, or when the last word of one that leaves takes longer to arrive than
``TAKE_OVER_S`` - ``VALID_S``. And it counts on machines that count seconds alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from hushtape.errors import AnswerTimeout, HushtapeError, LeaseLost

VARIABLE = "HUSHTAPE_BRIDGE"

RENEW_S = 2.0
VALID_S = 12.5  # with 4 s to an answer, looking and writing again takes 12
TAKE_OVER_S = 15.0
QUICK_S = 1.0
SETTLE_S = 1.5
SETTLE_SLOWLY_S = 13.5
SLOW_CLAIM_S = 35.0
STALE_CLAIM_S = 40.0

NOT_GIVEN_BACK = (
    "%s: a bridge of this machine has served this PBX and didn't give it back: it is served, and"
    " calls are recorded, again in %.1f s"
)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_WRITTEN = re.compile(
    r"(?P<owner>[0-9a-f]{1,64});(?P<heard>|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z);"
    r"(?P<state>claims|serves|left);(?P<sure_ms>\d{1,15})\.(?P<writer>[0-9a-f]{1,16})\.\d{1,12}",
    re.ASCII,
)

LOG = logging.getLogger(__name__)


class _State(StrEnum):
    CLAIMS = "claims"
    SERVES = "serves"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class _Writing:
    text: str
    owner: str = ""  # "": nobody's that we know
    heard_at: datetime | None = None
    state: _State = _State.SERVES
    sure_s: float = 0.0
    writer: str = ""


def boot_seconds() -> float:
    """Tell the time since this machine started, asleep or not: all its processes read the same."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def owner_of(lock: Path) -> str:
    """Name the bridge that holds a lock file: the same for each that may hold it, one at a time.

    It changes when the machine starts anew, since the clock by which a writing is valid does.

    Raises:
        OSError: there is no such file.
    """
    status = lock.stat()
    try:
        boot = BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = secrets.token_hex(16)  # then it is another one's in each process, and waits
    parts = (boot, socket.gethostname(), str(status.st_dev), str(status.st_ino))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Lease:
    """The right to serve one PBX. Give it to the PBX's ``Link`` as its ``turn``.

    Args:
        where: the PBX's name, for the log.
        owner: see ``owner_of``. Of the processes that use the same one, one lives at a time.
        read: returns what a variable of the whole PBX holds, ``""`` for nothing; held or not.
        write: sets it, held or not. Both wait for more than 4 s: so long an answer takes where
            everything is delayed by 2 s.
        heard_at: until when this bridge has taken in all that the PBX said, by the PBX's clock,
            aware UTC; ``None`` before it has caught up.
        seconds: see ``boot_seconds``.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        where: str,
        owner: str,
        read: Callable[[str], Awaitable[str]],
        write: Callable[[str, str], Awaitable[None]],
        heard_at: Callable[[], datetime | None],
        *,
        seconds: Callable[[], float] = boot_seconds,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.renewed_at: datetime | None = None
        """Until when the PBX has been listened to, as a successor will read it."""
        self.previous_renewed_at: datetime | None = None
        """The same of the holder before this one. ``None``: there was none that could be told."""
        self.is_after_another = False
        """Whether another bridge has served since this one did: its calls are that one's. Holds
        from one acquisition on."""
        self._where = where
        self._owner = owner
        self._get = read
        self._set = write
        self._heard_at = heard_at
        self._seconds = seconds
        self._pause = pause
        self._writer = secrets.token_hex(4)
        self._count = 0
        self._written = ""  # the last writing
        self._counted = ""  # the last one that was answered while it was held
        self._sent_s = 0.0  # when the last writing was sent
        self._sure_s = 0.0  # when the last one was sent that surely counted
        self._until_s: float | None = None  # held until then
        self._released = False
        self._saw_another = False
        self._busy = asyncio.Lock()  # from looking to having written

    @property
    def held(self) -> bool:
        """Whether nobody else can hold it now. To be asked before anything is done to the PBX."""
        return self._until_s is not None and self._seconds() < self._until_s

    async def acquire(self) -> None:
        """Wait until it is held.

        Raises:
            Unreachable: the link was lost, or the PBX doesn't answer.
            ActionRefused: the account may not read or set the variable.
        """
        self._until_s, self._released = None, False
        watched: _Writing | None = None
        first = told = False
        since_s = 0.0
        while True:
            looked_s = self._seconds()
            seen = await self._look()
            if watched is None or seen.text != watched.text:
                first, watched, since_s = watched is None, seen, self._seconds()
            if self._is_own_and_sure(seen):
                if await self._go_on(seen):
                    return
            elif self._is_free(seen, looked_s - since_s, first):
                if await self._claim(seen, looked_s):
                    return
            elif not told:
                told = True
                self._say_who_is_waited_for(seen)
            await self._pause(RENEW_S)

    async def keep(self) -> HushtapeError:
        """Renew until it is lost, and return why. Ends with a cancellation otherwise."""
        try:
            while True:
                await self._pause(max(0.0, self._sent_s + RENEW_S - self._seconds()))
                async with self._busy:
                    lost = None if self._released else await self._renew()
                if self._released:  # who released it closes the link when that is done
                    await asyncio.Event().wait()
                if lost is not None:
                    return lost
        finally:
            self._until_s = None

    async def release(self) -> None:
        """Let the next one have it at once. From then on it isn't held.

        What goes wrong costs the next one some seconds.
        """
        until_s, self._until_s, self._released = self._until_s, None, True
        if until_s is None:
            return
        try:
            async with self._busy:
                own = (await self._look()).owner == self._owner
                if own and self._seconds() < until_s:
                    await self._write(_State.LEFT)
        except HushtapeError as error:
            LOG.info("%s: the lease could not be given back: %s", self._where, error)

    def _is_own_and_sure(self, seen: _Writing) -> bool:
        own = seen.owner == self._owner and seen.state is _State.SERVES
        return own and seen.sure_s <= self._seconds() < seen.sure_s + VALID_S

    def _is_free(self, seen: _Writing, unchanged_s: float, first: bool) -> bool:
        """Tell whether a writing that stayed the same for so long may be claimed."""
        if seen.state is _State.LEFT or (first and not seen.text):
            return True
        own = seen.owner == self._owner
        if seen.state is _State.CLAIMS:  # own: by a process that is dead, or before the link broke
            return unchanged_s >= (SETTLE_SLOWLY_S if own else STALE_CLAIM_S)
        # Also if nothing is where something was: its holder will write again.
        return own or unchanged_s >= TAKE_OVER_S

    def _say_who_is_waited_for(self, seen: _Writing) -> None:
        if seen.owner == self._owner:
            LOG.warning(NOT_GIVEN_BACK, self._where, SETTLE_SLOWLY_S + SETTLE_S)
        else:
            LOG.info("%s: another bridge serves this PBX; this one waits", self._where)

    def _may_hide_another(self, seen: _Writing) -> bool:
        """Tell whether a writing of our own may have come late, and landed on a holder's."""
        own = seen.owner == self._owner and seen.state is _State.SERVES
        return own and seen.text != self._counted

    async def _go_on(self, seen: _Writing) -> bool:
        """Go on with what this one, or the one before it on this machine, held until now."""
        self._take_on(seen)
        self.is_after_another = False
        self._sure_s = seen.sure_s
        await self._write(_State.SERVES)
        return self._hold(seen.sure_s + VALID_S)

    async def _claim(self, seen: _Writing, looked_s: float) -> bool:
        self._take_on(seen)
        self.is_after_another = seen.owner not in ("", self._owner)
        text = await self._write(_State.CLAIMS)
        claimed_s = self._sure_s = self._sent_s
        quick = self._seconds() - looked_s <= QUICK_S
        if self._may_hide_another(seen):
            quick = False
            LOG.warning(NOT_GIVEN_BACK, self._where, SETTLE_SLOWLY_S)
        settled_s = self._seconds() + (SETTLE_S if quick else SETTLE_SLOWLY_S)
        while (left_s := settled_s - self._seconds()) > 0:
            await self._pause(left_s)
        looked_s = self._seconds()
        if (await self._look()).text != text:
            return False
        await self._write(_State.SERVES)
        if not self._hold(min(looked_s + VALID_S, claimed_s + SLOW_CLAIM_S)):
            return False
        if seen.owner not in ("", self._owner) and seen.state is not _State.LEFT:
            LOG.warning("%s: took over from a bridge that is gone", self._where)
        return True

    def _take_on(self, seen: _Writing) -> None:
        if seen.writer != self._writer:
            self.previous_renewed_at = seen.heard_at

    async def _renew(self) -> HushtapeError | None:
        ran_out = LeaseLost(f"the lease of {self._where} was not renewed in time")
        until_s = self._until_s
        try:
            seen = await self._look()
            if seen.text and seen.owner != self._owner:
                return LeaseLost(f"another bridge serves {self._where}")
            if until_s is None or not self.held:
                return ran_out
            await self._write(_State.SERVES)
        except AnswerTimeout:
            return None if self.held else ran_out
        except HushtapeError as error:
            return error
        return None if self._hold(until_s) else ran_out

    def _hold(self, before_s: float) -> bool:
        """Hold it by the last writing, if that was answered before some time."""
        in_time = self._seconds() < before_s and not self._released
        if in_time and self._until_s is None:
            self.is_after_another, self._saw_another = self._saw_another, False
        self._until_s = self._sent_s + VALID_S if in_time else None
        if in_time:
            self._sure_s, self._counted = self._sent_s, self._written
        return in_time

    async def _look(self) -> _Writing:
        seen = _parsed(await self._get(VARIABLE))
        if seen.owner not in ("", self._owner) and seen.state is not _State.CLAIMS:
            self._saw_another = True
        return seen

    async def _write(self, state: _State) -> str:
        self._count += 1
        known = [each for each in (self._heard_at(), self.previous_renewed_at) if each is not None]
        self.renewed_at = max(known, default=None)
        heard = f"{self.renewed_at:%Y-%m-%dT%H:%M:%S.%fZ}" if self.renewed_at else ""
        mark = f"{int(self._sure_s * 1000)}.{self._writer}.{self._count}"
        text = f"{self._owner};{heard};{state};{mark}"
        self._sent_s, self._written = self._seconds(), text
        await self._set(VARIABLE, text)
        return text


def _parsed(text: str) -> _Writing:
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return _Writing(text)
    try:
        heard_at = datetime.fromisoformat(match["heard"]) if match["heard"] else None
    except ValueError:
        return _Writing(text)
    sure_s = int(match["sure_ms"]) / 1000
    return _Writing(text, match["owner"], heard_at, _State(match["state"]), sure_s, match["writer"])
