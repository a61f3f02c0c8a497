"""A process of its own that watches this machine's disks and spools.

It needs neither Redis nor a queue to raise an alarm: a full disk may have stopped both. What it saw
it also writes into Redis, for the metrics.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis

from hushtape import disks, redis_link
from hushtape.alarms import Kind, raise_alarm
from hushtape.config import Config
from hushtape.disks import Level
from hushtape.errors import HushtapeError
from workers import spool
from workers.log import log

WATCH = "disks"  # stands among the queues of a supervisor, and is none
LOOK_EVERY_S = 10.0
PARENT_LOOK_S = 0.5
SPOOL_LIMIT = 100_000  # recordings that are counted
SEEN_TTL_S = 86_400
DISKS = "hushtape:disks"  # hash: "<machine> <place>" -> JSON of a DiskSeen
SPOOLS = "hushtape:spools"  # hash: PBX -> JSON of a SpoolSeen
_STRANGE = re.compile(r"[^A-Za-z0-9.-]")


class DiskSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A disk as a worker's machine saw it."""

    size_bytes: int
    free_bytes: int
    at: datetime


class SpoolSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in a spool: hand-offs that were taken and aren't archived."""

    waiting: int
    oldest_s: float  # how long the oldest call's one has been waiting
    at: datetime


def watch(
    config: Config,
    pbx_names: Sequence[str],
    parent_pid: int,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look every LOOK_EVERY_S seconds until the parent process is gone."""
    watched = disks.Watch(disks.places_of(config, pbx_names), config.disk)
    client: redis.Redis | None = None
    while os.getppid() == parent_pid:
        tell(watched.look(time.monotonic()))
        try:
            client = client or redis_link.connect(config)
            publish(client, config, pbx_names, watched.rooms, datetime.now(UTC))
        except (HushtapeError, redis.exceptions.RedisError, OSError):
            client = None  # whoever needs Redis says that it is away
        for _ in range(round(LOOK_EVERY_S / PARENT_LOOK_S)):
            if os.getppid() != parent_pid:
                return
            sleep(PARENT_LOOK_S)


def tell(notices: Sequence[disks.Notice]) -> None:
    """Log what is wrong with a disk, or that it is no more."""
    for each in notices:
        if each.level is Level.GOOD:
            log.info("there is room again", what=each.words, places=each.places)
        else:
            free_bytes = each.free_bytes
            raise_alarm(Kind.DISK, each.words, places=each.places, free_bytes=free_bytes)


def publish(
    client: Any,
    config: Config,
    pbx_names: Sequence[str],
    rooms: dict[str, disks.Room],
    now: datetime,
) -> None:
    """Write into Redis what was seen.

    Raises:
        redis.RedisError: Redis is away.
    """
    machine = machine_name()
    with client.pipeline(transaction=False) as pipe:
        for name, room in rooms.items():
            seen = DiskSeen(size_bytes=room.size_bytes, free_bytes=room.free_bytes, at=now)
            pipe.hset(DISKS, f"{machine} {name}", msgspec.json.encode(seen))
        for pbx in pbx_names:
            in_spool = look_into_spool(config, pbx, now)
            if in_spool is not None:
                pipe.hset(SPOOLS, pbx, msgspec.json.encode(in_spool))
        pipe.expire(DISKS, SEEN_TTL_S)
        pipe.expire(SPOOLS, SEEN_TTL_S)
        pipe.execute()


def look_into_spool(config: Config, pbx: str, now: datetime) -> SpoolSeen | None:
    """Count what waits in a PBX's spool; None: it can't be looked at."""
    folder = config.pbx[pbx].spool_path
    try:
        waiting = spool.waiting(folder, SPOOL_LIMIT)
        oldest_s = 0.0
        if waiting:
            since_s = spool.handoff_path(folder, waiting[0]).stat().st_mtime
            oldest_s = max(0.0, now.timestamp() - since_s)
    except FileNotFoundError:  # archived this moment: the next look tells
        return None
    except (HushtapeError, OSError):
        return None
    return SpoolSeen(waiting=len(waiting), oldest_s=round(oldest_s, 1), at=now)


def machine_name() -> str:
    """This machine's name, as a label."""
    return _STRANGE.sub("-", socket.gethostname())[:63] or "machine"
