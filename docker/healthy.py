"""Whether a part of Hushtape is at work: `healthy.py bridge`, `worker` or `scheduler`."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

from hushtape import config, redis_link
from hushtape.config import Config

TIMEOUT_S = 3.0
LEAST_PROCESSES = 3  # of a worker: who keeps them running, who watches the disks, one that works
AT_WORK = "RSDI"  # states of a process; others are stopped or dead
LINK, REDIS = "hushtape_link_up{", "hushtape_redis_up "


def main(part: str) -> str:
    """Return what is wrong, in one line; "" if nothing is."""
    try:
        return _look(part)
    except Exception as error:  # `docker inspect` shows the last looks: a line says more there
        return f"{type(error).__name__}: {error}"


def _look(part: str) -> str:
    loaded = config.load(Path(os.environ["HUSHTAPE_CONFIG"]))
    if part == "worker":
        return _worker(loaded)
    port = loaded.metrics.bridge_port if part == "bridge" else loaded.metrics.workers_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as page:
        lines = page.read().decode().splitlines()
    wanted = [each for each in lines if each.startswith(LINK if part == "bridge" else REDIS)]
    down = [each for each in wanted if not each.endswith(" 1.0")]
    return "; ".join(down) if wanted else "no link is known"


def _worker(loaded: Config) -> str:
    redis_link.connect(loaded).ping()
    states = [_state(each) for each in Path("/proc").glob("[0-9]*") if _is_worker(each)]
    if len(states) < LEAST_PROCESSES:
        return f"{len(states)} processes"
    stopped = sum(each not in AT_WORK for each in states)
    return f"{stopped} of {len(states)} processes stand still" if stopped else ""


def _is_worker(process: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"worker" in words and any(each.endswith(b"/hushtape") for each in words)


def _state(process: Path) -> str:
    try:
        return (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return "R"  # it ended meanwhile, and another one is started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
