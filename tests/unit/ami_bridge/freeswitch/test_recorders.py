"""Where our recorders are, by the events of a FreeSWITCH."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.facts import Channel
from ami_bridge.freeswitch import recorders
from ami_bridge.freeswitch.recorders import Cut, Ended, Recorders, Stranger, Stray

NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
CALLER = Channel("c-1", "c-1", "public", "601")
PATH = "/spool/a.1.both.wav"


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def start(path: str = PATH, uuid: str = "c-1") -> dict[str, str]:
    return {"Event-Name": "RECORD_START", "Unique-ID": uuid, "Record-File-Path": path}


def attached(
    path: str = PATH, uuid: str = "c-1", function: str = "session_record"
) -> dict[str, str]:
    return {
        "Event-Name": "MEDIA_BUG_START",
        "Unique-ID": uuid,
        "Media-Bug-Function": function,
        "Media-Bug-Target": path,
    }


def stop(path: str = PATH, uuid: str = "c-1") -> dict[str, str]:
    return {"Event-Name": "RECORD_STOP", "Unique-ID": uuid, "Record-File-Path": path}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Recorders:
    made = Recorders(clock)
    made.asked(PATH, CALLER, 1)
    return made


def test_one_that_was_asked_for_is_no_stranger(known: Recorders) -> None:
    for event in (start(), attached()):
        assert known.hear(event, at(1)) is None
    found = known.get(PATH)
    assert found is not None
    assert (found.on, found.moved_at, found.ended_at) == ("c-1", None, None)
    assert known.of("c-1", 1) is found
    assert known.of("c-1", 2) is known.of("c-2", 1) is None


def test_its_end_is_known_wherever_it_was(known: Recorders) -> None:
    known.hear(stop(uuid="another"), at(5))
    known.hear(stop(), at(9))
    found = known.get(PATH)
    assert found is not None
    assert found.ended_at == at(5), "the first counts"


def test_one_that_could_not_be_written_is_told_with_its_end(known: Recorders) -> None:
    full = {**stop(), "Record-Completion-Cause": "uri-failure"}
    assert known.hear({**full, "Record-File-Path": "/other.wav"}, at(5)) is None
    found = known.hear(full, at(5))
    assert isinstance(found, Cut)
    assert found.known.path == PATH
    assert known.hear(full, at(5)) is None
    known.asked("/spool/a.2.both.wav", CALLER, 2)
    fine = {**stop("/spool/a.2.both.wav"), "Record-Completion-Cause": "success-maxtime"}
    assert type(known.hear(fine, at(9))) is Ended


def test_one_that_ended_and_its_channel_did_not(known: Recorders) -> None:
    found = known.hear(stop(), at(5))
    assert type(found) is Ended
    assert found.known is known.get(PATH)
    assert known.hear(stop(), at(6)) is None, "once"


def test_one_that_ended_with_its_channel(known: Recorders) -> None:
    assert known.hear({**stop(), "Answer-State": "hangup"}, at(5)) is None


def test_what_moved_from_a_channel(known: Recorders) -> None:
    assert known.moved_from("c-1") == []
    known.hear(attached(uuid="b-9"), at(4))
    assert [each.path for each in known.moved_from("c-1")] == [PATH]
    assert known.moved_from("b-9") == []


def test_one_that_is_found_elsewhere_has_moved(known: Recorders) -> None:
    assert known.found(PATH, "c-1", at(3)) is None
    assert known.found("/other.wav", "b-9", at(3)) is None
    found = known.found(PATH, "b-9", at(3))
    assert found is not None
    assert (found.moved, found.known.moved_at) == (True, at(3))


def test_one_that_moves_is_a_stray_from_then_on(known: Recorders) -> None:
    known.hear(attached(), at(1))
    found = known.hear(attached(uuid="b-9"), at(4))
    assert isinstance(found, Stray)
    assert found.moved
    assert (found.known.on, found.known.moved_at) == ("b-9", at(4))
    again = known.hear(attached(uuid="d-7"), at(6))
    assert isinstance(again, Stray)
    assert (again.known.on, again.known.moved_at) == ("d-7", at(4)), "away since the first move"


def test_one_that_begins_too_late_is_a_stray(known: Recorders) -> None:
    known.give_up(PATH)
    found = known.hear(start(), at(9))
    assert isinstance(found, Stray)
    assert not found.moved


def test_a_stranger_is_told_once_though_its_start_has_two_events(known: Recorders) -> None:
    assert known.hear(start("/other.wav"), at(1)) == Stranger()
    assert known.hear(attached("/other.wav"), at(1)) is None
    assert known.hear(attached("/other.wav"), at(2)) == Stranger(), "it came back"


def test_a_stranger_that_was_moved_here_has_one_event_only(known: Recorders) -> None:
    """The agent's own recording, followed to the caller: no RECORD_START comes."""
    assert known.hear(start("/other.wav", "agent"), at(1)) == Stranger()
    assert known.hear(attached("/other.wav", "agent"), at(1)) is None
    assert known.hear(attached("/other.wav", "c-1"), at(4)) == Stranger()


def test_what_else_is_attached_to_a_channel_is_no_recorder(known: Recorders) -> None:
    assert known.hear(attached("x", function="eavesdrop"), at(1)) is None
    assert known.hear({"Event-Name": "CHANNEL_ANSWER", "Unique-ID": "c-1"}, at(1)) is None


def test_what_is_over_is_forgotten_after_a_while_and_what_runs_never(
    known: Recorders, clock: Clock
) -> None:
    known.hear(stop(), at(1))
    known.asked("/spool/a.2.both.wav", CALLER, 2)
    clock.now_s = recorders.OVER_KEPT_S - 1
    known.asked("/spool/a.3.both.wav", CALLER, 3)
    assert known.get(PATH) is not None
    clock.now_s = recorders.OVER_KEPT_S + 1
    known.asked("/spool/a.4.both.wav", CALLER, 4)
    assert known.get(PATH) is None
    assert known.of("c-1", 1) is None
    assert known.of("c-1", 2) is not None


def test_strangers_are_forgotten_too(known: Recorders, clock: Clock) -> None:
    for number in range(100):
        known.hear(start(f"/other{number}.wav"), at(1))
    clock.now_s = recorders.STRANGERS_KEPT_S + 1
    known.hear(start("/last.wav"), at(20))
    assert len(known._strangers) == 1


def test_with_its_channel_it_goes_while_nobody_listened(known: Recorders) -> None:
    known.asked("/spool/b.1.both.wav", Channel("c-2", "c-2", "", ""), 1)
    known.only_on({"c-2"})
    first, second = known.get(PATH), known.get("/spool/b.1.both.wav")
    assert first is not None
    assert second is not None
    assert (first.given_up, second.given_up) == (True, False)
