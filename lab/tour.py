"""The tour: every scenario for every council, five councils at once, and what came of it."""

from __future__ import annotations

import json
import math
import queue
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab import crowd
from lab.asterisk import Asterisk
from lab.faults import FAULTS, Fault, OwnRedis
from lab.phones import PhoneError, Phones
from lab.product import Product
from lab.scenarios import SCENARIOS
from lab.scene import Scenario, Stage, Take
from lab.town import COUNCILS, Council
from lab.waiting import LabTimeoutError

LATENCY_AIM_S = 2.0


@dataclass
class Report:
    """What came of a tour."""

    takes: list[Take] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    @property
    def ok(self) -> bool:
        """Whether everything was as the policies say. An empty tour shows nothing."""
        return bool(self.takes) and all(take.ok for take in self.takes)

    def latencies_s(self) -> list[float]:
        """Hang-up to archived, of every recording."""
        return sorted(each for take in self.takes for each in take.latencies_s)

    def table(self) -> str:
        """Scenario × policy × result."""
        policies = list(dict.fromkeys(take.policy for take in self.takes))
        scenarios = list(dict.fromkeys(take.scenario for take in self.takes))
        results = {(take.scenario, take.policy): take for take in self.takes}
        width = max(len(name) for name in [*scenarios, "scenario"])
        rows = ["  ".join([f"{'scenario':{width}}", *policies])]
        for name in scenarios:
            cells = []
            for policy in policies:
                take = results.get((name, policy))
                word = "-" if take is None else "ok" if take.ok else "NOT OK"
                cells.append(f"{word:{len(policy)}}")
            rows.append("  ".join([f"{name:{width}}", *cells]))
        return "\n".join(rows)

    def summary(self) -> str:
        """The last lines."""
        lines = [self.table(), ""]
        latencies = self.latencies_s()
        if latencies:
            lines.append(
                f"hang-up to archived, {len(latencies)} recordings:"
                f" p50 {statistics.median(latencies):.2f} s, p95 {percentile(latencies, 95):.2f} s"
                f" (the aim: p95 under {LATENCY_AIM_S:g} s)"
            )
        checks = [check for take in self.takes for check in take.checks]
        failed = [take for take in self.takes if not take.ok]
        lines.append(
            f"{len(self.takes)} scenes, {len(checks)} checks,"
            f" {sum(not check.ok for check in checks)} failed;"
            f" {time.monotonic() - self.began_s:.0f} s"
        )
        if failed:
            names = ", ".join(f"{take.policy}/{take.scenario}" for take in failed)
            lines.append(f"NOT AS THE POLICY SAYS: {names}")
        else:
            lines.append("Everything is as the policies say.")
        return "\n".join(lines)


@dataclass(frozen=True)
class Selection:
    """What is to be played."""

    scenarios: Sequence[Scenario] = SCENARIOS
    councils: Sequence[Council] = COUNCILS
    crowd: int = crowd.SIZE
    faults: Sequence[Fault] = FAULTS


Say = Callable[[str], None]


def run(
    selection: Selection, say: Say, afterwards: Callable[[Stage], None] | None = None
) -> Report:
    """Make a tour: the councils side by side, the faults beside them, the crowd afterwards.

    Args:
        say: told what begins, and each take as soon as it is done.
        afterwards: gets the councils' stage while everything still runs.
    """
    report = Report()
    lock = threading.Lock()

    def done(take: Take) -> None:
        with lock:
            report.takes.append(take)
            say(take.text() + "\n")

    with ExitStack() as stack:
        trouble: list[BaseException] = []
        if selection.faults:
            beside = threading.Thread(
                target=_noting(trouble, _play_faults), args=(selection.faults, done), daemon=True
            )
            beside.start()
            stack.callback(beside.join)
        if selection.scenarios or selection.crowd:
            _play_main(selection, done, say, afterwards)
    if trouble:
        raise trouble[0]
    return report


@contextmanager
def open_stage(selection: Selection) -> Iterator[tuple[Stage, Stage]]:
    """Two Asterisks served by one Hushtape, the second one over TLS; the councils' phones.

    Yields the councils' stage, and the crowd's: its phones are added when it is its turn.
    """
    people = [person for council in selection.councils for person in council.people]
    manual = [council.agent for council in selection.councils]
    with ExitStack() as stack:
        first = stack.enter_context(Asterisk(name="pbx1"))
        second = stack.enter_context(Asterisk(name="pbx2", crowd=selection.crowd))
        phones = stack.enter_context(Phones(first, people, manual=manual))
        product = Product(stack.enter_context(_folder()), [first, second])
        stack.enter_context(product)
        eyes = [stack.enter_context(pbx.observer()) for pbx in (first, second)]
        yield Stage(first, eyes[0], phones, product), Stage(second, eyes[1], phones, product)


def _play_main(
    selection: Selection,
    done: Callable[[Take], None],
    say: Say,
    afterwards: Callable[[Stage], None] | None,
) -> None:
    count = len(selection.scenarios) * len(selection.councils)
    say(f"Starting two Asterisks, the phones of {len(selection.councils)} councils, and Hushtape.")
    takes: list[Take] = []
    with open_stage(selection) as (stage, crowd_stage):
        say(f"Playing {len(selection.scenarios)} scenarios, {count} calls in all.\n")
        for take in play(stage, selection.scenarios, selection.councils):
            takes.append(take)
            done(take)
        if selection.crowd:
            say(f"Starting {2 * selection.crowd} more phones.\n")
            take = _play_crowd(crowd_stage)
            takes.append(take)
            done(take)
        done(nothing_else(stage, takes))
        if any(take.calls for take in takes):
            done(retention(stage))
        if afterwards is not None:
            afterwards(stage)


def _play_crowd(stage: Stage) -> Take:
    size = stage.pbx.crowd.size
    take = Take("crowd", f"{size} calls at once", "crowd")
    try:
        people = [*stage.pbx.crowd.callers, *stage.pbx.crowd.agents]
        with Phones(stage.pbx, people) as phones:
            crowd.play(replace(stage, phones=phones), stage.pbx.crowd, take)
    except Exception as error:
        take.check(ok=False, what=_broke(error))
    return take


def _play_faults(faults: Sequence[Fault], done: Callable[[Take], None]) -> None:
    council = COUNCILS[0]
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        redis = OwnRedis(folder)
        redis.start()
        stack.callback(redis.stop)
        pbx = stack.enter_context(Asterisk(name="pbx3"))
        phones = stack.enter_context(Phones(pbx, council.people, manual=[council.agent]))
        product = stack.enter_context(Product(folder, [pbx], redis.url))
        eyes = stack.enter_context(pbx.observer())
        for fault in faults:
            take = Take(fault.name, fault.title, "surrey")
            try:
                fault.play(Stage(pbx, eyes, phones, product), council, redis, take)
            except Exception as error:
                take.check(ok=False, what=_broke(error))
            done(take)


def _noting(trouble: list[BaseException], work: Callable[..., None]) -> Callable[..., None]:
    def noted(*arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            trouble.append(error)

    return noted


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hushtape-lab-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _broke(error: Exception) -> str:
    if isinstance(error, LabTimeoutError):
        return f"it came to nothing: {error}"
    return f"the scene broke: {type(error).__name__}: {error}"


def play(
    stage: Stage, scenarios: Sequence[Scenario], councils: Sequence[Council]
) -> Iterator[Take]:
    """Play every scenario for every council, the councils side by side; yield as each is done."""
    done: queue.Queue[Take | None] = queue.Queue()

    def play_council(council: Council) -> None:
        try:
            for scenario in scenarios:
                done.put(play_one(stage, scenario, council))
        finally:
            done.put(None)

    threads = [
        threading.Thread(target=play_council, args=(council,), name=council.policy, daemon=True)
        for council in councils
    ]
    for thread in threads:
        thread.start()
    playing = len(threads)
    while playing:
        take = done.get()
        if take is None:
            playing -= 1
        else:
            yield take
    for thread in threads:
        thread.join()


def play_one(stage: Stage, scenario: Scenario, council: Council) -> Take:
    """Play one scenario; whatever goes wrong in it is a failed check, not the end of the tour."""
    take = Take(scenario.name, scenario.title, council.policy)
    try:
        scenario.play(stage, council, take)
    except Exception as error:
        take.check(ok=False, what=_broke(error))
    finally:
        for person in council.people:
            phone = stage.phone(person)
            if phone.alive() and phone.busy:
                with suppress(PhoneError):  # the other side was quicker
                    phone.hang_up()
    return take


def nothing_else(stage: Stage, takes: Sequence[Take]) -> Take:
    """Afterwards: one recording for each call that must have one, and no other file anywhere."""
    take = Take("nothing else", "what lies in archive and spool after all calls", "all")
    expected = sorted(each for one in takes for each in one.calls)
    with suppress(LabTimeoutError):  # then the check below names what is left
        stage.product.await_empty_spool()
    found = sorted(x.manifest["call"]["pbx_call"] for x in stage.product.recordings())
    left = stage.product.spooled()
    take.check(
        found == expected,
        f"{len(found)} recordings in the archive for {len(expected)} calls to be recorded",
    )
    unrecorded = {each for one in takes for each in one.unrecorded}
    take.check(
        not unrecorded & set(found), f"no recording of the {len(unrecorded)} calls without one"
    )
    take.check(not left, f"{len(left)} files left in the spool")
    listed = stage.product.command("recordings", "list", "--limit", "1000", "--json").splitlines()
    take.check(len(listed) == len(expected), f"`hushtape recordings list` names {len(listed)}")
    return take


# Days after which all of a policy's recordings of today are due, by hand from the councils' own
# statements: more than the period, and less than the next longer one.
DUE_AFTER_DAYS = {
    "crowd": 2,
    "reigate-banstead": 15,
    "surrey": 63,
    "uttlesford": 91,
    "south-hams": 93,
    "hammersmith-fulham": 185,
}


def retention(stage: Stage) -> Take:
    """Look ahead: which recordings would be deleted on which day, and why."""
    take = Take("retention", "what will be deleted when", "all")
    policies = {x.id: x.manifest["keep"]["reason"]["policy"] for x in stage.product.recordings()}
    today = datetime.now(UTC)
    expected: set[str] = set()
    for policy, days in DUE_AFTER_DAYS.items():
        if policy not in policies.values():
            continue
        expected |= {x for x, of in policies.items() if of == policy}
        day = (today + timedelta(days=days)).date().isoformat()
        printed = stage.product.command("retention", "plan", "--json", "--at", day)
        rulings = [json.loads(line) for line in printed.splitlines()]
        due = {ruling["id"] for ruling in rulings if ruling["verdict"] == "delete"}
        take.check(
            due == expected and len(rulings) == len(policies),
            f"on {day}: {len(due)} of {len(rulings)} are due, the last of them of {policy}",
        )
        last = next((r for r in rulings if policies[r["id"]] == policy), None)
        if last is not None:
            take.notes.append(f"{last['id']}: {last['why']}")
    return take


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]
