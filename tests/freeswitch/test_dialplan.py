"""What dialplan/freeswitch does on a real FreeSWITCH, with and without an answer of the bridge."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import pytest

from tests.esl_client import Event
from tests.freeswitch.conftest import ARRIVES_S, OURS, Switch

GUARD_WAITS_S = 2.0
SHORTEST_S, LONGEST_S = 1.7, 4.0  # it counts packets, which a busy machine reads late
LATE_S = LONGEST_S
GOOD_ANSWER_S = 0.3
KEY_S = 0.6
MESSAGE = "silence_stream://300"
LINE = f"null/{OURS}-line"
QUEUE = "hushtape-test-queue XML hushtape"  # an extension that isn't there
AGENT = "user/hushtape-test-nobody@hushtape.test"
KEYS = {"execute_on_pre_bridge_hushtape": "execute_extension hushtape-agent-keys XML hushtape"}
PAYMENT_LINE = "execute_extension:hushtape-payment-line XML hushtape,park"
NOTE = re.compile(r"began:\d{10}:(key|dialplan|transfer)")

Answer = Callable[[str], str]


def _next_digits(nonce: str) -> str:
    return nonce.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))


def _bridge(switch: Switch, answer: Answer, after_s: float = 0.0) -> None:
    """Answer every question from now on, as the bridge would."""

    def say(event: Event) -> None:
        if event.get("Hushtape-Act") != "silence":
            return
        uuid, value = event["Unique-ID"], answer(event["Hushtape-Nonce"])
        line = f"uuid_setvar {uuid} HUSHTAPE_SILENCE {value}"
        threading.Timer(after_s, switch.hand.api, (line,)).start()

    switch.eyes.on_event = say


def _rung(switch: Switch, since: int = 0) -> list[Event]:
    return switch.eyes.heard(
        lambda event: event["Event-Name"] == "CHANNEL_CREATE" and event["Channel-Name"] == LINE,
        since,
    )


def _executed(application: str, data: str = "") -> Callable[[Event], bool]:
    return lambda event: (
        event["Event-Name"] == "CHANNEL_EXECUTE"
        and event.get("Application") == application
        and data in event.get("Application-Data", "")
    )


def _stamp_s(event: Event) -> float:
    return int(event["Event-Date-Timestamp"]) / 1e6


def _to_payment_line(switch: Switch, message: str = MESSAGE) -> str:
    return switch.call(
        PAYMENT_LINE, hushtape_line=LINE, hushtape_message=message, hushtape_queue=QUEUE
    )


# ---------------------------------------------------------------- the guard


def test_with_the_right_answer_the_payment_line_is_rung_at_once(
    switch: Switch, record_property: Callable[[str, object], None]
) -> None:
    _bridge(switch, lambda nonce: nonce)
    caller = _to_payment_line(switch)
    rung = switch.eyes.wait_for(lambda event: event in _rung(switch), ARRIVES_S)
    cost_s = _stamp_s(rung) - _stamp_s(switch.wait_told("silence"))
    record_property("a good guard takes, in seconds", cost_s)
    assert cost_s < GOOD_ANSWER_S
    note = switch.hand.variable(caller, "HUSHTAPE_PAYMENT")
    assert NOTE.fullmatch(note)
    assert abs(time.time() - int(note.split(":")[1])) < ARRIVES_S
    assert switch.hand.variable(caller, "HUSHTAPE_SILENT") != "yes"  # it is used up


@pytest.mark.parametrize(
    ("name", "answer", "after_s"),
    [
        ("right but late", lambda nonce: nonce, LATE_S),
        ("to another question", _next_digits, 0.0),
        ("shorter", lambda nonce: nonce[:-1], 0.0),
        ("longer", lambda nonce: f"{nonce}0", 0.0),
        ("twice", lambda nonce: f"{nonce} {nonce}", 0.0),
        ("in capitals", lambda nonce: nonce.upper() + "A", 0.0),
        ("yes", lambda _: "yes", 0.0),
        ("a pattern", lambda _: ".*", 0.0),
        ("empty", lambda _: "", 0.0),
        ("none at all", None, 0.0),
    ],
)
def test_any_other_answer_opens_nothing_and_the_caller_goes_back(
    switch: Switch, name: str, answer: Answer | None, after_s: float
) -> None:
    if answer is not None:
        _bridge(switch, answer, after_s)
    caller = _to_payment_line(switch)
    asked = switch.wait_told("silence")
    assert NOTE.fullmatch(switch.hand.variable(caller, "HUSHTAPE_PAYMENT"))
    queued = switch.eyes.wait_for(_executed("execute_extension", QUEUE), GUARD_WAITS_S + ARRIVES_S)
    assert _rung(switch) == [], name
    message = switch.eyes.heard(_executed("playback", MESSAGE))[0]
    assert SHORTEST_S <= _stamp_s(message) - _stamp_s(asked) <= LONGEST_S
    assert _stamp_s(queued) > _stamp_s(message)
    assert ("payment-ended", "dialplan") in switch.told()
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == ""
    assert switch.hand.variable(caller, "fifo_vip") == "true"
    if after_s:  # an answer that comes too late opens nothing then, either
        time.sleep(after_s - SHORTEST_S)
        assert _rung(switch) == []


def test_a_yes_to_the_last_question_is_none_to_this_one(switch: Switch) -> None:
    nonces: list[str] = []

    def first_only(nonce: str) -> str:
        nonces.append(nonce)
        return nonces[0]

    _bridge(switch, first_only)
    caller = _to_payment_line(switch)
    switch.eyes.wait_for(lambda event: event in _rung(switch), ARRIVES_S)
    mark = switch.eyes.mark()
    switch.hand.api(f"uuid_setvar {caller} hushtape_message {MESSAGE}")
    assert switch.hand.api(f"uuid_transfer {caller} '{PAYMENT_LINE}' inline").startswith("+OK")
    switch.eyes.wait_for(_executed("execute_extension", QUEUE), GUARD_WAITS_S + ARRIVES_S, mark)
    assert len(set(nonces)) == 2
    assert _rung(switch, mark) == []


@pytest.mark.parametrize("way", ["guard", "guard-transfer"])
def test_every_recorder_has_stopped_before_anybody_is_asked(switch: Switch, way: str) -> None:
    caller = switch.call("park")
    for name in ("one", "two"):
        switch.record(caller, name)
    assert switch.recorders(caller) == 2
    what = f"execute_extension:hushtape-{way} XML hushtape,park"
    switch.hand.api(f"uuid_transfer {caller} '{what}' inline")
    switch.wait_told("silence")
    assert switch.recorders(caller) == 0
    names = [
        event["Event-Name"]
        for event in switch.eyes.events
        if "Hushtape-Act" in event or event["Event-Name"] == "RECORD_STOP"
    ]
    assert names == ["RECORD_STOP", "RECORD_STOP", "CUSTOM"]


@pytest.mark.parametrize("after_s", [0.3, GUARD_WAITS_S + 0.2])
def test_who_hangs_up_is_gone_and_nothing_rings(switch: Switch, after_s: float) -> None:
    _bridge(switch, lambda nonce: nonce, after_s + 0.1)
    caller = _to_payment_line(switch, "silence_stream://3000")
    switch.wait_told("silence")
    time.sleep(after_s)
    switch.hand.api(f"uuid_kill {caller}")
    time.sleep(GUARD_WAITS_S)
    assert _rung(switch) == []
    assert switch.hand.api(f"uuid_exists {caller}") == "false"
    assert not switch.eyes.heard(_executed("execute_extension", QUEUE))


def test_who_comes_behind_the_guard_finds_it_closed(switch: Switch) -> None:
    line = "execute_extension:hushtape-payment-line-open XML hushtape,park"
    switch.call(line, hushtape_line=LINE, hushtape_message=MESSAGE, hushtape_queue=QUEUE)
    switch.eyes.wait_for(_executed("execute_extension", QUEUE), ARRIVES_S)
    assert _rung(switch) == []


def test_a_caller_goes_back_to_the_agent_who_talked_with_him_last(switch: Switch) -> None:
    caller = switch.call("park")
    who = {"dialed_user": "hushtape-test-nobody", "dialed_domain": "hushtape.test"}
    agent = switch.call("park", "agent", **KEYS, **who)
    switch.talk(caller, agent)
    switch.eyes.wait_for(
        lambda event: event.get("Application-Data", "").startswith("hushtape_noted"), ARRIVES_S
    )
    assert switch.hand.variable(caller, "HUSHTAPE_AGENT") == f"{agent} {AGENT}"
    for name, value in (("hushtape_message", MESSAGE), ("hushtape_queue", QUEUE)):
        switch.hand.api(f"uuid_setvar {caller} {name} {value}")
    switch.hand.api(f"uuid_transfer {caller} '{PAYMENT_LINE}' inline")
    rung = switch.eyes.wait_for(_executed("bridge"), GUARD_WAITS_S + ARRIVES_S)
    assert rung["Application-Data"] == f"[leg_timeout=20]{AGENT}"
    # Nobody is there: the queue is next, and the agent isn't rung a second time.
    switch.eyes.wait_for(_executed("execute_extension", QUEUE), ARRIVES_S)
    assert switch.hand.variable(caller, "HUSHTAPE_AGENT") == ""


# ---------------------------------------------------------------- keys
#
# A ~ makes FreeSWITCH take the digits as if a telephone had sent them.


def _talking(switch: Switch) -> tuple[str, str]:
    """A caller and an agent with keys, who talk and are recorded."""
    caller, agent = switch.call("park"), switch.call("park", "agent", **KEYS)
    switch.talk(caller, agent)
    switch.eyes.wait_for(
        lambda event: event.get("Application") == "digit_action_set_realm", ARRIVES_S
    )
    time.sleep(0.2)
    switch.record(caller, "caller")
    switch.record(agent, "agent")
    return caller, agent


def test_the_agents_keys_begin_and_end_a_payment(switch: Switch) -> None:
    caller, agent = _talking(switch)
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*73")
    event = switch.wait_told("payment-began")
    assert (event["Hushtape-By"], event["Unique-ID"]) == ("key", caller)
    assert (switch.recorders(caller), switch.recorders(agent)) == (0, 0)
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT").endswith(":key")
    assert switch.hand.variable(agent, "HUSHTAPE_PAYMENT") == ""
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*74")
    event = switch.wait_told("payment-ended")
    assert (event["Hushtape-By"], event["Unique-ID"]) == ("key", caller)
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == ""
    assert re.fullmatch(r"began:\d+:key:\d+\.999", switch.hand.variable(caller, "HUSHTAPE_PAID"))
    assert switch.told() == [("payment-began", "key"), ("payment-ended", "key")]


def test_a_second_beginning_is_no_newer_but_stops_again(switch: Switch) -> None:
    caller, agent = _talking(switch)
    switch.hand.api(f"uuid_setvar {caller} HUSHTAPE_PAYMENT began:1234567890:transfer")
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*73")
    switch.wait_told("payment-began")
    assert switch.recorders(caller) == 0
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == "began:1234567890:transfer"


def test_where_both_have_the_keys_the_others_channel_tells_of_it(switch: Switch) -> None:
    other, presser = (switch.call("park", name, **KEYS) for name in ("other", "presser"))
    switch.talk(other, presser)
    time.sleep(0.3)
    assert switch.hand.variable(other, "HUSHTAPE_KEYS") == other
    switch.record(other, "other")
    switch.record(presser, "presser")
    for _ in range(2):  # the second time what the first has left must not mislead it
        mark = switch.eyes.mark()
        switch.hand.api(f"uuid_recv_dtmf {presser} ~*73")
        assert switch.wait_told("payment-began", mark)["Unique-ID"] == other
        assert switch.hand.variable(other, "HUSHTAPE_PAYMENT").endswith(":key")
        assert (switch.recorders(other), switch.recorders(presser)) == (0, 0)
        switch.hand.api(f"uuid_recv_dtmf {presser} ~*74")
        assert switch.wait_told("payment-ended", mark)["Unique-ID"] == other
        time.sleep(0.2)
        assert switch.told(mark) == [("payment-began", "key"), ("payment-ended", "key")]
        assert switch.hand.variable(presser, "HUSHTAPE_PAYMENT") == ""


def test_the_agents_keys_are_for_a_caller_who_came_through_a_loopback(switch: Switch) -> None:
    agent = switch.call("park", "agent", **KEYS)
    caller = switch.call("bridge:{loopback_bowout=false}loopback/app=park")
    half = switch.eyes.wait_for(
        lambda event: (
            event["Event-Name"] == "CHANNEL_CREATE" and event["Channel-Name"][-2:] == "-b"
        ),
        ARRIVES_S,
    )["Unique-ID"]
    switch.ours.append(half)
    time.sleep(0.3)
    switch.talk(half, agent)
    time.sleep(0.3)
    switch.record(caller, "caller")
    mark = switch.eyes.mark()
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*73")
    switch.eyes.wait_for(
        lambda event: event.get("Hushtape-Act") == "payment-began" and event["Unique-ID"] == caller,
        ARRIVES_S,
        mark,
    )
    assert switch.recorders(caller) == 0
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT").endswith(":key")
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*74")
    assert switch.wait_told("payment-ended", mark)["Unique-ID"] == caller
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == ""


def test_a_caller_whose_channel_has_a_loopbacks_name_is_a_caller(switch: Switch) -> None:
    """The other side can name a channel, by a header of its INVITE."""
    caller = switch.call("park", "x-b", origination_channel_name="loopback/x-b")
    agent = switch.call("park", "agent", **KEYS)
    switch.talk(caller, agent)
    time.sleep(0.3)
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*73")
    assert switch.wait_told("payment-began")["Unique-ID"] == caller
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT").endswith(":key")


@pytest.mark.parametrize(("key", "act"), [("*71", "opt-out"), ("*72", "permission")])
def test_what_the_agent_says_by_key_is_told_on_his_own_channel(
    switch: Switch, key: str, act: str
) -> None:
    _, agent = _talking(switch)
    switch.hand.api(f"uuid_recv_dtmf {agent} ~{key}")
    event = switch.wait_told(act)
    assert (event["Hushtape-By"], event["Unique-ID"]) == ("agent", agent)


def test_the_callers_keys_do_nothing(switch: Switch) -> None:
    caller, agent = _talking(switch)
    for key in ("*71", "*72", "*73", "*74"):
        switch.hand.api(f"uuid_recv_dtmf {caller} ~{key}")
    time.sleep(KEY_S)
    assert switch.told() == []
    assert (switch.recorders(caller), switch.recorders(agent)) == (1, 1)
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == ""


def test_a_key_with_nobody_there_tells_nothing(switch: Switch) -> None:
    caller, agent = _talking(switch)
    switch.hand.api(f"uuid_kill {caller}")
    time.sleep(0.2)
    switch.hand.api(f"uuid_recv_dtmf {agent} ~*73")
    time.sleep(KEY_S)
    assert switch.told() == []


# ---------------------------------------------------------------- the rest


def test_a_payment_of_the_dialplan_is_noted_then_silent_then_told(switch: Switch) -> None:
    caller = switch.call("park")
    switch.record(caller, "one")
    began = "execute_extension:hushtape-payment-began XML hushtape,park"
    switch.hand.api(f"uuid_transfer {caller} '{began}' inline")
    event = switch.wait_told("payment-began")
    assert event["Hushtape-By"] == "dialplan"
    assert switch.recorders(caller) == 0
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT").endswith(":dialplan")
    ended = "execute_extension:hushtape-payment-ended XML hushtape,park"
    switch.hand.api(f"uuid_transfer {caller} '{ended}' inline")
    switch.wait_told("payment-ended")
    assert switch.hand.variable(caller, "HUSHTAPE_PAYMENT") == ""


@pytest.mark.parametrize(("key", "opted_out"), [("9", True), ("5", False), ("*", False)])
def test_only_the_announced_key_opts_out(switch: Switch, key: str, opted_out: bool) -> None:
    caller = switch.call(
        "execute_extension:hushtape-announcement XML hushtape,park",
        hushtape_sound=MESSAGE,
        hushtape_wait="1000",
    )
    switch.eyes.wait_for(_executed("read"), ARRIVES_S)
    time.sleep(0.2)
    switch.hand.api(f"uuid_recv_dtmf {caller} {key}")
    switch.eyes.wait_for(_executed("park"), ARRIVES_S)
    assert switch.told() == ([("opt-out", "caller")] if opted_out else [])
    assert switch.hand.variable(caller, "HUSHTAPE_OPT_OUT") == ("yes" if opted_out else "")
    assert switch.hand.variable(caller, "hushtape_pressed") == ""


@pytest.mark.parametrize(
    ("sound", "told"),
    [(MESSAGE, [("permission", "announcement")]), ("/no/such/sound.wav", [])],
)
def test_an_announcement_counts_only_if_it_was_played(
    switch: Switch, sound: str, told: list[tuple[str, str]]
) -> None:
    confirm = {
        "group_confirm_key": "exec",
        "group_confirm_file": "execute_extension hushtape-told XML hushtape",
    }
    switch.call("park", "called", hushtape_sound=sound, **confirm)
    time.sleep(0.2)
    assert switch.told() == told


def test_a_callers_name_is_never_carried_out(switch: Switch) -> None:
    """The control is a text that does hold the name: there FreeSWITCH carries it out."""
    sign = f"{OURS}-sign"
    caller, agent = _talking(switch)
    name = f"caller_id_name=\\${{global_setvar({sign}=yes)}}"
    switch.hand.command(
        f"sendmsg {caller}\ncall-command: execute\nexecute-app-name: set_profile_var\n"
        f"execute-app-arg: {name}"
    )
    time.sleep(KEY_S)
    for key in ("*71", "*73", "*74"):
        switch.hand.api(f"uuid_recv_dtmf {agent} ~{key}")
    switch.wait_told("payment-ended")
    subroutines = ("opt-out", "payment-began", "announcement", "told", "payment-line")
    what = ",".join(f"execute_extension:hushtape-{one} XML hushtape" for one in subroutines)
    switch.hand.api(f"uuid_setvar {caller} hushtape_sound {MESSAGE}")
    switch.hand.api(f"uuid_setvar {caller} hushtape_message {MESSAGE}")
    switch.hand.api(f"uuid_setvar {caller} hushtape_wait 1000")
    switch.hand.api(f"uuid_transfer {caller} '{what},park' inline")
    switch.wait_told("silence")
    mark = switch.eyes.mark()
    switch.eyes.wait_for(_executed("park"), GUARD_WAITS_S + ARRIVES_S, mark)
    try:
        assert "yes" not in switch.hand.api(f"global_getvar {sign}")
        switch.hand.api(f"uuid_transfer {caller} 'set:x=${{caller_id_name}},park' inline")
        time.sleep(KEY_S)
        assert "yes" in switch.hand.api(f"global_getvar {sign}"), "control"
    finally:
        switch.hand.api(f"global_setvar {sign}=")
