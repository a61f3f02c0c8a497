"""Where something hostile may have left its mark: file names, logs, Redis, actions, terminals.

Each function looks at one place and says what is wrong there, [] if nothing is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lab import personal

READ_BYTES = 65_536
SHOWN = 60  # characters of what is wrong that are shown

# All that Hushtape has to ask of a PBX, and of what characters.
ACTIONS = frozenset({"Login", "Ping", "Status", "Getvar", "Setvar", "MixMonitor", "StopMixMonitor"})
_HEADER = re.compile(rb"[A-Za-z]+: [A-Za-z0-9 ._/:;=,()@-]*")
_UNSEEN = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


def in_names(mark: str, deep: Iterable[Path], shallow: Iterable[Path] = ()) -> list[str]:
    """Files and folders whose names hold the mark: anywhere below a folder, or directly in one."""
    found = [each for folder in deep for each in personal.below(folder)]
    for folder in shallow:
        with contextlib.suppress(FileNotFoundError):
            found += folder.iterdir()
    return [f"a file {str(each)!r}"[:SHOWN] for each in found if mark in each.name]


def in_files(mark: str, folder: Path) -> list[str]:
    """Files of the archive that hold the mark: only a private part may."""
    return [
        f"{mark} in {path.name}"
        for path in personal.below(folder)
        if path.name != personal.PRIVATE and mark.encode() in personal.content(path)
    ]


def in_log(mark: str, logged: bytes) -> list[str]:
    """A log of JSON: a line that isn't one event, or can't be printed; the mark."""
    wrong = [f"it holds {mark}"] if mark.encode() in logged else []
    for line in logged.splitlines():
        with contextlib.suppress(ValueError):
            if isinstance(json.loads(line), dict) and line.isascii() and not _UNSEEN.search(line):
                continue
        wrong.append(f"a line {line!r}"[:SHOWN])
    return wrong


def in_redis(mark: str, entries: Iterable[tuple[str, bytes]]) -> list[str]:
    """Keys with unprintable characters, and keys or values with the mark."""
    wrong = []
    for key, held in entries:
        if not key.isprintable() or "\N{REPLACEMENT CHARACTER}" in key:
            wrong.append(f"a key {key!r}"[:SHOWN])
        if mark.encode() in held:
            wrong.append(f"{mark} under {key!r}"[:SHOWN])
    return wrong


def sent_actions(sent: bytes) -> Iterator[bytes]:
    """What a PBX was sent, action by action."""
    return (each for each in sent.split(b"\r\n\r\n") if each)


def in_actions(mark: str, sent: bytes) -> list[str]:
    """Actions that Hushtape has no reason to send, or in which something foreign stands."""
    wrong = []
    for action in sent_actions(sent):
        lines = action.split(b"\r\n")
        kind, _, name = lines[0].partition(b": ")
        if kind != b"Action" or name.decode("latin-1") not in ACTIONS:
            wrong.append(f"an action {lines[0]!r}"[:SHOWN])
        if mark.encode() in action or sum(each.startswith(b"Action:") for each in lines) > 1:
            wrong.append(f"a foreign action in {action!r}"[:SHOWN])
        wrong += [f"a header {each!r}"[:SHOWN] for each in lines if not _HEADER.fullmatch(each)]
    return wrong


def in_output(mark: str, printed: bytes) -> list[str]:
    """What a terminal was given: anything but text in lines, or the mark."""
    text = printed.decode("utf-8", "replace").replace("\r\n", "\n")
    unseen = sorted({each for each in text if not each.isprintable() and each != "\n"})
    wrong = [f"the terminal got {''.join(unseen)!r}"] if unseen else []
    return wrong + ([f"the terminal got {mark}"] if mark in text else [])


def on_terminal(
    command: Sequence[str], timeout_s: float, env: Mapping[str, str] | None = None
) -> bytes:
    """Run a command at a terminal; return what that was given, colours and all."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as reading:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=None if env is None else {**os.environ, **env},
        )
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while data := reading.read(READ_BYTES):
                printed += data
        process.wait(timeout_s)
    return printed
