"""Callers who don't want to be recorded."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from lab.deeds import (
    CALLERS_KEY,
    DTMF_GAP_S,
    OPT_OUT_KEY,
    PERMISSION_KEY,
    SHORT_TALK_S,
    Pressed,
    press,
    routed,
)
from lab.ear import Heard
from lab.eyes import event
from lab.outcomes import LAST_S, check_discarded, check_not_recorded, check_one
from lab.paying import KEY_BEGAN, KEY_ENDED
from lab.product import Recording
from lab.scene import (
    EVENT_TIMEOUT_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    answered,
    await_free,
    check_both,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    told,
)
from lab.town import LOCAL_COUNCIL, LOCAL_DID, Council
from lab.waiting import pass_time, until

# Uttlesford says that a caller may ask not to be recorded. The others' statements know no such
# wish: a key that is pressed all the same changes nothing; if it is the agent's, somebody is told.
MAY_OPT_OUT = ("uttlesford",)
BY_AGENT = "opt_out"  # the rule that such a discard names
UNKNOWN = "opt-out"  # stands in the alarm of a policy that knows none
KEY_AFTER_S = 0.5  # into the announcement
ALL_KEYS = (OPT_OUT_KEY, PERMISSION_KEY, KEY_BEGAN, KEY_ENDED)
KEYS_APART_S = 1.0  # a key that is passed on through a Local channel tells of itself so late
BRIDGE_TIMEOUT_S = 60.0


def _at_announcement(stage: Stage, council: Council, take: Take) -> None:
    may = council.policy in MAY_OPT_OUT
    take.says = "a key during the announcement: " + (
        "not recorded at all" if may else "recorded as ever, the policy knows no such wish"
    )
    call, agents_channel = _ring_and_opt_out(stage, council, take)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    control = heard_by(stage, council.caller)
    if may:
        check_not_recorded(stage, take, call.uniqueid, agents_channel)
        check_silence(take, None, control, "agent")
    else:
        recording, heard = _recorded(stage, council, take, call)
        check_both(take, heard, recording.began_s, call.answered_s, ended_s - LAST_S)


def _ring_and_opt_out(
    stage: Stage, council: Council, take: Take, before: Callable[[], object] = lambda: None
) -> tuple[QueueCall, str]:
    """Let the caller press the key during the announcement, and the agent answer him.

    Args:
        before: called before the key is pressed.

    Returns:
        The call, and the Uniqueid of the agent's channel.
    """
    await_free(stage, council)
    caller, agent = stage.phone(council.caller), stage.phone(council.agent)
    mark, caller_mark, agent_mark = stage.eyes.mark(), caller.mark(), agent.mark()
    with routed(stage, council, "ROUTE", "announced"):
        caller.dial(council.did)
        caller.established(since=caller_mark)
        pass_time(KEY_AFTER_S)
        before()
        pressed = press(stage, council.caller, CALLERS_KEY, tells=True)
    take.check(len(pressed.said) == 1, f"{len(pressed.said)} opt-out told, before the queue")
    ours = event("QueueCallerJoin", CallerIDNum=council.caller.number)
    join = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((0.0, f"the caller, who has pressed {CALLERS_KEY}, enters the queue"))
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    agent.answer()
    answer = answered(stage, join, take)
    call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)
    return call, answer.get("DestUniqueid")


def _unheard(stage: Stage, council: Council, take: Take) -> None:
    take.says = "an opt-out while no bridge is there is not forgotten"
    product = stage.product
    ups = product.links_up()
    call, agents_channel = _ring_and_opt_out(
        stage, council, take, lambda: os.kill(product.part("bridge"), signal.SIGKILL)
    )
    take.check(product.links_up() == ups, "the bridge was killed before, and is still away")
    until("the bridge is there again", lambda: product.links_up() > ups, BRIDGE_TIMEOUT_S)
    take.lines.append((time.time() - call.entered_s, "another bridge is there"))
    pass_time(SHORT_TALK_S)
    hang_up(stage, council, call, council.caller, take)
    check_not_recorded(stage, take, call.uniqueid, agents_channel)
    check_silence(take, None, heard_by(stage, council.caller), "agent")
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = _recorded(stage, council, take, call)
    take.notes.append("control: the next call, without the key, is recorded")
    check_both(take, heard, recording.began_s, call.answered_s, ended_s - LAST_S)


def _recorded(
    stage: Stage, council: Council, take: Take, call: QueueCall
) -> tuple[Recording, Heard]:
    """The call is recorded as if nothing had been."""
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    check_sides(take, heard)
    segments = len(recording.manifest["segments"])
    take.check(segments == 1, f"{segments} segment: the recorder ran on")
    return recording, heard


def _check_around_key(
    take: Take,
    call: QueueCall,
    pressed: Pressed,
    ended_s: float,
    found: tuple[Recording, Heard],
    *,
    by_caller: bool,
) -> None:
    """The talk is there, before and after the keys; while they were pressed, the other one is."""
    recording, heard = found
    began_s = recording.began_s
    check_both(take, heard, began_s, call.answered_s, pressed.began_s)
    keys = pressed.began_s - began_s, pressed.ended_s - began_s
    side, name = ("right", "agent") if by_caller else ("left", "caller")
    check_one(take, heard, side, name, *keys, "while the key is pressed")
    check_both(take, heard, began_s, pressed.ended_s, ended_s - LAST_S)


def _by_agent(stage: Stage, council: Council, take: Take) -> None:
    may = council.policy in MAY_OPT_OUT
    take.says = "the agent's key in the talk: " + (
        "recording ends, and what there was is discarded"
        if may
        else "recorded on, the policy knows no such wish"
    )
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    pressed = press(stage, council.agent, OPT_OUT_KEY, tells=True)
    take.check(len(pressed.said) == 1, f"{len(pressed.said)} opt-out by the agent's key")
    pressed_s = pressed.said[0].at_s
    take.lines.append((pressed_s - call.entered_s, f"the agent has pressed {OPT_OUT_KEY}"))
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    if may:
        check_discarded(stage, take, call.uniqueid, BY_AGENT, SHORT_TALK_S, pressed_s)
        check_silence(take, None, heard_by(stage, council.caller), "agent")
        return
    found = _recorded(stage, council, take, call)
    _check_around_key(take, call, pressed, ended_s, found, by_caller=False)
    alarms = [each for each in stage.product.alarms(found[0].id) if UNKNOWN in each]
    take.check(len(alarms) == 1, f"{len(alarms)} alarm: {', '.join(alarms)}")


def _key_by_caller(stage: Stage, council: Council, take: Take) -> None:
    take.says = "the agent's keys are not the caller's"
    call = ring_queue(stage, council, take)
    pass_time(SHORT_TALK_S)
    pressed = press(stage, council.caller, OPT_OUT_KEY, tells=False)
    said = len(pressed.said)
    take.check(not said, f"{said} opt-outs by the caller's pressing {OPT_OUT_KEY}")
    pass_time(SHORT_TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    found = _recorded(stage, council, take, call)
    _check_around_key(take, call, pressed, ended_s, found, by_caller=True)


def _behind_local_channel(stage: Stage, council: Council, take: Take) -> None:
    """A Local channel has what its other half was given, the agent's keys among it."""
    take.says = "the agent's keys are not the caller's, whatever stands between the two"
    call = ring_queue(stage, council, take, LOCAL_DID)
    pass_time(SHORT_TALK_S)
    mark, began_s = stage.eyes.mark(), time.time()
    for keys in ALL_KEYS:
        stage.phone(council.caller).dtmf(keys, gap_s=DTMF_GAP_S)
        pass_time(KEYS_APART_S)
    ours = event("UserEvent", UserEvent="Hushtape", Linkedid=call.uniqueid)
    said = [f"{x.get('Act')} on {x.get('Channel')}" for x in stage.eyes.events(ours, mark)]
    words = f"the caller presses {', '.join(ALL_KEYS)}: {len(said)} events"
    take.check(not said, f"{words}{': ' if said else ''}{'; '.join(said)}")
    pressed_s = time.time()
    pass_time(SHORT_TALK_S)
    pressed = press(stage, council.agent, OPT_OUT_KEY, tells=True)
    take.check(len(pressed.said) == 1, f"control: {len(pressed.said)} event by the agent's key")
    ended_s = hang_up(stage, council, call, council.caller, take)
    take.keys[call.uniqueid] = sum(map(len, ALL_KEYS))
    recording, heard = _recorded(stage, council, take, call)
    began = recording.began_s
    check_both(take, heard, began, call.answered_s, began_s)
    keys = began_s - began, pressed_s - began
    lost_s = take.measure.key_s * take.keys[call.uniqueid]
    check_one(take, heard, "right", "agent", *keys, "while the caller presses keys", lost_s)
    check_both(take, heard, began, pressed_s, pressed.began_s)
    keys = pressed.began_s - began, ended_s - LAST_S - began
    check_one(take, heard, "left", "caller", *keys, "from the agent's key on")
    payments = [x for x in recording.manifest["spans"] if x["kind"] == "payment"]
    take.check(not payments, f"{len(payments)} payments in the manifest")
    alarms = [each for each in stage.product.alarms(recording.id) if UNKNOWN in each]
    take.check(len(alarms) == 1, f"{len(alarms)} alarm: {', '.join(alarms)}")


SCENES: tuple[Scenario, ...] = (
    Scenario("opt-out-announced", "the caller opts out at the announcement", _at_announcement),
    Scenario("opt-out-by-agent", "the agent presses the opt-out key", _by_agent),
    Scenario("opt-out-by-caller", "the caller presses the agent's opt-out key", _key_by_caller),
    Scenario(
        "keys-by-caller-local",
        "the queue's agent is a Local channel, the caller presses all of the agent's keys",
        _behind_local_channel,
        councils=(LOCAL_COUNCIL,),
    ),
)

# Of policies that the lab has made up.
MADE_UP: tuple[Scenario, ...] = (
    Scenario("opt-out-unheard", "the caller opts out while no bridge is there", _unheard),
)
