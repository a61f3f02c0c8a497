"""kill -9 of the bridge at random moments, with several calls in progress each time."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab import gamble, judge, kinds
from lab.cable import Cable
from lab.course import Course, course_of
from lab.gamble import Plan, Played
from lab.phones import Phones
from lab.product import Product
from lab.scene import Stage
from lab.town import COUNCILS, Council
from lab.waiting import pass_time, until

RETURN_TIMEOUT_S = 60.0
ARCHIVE_TIMEOUT_S = 150.0
# Each time the supervisor waits twice as long before it starts a bridge again. After so many kills
# all of Hushtape is ended and started, or most of the time nobody would be there to be killed.
KILLS_IN_A_ROW = 4

Say = Callable[[str], None]


@dataclass
class Tally:
    """What came of all the calls of a track."""

    kills: int = 0
    calls: int = 0
    phases: Counter[str] = field(default_factory=Counter)  # where the calls were when it happened
    wanted_frames: int = 0
    found_frames: int = 0
    gaps: int = 0
    mended: int = 0  # recordings with a WAV header that a crash left at zero
    wrong: list[str] = field(default_factory=list)

    def take(self, ruling: judge.Ruling) -> None:
        """Count one call in."""
        self.calls += 1
        self.wanted_frames += ruling.wanted_frames
        self.found_frames += ruling.found_frames
        self.gaps += bool(ruling.gaps)
        self.wrong += [f"{ruling.words}: {each}" for each in ruling.wrong]

    def look(
        self,
        product: Product,
        played: Played,
        course: Course,
        outages: Sequence[judge.Span],
        before_s: float = 0.0,
        late_s: float = 0.0,
    ) -> None:
        """Judge one call by what is archived of it.

        Args:
            before_s: how long before an outage the call's phase is looked at.
            late_s: as `judge.judge` has it.
        """
        recordings = product.recordings_of(played.uniqueid)
        ruling = judge.judge(played, course, recordings, outages, late_s)
        # A recorder that ran into a payment, with nobody there to stop it, is quarantined: what it
        # took in is destroyed, and the rest is listed apart.
        ask = ("recordings", "list", "--limit", "1000", "--json")
        listed = product.command(*ask) + product.command(*ask, "--quarantined")
        for recording in recordings:
            self.mended += any(x.startswith("header:") for x in recording.manifest["remarks"])
            named = listed.count(f'"{recording.id}"')
            ruling.check(named == 1, f"`recordings list` names it {named} times")
        self.take(ruling)
        for began_s, _ in outages:
            phase = judge.phase(played, course, began_s - before_s)
            if phase != "no call":
                self.phases[phase] += 1

    def check(self, ok: bool, what: str) -> None:
        """Note what isn't so."""
        if not ok:
            self.wrong.append(what)

    def look_for_bugs(self, product: Product) -> None:
        """Nothing that was logged is a bug."""
        bugs = [line for line in product.log_lines() if "Traceback" in str(line)]
        self.wrong += [str(line)[:500] for line in bugs]

    @property
    def share(self) -> float:
        """How much of what was asked for is there."""
        return self.found_frames / max(1, self.wanted_frames)

    def text(self) -> str:
        """For people."""
        where = ", ".join(f"{count} {phase}" for phase, count in self.phases.most_common())
        return (
            f"{self.kills} kills, {self.calls} calls ({where}); {self.share:.2%} of the frames that"
            f" were asked for, {self.gaps} calls with a gap; {len(self.wrong)} wrong"
        )


@contextmanager
def open_track(
    folder: Path, name: str, redis_url: str = "", *, kind: str = kinds.ASTERISK
) -> Iterator[Stage]:
    """One PBX with the phones of the councils, and one Hushtape beside it."""
    with open_lined_track(folder, name, redis_url, kind=kind) as (stage, _):
        yield stage


@contextmanager
def open_lined_track(
    folder: Path,
    name: str,
    redis_url: str = "",
    *,
    over_cable: bool = False,
    kind: str = kinds.ASTERISK,
) -> Iterator[tuple[Stage, Cable]]:
    """The same, with the line to the PBX in the lab's hands."""
    people = [person for council in COUNCILS for person in council.people]
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        pbx = stack.enter_context(kinds.make(kind, name))
        agents = [council.agent for council in COUNCILS]
        phones = stack.enter_context(Phones(pbx, people, manual=agents))
        cable = stack.enter_context(Cable(pbx.control_port))
        lines = {pbx.name: cable.port} if over_cable else {}
        product = stack.enter_context(Product(folder, [pbx], redis_url, lines))
        eyes = stack.enter_context(pbx.observer())
        yield Stage(pbx, eyes, phones, product), cable


def kill_bridges(
    stage: Stage, councils: Sequence[Council], chance: random.Random, kills: int, say: Say
) -> Tally:
    """Let calls be made, and kill the bridge in each round of them."""
    tally = Tally()
    while tally.kills < kills:
        rounds = min(KILLS_IN_A_ROW, kills - tally.kills)
        drawn = [[gamble.draw(chance, each) for each in councils] for _ in range(rounds)]
        blows_s = [gamble.draw_blow(chance, plans) for plans in drawn]
        mark = stage.eyes.mark()
        played: list[Played] = []
        outages: list[judge.Span] = []
        for plans, blow_s in zip(drawn, blows_s, strict=True):
            outages.append(_round(stage, plans, blow_s, played))
            tally.kills += 1
        _look(stage, tally, played, outages, mark)
        say(f"{stage.pbx.name}: {tally.text()}")
        stage.product.stop()
        stage.product.start()
    return tally


def _round(stage: Stage, plans: Sequence[Plan], blow_s: float, played: list[Played]) -> judge.Span:
    """Play one call for each plan, and kill the bridge meanwhile; tell when it was away."""
    with ThreadPoolExecutor(len(plans)) as pool:
        calls = [pool.submit(gamble.play, stage, plan) for plan in plans]
        pass_time(blow_s)
        ups = stage.product.links_up()
        os.kill(stage.product.part("bridge"), signal.SIGKILL)
        killed_s = time.time()
        until("a bridge is back", lambda: stage.product.links_up() > ups, RETURN_TIMEOUT_S)
        back_s = time.time()
        played += [call.result() for call in calls]
    return killed_s, back_s


def _look(
    stage: Stage,
    tally: Tally,
    played: Sequence[Played],
    outages: Sequence[judge.Span],
    mark: int,
) -> None:
    """Judge all calls of some rounds, once everything is archived."""
    await_archived(stage.product)
    events = stage.eyes.events(since=mark)
    for each in played:
        tally.look(stage.product, each, course_of(events, each.uniqueid), outages)
    tally.look_for_bugs(stage.product)


def await_archived(product: Product) -> None:
    """Wait until all that was recorded is in the archive, and nothing waits anywhere."""
    product.await_empty_outbox(ARCHIVE_TIMEOUT_S)
    product.await_empty_spool(ARCHIVE_TIMEOUT_S)
