"""Transfers that come to nothing, or back: busy, unanswered, refused, and from another queue.

A transfer is done as soon as the agent has let go. If nobody takes the caller, the lab's dialplan
puts him back into the queue; a recorded queue is recorded again, in a segment of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.aftermath import archived, check_talk, check_waiting
from lab.ear import Heard
from lab.eyes import Event, event
from lab.outcomes import check_nobody
from lab.product import Recording, seconds
from lab.scene import (
    EVENT_TIMEOUT_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    check_edge,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    transfer,
)
from lab.town import Council, Person
from lab.waiting import pass_time

# Surrey names no other transfers than those to payment: recording goes on. The others stop it.
GOES_ON = ("surrey",)
# Back with the advisers of the main line, in the Help Line queue, in the contact centre: recorded.
# Hammersmith & Fulham names numbers; a call that has left them has not rung one of them again.
COMES_BACK = ("surrey", "uttlesford", "reigate-banstead", "south-hams")

TALK_S = 3.0
RINGS_S = 0.5
STAYS_AWAY_S = 3.0  # of extensions.conf: the back office's other number rings for so long
NOBODYS = 9  # 2p9 is nobody's extension
SLACK_S = 0.5


def _unserved(meanwhile: Callable[[Stage, Council], None]) -> Callable[..., None]:
    """The back office doesn't take the call, and the dialplan puts it back into the queue."""

    def play(stage: Stage, council: Council, take: Take) -> None:
        goes_on, comes_back = council.policy in GOES_ON, council.policy in COMES_BACK
        take.says = (
            f"transfer to an extension: recording {'goes on' if goes_on else 'stops'}; back in"
            f" the queue: {'recorded' if comes_back else 'not recorded, it has left the numbers'}"
        )
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        mark, agent_mark = stage.eyes.mark(), stage.phone(council.agent).mark()
        with stage.phone(council.back_office).by_hand():
            office_mark = stage.phone(council.back_office).mark()
            moved = transfer(stage, council, call, council.forgiving_number, take)
            office = stage.phone(council.back_office)
            office.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, office_mark)
            meanwhile(stage, council)
            back = _back_in_queue(stage, council, call, take, mark)
        answer = _answered_again(stage, council, call, take, mark, agent_mark)
        pass_time(TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        began_s = recording.began_s
        check_talk(take, heard, began_s, call.answered_s, moved.at_s)
        if not comes_back:
            _check_gone(stage, council, take, heard, moved.at_s - began_s)
            return
        if not goes_on:
            check_nobody(take, heard, began_s, moved.at_s, back.at_s, "while it rings elsewhere")
        _check_back(take, recording, heard, back.at_s, answer.at_s, ended_s)

    return play


def _refuse(stage: Stage, council: Council) -> None:
    pass_time(RINGS_S)
    stage.phone(council.back_office).refuse()


def _let_ring(_stage: Stage, _council: Council) -> None:
    pass_time(STAYS_AWAY_S - RINGS_S)


def _nowhere(stage: Stage, council: Council, take: Take) -> None:
    """The agent's #1 leads to no extension. If the PBX refuses that he has the caller again."""
    if not take.measure.refuses_nowhere:
        _nowhere_at_all(stage, council, take)
        return
    take.says = "a transfer that the PBX refuses is none: recording goes on"
    agent = stage.phone(council.agent)
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    mark, pressed_s = stage.eyes.mark(), time.time()
    number = f"2{council.p}{NOBODYS}"
    take.lines.append((pressed_s - call.entered_s, f"the agent presses #1 and {number}"))
    agent.feature_blind_transfer(number)
    line = f"PJSIP/{council.agent.endpoint}-"
    unheld = stage.eyes.wait_for(
        lambda one: one.name == "Unhold" and one.get("Channel").startswith(line),
        EVENT_TIMEOUT_S,
        mark,
    )
    take.lines.append((unheld.at_s - call.entered_s, "the agent is back with the caller"))
    pass_time(TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    told_of = stage.eyes.events(event("BlindTransfer"), mark)
    ours = [each for each in told_of if each.get("TransfererChannel").startswith(line)]
    take.check(
        not any(each.get("Result") == "Success" for each in ours),
        f"{len(ours)} transfers told, none of them done: {number} is nobody's",
    )
    recording, heard = archived(stage, council, take, call)
    check_talk(take, heard, recording.began_s, call.answered_s, pressed_s)
    check_talk(take, heard, recording.began_s, unheld.at_s, ended_s)
    check_sides(take, heard)


def _nowhere_at_all(stage: Stage, council: Council, take: Take) -> None:
    """The PBX looks for the number when it has the caller, and hangs up on him."""
    take.says = "a transfer that leads nowhere ends the call, which is recorded until then"
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    mark, pressed_s = stage.eyes.mark(), time.time()
    caller_mark = stage.phone(council.caller).mark()
    number = f"2{council.p}{NOBODYS}"
    take.lines.append((pressed_s - call.entered_s, f"the agent presses #1 and {number}"))
    stage.phone(council.agent).feature_blind_transfer(number)
    gone = stage.eyes.wait_for(event("Hangup", Uniqueid=call.uniqueid), EVENT_TIMEOUT_S, mark)
    stage.phone(council.caller).closed(since=caller_mark)
    take.lines.append((gone.at_s - call.entered_s, "the PBX hangs up on the caller"))
    recording, heard = archived(stage, council, take, call)
    check_talk(take, heard, recording.began_s, call.answered_s, pressed_s)
    check_edge(take, heard.seconds - (gone.at_s - recording.began_s), "hang-up")
    check_sides(take, heard)


def _there_and_back(stage: Stage, council: Council, take: Take) -> None:
    """To the other queue, and from its agent back to the first one."""
    goes_on, comes_back = council.policy in GOES_ON, council.policy in COMES_BACK
    take.says = (
        f"transfer to another queue: recording {'goes on' if goes_on else 'stops'}; back in"
        f" the first one: {'recorded' if comes_back else 'not recorded, it has left the numbers'}"
    )
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    mark, agent_mark = stage.eyes.mark(), stage.phone(council.agent).mark()
    moved = transfer(stage, council, call, council.other_queue.number, take)
    ours = event("AgentConnect", Uniqueid=call.uniqueid)
    elsewhere = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((elsewhere.at_s - call.entered_s, "the other agent answers"))
    pass_time(TALK_S)
    mark = stage.eyes.mark()
    stage.phone(council.other_agent).blind_transfer(council.main_queue.number)
    sent = stage.eyes.wait_for(_sent_by(council.other_agent), EVENT_TIMEOUT_S, mark)
    words = f"the other agent transfers the caller to {council.main_queue.number}"
    take.lines.append((sent.at_s - call.entered_s, words))
    back = _back_in_queue(stage, council, call, take, mark)
    answer = _answered_again(stage, council, call, take, mark, agent_mark)
    pass_time(TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    began_s = recording.began_s
    check_talk(take, heard, began_s, call.answered_s, moved.at_s)
    check_sides(take, heard)
    control = heard_by(stage, council.caller)
    if goes_on:
        start_s = max(elsewhere.at_s, moved.at_s + take.renewed_s)
        check_talk(take, heard, began_s, start_s, sent.at_s, "other_agent")
    else:
        check_silence(take, heard, control, "other_agent")
    if not comes_back:
        _check_gone(stage, council, take, heard, moved.at_s - began_s)
        return
    if not goes_on:
        check_nobody(take, heard, began_s, moved.at_s, sent.at_s, "in the other queue")
    _check_back(take, recording, heard, max(sent.at_s, back.at_s), answer.at_s, ended_s)


# ---------------------------------------------------------------------- what they have in common


def _back_in_queue(
    stage: Stage, council: Council, call: QueueCall, take: Take, since: int
) -> Event:
    queue = council.main_queue.name
    ours = event("QueueCallerJoin", Uniqueid=call.uniqueid, Queue=queue)
    back = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, since)
    take.lines.append((back.at_s - call.entered_s, f"the caller is in queue {queue} again"))
    return back


def _answered_again(
    stage: Stage, council: Council, call: QueueCall, take: Take, since: int, agent_mark: int
) -> Event:
    agent = stage.phone(council.agent)
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(RINGS_S)
    agent.answer()

    def ours(one: Event) -> bool:
        mine = one.get("Uniqueid") == call.uniqueid
        by = one.get("DestChannel").rpartition("-")[0]
        return one.name == "AgentConnect" and mine and by == f"PJSIP/{council.agent.endpoint}"

    answer = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, since)
    take.lines.append((answer.at_s - call.entered_s, "the agent answers once more"))
    return answer


def _sent_by(person: Person) -> Callable[[Event], bool]:
    def matches(one: Event) -> bool:
        by = one.get("TransfererChannel").rpartition("-")[0]
        return one.name == "BlindTransfer" and by == f"PJSIP/{person.endpoint}"

    return matches


def _check_back(
    take: Take, recording: Recording, heard: Heard, back_s: float, answered_s: float, ended_s: float
) -> None:
    """From the queue's entry on it is recorded again, and that is a segment of its own."""
    starts = [seconds(each["started_at"]) - back_s for each in recording.manifest["segments"]]
    # The PBX may tell of the queue before it tells of the transfer, which renews the recorder.
    new = [late_s for late_s in starts if 0 <= late_s <= take.renewed_s]
    took = f"{1000 * max(new):.0f} ms after" if new else "not when"
    take.check(bool(new), f"a segment of its own, {took} the queue was entered again")
    music_s = back_s + max(take.renewed_s, take.measure.music_late_s)
    check_waiting(take, heard, recording.began_s, music_s, answered_s)
    check_talk(take, heard, recording.began_s, answered_s, ended_s)


def _check_gone(
    stage: Stage, council: Council, take: Take, heard: Heard, moved_after_s: float
) -> None:
    """Nothing is recorded after the transfer, though the agent has the caller again."""
    check_edge(take, heard.seconds - moved_after_s)
    talked_s = heard.frames("any", "agent") * heard.frame_s
    control_s = heard_by(stage, council.caller).frames("any", "agent") * heard.frame_s
    take.check(
        control_s >= talked_s + TALK_S - SLACK_S,
        f"control: the caller's phone heard the agent for {control_s:.2f} s, the recording holds"
        f" {talked_s:.2f} s of it",
    )


SCENES: tuple[Scenario, ...] = (
    Scenario(
        "blind-to-busy",
        "blind transfer to an extension that is busy, and back to the queue",
        _unserved(_refuse),
    ),
    Scenario(
        "blind-unanswered",
        "blind transfer to an extension that nobody answers, and back to the queue",
        _unserved(_let_ring),
    ),
    Scenario("blind-to-nowhere", "blind transfer to a number that doesn't exist", _nowhere),
    Scenario(
        "other-queue-and-back",
        "blind transfer to the other queue, and from its agent back to the first one",
        _there_and_back,
    ),
)
