"""The line to a PBX is killed in the middle of twenty calls, time and again.

Each time somebody is sent on while nobody watches. Those who stay with their agent must be recorded
as if nothing had been: by one recorder, from the queue to the hang-up. Several PBXes have their
trouble at once, each of its own: one's lost line is nothing to the others.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import judge
from lab.cable import Cable
from lab.course import course_of
from lab.eyes import event
from lab.kills import RETURN_TIMEOUT_S, Say
from lab.lots import Call, Lot
from lab.scene import Stage
from lab.throng import LAST_S, TOGETHER_S, all_ring, await_over, hang_up_all, send_on
from lab.town import Person
from lab.waiting import pass_time, until

PAIRS = 25  # more than calls: their agents are free for who is sent on
CALLS = 20
KILLS = 10
MOVES = (Lot.PAYMENT, Lot.AGENT, Lot.PAYMENT, Lot.AGENT, Lot.QUEUE)  # one in each outage
AWAY_S = (0.7, 2.0)
MOVES_AFTER_S = (0.1, 0.5)
CALM_S = (2.5, 4.0)  # between two: the PBX is known to be there
STABLE_S = (10.5, 12.0)  # after a line that lived so long its next loss is the first one again
JITTER_S = 0.1  # the clocks of a phone and of the PBX


def _cut(cable: Cable, away_s: float) -> None:
    """The cable is pulled, and plugged in again."""
    cable.cut()
    pass_time(away_s)
    cable.mend()


def _killed(cable: Cable, _away_s: float) -> None:
    """The connection is killed; the next one gets through."""
    cable.drop()


def _half_open(cable: Cable, _away_s: float) -> None:
    """Nothing comes through any more, and nobody is told."""
    cable.mute()


WAYS: dict[str, Callable[[Cable, float], None]] = {
    "cut": _cut,
    "killed": _killed,
    "half-open": _half_open,
}
ORDER = ("cut", "killed", "cut", "killed", "half-open")
SOON_AGAIN = "cut"  # the next one comes while the link still waits longer from try to try


def kill_sockets(
    stages: Sequence[Stage],
    cables: Sequence[Cable],
    chance: random.Random,
    say: Say,
    kills: int = KILLS,
) -> list[str]:
    """Let twenty talk at each PBX, and kill the line under them again and again.

    Args:
        cables: through which Hushtape talks to the PBXes, one each.

    Returns:
        What is wrong.
    """
    marks = [stage.eyes.mark() for stage in stages]
    calls = all_ring(stages, [stage.pbx.crowd.callers[:CALLS] for stage in stages])
    pass_time(TOGETHER_S)
    with ThreadPoolExecutor(len(stages)) as pool:
        troubles = []
        for stage, cable in zip(stages, cables, strict=True):
            own = random.Random(chance.random())
            theirs = [each for each in calls if each.stage is stage]
            moved = _draw(theirs, stage.pbx.crowd.agents, own, kills)
            troubles.append(pool.submit(_trouble, stage, cable, moved, own, say))
        for each in troubles:
            each.result()
    pass_time(LAST_S)
    ends_s = time.time()
    hang_up_all(calls)
    wrong = await_over(calls, stages, marks)
    for stage, mark in zip(stages, marks, strict=True):
        theirs = [each for each in calls if each.stage is stage]
        found = _at_stage(stage, theirs, mark, ends_s)
        staying = sum(each.lot is Lot.STAYS for each in theirs)
        say(
            f"{stage.pbx.name}: {len(theirs)} calls, {len(theirs) - staying} killed lines:"
            f" {staying} stayed and are to be of one piece; {len(found)} are not as they were"
        )
        wrong += found
    recorded = stages[0].product.recordings()
    if len(recorded) != len(calls):
        wrong.append(f"{len(recorded)} recordings of {len(calls)} calls")
    say(f"{len(recorded)} recordings of {len(calls)} calls; {len(wrong)} wrong")
    return wrong


def _trouble(
    stage: Stage, cable: Cable, moved: Sequence[Call], chance: random.Random, say: Say
) -> None:
    """Kill one PBX's line, once for each who is sent on."""
    for number, call in enumerate(moved):
        way = ORDER[number % len(ORDER)]
        call.outage = began_s, back_s = _kill(stage, cable, way, call, chance)
        gone_s = back_s - began_s
        say(f"{stage.pbx.name}: {way}, {call.lot}: nobody watched for {gone_s:.1f} s")
        pass_time(chance.uniform(*(CALM_S if way == SOON_AGAIN else STABLE_S)))


def _at_stage(stage: Stage, calls: Sequence[Call], mark: int, ends_s: float) -> list[str]:
    """What is wrong with one PBX's calls: they went on, and who stayed noticed nothing."""
    wrong = []
    events = stage.eyes.events(since=mark)
    for call in calls:
        who = f"{call.caller.endpoint} at {stage.pbx.name}, {call.lot}"
        gone_s = course_of(events, call.uniqueid).over_s()
        if gone_s < ends_s - JITTER_S:
            wrong.append(f"{who}: the call ended {ends_s - gone_s:.1f} s before anybody hung up")
        if call.lot is Lot.STAYS:
            wrong += [f"{who}: {words}" for words in _renewed(stage, call, mark)]
    return wrong


def _draw(
    calls: list[Call], agents: Sequence[Person], chance: random.Random, kills: int
) -> list[Call]:
    """Draw who is sent on, one at each kill."""
    calls.sort(key=lambda each: each.caller.number)
    free = [each for each in agents if each not in [call.agent for call in calls]]
    moved = chance.sample(calls, kills)
    for number, call in enumerate(moved):
        call.lot = MOVES[number % len(MOVES)]
        if call.lot is Lot.AGENT:
            call.target = free.pop()
    return moved


def _kill(stage: Stage, cable: Cable, way: str, call: Call, chance: random.Random) -> judge.Span:
    """Kill the line while somebody is sent on; tell when nobody watched."""
    product, name = stage.product, stage.pbx.name
    ups, began_s = product.links_up(name), time.time()
    call.wait_s = chance.uniform(*MOVES_AFTER_S)
    moving = threading.Thread(target=send_on, args=(call,), daemon=True)
    moving.start()
    WAYS[way](cable, chance.uniform(*AWAY_S))
    until("the link is back", lambda: product.links_up(name) > ups, RETURN_TIMEOUT_S)
    back_s = time.time()
    moving.join()
    return began_s, back_s


def _renewed(stage: Stage, call: Call, mark: int) -> list[str]:
    """What is wrong with the recording of a call to which nothing happened."""
    starts = stage.eyes.events(event("MixMonitorStart", Uniqueid=call.uniqueid), mark)
    segments = [
        len(each.manifest["segments"]) for each in stage.product.recordings_of(call.uniqueid)
    ]
    if (len(starts), segments) == (1, [1]):
        return []
    return [f"{len(starts)} recorders and {segments} segments of a call that stayed as it was"]
