"""What ``hushtape check`` can say about the machine, beside the configuration."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import redis

from hushtape import disks
from hushtape.config import Config
from hushtape.disks import Level

LOOKED_AT_MAX = 1000  # files of a spool; all of them have the same rights


def disk_lines(config: Config) -> tuple[list[str], list[str]]:
    """How much room there is where recordings go.

    Returns:
        What to say, and what to warn of.
    """
    said: list[str] = []
    warnings: list[str] = []
    for place in disks.places_of(config, config.pbx):
        try:
            room = disks.room(place.path)
        except OSError as error:
            said.append(f"{place.name}: not looked at: {place.path}: {error.strerror}")
            continue
        level = disks.level_of(room, config.disk)
        words = disks.words_of([place.name], room, level)
        (said if level is Level.GOOD else warnings).append(words)
    return said, warnings


def spool_warnings(config: Config, pbxes: Iterable[str]) -> list[str]:
    """What this account may not do to the files in these PBXes' spools; root may do anything."""
    return [
        f"spool-{name}: this account may not write to the PBX's files: what was recorded of a"
        " payment could be removed, and not overwritten (docs/asterisk.md, The folder)"
        for name in pbxes
        if not _may_write_to_files(config.pbx[name].spool_path)
    ]


def _may_write_to_files(spool: Path) -> bool:
    try:
        with os.scandir(spool) as entries:
            some = itertools.islice(entries, LOOKED_AT_MAX)
            files = [each.path for each in some if each.is_file(follow_symlinks=False)]
    except OSError:  # what is wrong with it is said elsewhere
        return True
    return all(
        os.access(each, os.W_OK, effective_ids=True) or not os.path.lexists(each) for each in files
    )


def redis_warnings(client: redis.Redis) -> list[str]:
    """What may be wrong with how a Redis is set up. Redis may be lost, but not by and by.

    Raises:
        redis.RedisError: it doesn't answer.
    """
    asked: Any = client
    warnings = []
    if not asked.info("persistence").get("aof_enabled") and not _saves(asked):
        warnings.append(
            "Redis keeps nothing on disk: after each of its restarts the catalogue is rebuilt from"
            " the archive, and nothing is deleted meanwhile; set appendonly yes"
        )
    memory = asked.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        warnings.append(
            f"Redis may drop what it should keep (maxmemory-policy {policy}): recordings would"
            " outlive their time; set maxmemory-policy noeviction"
        )
    return warnings


def _saves(client: Any) -> bool:
    """Tell whether it writes snapshots; one that doesn't say is believed to."""
    try:
        return bool(client.config_get("save").get("save", "x"))
    except redis.exceptions.ResponseError:  # a managed Redis may not allow to ask
        return True
