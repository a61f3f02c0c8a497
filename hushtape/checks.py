"""What ``hushtape check`` can say about the machine, beside the configuration."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import redis

from hushtape import disks, redis_link
from hushtape.config import Config
from hushtape.config_pbx import Pbx
from hushtape.disks import Level

_TRIED = "hushtape:tried"
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
            if not place.may_be_missing:
                continue  # a spool: see rights_warnings
            if isinstance(error, FileNotFoundError):
                said.append(f"{place.name}: {place.path} is made at the first start")
            else:
                warnings.append(f"{place.name}: {place.path}: {error.strerror}")
            continue
        level = disks.level_of(room, config.disk)
        words = disks.words_of([place.name], room, level)
        (said if level is Level.GOOD else warnings).append(words)
    return said, warnings


def rights_warnings(config: Config, pbxes: Iterable[str]) -> list[str]:
    """What this account may not do in the archive and these PBXes' spools; root may do anything."""
    found = {"archive": _archive_warning(config.archive_path)}
    found |= {f"spool-{name}": _spool_warning(config.pbx[name]) for name in pbxes}
    return [
        f"{name}: {what} (docs/asterisk.md, The folder)" for name, what in found.items() if what
    ]


def _archive_warning(archive: Path) -> str:
    """What is wrong with an archive's place; what only its use can show is said then."""
    for each in (archive, *archive.parents):
        if os.path.isdir(each):  # noqa: PTH112 - "no" where Path raises
            return f"{archive}: {disks.READ_ONLY}" if _is_read_only(each) else ""
    return ""


def _is_read_only(folder: Path) -> bool:
    """Whether nobody may write there, whatever the rights: so mounted, or by a unit's sandbox."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:  # said by what looks into it
        return False


def _spool_warning(pbx: Pbx) -> str:
    """What is wrong with a spool; "" if nothing is."""
    spool = pbx.spool_path
    try:
        with os.scandir(spool) as entries:
            some = itertools.islice(entries, LOOKED_AT_MAX)
            files = [each.path for each in some if each.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return "" if pbx.spool_elsewhere else f"there is no folder {spool}: nothing can be recorded"
    except OSError as error:
        return f"{spool}: {error.strerror}: this account can't take the recordings away from there"
    if _is_read_only(spool):
        return f"{spool}: {disks.READ_ONLY}"
    if not os.access(spool, os.W_OK | os.X_OK, effective_ids=True):
        return f"this account may not remove what it has taken from {spool}"
    if any(
        not os.access(each, os.W_OK, effective_ids=True) and os.path.lexists(each) for each in files
    ):
        return (
            "this account may not write to the PBX's files: what was recorded of a payment could be"
            " removed, and not overwritten"
        )
    return ""


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
    try:  # only a write shows whether it takes any: it may be a replica, full, or not allow it
        asked.set(_TRIED, b"1", ex=1)
    except redis.exceptions.ResponseError as error:
        warnings.append(f"nothing can be kept in Redis: {redis_link.words(error)}")
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
