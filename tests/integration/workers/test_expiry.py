"""Deletion at its time, with a real archive and Redis and a clock of our own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from hushtape.errors import Unreachable
from hushtape.ids import new_call_id
from hushtape.recordings import acts, layout
from hushtape.recordings.acts import HOLD, PERIOD_CHANGED, RELEASE, Act
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue, Wanted
from hushtape.recordings.manifest import AudioFile, AudioFormat, Manifest, Private, to_json
from hushtape.recordings.retention import Entry
from tests.integration.workers.worker_house import House
from tests.recording_samples import START, handoff
from workers import expire, store, tasks
from workers.expire import Deletion, Incomplete, sweep
from workers.reconcile import compare, upkeep
from workers.runtime import context

NOW = START + timedelta(days=100)


def put(house: House, number: int, keep_days: float) -> str:
    """A recording in archive and catalogue."""
    started_at = START + timedelta(seconds=number)
    recording_id = new_call_id(started_at, bytes([number] * 5))
    given = handoff(recording_id=recording_id)
    sound = b"sound %d" % number
    keep = msgspec.structs.replace(given.keep, until=started_at + timedelta(days=keep_days))
    house.archive.put(layout.audio(recording_id, AudioFormat.OPUS), sound)
    house.archive.put(
        layout.private(recording_id), to_json(Private(id=recording_id, party=given.party))
    )
    digest = house.archive.digest(layout.audio(recording_id, AudioFormat.OPUS))
    manifest = Manifest(
        id=recording_id,
        call=given.call,
        segments=(),
        spans=(),
        story=(),
        audio=AudioFile(
            name="audio.opus",
            format=AudioFormat.OPUS,
            size_bytes=digest.size_bytes,
            sha256=digest.sha256,
            duration_s=1,
        ),
        keep=keep,
        number_hash="0" * 32,
        dialled_hash="",
        agent_hashes=("1" * 32, "2" * 32),
        archived_at=started_at,
    )
    house.archive.put(layout.manifest(recording_id), to_json(manifest))
    house.catalogue.add(Entry(manifest))
    return recording_id


def do(house: House, recording_id: str, kind: str, day: float, **facts: object) -> None:
    act = Act(kind=kind, at=START + timedelta(days=day), by="dpo", words="claim 7", **facts)  # type: ignore[arg-type]
    acts.append(house.archive, recording_id, act, bytes([int(day) % 256] * 4))


def clean(house: House, at: datetime = NOW) -> expire.Swept:
    return sweep(house.archive, house.catalogue, lambda: at)


def is_there(house: House, recording_id: str) -> bool:
    return (house.config.archive_path / layout.prefix(recording_id)).exists()


def proof_of(house: House, recording_id: str) -> Deletion:
    return msgspec.json.decode(
        house.archive.get(layout.deletion_proof(recording_id)), type=Deletion
    )


@pytest.fixture
def complete(house: House) -> House:
    house.catalogue.rebuild(house.archive, START)
    return house


def test_what_is_due_goes_and_the_rest_stays(complete: House) -> None:
    house = complete
    due = put(house, 1, 62)
    young = put(house, 2, 200)
    held = put(house, 3, 62)
    released = put(house, 4, 62)
    longer = put(house, 5, 62)
    shorter = put(house, 6, 200)
    do(house, held, HOLD, 10, hold="claim-7")
    do(house, released, HOLD, 10, hold="claim-8")
    do(house, released, RELEASE, 20, hold="claim-8")
    do(house, longer, PERIOD_CHANGED, 10, until=START + timedelta(days=300), period="300 days")
    do(house, shorter, PERIOD_CHANGED, 10, until=START + timedelta(days=20), period="20 days")
    house.catalogue.schedule(shorter, START + timedelta(days=20))
    digest = house.archive.digest(layout.audio(due, AudioFormat.OPUS))

    swept = clean(house)

    assert set(swept.deleted) == {due, released, shorter}
    assert {each.id for each in swept.kept} == {held, longer}
    assert swept.failed == ()
    for each in (young, held, longer):
        assert is_there(house, each)
        assert house.catalogue.get(each) is not None
    for each in (due, released, shorter):
        assert not is_there(house, each)
        assert house.catalogue.get(each) is None
        assert proof_of(house, each).verified
    proof = proof_of(house, due)
    assert (proof.sha256, proof.size_bytes) == (digest.sha256, digest.size_bytes)
    assert proof.deleted_at == NOW
    assert proof.why == (
        "62 days after 21 Nov 2026 13:15 (Europe/London): due since 22 Jan 2027 13:15"
    )
    assert house.archive.names(layout.DELETIONS_BEGUN) == ()
    assert house.redis.smembers("hushtape:by-agent:" + "1" * 32) == {
        each.encode() for each in (young, held, longer)
    }
    assert clean(house).deleted == ()
    # When the hold goes, the recording goes.
    do(house, held, RELEASE, 101, hold="claim-7")
    house.catalogue.schedule(held, NOW)
    assert clean(house, NOW + timedelta(days=1)).deleted == (held,)


def test_a_deleted_recording_never_comes_back(complete: House) -> None:
    house = complete
    due = put(house, 1, 62)
    clean(house)
    tasks.archive(tasks.handoff_text(handoff(recording_id=due)))
    assert not is_there(house, due)
    assert store.was_deleted(house.archive, due)
    assert list(house.spool.iterdir()) == []


def test_nothing_is_deleted_before_the_catalogue_is_complete(house: House) -> None:
    due = put(house, 1, 62)
    with pytest.raises(Incomplete, match="not complete"):
        clean(house)
    assert is_there(house, due)


def test_two_sweepers_delete_each_recording_once(complete: House) -> None:
    house = complete
    ids = [put(house, number, 62) for number in range(30)]
    found: list[expire.Swept] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait(5)
        found.append(
            sweep(LocalArchive(house.config.archive_path), Catalogue(house.redis), lambda: NOW, 20)
        )

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    deleted = [each for swept in found for each in swept.deleted]
    assert sorted(deleted) == sorted(ids)
    assert [each.failed for each in found] == [(), ()]
    assert house.catalogue.search(Wanted(), 100) == ()


class Crash(BaseException):
    """The power goes."""


CRASHES: list[tuple[str, str]] = [
    ("before the first file", "delete_prefix"),
    ("before the check", "verify_absent"),
    ("before the proof", "put"),
    ("before the end", "delete"),
]


@pytest.mark.parametrize("method", [method for _, method in CRASHES], ids=[a for a, _ in CRASHES])
@pytest.mark.parametrize("redis_lost", [False, True])
def test_a_crash_in_the_middle_is_made_good(
    complete: House, monkeypatch: pytest.MonkeyPatch, method: str, redis_lost: bool
) -> None:
    house = complete
    due = put(house, 1, 62)
    original: Callable[..., None] = getattr(LocalArchive, method)

    def crash(archive: LocalArchive, name: str, *rest: object, **more: object) -> None:
        if method != "put" or name == layout.deletion_proof(due):
            raise Crash
        original(archive, name, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(LocalArchive, method, crash)
        with pytest.raises(Crash):
            clean(house)
    if redis_lost:
        house.redis.flushall()
        house.catalogue.rebuild(house.archive, NOW)
    assert due in clean(house, NOW + timedelta(hours=1)).deleted
    assert not is_there(house, due)
    assert proof_of(house, due).verified
    assert house.catalogue.get(due) is None
    assert house.archive.names(layout.DELETIONS_BEGUN) == ()


def test_a_crash_before_redis_is_told_is_made_good(
    complete: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = complete
    due = put(house, 1, 62)

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Catalogue, "remove", crash)
        with pytest.raises(Crash):
            clean(house)
    assert house.catalogue.get(due) is not None
    clean(house, NOW + timedelta(hours=1))
    assert house.catalogue.get(due) is None


def test_one_that_fails_does_not_stop_the_others(
    complete: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = complete
    bad, good = put(house, 1, 62), put(house, 2, 62)
    original = LocalArchive.delete_prefix

    def fail(archive: LocalArchive, prefix: str, first: str = "", last: str = "") -> None:
        if bad in prefix:
            raise Unreachable("the disk is tired")
        original(archive, prefix, first, last)

    monkeypatch.setattr(LocalArchive, "delete_prefix", fail)
    swept = clean(house)
    assert swept.deleted == (good,)
    assert swept.failed == ((bad, "the disk is tired"),)
    assert is_there(house, bad)
    assert house.catalogue.get(bad) is not None


def test_an_unreadable_act_keeps_a_recording(complete: House) -> None:
    house = complete
    due = put(house, 1, 62)
    house.archive.put(layout.act(due, datetime.now(UTC), "hold", "00"), b"{")
    ((failed, why),) = clean(house).failed
    assert failed == due
    assert "can't be read" in why
    assert is_there(house, due)


def begin_only(house: House, recording_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that got as far as being written down."""

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(LocalArchive, "delete_prefix", crash)
        with pytest.raises(Crash):
            clean(house)
    assert house.archive.names(layout.DELETIONS_BEGUN) == (layout.deletion_begun(recording_id),)


def test_a_hold_counts_after_a_deletion_that_got_nowhere(
    complete: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = complete
    due = put(house, 1, 62)
    begin_only(house, due, monkeypatch)
    do(house, due, HOLD, 101, hold="claim-7")
    assert [each.id for each in clean(house, NOW + timedelta(days=2)).kept] == [due]
    assert is_there(house, due)
    assert house.archive.names(layout.DELETIONS_BEGUN) == ()
    assert not house.archive.exists(layout.deletion_proof(due))


def test_a_deletion_that_took_the_sound_is_finished(
    complete: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = complete
    due = put(house, 1, 62)
    do(house, due, PERIOD_CHANGED, 10, until=START + timedelta(days=20))
    begin_only(house, due, monkeypatch)
    house.archive.delete(layout.audio(due, AudioFormat.OPUS))
    for name in house.archive.names(layout.acts(due)):
        house.archive.delete(name)
    assert clean(house, NOW + timedelta(hours=1)).deleted == (due,)
    assert proof_of(house, due).verified


def test_the_sound_goes_first(complete: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = complete
    due = put(house, 1, 62)
    do(house, due, RELEASE, 10, hold="claim-7")
    gone: list[str] = []
    unlink = Path.unlink

    def record(path: Path, missing_ok: bool = False) -> None:
        if due in str(path.parent) and path.exists():
            gone.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", record)
    clean(house)
    assert gone[0] == "audio.opus"
    assert gone[-1] == "manifest.json"


def test_acts_that_cannot_be_listed_keep_a_recording(
    complete: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = complete
    held, other = put(house, 1, 62), put(house, 2, 62)
    do(house, held, HOLD, 10, hold="claim-7")
    scandir = os.scandir

    def fail(path: object) -> object:
        if str(path).endswith(f"{held}/acts"):
            raise OSError(5, "Input/output error")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", fail)
    swept = clean(house)
    assert swept.deleted == (other,)
    assert [each for each, _ in swept.failed] == [held]
    monkeypatch.undo()
    assert is_there(house, held)
    assert house.archive.exists(layout.audio(held, AudioFormat.OPUS))


@pytest.mark.parametrize("whole", [False, True])
def test_what_a_backup_brings_back_is_deleted_again(complete: House, whole: bool) -> None:
    house = complete
    due = put(house, 1, 62)
    backup = {name: house.archive.get(name) for name in house.archive.names(layout.prefix(due))}
    clean(house)
    first = proof_of(house, due)
    for name, data in backup.items():
        if whole or "audio" in name:
            house.archive.put(name, data)
    house.now = NOW
    compare(context())
    assert house.catalogue.get(due) is None
    assert clean(house, NOW + timedelta(hours=1)).deleted == (due,)
    assert not is_there(house, due)
    assert proof_of(house, due) == first
    at = NOW + timedelta(hours=1)
    again = msgspec.json.decode(house.archive.get(layout.deletion_again(due, at)))
    assert (again["files"], again["verified"]) == (3 if whole else 1, True)
    assert clean(house, NOW + timedelta(hours=2)).deleted == ()


def test_a_disk_that_is_not_mounted_deletes_nothing_from_the_catalogue(complete: House) -> None:
    house = complete
    due = put(house, 1, 62)
    root = house.config.archive_path
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Unreachable, match="not mounted"):
        clean(house)
    with pytest.raises(Unreachable, match="not mounted"):
        upkeep(context())
    assert not root.exists()
    assert house.catalogue.get(due) is not None
    root.with_name("unmounted").rename(root)
    assert clean(house).deleted == (due,)


def test_what_is_no_id_is_dropped_from_the_schedule(complete: House) -> None:
    house = complete
    due = put(house, 1, 62)
    house.redis.zadd("hushtape:due", {"../../etc": 0, b"\xff\xfe": 1})
    assert clean(house).deleted == (due,)
    assert house.redis.zrange("hushtape:due", 0, -1) == []


def test_an_error_of_ours_stops_no_sweep(complete: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = complete
    bad, good = put(house, 1, 62), put(house, 2, 62)
    original = expire.read_entry

    def fail(archive: LocalArchive, recording_id: str) -> Entry:
        if recording_id == bad:
            raise KeyError("surprise")
        return original(archive, recording_id)

    monkeypatch.setattr(expire, "read_entry", fail)
    swept = clean(house)
    assert swept.deleted == (good,)
    assert swept.failed == ((bad, "an unexpected error: KeyError"),)


def test_when_to_look_again(complete: House) -> None:
    house = complete
    held, longer, bad = put(house, 1, 62), put(house, 2, 62), put(house, 3, 62)
    do(house, held, HOLD, 10, hold="claim-7")
    do(house, longer, PERIOD_CHANGED, 10, until=START + timedelta(days=300))
    house.archive.put(layout.act(bad, datetime.now(UTC), "hold", "00"), b"{")
    clean(house)
    scores = dict(house.redis.zrange("hushtape:due", 0, -1, withscores=True))
    assert scores == {
        held.encode(): (NOW + timedelta(hours=24)).timestamp(),
        longer.encode(): (START + timedelta(days=300)).timestamp(),
        bad.encode(): (NOW + timedelta(minutes=15)).timestamp(),
    }
