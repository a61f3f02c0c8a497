"""How much room there is on the disks that recordings pass through, and when to say so.

Nothing is ever deleted to make room: what can't be written waits, and somebody is told in time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hushtape.config import Config, Disk

FULL_BYTES = 16_000_000  # eight minutes of one call in a spool
GIGABYTE = 10**9
SAY_AGAIN_S = 3600.0
# Of a folder that its account owns, and still may not write to.
READ_ONLY = (
    "it is read-only for this program: mounted so, or missing from the ReadWritePaths of the"
    " systemd unit (systemctl edit hushtape)"
)
GOOD_AGAIN = 1.1  # so many times the limit must be free before a disk counts as good again


class Level(StrEnum):
    """How a disk stands."""

    GOOD = "good"
    LOW = "nearly full"
    FULL = "full"
    AWAY = "away"  # it can't be looked at


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder that recordings pass through."""

    name: str  # "data", "archive", "spool-town-hall"
    path: Path
    may_be_missing: bool  # until it is first used


@dataclass(frozen=True, kw_only=True)
class Room:
    """The file system of a folder, as far as our own account may use it."""

    device: int
    size_bytes: int
    free_bytes: int
    files: int  # how many there may be; 0: the file system doesn't count them
    free_files: int

    @property
    def free_percent(self) -> float:
        """The free part of the disk, or of its files if that is less."""
        parts = [self.free_bytes / self.size_bytes if self.size_bytes else 1.0]
        if self.files:
            parts.append(self.free_files / self.files)
        return 100 * min(parts)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something to be logged: an alarm, or that one is over."""

    level: Level
    places: tuple[str, ...]
    words: str
    free_bytes: int = 0


def places_of(config: Config, pbx_names: Iterable[str]) -> tuple[Place, ...]:
    """The folders that a machine has to do with: these spools, the archive, our own data."""
    spools = (
        Place(name=f"spool-{name}", path=config.pbx[name].spool_path, may_be_missing=False)
        for name in pbx_names
    )
    return (
        Place(name="data", path=config.data_path, may_be_missing=True),
        Place(name="archive", path=config.archive_path, may_be_missing=True),
        *spools,
    )


def room(path: Path) -> Room:
    """Look at the file system of a folder.

    Raises:
        OSError: it isn't there, or can't be looked at.
    """
    found = os.statvfs(path)
    return Room(
        device=path.stat().st_dev,
        size_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        files=found.f_files,
        free_files=found.f_favail,
    )


def level_of(found: Room, limits: Disk, times: float = 1.0) -> Level:
    """Judge a disk.

    Args:
        times: the limits are taken so many times.
    """
    if found.size_bytes and found.free_bytes < FULL_BYTES * times:
        return Level.FULL
    if found.files and not found.free_files:
        return Level.FULL
    low_bytes = limits.low_gigabytes * GIGABYTE
    if found.free_percent < limits.low_percent * times:
        return Level.LOW
    return Level.LOW if found.size_bytes and found.free_bytes < low_bytes * times else Level.GOOD


def words_of(names: Sequence[str], found: Room, level: Level) -> str:
    """One disk in a sentence."""
    free = f"{size(found.free_bytes)} of {size(found.size_bytes)} are free"
    if found.files and found.free_files < found.files * 0.05:
        free += f", and room for {found.free_files} files"
    what = " and ".join(names)
    if level is Level.GOOD:
        return f"the disk of {what}: {free}"
    then = (
        "nothing is deleted to make room: recordings wait" if level is Level.FULL else "make room"
    )
    return f"the disk of {what} is {level}: {free}; {then}"


def size(size_bytes: int) -> str:
    """``812 MB`` or ``1.5 GB``."""
    if size_bytes < GIGABYTE:
        return f"{size_bytes // 1_000_000} MB"
    return f"{size_bytes / GIGABYTE:.1f} GB"


class Watch:
    """Looks at disks again and again, and says once, and then every hour, what is wrong.

    Args:
        places: what lies on one disk is said together.
        look: gives a folder's file system, or raises ``OSError``.
    """

    def __init__(
        self, places: Sequence[Place], limits: Disk, look: Callable[[Path], Room] = room
    ) -> None:
        self._places = places
        self._limits = limits
        self._look = look
        self._said: dict[str, tuple[Level, float]] = {}  # by the place's name
        self.rooms: dict[str, Room] = {}  # by the place's name, as last seen

    def look(self, now_s: float) -> list[Notice]:
        """Look once.

        Args:
            now_s: a monotonic clock.
        """
        self.rooms = {}
        away = []
        together: dict[tuple[int, Level], list[str]] = {}
        for place in self._places:
            try:
                found = self.rooms[place.name] = self._look(place.path)
            except OSError as error:
                if place.may_be_missing and isinstance(error, FileNotFoundError):
                    continue
                if self._is_due(place.name, Level.AWAY, now_s):
                    away.append(_away(place, error))
                continue
            level = self._level(place.name, found)
            if self._is_due(place.name, level, now_s):
                together.setdefault((found.device, level), []).append(place.name)
        return away + [
            Notice(
                level=level,
                places=tuple(names),
                words=words_of(names, self.rooms[names[0]], level),
                free_bytes=self.rooms[names[0]].free_bytes,
            )
            for (_device, level), names in together.items()
        ]

    def _level(self, name: str, found: Room) -> Level:
        level = level_of(found, self._limits)
        said, _ = self._said.get(name, (Level.GOOD, 0.0))
        if level is Level.GOOD and said in (Level.LOW, Level.FULL):
            # One that goes up and down about its limit would be said again and again.
            return Level.GOOD if level_of(found, self._limits, GOOD_AGAIN) is level else Level.LOW
        return level

    def _is_due(self, name: str, level: Level, now_s: float) -> bool:
        said, at_s = self._said.get(name, (Level.GOOD, now_s))
        if level is said and (level is Level.GOOD or now_s - at_s < SAY_AGAIN_S):
            return False
        self._said[name] = (level, now_s)
        return True


def _away(place: Place, error: OSError) -> Notice:
    why = error.strerror or str(error)
    words = f"the folder of {place.name} can't be looked at: {place.path}: {why}"
    return Notice(level=Level.AWAY, places=(place.name,), words=words)
