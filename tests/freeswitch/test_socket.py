"""What the event socket says: refusals, several clients, hostile names, who lives."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from ami_bridge.freeswitch import living
from tests.esl_client import EslClient, Event
from tests.freeswitch.conftest import ARRIVES_S, OURS, Switch

NOBODY = "00000000-0000-0000-0000-000000000000"
USAGE = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]"
TONE = "playback:tone_stream://%(10000\\,0\\,440);loops=-1"
SETTLES_S = 0.25
MANY = 200

HOSTILE = {
    "quotes": 'Robert\'); DROP TABLE "calls";--',
    "percent": "100% %0a%0d%00 %zz",
    "header": "x: y, Unique-ID: z",
    "markup": "<b>&amp;</b>|`id`;$HOME",
    "beyond ascii": "Zoë 🦊 \u202emoc",
    "long": "n" * 4000,
}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (f"uuid_kill {NOBODY}", "-ERR No such channel!"),
        (f"uuid_transfer {NOBODY} 1", "-ERR No such channel!"),
        (f"uuid_bridge {NOBODY} {NOBODY}", "-ERR Invalid uuid"),
        (f"uuid_getvar {NOBODY} x", "-ERR No such channel!"),
        (f"uuid_setvar {NOBODY} x y", "-ERR No such channel!"),
        (f"uuid_dump {NOBODY} json", "-ERR No such channel!"),
        (f"uuid_exists {NOBODY}", "false"),
        (f"uuid_buglist {NOBODY}", "-ERR no reply"),
        (f"uuid_record {NOBODY} stop all", "-ERR Cannot locate session!"),
        (f"uuid_record {NOBODY} start /nowhere/x.wav", "-ERR Cannot locate session!"),
        ("uuid_record", USAGE),
        ("uuid_getvar", "-USAGE: <uuid> <var>"),
        ("global_getvar hushtape_test_nobody", "-ERR no reply"),
        ("hushtape_test_nosuch", "-ERR hushtape_test_nosuch Command not found!"),
        (f"originate user/{OURS}@nowhere.test &park", "-ERR SUBSCRIBER_ABSENT"),
    ],
)
def test_a_refusal_has_these_words(switch: Switch, command: str, answer: str) -> None:
    assert switch.hand.api(command) == answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("event plain HUSHTAPE_NOSUCH", "-ERR no keywords supplied"),
        ("event", "-ERR no keywords supplied"),
        ("noevents", "-ERR not listening for events"),
        ("filter Unique-ID x", "+OK filter added. [Unique-ID]=[x]"),
        ("filter delete all", "+OK filter deleted. [all][]"),
        ("linger", "-ERR not controlling a session"),
        (f"sendmsg {NOBODY}", f"-ERR invalid session id [{NOBODY}]"),
        ("bgapi status\nJob-UUID: hushtape-test-1", "+OK Job-UUID: hushtape-test-1"),
        ("hushtape-test", "-ERR command not found"),
        ("exit", "+OK bye"),
    ],
)
def test_a_reply_has_these_words(other: EslClient, command: str, answer: str) -> None:
    assert other.command(command)[0]["Reply-Text"] == answer


@pytest.fixture
def other(switch: Switch) -> Iterator[EslClient]:
    client = EslClient(switch.address)
    yield client
    client.close()


def test_a_wrong_password_is_refused(switch: Switch) -> None:
    with pytest.raises(PermissionError):
        EslClient(switch.address._replace(password="not-this-one"))


def test_a_recorder_is_found_by_its_path_alone(switch: Switch) -> None:
    uuid = switch.call(TONE)
    folder = switch.hand.api("global_getvar recordings_dir")
    path, wrong = f"{folder}/{OURS}-path.wav", f"{folder}/{OURS}-other.wav"
    for what in ("stop", "mask", "unmask"):
        refused = "stop record" if what == "stop" else f"{what} recording"
        assert switch.hand.api(f"uuid_record {uuid} {what} {path}") == (
            f"-ERR Cannot {refused} session!"
        )
    start = f"uuid_record {uuid} start {path} 0 {{RECORD_MIN_SEC=3600}}"
    assert switch.hand.api(start) == "+OK Success"
    assert switch.hand.api(start) == "+OK Success"  # and there is still one
    assert switch.recorders(uuid) == 1
    assert switch.hand.api(f"uuid_record {uuid} stop {wrong}") == (
        "-ERR Cannot stop record session!"
    )
    assert switch.hand.api(f"uuid_record {uuid} stop {path}") == "+OK Success"
    assert switch.hand.api(f"uuid_record {uuid} stop {path}") == "-ERR Cannot stop record session!"
    assert switch.hand.api(f"uuid_record {uuid} stop all") == "-ERR Cannot stop record session!"


def test_who_has_hung_up_is_not_recorded_any_more(switch: Switch) -> None:
    uuid = switch.call(TONE)
    path = f"{switch.hand.api('global_getvar recordings_dir')}/{OURS}-late.wav"
    assert switch.hand.at_once(f"uuid_kill {uuid}", f"uuid_record {uuid} start {path}") == [
        "+OK",
        "-ERR Cannot locate session!",
    ]


def test_a_recorder_that_followed_a_transfer_is_ended_by_stop_all_alone(switch: Switch) -> None:
    one = switch.call(TONE, recording_follow_transfer="true", RECORD_MIN_SEC="3600")
    other = switch.call("park", "other")
    switch.talk(one, other)
    path = f"{switch.hand.api('global_getvar recordings_dir')}/{OURS}-followed.wav"
    assert switch.hand.api(f"uuid_record {one} start {path}") == "+OK Success"
    time.sleep(SETTLES_S)
    mark = switch.eyes.mark()
    assert switch.hand.api(f"uuid_transfer {one} -bleg park inline") == "+OK"
    time.sleep(SETTLES_S)
    assert path in switch.hand.api(f"uuid_buglist {other}")
    assert switch.hand.api(f"uuid_exists {one}") == "false"
    for what, words in (("stop", "stop record"), ("mask", "mask recording")):
        refusal = f"-ERR Cannot {words} session!"
        assert switch.hand.api(f"uuid_record {other} {what} {path}") == refusal
    assert switch.hand.api(f"uuid_record {other} stop all") == "+OK Success"
    stopped = switch.eyes.wait_for(
        lambda event: event["Event-Name"] == "RECORD_STOP", ARRIVES_S, mark
    )
    assert (stopped["Record-File-Path"], stopped["Unique-ID"]) == (path, other)
    assert switch.recorders(other) == 0


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_name_is_one_value_of_one_header(switch: Switch, name: str) -> None:
    uuid = switch.call("park")
    mark = switch.eyes.mark()
    value = HOSTILE[name]
    switch.hand.command(
        f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: set_profile_var\n"
        f"execute-app-arg: caller_id_name={_quoted(value)}"
    )
    switch.eyes.wait_for(
        lambda event: (
            event["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE"
            and event["Application"] == "set_profile_var"
        ),
        ARRIVES_S,
        mark,
    )
    switch.hand.api(f"uuid_kill {uuid}")
    gone = switch.eyes.wait_for(
        lambda event: (
            event["Event-Name"] == "CHANNEL_HANGUP_COMPLETE" and event["Unique-ID"] == uuid
        ),
        ARRIVES_S,
        mark,
    )
    assert gone["Caller-Caller-ID-Name"] == HOSTILE[name]
    assert gone["Hangup-Cause"] == "NORMAL_CLEARING"


def _quoted(value: str) -> str:
    """As values of a message are read: percent signs stand for bytes."""
    return quote(value, safe=" '();,.-/<>&|`$:=\"")


def test_each_client_hears_what_it_has_asked_for(switch: Switch) -> None:
    one = EslClient(switch.address, "CHANNEL_CREATE CHANNEL_PARK")
    two = EslClient(switch.address, "CHANNEL_PARK")
    try:
        uuid = switch.call("park")
        for client in (one, two):
            client.wait_for(_parked(uuid), ARRIVES_S)
        assert [_ours(each, uuid) for each in (one, two)] == [
            ["CHANNEL_CREATE", "CHANNEL_PARK"],
            ["CHANNEL_PARK"],
        ]
        one.command("nixevent CHANNEL_PARK")
        mark = one.mark()
        again = switch.call("park", "again")
        two.wait_for(_parked(again), ARRIVES_S)
        time.sleep(SETTLES_S)
        assert _ours(one, again, mark) == ["CHANNEL_CREATE"]
    finally:
        one.close()
        two.close()


def _parked(uuid: str) -> Callable[[Event], bool]:
    return lambda event: event["Event-Name"] == "CHANNEL_PARK" and event["Unique-ID"] == uuid


def _ours(client: EslClient, uuid: str, since: int = 0) -> list[str]:
    def is_ours(event: Event) -> bool:
        return event.get("Unique-ID") == uuid

    return [event["Event-Name"] for event in client.heard(is_ours, since)]


def test_who_does_not_read_holds_up_nobody(switch: Switch) -> None:
    host, port, password = switch.address
    with socket.create_connection((host, port)) as asleep:
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.sendall(f"auth {password}\n\nevent plain ALL\n\n".encode())
        uuid = switch.call("park")
        for number in range(MANY):
            switch.hand.api(f"uuid_setvar {uuid} hushtape_test_{number} {'x' * 100}")
            switch.hand.command(
                f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: set\n"
                f"execute-app-arg: hushtape_test=asleep-{number}"
            )
        began_s = time.monotonic()
        switch.eyes.wait_for(
            lambda event: event.get("Application-Data", "").endswith(f"asleep-{MANY - 1}"),
            ARRIVES_S,
        )
        assert time.monotonic() - began_s < ARRIVES_S


def test_what_lives_is_told_as_a_bridge_that_comes_later_needs_it(switch: Switch) -> None:
    one, two, alone = switch.call("park"), switch.call("park", "two"), switch.call("park", "alone")
    switch.talk(one, two)
    switch.hand.api(f"uuid_setvar {one} HUSHTAPE_CALL hushtape-test-note")
    time.sleep(SETTLES_S)  # a real one keeps that list beside the calls, a little later
    listed = json.loads(switch.hand.api("show channels as json"))["rows"]
    rows = {row["uuid"]: row for row in listed}
    assert {one, two, alone} <= set(rows)
    assert rows[alone]["initial_dest"] == f"{OURS}-alone"
    assert rows[alone]["initial_context"] == "default"
    whole = {
        uuid: {**json.loads(switch.hand.api(f"uuid_dump {uuid} json")), **rows[uuid]}
        for uuid in (one, two, alone)
    }
    bridges = living.bridges(list(whole.values()))
    assert set(bridges) == {one, two}
    assert bridges[one] == bridges[two]
    assert bridges[one][1], "each of the two names the other"
    assert whole[one]["variable_HUSHTAPE_CALL"] == "hushtape-test-note"
    assert whole[one]["Answer-State"] == "answered"
    for uuid in (one, two, alone):
        switch.hand.api(f"uuid_kill {uuid}")
    time.sleep(SETTLES_S)
    left = json.loads(switch.hand.api("show channels as json"))
    assert not {one, two, alone} & {row["uuid"] for row in left.get("rows", [])}
