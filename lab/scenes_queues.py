"""Queues: two agents ring, one queue after the other, the queue again, nobody answers."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from hushtape.recordings.assurance import of_remarks
from lab.deeds import SHORT_TALK_S, leave, log_in, routed
from lab.eyes import ObserverError, event
from lab.outcomes import LAST_S
from lab.scene import (
    EVENT_TIMEOUT_S,
    RINGS_S,
    SHIFT_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    answered,
    await_free,
    check_both,
    check_edge,
    check_sides,
    check_silence,
    enter_queue,
    hang_up,
    heard_by,
    ring_queue,
    told,
)
from lab.town import Council
from lab.waiting import pass_time

# When its time in the first queue is up, the dialplan takes a call into another service's queue.
# Surrey records the calls that its contact centre handles, Uttlesford those of the advisers on its
# main line, Reigate those in the Help Line queue, South Hams those of its contact centre: no other
# queue. Hammersmith & Fulham records all calls to its numbers.
OTHER_QUEUE_IS_RECORDED: dict[str, bool] = {
    "surrey": False,
    "uttlesford": False,
    "reigate-banstead": False,
    "south-hams": False,
    "hammersmith-fulham": True,
}
WAITED_S = 2.5  # for an agent who doesn't come
FLEES = 3
FAULTS = ("the PBX refused", "the PBX didn't say", "missing: ", "empty: ")  # alarms begin so


def _two_ring(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a queue call is recorded, whichever of the queue's agents answers"
    agent, other = stage.phone(council.agent), stage.phone(council.other_agent)
    marks = agent.mark(), other.mark()
    with log_in(stage, council.main_queue, council.other_agent):
        join = enter_queue(stage, council, take)
        agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, marks[0])
        other.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, marks[1])
        take.lines.append((time.time() - join.at_s, "both agents' phones ring"))
        pass_time(RINGS_S)
        other.answer()
        answer = answered(stage, join, take, "other agent")
    call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    check_both(take, heard, recording.began_s, call.answered_s, ended_s - LAST_S, "other_agent")
    check_sides(take, heard)
    agents = recording.private["party"]["agents"]
    took = [each.removeprefix("PJSIP/") for each in agents]  # mod_callcenter has names of its own
    take.check(took == [council.other_agent.endpoint], f"who took it: {', '.join(agents)}")


def _overflow(stage: Stage, council: Council, take: Take) -> None:
    goes_on = OTHER_QUEUE_IS_RECORDED[council.policy]
    take.says = f"on in another queue: recording {'goes on' if goes_on else 'stops'}"
    mark = stage.eyes.mark()
    with routed(stage, council, "ROUTE", "overflow"):
        join = enter_queue(stage, council, take)
        uniqueid, queue = join.get("Uniqueid"), council.other_queue.name
        again = stage.eyes.wait_for(
            event("QueueCallerJoin", Uniqueid=uniqueid, Queue=queue), EVENT_TIMEOUT_S, mark
        )
    take.lines.append((again.at_s - join.at_s, f"time is up, on to queue {queue}"))
    answer = answered(stage, join, take, "other agent", mark)
    call = QueueCall(uniqueid, join.get("Channel"), join.at_s, answer.at_s)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(uniqueid)
    recording = stage.product.recording(uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    began_s = recording.began_s
    music_s = began_s + take.measure.music_late_s
    check_both(take, heard, began_s, music_s, again.at_s - LAST_S, "music")
    check_sides(take, heard)
    if goes_on:
        start_s = max(answer.at_s, again.at_s + take.renewed_s)
        check_both(take, heard, began_s, start_s, ended_s - LAST_S, "other_agent")
    else:
        check_silence(take, heard, heard_by(stage, council.caller), "other_agent")
        check_edge(take, heard.seconds - (again.at_s - began_s))


def _again(stage: Stage, council: Council, take: Take) -> None:
    take.says = "back in the queue it is recorded as before"
    with routed(stage, council, "ROUTE", "again"):
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        mark, agent = stage.eyes.mark(), stage.phone(council.agent)
        agent_mark = agent.mark()
        left_s = leave(stage, call, council.agent, take)
        back = stage.eyes.wait_for(
            event("QueueCallerJoin", Uniqueid=call.uniqueid), EVENT_TIMEOUT_S, mark
        )
        take.lines.append((back.at_s - call.entered_s, "the caller is in the queue again"))
        agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
        pass_time(RINGS_S)
        agent.answer()
        ours = event("AgentConnect", Uniqueid=call.uniqueid)
        answer = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
        take.lines.append((answer.at_s - call.entered_s, "the agent answers once more"))
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    began_s = recording.began_s
    check_both(take, heard, began_s, call.answered_s, left_s - LAST_S)
    music_s = back.at_s + max(take.renewed_s + SHIFT_S, take.measure.music_late_s)
    check_both(take, heard, began_s, music_s, answer.at_s - LAST_S, "music")
    check_both(take, heard, began_s, answer.at_s, ended_s - LAST_S)
    check_sides(take, heard)


def _abandoned(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a call that nobody answers is recorded from queue entry on: the caller, and music"
    agent = stage.phone(council.agent)
    agent_mark = agent.mark()
    join = enter_queue(stage, council, take)
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(WAITED_S)
    call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, join.at_s)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    start_s = recording.began_s + take.measure.music_late_s
    check_both(take, heard, recording.began_s, start_s, ended_s - LAST_S, "music")
    others = heard.heard_at_all() - {"caller", "music"}
    take.check(not others, f"nobody else is heard{': ' if others else ''}{', '.join(others)}")


def _fled(stage: Stage, council: Council, take: Take) -> None:
    take.says = "who is gone before a recorder could begin is nobody's fault: no alarm, no finding"
    lines, uniqueids = len(stage.product.log_lines()), []
    for _ in range(FLEES):
        mark = stage.eyes.mark()
        join = enter_queue(stage, council, take)
        with suppress(ObserverError):  # who is gone already can't be hung up
            stage.eyes.action("Hangup", Channel=join.get("Channel"))
        uniqueids.append(join.get("Uniqueid"))
        gone = stage.eyes.wait_for(event("Hangup", Uniqueid=uniqueids[-1]), EVENT_TIMEOUT_S, mark)
        take.lines[-1] = (0.0, f"{take.lines[-1][1]}, for {1000 * (gone.at_s - join.at_s):.0f} ms")
    take.strays += uniqueids
    await_free(stage, council)
    stage.product.await_empty_outbox()
    archived = [each for one in uniqueids for each in stage.product.recordings_of(one)]
    found = [of_remarks(each.manifest["remarks"]) for each in archived]
    take.check(not any(found), f"{len(archived)} recordings of {FLEES} calls, none with a finding")
    told = [x for x in stage.product.log_lines()[lines:] if _is_fault(x)]
    take.check(not told, f"nobody is told of a fault: {told or 'no'}")


def _is_fault(line: dict[str, Any]) -> bool:
    if line.get("event") in ("recorder refused", "recorder uncertain", "not archived"):
        return True
    return line.get("event") == "alarm" and str(line.get("what")).startswith(FAULTS)


SCENES: tuple[Scenario, ...] = (
    Scenario("two-agents-ring", "two agents' phones ring, one of them answers", _two_ring),
    Scenario("queue-after-queue", "a queue's time is up, the next one answers", _overflow),
    Scenario("queue-again", "the agent hangs up, the caller is put back into the queue", _again),
    Scenario("queue-abandoned", "the caller hangs up before anybody answers", _abandoned),
    Scenario("queue-fled", "the caller is gone as soon as he has entered the queue", _fled),
)
