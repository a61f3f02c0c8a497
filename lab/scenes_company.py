"""Calls with a third person: picked up by a colleague, or joined by one."""

from __future__ import annotations

from lab.deeds import PICKUP_KEY, SHORT_TALK_S, leave, three_way
from lab.outcomes import LAST_S, check_nobody, check_one
from lab.scene import (
    CONTROL_S,
    EVENT_TIMEOUT_S,
    RINGS_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    answered,
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

# Who stays in the talk when the adviser has left it: to the policies that is a transfer to an
# extension. Surrey names no such place where recording stops; the others stop there.
GOES_ON: dict[str, bool] = {
    "surrey": True,
    "uttlesford": False,
    "reigate-banstead": False,
    "south-hams": False,
    "hammersmith-fulham": False,
}

# Asterisk takes so long until a colleague who joins a talk is heard in it, and the agent's phone
# until it sends voice again after the key: on the caller's phone, too.
MIXING_S = 1.0
OF_THREE_S = 4.0  # that long they talk; there is less of it to be measured


def _picked_up(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a queue call is recorded, whoever of the team picks it up"
    agent = stage.phone(council.agent)
    agent_mark = agent.mark()
    join = enter_queue(stage, council, take)
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(RINGS_S)
    stage.phone(council.back_office).dial(PICKUP_KEY)
    answer = answered(stage, join, take, "back office")
    call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    check_both(take, heard, recording.began_s, call.answered_s, ended_s - LAST_S, "back_office")
    check_sides(take, heard)


def _three_way(stage: Stage, council: Council, take: Take) -> None:
    goes_on = GOES_ON[council.policy]
    take.says = (
        "a talk of three is recorded as long as the agent is in it; then recording"
        f" {'goes on' if goes_on else 'stops'}"
    )
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    three = three_way(stage, council, call, council.back_office.number, take)
    consulting_s, joined_s = three.dialled_s, three.joined_s
    pass_time(OF_THREE_S)
    left_s = leave(stage, call, council.agent, take)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    began_s = recording.began_s
    check_both(take, heard, began_s, call.answered_s, consulting_s)
    mixed_s = joined_s + MIXING_S
    check_both(take, heard, began_s, mixed_s, left_s - LAST_S)
    check_both(take, heard, began_s, mixed_s, left_s - LAST_S, "back_office")
    # For the music that the caller hears instead of the agent there is a fresh recorder.
    waits = consulting_s - began_s, mixed_s - began_s
    check_one(take, heard, "left", "caller", *waits, "while the caller waits", take.renewed_s)
    check_sides(take, heard)
    control_s = heard_by(stage, council.caller).frames("any", "back_office") * heard.frame_s
    take.check(
        control_s >= left_s - joined_s + CONTROL_S,
        f"control: the caller's phone heard the back office for {control_s:.2f} s, also after the"
        " agent had left",
    )
    if goes_on:
        check_both(
            take,
            heard,
            began_s,
            left_s,
            ended_s - LAST_S,
            "back_office",
            lost_s=take.renewed_s,
        )
    else:
        check_edge(take, heard.seconds - (left_s - began_s))
        check_nobody(take, heard, began_s, left_s, ended_s, "after the agent has left")


def _payment_joins(stage: Stage, council: Council, take: Take) -> None:
    take.says = "an agent who calls a payment line makes the call silent from then on, and a"
    take.says += " payment line in the talk is silence, whoever else is in it"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    three = three_way(stage, council, call, council.payment_number, take)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    began_s = recording.began_s
    check_both(take, heard, began_s, call.answered_s, three.dialled_s)
    check_sides(take, heard)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_nobody(take, heard, began_s, three.consulted_s, ended_s, "from the consultation on")
    check_edge(take, heard.seconds - (three.consulted_s - began_s), "consultation")


SCENES: tuple[Scenario, ...] = (
    Scenario("picked-up", "a colleague picks up the queue call that rings", _picked_up),
    Scenario("three-way", "the agent takes a colleague into the talk, and leaves", _three_way),
    Scenario("three-way-payment", "the agent takes the payment line into the talk", _payment_joins),
)
