"""`./run-lab --keep`: leave the lab running, to be rung with a softphone of one's own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from lab.phones import PhoneError
from lab.scene import Stage
from lab.town import VISITOR, Council

ANSWER_AFTER_S = 1.0


def stay(stage: Stage, councils: list[Council], say: Callable[[str], None]) -> None:
    """Say how to ring the lab, let the agents answer, and wait for Ctrl-C."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    product = stage.product
    lines = [
        "",
        "The lab goes on running. Let a softphone of your own register:",
        f"  server   127.0.0.1, port {stage.pbx.sip_port}, UDP, codec G.711",
        f"  account  {VISITOR.endpoint}, without a password (the lab is on loopback only)",
        "Then ring, as a caller from outside:",
        *[f"  {c.did}  {c.policy}, queue {c.main_queue.name}" for c in councils],
        "An agent answers and sings 880 Hz. Hang up, and look:",
        f"  .venv/bin/hushtape recordings list -c {product.config}",
        f"  ls -R {product.archive}",
        f"What Hushtape says: {product.log}",
        "Ctrl-C ends it all.",
    ]
    say("\n".join(lines))
    answer(stage, councils, ended)


def answer(stage: Stage, councils: Sequence[Council], ended: threading.Event) -> None:
    """Let the councils' agents answer whoever rings, until it is to end."""
    agents = [stage.phone(council.agent) for council in councils]
    marks = {agent.name: agent.mark() for agent in agents}
    while not ended.wait(ANSWER_AFTER_S):
        for agent in agents:
            rings = [e for e in agent.events(marks[agent.name]) if e.kind == "CALL_INCOMING"]
            if rings:
                marks[agent.name] = agent.mark()
                with suppress(PhoneError):  # the caller gave up
                    agent.answer()
