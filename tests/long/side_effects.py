"""Counts the side effects of a process, and ends it with SIGKILL before or after the n-th.

A side effect is whatever outlives the process: a change of a folder or a file, an fsync, bytes for
a child process, a command to Redis that changes something. Each has two moments, before and after;
a file that is made durable has one more, with half of it written. Only for a child process that is
thrown away afterwards: nothing that is wrapped here is ever unwrapped.
"""

from __future__ import annotations

import builtins
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis.connection import AbstractConnection

CHANGING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING_MODES = frozenset("wax+")
# Their first argument, or their second, is what they change.
NAMED_BY_FIRST = ("unlink", "remove", "mkdir", "rmdir", "chmod", "utime", "truncate")
NAMED_BY_SECOND = ("link", "replace", "rename", "symlink")
BY_DESCRIPTOR = ("fchmod", "ftruncate", "pwrite", "fdatasync")
# What Python itself reports of a change, for the proof that none goes past the wrappers.
AUDITED = frozenset(
    f"os.{name}"
    for name in (
        *NAMED_BY_FIRST,
        *NAMED_BY_SECOND,
        "exec",
        "posix_spawn",
        "spawn",
        "system",
        "fork",
    )
) | {"subprocess.Popen"}
READING = frozenset(
    re.split(
        r"\s+",
        """CLIENT ECHO EXISTS GET HELLO HEXISTS HGET HGETALL HKEYS HLEN HMGET INFO LLEN LPOS LRANGE
        MGET PING SCARD SINTER SISMEMBER SMEMBERS TTL TYPE WATCH ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE
        ZREVRANGEBYSCORE ZSCORE""",
    )
)
TRANSACTION = frozenset(("MULTI", "EXEC"))


class SideEffects:
    """What this process has changed so far.

    Args:
        die_at: the moment, counted from 1, at which the process ends; 0: never.
        told: an open file descriptor that gets a line of JSON: the moment before the process ends
            there, or what ``tell`` says.
    """

    def __init__(self, die_at: int = 0, told: int = -1) -> None:
        self.moments: list[str] = []
        self.unseen: list[str] = []  # changes that went past the wrappers: there must be none
        self._die_at = die_at
        self._die_after = ""
        self._told = told
        self._inside = threading.local()

    def die_after(self, name: str) -> None:
        """End the process after the first side effect of this name."""
        self._die_after = f"after {name}"

    def moment(self, name: str, last: Callable[[], object] = lambda: None) -> None:
        """Pass a moment, or end at it; ``last`` is done then, and only then."""
        self.moments.append(name)
        if len(self.moments) == self._die_at or name == self._die_after:
            last()
            self._say({"died_at": name})
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def effect(self, name: str) -> Iterator[None]:
        """One side effect; what it is made of isn't counted again."""
        if self._depth:
            yield
            return
        self.moment(f"before {name}")
        self._inside.depth = 1
        try:
            yield
        finally:
            self._inside.depth = 0
        self.moment(f"after {name}")

    def tell(self) -> None:
        """Say that the work is done, and which moments it had."""
        self._say({"moments": self.moments, "unseen": self.unseen})

    def fail(self, why: str) -> None:
        """Say that the work broke."""
        self._say({"error": why})

    def watch(self) -> None:
        """Wrap whatever changes something, in this process and for good."""
        sys.dont_write_bytecode = True
        for name in NAMED_BY_FIRST:
            self._wrap(os, name, lambda given, each=name: f"{each} {_short(given[0])}")
        for name in NAMED_BY_SECOND:
            self._wrap(os, name, lambda given, each=name: f"{each} {_short(given[1])}")
        for name in BY_DESCRIPTOR:
            self._wrap(os, name, lambda given, each=name: f"{each} {_behind(given[0])}")
        self._wrap_fsync()
        self._wrap_open()
        self._wrap_child()
        self._wrap_redis()
        sys.addaudithook(self._audit)

    def _say(self, words: dict[str, Any]) -> None:
        os.write(self._told, json.dumps(words).encode() + b"\n")

    @property
    def _depth(self) -> int:
        return int(getattr(self._inside, "depth", 0))

    def _wrap(self, holder: Any, name: str, named: Callable[[Any], str]) -> None:
        original = getattr(holder, name)

        def wrapped(*given: Any, **options: Any) -> Any:
            with self.effect(named(given)):
                return original(*given, **options)

        setattr(holder, name, wrapped)

    def _wrap_fsync(self) -> None:
        original, truncate = os.fsync, os.ftruncate

        def fsync(descriptor: int) -> None:
            name, size_bytes = _behind(descriptor), os.fstat(descriptor).st_size
            with self.effect(f"fsync {name}"):
                if _is_written(descriptor):
                    # Dead in the middle of a write, and not only before or after it.
                    half = size_bytes // 2
                    self.moment(f"half of {name}", lambda: truncate(descriptor, half))
                original(descriptor)

        os.fsync = fsync  # type: ignore[assignment]

    def _wrap_open(self) -> None:
        os_open, io_open = os.open, io.open

        def open_descriptor(path: Any, flags: int, *given: Any, **options: Any) -> int:
            if not flags & CHANGING_FLAGS:
                return os_open(path, flags, *given, **options)
            with self.effect(f"make {_short(path)}"):
                return os_open(path, flags, *given, **options)

        def open_file(path: Any, mode: str = "r", *given: Any, **options: Any) -> Any:
            if isinstance(path, int) or not CHANGING_MODES & set(mode):
                return io_open(path, mode, *given, **options)
            with self.effect(f"make {_short(path)}"):
                return io_open(path, mode, *given, **options)

        os.open = open_descriptor
        io.open = builtins.open = open_file  # type: ignore[assignment]

    def _wrap_child(self) -> None:
        effects, original = self, subprocess.Popen

        def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
            with effects.effect(f"start {_short(command[0])}"):
                process: subprocess.Popen[bytes] = original(command, **options)
            if process.stdin is not None:
                process.stdin = _Feeding(process.stdin, effects)  # type: ignore[assignment]
            return process

        subprocess.Popen = popen  # type: ignore[misc,assignment]

    def _wrap_redis(self) -> None:
        original = AbstractConnection.send_packed_command

        def send(connection: Any, command: Any, *given: Any, **options: Any) -> Any:
            words = _commands(command)
            changing = [word for word in words if word not in READING | TRANSACTION]
            if not changing:
                return original(connection, command, *given, **options)
            with self.effect(f"Redis {' '.join(changing)}"):
                return original(connection, command, *given, **options)

        AbstractConnection.send_packed_command = send

    def _audit(self, event: str, given: tuple[Any, ...]) -> None:
        if self._depth:
            return
        if event in AUDITED:
            self.unseen.append(f"{event} {given[:2]!r}")
            return
        is_path = event == "open" and isinstance(given[0], str | bytes | os.PathLike)
        if is_path and isinstance(given[2], int) and given[2] & CHANGING_FLAGS:
            self.unseen.append(f"{event} {given[0]!r}")


class _Feeding:
    """The pipe to a child process: each write to it is a side effect."""

    def __init__(self, stream: Any, effects: SideEffects) -> None:
        self._stream = stream
        self._effects = effects

    def write(self, data: bytes) -> int:
        with self._effects.effect("feed the encoder"):
            count = self._stream.write(data)
            self._stream.flush()
            return int(count)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _short(path: Any) -> str:
    return Path(os.fsdecode(path)).name


def _behind(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def _is_written(descriptor: int) -> bool:
    """Tell whether it is a file that this process writes; a folder or a child's file isn't."""
    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR))


def _commands(packed: Any) -> list[str]:
    """The names of the commands in what redis-py is about to send."""
    data = b"".join(packed) if not isinstance(packed, bytes) else packed
    words = []
    while data:
        count, _, data = data[1:].partition(b"\r\n")
        for number in range(int(count)):
            size, _, data = data[1:].partition(b"\r\n")
            if number == 0:
                words.append(data[: int(size)].decode(errors="replace").upper())
            data = data[int(size) + 2 :]
    return words
