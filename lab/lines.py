"""The line to the PBX is cut, slow or half-open in the middle of calls: nothing is done twice."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from lab import gamble, judge
from lab.cable import Cable
from lab.course import course_of
from lab.eyes import event
from lab.gamble import Move
from lab.kills import RETURN_TIMEOUT_S, Say, Tally, await_archived
from lab.product import Product
from lab.scene import Stage
from lab.town import Council
from lab.waiting import pass_time, until

AWAY_S = (0.5, 4.0)
DEAF_S = 8.0  # longer than a login may take
DELAY_S = 2.0  # in each direction
LATE_S = 2 * DELAY_S + 0.5  # from an event to what is done about it
SLOW_MOVES = (Move.NONE, Move.BLIND, Move.BLIND, Move.REDIRECT)
SLOW_WORDS = ("slow", "did not answer")
NOTICED_WITHIN_S = 15.0

_ACTION = re.compile(rb"(?:^|\r\n\r\n)(Action: .*?)(?=\r\n\r\n)", re.DOTALL)
_UUID_RECORD = re.compile(rb"api uuid_record [0-9a-f-]+ start (\S+)")


@dataclass(frozen=True)
class LineFault:
    """One kind of trouble.

    Args:
        play: makes it and ends it; returns when nobody could watch the PBX.
        words: of which one must stand in the log: the trouble has a name.
        lost: whether the link is lost by it.
    """

    name: str
    play: Callable[[Product, Cable, float], judge.Span]
    words: tuple[str, ...]
    lost: bool = True


def _cut(product: Product, cable: Cable, away_s: float) -> judge.Span:
    ups, began_s = product.links_up(), time.time()
    cable.cut()
    pass_time(away_s)
    cable.mend()
    return began_s, _await_return(product, ups)


def _half_open(product: Product, cable: Cable, _away_s: float) -> judge.Span:
    ups, began_s = product.links_up(), time.time()
    cable.mute()
    return began_s, _await_return(product, ups)


def _deaf(product: Product, cable: Cable, _away_s: float) -> judge.Span:
    ups, began_s = product.links_up(), time.time()
    cable.mute(new_ones_too=True)
    pass_time(DEAF_S)
    cable.unmute()
    return began_s, _await_return(product, ups)


def _await_return(product: Product, ups: int) -> float:
    until("the link is back", lambda: product.links_up() > ups, RETURN_TIMEOUT_S)
    return time.time()


FAULTS = (
    LineFault("cut", _cut, ("closed the connection", "Connect call failed")),
    LineFault("half-open", _half_open, ("no answer to a ping",)),
    LineFault("half-open, and so is what follows", _deaf, ("no answer to a ping", "log us in")),
)


def trouble_lines(
    stage: Stage,
    cable: Cable,
    councils: Sequence[Council],
    chance: random.Random,
    rounds: int,
    say: Say,
) -> Tally:
    """Let calls be made, with trouble on the line in each round of them."""
    tally = Tally()
    for number in range(rounds):
        fault = FAULTS[number % len(FAULTS)]
        plans = [gamble.draw(chance, each) for each in councils]
        blow_s, away_s = gamble.draw_blow(chance, plans), chance.uniform(*AWAY_S)
        mark, sent, logged = stage.eyes.mark(), len(cable.sent), len(stage.product.log_lines())
        with ThreadPoolExecutor(len(plans)) as pool:
            running = [pool.submit(gamble.play, stage, plan) for plan in plans]
            pass_time(blow_s)
            outage = fault.play(stage.product, cable, away_s)
            calls = [each.result() for each in running]
        await_archived(stage.product)
        events = stage.eyes.events(since=mark)
        for played in calls:
            tally.look(stage.product, played, course_of(events, played.uniqueid), [outage])
        _noticed(tally, stage.product, fault.words, outage[0], logged)
        twice(tally, stage, mark, bytes(cable.sent[sent:]))
        tally.look_for_bugs(stage.product)
        tally.kills += 1
        say(f"{stage.pbx.name}, {fault.name}, {outage[1] - outage[0]:.1f} s: {tally.text()}")
    return tally


def slow_line(
    stage: Stage,
    cable: Cable,
    councils: Sequence[Council],
    chance: random.Random,
    rounds: int,
    say: Say,
) -> Tally:
    """Let calls be made over a slow line: what is recorded comes late, and nothing forbidden is."""
    tally = Tally()
    for _ in range(rounds):
        drawn = [gamble.draw(chance, each, SLOW_MOVES) for each in councils]
        plans = [replace(plan, talks_s=plan.talks_s + 5 * DELAY_S) for plan in drawn]
        mark, sent, logged = stage.eyes.mark(), len(cable.sent), len(stage.product.log_lines())
        began_s = time.time()
        cable.slow(DELAY_S)
        try:
            with ThreadPoolExecutor(len(plans)) as pool:
                calls = list(pool.map(lambda plan: gamble.play(stage, plan), plans))
            pass_time(4 * DELAY_S)  # what is under way arrives
        finally:
            cable.slow(0.0)
        await_archived(stage.product)
        events = stage.eyes.events(since=mark)
        for played in calls:
            course = course_of(events, played.uniqueid)
            tally.look(stage.product, played, course, [], late_s=LATE_S)
        _noticed(tally, stage.product, SLOW_WORDS, began_s, logged)
        twice(tally, stage, mark, bytes(cable.sent[sent:]))
        tally.look_for_bugs(stage.product)
        tally.kills += 1
        say(f"{stage.pbx.name}, slow: {tally.text()}")
    return tally


def _noticed(
    tally: Tally, product: Product, words: Sequence[str], began_s: float, logged: int
) -> None:
    """The trouble was noticed in time, and has its name in the log."""
    named = [
        line for line in product.log_lines()[logged:] if any(each in str(line) for each in words)
    ]
    tally.check(bool(named), f"nothing in the log of: {', '.join(words)}")
    if named:
        at_s = datetime.fromisoformat(named[0]["timestamp"]).timestamp()
        tally.check(
            at_s - began_s <= NOTICED_WITHIN_S,
            f"noticed after {at_s - began_s:.1f} s: {words[0]}",
        )


def twice(tally: Tally, stage: Stage, mark: int, sent: bytes) -> None:
    """No recorder was asked for twice, and none ran or was stopped that nobody asked for."""
    asked = Counter(_asked_for(sent))
    for options, count in asked.items():
        tally.check(count == 1, f"{count} times the same recorder: {options.decode()}")
    starts = Counter(
        each.get("Uniqueid") for each in stage.eyes.events(event("MixMonitorStart"), mark)
    )
    stops = Counter(
        each.get("Uniqueid") for each in stage.eyes.events(event("MixMonitorStop"), mark)
    )
    tally.check(
        starts.total() <= len(asked), f"{starts.total()} recorders started, {len(asked)} asked for"
    )
    for uniqueid, count in stops.items():
        tally.check(
            count <= starts[uniqueid],
            f"{uniqueid}: {count} recorders stopped, {starts[uniqueid]} started",
        )


def _asked_for(sent: bytes) -> list[bytes]:
    """The recorders that were asked for, each by its file, of whichever kind the PBX is."""
    actions = [each for each in _ACTION.findall(sent) if each.startswith(b"Action: MixMonitor\r\n")]
    return [_header(each, b"Options") for each in actions] + _UUID_RECORD.findall(sent)


def _header(action: bytes, name: bytes) -> bytes:
    for line in action.split(b"\r\n"):
        key, _, value = line.partition(b": ")
        if key == name:
            return value
    return b""
