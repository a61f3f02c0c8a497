"""kill -9 of the worker before and after every side effect of every step: nothing is lost by it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rq.job import Job
from rq.queue import Queue

from ami_bridge.handoff import Outbox
from hushtape import handoff_names, redis_link
from hushtape.recordings import acts, layout
from hushtape.recordings.assurance import PROMISED
from hushtape.recordings.ledger import Ledger, of_handoff
from hushtape.recordings.manifest import (
    AudioFormat,
    AudioTerms,
    EndedBy,
    Reason,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)
from lab import ear
from tests.integration.conftest import RedisServer
from tests.integration.workers.test_expiry import do as act
from tests.integration.workers.test_expiry import put
from tests.integration.workers.worker_house import House, make_house
from tests.long.kill_points import ONLY, Work, kill_everywhere, recover, run_child
from tests.long.side_effects import SideEffects
from tests.recording_samples import REASON, RECORDING_ID, START, handoff, segment, tone
from workers import expire, runtime, scheduler
from workers.reconcile import reconcile
from workers.runtime import Context, TaskWorker

pytestmark = pytest.mark.timeout(900)

PBX = "town-hall"
ROUNDS = 5  # of what the machine does by itself; each is a minute of its time
ROUND = timedelta(minutes=1)
KEY = bytes(range(32))
PAYMENT = Span(
    kind=SpanKind.PAYMENT,
    started_at=START + timedelta(seconds=3),
    ended_at=START + timedelta(seconds=8),
    reason=REASON,
)

Clock = Callable[[], datetime]


class OneProcess(TaskWorker):
    """A worker whose jobs run in the worker's own process: a kill takes both."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        execution = self.prepare_execution(job)
        self._is_horse = True
        try:
            self.perform_job(job, queue, execution)
        finally:
            self._is_horse = False


def part(number: int, offset_s: float, length_s: float, **changes: object) -> Segment:
    """A segment whose files have the names that the bridge gives them."""
    files = {
        f"{side}_file": f"{RECORDING_ID}.{number}.{side}.wav" for side in ("outside", "inside")
    }
    return segment(number, offset_s, length_s, **files, **changes)


def work_off(house: House, clock: Clock, queue: str, kind: type[TaskWorker] = OneProcess) -> None:
    """Do all that is in a queue, and end."""
    runtime.use(Context(house.config, clock=clock))
    connection = redis_link.connect_for_queues(house.config, {})
    kind(queue, connection, os.getppid()).work(burst=True, logging_level="ERROR")
    connection.close()


class Archiving:
    """A call of two segments, from the bridge's outbox to the archive."""

    discard: Reason | None = None

    def prepare(self, house: House) -> None:
        house.archive.prepare()
        house.config.number_key_path.parent.mkdir(parents=True, exist_ok=True)
        house.config.number_key_path.write_bytes(KEY)
        self.end_a_call(house)

    def end_a_call(self, house: House) -> None:
        one = part(1, 0, 3, cut_s=1.0, ended_by=EndedBy.PAYMENT, stop=StopSeen.CONFIRMED)
        two = part(2, 5, 8)
        house.write_segment(one, tone(440, 3), tone(600, 3))
        house.write_segment(two, tone(440, 8), tone(600, 8))
        self.ring(house, one, two)

    def ring(self, house: House, *segments: Segment, spans: tuple[Span, ...] = ()) -> None:
        # FLAC is the same bytes each time; Ogg has a number of its own in it.
        given = handoff(
            *segments,
            audio=AudioTerms(format=AudioFormat.FLAC),
            discard=self.discard,
            spans=spans,
        )
        Ledger(house.redis).expect({given.id: of_handoff(given)}, house.now)
        outbox = self.outbox(house)
        outbox.put(given)
        outbox.drain()

    def do(self, house: House, effects: SideEffects) -> None:
        effects.watch()
        work_off(house, lambda: house.now, handoff_names.spool_queue(PBX))
        effects.tell()

    def recover(self, house: House) -> None:
        later = max(datetime.now(UTC), house.now)
        for _ in range(ROUNDS):
            later += ROUND
            self.outbox(house).drain()
            reconcile(Context(house.config, clock=lambda at=later: at), PBX)  # type: ignore[misc]
            work_off(house, lambda: house.now, handoff_names.spool_queue(PBX))
        self.outbox(house).drain()
        upkeep(house, later)

    def outbox(self, house: House) -> Outbox:
        """As a bridge has it that rang last more than a minute ago."""
        return Outbox(house.config.outbox_path, lambda: house.redis)


class ArchivingTheFirst(Archiving):
    """The very first recording of this machine: there is no archive yet."""

    def prepare(self, house: House) -> None:
        super().prepare(house)
        (house.config.archive_path / layout.SCRATCH).rmdir()
        for path in house.config.archive_path.iterdir():
            path.unlink()
        house.config.archive_path.rmdir()


class ArchivingADamagedOne(Archiving):
    """One file isn't what a PBX writes: it stays where it is, the others are archived."""

    def end_a_call(self, house: House) -> None:
        super().end_a_call(house)
        house.write(part(1, 0, 3).outside_file, b"no sound at all, but text")


class ArchivingAFailedPayment(Archiving):
    """The recorder ran on into a payment: that is destroyed, and what is left is quarantined."""

    def end_a_call(self, house: House) -> None:
        one = part(1, 0, 3, ended_by=EndedBy.PAYMENT, stop=StopSeen.CONFIRMED)
        two = part(2, 8, 5)
        house.write_segment(one, tone(440, 3) + tone(1500, 2), tone(600, 3) + tone(1500, 2))
        house.write_segment(two, tone(440, 5), tone(600, 5))
        for name in (one.outside_file, one.inside_file):  # as the recorder left it
            at_s = START.timestamp() + 5
            os.utime(house.spool / name, (at_s, at_s))
        self.ring(house, one, two, spans=(PAYMENT,))


class Discarding(Archiving):
    """Nothing of the call may be kept: its files are destroyed, and that is proved."""

    discard = REASON


class ArchivingWithAHorse(Archiving):
    """Only the process that does the job is killed: the worker itself sees to it, at once."""

    def do(self, house: House, effects: SideEffects) -> None:
        class TwoProcesses(TaskWorker):
            def perform_job(self, *given: object) -> bool:
                if self._tries_of_ours:
                    return super().perform_job(*given)
                effects.watch()
                done = super().perform_job(*given)
                effects.tell()
                return done

            def execute_job(self, job: Job, queue: Queue) -> None:
                super().execute_job(job, queue)
                self._tries_of_ours += 1

            _tries_of_ours = 0

        work_off(house, lambda: house.now, handoff_names.spool_queue(PBX), TwoProcesses)

    def recover(self, house: House) -> None:
        self.outbox(house).drain()
        upkeep(house, house.now)


class ArchivingALongOne(Archiving):
    """Long enough for the encoder to write before it has read all."""

    seconds = 400

    def end_a_call(self, house: House) -> None:
        one = part(1, 0, self.seconds)
        house.write_segment(one, self.seconds * tone(440, 1), self.seconds * tone(600, 1))
        self.ring(house, one)


class Expiring:
    """A sweep: one recording is due, one held, one young, and one was brought back by a backup."""

    now = START + timedelta(days=100)

    def prepare(self, house: House) -> None:
        house.archive.prepare()
        house.catalogue.rebuild(house.archive, START)
        back = put(house, 1, 62)
        backup = {
            name: house.archive.get(name) for name in house.archive.names(layout.prefix(back))
        }
        expire.sweep(house.archive, house.catalogue, lambda: self.now)
        for name, data in backup.items():
            house.archive.put(name, data)
        house.catalogue.demand(back, self.now)
        due, held, released = put(house, 2, 62), put(house, 3, 62), put(house, 4, 62)
        put(house, 5, 200)
        act(house, held, acts.HOLD, 10, hold="claim-7")
        act(house, released, acts.HOLD, 10, hold="claim-8")
        act(house, released, acts.RELEASE, 20, hold="claim-8")
        assert house.catalogue.get(due) is not None

    def do(self, house: House, effects: SideEffects) -> None:
        ring(house, "expire", self.now)
        effects.watch()
        work_off(house, lambda: self.now, handoff_names.UPKEEP_QUEUE)
        effects.tell()

    def recover(self, house: House) -> None:
        # The last one comes when the held one is looked at again, whenever it was looked at first.
        for wait in (expire.TRY_AGAIN, 2 * expire.TRY_AGAIN, 2 * expire.LOOK_AGAIN):
            later = self.now + wait
            ring(house, "expire", later)
            work_off(house, lambda at=later: at, handoff_names.UPKEEP_QUEUE)  # type: ignore[misc]
        upkeep(house, later)


class Rebuilding:
    """Redis has lost everything: the catalogue is rebuilt from the archive."""

    now = START + timedelta(days=1)

    def prepare(self, house: House) -> None:
        house.archive.prepare()
        ids = [put(house, number, 62) for number in range(1, 6)]
        act(house, ids[0], acts.HOLD, 10, hold="claim-7")
        house.redis.flushall()

    def do(self, house: House, effects: SideEffects) -> None:
        ring(house, "upkeep", self.now)
        effects.watch()
        work_off(house, lambda: self.now, handoff_names.UPKEEP_QUEUE)
        effects.tell()

    def recover(self, house: House) -> None:
        for round_ in range(1, ROUNDS):
            upkeep(house, self.now + round_ * ROUND)


def ring(house: House, task: str, now: datetime) -> None:
    """As the scheduler does it."""
    tasks = [each for each in scheduler.tasks_of(house.config) if each.name == task]
    scheduler.ring(tasks, house.redis, now, {})


def upkeep(house: House, now: datetime) -> None:
    """What is done every half minute, when leases, pauses and the promised time are over."""
    expire_keys(house, "hushtape:rebuilding", "hushtape:compared", "hushtape:rewritten")
    ring(house, "upkeep", now)
    ring(house, "assure", now)
    work_off(house, lambda: now + PROMISED, handoff_names.UPKEEP_QUEUE)
    expire_keys(house, "hushtape:compared", "hushtape:rewritten")
    house.redis.delete("hushtape:compared-to")  # how far the comparing went


def expire_keys(house: House, *names: str) -> None:
    """Let the time of keys run out that have one."""
    for name in names:
        if house.redis.exists(name):
            assert house.redis.ttl(name) > 0, f"{name} stays for ever"
            house.redis.delete(name)


@pytest.mark.parametrize(
    ("work", "least"),
    [
        (Archiving(), 150),
        (ArchivingTheFirst(), 160),
        (ArchivingADamagedOne(), 150),
        (ArchivingWithAHorse(), 100),
        (ArchivingAFailedPayment(), 170),
        (Discarding(), 100),
        (Expiring(), 180),
        (Rebuilding(), 60),
    ],
    ids=lambda each: "" if isinstance(each, int) else type(each).__name__,
)
def test_a_kill_at_any_moment_is_made_good(work: Work, least: int, tmp_path: Path) -> None:
    tally = kill_everywhere(work, tmp_path)
    print(f"{len(tally.verdicts)} kills at {len(tally.moments)} moments")  # noqa: T201
    assert not tally.wrong, "\n" + tally.wrong
    assert len(tally.verdicts) >= least or ONLY in os.environ


TWO_ENCODERS = """#!/bin/sh
# The first one begins in the middle of the second one's work.
if mkdir "$0.first" 2>/dev/null; then
    while [ ! -e "$0.go" ]; do sleep 0.02; done
    {ffmpeg} "$@"
    touch "$0.done"
else
    {{
        head -c {half_bytes}
        sleep 0.5
        touch "$0.go"
        while [ ! -e "$0.done" ]; do sleep 0.02; done
        cat
    }} | {ffmpeg} "$@"
fi
"""
HALF_BYTES = 6_000_000


def test_the_encoder_of_a_dead_worker_spoils_nothing(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It outlives its worker; the head that it was fed is enough for it to write an empty file."""
    house, work = make_house(tmp_path, redis_server.url), ArchivingALongOne()
    work.prepare(house)
    wrapper = tmp_path / "bin" / "ffmpeg"
    wrapper.parent.mkdir()
    wrapper.write_text(TWO_ENCODERS.format(ffmpeg=shutil.which("ffmpeg"), half_bytes=HALF_BYTES))
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")

    def die_when_it_is_fed(effects: SideEffects) -> None:
        effects.die_after("feed the encoder")
        work.do(house, effects)

    ending = run_child(die_when_it_is_fed, tmp_path / "log")
    assert ending.died_at == "after feed the encoder"
    recovered = run_child(lambda effects: recover(work, house, effects), tmp_path / "log")
    assert not recovered.error, recovered.error
    assert wrapper.with_name("ffmpeg.done").exists(), "the first encoder never began"
    path = house.config.archive_path / layout.audio(RECORDING_ID, AudioFormat.FLAC)
    heard = ear.hear(path, {"caller": 440, "agent": 600})
    assert heard.seconds == work.seconds
    assert heard.share("caller", "left") == heard.share("agent", "right") == 1.0
