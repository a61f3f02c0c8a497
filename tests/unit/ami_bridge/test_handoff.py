from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis
from structlog.testing import capture_logs

from ami_bridge.handoff import RING_AGAIN_S, Outbox
from hushtape import handoff_names as names
from hushtape.errors import TooBig, Unreachable
from hushtape.recordings.manifest import HANDOFF_LIMIT_BYTES
from tests.samples import sample_handoff

ID = "20261121-130500-abcdefgh"
Rings = list[tuple[str, str, dict[str, Any]]]  # what was rung for: queue, argument, options


class FakeRedis:
    """Remembers which hand-offs were taken; what RQ does with it is the integration tests' part."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self.away = False

    def pipeline(self, transaction: bool) -> FakeRedis:
        assert transaction is False
        self.asked: list[str] = []
        return self

    def get(self, key: str) -> None:
        self.asked.append(key)

    def execute(self) -> list[bytes | None]:
        if self.away:
            raise redis.ConnectionError("gone")
        return [self.taken.get(key) for key in self.asked]


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> Rings:
    heard: Rings = []

    class FakeQueue:
        waiting: ClassVar[list[str]] = []  # the job ids that no worker has come to

        def __init__(self, name: str, **_: object) -> None:
            self.name = name

        def get_job_position(self, job_id: str) -> int | None:
            return self.waiting.index(job_id) if job_id in self.waiting else None

        def enqueue(self, function: str, argument: str, **options: Any) -> None:
            assert function == names.ARCHIVE_JOB
            heard.append((self.name, argument, options))

    monkeypatch.setattr("ami_bridge.handoff.Queue", FakeQueue)
    return heard


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch, rings: object) -> list[str]:
    """The ids of jobs that wait in the queue already."""
    from ami_bridge import handoff

    waiting: list[str] = []
    monkeypatch.setattr(handoff.Queue, "waiting", waiting)
    return waiting


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def outbox(tmp_path: Path, server: FakeRedis, clock: Clock) -> Outbox:
    """An outbox in the test's own folder."""
    return Outbox(tmp_path, lambda: server, clock)  # type: ignore[arg-type,return-value]


def test_what_is_put_is_on_disk_and_readable_by_nobody_else(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", FakeRedis)  # type: ignore[arg-type]
    outbox.put(sample_handoff(ID))
    path = tmp_path / "outbox" / f"{ID}.json"
    assert json.loads(path.read_bytes())["id"] == ID
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert outbox.waiting() == [ID]


def test_it_rings_once_and_again_only_after_a_while(
    outbox: Outbox, clock: Clock, rings: Rings
) -> None:
    outbox.put(sample_handoff(ID))
    assert [outbox.drain(), outbox.drain()] == [1, 1]
    assert len(rings) == 1
    clock.now_s += RING_AGAIN_S
    outbox.drain()
    assert len(rings) == 2


def test_what_waits_in_the_queue_is_not_rung_for_again(
    outbox: Outbox, clock: Clock, rings: Rings, queued: list[str]
) -> None:
    outbox.put(sample_handoff(ID))
    queued.append(names.archive_job_id(ID))
    assert outbox.drain() == 1
    assert rings == []
    queued.clear()
    clock.now_s += RING_AGAIN_S
    outbox.drain()
    assert [options["job_id"] for _, _, options in rings] == [names.archive_job_id(ID)]


def test_a_long_backlog_keeps_nobody_waiting(
    outbox: Outbox, rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami_bridge.handoff.MOST_AT_A_TIME", 2)
    for number in range(5):
        outbox.put(sample_handoff(f"20261121-13050{number}-abcdefgh"))
    assert outbox.drain() == 5
    assert len(rings) == 5


def test_what_a_killed_bridge_left_half_written_goes(tmp_path: Path) -> None:
    (tmp_path / f"{ID}.part").write_bytes(b'{"number": "079')
    Outbox(tmp_path, FakeRedis)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_hand_off_that_names_another_call_is_put_aside(
    tmp_path: Path, outbox: Outbox, rings: Rings
) -> None:
    outbox.put(sample_handoff(ID))
    (tmp_path / f"{ID}.json").rename(tmp_path / "20261121-130509-abcdefgh.json")
    outbox.drain()
    assert rings == []
    assert (tmp_path / "20261121-130509-abcdefgh.damaged").exists()


def test_a_hand_off_is_on_the_disk_before_it_has_its_name(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spy_replace(self: Path, target: Path) -> Path:
        steps.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    outbox.put(sample_handoff(ID))
    assert steps == ["file", "name", "folder"]


def test_the_job_names_nobody_but_in_its_argument(outbox: Outbox, rings: Rings) -> None:
    handoff = sample_handoff(ID)
    outbox.put(handoff)
    outbox.drain()
    queue, argument, options = rings[0]
    assert queue == names.spool_queue(handoff.call.pbx)
    assert handoff.party.number in argument
    assert handoff.party.number not in repr(options)
    assert options["result_ttl"] == 0


def test_what_was_taken_leaves_the_outbox(outbox: Outbox, server: FakeRedis, rings: Rings) -> None:
    outbox.put(sample_handoff(ID))
    outbox.drain()
    server.taken[names.taken_key(ID)] = names.TAKEN_FROM_BRIDGE
    assert outbox.drain() == 0
    assert outbox.waiting() == []
    assert len(rings) == 1


def test_what_a_worker_adopted_meanwhile_is_rung_for_all_the_same(
    outbox: Outbox, server: FakeRedis, rings: Rings
) -> None:
    """It may say that the caller has opted out, and what of it was a payment."""
    outbox.put(sample_handoff(ID))
    server.taken[names.taken_key(ID)] = names.TAKEN_ADOPTED
    assert outbox.drain() == 1
    assert outbox.waiting() == [ID]
    assert len(rings) == 1


def test_while_redis_is_away_everything_waits(
    outbox: Outbox, server: FakeRedis, rings: Rings
) -> None:
    outbox.put(sample_handoff(ID))
    server.away = True
    with pytest.raises(redis.RedisError):
        outbox.drain()
    assert outbox.waiting() == [ID]
    server.away = False
    assert outbox.drain() == 1
    assert len(rings) == 1


def test_a_new_bridge_finds_what_its_predecessor_left(tmp_path: Path, rings: Rings) -> None:
    def away() -> redis.Redis:
        raise Unreachable("no Redis")

    Outbox(tmp_path, away).put(sample_handoff(ID))
    successor = Outbox(tmp_path, FakeRedis)  # type: ignore[arg-type]
    assert successor.drain() == 1
    assert len(rings) == 1


def test_a_damaged_hand_off_is_put_aside_and_the_rest_goes_on(
    tmp_path: Path, outbox: Outbox, rings: Rings
) -> None:
    other = "20261121-130501-abcdefgh"
    (tmp_path / f"{ID}.json").write_bytes(b'{"id": "half')
    outbox.put(sample_handoff(other))
    outbox.drain()
    assert [json.loads(argument)["id"] for _, argument, _ in rings] == [other]
    assert (tmp_path / f"{ID}.damaged").exists()


def test_one_that_can_not_be_put_aside_keeps_no_other_and_is_told_once(
    tmp_path: Path, outbox: Outbox, rings: Rings
) -> None:
    other = "20261121-130501-abcdefgh"
    (tmp_path / f"{ID}.json").write_bytes(b'{"id": "half')
    (tmp_path / f"{ID}.damaged").mkdir()
    outbox.put(sample_handoff(other))
    with capture_logs() as logs:
        outbox.drain()
        outbox.drain()
    assert [json.loads(argument)["id"] for _, argument, _ in rings] == [other]
    (line,) = logs
    assert "waits there, since it can't be put aside (Is a directory)" in line["what"]


def test_one_that_the_disk_does_not_give_keeps_no_other(
    tmp_path: Path, outbox: Outbox, rings: Rings
) -> None:
    gone, other = "20261121-130459-abcdefgh", "20261121-130501-abcdefgh"
    (tmp_path / f"{ID}.json").mkdir()
    (tmp_path / f"{gone}.json").symlink_to(tmp_path / "nowhere")
    outbox.put(sample_handoff(other))
    with capture_logs() as logs:
        assert [outbox.drain(), outbox.drain()] == [3, 3]
    assert [json.loads(argument)["id"] for _, argument, _ in rings] == [other]
    assert (tmp_path / f"{ID}.json").exists(), "it waits: the disk may give it later"
    (line,) = logs  # once
    assert (line["event"], line["call"]) == ("alarm", ID)
    assert "can't be read, and waits there: Is a directory" in line["what"]


def test_half_written_files_are_not_taken_for_hand_offs(tmp_path: Path, outbox: Outbox) -> None:
    (tmp_path / f"{ID}.part").write_bytes(b"{")
    assert outbox.waiting() == []


def test_a_hand_off_has_a_limit(outbox: Outbox) -> None:
    huge = sample_handoff(ID, agents=("x" * HANDOFF_LIMIT_BYTES,))
    with pytest.raises(TooBig):
        outbox.put(huge)
    assert outbox.waiting() == []


def test_a_job_that_fails_is_tried_again_so_often(outbox: Outbox, rings: Rings) -> None:
    outbox.put(sample_handoff(ID))
    outbox.drain()
    options = rings[0][2]
    assert options["retry"].max == names.ARCHIVE_RETRIES_MAX
    assert options["failure_ttl"] == names.FAILURE_TTL_S
    assert options["description"] == names.archive_description(ID)


def test_of_what_was_taken_nothing_is_remembered(
    outbox: Outbox, server: FakeRedis, rings: Rings
) -> None:
    outbox.put(sample_handoff(ID))
    outbox.drain()
    server.taken[names.taken_key(ID)] = names.TAKEN_FROM_BRIDGE
    outbox.drain()
    assert outbox._rung_at_s == {}
