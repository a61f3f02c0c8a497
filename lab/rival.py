"""A second Hushtape waits beside the first one, and takes its calls over when its machine dies."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.faults import Fault, Props
from lab.product import Product, seconds
from lab.scene import (
    AFTER_S,
    Stage,
    Take,
    check_both,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    told,
    transfer,
)
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

TALK_S = 4.0
WAITS_S = 3.0  # the second one is there, and does nothing
TAKE_OVER_TIMEOUT_S = 60.0
EDGE_S = 0.06
GAP_S = 0.5  # a fresh recorder takes over


def _machine_lost(stage: Stage, council: Council, props: Props, take: Take) -> None:
    take.says = (
        "the bridge's machine dies in a call: a second one, which had waited, goes on with it; what"
        " was recorded before and after is one recording, and the payment line is silent"
    )
    with TemporaryDirectory(prefix="hushtape-lab-rival-") as folder:
        _play(stage, council, take, Product(Path(folder), [stage.pbx]))
    stage.product.start()


def _play(stage: Stage, council: Council, take: Take, second: Product) -> None:
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    begun = threading.Thread(target=second.start, daemon=True)
    begun.start()
    try:
        pass_time(WAITS_S)
        take.check(second.links_up() == 0, "while the first one serves, the second one waits")
        stage.product.kill()
        killed_s = time.time()
        take.lines.append((killed_s - call.entered_s, "everything on the first machine is killed"))
        until("the second one takes over", lambda: second.links_up() > 0, TAKE_OVER_TIMEOUT_S)
        over_s = time.time()
        take.lines.append((over_s - call.entered_s, "the second one has taken over"))
        pass_time(TALK_S)
        moved = transfer(stage, council, call, council.payment_number, take)
        pass_time(AFTER_S)
        hang_up(stage, council, call, council.caller, take)
        recording = second.recording(call.uniqueid)
        heard = told(take, second, recording, call.entered_s, council.caller)
        take.latencies_s.clear()
        began_s = recording.began_s
        check_both(take, heard, began_s, call.answered_s, killed_s - EDGE_S)
        check_both(take, heard, began_s, over_s + GAP_S, moved.at_s)
        check_silence(take, heard, heard_by(stage, council.caller), "payment")
        gone = [each for each in recording.manifest["story"] if "another bridge" in str(each)]
        take.check(bool(gone), "its story says that another bridge had begun it")
        taken_s = over_s - killed_s
        take.notes.append(f"taken over {taken_s:.1f} s after the kill")
        ends = [seconds(each["started_at"]) for each in recording.manifest["segments"]]
        take.notes.append(f"{len(ends)} segments")
        again = stage.product.recordings_of(call.uniqueid)
        take.check(not again, "the first machine has archived nothing of it")
        second.await_empty_spool()
    finally:
        begun.join(TAKE_OVER_TIMEOUT_S)
        second.stop()
        if begun.is_alive():
            raise LabTimeoutError("the second Hushtape never came up")


RIVAL = Fault("machine-lost", "the bridge's machine dies, a second one takes over", _machine_lost)
