"""Something else records in a payment: stopped while the call lives, told, and destroyed."""

from __future__ import annotations

from pathlib import Path

from lab.aftermath import archived
from lab.card import number_read_out
from lab.deeds import SHORT_TALK_S
from lab.ear import EarError
from lab.eyes import ObserverError, event
from lab.paying import ByKey, check_nothing_of_it, check_paused, check_proof, check_resumed
from lab.scene import QueueCall, Scenario, Stage, Take, hang_up, listen, ring_queue
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

STOPPED_WITHIN_S = 1.0
STOP_TIMEOUT_S = 5.0
GONE_TIMEOUT_S = 30.0
RUNS_S = 0.3
APART_S = 2.0  # which file belongs to which is told by its times
OURS = "our spool"
ELSEWHERE = "elsewhere"
NAME = "behind-its-back"
ALARM = "foreign recorder"  # its kind
OUT_OF_REACH = "out of reach"
LENGTH_MAX_S = 1.5  # of what a recorder took in that is stopped at once


def _foreign(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a recorder that somebody else starts in a payment is stopped, and somebody is told"
    paths = {
        OURS: f"{stage.pbx.spool_inside}/{NAME}.wav",
        ELSEWHERE: f"{stage.pbx.tree_inside}/spool/{NAME}.wav",
    }
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    how = ByKey(stage, call, take)
    began = how.begin(council.agent)
    pass_time(RUNS_S)
    _recorded_behind_its_back(stage, take, call, ELSEWHERE, paths[ELSEWHERE])
    number_read_out(stage.phone(council.caller))
    pass_time(APART_S)
    _recorded_behind_its_back(stage, take, call, OURS, paths[OURS])
    pass_time(RUNS_S)
    over = how.end(council.agent)
    alarms = foreign_alarms(stage)
    take.check(
        len(alarms) >= len(paths), f"{len(alarms)} alarms while the call lives: {'; '.join(alarms)}"
    )
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    check_paused(take, recording, heard, began, over)
    check_resumed(take, heard, recording, over, ended_s)
    check_nothing_of_it(take, heard, recording)
    check_proof(take, recording, began, "no samples")
    ours, elsewhere = (stage.pbx.here(paths[each]) for each in (OURS, ELSEWHERE))
    try:
        until("the file in our spool is destroyed", lambda: not ours.exists(), GONE_TIMEOUT_S)
    except LabTimeoutError as error:
        take.check(ok=False, what=str(error))
    take.check(not ours.exists(), "its file in our spool is destroyed")
    take.check(length_s(elsewhere) <= LENGTH_MAX_S, f"{length_s(elsewhere):.2f} s of it elsewhere")
    told = [
        str(each.get("what"))
        for each in stage.product.log_lines()
        if OUT_OF_REACH in str(each.get("what"))
    ]
    take.check(bool(told), f"said of what is elsewhere: {'; '.join(told) or 'nothing'}")
    elsewhere.unlink(missing_ok=True)


def _recorded_behind_its_back(
    stage: Stage, take: Take, call: QueueCall, where: str, path: str
) -> None:
    mark = stage.eyes.mark()
    stage.eyes.action("MixMonitor", Channel=call.channel, File=path)
    ours = event("MixMonitorStart", Uniqueid=call.uniqueid)
    start = stage.eyes.wait_for(ours, STOP_TIMEOUT_S, mark)
    words = f"something else records into {where}"
    take.lines.append((start.at_s - call.entered_s, words))
    try:
        theirs = event("MixMonitorStop", Uniqueid=call.uniqueid)
        stop = stage.eyes.wait_for(theirs, STOP_TIMEOUT_S, mark)
    except ObserverError:
        take.check(ok=False, what=f"{words}: not stopped within {STOP_TIMEOUT_S:.0f} s")
        return
    late_s = stop.at_s - start.at_s
    take.check(late_s <= STOPPED_WITHIN_S, f"{words}: stopped after {1000 * late_s:.0f} ms")


def foreign_alarms(stage: Stage) -> list[str]:
    """Who else was found to record, in the words of the alarms."""
    lines = [each for each in stage.product.log_lines() if each.get("event") == "alarm"]
    return [str(each.get("what")) for each in lines if each.get("kind") == ALARM]


def length_s(path: Path) -> float:
    """How long a file of sound is, s; 0 where there is none."""
    try:
        return listen(path).seconds
    except EarError:
        return 0.0


MADE_UP: tuple[Scenario, ...] = (
    Scenario("payment-foreign", "something else records in a payment", _foreign, ("stopped",)),
)
