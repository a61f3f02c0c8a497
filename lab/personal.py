"""Who was in a call is in `private.json`, and nowhere else: the places where it might leak to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import redis

from lab.product import Recording, seconds
from lab.town import OUTSIDERS_NAME, Person

TAGS = ("title", "date", "call_id", "policy", "keep_until")
PRIVATE = "private.json"
PRIVATE_MODE = 0o600
OTHERS = 0o007  # the rights of everybody on the machine
PROBE_TIMEOUT_S = 30
SCAN_PAGE = 1000
ZLIB_BEGINS = b"\x78\x9c"
UNPACKED_LIMIT_BYTES = 1_000_000
LONGEST_EXTENSION = 4  # digits


def traces(data: bytes, people: Iterable[Person]) -> set[str]:
    """Which of these people's numbers, and which outsider's name, stand in some bytes."""
    found = {x.number for x in people if _stands(national(x.number), data)}
    return found | ({OUTSIDERS_NAME} if OUTSIDERS_NAME.encode() in data else set())


def _stands(number: str, data: bytes) -> bool:
    if len(number) > LONGEST_EXTENSION:
        return number.encode() in data
    # three digits are in every second moment, and in many a size
    return re.search(rb"(?<![\w.:-])%b(?![\w.:])" % number.encode(), data) is not None


def national(number: str) -> str:
    """A number without the zero that +44 replaces: found in either way of writing it."""
    return number.removeprefix("0")


def trespasses(recording: Recording, caller: Person, *, named: bool = True) -> list[str]:
    """What is wrong with a recording's tags, rights and private part; [] if all is well.

    Args:
        caller: the outside party.
        named: whether the PBX was told a name of this one.
    """
    found = tags(recording.audio)
    wrong = _wrong_tags(found, recording)
    leaks = traces("\n".join(found.values()).encode(), [caller])
    wrong += [f"a tag holds {each}" for each in sorted(leaks)]
    for path in sorted(recording.folder.rglob("*")):
        if path.is_file() and path.name != PRIVATE:
            leaks = traces(path.read_bytes(), [caller])
            wrong += [f"{path.name} holds {each}" for each in sorted(leaks)]
    for path in (recording.folder, *sorted(recording.folder.rglob("*"))):
        if path.stat().st_mode & OTHERS:
            wrong.append(f"{path.name} may be read by others: {path.stat().st_mode & 0o777:o}")
    private = recording.folder / PRIVATE
    if not private.exists():
        return [*wrong, f"there is no {PRIVATE}"]
    mode = private.stat().st_mode & 0o777
    if mode != PRIVATE_MODE:
        wrong.append(f"{PRIVATE} has the mode {mode:o}")
    party = json.loads(private.read_bytes())["party"]
    name = caller.called.replace("_", " ") if named else ""
    if (party["number"], party["name"]) != (caller.number, name):
        wrong.append(f"{PRIVATE} doesn't name the caller")
    return wrong


def _wrong_tags(found: dict[str, str], recording: Recording) -> list[str]:
    wrong = [f"the tag {name} is missing" for name in TAGS if not found.get(name)]
    if wrong:
        return wrong
    manifest = recording.manifest
    private = json.loads(content(recording.folder / PRIVATE) or b'{"party": {"agents": []}}')
    same = {
        "title": recording.id in found["title"],
        "date": abs(seconds(found["date"]) - seconds(manifest["call"]["started_at"])) < 1.0,
        "queue": found.get("queue", "") == ", ".join(manifest["call"]["queues"]),
        "agent": found.get("agent", "") == ", ".join(private["party"]["agents"]),
        "call_id": found["call_id"] == recording.id,
        "policy": manifest["keep"]["reason"]["policy"] in found["policy"],
        "keep_until": abs(seconds(found["keep_until"]) - seconds(manifest["keep"]["until"])) < 1.0,
    }
    return [f"the tag {name} says {found.get(name)}" for name, is_so in same.items() if not is_so]


def tags(path: Path) -> dict[str, str]:
    """The tags of an audio file, by their names in small letters."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags"]
    command += ["-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=PROBE_TIMEOUT_S, check=True)
    printed: dict[str, Any] = json.loads(done.stdout)
    parts = [*printed.get("streams", []), printed.get("format", {})]
    return {k.lower(): v for part in parts for k, v in part.get("tags", {}).items()}


def readable_by_others(folder: Path) -> list[Path]:
    """Every file and folder below one that everybody on the machine may read or enter."""
    open_ones = []
    for path in below(folder):
        with contextlib.suppress(FileNotFoundError):
            if not path.is_socket() and path.stat().st_mode & OTHERS:
                open_ones.append(path)
    return open_ones


def below(folder: Path) -> list[Path]:
    """Everything below a folder in which others are at work: what goes meanwhile is passed over."""
    return sorted(
        Path(parent) / name
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    )


def content(path: Path) -> bytes:
    """What is in a file; nothing if it is gone, or is none."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def in_redis(client: redis.Redis) -> Iterator[tuple[str, bytes]]:
    """Every key, and all that stands under it; what RQ has packed is unpacked."""
    readers: dict[bytes, Any] = {
        b"string": lambda key: [client.get(key) or b""],
        b"hash": lambda key: [x for pair in client.hgetall(key).items() for x in pair],
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"stream": lambda key: [repr(client.xrange(key)).encode()],
    }
    for key in client.scan_iter(count=SCAN_PAGE):
        kind = client.type(key)
        values = [_unpacked(each) for each in readers[kind](key)] if kind in readers else []
        yield key.decode("utf-8", "replace"), b"\n".join([key, *values])


def unpacked(data: bytes) -> bytes:
    """Some bytes, and beside them whatever RQ has packed into them (as in Redis' own files)."""
    found = [data]
    position = data.find(ZLIB_BEGINS)
    while position >= 0:
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(data[position:], UNPACKED_LIMIT_BYTES))
        position = data.find(ZLIB_BEGINS, position + 1)
    return b"\n".join(found)


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
