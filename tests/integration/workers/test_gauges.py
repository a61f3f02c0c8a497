"""The workers' metrics: what the scheduler tells of Redis, spools and disks."""

from __future__ import annotations

import os
import re
import socket
import urllib.request
from datetime import timedelta

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest

from hushtape import disks, redis_link
from hushtape.recordings.ledger import Ledger, State, of_handoff
from tests.integration.conftest import RedisServer, spare_port
from tests.integration.workers.test_expiry import put
from tests.integration.workers.worker_house import House, wait_for
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone
from workers import disk, gauges, tasks

LINE = re.compile(r"^(hushtape_\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)


def scraped(house: House) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(
        gauges.Gauges(  # type: ignore[arg-type]
            house.config, lambda: redis_link.connect(house.config), lambda: house.now
        )
    )
    return values(generate_latest(registry).decode())


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in LINE.findall(text)}


def archive_one(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    tasks.archive(tasks.handoff_text(handoff(one)))


def test_they_say_what_is_so(house: House) -> None:
    house.now = START + timedelta(minutes=10)
    archive_one(house)  # late
    put(house, 1, 62)
    missing = "20261121-131601-k3f7x2m7"
    live = "20261121-131602-k3f7x2m7"
    expected = of_handoff(handoff(segment(1, 0, 1)))
    Ledger(house.redis).publish({missing: expected}, START)
    Ledger(house.redis).publish({live: replace(expected, state=State.LIVE)}, house.now)
    tasks.assure()
    house.ring(handoff(recording_id="20261121-131603-k3f7x2m7"))
    (house.spool / f"{missing}.handoff.json").write_bytes(b"{}")
    rooms = {"archive": disks.room(house.folder)}
    disk.publish(house.redis, house.config, ["town-hall"], rooms, house.now)
    house.catalogue.note_trouble(missing, "town-hall", "x", START, START)
    found = scraped(house)
    machine = disk.machine_name()
    assert (
        found
        | {
            f'hushtape_disk_free_bytes{{machine="{machine}",place="archive"}}': rooms[
                "archive"
            ].free_bytes,
            f'hushtape_disk_size_bytes{{machine="{machine}",place="archive"}}': rooms[
                "archive"
            ].size_bytes,
            "hushtape_redis_up": 1,
            "hushtape_recordings": 2,
            "hushtape_recordings_archived_total": 1,
            "hushtape_catalogue_complete": 0,
            "hushtape_recordings_in_trouble": 1,
            'hushtape_expected{state="live"}': 1,
            'hushtape_expected{state="handed-off"}': 1,
            'hushtape_findings{kind="missing"}': 1,
            'hushtape_findings{kind="late"}': 1,
            'hushtape_findings{kind="silent"}': 0,
            "hushtape_assured_timestamp_seconds": house.now.timestamp(),
            'hushtape_queue_length{queue="upkeep"}': 0,
            'hushtape_queue_length{queue="spool-town-hall"}': 1,
            'hushtape_queue_workers{queue="spool-town-hall"}': 0,
            'hushtape_spool_waiting{pbx="town-hall"}': 1,
            "hushtape_deletions_due": 0,
            "hushtape_deletions_overdue": 0,
        }
        == found
    )
    assert {name.partition("{")[0] for name in found} == {each.name for each in gauges.WORKERS}
    text = repr(found)
    assert RECORDING_ID not in text
    assert not any(word in text for word in ("7946", "Ann", "Caller"))


def test_deletions_are_due_and_then_overdue(house: House) -> None:
    put(house, 1, 62)
    put(house, 2, 63)
    house.now = START + timedelta(days=62, minutes=1)
    tasks.assure()
    found = scraped(house)
    assert (found["hushtape_deletions_due"], found["hushtape_deletions_overdue"]) == (1, 0)
    house.now += timedelta(hours=1)
    tasks.assure()
    assert scraped(house)["hushtape_deletions_overdue"] == 1


def test_what_a_machine_said_that_is_away_is_told_no_more(house: House) -> None:
    rooms = {"archive": disks.room(house.folder)}
    disk.publish(house.redis, house.config, ["town-hall"], rooms, house.now)
    house.redis.hset(disk.DISKS, b"\xff x", b"{")
    house.redis.hset(disk.SPOOLS, b"elsewhere", house.redis.hget(disk.SPOOLS, "town-hall") or b"")
    house.redis.hset(disk.DISKS, 'a"b c', house.redis.hvals(disk.DISKS)[0])
    house.now += gauges.STALE_AFTER - timedelta(seconds=1)
    names = set(scraped(house))
    assert len([each for each in names if "disk_free" in each]) == 1
    assert 'hushtape_spool_oldest_seconds{pbx="town-hall"}' in names
    assert not any("elsewhere" in each for each in names)
    house.now += timedelta(seconds=2)
    names = set(scraped(house))
    assert not any("disk" in each or "spool_" in each for each in names)


def test_the_oldest_in_a_spool_has_its_age(house: House) -> None:
    path = house.spool / f"{RECORDING_ID}.handoff.json"
    path.write_bytes(b"{}")
    os.utime(path, (house.now.timestamp() - 90, house.now.timestamp() - 90))
    (house.spool / "20261121-131501-k3f7x2m7.handoff.json").write_bytes(b"{}")
    seen = disk.look_into_spool(house.config, "town-hall", house.now)
    assert seen is not None
    assert (seen.waiting, seen.oldest_s) == (2, 90)
    path.unlink()
    house.spool.rename(house.folder / "gone")
    assert disk.look_into_spool(house.config, "town-hall", house.now) is None


def test_without_redis_they_say_that(house: House, redis_server: RedisServer) -> None:
    house.redis.set("hushtape:archived-total", b"nonsense")
    assert scraped(house)["hushtape_recordings_archived_total"] == 0
    redis_server.stop()
    assert scraped(house) == {"hushtape_redis_up": 0}


@pytest.fixture
def port(house: House) -> int:
    chosen = spare_port()
    text = house.config_path.read_text()
    house.config_path.write_text(f"metrics.workers_port = {chosen}\n{text}")
    return chosen


def test_the_scheduler_serves_them_and_outlives_an_outage(
    house: House, port: int, redis_server: RedisServer
) -> None:
    def fetched() -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return values(answer.read().decode())
        except OSError:
            return {}

    scheduler = house.start("scheduler")
    wait_for(lambda: fetched().get("hushtape_redis_up") == 1)
    assert fetched()["hushtape_recordings"] == 0
    redis_server.stop()
    wait_for(lambda: fetched() == {"hushtape_redis_up": 0})
    redis_server.start()
    wait_for(lambda: fetched().get("hushtape_redis_up") == 1)
    scheduler.terminate()
    assert scheduler.wait(10) == 0
    assert "Traceback" not in house.log("scheduler")


def test_a_scheduler_whose_port_is_taken_schedules_all_the_same(house: House, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        scheduler = house.start("scheduler")
        wait_for(lambda: house.redis.llen("rq:queue:upkeep"))
        assert "metrics can't be served at 127.0.0.1" in house.log("scheduler")
        assert scheduler.poll() is None
