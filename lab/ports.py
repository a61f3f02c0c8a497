"""Port numbers that no other lab on this machine uses at the same time.

Ports are handed out in blocks, below the kernel's ephemeral range. A block is held by a lock on
a small file for as long as this process lives, so two test runs never meet.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
import threading
from pathlib import Path

BLOCK = 20
FIRST_PORT = 12000
LAST_PORT = 32000
SHORT_BLOCKS = 4  # a phone's run; an Asterisk's has thirty blocks

_held: dict[int, int] = {}
_lock = threading.Lock()


class NoPortsError(RuntimeError):
    """The machine has no free run of ports of that length."""


def claim(count: int) -> range:
    """A run of at least `count` ports on 127.0.0.1, free for TCP and UDP, held until `release`."""
    blocks = -(-count // BLOCK)
    total = (LAST_PORT - FIRST_PORT) // BLOCK
    with _lock:
        for first in _places(total, blocks):
            if first + blocks <= total and _take(first, blocks):
                port = FIRST_PORT + first * BLOCK
                return range(port, port + blocks * BLOCK)
    raise NoPortsError(f"No {count} free ports between {FIRST_PORT} and {LAST_PORT}")


def _places(total: int, blocks: int) -> list[int]:
    """Where to look for a run, so that short ones leave room for long ones.

    Long ones stand side by side at the near end, short ones at the far end.
    """
    border = total * 2 // 3
    short = blocks <= SHORT_BLOCKS
    at_first = range(border, total) if short else range(0, border - blocks, blocks)
    start = random.randrange(len(at_first))
    return [*at_first[start:], *at_first[:start], *range(total)]


def release(ports: range) -> None:
    """Give the run of ports back."""
    with _lock:
        for port in range(ports.start, ports.stop, BLOCK):
            handle = _held.pop((port - FIRST_PORT) // BLOCK, None)
            if handle is not None:
                os.close(handle)


def _take(first: int, blocks: int) -> bool:
    taken: dict[int, int] = {}
    folder = Path(tempfile.gettempdir()) / "hushtape-lab-ports"
    folder.mkdir(exist_ok=True)
    for block in range(first, first + blocks):
        if block in _held:
            break
        handle = os.open(folder / str(block), os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            break
        taken[block] = handle
        if not _free(FIRST_PORT + block * BLOCK):
            break
    else:
        _held.update(taken)
        return True
    for handle in taken.values():
        os.close(handle)
    return False


def _free(port: int) -> bool:
    for offset in range(BLOCK):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port + offset))
                except OSError:
                    return False
    return True
