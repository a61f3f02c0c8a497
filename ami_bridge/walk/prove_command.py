"""``hushtape policy prove``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

from ami_bridge.walk.walk import MOST_STATES, Part, Walked, parts, walk_part
from hushtape import config as configuration
from hushtape.cli import config_option
from hushtape.policy import decide
from hushtape.policy.options import read
from hushtape.policy.schema import Policy
from hushtape.printable import say

EXIT_BROKEN = 1
EXIT_CUT_OFF = 3
MOST_JOBS = 16


@click.command()
@click.argument("what", metavar="[FILE|FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
@config_option
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=lambda: min(os.cpu_count() or 1, MOST_JOBS),
    show_default="one for each processor",
    help="So many parts at once.",
)
@click.option(
    "--most-states",
    type=click.IntRange(1),
    default=MOST_STATES,
    show_default=True,
    help="Of each part: a walk is cut off there, and says so.",
)
def prove(what: tuple[Path, ...], config_path: Path, jobs: int, most_states: int) -> None:
    """Walk every state that a call can come to under a policy, and look for a broken promise.

    Somebody who knows nothing of the machine but the promises and the policy's words watches every
    step: no recorder during a payment, in a place that isn't recorded or after an opt-out, none
    that is left running, none without a policy, nothing kept that may not be, nothing lost.

    The payment lines of all that are given are silent for the calls of each, in every version.

    A FOLDER means every *.toml in it. Without FILE or FOLDER, the folder that the configuration
    names is walked.

    \b
    Exits with
      0  no promise is broken
      1  one is: the shortest way there is shown
      2  a file couldn't be read, or the command or the configuration is wrong
      3  there were more states than --most-states, and none that was seen breaks a promise
    """
    folders = what or (Path(configuration.load(config_path).policies.folder),)
    policies = [policy for each in folders for policy in read(each)]
    worst = 0
    with ProcessPoolExecutor(jobs) as pool:
        for policy in policies:
            began_s = time.monotonic()
            walked = Walked()
            for part in pool.map(_walk, _work(decide.beside(policy, policies), most_states)):
                walked.add(part)
            worst = max(worst, tell(policy, walked, time.monotonic() - began_s), key=_weight)
    sys.exit(worst)


def _weight(code: int) -> int:
    return (0, EXIT_CUT_OFF, EXIT_BROKEN).index(code)


def _work(policy: Policy, most_states: int) -> Iterator[tuple[Policy, Part, int]]:
    yield from ((policy, part, most_states) for part in parts(policy))


def _walk(work: tuple[Policy, Part, int]) -> Walked:
    return walk_part(*work)


def tell(policy: Policy, walked: Walked, took_s: float) -> int:
    """Say what was seen of a policy; return the command's exit code."""
    seen = f"{walked.states:,} states, {walked.transitions:,} transitions, {took_s:.1f} s"
    say(f"{policy.name} {policy.version}: {seen}")
    if walked.broken is not None:
        say(f"  broken: {walked.broken.promise}")
        for number, words in enumerate(walked.broken.way, 1):
            say(f"  {number:3}. {words}")
        return EXIT_BROKEN
    if walked.cut_off:
        say("  no promise is broken in these; there are more than --most-states")
        return EXIT_CUT_OFF
    say("  no promise is broken")
    return 0
