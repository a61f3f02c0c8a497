"""The tour: every scenario for every council, five councils at once, and what came of it."""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lab import crowd, kinds, measure, payments, retention, timeline, town
from lab.afterwards import nothing_else, nothing_personal, speed
from lab.cable import Cable
from lab.eyes import event
from lab.faults import Fault, OwnRedis, Props
from lab.payments import PAYMENTS
from lab.phones import PhoneError, Phones
from lab.pressure import Pressure
from lab.product import MADE_UP_POLICIES, PAYMENT_POLICIES, Product
from lab.report import Report
from lab.scenarios import MADE_UP, SCENARIOS
from lab.scene import Scenario, Stage, Take
from lab.town import COUNCILS, Council
from lab.troubles import FAULTS
from lab.waiting import LabTimeoutError

FIRST_FAULT_PBX = 3  # the first two are the councils' and the crowd's
MADE_UP_PBX = "pbx9"
LINES = 2  # of a council, at two PBXes: that long is the programme
FEW_SCENARIOS = 5  # for which one line is enough
MADE_UP_COUNCIL = "made up"


@dataclass(frozen=True)
class Selection:
    """What is to be played."""

    scenarios: Sequence[Scenario] = SCENARIOS
    councils: Sequence[Council] = COUNCILS
    crowd: int = crowd.SIZE
    faults: Sequence[Fault] = FAULTS
    made_up: Sequence[Scenario] = MADE_UP
    payments: Sequence[Scenario] = PAYMENTS
    pbx: str = kinds.ASTERISK  # of this kind are all the tour's PBXes


Say = Callable[[str], None]
Stages = Callable[[Selection], AbstractContextManager[list[Stage]]]


def run(
    selection: Selection,
    say: Say,
    afterwards: Callable[[Stage], None] | None = None,
    stages: Stages | None = None,
) -> Report:
    """Make a tour: the councils side by side, the faults beside them, the crowd afterwards.

    Args:
        say: told what begins, and each take as soon as it is done.
        afterwards: gets the councils' stage while everything still runs.
        stages: opens the councils' and the crowd's; left out: two PBXes and a Hushtape of its own.
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
                    target=_noting(trouble, _play_faults),
                    args=(selection.pbx, track, faults, done),
                    daemon=True,
                )
                beside.start()
                stack.callback(beside.join)
        if selection.made_up:
            beside = threading.Thread(
                target=_noting(trouble, _play_made_up),
                args=(selection.pbx, selection.made_up, done),
                daemon=True,
            )
            beside.start()
            stack.callback(beside.join)
        if selection.payments:
            beside = threading.Thread(
                target=_noting(trouble, _play_payments),
                args=(selection.pbx, selection.payments, done),
                daemon=True,
            )
            beside.start()
            stack.callback(beside.join)
        if selection.scenarios or selection.crowd:
            _play_main(selection, done, say, afterwards, stages or open_stages)
    if trouble:
        raise trouble[0]
    return report


@contextmanager
def open_stages(selection: Selection) -> Iterator[list[Stage]]:
    """Two PBXes served by one Hushtape, the second one over TLS if it has any.

    Every council has its phones at the first one, and if there is enough to play at the second,
    too: two lines, on each of which it plays one scene at a time. The crowd's phones are added to
    the second when it is their turn.
    """
    lines = LINES if len(selection.scenarios) > FEW_SCENARIOS else 1
    people = [person for council in selection.councils for person in council.people]
    agents = [council.agent for council in selection.councils]  # deaf: they put calls on hold
    with ExitStack() as stack:
        pbxes = [
            stack.enter_context(kinds.make(selection.pbx, "pbx1")),
            stack.enter_context(kinds.make(selection.pbx, "pbx2", crowd=selection.crowd)),
        ]
        at_each = [people if number < lines else [] for number in range(len(pbxes))]
        phones = [
            stack.enter_context(Phones(pbx, each, manual=agents, deaf=agents))
            for pbx, each in zip(pbxes, at_each, strict=True)
        ]
        trace = stack.enter_context(_folder()) / timeline.TRACE_FILE  # names are in it
        product = Product(stack.enter_context(_folder()), pbxes, trace=trace)
        stack.enter_context(product)
        yield [
            Stage(pbx, stack.enter_context(pbx.observer()), theirs, product)
            for pbx, theirs in zip(pbxes, phones, strict=True)
        ]


def _play_main(
    selection: Selection,
    done: Callable[[Take], None],
    say: Say,
    afterwards: Callable[[Stage], None] | None,
    stages: Stages,
) -> None:
    count = sum(x.is_for(c) for x in selection.scenarios for c in selection.councils)
    title, councils = kinds.TITLES[selection.pbx], len(selection.councils)
    if stages is open_stages:
        say(f"Starting two PBXes ({title}), the phones of {councils} councils, and Hushtape.")
    else:
        say(f"Starting the phones of {councils} councils.")
    takes: list[Take] = []
    with stages(selection) as opened:
        stage, crowd_stage = opened
        lines = [each for each in opened if len(each.phones)]
        say(f"Playing {len(selection.scenarios)} scenarios, {count} calls in all.\n")
        for take in play(lines, selection.scenarios, selection.councils):
            takes.append(take)
            done(take)
        if selection.crowd:
            say(f"Starting {2 * selection.crowd} more phones.\n")
            take = _once_more(lambda: _play_crowd(crowd_stage))
            takes.append(take)
            done(take)
        done(nothing_else(stage, takes))
        if any(take.calls for take in takes):
            outsiders = [x for x in town.everybody(crowd_stage.pbx.crowd) if not x.staff]
            done(speed(takes))
            done(_guarded(timeline.NAME, timeline.agrees, stage.product, takes))
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
    take = _take(stage, crowd.NAME, f"{size} calls at once", "crowd")
    mark = stage.eyes.mark()
    try:
        people = [*stage.pbx.crowd.callers, *stage.pbx.crowd.agents]
        with Phones(stage.pbx, people) as phones:
            crowd.play(replace(stage, phones=phones), stage.pbx.crowd, take)
    except PhoneError as error:
        take.broke(_broke(error), _channels(stage, mark))
    except Exception as error:
        take.check(ok=False, what=_broke(error))
    return take


def _play_faults(
    kind: str, track: int, faults: Sequence[Fault], done: Callable[[Take], None]
) -> None:
    council = COUNCILS[0]
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        redis = OwnRedis(folder)
        redis.start()
        stack.callback(redis.stop)
        pbx = stack.enter_context(kinds.make(kind, f"pbx{FIRST_FAULT_PBX + track}"))
        cable = stack.enter_context(Cable(pbx.control_port))
        phones = stack.enter_context(Phones(pbx, council.people, manual=[council.agent]))
        product = Product(folder, [pbx], redis.url, {pbx.name: cable.port})
        stack.enter_context(product)
        eyes = stack.enter_context(pbx.observer())
        for fault in faults:
            stage = Stage(pbx, eyes, phones, product)
            take = _take(stage, fault.name, fault.title, "surrey")
            if kind in fault.lacks:
                done(replace(take, lacks=fault.lacks[kind]))
                continue
            try:
                fault.play(stage, council, Props(redis, cable), take)
            except Exception as error:
                take.check(ok=False, what=_broke(error))
            finally:
                with suppress(LabTimeoutError, PhoneError):
                    phones.hang_up_all()
            done(take)


def _play_made_up(kind: str, scenarios: Sequence[Scenario], done: Callable[[Take], None]) -> None:
    """Play what none of the five policies says, with policies of the lab's own."""
    council = replace(COUNCILS[0], policy=MADE_UP_COUNCIL)
    with ExitStack() as stack:
        pbx = stack.enter_context(kinds.make(kind, MADE_UP_PBX))
        phones = stack.enter_context(Phones(pbx, council.people, manual=[council.agent]))
        folder = stack.enter_context(_folder())
        product = Product(folder, [pbx], policies=sorted(MADE_UP_POLICIES.glob("*.toml")))
        stack.enter_context(product)
        stage = Stage(pbx, stack.enter_context(pbx.observer()), phones, product)
        takes = list(play([stage], scenarios, [council]))
        for take in takes:
            done(take)
        done(replace(nothing_else(stage, takes), policy=MADE_UP_COUNCIL))


def _play_payments(kind: str, scenarios: Sequence[Scenario], done: Callable[[Take], None]) -> None:
    """Play payments, with policies of the lab's own, and look what is left of the cards."""
    councils = [each for each in payments.COUNCILS_HERE if any(x.is_for(each) for x in scenarios)]
    people = [person for council in councils for person in council.people]
    with ExitStack() as stack:
        logger = {"logger.conf": payments.LOGGER}
        pbx = stack.enter_context(
            kinds.make(kind, payments.PBX, time_zone=payments.TIME_ZONE, asterisk_files=logger)
        )
        agents = [council.agent for council in councils]
        phones = stack.enter_context(Phones(pbx, people, manual=agents))
        trace = stack.enter_context(_folder()) / timeline.TRACE_FILE  # names are in it
        policies = sorted(PAYMENT_POLICIES.glob("*.toml"))
        folder = stack.enter_context(_folder())
        product = Product(folder, [pbx], policies=policies, trace=trace, api=True)
        stack.enter_context(product)
        stage = Stage(pbx, stack.enter_context(pbx.observer()), phones, product)
        takes = []
        for take in play([stage], scenarios, councils):
            takes.append(take)
            done(take)
        done(replace(nothing_else(stage, takes), policy=payments.POLICIES))
        agrees = _guarded(timeline.NAME, timeline.agrees, product, takes)
        done(replace(agrees, policy=payments.POLICIES))
        done(_guarded("no card", payments.no_card, stage))
        done(_guarded("calm", payments.calm, stage))
        if len(scenarios) > FEW_SCENARIOS or any(take.silences_s for take in takes):
            done(payments.silence(takes))


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
    lines: Sequence[Stage], scenarios: Sequence[Scenario], councils: Sequence[Council]
) -> Iterator[Take]:
    """Play every scenario for every council, the councils side by side; yield as each is done.

    Each council plays on all its lines at once, and on each of them one scene after the other.
    """
    done: queue.Queue[Take | None] = queue.Queue()

    def play_line(stage: Stage, council: Council, left: queue.Queue[Scenario]) -> None:
        try:
            with suppress(queue.Empty):
                while True:
                    done.put(play_one(stage, left.get_nowait(), council))
        finally:
            done.put(None)

    threads = []
    for council in councils:
        left: queue.Queue[Scenario] = queue.Queue()
        for scenario in scenarios:
            if scenario.is_for(council):
                left.put(scenario)
        threads += [
            threading.Thread(target=play_line, args=(stage, council, left), daemon=True)
            for stage in lines
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
    """Play one scenario; once more, if nothing is wrong but what a busy machine may have done.

    What the PBX lacks isn't played, and that is said.
    """
    if lacks := scenario.lacks.get(stage.pbx.kind, ""):
        return Take(scenario.name, scenario.title, council.policy, lacks=lacks)
    return _once_more(lambda: _play_once(stage, scenario, council))


def _once_more(play: Callable[[], Take]) -> Take:
    first = play()
    if not first.is_noise:
        return first
    take = play()
    take.calls[:0] = first.calls
    take.unrecorded[:0] = first.unrecorded
    take.discarded[:0] = first.discarded
    take.strays[:0] = first.strays
    take.latencies_s[:0] = first.latencies_s
    for check in first.checks:
        if check.noise:
            take.aim(ok=False, what=f"at the first try: {check.what}")
    return take


def _take(stage: Stage, name: str, title: str, policy: str) -> Take:
    return Take(name, title, policy, measure=measure.of(stage.pbx.kind))


def _channels(stage: Stage, since: int) -> list[str]:
    """Name every channel that came up since a position in the events."""
    return [each.get("Uniqueid") for each in stage.eyes.events(event("Newchannel"), since)]


def _play_once(stage: Stage, scenario: Scenario, council: Council) -> Take:
    """Play one scenario; whatever goes wrong in it is a failed check, not the end of the tour."""
    take = _take(stage, scenario.name, scenario.title, council.policy)
    mark, pressure = stage.eyes.mark(), Pressure()
    try:
        scenario.play(stage, council, take)
    except PhoneError as error:
        take.broke(_broke(error), _channels(stage, mark))
    except Exception as error:
        take.check(ok=False, what=_broke(error))
    finally:
        for person in council.people:
            phone = stage.phone(person)
            if phone.alive() and phone.busy:
                with suppress(PhoneError):  # the other side was quicker
                    phone.hang_up_all()
    if not take.ok and (words := pressure.words()):
        take.notes.append(words)
    return take
