"""Measures how long it takes from a payment's cause until nothing records any more.

    python benchmarks/silence.py [CALLS]

One Asterisk of the lab, one Hushtape. Call by call an agent sends the caller to a payment line, and
the PBX's own events tell when that was and when the recorder was gone. Every second call goes to a
queue that no policy names: there a plain panoramisk callback, in a process of its own, records
and stops, as a yardstick. Needs the lab (`./run-lab`); takes some seven minutes for 2 x 200 calls.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from panoramisk import Manager

from lab import processes
from lab.afterwards import percentile
from lab.asterisk import Asterisk
from lab.eyes import event
from lab.observer import Observer
from lab.product import EXAMPLES, Product
from lab.rawsip import Claim, RawCaller, RawPhone
from lab.town import COUNCILS, Council
from lab.waiting import pass_time, until

CALLS = 200  # of each
TALK_S = 0.3
EVENT_TIMEOUT_S = 10.0
START_TIMEOUT_S = 20.0
OURS, THEIRS = COUNCILS[0], COUNCILS[1]  # the policy of the second isn't in force
READY = "ready"
YARDSTICK = "--yardstick"
LOGGED = "payment: silent"


@dataclass
class Times:
    """What was measured, in milliseconds."""

    stopped: list[float] = field(default_factory=list)  # the PBX's event, from the cause on
    confirmed: list[float] = field(default_factory=list)  # as the bridge knew it

    def text(self, name: str) -> str:
        """For people."""
        lines = [_line(f"{name}: the recorder is gone", self.stopped)]
        if self.confirmed:
            lines.append(_line(f"{name}: that is confirmed", self.confirmed))
        return "\n".join(lines)


def _line(name: str, times: Sequence[float]) -> str:
    in_order = sorted(times)
    return (
        f"{name}, {len(times)} calls: p50 {statistics.median(in_order):.1f} ms,"
        f" p99 {percentile(in_order, 99):.1f} ms, worst {in_order[-1]:.1f} ms"
    )


def main(calls: int) -> None:
    """Measure, and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pbx = stack.enter_context(Asterisk(name="pbxb"))
        product = stack.enter_context(
            Product(folder, [pbx], policies=[EXAMPLES / f"{OURS.policy}.toml"])
        )
        yardstick = [sys.executable, __file__, YARDSTICK]
        yardstick += [str(pbx.control_port), pbx.hushtape_secret, pbx.spool_inside]
        log = folder / "yardstick.log"
        process = processes.spawn(yardstick, log)
        stack.callback(processes.end, [process])
        until("the yardstick is up", lambda: READY in log.read_text(), START_TIMEOUT_S)
        eyes = stack.enter_context(pbx.observer())
        lines = [_open(stack, pbx, each) for each in (OURS, THEIRS)]
        ours, theirs = Times(), Times()
        for number in range(calls):
            for council, caller, times in zip((OURS, THEIRS), lines, (ours, theirs), strict=True):
                times.stopped.append(_measure(eyes, council, caller, number))
        ours.confirmed = [x["after_ms"] for x in product.log_lines() if x.get("event") == LOGGED]
        print(ours.text("Hushtape"))
        print(theirs.text("a panoramisk callback"))


def _open(stack: ExitStack, pbx: Asterisk, council: Council) -> RawCaller:
    agent = council.agent
    stack.enter_context(RawPhone(pbx.sip_port, agent.endpoint, agent.tone_hz))
    return stack.enter_context(RawCaller(pbx.sip_port, council.caller.tone_hz))


def _measure(eyes: Observer, council: Council, caller: RawCaller, number: int) -> float:
    """Play one call; return how long it took until the recorder was gone (ms)."""
    mark = eyes.mark()
    caller.ring(council.did, Claim(user=f"07900{number:06}".encode()), EVENT_TIMEOUT_S)
    answer = eyes.wait_for(event("AgentConnect"), EVENT_TIMEOUT_S, mark)
    uniqueid = answer.get("Uniqueid")
    eyes.wait_for(event("MixMonitorStart", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
    pass_time(TALK_S)
    eyes.action(
        "BlindTransfer",
        Channel=answer.get("DestChannel"),
        Context="internal",
        Exten=council.payment_number,
    )
    moved = eyes.wait_for(event("BlindTransfer"), EVENT_TIMEOUT_S, mark)
    gone = event("MixMonitorStop", Uniqueid=uniqueid)
    stopped = eyes.wait_for(gone, EVENT_TIMEOUT_S, mark)
    pass_time(TALK_S)
    mark = eyes.mark()
    caller.hang_up()
    eyes.wait_for(event("Hangup", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
    return 1000 * (stopped.at_s - moved.at_s)


def be_yardstick(port: int, secret: str, spool: str) -> None:
    """Record every caller of the other council from the answer on, stop at a blind transfer."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    manager = Manager(
        loop=loop, host="127.0.0.1", port=port, username="hushtape", secret=secret, ssl=False
    )
    numbers = itertools.count(1)
    queue = THEIRS.main_queue.name

    async def answered(manager: Manager, message: object) -> None:
        if message.Queue == queue:  # type: ignore[attr-defined]
            await manager.send_action(
                {
                    "Action": "MixMonitor",
                    "Channel": message.Channel,  # type: ignore[attr-defined]
                    "File": f"{spool}/yardstick-{next(numbers)}.wav",
                }
            )

    async def moved(manager: Manager, message: object) -> None:
        if message.Extension == THEIRS.payment_number:  # type: ignore[attr-defined]
            channel = message.TransfereeChannel  # type: ignore[attr-defined]
            await manager.send_action({"Action": "StopMixMonitor", "Channel": channel})

    manager.register_event("AgentConnect", answered)
    manager.register_event("BlindTransfer", moved)
    loop.run_until_complete(manager.connect())
    print(READY, flush=True)
    loop.run_forever()


if __name__ == "__main__":
    if YARDSTICK in sys.argv:
        be_yardstick(int(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS)
