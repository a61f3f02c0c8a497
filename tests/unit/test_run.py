from __future__ import annotations

import signal
import subprocess
import sys

from hushtape import run
from hushtape.run import Part

TIMEOUT_S = 10
WAITS = (
    "import signal, sys; signal.signal(1, lambda *_: sys.exit(7)); print(flush=True);"
    " signal.pause()"
)


def test_only_the_bridge_is_told_to_read_the_policies_again() -> None:
    parts = [Part(name, ["unused"]) for name in ("worker", "bridge", "scheduler")]
    for part in parts[:2]:
        part.process = subprocess.Popen([sys.executable, "-S", "-c", WAITS], stdout=subprocess.PIPE)
        assert part.process.stdout is not None
        part.process.stdout.readline()
    worker, bridge = parts[0].process, parts[1].process
    assert worker is not None
    assert bridge is not None
    try:
        run._read_again(parts)
        assert bridge.wait(TIMEOUT_S) == 7
        assert worker.poll() is None
        run._read_again(parts)  # one that has ended is started again, and reads them anyway
    finally:
        worker.send_signal(signal.SIGHUP)
        worker.communicate(timeout=TIMEOUT_S)
        bridge.communicate(timeout=TIMEOUT_S)
