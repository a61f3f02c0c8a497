"""Legs that are dialled: who is rung, who answers, and what becomes of the others."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_freeswitch import dialstring, endpoints, session
from tests.fake_freeswitch.channel import Channel, Line, Profile
from tests.fake_freeswitch.dialstring import Wanted
from tests.fake_freeswitch.endpoints import OriginateError

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

__all__ = ["OriginateError", "hand_over", "inbound", "is_ringing_for", "originate"]

TIMEOUT_S = 60.0


class Attempt:
    """Somebody is rung for a channel, or for nobody.

    Args:
        by: for whom. Another may get who answers in his place: the heir.
    """

    def __init__(self, switch: FakeFreeSwitch, by: Channel | None) -> None:
        self._switch = switch
        self._by = by
        self.legs: list[Channel] = []
        self.heir: Channel | None = None
        self._ends_s: dict[Channel, float] = {}
        self._left: asyncio.CancelledError | None = None  # he has hung up, or was sent elsewhere

    async def ring(
        self,
        group: list[Wanted],
        variables: Mapping[str, str],
        caller_id: tuple[str, str] | None,
        timeout_s: float,
    ) -> Channel:
        """Ring several at once, and return the leg of the first to answer.

        Raises:
            OriginateError: nobody did.
        """
        cause = self._begin(group, variables, caller_id, timeout_s)
        winner: Channel | None = None
        try:
            while winner is None:
                self._give_up_late_ones()
                alive = [leg for leg in self.legs if leg.up]
                if not alive:
                    raise OriginateError(next((leg.cause for leg in self.legs), cause))
                self._pass_on_ringing(alive)
                winner = await self._taken(alive)
                if winner is None:
                    await self._news(alive)
        finally:
            for leg in self.legs:
                if leg is not winner:
                    leg.hangup("LOSE_RACE" if winner is not None else "ORIGINATOR_CANCEL")
        if self.heir is not None and self._left is not None:
            self._switch.bridge(self.heir, winner)
            raise self._left
        self._meet(winner)
        return winner

    def _begin(
        self,
        group: list[Wanted],
        variables: Mapping[str, str],
        caller_id: tuple[str, str] | None,
        timeout_s: float,
    ) -> str:
        """Dial all; returns why one couldn't be."""
        cause = ""
        self.legs = []
        for each in group:
            all_variables = {**variables, **each.variables}
            try:
                leg = endpoints.dial(self._switch, each.address, self._by, all_variables, caller_id)
            except OriginateError as error:
                cause = error.cause
                continue
            self.legs.append(leg)
            limit_s = float(leg.get("leg_timeout") or timeout_s)
            self._ends_s[leg] = self._switch.loop.time() + limit_s
        return cause

    def _give_up_late_ones(self) -> None:
        now_s = self._switch.loop.time()
        for leg in self.legs:
            if leg.up and not leg.answered and now_s >= self._ends_s[leg]:
                leg.hangup("NO_ANSWER")

    async def _news(self, alive: list[Channel]) -> None:
        """Wait until something has happened that counts."""
        left_s = min(self._ends_s[leg] for leg in alive) - self._switch.loop.time()

        def happened() -> bool:
            return any(_is_taken(leg) or not leg.up for leg in alive) or self._has_news(alive)

        try:
            await alive[0].until(happened, max(0.0, left_s), alive[1:])
        except asyncio.CancelledError as error:
            if self.heir is None:
                raise
            self._left, self._by = error, None

    def _has_news(self, legs: list[Channel]) -> bool:
        """Whether the caller is to be told that it rings, or what is heard before the answer."""
        by = self._by
        if by is None:
            return False
        rings = any(each.ring_ready for each in legs)
        if by.answered:
            return rings and by.callstate != "RING_WAIT"
        return not by.early and ((rings and not by.ring_ready) or any(each.early for each in legs))

    def _pass_on_ringing(self, legs: list[Channel]) -> None:
        by = self._by
        if by is None or not by.up:
            return
        if any(each.early for each in legs):
            session.pre_answer(by)
            return
        rings = next((each for each in legs if each.ring_ready), None)
        if rings is None:
            return
        by.profile.callee_id_name = rings.profile.callee_id_name
        by.profile.callee_id_number = rings.profile.callee_id_number
        if by.answered:
            by.set_callstate("RING_WAIT")
        elif rings.other_half is not None:
            session.pre_answer(by)
        else:
            session.progress(by)

    async def _taken(self, legs: list[Channel]) -> Channel | None:
        """Who has answered, and has taken the call where that is asked for."""
        for leg in legs:
            if not _is_taken(leg):
                continue
            if leg.get("group_confirm_key") != "exec":
                return leg
            await session.execute_text(self._switch, leg, leg.get("group_confirm_file"))
            if leg.up:
                return leg
        return None

    def _meet(self, winner: Channel) -> None:
        """The two know each other from now on."""
        by = self._by
        if by is not None:
            by.profile.callee_id_name = winner.profile.callee_id_name
            by.profile.callee_id_number = winner.profile.callee_id_number
            if len(self.legs) > 1:
                by.profile.originatee, by.other_type = winner.profile.copy(), "originatee"
            if winner.answered:
                session.answer(by)
            if by.answered:
                by.set_callstate("ACTIVE")
            by.profile.originatee, by.other_type = winner.profile.copy(), "originatee"
        winner.originating = False
        for name, value in winner.directory.items():
            if name not in winner.variables:
                winner.set(name, value)


def _is_taken(leg: Channel) -> bool:
    """Whether it is connected: by an answer, or by what is heard before it."""
    waits = leg.true("ignore_early_media") or bool(leg.get("group_confirm_key"))
    return leg.up and (leg.answered or (leg.early and not waits))


async def originate(
    switch: FakeFreeSwitch,
    text: str,
    by: Channel | None = None,
    variables: Mapping[str, str] | None = None,
    caller_id: tuple[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Channel:
    """Ring who is named, and return the leg that has answered.

    Args:
        by: for whom: its caller id is shown, and when it hangs up nobody is rung any more.
        variables: for all legs; those of the dial string come before them.
        caller_id: name and number to show.

    Raises:
        OriginateError: nobody answered.
    """
    wanted = dialstring.read(text)
    common = {**(variables or {}), **wanted.variables}
    if by is not None and (limit := by.get("call_timeout") or by.get("originate_timeout")):
        timeout_s = float(limit)
    timeout_s = float(common.get("originate_timeout") or timeout_s)
    attempt = Attempt(switch, by)
    cause = "NORMAL_TEMPORARY_FAILURE"
    if by is not None:
        by.attempt = attempt
        by.set("originate_disposition")
    try:
        for group in wanted.groups:
            try:
                leg = await attempt.ring(group, common, caller_id, timeout_s)
            except OriginateError as error:
                cause = error.cause
                continue
            if by is not None:
                by.set("originate_disposition", "SUCCESS")
            return leg
    finally:
        if by is not None:
            by.attempt = None
    if by is not None:
        if by.answered:
            by.set_callstate("ACTIVE")
        by.set("originate_disposition", cause)
        by.set("originate_failed_cause", cause)
    raise OriginateError(cause)


# ---------------------------------------------------------------------- calls that come in


def inbound(switch: FakeFreeSwitch, line: Line, number: str, user: str = "") -> Channel:
    """A telephone dials a number."""
    user = user or getattr(line, "name", "")
    domain = switch.globals.get("domain", "127.0.0.1")
    variables = dict(switch.document.user(user, domain) or {})
    context = variables.get("user_context", "default")
    profile = Profile(
        username=user,
        dialplan="XML",
        caller_id_name=user,
        caller_id_number=user,
        network_addr="127.0.0.1",
        destination_number=number,
        context=context,
    )
    if switch.document.profile_setting("auth-calls") == "false":
        variables = {}  # it isn't asked who it is
    variables |= {
        "sip_call_id": str(uuid.uuid4()),
        "user_name": user,
        "domain_name": domain,
        "endpoint_disposition": "RECEIVED",
    }
    name = f"sofia/lab/{user}@{domain}:{getattr(switch, 'sip_port', 5060)}"
    channel = switch.new_channel(name, "inbound", profile, line, variables)
    switch.live(channel)
    return channel


def hand_over(switch: FakeFreeSwitch, second: Channel, here: Channel) -> None:
    """Whom a channel rings gets another one when he answers; that one hears music meanwhile."""
    attempt = second.attempt
    if attempt is not None:
        attempt.heir = here
        text = f'm:":endless_playback:{switch.hold_music}"park'
        switch.session_transfer(here, text, "inline")


def is_ringing_for(channel: Channel) -> bool:
    """Whether somebody is rung for a channel, and hasn't answered."""
    attempt: Attempt | None = channel.attempt
    return attempt is not None and any(leg.up and not leg.answered for leg in attempt.legs)
