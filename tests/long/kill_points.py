"""Kills a piece of work at every moment there is, lets it be made good, and looks at what is left.

Each moment gets a folder and an emptied Redis of its own: the work is done in a child process that
ends itself there, then what the machine does by itself is done, and then everything must be as if
nothing had happened. Several lanes go side by side, each a process with a Redis of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House, make_house
from tests.long.side_effects import SideEffects

CHILD_LIMIT_S = 60.0
LANES_MAX = 4
ONLY = "HUSHTAPE_MOMENT"  # a moment's number: only this one is tried

# What holds, or points to, a recording; RQ's own marks hold nothing and expire, and a counter of
# what was done may miss what was done when it was killed.
OF_A_RECORDING = ("hushtape:", "rq:job:archive-", "rq:queue:spool-")

_NO_MATTER = re.compile(r":intermediate|-total$|:assured-at$")
# When something was done differs after a kill; that it was done doesn't.
_LATER = {"begun_at", "deleted_at", "discarded_at"}
_FOUND_AT = re.compile(r'"found_at":"[^"]*",')
_BY_THE_CLOCK = (b"hushtape:findings-told", b"hushtape:findings-forget")
_LATER_IN_NAMES = re.compile(r"\.again-[0-9TZ]+\.")

Snapshot = dict[str, str]


class Work(Protocol):
    """What is killed, and what makes good for it."""

    def prepare(self, house: House) -> None:
        """Put everything into its place."""

    def do(self, house: House, effects: SideEffects) -> None:
        """Do the work, from ``effects.watch`` to ``effects.tell``."""

    def recover(self, house: House) -> None:
        """Do what the machine does by itself after a kill."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a child process ended."""

    died_at: str = ""  # the moment's name; "" if it finished
    moments: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one kill."""

    number: int
    moment: str
    wrong: tuple[str, ...]

    def text(self) -> str:
        """One line for people, and how to do it again."""
        return f"killed {self.moment} ({ONLY}={self.number}): {'; '.join(self.wrong)}"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What came of all kills."""

    moments: tuple[str, ...]
    reference: Snapshot
    verdicts: tuple[Verdict, ...]

    @property
    def wrong(self) -> str:
        """Every kill that was not made good, one a line; "" if all were."""
        return "\n".join(each.text() for each in self.verdicts if each.wrong)


def kill_everywhere(work: Work, folder: Path) -> Tally:
    """Do the work once undisturbed, then once for every moment of it, with a kill there.

    Raises:
        AssertionError: the undisturbed work fails, or changes something that isn't watched.
    """
    server = _server(folder)
    try:
        house = _house(folder / "undisturbed", server)
        work.prepare(house)
        whole = run_child(lambda effects: work.do(house, effects), house.folder / "log")
        assert not whole.error, whole.error
        assert not whole.unseen, f"changes that go past the harness: {whole.unseen}"
        recovered = run_child(lambda effects: recover(work, house, effects), house.folder / "log")
        assert not recovered.error, recovered.error
        reference = snapshot(house)
    finally:
        server.stop()
    numbers = _numbers(len(whole.moments))
    count = min(LANES_MAX, os.cpu_count() or 1, len(numbers))
    lanes = [
        _start_lane(work, folder / f"lane{n}", numbers[n::count], reference) for n in range(count)
    ]
    verdicts = [each for lane in lanes for each in _end_lane(*lane)]
    return Tally(
        moments=whole.moments,
        reference=reference,
        verdicts=tuple(sorted(verdicts, key=lambda each: each.number)),
    )


def run_child(do: Callable[[SideEffects], None], log: Path, die_at: int = 0) -> Ending:
    """Do something in a child process, which may end itself at a moment; it prints to ``log``."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_child(do, log, SideEffects(die_at, write))
    os.close(write)
    said = _read_all(read)
    if said is None:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    told: dict[str, Any] = {}
    for line in (said or b"").splitlines():
        told |= json.loads(line)
    if code not in (0, -signal.SIGKILL) or not told:
        told.setdefault("error", f"the child ended with {code} and said nothing")
    return Ending(
        died_at=told.get("died_at", ""),
        moments=tuple(told.get("moments", ())),
        unseen=tuple(told.get("unseen", ())),
        error=told.get("error", ""),
    )


def _read_all(read: int) -> bytes | None:
    """What the child says until it ends; None if it doesn't end."""
    said = b""
    deadline_s = time.monotonic() + CHILD_LIMIT_S
    try:
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([read], [], [], left_s)[0]:
                return None
            block = os.read(read, 65_536)
            if not block:
                return said
            said += block
    finally:
        os.close(read)


def _be_child(do: Callable[[SideEffects], None], log: Path, effects: SideEffects) -> NoReturn:
    code = 1
    try:
        sys.stdout = sys.stderr = log.open("a", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), 2)
        do(effects)
        code = 0
    except BaseException:
        effects.fail(traceback.format_exc())
    finally:
        os._exit(code)


def snapshot(house: House) -> Snapshot:
    """All that is left: every file of archive, spool and outbox, and all that Redis knows."""
    found: Snapshot = {}
    for path in _files(house.config.archive_path):
        name = _LATER_IN_NAMES.sub(".again-….", str(path.relative_to(house.config.archive_path)))
        found[f"archive/{name}"] = _content(path)
    for what, folder in (("spool", house.spool), ("outbox", house.config.outbox_path)):
        found |= {f"{what}/{path.relative_to(folder)}": "there" for path in _files(folder)}
    for key in sorted(house.redis.keys("*")):
        name = key.decode(errors="replace")
        if name.startswith(OF_A_RECORDING) and not _NO_MATTER.search(name):
            found[f"redis {name}"] = _value(house.redis, key)
    return found


def differences(found: Snapshot, expected: Snapshot) -> list[str]:
    """What is there and shouldn't be, isn't and should, or is another than expected."""
    words = [f"{name} is left over" for name in sorted(set(found) - set(expected))]
    words += [f"{name} is missing" for name in sorted(set(expected) - set(found))]
    words += [
        f"{name} is {found[name]}, expected {expected[name]}"
        for name in sorted(set(found) & set(expected))
        if found[name] != expected[name]
    ]
    return words


def _numbers(count: int) -> list[int]:
    only = os.environ.get(ONLY, "")
    return [int(only)] if only else list(range(1, count + 1))


def _start_lane(
    work: Work, folder: Path, numbers: Iterable[int], reference: Snapshot
) -> tuple[int, Path]:
    folder.mkdir(parents=True)
    answer = folder / "verdicts.json"
    pid = os.fork()
    if pid:
        return pid, answer
    code = 1
    try:
        server = _server(folder)
        try:
            verdicts = [_try(work, folder, server, number, reference) for number in numbers]
        finally:
            server.stop()
        answer.write_text(json.dumps([(v.number, v.moment, v.wrong) for v in verdicts]))
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def _end_lane(pid: int, answer: Path) -> list[Verdict]:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "a lane broke: see what it printed"
    return [
        Verdict(number=number, moment=moment, wrong=tuple(wrong))
        for number, moment, wrong in json.loads(answer.read_text())
    ]


def _try(
    work: Work, folder: Path, server: RedisServer, number: int, reference: Snapshot
) -> Verdict:
    house = _house(folder / f"moment{number}", server)
    log = house.folder / "log"
    work.prepare(house)
    ending = run_child(lambda effects: work.do(house, effects), log, number)
    if not ending.died_at:
        tail = log.read_text(encoding="utf-8", errors="replace")[-1000:]
        wrong = [ending.error or f"it finished before: not the same moments each time\n{tail}"]
        return Verdict(number=number, moment="nowhere", wrong=tuple(wrong))
    recovered = run_child(lambda effects: recover(work, house, effects), log)
    wrong = [recovered.error] if recovered.error else []
    wrong += differences(snapshot(house), reference)
    if any("trouble" in each for each in wrong):
        wrong.append(f"it printed: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
    shutil.rmtree(house.folder)
    return Verdict(number=number, moment=ending.died_at, wrong=tuple(wrong))


def recover(work: Work, house: House, effects: SideEffects) -> None:
    """Let the machine do what it does by itself, as a child's work."""
    work.recover(house)
    effects.tell()


def _server(folder: Path) -> RedisServer:
    home = folder / "redis"
    home.mkdir(parents=True)
    server = RedisServer(home)
    server.start()
    return server


def _house(folder: Path, server: RedisServer) -> House:
    folder.mkdir(parents=True)
    house = make_house(folder, server.url)
    house.redis.flushall()
    return house


def _files(folder: Path) -> list[Path]:
    """Every file below a folder, and every folder in which there is nothing."""
    if not folder.exists():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if not path.is_dir() or (not any(path.iterdir()) and path.name.startswith("2"))
    )


def _content(path: Path) -> str:
    if path.is_dir():
        return "an empty folder"
    data = path.read_bytes()
    if path.suffix == ".json":
        document = json.loads(data)
        data = json.dumps({k: v for k, v in document.items() if k not in _LATER}).encode()
    mode = path.stat().st_mode & 0o777
    return f"{mode:o} {len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def _value(client: Any, key: bytes) -> str:
    match client.type(key):
        case b"hash":
            return str(sorted(client.hgetall(key).items()))
        case b"zset":
            is_later = key in _BY_THE_CLOCK
            return str(client.zrange(key, 0, -1, withscores=not is_later))
        case b"set":
            return str(sorted(client.smembers(key)))
        case b"list":
            return str(client.lrange(key, 0, -1))
        case _:
            return _FOUND_AT.sub("", client.get(key).decode(errors="replace"))
