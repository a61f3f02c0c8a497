"""Calls left to chance, while somebody kills the services: `softphone calls`.

It says when (`now: kill bridge`), and whoever reads that does it and starts the service again. Then
it looks what came of the calls, as the repeated tests do (lab/kills.py, lab/blackouts.py).
"""

from __future__ import annotations

import random
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import click

from lab import blackouts, gamble, judge
from lab.compose import places
from lab.compose.stage import open_stages
from lab.course import course_of
from lab.kills import Say, Tally, await_archived
from lab.phones import PhoneError
from lab.product import Product
from lab.scene import Stage
from lab.tour import Selection
from lab.town import COUNCILS
from lab.waiting import pass_time, until

NOW = "now: kill"  # and then the service's name
SERVICES = ("bridge", "worker", "redis")
RETURN_TIMEOUT_S = 90.0
SEED_LIMIT = 1_000_000
TRIES = 2  # of a round in which a phone didn't do as it was told


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--kill",
    "services",
    multiple=True,
    type=click.Choice(SERVICES),
    help="Only this service; may be repeated.",
)
@click.option("--seed", type=int, default=None, help="Draw the same calls again.")
def calls(rounds: int, services: tuple[str, ...], seed: int | None) -> None:
    """Make calls at random, and say when to kill a service.

    Five at once, under five policies. Kill the service that is named, bring it up again, and see
    what was lost, doubled, or recorded that shouldn't have been.
    """
    seed = secrets.randbelow(SEED_LIMIT) if seed is None else seed
    click.echo(f"seed {seed}")
    with open_stages(Selection(crowd=0, pbx=places.KIND)) as stages:
        tally = play(stages[0], random.Random(seed), rounds, services or SERVICES, click.echo)
    for each in tally.wrong:
        click.echo(f"NOT {each}")
    click.echo(tally.text())
    sys.exit(1 if tally.wrong else 0)


def play(
    stage: Stage, chance: random.Random, rounds: int, services: tuple[str, ...], say: Say
) -> Tally:
    """Let calls be made, and have a service killed in each round of them."""
    tally = Tally()
    for number in range(rounds):
        service = services[number % len(services)]
        for _ in range(TRIES):
            try:
                _round(stage, chance, service, tally, say)
                break
            except PhoneError as error:
                say(f"a phone of the lab's broke off, nothing is known by that: {error}")
                stage.phones.hang_up_all()
        else:
            tally.check(ok=False, what=f"{service}: phones broke off {TRIES} times")
        tally.kills += 1
        say(f"{service}: {tally.text()}")
    return tally


def _round(stage: Stage, chance: random.Random, service: str, tally: Tally, say: Say) -> None:
    """Play one call for each council, have a service killed meanwhile, and judge them."""
    plans = [gamble.draw(chance, each) for each in COUNCILS]
    blow_s = gamble.draw_blow(chance, plans)
    mark = stage.eyes.mark()
    outages: list[judge.Span] = []
    with ThreadPoolExecutor(len(plans)) as pool:
        running = [pool.submit(gamble.play, stage, plan) for plan in plans]
        pass_time(blow_s)
        ups, began_s = stage.product.links_up(), time.time()
        say(f"{NOW} {service}")
        if service == "bridge":
            _await_link(stage.product, ups)
            outages.append((began_s, time.time()))
        played = [each.result() for each in running]
    await_archived(stage.product)
    blackouts.await_complete(stage.product)
    events = stage.eyes.events(since=mark)
    for each in played:
        tally.look(stage.product, each, course_of(events, each.uniqueid), outages)
    wrong = blackouts.unscheduled(stage.product)
    tally.check(not wrong, f"not scheduled for deletion: {', '.join(wrong)}")
    tally.look_for_bugs(stage.product)


def _await_link(product: Product, ups: int) -> None:
    until("a bridge is back", lambda: product.links_up() > ups, RETURN_TIMEOUT_S)
