"""The tour: every scenario for every council, five councils at once, and what came of it."""

from __future__ import annotations

import math
import queue
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from redis import Redis

from hushtape import config as configuration
from hushtape import redis_link
from lab import crowd, personal, retention, town
from lab.asterisk import Asterisk
from lab.cable import Cable
from lab.faults import FAULTS, Fault, OwnRedis, Props
from lab.phones import PhoneError, Phones
from lab.product import Product
from lab.scenarios import SCENARIOS
from lab.scene import Scenario, Stage, Take
from lab.town import COUNCILS, Council, Person
from lab.waiting import LabTimeoutError, until

REWRITE_TIMEOUT_S = 20.0
LATENCY_AIM_S = 2.0
LATENCY_BOUND_S = 5.0  # machines are noisy: what is slower than this is broken
CROWD = "crowd"
FIRST_FAULT_PBX = 3  # the first two are the councils' and the crowd's


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
        for take in self.takes:
            if take.scenario == "speed":
                lines += [f"hang-up to archived: {check.what}" for check in take.checks[1::2]]
            for warning in take.warnings:
                lines.append(f"WARNING: {take.policy}/{take.scenario}: {warning.what}")
        checks = [check for take in self.takes for check in take.checks]
        failed = [take for take in self.takes if not take.ok]
        lines.append(
            f"{len(self.takes)} scenes, {len(checks)} checks,"
            f" {sum(check.hard and not check.ok for check in checks)} failed,"
            f" {sum(len(take.warnings) for take in self.takes)} warnings;"
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
            for track in sorted({fault.track for fault in selection.faults}):
                faults = [fault for fault in selection.faults if fault.track == track]
                beside = threading.Thread(
                    target=_noting(trouble, _play_faults), args=(track, faults, done), daemon=True
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
    count = sum(x.is_for(c) for x in selection.scenarios for c in selection.councils)
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
            outsiders = [x for x in town.everybody(crowd_stage.pbx.crowd) if not x.staff]
            done(speed(takes))
            done(_guarded("nothing personal", nothing_personal, stage, outsiders))
            done(_guarded("retention", retention.terms, stage.product))
            with _folder() as folder:
                done(_guarded("sweep", retention.swept, stage.product, folder, outsiders))
        if afterwards is not None:
            afterwards(stage)


def _guarded(name: str, look: Callable[..., Take], *arguments: object) -> Take:
    """Look at what came of it all; what can't be looked at is a failed check, not the end."""
    try:
        return look(*arguments)
    except Exception as error:
        take = Take(name, "afterwards", "all")
        take.check(ok=False, what=_broke(error))
        return take


def _play_crowd(stage: Stage) -> Take:
    size = stage.pbx.crowd.size
    take = Take(CROWD, f"{size} calls at once", "crowd")
    try:
        people = [*stage.pbx.crowd.callers, *stage.pbx.crowd.agents]
        with Phones(stage.pbx, people) as phones:
            crowd.play(replace(stage, phones=phones), stage.pbx.crowd, take)
    except Exception as error:
        take.check(ok=False, what=_broke(error))
    return take


def _play_faults(track: int, faults: Sequence[Fault], done: Callable[[Take], None]) -> None:
    council = COUNCILS[0]
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        redis = OwnRedis(folder)
        redis.start()
        stack.callback(redis.stop)
        pbx = stack.enter_context(Asterisk(name=f"pbx{FIRST_FAULT_PBX + track}"))
        cable = stack.enter_context(Cable(pbx.ami_port))
        phones = stack.enter_context(Phones(pbx, council.people, manual=[council.agent]))
        product = Product(folder, [pbx], redis.url, {pbx.name: cable.port})
        stack.enter_context(product)
        eyes = stack.enter_context(pbx.observer())
        for fault in faults:
            take = Take(fault.name, fault.title, "surrey")
            try:
                stage = Stage(pbx, eyes, phones, product)
                fault.play(stage, council, Props(redis, cable), take)
            except Exception as error:
                take.check(ok=False, what=_broke(error))
            finally:
                with suppress(LabTimeoutError, PhoneError):
                    phones.hang_up_all()
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
                if scenario.is_for(council):
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


def nothing_personal(stage: Stage, people: Sequence[Person]) -> Take:
    """Afterwards: what Redis holds, what was logged, and who may read what lies on the disk."""
    take = Take("nothing personal", "who was in a call stands in its private part only", "all")
    product = stage.product
    client = redis_link.connect(configuration.load(product.config))
    keys, leaks = 0, set()
    for key, held in personal.in_redis(client):
        keys += 1
        leaks |= {f"{each} under {key}" for each in personal.traces(held, people)}
    take.check(keys > 0 and not leaks, f"{keys} keys in Redis{_listed(leaks)}")
    recordings = product.recordings()
    scheduled = sum(
        client.zscore("hushtape:due", each.id) == retention.by_hand(each).timestamp()
        for each in recordings
    )
    take.check(
        scheduled == len(recordings),
        f"{scheduled} of {len(recordings)} recordings are scheduled for deletion when they are due",
    )
    rewrite_aof(client)
    client.close()
    logged = personal.traces(product.log.read_bytes(), people)
    take.check(not logged, f"{len(product.log_lines())} lines of log{_listed(logged)}")
    beside = {
        f"{each} in {path.relative_to(product.archive)}"
        for path in personal.below(product.archive)
        if path.name != personal.PRIVATE
        for each in personal.traces(personal.content(path), people)
    }
    take.check(not beside, f"the archive{_listed(beside)}")
    open_ones = personal.readable_by_others(product.archive)
    files = [str(path.relative_to(product.archive)) for path in open_ones if path.is_file()]
    take.check(not files, f"{len(files)} files that others may read{_listed(files, '')}")
    folders = [str(path.relative_to(product.archive)) for path in open_ones if path.is_dir()]
    take.check(not folders, f"{len(folders)} folders that others may list{_listed(folders, '')}")
    with suppress(LabTimeoutError):  # then the line below names what is left
        product.await_empty_outbox()
    elsewhere = {
        f"{each} in {path.relative_to(product.folder)}"
        for path in personal.below(product.folder)
        if not path.is_relative_to(product.archive)
        for each in personal.traces(personal.unpacked(personal.content(path)), people)
    }
    take.check(not elsewhere, f"Redis' own files, outbox and log on the disk{_listed(elsewhere)}")
    return take


def rewrite_aof(client: Redis) -> None:
    """Do what upkeep does every day: the append-only file forgets the jobs that are done."""
    client.bgrewriteaof()
    until(
        "the append-only file is rewritten",
        lambda: not client.info("persistence")["aof_rewrite_in_progress"],
        REWRITE_TIMEOUT_S,
    )


def _listed(leaks: Iterable[str], none: str = ", nothing personal", most: int = 5) -> str:
    found = sorted(leaks)
    return f": {'; '.join(found[:most])}" if found else none


def speed(takes: Sequence[Take]) -> Take:
    """Hang-up to archived: aimed at, and bounded generously, since machines are noisy."""
    take = Take("speed", "from hang-up to the archive", "all")
    groups = {
        "single calls": [x for one in takes if one.scenario != CROWD for x in one.latencies_s],
        "the crowd": [x for one in takes if one.scenario == CROWD for x in one.latencies_s],
    }
    for name, values in groups.items():
        if not values:
            continue
        in_order = sorted(values)
        p95_s = percentile(in_order, 95)
        words = (
            f"{name}, {len(values)} recordings: p50 {statistics.median(values):.2f} s,"
            f" p95 {p95_s:.2f} s"
        )
        take.check(p95_s < LATENCY_BOUND_S, f"{words} (bound: p95 under {LATENCY_BOUND_S:g} s)")
        take.aim(p95_s < LATENCY_AIM_S, f"{words} (aim: p95 under {LATENCY_AIM_S:g} s)")
    return take


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]
