"""What should exist, does, or is named: ledger, archive and findings over a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis
import structlog
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from hushtape import handoff_names as names
from hushtape.errors import RecordingError
from hushtape.recordings import acts, layout
from hushtape.recordings.acts import FINDING_SEEN, Act
from hushtape.recordings.assurance import PROMISED, Finding, Kind, Seen
from hushtape.recordings.findings import KEPT, Findings
from hushtape.recordings.ledger import Expectation, Ledger, State, of_handoff
from hushtape.recordings.manifest import Handoff, Reason
from tests.integration.workers.test_expiry import put
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone
from workers import assure as assuring
from workers import tasks
from workers.expire import sweep
from workers.reconcile import reconcile, upkeep
from workers.runtime import context

AGES = timedelta(days=70)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def alarms(lines: list[Any]) -> list[str]:
    return [line["what"] for line in lines if line["event"] == "alarm"]


def call(house: House, seconds: float = 2, **changes: object) -> Handoff:
    one = segment(1, 0, seconds)
    house.write_segment(one, tone(440, seconds), tone(600, seconds))
    return handoff(one, **changes)


def ledger(house: House) -> Ledger:
    return Ledger(house.redis)


def finding(house: House, recording_id: str = RECORDING_ID) -> Finding | None:
    return Findings(house.redis).get(recording_id)


def expect(house: House, given: Handoff) -> None:
    """As the bridge does it when a call is over."""
    ledger(house).publish({given.id: of_handoff(given)}, given.call.ended_at)


def archive(given: Handoff) -> None:
    tasks.archive(tasks.handoff_text(given))


def look(house: House, after: timedelta | None = None) -> None:
    """Look whether all is there, so long after the call's end."""
    if after is not None:
        house.now = START + timedelta(seconds=2) + after
    tasks.assure()


@pytest.mark.parametrize("state", list(State))
def test_what_was_told_by_a_clock_years_ahead_is_named_at_once(
    house: House, lines: list[Any], state: State
) -> None:
    ahead = house.now + timedelta(days=1460)
    each = msgspec.structs.replace(
        of_handoff(call(house)), state=state, started_at=ahead, ended_at=ahead
    )
    ledger(house).publish({RECORDING_ID: each}, ahead)
    look(house)
    (said,) = alarms(lines)
    assert said.startswith("missing: " if state is State.HANDED_OFF else "unwatched: ")


def test_what_is_archived_in_time_is_no_finding(house: House, lines: list[Any]) -> None:
    given = call(house)
    expect(house, given)
    house.now = START + timedelta(seconds=3)
    archive(given)
    assert ledger(house).all() == {}
    look(house, timedelta(hours=1))
    assert finding(house) is None
    assert alarms(lines) == []
    assert house.redis.get(assuring.ARCHIVED) == b"1"


def test_until_five_minutes_are_over_nothing_is_missing(house: House, lines: list[Any]) -> None:
    expect(house, handoff(segment(1, 0, 2)))
    look(house, PROMISED)
    assert finding(house) is None
    look(house, PROMISED + timedelta(seconds=1))
    found = finding(house)
    assert found is not None
    assert found.kinds == (Kind.MISSING,)
    assert found.pbx == "town-hall"
    assert found.started_at == START
    assert not found.archived
    assert alarms(lines) == list(found.words)
    look(house, timedelta(minutes=20))
    assert finding(house) == found
    assert len(alarms(lines)) == 1


def works(house: House) -> None:
    """As if a worker listened to the spool's queue."""
    key = WORKERS_BY_QUEUE_KEY % names.spool_queue("town-hall")
    house.redis.sadd(key, "rq:worker:one")
    house.redis.set("rq:worker:one", b"")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nobody", "waits in the outbox: no worker serves the spool of town-hall"),
        ("nothing", "waits in the outbox: no worker has taken it"),
        ("queued", "waits in the outbox, and in the queue behind 0 others"),
        ("taken", "waits in the spool, or its files are gone"),
        ("tried", "waits in the spool, tried 1 times: a reason"),
        ("tried alone", "waits in the spool, and no worker serves it, tried 1 times: a reason"),
        ("foreign", "it comes from a PBX that hushtape.toml doesn't name"),
        ("unmounted", "is not mounted"),
    ],
)
def test_what_is_missing_says_why_as_far_as_it_is_known(
    house: House, what: str, words: str
) -> None:
    given = handoff(segment(1, 0, 2))
    if what == "foreign":
        given = msgspec.structs.replace(
            given, call=msgspec.structs.replace(given.call, pbx="elsewhere")
        )
    expect(house, given)
    if what not in ("nobody", "tried alone"):
        works(house)
    if what == "queued":
        house.ring(given)
    elif what == "taken":
        house.redis.set(names.taken_key(given.id), b"1")
    elif what.startswith("tried"):
        house.catalogue.note_trouble(given.id, "town-hall", "a reason", START, START)
    elif what == "unmounted":
        (house.config.archive_path / ".hushtape-archive").unlink()
    look(house, timedelta(minutes=6))
    found = finding(house)
    assert found is not None
    assert found.words[0].startswith("missing: not archived: ")
    assert found.words[0].endswith(words) or words in found.words[0]


def test_the_words_follow_what_happens_and_are_told_once(house: House, lines: list[Any]) -> None:
    given = handoff(segment(1, 0, 2))
    expect(house, given)
    look(house, timedelta(minutes=6))
    house.redis.set(names.taken_key(given.id), b"1")
    look(house, timedelta(minutes=7))
    found = finding(house)
    assert found is not None
    assert "waits in the spool" in found.words[0]
    assert found.found_at == START + timedelta(minutes=6, seconds=2)
    assert len(alarms(lines)) == 1


def test_what_comes_in_the_end_is_late_and_told_no_second_time(
    house: House, lines: list[Any]
) -> None:
    given = call(house)
    expect(house, given)
    look(house, timedelta(minutes=6))
    house.now += timedelta(minutes=6)
    archive(given)
    found = finding(house)
    assert found is not None
    assert found.kinds == (Kind.LATE,)
    assert found.archived
    assert found.words == ("late: archived 12 minutes after the call's end",)
    assert ledger(house).all() == {}
    assert len(alarms(lines)) == 1
    assert [line["what"] for line in lines if line["event"] == "finding"] == list(found.words)


def test_what_is_late_and_was_never_missed_is_an_alarm(house: House, lines: list[Any]) -> None:
    house.now = START + timedelta(hours=3)
    archive(call(house))
    assert alarms(lines) == ["late: archived 2 hours after the call's end"]


def test_what_is_wrong_with_a_recording_is_told_when_it_is_archived(
    house: House, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.settle.MISSING_S", 0.05)
    house.now = START + timedelta(minutes=4)
    given = handoff(segment(1, 0, 2))
    expect(house, given)
    archive(given)
    found = finding(house)
    assert found is not None
    assert found.kinds[0] is Kind.MISSING
    assert found.archived
    said = alarms(lines)
    assert len(said) == len(found.kinds)
    archive(given)
    look(house, timedelta(hours=1))
    assert alarms(lines) == said


def test_a_worker_that_was_killed_before_it_could_settle_leaves_no_finding(
    house: House, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = call(house)
    expect(house, given)
    house.now = START + timedelta(seconds=3)
    with monkeypatch.context() as patched:
        patched.setattr(assuring.Assurance, "settled", lambda *_: None)
        archive(given)
    house.catalogue.remove(given.id)  # and before it came to the catalogue
    assert set(ledger(house).all()) == {given.id}
    look(house, timedelta(minutes=6))
    assert ledger(house).all() == {}
    assert finding(house) is None
    assert house.catalogue.get(given.id) is not None
    assert alarms(lines) == []


def test_what_is_archived_while_we_look_is_not_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = call(house)
    expect(house, given)
    house.now = START + timedelta(minutes=6)
    monkeypatch.setattr(assuring, "_reason", lambda *_: archive(given) or "x")
    look(house)
    found = finding(house)
    assert found is not None
    assert found.archived
    assert found.kinds == (Kind.LATE,)


def test_a_live_call_that_nobody_watches_is_named_and_withdrawn(
    house: House, lines: list[Any]
) -> None:
    live = Expectation(
        pbx="town-hall", policy="town-hall", version="1", started_at=START, segments=1
    )
    book = ledger(house)
    book.publish({RECORDING_ID: live}, START)
    house.now = START + PROMISED
    look(house)
    assert finding(house) is None
    house.now += timedelta(seconds=1)
    look(house)
    found = finding(house)
    assert found is not None
    assert found.kinds == (Kind.UNWATCHED,)
    assert "nobody watches this call any more: last seen 2026-11-21" in found.words[0]
    assert len(alarms(lines)) == 1
    book.publish({RECORDING_ID: live}, house.now)
    look(house)
    assert finding(house) is None
    assert [line["event"] for line in lines if line["event"] == "watched again"]
    # A bridge says that there was nothing to record.
    house.now += timedelta(minutes=6)
    look(house)
    assert finding(house) is not None
    book.settle(RECORDING_ID)
    look(house)
    assert finding(house) is None


def test_an_unwatched_call_that_is_handed_off_and_lost_is_missing(house: House) -> None:
    given = handoff(segment(1, 0, 2))
    live = msgspec.structs.replace(of_handoff(given), state=State.LIVE, ended_at=None)
    ledger(house).publish({RECORDING_ID: live}, START)
    look(house, timedelta(minutes=10))
    assert finding(house).kinds == (Kind.UNWATCHED,)  # type: ignore[union-attr]
    expect(house, given)
    look(house, timedelta(minutes=11))
    assert finding(house).kinds == (Kind.MISSING,)  # type: ignore[union-attr]


def test_a_discarded_call_is_told_and_no_alarm(house: House, lines: list[Any]) -> None:
    reason = Reason(policy="town-hall", version="1", rule="opt_out", words="the caller opted out")
    given = call(house, discard=reason)
    expect(house, given)
    house.now = START + timedelta(seconds=10)
    archive(given)
    assert ledger(house).all() == {}
    found = finding(house)
    assert found is not None
    assert found.kinds == (Kind.DISCARDED,)
    assert found.words == ("discarded: the caller opted out",)
    assert (found.archived, found.open, found.pbx) == (False, False, "town-hall")
    assert alarms(lines) == []
    assert house.redis.get(assuring.ARCHIVED) is None
    # A worker that was killed between the proof and here.
    Findings(house.redis).withdraw(given.id)
    expect(house, given)
    house.redis.delete(names.taken_key(given.id))
    expect(house, given)
    look(house, timedelta(minutes=6))
    assert finding(house) == msgspec.structs.replace(found, found_at=house.now)


def test_a_recording_that_is_deleted_takes_its_finding_along(house: House) -> None:
    house.now = START + timedelta(hours=1)
    archive(call(house))
    house.catalogue.rebuild(house.archive, house.now)
    assert finding(house) is not None
    house.now = START + AGES
    assert sweep(house.archive, house.catalogue, lambda: house.now).deleted == (RECORDING_ID,)
    assert finding(house) is None
    assert Findings(house.redis).open_counts()["late"] == 0
    expect(house, handoff())  # and a late word about it is no news
    house.redis.delete(names.taken_key(RECORDING_ID))
    expect(house, handoff())
    look(house)
    assert finding(house) is None
    assert ledger(house).all() == {}


def test_an_emptied_redis_gets_its_findings_back(house: House) -> None:
    house.now = START + timedelta(hours=1)
    archive(call(house))
    found = finding(house)
    assert found is not None
    act = Act(kind=FINDING_SEEN, at=house.now, by="dpo", words="an outage")
    acts.append(house.archive, RECORDING_ID, act, b"0000")
    house.redis.flushall()
    assert finding(house) is None
    upkeep(context())
    assert finding(house) == msgspec.structs.replace(
        found, seen=Seen(at=house.now, by="dpo", words="an outage")
    )
    assert Findings(house.redis).open_counts()["late"] == 0


def test_an_emptied_redis_expects_again_what_waits_in_a_spool(
    house: House, lines: list[Any]
) -> None:
    given = call(house)
    text = tasks.handoff_text(given).encode()
    (house.spool / f"{given.id}.handoff.json").write_bytes(text)
    unreadable = "20261121-131501-k3f7x2m7"
    (house.spool / f"{unreadable}.handoff.json").write_bytes(b"{")
    reconcile(context(), "town-hall")
    reconcile(context(), "town-hall")
    expected = ledger(house).all()
    assert set(expected) == {given.id, unreadable}
    assert expected[given.id] == msgspec.structs.replace(of_handoff(given), seen_at=house.now)
    look(house, timedelta(minutes=10))
    assert finding(house) is not None
    assert finding(house, unreadable) is not None


def test_a_bridge_brings_nothing_back_that_is_settled(house: House) -> None:
    given = call(house)
    live = msgspec.structs.replace(of_handoff(given), state=State.LIVE, ended_at=None)
    book = ledger(house)
    book.publish({given.id: live}, START)
    archive(given)
    book.publish({given.id: live}, house.now)
    expect(house, given)
    assert book.all() == {}


def test_what_is_taken_and_not_settled_is_brought_up_to_date(house: House) -> None:
    given = handoff(segment(1, 0, 2))
    live = msgspec.structs.replace(of_handoff(given), state=State.LIVE, ended_at=None)
    book = ledger(house)
    book.publish({given.id: live}, START)
    house.redis.set(names.taken_key(given.id), b"1")
    expect(house, given)
    assert book.all()[given.id].state is State.HANDED_OFF


def test_a_manifest_that_cannot_be_read_is_damaged_until_it_is_mended(
    house: House, lines: list[Any]
) -> None:
    given = call(house)
    archive(given)
    path = house.config.archive_path / layout.manifest(given.id)
    good = path.read_bytes()
    path.write_bytes(good[:50])
    house.redis.flushall()
    expect(house, given)
    look(house, timedelta(minutes=6))
    assert finding(house).kinds == (Kind.DAMAGED,)  # type: ignore[union-attr]
    look(house)
    assert len(alarms(lines)) == 1
    path.write_bytes(good)
    look(house)
    assert finding(house) is None
    assert ledger(house).all() == {}


def test_one_that_cannot_be_looked_for_keeps_no_other_from_being_named(
    house: House, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    look_for = assuring._look_for

    def fail(here: Any, call_id: str, *rest: Any) -> None:
        if call_id == bad:
            raise RecordingError("it is gone this moment")
        look_for(here, call_id, *rest)

    bad = "20261121-131500-aaaaaaaa"
    monkeypatch.setattr(assuring, "_look_for", fail)
    for each in (bad, RECORDING_ID):
        expect(house, handoff(recording_id=each))
    look(house, timedelta(minutes=6))
    assert [each["recording"] for each in lines if each["event"] == "not assured"] == [bad]
    assert finding(house) is not None


def test_foreign_entries_keep_no_other_from_being_named(house: House) -> None:
    other = "20261121-131501-k3f7x2m7"
    for each in (RECORDING_ID, other):
        expect(house, handoff(recording_id=each))
    house.redis.hset(names.EXPECTED, RECORDING_ID, b"\xff")
    house.redis.hset(names.EXPECTED, b"no id at all", b"{}")
    look(house, timedelta(minutes=6))
    assert finding(house) is not None
    assert finding(house, other) is not None
    assert set(ledger(house).all()) == {RECORDING_ID, other}


def test_what_has_no_recording_is_forgotten_after_ninety_days(house: House) -> None:
    expect(house, handoff(segment(1, 0, 2)))
    look(house, timedelta(minutes=6))
    house.now += KEPT - timedelta(minutes=10)
    look(house)
    assert finding(house) is not None
    house.now += timedelta(minutes=10)
    look(house)
    assert finding(house) is None
    assert ledger(house).all() == {}
    assert house.redis.keys("hushtape:finding*") == []


def test_a_deletion_that_is_overdue_is_named(house: House, lines: list[Any]) -> None:
    due, held = put(house, 1, 62), put(house, 2, 62)
    act = Act(kind="hold", at=START, by="dpo", words="x", hold="a claim")
    acts.append(house.archive, held, act, b"0000")
    house.now = START + timedelta(days=62)
    look(house)
    assert house.redis.get(assuring.OVERDUE) == b"0"
    house.now += timedelta(hours=2)
    look(house)
    look(house)
    assert house.redis.get(assuring.OVERDUE) == b"1"
    assert alarms(lines) == ["1 recordings should have been deleted an hour ago"]
    # It is tried, and fails: its time is put off, and it is overdue all the same.
    house.catalogue.schedule(due, house.now + timedelta(minutes=14))
    look(house)
    assert house.redis.get(assuring.OVERDUE) == b"1"
    house.catalogue.rebuild(house.archive, house.now)
    assert due in sweep(house.archive, house.catalogue, lambda: house.now).deleted
    look(house)
    assert house.redis.get(assuring.OVERDUE) == b"0"
    assert not house.redis.exists(assuring.OVERDUE_TOLD)


def test_nothing_personal_is_in_ledger_or_findings(house: House) -> None:
    given = call(house)
    expect(house, given)
    look(house, timedelta(minutes=6))
    kept = repr(house.redis.hgetall(names.EXPECTED)) + "".join(
        repr(house.redis.get(each)) for each in house.redis.keys("hushtape:finding:*")
    )
    assert RECORDING_ID in kept
    assert not any(word in kept for word in ("7946", "Ann", "Caller"))


def test_when_it_was_last_done_is_told(house: House) -> None:
    look(house)
    assert house.redis.get(assuring.ASSURED) == f"{house.now.timestamp():.0f}".encode()


def test_a_redis_that_goes_away_at_the_end_fails_no_archiving(
    house: House, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    def away(*_: object) -> None:
        raise redis.exceptions.ConnectionError("gone")

    monkeypatch.setattr(assuring, "_settle", away)
    archive(call(house))
    assert "not settled yet" in [line["event"] for line in lines]
    assert house.catalogue.get(RECORDING_ID) is not None
