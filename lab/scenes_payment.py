"""Payments: each way in which one begins and ends, under each policy, and what is kept of it."""

from __future__ import annotations

import time
from dataclasses import replace

from lab import card
from lab.aftermath import archived
from lab.card import number_read_out
from lab.deeds import SHORT_TALK_S, press, routed
from lab.eyes import Event, Predicate, event
from lab.outcomes import LAST_S, check_nobody, check_one
from lab.paying import (
    BEGAN,
    KEY_BEGAN,
    KEY_ENDED,
    MUTED,
    ByApi,
    ByEvent,
    ByKey,
    Moment,
    Way,
    blanked_s,
    check_nothing_of_it,
    check_paused,
    check_proof,
    check_resumed,
    check_until,
    check_was_paid,
    pay,
    silence_s,
)
from lab.scene import (
    AFTER_S,
    EVENT_TIMEOUT_S,
    Play,
    Scenario,
    Stage,
    Take,
    check_both,
    check_edge,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    transfer,
)
from lab.town import LOCAL_COUNCIL, LOCAL_DID, Council
from lab.waiting import pass_time

# Back in the queue, a call is recorded again. Hammersmith & Fulham names numbers, and a call that
# has left them for another place has not rung one of them again.
COMES_BACK = ("surrey", "uttlesford", "reigate-banstead", "south-hams", "stopped", "muted")
GUARD_AIM_S = 0.15
GUARD_BOUND_S = 1.5
PROMPT_S = 1.6  # the caller listens to the card prompt before he keys
TELLS_S = 1.0  # by then the dialplan has told of a key, also behind a Local channel
BRIEF_S = 5.0  # `longest` of the policies brief and strict
SLACK_S = 0.5


def method_of(council: Council, way: type[Way] | None = None) -> str:
    """How silence is shown: where the dialplan acts it stops, whatever the policy says."""
    muted = council.policy in MUTED and way in (ByApi, ByEvent)
    return "zeros" if muted else "no samples"


def _by(way: type[Way]) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = f"a payment that begins and ends {way.words}: silent in between"
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        how = way(stage, call, take)
        began = how.begin(council.agent)
        pass_time(0.5)
        pay(stage, council, take, council.agent)
        over = how.end(council.agent)
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        if method_of(council, way) == "no samples":
            silence_s(stage, take, call, began.at_s, began_s=call.entered_s)
        check_until(take, heard, recording, call, began)
        method = method_of(council, way)
        late_s = blanked_s(take, method)
        check_paused(take, recording, heard, began, over, late_s)
        check_resumed(take, heard, recording, over, ended_s, late_s=late_s)
        check_nothing_of_it(take, heard, recording)
        check_proof(take, recording, began, method)
        check_sides(take, heard)
        check_was_paid(stage, take, council.agent)
        check_agent_was_heard(stage, council, take, ended_s - call.answered_s, began, over)

    return play


def check_agent_was_heard(
    stage: Stage, council: Council, take: Take, talk_s: float, began: Moment, over: Moment
) -> None:
    """Control: the caller's phone has heard the agent all the time, but for the keys."""
    control = heard_by(stage, council.caller)
    heard_s = control.frames("any", "agent") * control.frame_s
    keys_s = (began.free_s - began.hands_s) + (over.free_s - over.hands_s)
    take.check(
        heard_s >= talk_s - keys_s - SLACK_S,
        f"control: the caller's phone heard the agent for {heard_s:.2f} s of {talk_s:.2f} s, also"
        " in the payment",
    )


def _guarded(stage: Stage, council: Council, take: Take) -> None:
    take.says = "the payment line is rung when all is silent, and nothing of it is recorded"
    with routed(stage, council, "GUARDED", "yes"):
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        mark = stage.eyes.mark()
        moved = transfer(stage, council, call, council.payment_number, take)
        rung = stage.eyes.wait_for(rings_payment_line(council), EVENT_TIMEOUT_S, mark)
        take.lines.append((rung.at_s - call.entered_s, "the payment line is rung"))
        pass_time(AFTER_S)
        if not stage.phone(council.agent).deaf:
            number_read_out(stage.phone(council.caller))
        hang_up(stage, council, call, council.caller, take)
    cost_s = rung.at_s - moved.at_s
    words = f"the guard costs the caller {1000 * cost_s:.0f} ms"
    take.check(cost_s < GUARD_BOUND_S, words)
    take.aim(cost_s < GUARD_AIM_S, f"{words} (aim: under {1000 * GUARD_AIM_S:.0f} ms)")
    stops = stage.eyes.events(event("MixMonitorStop", Uniqueid=call.uniqueid))
    take.check(
        bool(stops) and stops[-1].at_s <= rung.at_s,
        "the last recorder had ended before the payment line was rung",
    )
    silence_s(stage, take, call, moved.at_s, began_s=call.entered_s)
    recording, heard = archived(stage, council, take, call)
    check_both(take, heard, recording.began_s, call.answered_s, moved.at_s - LAST_S)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_nothing_of_it(take, heard, recording)
    check_edge(take, heard.seconds - (moved.at_s - recording.began_s))
    check_proof(take, recording, Moment(moved.at_s, 0, 0), "no samples")


def rings_payment_line(council: Council) -> Predicate:
    """The channel that rings a guarded payment line."""
    number = council.payment_number
    names = (f"Local/{number}@payment-line", f"Local/sings-{number}-")  # one for each kind of PBX

    def matches(one: Event) -> bool:
        return one.name == "Newchannel" and one.get("Channel").startswith(names)

    return matches


def _card_prompt(stage: Stage, council: Council, take: Take) -> None:
    """The agent sends the caller to a card prompt, from which he goes back into the queue."""
    back = council.policy in COMES_BACK
    take.says = "the dialplan's own card prompt is silent; back in the queue: " + (
        "recorded" if back else "not recorded, it has left the numbers"
    )
    agent, caller = stage.phone(council.agent), stage.phone(council.caller)
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    mark, agent_mark = stage.eyes.mark(), agent.mark()
    moved = transfer(stage, council, call, council.prompt_number, take)
    pass_time(PROMPT_S)
    card.key(caller)
    ours = event("QueueCallerJoin", Uniqueid=call.uniqueid)
    join = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((join.at_s - call.entered_s, "the caller is in the queue again"))
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(1.0)
    agent.answer()
    connected = event("AgentConnect", Uniqueid=call.uniqueid)
    answer = stage.eyes.wait_for(connected, EVENT_TIMEOUT_S, mark)
    take.lines.append((answer.at_s - call.entered_s, "the agent answers once more"))
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    zero_s = recording.began_s
    check_both(take, heard, zero_s, call.answered_s, moved.at_s - LAST_S)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_nothing_of_it(take, heard, recording)
    until_s = join.at_s if back else ended_s
    if back:
        check_nobody(take, heard, zero_s, moved.at_s, until_s, "at the card prompt")
        check_both(take, heard, zero_s, answer.at_s + take.renewed_s, ended_s - LAST_S)
    else:
        check_edge(take, heard.seconds - (moved.at_s - zero_s))


def _key_by_caller(stage: Stage, council: Council, take: Take) -> None:
    take.says = "the agent's key is not the caller's: recorded on"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    pressed = press(stage, council.caller, KEY_BEGAN, tells=False)
    told = [
        each
        for each in stage.eyes.events(event("UserEvent", UserEvent="Hushtape"))
        if each.get("Uniqueid") == call.uniqueid
    ]
    take.check(not told, f"{len(told)} events by the caller's pressing {KEY_BEGAN}")
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    zero_s = recording.began_s
    check_both(take, heard, zero_s, call.answered_s, pressed.began_s)
    keys = pressed.began_s - zero_s, pressed.ended_s - zero_s
    check_one(take, heard, "right", "agent", *keys, "while the caller presses the key")
    check_both(take, heard, zero_s, pressed.ended_s, ended_s - LAST_S)
    segments = len(recording.manifest["segments"])
    take.check(segments == 1, f"{segments} segment: the recorder ran on")
    payments = [x for x in recording.manifest["spans"] if x["kind"] == "payment"]
    take.check(not payments, f"{len(payments)} payments in the manifest")


def _is_of_local(one: Event) -> bool:
    """Whether the dialplan has told something of a Local channel's half; one scene has them."""
    return one.name == "UserEvent" and one.get("Channel").startswith("Local/")


def _ended_by_caller(did: str = "") -> Play:
    """The caller presses the key that ends a payment, in the middle of one."""

    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = "the key that ends a payment is not the caller's: silent until the agent's"
        call = ring_queue(stage, council, take, did)
        pass_time(SHORT_TALK_S)
        how, mark = ByKey(stage, call, take), stage.eyes.mark()
        pressed = how.begin(council.agent)
        # Behind a Local channel it is told twice, first of the half that the telephone meets.
        told = stage.eyes.events(event("UserEvent", UserEvent="Hushtape", Act=BEGAN), mark)
        ours = [each.at_s for each in told if _is_of_local(each)]
        began = replace(pressed, at_s=min([pressed.at_s, *ours]))
        pass_time(TELLS_S)
        mark = stage.eyes.mark()
        press(stage, council.caller, KEY_ENDED, tells=False)
        pass_time(TELLS_S)
        told = stage.eyes.events(
            event("UserEvent", UserEvent="Hushtape", Uniqueid=call.uniqueid), mark
        )
        told += [each for each in stage.eyes.events(since=mark) if _is_of_local(each)]
        take.check(not told, f"{len(told)} events by the caller's pressing {KEY_ENDED}")
        pay(stage, council, take, council.agent)
        over = how.end(council.agent)
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        check_until(take, heard, recording, call, began)
        check_paused(take, recording, heard, began, over)
        check_resumed(take, heard, recording, over, ended_s)
        check_nothing_of_it(take, heard, recording)
        check_proof(take, recording, began, "no samples")
        check_was_paid(stage, take, council.agent)

    return play


def _too_long(*, resumes: bool) -> Play:
    """Nobody tells the end; the key is pressed once more, which lengthens nothing."""

    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = f"a payment whose end nobody tells is over after {BRIEF_S:.0f} s: " + (
            "recorded again" if resumes else "silent to the end"
        )
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        how = ByKey(stage, call, take)
        began = how.begin(council.agent)
        pass_time(BRIEF_S / 3)
        again = how.begin(council.agent)
        over_s = began.at_s + BRIEF_S
        pass_time(max(0.0, over_s - time.time()) + 2 * SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        check_until(take, heard, recording, call, began)
        take.notes.append(f"the key once more {again.at_s - began.at_s:.1f} s after the first time")
        if resumes:
            over = Moment(over_s, over_s, over_s)
            check_nobody(take, heard, recording.began_s, began.at_s, over_s, "in the payment")
            check_resumed(take, heard, recording, over, ended_s)
        else:
            check_edge(take, heard.seconds - (began.at_s - recording.began_s))
            alarms = [x for x in stage.product.alarms(recording.id) if "too long" in x]
            take.check(len(alarms) == 1, f"{len(alarms)} alarm: {', '.join(alarms)}")
        check_agent_was_heard(stage, council, take, ended_s - call.answered_s, began, again)

    return play


def _not_allowed(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a payment is silent until its end is told, also where the policy knows no such way"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    how = ByEvent(stage, call, take)
    began = how.begin(council.agent)
    pass_time(1.0)
    over = how.end(council.agent)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    check_until(take, heard, recording, call, began)
    check_paused(take, recording, heard, began, over)
    check_resumed(take, heard, recording, over, ended_s)
    check_proof(take, recording, began, "no samples")


def _muted_then_stopped(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a payment that is muted, and stopped by a second way, is silent throughout"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    desktop, key = ByApi(stage, call, take), ByKey(stage, call, take)
    began = desktop.begin(council.agent)
    pass_time(SHORT_TALK_S)
    key.begin(council.agent)
    pass_time(0.5)
    pay(stage, council, take, council.agent)
    key.end(council.agent)
    over = desktop.end(council.agent)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    check_until(take, heard, recording, call, began)
    check_paused(take, recording, heard, began, over)
    check_resumed(take, heard, recording, over, ended_s)
    check_nothing_of_it(take, heard, recording)
    check_proof(take, recording, began, method_of(council, ByApi))
    check_was_paid(stage, take, council.agent)


MADE_UP_COUNCILS = ("stopped", "muted")
IN_GENERAL: tuple[Scenario, ...] = (
    Scenario("payment-by-key", "the agent's key begins and ends a payment", _by(ByKey)),
    Scenario("payment-guarded", "blind transfer to a guarded payment line", _guarded),
    Scenario("payment-prompt", "blind transfer to the dialplan's card prompt", _card_prompt),
)
SCENES: tuple[Scenario, ...] = (
    *IN_GENERAL,
    Scenario("payment-by-caller", "the caller presses the agent's payment key", _key_by_caller),
    Scenario(
        "payment-ended-by-caller-local",
        "the caller presses the key that ends a payment, the agent is a Local channel",
        _ended_by_caller(LOCAL_DID),
        (LOCAL_COUNCIL,),
    ),
)

# Of policies that the lab has made up.
MADE_UP: tuple[Scenario, ...] = (
    *(Scenario(x.name, x.title, x.play, MADE_UP_COUNCILS) for x in IN_GENERAL),
    Scenario(
        "payment-ended-by-caller",
        "the caller presses the key that ends a payment",
        _ended_by_caller(),
        MADE_UP_COUNCILS,
    ),
    Scenario("payment-by-event", "the PBX's event does", _by(ByEvent), MADE_UP_COUNCILS),
    Scenario("payment-by-api", "the agent's desktop does", _by(ByApi), MADE_UP_COUNCILS),
    Scenario(
        "payment-muted-then-stopped",
        "the desktop mutes, then the agent's key stops",
        _muted_then_stopped,
        MUTED,
    ),
    Scenario(
        "payment-too-long", "nobody tells the payment's end", _too_long(resumes=True), ("brief",)
    ),
    Scenario(
        "payment-too-long-strict", "… and it stays silent", _too_long(resumes=False), ("strict",)
    ),
    Scenario(
        "payment-not-allowed", "a way that the policy doesn't know", _not_allowed, ("strict",)
    ),
)
