"""Asterisk dies in the middle of calls, and begins again: with the same names for its channels."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from lab import gamble, judge
from lab.course import Course, course_of
from lab.eyes import ObserverError
from lab.gamble import Move, Played
from lab.kills import RETURN_TIMEOUT_S, Say, Tally, await_archived
from lab.phones import PhoneError
from lab.scene import Stage
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

IN_TURN_S = 0.6  # so that channels get the same names after each start of the PBX
END_S = (4.0, 9.0)  # from when the first phone rings
FREE_TIMEOUT_S = 20.0
MOVES = (Move.NONE, Move.NONE, Move.BLIND, Move.ATTENDED)


@dataclass(frozen=True)
class Life:
    """The calls of one life of the PBX, and how it ended (epoch, s)."""

    calls: Sequence[Played]
    courses: Sequence[Course]
    ended_s: float | None = None


def restart_pbx(
    stage: Stage, councils: Sequence[Council], chance: random.Random, ways: Sequence[str], say: Say
) -> Tally:
    """Let the PBX die in calls, once for each way; then let it live through a round of calls.

    Args:
        ways: "killed" (a power cut), or "ended" (it is told to).
    """
    tally, first_eyes = Tally(), stage.eyes
    # So that its channels count from nothing in this life as in those that follow.
    stage, _ = _again(stage)
    lives: list[tuple[Life, list[judge.Span]]] = []
    for way in (*ways, ""):
        plans = _plans(chance, councils)
        if not way:
            calls = _play(stage, plans)
            lives.append((_life(stage, calls, None), []))
            continue
        calls, ended_s = _play_until(stage, plans, chance.uniform(*END_S), way)
        life = _life(stage, calls, ended_s)
        _hang_up_all(stage)
        stage, back_s = _again(stage)
        lives.append((life, [(ended_s, back_s)]))
        tally.kills += 1
    await_archived(stage.product)
    for life, outages in lives:
        for played, course in zip(life.calls, life.courses, strict=True):
            tally.look(stage.product, played, course, outages, gamble.JUST_NOW_S)
    tally.look_for_bugs(stage.product)
    _same_names(tally, [life for life, _ in lives])
    if stage.eyes is not first_eyes:
        stage.eyes.close()
    say(f"{stage.pbx.name} {' and '.join(ways)}: {tally.text()}")
    return tally


def _plans(chance: random.Random, councils: Sequence[Council]) -> list[gamble.Plan]:
    drawn = [gamble.draw(chance, each, MOVES) for each in councils]
    return [replace(plan, waits_s=n * IN_TURN_S) for n, plan in enumerate(drawn)]


def _play(stage: Stage, plans: Sequence[gamble.Plan]) -> list[Played]:
    with ThreadPoolExecutor(len(plans)) as pool:
        return [call.result() for call in [pool.submit(gamble.play, stage, p) for p in plans]]


def _play_until(
    stage: Stage, plans: Sequence[gamble.Plan], end_s: float, way: str
) -> tuple[list[Played], float]:
    """Play calls until the PBX dies; tell when that was."""
    calls = [Played(plan) for plan in plans]
    with ThreadPoolExecutor(len(plans)) as pool:
        running = [pool.submit(gamble.play, stage, call.plan, call) for call in calls]
        pass_time(end_s)
        ended_s = time.time()
        if way == "killed":
            stage.pbx.kill()
        else:
            stage.pbx.stop()
        for each in running:
            with suppress(ObserverError, PhoneError, LabTimeoutError):
                each.result()
    return [call for call in calls if call.uniqueid], ended_s


def _life(stage: Stage, calls: Sequence[Played], ended_s: float | None) -> Life:
    events = stage.eyes.events()
    courses = [course_of(events, call.uniqueid) for call in calls]
    for course in courses:
        if course.gone_s is None:
            course.gone_s = ended_s
    return Life(calls, courses, ended_s)


def _hang_up_all(stage: Stage) -> None:
    """Nobody tells the phones that their PBX is gone."""
    for phone in stage.phones:
        with suppress(PhoneError):
            phone.hang_up_all()
    until(
        "all phones are free",
        lambda: not any(phone.busy for phone in stage.phones),
        FREE_TIMEOUT_S,
    )


def _again(stage: Stage) -> tuple[Stage, float]:
    """Start the PBX anew; return a stage that sees it, and when Hushtape saw it."""
    ups = stage.product.links_up()
    stage.eyes.close()
    stage.pbx.kill()
    stage.pbx.start()
    eyes = stage.pbx.observer()
    until("Hushtape is back", lambda: stage.product.links_up() > ups, RETURN_TIMEOUT_S)
    back_s = time.time()
    return replace(stage, eyes=eyes), back_s


def _same_names(tally: Tally, lives: Sequence[Life]) -> None:
    """A restarted PBX gives its channels the names of those that were: nobody is mixed up."""
    for one, other in itertools.pairwise(lives):
        shared = {x.channel for x in one.calls} & {x.channel for x in other.calls}
        if not shared:
            tally.wrong.append("no channel had the name of one before the restart: not a test")
        same = {x.uniqueid for x in one.calls} & {x.uniqueid for x in other.calls}
        if same:
            tally.wrong.append(f"a Uniqueid came twice: {', '.join(same)}")
