"""What people do with a call, beyond ringing, talking and transferring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from lab.eyes import Event, ObserverError, Predicate, event
from lab.phone import PhoneError
from lab.scene import EVENT_TIMEOUT_S, QueueCall, Stage, Take, await_free, words_of
from lab.town import Council, Person, Queue
from lab.waiting import pass_time, until

SHORT_TALK_S = 3.0
DTMF_GAP_S = 0.3
JOIN_KEY = "*3"  # of features.conf: the consultation becomes a talk of three
PARK_KEY = "#72"
PICKUP_KEY = "*8"
OPT_OUT_KEY = "*71"  # of dialplan/asterisk/hushtape-features.conf
PERMISSION_KEY = "*72"
CALLERS_KEY = "9"  # during the announcement
TOLD_TIMEOUT_S = 3.0
FREE_S = 10.0


@dataclass(frozen=True)
class DirectCall:
    """Two who talk without a queue, as the PBX saw it (epoch, s)."""

    people: tuple[Person, Person]
    uniqueids: tuple[str, ...]  # of every channel
    outside: str  # the outside party's Uniqueid; inside: the one's who rang
    answered_s: float


@contextmanager
def routed(stage: Stage, council: Council, name: str, value: str) -> Iterator[None]:
    """Route a council's calls another way for a while: a global variable of the dialplan."""
    variable = f"{name}_{council.p}"
    stage.eyes.action("Setvar", Variable=variable, Value=value)
    try:
        yield
    finally:
        stage.eyes.action("Setvar", Variable=variable, Value="")


@contextmanager
def log_in(stage: Stage, queue: Queue, who: Person) -> Iterator[None]:
    """Let somebody serve a queue for a while, and answer by hand meanwhile.

    Begins when the queue holds all its agents for free: it rings those only, for as long as 20 s,
    and learns a moment after a phone's hang-up that it is.
    """
    member = {"Queue": queue.name, "Interface": f"PJSIP/{who.endpoint}"}
    stage.eyes.action("QueueAdd", **member)
    try:
        until(
            f"the agents of {queue.name} are free",
            lambda: stage.eyes.agents_are_free(queue.name),
            FREE_S,
        )
        with stage.phone(who).by_hand():
            yield
    finally:
        stage.eyes.action("QueueRemove", **member)


@dataclass(frozen=True)
class ThreeWay:
    """How a talk of three came about (epoch, s)."""

    dialled_s: float  # the agent began to press the keys
    consulted_s: float  # he has the third one, the caller waits
    joined_s: float


@dataclass(frozen=True)
class Pressed:
    """Keys that somebody pressed: meanwhile his phone sends no voice (epoch, s)."""

    began_s: float
    ended_s: float
    said: list[Event]  # what the dialplan told Hushtape of it


def press(stage: Stage, who: Person, keys: str, *, tells: bool) -> Pressed:
    """Let somebody press keys.

    Args:
        tells: whether the dialplan should tell Hushtape of it.
    """
    mark, began_s = stage.eyes.mark(), time.time()
    stage.phone(who).dtmf(keys, gap_s=DTMF_GAP_S)
    pass_time(DTMF_GAP_S)

    def is_it(one: Event) -> bool:
        ours = one.name == "UserEvent" and one.get("UserEvent") == "Hushtape"
        return ours and one.get("Channel").rpartition("-")[0] == f"PJSIP/{who.endpoint}"

    if tells:
        with suppress(ObserverError):  # then nothing is told, which is a failed check
            stage.eyes.wait_for(is_it, TOLD_TIMEOUT_S, mark)
    return Pressed(began_s, time.time(), stage.eyes.events(is_it, mark))


def park(stage: Stage, council: Council, call: QueueCall, take: Take) -> tuple[float, Event]:
    """Let the agent park the caller with his key, and hang up.

    Returns:
        When he began to press it (epoch, s), and the PBX's event.
    """
    mark, agent = stage.eyes.mark(), stage.phone(council.agent)
    agent_mark, pressing_s = agent.mark(), time.time()
    agent.dtmf(PARK_KEY, gap_s=DTMF_GAP_S)
    ours = event("ParkedCall", ParkeeUniqueid=call.uniqueid)
    parked = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((parked.at_s - call.entered_s, "the agent parks the caller"))
    with suppress(PhoneError):  # a FreeSWITCH has done it by then
        agent.hang_up()
    agent.closed(since=agent_mark)
    return pressing_s, parked


def fetch(stage: Stage, parked: Event, who: Person, call: QueueCall, take: Take) -> float:
    """Let somebody fetch the caller who is parked; return when they talk (epoch, s)."""
    mark = stage.eyes.mark()
    stage.phone(who).dial(parked.get("ParkingSpace"))
    ours = event("UnParkedCall", ParkeeUniqueid=call.uniqueid)
    fetched = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    words = f"the {words_of(who.role)} fetches the caller"
    take.lines.append((fetched.at_s - call.entered_s, words))
    return fetched.at_s


def three_way(stage: Stage, council: Council, call: QueueCall, number: str, take: Take) -> ThreeWay:
    """Let the agent consult a number and take it into the talk; return when."""
    mark, agent = stage.eyes.mark(), stage.phone(council.agent)
    consulting_s = time.time()
    take.lines.append((consulting_s - call.entered_s, f"the agent consults {number}"))
    agent.feature_consult(number)
    consulted = stage.eyes.wait_for(_consults(council.agent), EVENT_TIMEOUT_S, mark)
    pass_time(DTMF_GAP_S)
    agent.dtmf(JOIN_KEY, gap_s=DTMF_GAP_S)
    ours = event("AttendedTransfer", TransfereeUniqueid=call.uniqueid, DestType="Threeway")
    joined = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((joined.at_s - call.entered_s, f"the agent takes {number} into the talk"))
    return ThreeWay(consulting_s, consulted.at_s, joined.at_s)


def _consults(agent: Person) -> Predicate:
    """The agent talks to somebody else: his channel has entered a second bridge."""

    def matches(one: Event) -> bool:
        by = one.get("Channel").rpartition("-")[0]
        return one.name == "BridgeEnter" and by == f"PJSIP/{agent.endpoint}"

    return matches


def leave(stage: Stage, call: QueueCall, who: Person, take: Take) -> float:
    """Let somebody hang up while the caller stays in the talk; return when (epoch, s)."""
    mark, phone = stage.eyes.mark(), stage.phone(who)
    phone_mark = phone.mark()
    phone.hang_up()

    def gone(one: Event) -> bool:
        by = one.get("Channel").rpartition("-")[0]
        return one.name == "BridgeLeave" and by == f"PJSIP/{who.endpoint}"

    left = stage.eyes.wait_for(gone, EVENT_TIMEOUT_S, mark)
    phone.closed(since=phone_mark)
    take.lines.append((left.at_s - call.entered_s, f"the {words_of(who.role)} hangs up"))
    return left.at_s


def dial(
    stage: Stage, council: Council, who: Person, number: str, whom: Person, take: Take
) -> DirectCall:
    """Let somebody ring somebody else without a queue, and this one answer."""
    await_free(stage, council)
    mark, called = stage.eyes.mark(), stage.phone(whom)
    called_mark = called.mark()
    stage.phone(who).dial(number)
    if not called.answers:
        called.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, called_mark)
        called.answer()
    answered = stage.eyes.wait_for(
        lambda one: (
            one.name == "DialEnd"
            and one.get("DialStatus") == "ANSWER"
            and one.get("DestChannel").startswith(f"PJSIP/{whom.endpoint}-")
        ),
        EVENT_TIMEOUT_S,
        mark,
    )
    caller, other = answered.get("Uniqueid"), answered.get("DestUniqueid")
    take.lines.append((0.0, f"the {words_of(who.role)} rings {number}, which is answered"))
    outside = caller if whom.staff else other
    return DirectCall((who, whom), (caller, other), outside, answered.at_s)


def end(stage: Stage, call: DirectCall, who: Person, take: Take) -> float:
    """Let one of two hang up, and wait until it is over for both; return when (epoch, s)."""
    mark = stage.eyes.mark()
    phones = [(stage.phone(each), stage.phone(each).mark()) for each in call.people]
    stage.phone(who).hang_up()
    for uniqueid in call.uniqueids:
        gone = stage.eyes.wait_for(event("Hangup", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
    for phone, phone_mark in phones:
        phone.closed(since=phone_mark)
    take.lines.append((gone.at_s - call.answered_s, f"the {words_of(who.role)} hangs up"))
    return gone.at_s
