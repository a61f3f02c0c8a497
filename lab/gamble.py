"""Calls whose course is left to chance: who waits how long, what the agent does, who hangs up.

Everything random comes from one generator, so the same seed makes the same plans; what the phones
and the PBX make of them is seen afterwards (course.py).
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.eyes import event
from lab.phones import PhoneError
from lab.scene import EVENT_TIMEOUT_S, Stage, await_free
from lab.town import Council
from lab.waiting import pass_time

WAITS_S = (0.0, 3.0)
RINGS_S = (0.6, 3.0)
TALKS_S = (1.5, 5.0)
CONSULTS_S = (1.0, 2.5)
AFTERWARDS_S = (2.5, 5.0)
SET_UP_S = 0.3  # until a phone rings
KEYS_S = 4.3  # to press *2 and a number
FIRST_BLOW_S = 2.0
BEFORE_S = (-0.2, 1.5)
JUST_NOW_S = 0.3  # what happened so lately is still going on


class Move(StrEnum):
    """What becomes of the talk with the agent."""

    ABANDON = "gives up in the queue"
    NONE = "stays with the agent"
    BLIND = "is transferred blindly"
    ATTENDED = "is transferred after a consultation"
    REDIRECT = "is redirected"


MOVES = (
    *(Move.ABANDON, Move.NONE, Move.NONE, Move.REDIRECT),
    *(Move.BLIND, Move.BLIND, Move.BLIND, Move.ATTENDED, Move.ATTENDED),
)
PARTIES = ("payment", "payment", "payment", "back_office", "other_agent", "outside")
# A queue that is entered without a transfer is a matter of its own, and of another test.
REDIRECTED_TO = ("payment", "back_office", "outside")


@dataclass(frozen=True)
class Plan:
    """What one call is going to be; times in seconds."""

    council: Council
    waits_s: float  # before he rings
    rings_s: float  # before the agent answers
    talks_s: float
    move: Move
    party: str  # to whom
    consults_s: float
    afterwards_s: float
    last: str  # who hangs up: "caller", or whom he talks with

    def moments_s(self) -> tuple[float, float]:
        """When the talk with the agent will end, and when the call will, reckoned from the start.

        The same where nobody is sent on.
        """
        talked_s = SET_UP_S + self.waits_s + self.rings_s
        if self.move is Move.ABANDON:
            return talked_s, talked_s
        talked_s += self.talks_s
        if self.move is Move.ATTENDED:
            talked_s += KEYS_S + self.consults_s
        if self.move is Move.NONE:
            return talked_s, talked_s
        return talked_s, talked_s + self.afterwards_s

    def words(self) -> str:
        """For people."""
        moves = self.move in (Move.BLIND, Move.ATTENDED, Move.REDIRECT)
        return f"{self.council.policy}: {self.move}{f' to {self.party}' if moves else ''}"


@dataclass
class Played:
    """What was done, beside what the PBX saw (epoch, s); None: it wasn't."""

    plan: Plan
    uniqueid: str = ""
    channel: str = ""
    consults_from_s: float | None = None
    moved_s: float | None = None
    silent_s: float | None = None  # when the caller's phone was told to hang up, if it was
    heard: Path | None = None  # what the caller's phone heard


def draw(chance: random.Random, council: Council, moves: tuple[Move, ...] = MOVES) -> Plan:
    """Make up a call."""
    move = chance.choice(moves)
    party = chance.choice(REDIRECTED_TO if move is Move.REDIRECT else PARTIES)
    alone = party == "payment" and move not in (Move.NONE, Move.ABANDON)
    return Plan(
        council=council,
        waits_s=chance.uniform(*WAITS_S),
        rings_s=chance.uniform(*RINGS_S),
        talks_s=chance.uniform(*TALKS_S),
        move=move,
        party=party,
        consults_s=chance.uniform(*CONSULTS_S),
        afterwards_s=chance.uniform(*AFTERWARDS_S),
        last="caller" if alone or move is Move.ABANDON else chance.choice(("caller", "other")),
    )


def draw_blow(chance: random.Random, plans: Sequence[Plan]) -> float:
    """Make up when something is to break, in seconds after the first phones ring.

    Half of the time just before somebody is sent on or hangs up: that is where it hurts.
    """
    ends_s = [plan.moments_s()[1] for plan in plans]
    anywhere_s = chance.uniform(FIRST_BLOW_S, sorted(ends_s)[len(ends_s) // 2])
    aimed_s = chance.choice([at_s for plan in plans for at_s in plan.moments_s()])
    before_s = chance.uniform(*BEFORE_S)
    return anywhere_s if chance.random() < 0.5 else max(FIRST_BLOW_S, aimed_s - before_s)


def number_of(council: Council, party: str) -> str:
    """What an agent dials to reach a party."""
    return {
        "payment": council.payment_number,
        "back_office": council.back_office.number,
        "other_agent": council.other_queue.number,
        "outside": council.dial_outside,
    }[party]


def endpoint_of(council: Council, party: str) -> str:
    """The phone of a party; the payment line has none."""
    people = {
        "agent": council.agent,
        "back_office": council.back_office,
        "other_agent": council.other_agent,
        "outside": council.outside,
    }
    return people[party].endpoint if party in people else ""


def play(stage: Stage, plan: Plan, played: Played | None = None) -> Played:
    """Play a call to its end.

    Args:
        played: what was done is noted here, for one who wants it although the call breaks off.
    """
    played = played or Played(plan)
    council = plan.council
    caller, agent = stage.phone(council.caller), stage.phone(council.agent)
    await_free(stage, council)
    pass_time(plan.waits_s)
    mark, agent_mark, caller_mark = stage.eyes.mark(), agent.mark(), caller.mark()
    caller.dial(council.did)
    ours = event("QueueCallerJoin", CallerIDNum=council.caller.number)
    join = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    played.uniqueid, played.channel = join.get("Uniqueid"), join.get("Channel")
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(plan.rings_s)
    if plan.move is not Move.ABANDON:
        agent.answer()
        connected = event("AgentConnect", Uniqueid=played.uniqueid)
        stage.eyes.wait_for(connected, EVENT_TIMEOUT_S, mark)
        pass_time(plan.talks_s)
        _move(stage, plan, played)
    last = caller
    if plan.last == "other":
        party = plan.party if played.moved_s is not None else "agent"
        last = stage.phones[endpoint_of(council, party)]
    else:
        played.silent_s = time.time()
    with suppress(PhoneError):  # a transfer that came to nothing may have ended it all
        last.hang_up()
    stage.eyes.wait_for(event("Hangup", Uniqueid=played.uniqueid), EVENT_TIMEOUT_S, mark)
    caller.closed(since=caller_mark)
    before = caller.heard_before()
    played.heard = before[-1] if before else None
    return played


def _move(stage: Stage, plan: Plan, played: Played) -> None:
    mark, agent = stage.eyes.mark(), stage.phone(plan.council.agent)
    number = number_of(plan.council, plan.party)
    match plan.move:
        case Move.BLIND:
            agent.blind_transfer(number)
            by = f"PJSIP/{plan.council.agent.endpoint}-"
            moved = stage.eyes.wait_for(
                lambda one: (
                    one.name == "BlindTransfer" and one.get("TransfererChannel").startswith(by)
                ),
                EVENT_TIMEOUT_S,
                mark,
            )
        case Move.ATTENDED:
            played.consults_from_s = time.time()
            agent.feature_consult(number)
            pass_time(plan.consults_s)
            agent.hang_up()
            done = event("AttendedTransfer", TransfereeUniqueid=played.uniqueid)
            over = event("Hangup", Uniqueid=played.uniqueid)
            moved = stage.eyes.wait_for(lambda one: done(one) or over(one), EVENT_TIMEOUT_S, mark)
            if over(moved):
                return  # the PBX missed a key: the agent has hung up on the caller
        case Move.REDIRECT:
            stage.eyes.action(
                "Redirect", Channel=played.channel, Context="internal", Exten=number, Priority="1"
            )
            left = event("BridgeLeave", Uniqueid=played.uniqueid)
            moved = stage.eyes.wait_for(left, EVENT_TIMEOUT_S, mark)
        case _:
            return
    played.moved_s = moved.at_s
    pass_time(plan.afterwards_s)
