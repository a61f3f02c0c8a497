"""Disks that are nearly full, and full: said early, nothing is deleted, recordings wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hushtape import config as configuration
from hushtape.errors import Unreachable
from hushtape.recordings import layout
from tests.integration.conftest import RedisServer
from tests.integration.workers.test_expiry import put
from tests.integration.workers.worker_house import House, wait_for
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone
from workers import spool, tasks
from workers.reconcile import reconcile
from workers.runtime import Context, context, use

MB = 1_000_000
LIMITS = "disk.low_percent = 20\ndisk.low_gigabytes = 0.02\n"


class SmallDisk:
    """A file system of its own."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes

    def mount(self) -> None:
        self.path.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.size_bytes}", "tmpfs", str(self.path)],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"NOT TESTED, a small disk can't be mounted here: {done.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)

    def fill(self, left_bytes: int) -> None:
        """Leave so much free."""
        filler = self.path / "filler"
        filler.unlink(missing_ok=True)
        free_bytes = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize
        with filler.open("wb") as stream:
            try:
                while stream.tell() < free_bytes - left_bytes:
                    stream.write(bytes(min(MB, free_bytes - left_bytes - stream.tell())))
                    stream.flush()
            except OSError:
                if left_bytes:
                    raise

    def make_room(self) -> None:
        (self.path / "filler").unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "small", 64 * MB)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


def on_it(house: House, small: SmallDisk) -> None:
    """The archive lies on the small disk, and the limits fit it."""
    text = house.config_path.read_text()
    house.config_path.write_text(f'archive.folder = "{small.path}/archive"\n{LIMITS}{text}')
    house.config = configuration.load(house.config_path)
    house.archive.prepare()
    use(Context(house.config, clock=lambda: house.now))


def call(house: House) -> str:
    one = segment(1, 0, 30)
    house.write_segment(one, tone(440, 1) * 30, tone(600, 1) * 30)
    return tasks.handoff_text(handoff(one))


def test_with_a_full_archive_recordings_wait_and_nothing_is_deleted(
    house: House, small: SmallDisk
) -> None:
    on_it(house, small)
    kept = put(house, 1, 62)
    before = house.archive.names(layout.prefix(kept))
    text = call(house)
    small.fill(0)
    house.now = START + timedelta(minutes=2)
    with pytest.raises(Unreachable, match="the archive's disk is full"):
        tasks.archive(text)
    assert spool.waiting(house.spool, 10) == (RECORDING_ID,)
    assert len(list(house.spool.glob("*.wav"))) == 2
    assert house.archive.names(layout.prefix(kept)) == before
    assert house.archive.names(layout.prefix(RECORDING_ID)) == ()
    (trouble,) = house.catalogue.troubles(10)
    assert "disk is full" in trouble.words
    small.make_room()
    house.now += timedelta(minutes=1)
    assert reconcile(context(), "town-hall") == 1
    tasks.archive(text)
    assert house.catalogue.get(RECORDING_ID) is not None
    assert list(house.spool.iterdir()) == []


def test_a_disk_that_fills_up_is_said_and_when_there_is_room_again(
    house: House, small: SmallDisk, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real worker, without Redis: a full disk may have stopped that, too."""
    on_it(house, small)
    redis_server.stop()
    patched = "import workers.disk as d; d.LOOK_EVERY_S = 0.5; "
    start = f"{patched}from workers.program import worker; worker()"
    log = house.folder / "worker.log"
    with log.open("ab") as stream:
        worker = subprocess.Popen(
            [sys.executable, "-c", start, "-c", str(house.config_path), "--no-upkeep"],
            stdout=stream,
            stderr=stream,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
    house.processes.append(worker)
    wait_for(lambda: "waiting for Redis" in house.log())
    assert "of archive is" not in house.log()
    small.fill(18 * MB)  # of 64: above 20 %, and below 0.02 GB
    wait_for(lambda: "the disk of archive is nearly full: 1" in house.log())
    small.fill(2 * MB)
    wait_for(lambda: "the disk of archive is full: " in house.log())
    assert "nothing is deleted to make room: recordings wait" in house.log()
    small.make_room()
    wait_for(lambda: "there is room again" in house.log())
    said = [line for line in house.log().splitlines() if "disk of archive" in line]
    assert len(said) == 3  # once for each change
    assert "Traceback" not in house.log()


def test_a_spool_that_goes_away_is_said(house: House) -> None:
    house.spool.rename(house.folder / "unmounted")
    house.start("worker", "--no-upkeep")
    wait_for(lambda: "the folder of spool-town-hall can't be looked at" in house.log())


def test_what_is_seen_comes_to_redis(house: House) -> None:
    house.start("worker", "--no-upkeep")
    wait_for(lambda: house.redis.hlen("hushtape:disks") == 3)
    wait_for(lambda: house.redis.hlen("hushtape:spools") == 1)
    assert 0 < house.redis.ttl("hushtape:disks") <= 86_400
