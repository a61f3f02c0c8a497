"""The catalogue is lost, rebuilt, disturbed and written into by others."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from hushtape.errors import Unreachable
from hushtape.recordings import catalogue as catalogues
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue, Wanted, read_entry
from hushtape.recordings.retention import Entry
from tests.integration.conftest import RedisServer
from tests.integration.workers.test_expiry import NOW, put
from tests.integration.workers.worker_house import House
from tests.recording_samples import START
from workers.expire import sweep
from workers.reconcile import upkeep
from workers.runtime import context


def disturb(monkeypatch: pytest.MonkeyPatch, house: House, at: int, what: str) -> None:
    """Let something happen after so many recordings of a rebuild."""
    count = 0
    original = catalogues.read_entry

    def read(archive: LocalArchive, recording_id: str) -> Entry:
        nonlocal count
        count += 1
        if count == at:
            if what == "flush":
                house.redis.flushall()
            elif what == "another":
                house.redis.set("hushtape:rebuilding", "another")
            else:
                raise KeyboardInterrupt
        return original(archive, recording_id)

    monkeypatch.setattr(catalogues, "read_entry", read)


@pytest.mark.parametrize("what", ["flush", "another"])
@pytest.mark.parametrize("every", [1, 100])
def test_a_rebuild_that_lost_its_lease_completes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str, every: int
) -> None:
    ids = [put(house, number, 62) for number in range(5)]
    monkeypatch.setattr(catalogues, "RENEW_EVERY", every)
    with monkeypatch.context() as patched:
        disturb(patched, house, 3, what)
        assert house.catalogue.rebuild(house.archive, START) is None
    assert not house.catalogue.is_complete()
    if what == "another":
        assert house.redis.get("hushtape:rebuilding") == b"another"
        assert house.catalogue.rebuild(house.archive, START) is None
        house.redis.delete("hushtape:rebuilding")
    assert house.catalogue.rebuild(house.archive, START) == 5
    assert house.catalogue.is_complete()
    assert {each.id for each in house.catalogue.search(Wanted(), 10)} == set(ids)
    assert not house.redis.exists("hushtape:rebuilding", "hushtape:rebuilt-to")


def test_a_rebuild_goes_on_where_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(house, 1, 62)
    house.redis.set("hushtape:rebuilt-to", "2026/11/21/")
    assert house.catalogue.rebuild(house.archive, START) == 0
    assert house.catalogue.is_complete()
    # From a complete one it begins anew.
    assert house.catalogue.rebuild(house.archive, START) == 1
    with monkeypatch.context() as patched:
        disturb(patched, house, 1, "interrupt")
        with pytest.raises(KeyboardInterrupt):
            house.catalogue.rebuild(house.archive, START)
    assert not house.catalogue.is_complete()
    assert not house.redis.exists("hushtape:rebuilding")


def test_one_bad_manifest_stops_no_deletion(house: House) -> None:
    bad, due = put(house, 1, 62), put(house, 2, 62)
    path = house.config.archive_path / layout.manifest(bad)
    good_text = path.read_bytes()
    path.write_bytes(good_text[:100])
    house.redis.flushall()
    house.now = NOW
    upkeep(context())
    assert house.catalogue.is_complete()
    assert house.catalogue.unread() == (bad,)
    assert sweep(house.archive, house.catalogue, lambda: NOW).deleted == (due,)
    assert path.exists()
    path.write_bytes(good_text)
    house.redis.delete("hushtape:compared", "hushtape:compared-to")
    upkeep(context())
    assert house.catalogue.unread() == ()
    assert sweep(house.archive, house.catalogue, lambda: NOW).deleted == (bad,)


def test_what_a_redis_lost_as_it_was_killed_is_back_at_the_next_look(
    house: House, redis_server: RedisServer
) -> None:
    recording_id = put(house, 1, 62)
    for _ in range(2):  # it rebuilds, and then it compares
        upkeep(context())
    house.redis.delete(f"hushtape:recording:{recording_id}")
    upkeep(context())
    assert house.catalogue.get(recording_id) is None, "it was looked a moment ago"
    for lost in range(2):
        redis_server.stop()
        redis_server.start()
        upkeep(context())
        assert house.catalogue.get(recording_id) is not None, lost
        house.redis.delete(f"hushtape:recording:{recording_id}")
    upkeep(context())
    assert house.catalogue.get(recording_id) is None, "looked once for each start"


def test_an_older_catalogue_is_rebuilt(house: House) -> None:
    house.redis.set("hushtape:complete", "2026-11-21T13:15:00+00:00")
    assert not house.catalogue.is_complete()
    upkeep(context())
    assert house.catalogue.is_complete()


def test_an_archive_is_set_up_only_where_none_is_known(house: House) -> None:
    put(house, 1, 62)
    root = house.config.archive_path
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Unreachable, match="not mounted"):
        upkeep(context())
    assert not root.exists()
    house.redis.flushall()
    upkeep(context())
    assert house.catalogue.is_complete()
    house.archive.check()


def test_a_queue_is_found_by_its_whole_name(house: House) -> None:
    recording_id = put(house, 1, 62)
    entry = read_entry(house.archive, recording_id)
    long_one = "a" * 79
    for queues in (("council-tax", f"{long_one}1"), ("sales",)):
        call = msgspec.structs.replace(entry.manifest.call, queues=queues)
        house.catalogue.remove(recording_id)
        house.catalogue.add(Entry(msgspec.structs.replace(entry.manifest, call=call)))
        for queue in ("council-tax", f"{long_one}1", f"{long_one}2", "sales", "council"):
            found = house.catalogue.search(Wanted(queue=queue), 10)
            assert [each.id for each in found] == ([recording_id] if queue in queues else [])
            by_agent = house.catalogue.search(Wanted(queue=queue, agent_hash="1" * 32), 10)
            assert by_agent == found
    house.catalogue.remove(recording_id)
    assert house.redis.keys("hushtape:by-queue:*") == []


def test_foreign_values_are_passed_over(house: House) -> None:
    good, bad = put(house, 1, 62), put(house, 2, 62)
    key = f"hushtape:recording:{bad}"
    for field, value in (("started", "x"), ("duration_s", "?"), ("size", "1e"), ("ended", "1e99")):
        before = house.redis.hget(key, field)
        house.redis.hset(key, field, value)
        assert [each.id for each in house.catalogue.search(Wanted(), 10)] == [good]
        house.redis.hset(key, field, before or b"")
    house.catalogue.note_trouble(good, "town-hall", "x", START, START + timedelta(seconds=1))
    house.redis.hset(f"hushtape:trouble:{good}", mapping={"tries": "x", "since": "?"})
    house.redis.zadd("hushtape:troubles", {good: "inf"})
    (trouble,) = house.catalogue.troubles(10)
    assert trouble.tries == Catalogue(house.redis).tries(good) == 0


def test_redis_forgets_on_disk_too(house: House) -> None:
    upkeep(context())
    assert house.redis.exists("hushtape:rewritten")
    info = house.redis.info("persistence")
    assert info["aof_rewrite_in_progress"] or info["aof_last_rewrite_time_sec"] >= 0
    house.redis.config_set("appendonly", "no")
    house.redis.delete("hushtape:rewritten")
    upkeep(context())
