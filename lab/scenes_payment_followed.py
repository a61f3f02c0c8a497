"""Something else records before a payment, and would follow the caller to the payment line.

On a FreeSWITCH it stands on the agent's leg, with recording_follow_transfer: when the agent sends
the caller on, it moves to the caller's leg, where it can neither be masked nor stopped by its path.
On an Asterisk it stands on the caller's channel, and runs on.
"""

from __future__ import annotations

from lab.aftermath import archived
from lab.deeds import SHORT_TALK_S
from lab.eyes import event
from lab.outcomes import LAST_S
from lab.paying import SILENCE_BOUND_S, Moment, check_nothing_of_it, check_proof, silence_s
from lab.scene import (
    AFTER_S,
    EVENT_TIMEOUT_S,
    SHIFT_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    check_both,
    check_silence,
    hang_up,
    heard_by,
    listen,
    ring_queue,
    transfer,
)
from lab.scenes_foreign import ALARM, GONE_TIMEOUT_S, foreign_alarms, length_s
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

NAME = "follows-the-caller"
FOLLOWS = "recording_follow_transfer"
RUNS_S = 1.5  # before the transfer: it does record


def _followed(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a recorder that would follow the caller to the payment line is stopped there"
    in_spool = f"{stage.pbx.spool_inside}/{NAME}.wav"
    elsewhere = f"{stage.pbx.tree_inside}/spool/{NAME}.wav"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    alarms = len(foreign_alarms(stage))
    mark = stage.eyes.mark()
    for path in (in_spool, elsewhere):
        _record(stage, call, path)
    take.lines.append((time_of_last_start(stage, mark) - call.entered_s, "something else records"))
    pass_time(RUNS_S)
    mark = stage.eyes.mark()
    moved = transfer(stage, council, call, council.payment_number, take)
    pass_time(AFTER_S)
    stops = [each.at_s for each in stage.eyes.events(event("MixMonitorStop"), mark)]
    hang_up(stage, council, call, council.caller, take)
    late_s = max(stops, default=float("inf")) - moved.at_s
    take.check(
        len(stops) >= 3 and late_s < SILENCE_BOUND_S,
        f"{len(stops)} recorders ended before the hang-up, the last {1000 * late_s:+.0f} ms from"
        f" the transfer (bound: {1000 * SILENCE_BOUND_S:.0f} ms)",
    )
    theirs = stage.pbx.here(elsewhere)
    sung_s = _sung_s(take, stage, theirs)
    take.check(
        sung_s <= SILENCE_BOUND_S,
        f"what followed has {1000 * sung_s:.0f} ms of the payment line"
        f" (bound: {1000 * SILENCE_BOUND_S:.0f} ms)",
    )
    silence_s(stage, take, call, moved.at_s, began_s=call.answered_s)
    recording, heard = archived(stage, council, take, call)
    check_both(take, heard, recording.began_s, call.answered_s, moved.at_s - LAST_S - SHIFT_S)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_nothing_of_it(take, heard, recording)
    check_proof(take, recording, Moment(moved.at_s, 0, 0), "no samples")
    ours = stage.pbx.here(in_spool)
    try:
        until("the file in our spool is destroyed", lambda: not ours.exists(), GONE_TIMEOUT_S)
    except LabTimeoutError as error:
        take.check(ok=False, what=str(error))
    told = foreign_alarms(stage)[alarms:]
    take.check(bool(told), f'{len(told)} alarms "{ALARM}": {"; ".join(told[:2])}')
    theirs.unlink(missing_ok=True)


def _record(stage: Stage, call: QueueCall, path: str) -> None:
    """Start a recorder of somebody else's, which no transfer ends."""
    channel = call.channel
    if stage.pbx.kind == "freeswitch":
        connected = stage.eyes.events(event("AgentConnect", Uniqueid=call.uniqueid))
        channel = connected[-1].get("DestChannel")
        stage.eyes.action("Setvar", Channel=channel, Variable=FOLLOWS, Value="true")
    mark = stage.eyes.mark()
    stage.eyes.action("MixMonitor", Channel=channel, File=path)
    stage.eyes.wait_for(event("MixMonitorStart", Channel=channel), EVENT_TIMEOUT_S, mark)


def time_of_last_start(stage: Stage, mark: int) -> float:
    """When the last recorder was started (epoch, s)."""
    return stage.eyes.events(event("MixMonitorStart"), mark)[-1].at_s


def _sung_s(take: Take, stage: Stage, path) -> float:  # type: ignore[no-untyped-def]
    """How long the payment line is heard in somebody else's file; it must hold the talk, too."""
    long_s = length_s(path)
    take.check(long_s >= RUNS_S, f"control: it is {long_s:.2f} s long")
    return listen(path).frames("any", "payment") * 0.02 if long_s else 0.0


MADE_UP: tuple[Scenario, ...] = (
    Scenario(
        "payment-followed",
        "something else records, and would follow the caller to the payment line",
        _followed,
        ("stopped",),
    ),
)
