"""What lives on a FreeSWITCH, as it said itself: see tests/data/esl/living."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ami_bridge.freeswitch.living import (
    bridges,
    hangs_up,
    holds,
    joins,
    left_queue,
    speaks_on,
    talks_in,
    uuid_of,
    waits,
    waits_in,
)
from tests.sessions import PBX

FOLDER = Path(__file__).parents[3] / "data" / "esl" / "living"
QUEUE = "surrey-contact-centre"
CALLER = "07900123001"


def living(name: str) -> list[dict[str, str]]:
    return list(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def caller(name: str) -> dict[str, str]:
    return next(each for each in living(name) if f"/{CALLER}@" in each["Channel-Name"])


@pytest.mark.parametrize(
    ("name", "waits", "talks"),
    [
        ("waiting", QUEUE, ""),
        ("talk", "", QUEUE),
        ("held", "", QUEUE),
        ("consulting-by-phone", "", QUEUE),
        ("consulting-by-key", "", QUEUE),
        ("back", "", QUEUE),
        ("conference", "", ""),
        ("parked", "", ""),
        ("transferred", "", ""),
    ],
)
def test_who_waits_and_who_talks_in_a_queue(name: str, waits: str, talks: str) -> None:
    found = caller(name)
    assert (waits_in(found, PBX), talks_in(found, PBX)) == (waits, talks)
    others = [each for each in living(name) if each is not found and each != found]
    assert others or name == "parked"
    for each in others:
        assert waits_in(each, PBX) == talks_in(each, PBX) == "", "an agent is in no queue"


@pytest.mark.parametrize("name", ["fifo-waiting", "fifo-talk"])
def test_a_fifo_is_told_by_what_was_dialled(name: str) -> None:
    """The channel doesn't say in which it waits, but with words that may hold anything."""
    found = caller(name)
    pbx = type(PBX)(
        kind="freeswitch",
        host="",
        spool="",
        outside_contexts=(),
        queues={"01632960115": "help-line"},
    )
    in_queue = waits_in(found, pbx) if name == "fifo-waiting" else talks_in(found, pbx)
    assert in_queue == "help-line"
    assert waits_in(found, PBX) == talks_in(found, PBX) == ""


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ({}, "desk"),
        # In the second queue within the second in which the first one was answered.
        ({"variable_cc_queue_answered_epoch": "1700000000"}, "desk"),
        ({"variable_cc_queue_answered_epoch": "1700000001"}, ""),
        ({"variable_cc_queue_canceled_epoch": "1700000001"}, ""),
        # An announcement is played to who waits.
        ({"variable_current_application": "playback"}, "desk"),
        (
            {
                "variable_current_application": "playback",
                "variable_cc_queue_answered_epoch": "1700000000",
            },
            "",
        ),
        ({"variable_bridge_to": "u-x"}, ""),
        ({"variable_cc_side": "agent"}, ""),
        ({"variable_cc_queue_joined_epoch": "not a number"}, "desk"),
    ],
)
def test_who_was_answered_or_gave_up_waits_no_more(more: dict[str, str], waits: str) -> None:
    member = {
        "variable_cc_side": "member",
        "variable_cc_queue": "desk@lab",
        "variable_cc_queue_joined_epoch": "1700000000",
        "variable_current_application": "callcenter",
    }
    assert waits_in(member | more, PBX) == waits


def test_two_who_say_so_are_in_a_bridge() -> None:
    found = bridges(living("talk"))
    assert len(found) == 2
    assert len(set(found.values())) == 1
    assert all(mutual for _, mutual in found.values())


def test_a_caller_whose_agent_consults_by_key_is_in_a_bridge_to_which_he_comes_back() -> None:
    found = bridges(living("consulting-by-key"))
    waiting = uuid_of(caller("consulting-by-key"))
    assert found[waiting][1] is False
    assert [mutual for uuid, (_, mutual) in found.items() if uuid != waiting] == [True, True]


def test_a_conference_is_one_bridge() -> None:
    assert set(bridges(living("conference")).values()) == {("conference:651", True)}


@pytest.mark.parametrize("name", ["waiting", "parked", "fifo-waiting"])
def test_who_waits_is_in_none(name: str) -> None:
    assert uuid_of(caller(name)) not in bridges(living(name))


def test_a_channel_is_named_by_either_answer() -> None:
    assert uuid_of({"Unique-ID": "u-1", "uuid": "u-1"}) == uuid_of({"uuid": "u-1"}) == "u-1"
    assert uuid_of({}) == ""


def test_what_hangs_up() -> None:
    assert hangs_up({"Answer-State": "hangup"})
    assert not any(hangs_up(each) for each in living("talk"))


def test_who_holds() -> None:
    assert [each for each in living("held") if holds(each)]
    assert not any(holds(each) for each in living("talk"))
    second = [each for each in living("consulting-by-phone") if holds(each)]
    assert len(second) == 1
    assert not any(holds(each) for each in living("back"))


def test_who_speaks_as_a_third() -> None:
    third = {"variable_current_application": "three_way"}
    assert joins(third)
    assert speaks_on(third) == ""
    assert speaks_on({**third, "variable_current_application_data": "u-1"}) == "u-1"
    assert not any(joins(each) for each in living("talk"))


@pytest.mark.parametrize(
    ("name", "there"), [("waiting", True), ("fifo-waiting", True), ("talk", False)]
)
def test_who_waits(name: str, there: bool) -> None:
    assert waits(caller(name)) is there
    assert left_queue(caller(name)) is not there


@pytest.mark.parametrize(
    ("application", "left"),
    [("callcenter", False), ("fifo", False), ("playback", False), ("bridge", True), ("", True)],
)
def test_what_a_channel_does_that_may_wait_still(application: str, left: bool) -> None:
    assert left_queue({"variable_current_application": application}) is left
