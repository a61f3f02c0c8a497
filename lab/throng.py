"""Fifty calls at once with transfers among them: no recording holds anybody who wasn't in the call.

Everybody sings a tone of his own. A dozen callers hang up early; with their agents, who are free
then, others are sent on: blindly, after a consultation, to the queue, or to the payment line.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from lab import judge
from lab.asterisk import Asterisk
from lab.course import Course, Talk, course_of
from lab.ear import FINE_S, Heard, hear
from lab.eyes import Event, event
from lab.gamble import CONSULTS_S
from lab.kills import Say, await_archived
from lab.phones import PhoneError, Phones
from lab.product import Product, Recording
from lab.scene import EVENT_TIMEOUT_S, Stage
from lab.town import CROWD_DID, MUSIC_HZ, Crowd, Person
from lab.waiting import pass_time, until

SIZE = 50
EARLY = 14  # hang up first; their agents are free
TO_AGENTS = 8  # each to a free agent of his own
CONSULTED = 4
TO_QUEUE = 4  # whoever is free
TO_PAYMENT = 3
RINGS_EVERY_S = 0.1  # ten calls a second
CONNECT_TIMEOUT_S = 60.0
TOGETHER_S = 3.0  # all of them talk
MOVES_S = (0.0, 4.0)
ENDS_S = (0.0, 3.0)
LAST_S = 4.0  # after the last transfer
SURE_S = 0.4  # of a talk's beginning and end nothing is said: a window is 200 ms long
LONG_S = 1.5  # a talk that is long enough to be heard
RENEWAL_S = 0.5  # what a busy machine may lose, or be wrong about, where a recorder begins
PAYMENT_HZ = 1836  # between the callers' tones and the agents'
PAYMENT_LINE = "710"
CROWD_QUEUE_NUMBER = "690"
LEAST_SHARE = 0.8  # of the windows of a talk
EXTRA = f"""[internal](+)
exten => {PAYMENT_LINE},1,Answer()
 same => n,Playtones({PAYMENT_HZ})
 same => n,Wait(600)
"""
POLICY = f"""[policy]
name = "throng"
title = "The lab's throng"
in_force_from = 2024-01-01
time_zone = "Europe/London"

[calls]
queues = ["crowd"]

[[destination]]
name = "the payment line"
extensions = ["{PAYMENT_LINE}"]

[transfer]
otherwise = "continue"

[payment]
lines = ["the payment line"]

[retention]
keep = "1 day"
"""


class Lot(StrEnum):
    """What becomes of a caller."""

    EARLY = "hangs up early"
    STAYS = "stays"
    AGENT = "is sent to another agent"
    CONSULTED = "is sent to another agent after a consultation"
    QUEUE = "is sent to the queue"
    PAYMENT = "is sent to the payment line"


@dataclass
class Call:
    """One of the fifty."""

    caller: Person
    agent: Person
    uniqueid: str
    lot: Lot = Lot.STAYS
    target: Person | None = None
    wait_s: float = 0.0
    end_s: float = 0.0
    last: str = "caller"
    consult_s: float = 0.0
    consults_from_s: float | None = None
    moved_s: float | None = None  # to the payment line


@contextmanager
def open_throng(folder: Path, name: str, size: int = SIZE) -> Iterator[Stage]:
    """An Asterisk with so many callers and agents, and a Hushtape beside it."""
    folder.mkdir(exist_ok=True)
    policy = folder / "throng.toml"
    policy.write_text(POLICY, encoding="utf-8")
    with ExitStack() as stack:
        extra = {"extensions-extra.conf": EXTRA}
        pbx = stack.enter_context(Asterisk(name=name, crowd=size, extra=extra))
        people = [*pbx.crowd.callers, *pbx.crowd.agents]
        phones = stack.enter_context(Phones(pbx, people))
        product = stack.enter_context(Product(folder, [pbx], policies=[policy]))
        eyes = stack.enter_context(pbx.observer())
        yield Stage(pbx, eyes, phones, product)


def throng(stage: Stage, chance: random.Random, say: Say) -> list[str]:
    """Let them all ring at once, be sent on and hang up; return what is wrong."""
    crowd, mark = stage.pbx.crowd, stage.eyes.mark()
    calls = _all_ring(stage, mark)
    at_once = len(calls)
    _draw_lots(calls, chance)
    pass_time(TOGETHER_S)
    _in_parallel([each for each in calls if each.lot is Lot.EARLY], lambda x: _hang_up(stage, x))
    moving = [x for x in calls if x.lot in (Lot.AGENT, Lot.CONSULTED, Lot.PAYMENT)]
    _in_parallel(moving, lambda each: _send_on(stage, each))
    for each in [x for x in calls if x.lot is Lot.QUEUE]:  # one by one: each gets somebody else
        _send_on(stage, each)
    pass_time(LAST_S)
    _in_parallel([x for x in calls if x.lot is not Lot.EARLY], lambda x: _hang_up(stage, x))
    ids = {each.uniqueid for each in calls}
    until(
        "all calls are over",
        lambda: ids <= {x.get("Uniqueid") for x in stage.eyes.events(event("Hangup"), mark)},
        EVENT_TIMEOUT_S,
    )
    await_archived(stage.product)
    events = stage.eyes.events(since=mark)
    wrong = [words for each in calls for words in _look(stage, crowd, each, events)]
    found = {x.manifest["call"]["pbx_call"] for x in stage.product.recordings()}
    if found != ids:
        wrong.append(f"{len(found - ids)} recordings too many, {len(ids - found)} too few")
    lots = {lot: sum(x.lot is lot for x in calls) for lot in Lot}
    say(
        f"{at_once} calls at once: {', '.join(f'{count} {lot}' for lot, count in lots.items())};"
        f" {len(wrong)} wrong"
    )
    return wrong


def _all_ring(stage: Stage, mark: int) -> list[Call]:
    crowd = stage.pbx.crowd
    for person in crowd.callers:
        stage.phone(person).dial(CROWD_DID)
        pass_time(RINGS_EVERY_S)
    until(
        "every caller has an agent",
        lambda: len(_connects(stage, mark)) >= len(crowd.callers),
        CONNECT_TIMEOUT_S,
    )
    callers = {person.number: person for person in crowd.callers}
    agents = {f"PJSIP/{person.endpoint}": person for person in crowd.agents}
    return [
        Call(
            callers[each.get("CallerIDNum")],
            agents[each.get("Interface")],
            each.get("Uniqueid"),
        )
        for each in _connects(stage, mark)
    ]


def _connects(stage: Stage, mark: int) -> list[Event]:
    return stage.eyes.events(event("AgentConnect"), mark)


def _draw_lots(calls: list[Call], chance: random.Random) -> None:
    calls.sort(key=lambda each: each.caller.number)  # who was answered first isn't chance of ours
    drawn = chance.sample(calls, len(calls))
    lots = [Lot.EARLY] * EARLY + [Lot.AGENT] * TO_AGENTS + [Lot.CONSULTED] * CONSULTED
    lots += [Lot.QUEUE] * TO_QUEUE + [Lot.PAYMENT] * TO_PAYMENT
    for each, lot in zip(drawn, lots, strict=False):
        each.lot = lot
    free = [each.agent for each in drawn if each.lot is Lot.EARLY]
    for each in drawn:
        if each.lot in (Lot.AGENT, Lot.CONSULTED):
            each.target = free.pop()
        each.wait_s, each.end_s = chance.uniform(*MOVES_S), chance.uniform(*ENDS_S)
        each.consult_s = chance.uniform(*CONSULTS_S)
        each.last = chance.choice(("caller", "agent"))


def _in_parallel(calls: Sequence[Call], work) -> None:  # type: ignore[no-untyped-def]
    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        list(pool.map(work, calls))


def _send_on(stage: Stage, call: Call) -> None:
    agent, mark = stage.phone(call.agent), stage.eyes.mark()
    if call.lot is Lot.QUEUE:
        agent.blind_transfer(CROWD_QUEUE_NUMBER)
        again = event("AgentConnect", Uniqueid=call.uniqueid)
        stage.eyes.wait_for(again, CONNECT_TIMEOUT_S, mark)
        return
    pass_time(call.wait_s)
    number = call.target.number if call.target else PAYMENT_LINE
    if call.lot is Lot.CONSULTED:
        call.consults_from_s = time.time()
        agent.feature_consult(number)
        pass_time(call.consult_s)
        agent.hang_up()
        return
    agent.blind_transfer(number)
    by = f"PJSIP/{call.agent.endpoint}-"
    moved = stage.eyes.wait_for(
        lambda one: one.name == "BlindTransfer" and one.get("TransfererChannel").startswith(by),
        EVENT_TIMEOUT_S,
        mark,
    )
    if call.lot is Lot.PAYMENT:
        call.moved_s = moved.at_s


def _hang_up(stage: Stage, call: Call) -> None:
    pass_time(call.end_s)
    stays_with_agent = call.lot in (Lot.STAYS, Lot.EARLY)
    last = call.agent if call.last == "agent" and stays_with_agent else call.caller
    with suppress(PhoneError):  # a consultation that came to nothing has ended it already
        stage.phone(last).hang_up()


def _look(stage: Stage, crowd: Crowd, call: Call, events: Sequence[Event]) -> Iterator[str]:
    who = f"{call.caller.endpoint} with {call.agent.endpoint}, {call.lot}"
    course = course_of(events, call.uniqueid)
    recordings = stage.product.recordings_of(call.uniqueid)
    if len(recordings) != 1:
        yield f"{who}: {len(recordings)} recordings"
        return
    recording = recordings[0]
    tones = {**crowd.tones, "music": MUSIC_HZ, "payment": PAYMENT_HZ}
    heard = hear(recording.audio, tones, frame_s=FINE_S)
    yield from (f"{who}: {words}" for words in _sides(recording, heard, call, course))
    wanted = [(course.entered_s or 0.0, call.moved_s or course.over_s())]
    covered = judge.covered_spans(recording)
    wide = [(start_s - RENEWAL_S, end_s + RENEWAL_S) for start_s, end_s in covered]
    for start_s, end_s in judge.without(wanted, wide):
        yield f"{who}: {end_s - start_s:.2f} s are missing"
    allowed = [(start_s - RENEWAL_S, end_s + RENEWAL_S) for start_s, end_s in wanted]
    for start_s, end_s in judge.without(covered, allowed):
        yield f"{who}: {end_s - start_s:.2f} s too much"
    if call.lot is Lot.PAYMENT:
        control = hear(stage.phone(call.caller).heard_before()[-1], tones, frame_s=FINE_S)
        sung_s = control.frames("any", "payment") * control.frame_s
        if sung_s < LONG_S:
            yield f"{who}: the control heard the payment line for {sung_s:.1f} s only"


def _sides(recording: Recording, heard: Heard, call: Call, course: Course) -> Iterator[str]:
    """On the left the caller and nobody else; on the right, at any time, whom he talked with."""
    for name in heard.names:
        share = heard.share(name, "left")
        if name == call.caller.endpoint and share < LEAST_SHARE:
            yield f"the caller is in {share:.0%} of the left side"
        if name != call.caller.endpoint and heard.frames("left", name) > 1:
            yield f"{name} is on the left for {heard.frames('left', name) * FINE_S:.1f} s"
    parties = {talk.endpoint for talk in course.talks}
    for talk in course.talks:
        if talk.endpoint == call.agent.endpoint and call.consults_from_s is not None:
            talk = replace(talk, end_s=call.consults_from_s)  # then the caller hears music
        yield from _talk(recording, heard, talk)
    for name in heard.names:
        is_stranger = name not in parties and name != "music"
        if is_stranger and heard.frames("right", name) > 1:
            yield f"{name} is on the right for {heard.frames('right', name) * FINE_S:.1f} s"


def _talk(recording: Recording, heard: Heard, talk: Talk) -> Iterator[str]:
    for span in judge.within([(talk.start_s, talk.end_s)], judge.covered_spans(recording)):
        start_s = span[0] + SURE_S - recording.began_s
        end_s = span[1] - SURE_S - recording.began_s
        if end_s - start_s < LONG_S:
            continue
        for name in heard.names:
            share = heard.share(name, "right", start_s, end_s)
            if name == talk.endpoint and share < LEAST_SHARE:
                yield f"{name} is in {share:.0%} of the talk from {start_s:.1f} s on"
            if name != talk.endpoint and share > 0:
                yield f"{name} is heard in the talk with {talk.endpoint}, from {start_s:.1f} s on"
