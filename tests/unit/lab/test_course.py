"""Who could hear the caller when, out of the PBX's own events."""

from __future__ import annotations

from lab.course import Talk, course_of
from lab.eyes import Event

CALLER = {"Uniqueid": "c", "Channel": "PJSIP/caller1-00000000"}
AGENT = {"Uniqueid": "a", "Channel": "PJSIP/211-00000001"}
OFFICE = {"Uniqueid": "o", "Channel": "PJSIP/212-00000002"}
ROOM = {"BridgeUniqueid": "b"}


def events(*told: tuple[float, str, dict[str, str]]) -> list[Event]:
    return [Event({"Event": name, **about}, at_s, at_s, b"") for at_s, name, about in told]


def test_a_queue_call_that_is_transferred() -> None:
    course = course_of(
        events(
            (1.0, "QueueCallerJoin", CALLER),
            (2.0, "AgentConnect", CALLER),
            (2.0, "BridgeEnter", CALLER | ROOM),
            (2.1, "BridgeEnter", AGENT | ROOM),
            (5.0, "BridgeLeave", AGENT | ROOM),
            (5.1, "BridgeEnter", OFFICE | ROOM),
            (8.0, "Hangup", CALLER),
            (9.0, "BridgeEnter", AGENT | ROOM),
        ),
        "c",
    )
    assert (course.entered_s, course.answered_s, course.over_s()) == (1.0, 2.0, 8.0)
    assert course.talks == [Talk("211", 2.1, 5.0), Talk("212", 5.1, 8.0)]


def test_those_in_another_room_are_not_heard() -> None:
    course = course_of(
        events(
            (2.0, "BridgeEnter", CALLER | ROOM),
            (2.1, "BridgeEnter", AGENT | {"BridgeUniqueid": "other"}),
            (3.0, "Hangup", CALLER),
        ),
        "c",
    )
    assert course.talks == []


def test_a_call_that_was_cut_off_has_no_end() -> None:
    assert course_of(events((1.0, "QueueCallerJoin", CALLER)), "c").gone_s is None
