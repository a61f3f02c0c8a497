"""Redis dies, or forgets everything, or all of Hushtape dies at once, in the middle of calls."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from hushtape import config as configuration
from hushtape import redis_link
from lab import gamble, judge, retention
from lab.course import course_of
from lab.faults import OwnRedis
from lab.gamble import Played
from lab.kills import Say, Tally, await_archived
from lab.product import Product
from lab.scene import Stage
from lab.town import Council
from lab.waiting import pass_time, until

AWAY_S = (0.5, 4.0)
COMPLETE_TIMEOUT_S = 150.0  # the catalogue is looked after every half minute


@dataclass(frozen=True)
class Blackout:
    """What dies, and comes back after some time; return when nobody watched the PBX, or None."""

    name: str
    play: Callable[[Product, OwnRedis | None, float], judge.Span | None]


def _redis_killed(_product: Product, redis: OwnRedis | None, away_s: float) -> None:
    assert redis is not None
    redis.kill()
    pass_time(away_s)
    redis.start()


def _redis_emptied(_product: Product, redis: OwnRedis | None, away_s: float) -> None:
    assert redis is not None
    redis.kill()
    shutil.rmtree(redis.socket.parent)
    pass_time(away_s)
    redis.start()


def _everything_killed(product: Product, redis: OwnRedis | None, away_s: float) -> judge.Span:
    began_s = time.time()
    product.kill()
    if redis is not None:
        redis.kill()
    pass_time(away_s)
    if redis is not None:
        redis.start()
    product.start()
    return began_s, time.time()


EVERYTHING = Blackout("everything killed", _everything_killed)
BLACKOUTS = (
    Blackout("Redis killed", _redis_killed),
    Blackout("Redis emptied", _redis_emptied),
    EVERYTHING,
)


def black_out(
    stage: Stage,
    redis: OwnRedis | None,
    councils: Sequence[Council],
    chance: random.Random,
    rounds: int,
    say: Say,
) -> Tally:
    """Let calls be made, with a blackout in each round of them.

    Args:
        redis: where it isn't Hushtape's own; without it everything dies at once each time.
    """
    tally = Tally()
    for number in range(rounds):
        blackout = BLACKOUTS[number % len(BLACKOUTS)] if redis else EVERYTHING
        plans = [gamble.draw(chance, each) for each in councils]
        blow_s, away_s = gamble.draw_blow(chance, plans), chance.uniform(*AWAY_S)
        mark = stage.eyes.mark()
        with ThreadPoolExecutor(len(plans)) as pool:
            running = [pool.submit(gamble.play, stage, plan) for plan in plans]
            pass_time(blow_s)
            outage = blackout.play(stage.product, redis, away_s)
            calls = [each.result() for each in running]
        await_archived(stage.product)
        await_complete(stage.product)
        _look(stage, tally, calls, mark, [outage] if outage else [])
        tally.kills += 1
        say(f"{stage.pbx.name}, {blackout.name}: {tally.text()}")
    return tally


def _look(
    stage: Stage,
    tally: Tally,
    calls: Sequence[Played],
    mark: int,
    outages: Sequence[judge.Span],
) -> None:
    events = stage.eyes.events(since=mark)
    for played in calls:
        tally.look(stage.product, played, course_of(events, played.uniqueid), outages)
    wrong = unscheduled(stage.product)
    tally.check(not wrong, f"not scheduled for deletion when they are due: {', '.join(wrong)}")
    tally.look_for_bugs(stage.product)


def unscheduled(product: Product) -> list[str]:
    client = redis_link.connect(configuration.load(product.config))
    try:
        return [
            each.id
            for each in product.recordings()
            if client.zscore("hushtape:due", each.id) != retention.by_hand(each).timestamp()
        ]
    finally:
        client.close()


def await_complete(product: Product) -> None:
    """Wait until the catalogue knows every recording of the archive again."""

    def complete() -> bool:
        with suppress(RuntimeError):  # while it is being rebuilt the command says so
            ask = ("recordings", "list", "--limit", "10000", "--json")
            listed = product.command(*ask) + product.command(*ask, "--quarantined")
            return len(listed.splitlines()) == len(product.recordings())
        return False

    until("the catalogue is complete", complete, COMPLETE_TIMEOUT_S, poll_s=1.0)
