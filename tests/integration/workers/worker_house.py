"""Makes spool files and hand-offs, and starts real workers over them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from hushtape import config as configuration
from hushtape import handoff_names as names
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue
from hushtape.recordings.manifest import Handoff, Segment
from tests.recording_samples import START, wav
from workers import tasks

POLICY = """
[policy]
name = "whole-house"
title = "So long that no other one is longer"
in_force_from = 2024-01-01
time_zone = "Europe/London"
[calls]
queues = ["council-tax"]
[retention]
keep = "90 years"
"""

# As in pyproject.toml: everything is an error, but for what pydub imports.
WARNINGS = ("-W", "error", "-W", "ignore:'audioop' is deprecated:DeprecationWarning")


@dataclass
class House:
    """Everything on one machine."""

    folder: Path
    config: configuration.Config
    config_path: Path
    now: datetime = START + timedelta(minutes=5)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return self.config.pbx["town-hall"].spool_path

    @property
    def archive(self) -> LocalArchive:
        return LocalArchive(self.config.archive_path)

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.config.redis_url, socket_timeout=5)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.redis)

    def write(self, name: str, data: bytes) -> Path:
        path = self.spool / name
        path.write_bytes(data)
        return path

    def write_segment(self, each: Segment, outside: bytes, inside: bytes) -> None:
        self.write(each.outside_file, wav(outside))
        self.write(each.inside_file, wav(inside))

    def ring(self, given: Handoff) -> None:
        """As the bridge does it."""
        Queue(
            names.spool_queue("town-hall"), connection=self.redis, serializer=JSONSerializer
        ).enqueue(
            names.ARCHIVE_JOB,
            tasks.handoff_text(given),
            job_id=names.archive_job_id(given.id),
            description=names.archive_description(given.id),
            retry=Retry(max=names.ARCHIVE_RETRIES_MAX),
            result_ttl=names.RESULT_TTL_S,
            failure_ttl=names.FAILURE_TTL_S,
        )

    def start(self, command: str = "worker", *options: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{command}.log").open("ab")
        code = f"from workers.program import {command}; {command}()"
        process = subprocess.Popen(
            [sys.executable, *WARNINGS, "-c", code, "-c", str(self.config_path), *options],
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def log(self, command: str = "worker") -> str:
        path = self.folder / f"{command}.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        for process in self.processes:
            for child in descendants(process.pid):
                with_kill(child, signal.SIGKILL)
            with_kill(process.pid, signal.SIGKILL)
            process.wait(10)


def descendants(pid: int) -> list[int]:
    try:
        direct = [
            int(each)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for each in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return [each for child in direct for each in (*descendants(child), child)]


def with_kill(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_for(true: Callable[[], object], limit_s: float = 20.0) -> float:
    """Wait until something is true; return how long it took."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < limit_s:
        if true():
            return time.monotonic() - began_s
        time.sleep(0.005)
    raise AssertionError(f"not true after {limit_s} s")


def make_house(folder: Path, redis_url: str, processes: int = 1) -> House:
    (folder / "spool").mkdir()
    (folder / "policies").mkdir()
    (folder / "policies" / "whole-house.toml").write_text(POLICY)
    config_path = folder / "hushtape.toml"
    config_path.write_text(
        f"""
        data = "data"
        policies.folder = "policies"
        redis.url = "{redis_url}"
        workers.processes = {processes}
        [pbx.town-hall]
        kind = "asterisk"
        host = "127.0.0.1"
        password_env = "UNUSED"
        spool = "{folder}/spool"
        outside_contexts = ["from-trunk"]
        """
    )
    return House(folder, configuration.load(config_path), config_path)
