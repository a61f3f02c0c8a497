from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hushtape import disks
from hushtape.config import Disk
from hushtape.disks import FULL_BYTES, SAY_AGAIN_S, Level, Place, Room, Watch

GB = disks.GIGABYTE
LIMITS = Disk(low_percent=10, low_gigabytes=1)
ARCHIVE = Place(name="archive", path=Path("/archive"), may_be_missing=True)
SPOOL = Place(name="spool-town-hall", path=Path("/spool"), may_be_missing=False)


def room(free_bytes: float, size_bytes: float = 100 * GB, **changes: int) -> Room:
    facts = {"device": 1, "files": 0, "free_files": 0} | changes
    return Room(free_bytes=int(free_bytes), size_bytes=int(size_bytes), **facts)


class Disks:
    """What is to be seen, by path."""

    def __init__(self, **rooms: Room | OSError) -> None:
        self.rooms = rooms

    def __call__(self, path: Path) -> Room:
        found = self.rooms[path.name]
        if isinstance(found, OSError):
            raise found
        return found


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (room(10 * GB), Level.GOOD),
        (room(10 * GB - 1), Level.LOW),  # below 10 %
        (room(GB, 2 * GB), Level.GOOD),
        (room(GB - 1, 2 * GB), Level.LOW),  # below 1 GB
        (room(FULL_BYTES, 2 * GB), Level.LOW),
        (room(FULL_BYTES - 1, 2 * GB), Level.FULL),
        (room(50 * GB, files=1000, free_files=100), Level.GOOD),
        (room(50 * GB, files=1000, free_files=99), Level.LOW),
        (room(50 * GB, files=1000, free_files=0), Level.FULL),
        (room(0, 0), Level.GOOD),  # a file system that doesn't say
    ],
)
def test_a_disk_is_judged_by_its_room_and_its_files(found: Room, level: Level) -> None:
    assert disks.level_of(found, LIMITS) is level


def test_limits_of_zero_leave_only_the_full_disk() -> None:
    off = Disk(low_percent=0, low_gigabytes=0)
    assert disks.level_of(room(FULL_BYTES), off) is Level.GOOD
    assert disks.level_of(room(0), off) is Level.FULL


def test_it_is_said_once_and_every_hour_again_and_when_it_is_over() -> None:
    seen = Disks(archive=room(50 * GB))
    watch = Watch([ARCHIVE], LIMITS, seen)
    assert watch.look(0) == []
    seen.rooms["archive"] = room(5 * GB)
    (notice,) = watch.look(10)
    assert notice.level is Level.LOW
    assert notice.free_bytes == 5 * GB
    assert notice.words == (
        "the disk of archive is nearly full: 5.0 GB of 100.0 GB are free; make room"
    )
    assert watch.look(20) == watch.look(9 + SAY_AGAIN_S) == []
    assert watch.look(10 + SAY_AGAIN_S) == [notice]
    assert watch.look(11 + SAY_AGAIN_S) == []
    seen.rooms["archive"] = room(0)
    (full,) = watch.look(20 + SAY_AGAIN_S)
    assert full.level is Level.FULL
    assert "nothing is deleted to make room" in full.words
    seen.rooms["archive"] = room(50 * GB)
    (good,) = watch.look(30 + SAY_AGAIN_S)
    assert good.level is Level.GOOD
    assert watch.look(40 + SAY_AGAIN_S) == []


def test_one_that_goes_up_and_down_about_its_limit_is_said_once() -> None:
    seen = Disks(archive=room(50 * GB))
    watch = Watch([ARCHIVE], LIMITS, seen)
    said = []
    for number in range(20):
        seen.rooms["archive"] = room((9.9 if number % 2 else 10.1) * GB)
        said += watch.look(number)
    assert [each.level for each in said] == [Level.LOW]
    seen.rooms["archive"] = room(11 * GB)
    assert [each.level for each in watch.look(30)] == [Level.GOOD]


def test_what_lies_on_one_disk_is_said_together() -> None:
    seen = Disks(archive=room(GB), spool=room(GB))
    (both,) = Watch([ARCHIVE, SPOOL], LIMITS, seen).look(0)
    assert both.places == ("archive", "spool-town-hall")
    seen = Disks(archive=room(GB), spool=room(GB, device=2))
    assert len(Watch([ARCHIVE, SPOOL], LIMITS, seen).look(0)) == 2


def test_a_spool_that_is_away_is_said_and_an_archive_that_is_not_yet_there_is_not() -> None:
    gone = FileNotFoundError(errno.ENOENT, "No such file or directory")
    seen = Disks(archive=gone, spool=gone)
    watch = Watch([ARCHIVE, SPOOL], LIMITS, seen)
    (notice,) = watch.look(0)
    assert notice.level is Level.AWAY
    assert "/spool: No such file" in notice.words
    assert watch.look(1) == []
    seen.rooms["archive"] = OSError(errno.EIO, "Input/output error")
    assert [each.places for each in watch.look(2)] == [("archive",)]
    seen.rooms.update(archive=room(50 * GB), spool=room(50 * GB))
    (good,) = watch.look(3)
    assert good.level is Level.GOOD
    assert good.places == ("archive", "spool-town-hall")
    assert set(watch.rooms) == {"archive", "spool-town-hall"}


def test_a_real_disk_can_be_looked_at(tmp_path: Path) -> None:
    found = disks.room(tmp_path)
    assert 0 < found.free_bytes <= found.size_bytes
    with pytest.raises(FileNotFoundError):
        disks.room(tmp_path / "none")


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [(0, "0 MB"), (812_345_678, "812 MB"), (GB, "1.0 GB"), (1_550_000_000_000, "1550.0 GB")],
)
def test_sizes_are_read_by_people(size_bytes: int, words: str) -> None:
    assert disks.size(size_bytes) == words
