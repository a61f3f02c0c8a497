"""What is shipped for FreeSWITCH fails closed: nothing records, or no payment line is rung."""

from __future__ import annotations

import re

import pytest

from ami_bridge.variables import PAYMENT_VARIABLE
from tests.freeswitch_dialplan import (
    ALL,
    CONTEXT,
    EXTENSIONS,
    call,
    condition,
    every_step,
    steps,
)

LONGEST_WAIT_S = 2.0


@pytest.mark.parametrize(
    ("name", "way", "act"),
    [
        ("hushtape-payment-began", "dialplan", "payment-began"),
        ("hushtape-guard", "dialplan", "silence"),
        ("hushtape-guard-transfer", "transfer", "silence"),
    ],
)
def test_a_payment_is_noted_then_silent_then_told(name: str, way: str, act: str) -> None:
    done = steps(name)
    noted = done.index(call(f"hushtape-noted-{way}"))
    stopped = done.index(("stop_record_session", "all"))
    (told,) = (at for at, (_, data) in enumerate(done) if f"Hushtape-Act={act}," in data)
    assert noted < stopped < told


def test_a_payment_by_key_is_noted_then_silent_then_told() -> None:
    _, half, every = EXTENSIONS["hushtape-peer-began"].findall("condition")
    assert half.get("break") == "never", "what follows is done in either case"
    noted = [(each.get("application"), each.get("data")) for each in half.findall("anti-action")]
    assert noted == [call("hushtape-noted-key")]
    assert every.get("field") is None
    stopped, told = every.findall("action")
    assert (stopped.get("application"), stopped.get("data")) == ("stop_record_session", "all")
    assert "Hushtape-Act=payment-began,Hushtape-By=key" in told.get("data", "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("hushtape-payment-ended", "action"), ("hushtape-peer-ended", "anti-action")],
)
def test_the_end_of_a_payment_is_noted_before_it_is_told(name: str, kind: str) -> None:
    done = steps(name, kind)
    (told,) = (at for at, (application, _) in enumerate(done) if application == "event")
    assert done.index(call("hushtape-noted-end")) < told
    paid = f"HUSHTAPE_PAID=${{{PAYMENT_VARIABLE}}}:${{strepoch()}}.999"
    assert steps("hushtape-noted-end") == [("set", paid), ("unset", PAYMENT_VARIABLE)]
    assert not condition("hushtape-noted-end").search(""), "a second end would wipe the first one"


def test_a_yes_is_over_with_its_payment() -> None:
    assert ("unset", "HUSHTAPE_SILENT") in steps("hushtape-payment-ended")


@pytest.mark.parametrize("name", ["hushtape-guard", "hushtape-guard-transfer"])
def test_the_guard_opens_only_on_the_answer_to_its_own_question(name: str) -> None:
    guard = steps(name)
    assert guard[:2] == [("set", "HUSHTAPE_SILENT=no"), ("unset", "HUSHTAPE_SILENCE")]
    (asked,) = (at for at, (application, _) in enumerate(guard) if application == "event")
    assert guard[asked - 1] == ("set", "hushtape_nonce=${create_uuid()}")
    assert guard[asked + 1] == call("hushtape-wait")
    assert guard[-2:] == [("unset", "hushtape_nonce"), ("unset", "HUSHTAPE_SILENCE")]


def test_both_guards_are_the_same() -> None:
    other = [
        (one, data.replace("transfer", "dialplan"))
        for one, data in steps("hushtape-guard-transfer")
    ]
    assert other == steps("hushtape-guard")


def test_nothing_but_the_look_says_yes() -> None:
    yes = [(name, step) for name, *step in every_step() if "=yes" in step[1]]
    assert yes == [
        ("hushtape-look", ["set", "HUSHTAPE_SILENT=yes"]),
        ("hushtape-opt-out", ["set", "HUSHTAPE_OPT_OUT=yes"]),
    ]


@pytest.mark.parametrize(
    ("answer", "nonce", "opens"),
    [
        ("0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", True),
        ("1b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", False),
        ("0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91\n", False),
        ("0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c9", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c9", False),
        ("0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", "", False),
        ("", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", False),
        ("", "", False),
        ("yes", "yes", False),
        *((".*", "0b5a1cbe-0d5e-4a2e-9d3b-0e6a4b7f8c91", False), ("-ERR", "-ERR", False)),
        ("<API Execute Permission Denied>", "<API Execute Permission Denied>", False),
    ],
)
def test_a_look_compares_exactly(answer: str, nonce: str, opens: bool) -> None:
    look = EXTENSIONS["hushtape-look"].findall("condition")[1]
    assert look.get("field") == "${HUSHTAPE_SILENCE} ${hushtape_nonce}"
    # \z is PCRE's name for the very end; Python's is \Z.
    pattern = look.get("expression", "").replace(r"\z", r"\Z")
    assert bool(re.search(pattern, f"{answer} {nonce}")) is opens


def test_the_guard_waits_in_short_steps_and_not_for_long() -> None:
    guard = EXTENSIONS["hushtape-guard"].findall("condition/action")
    outer = next(each for each in guard if each.get("data") == f"hushtape-wait {CONTEXT}")
    inner = next(iter(EXTENSIONS["hushtape-wait"].iter("action")))
    (nap,) = (
        data
        for application, data in steps("hushtape-look", "anti-action")
        if application == "sleep"
    )
    times = int(outer.get("loop", "1")) * int(inner.get("loop", "1"))
    packet_ms = 20
    waits_ms = -(-int(nap) // packet_ms) * packet_ms
    assert 20 <= waits_ms <= 50
    assert 1.5 <= times * waits_ms / 1000 <= LONGEST_WAIT_S


def test_a_payment_line_is_dialled_after_a_yes_once_and_by_no_other_way() -> None:
    dialled = [name for name, _, data in every_step() if "${hushtape_line}" in data]
    assert dialled == ["hushtape-payment-line-open"]
    asked = EXTENSIONS["hushtape-payment-line-open"].findall("condition")[1]
    assert (asked.get("field"), asked.get("expression")) == ("${HUSHTAPE_SILENT}", "^yes$")
    opened = steps("hushtape-payment-line-open")
    assert opened[0] == ("set", "HUSHTAPE_SILENT=rung")
    assert steps("hushtape-payment-line") == [
        call("hushtape-guard-transfer"),
        call("hushtape-payment-line-open"),
    ]
    assert steps("hushtape-payment-line-open", "anti-action") == [call("hushtape-turned-back")]


def test_who_sent_a_caller_is_rung_once_for_each_time() -> None:
    again = steps("hushtape-agent-again")
    (rung,) = (at for at, (application, _) in enumerate(again) if application == "bridge")
    assert ("unset", "HUSHTAPE_AGENT") in again[:rung]


def test_who_has_not_been_answered_is_told_busy_and_nobody_is_rung() -> None:
    asked = EXTENSIONS["hushtape-way-back"].findall("condition")[1]
    assert asked.get("field") == "answered_time"
    assert not re.search(asked.get("expression", ""), "0")
    assert re.search(asked.get("expression", ""), "1795320646721480")
    assert steps("hushtape-way-back", "anti-action") == [("hangup", "USER_BUSY")]
    answers = [name for name, application, _ in every_step() if application == "answer"]
    assert answers == ["hushtape-announcement"]


@pytest.mark.parametrize("name", ALL)
def test_a_call_is_at_home_while_something_takes_time(name: str) -> None:
    for kind in ("action", "anti-action"):
        done = steps(name, kind)
        for at, (application, _) in enumerate(done):
            if application in {"bridge", "playback", "read", "sleep"}:
                assert done[at - 1] == call("hushtape-home"), f"{name}: {application}"
