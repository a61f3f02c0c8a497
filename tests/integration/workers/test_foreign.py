"""What something else recorded in the spool during a payment: destroyed, proved, told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from hushtape import handoff_names as names
from hushtape.errors import ConfigError, Damaged, HushtapeError, TooBig, Unreachable
from hushtape.recordings import layout
from hushtape.recordings.archive import Busy
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.findings import Findings
from hushtape.recordings.foreign import Destroyed, Order, proofs_of
from hushtape.recordings.manifest import Reason
from tests.integration.workers.side_effects import every_kill
from tests.integration.workers.worker_house import House, wait_for
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone, wav
from workers import erase, foreign, spool, strangers, tasks
from workers.reconcile import reconcile
from workers.runtime import context

SINCE, UNTIL = START + timedelta(seconds=10), START + timedelta(seconds=20)
ORDER = Order(pbx="town-hall", call=RECORDING_ID, since=SINCE, until=UNTIL)
SPOKEN = wav(tone(1500, 5))
OTHER_ID = "20261121-131500-aaaaaaaa"
FOUND = (
    "foreign: something else recorded during the payment at 13:15:10 UTC: 1 file in the spool"
    " destroyed"
)


@pytest.fixture(autouse=True)
def unborn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of these tests are made long after the call; their lengths and changes count."""
    monkeypatch.setattr(strangers, "born_at", lambda descriptor: None)


def left(house: House, name: str, at_s: float, data: bytes = SPOKEN) -> Path:
    """A file that was last written to so many seconds after the call began."""
    path = house.spool / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (START.timestamp() + at_s,) * 2)
    return path


def destroy(order: Order = ORDER) -> None:
    tasks.destroy_foreign(msgspec.json.encode(order).decode())


def proof() -> Destroyed:
    (only,) = proofs_of(context().archive, RECORDING_ID)
    return only


def archive_it(house: House, **changes: object) -> None:
    one = segment(1, 0, 2)
    house.write_segment(one, tone(440, 2), tone(600, 2))
    tasks.archive(tasks.handoff_text(handoff(one, **changes)))


def test_what_was_written_in_it_is_destroyed_and_nothing_else(house: House) -> None:
    inside = left(house, "leak.wav", 15)
    begun_in_it = left(house, "still-running.wav", 24)
    below = left(house, "2026/leak.wav", 12)
    hidden = left(house, ".leak", 12, b"of no known format")
    unknown = left(house, "leak.gsm", 30, b"of no known format")
    older = left(house, "older.wav", 8)
    newer = left(house, "newer.wav", 40)
    ours = left(house, f"{OTHER_ID}.1.outside.wav", 15)
    our_handoff = left(house, f"{OTHER_ID}.handoff.json", 15, b"{}")
    our_part = left(house, f".{OTHER_ID}.0123456789abcdef.part", 15, b"{}")
    target = house.folder / "elsewhere.wav"
    target.write_bytes(SPOKEN)
    os.utime(target, (START.timestamp() + 15,) * 2)
    link = house.spool / "link.wav"
    link.symlink_to(target)
    folder_link = house.spool / "folder-link"
    (house.folder / "elsewhere").mkdir()
    beyond = house.folder / "elsewhere" / "leak.wav"
    beyond.write_bytes(SPOKEN)
    os.utime(beyond, (START.timestamp() + 15,) * 2)
    folder_link.symlink_to(beyond.parent)

    destroy()
    for each in (inside, begun_in_it, below, hidden, unknown):
        assert not each.exists(), each.name
    for each in (older, newer, ours, our_handoff, our_part, target, link, beyond):
        assert each.exists(), each.name
    assert target.read_bytes() == beyond.read_bytes() == SPOKEN
    found = proof()
    assert len(found.keys) == 5
    assert found.size_bytes == 3 * len(SPOKEN) + 2 * len(b"of no known format")
    assert (found.since, found.until, found.verified) == (SINCE, UNTIL, True)
    assert not list(house.spool.glob(".*.order.json"))


def test_the_sound_is_overwritten_before_the_name_goes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = left(house, "leak.wav", 15)
    seen: list[bytes] = []
    original = os.ftruncate

    def truncate(descriptor: int, length: int) -> None:
        seen.append(path.read_bytes())
        original(descriptor, length)

    monkeypatch.setattr(os, "ftruncate", truncate)
    destroy()
    assert seen == [bytes(len(SPOKEN))]


def test_what_has_another_name_elsewhere_keeps_its_sound_there(house: House) -> None:
    path = left(house, "leak.wav", 15)
    elsewhere = house.folder / "a-backup.wav"
    elsewhere.hardlink_to(path)
    destroy()
    assert not path.exists()
    assert elsewhere.read_bytes() == SPOKEN
    assert proof().other_names == 1
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.words == (f"{FOUND}; 1 of them may be found under another name elsewhere",)


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of files into which this account may not write."""
    names: set[str] = set()
    original = os.open

    def opened(path: str | Path, flags: int, *more: int, **named: int) -> int:
        if Path(path).name in names and flags & os.O_WRONLY:
            raise PermissionError(13, "Permission denied")
        return original(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", opened)
    return names


def test_what_may_not_be_written_to_goes_and_the_proof_says_how(
    house: House, read_only: set[str]
) -> None:
    path = left(house, "leak.wav", 15)
    read_only.add(path.name)
    destroy()
    assert not path.exists()
    found = proof()
    assert (len(found.keys), found.removed_only) == (1, 1)
    assert found.method == "removed from the spool; not overwritten: the worker may not write to it"
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.words == (
        f"{FOUND}; 1 of them was not overwritten: the worker may not write to the PBX's files",
    )


def test_the_proof_tells_the_two_ways_apart(house: House, read_only: set[str]) -> None:
    left(house, "leak.wav", 15)
    left(house, "of-the-pbx.wav", 15)
    read_only.add("of-the-pbx.wav")
    destroy()
    found = proof()
    assert (len(found.keys), found.removed_only) == (2, 1)
    assert found.method == (
        "1: overwritten with zeros, cut to nothing, removed from the spool;"
        " 1: removed from the spool; not overwritten: the worker may not write to it"
    )


def test_a_file_of_another_name_is_not_said_to_be_overwritten(house: House) -> None:
    path = left(house, "leak.wav", 15)
    (house.folder / "a-backup.wav").hardlink_to(path)
    destroy()
    assert proof().method == foreign.UNNAMED


def test_a_right_that_is_taken_away_meanwhile_is_noted_before_the_file_goes(
    house: House, read_only: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = left(house, "leak.wav", 15)
    original = spool.write_small

    def write(folder: Path, name: str, data: bytes) -> None:
        original(folder, name, data)
        read_only.update({path.name} if b"has_other_name" in data else ())

    with monkeypatch.context() as patched:
        patched.setattr(spool, "write_small", write)
        with pytest.raises(Unreachable, match="Permission denied"):
            destroy()
    assert path.exists()
    reconcile(context(), "town-hall")
    assert not path.exists()
    assert proof().removed_only == 1


def test_where_nothing_is_found_it_is_out_of_reach(house: House) -> None:
    with capture_logs() as logs:
        destroy()
    assert proof().keys == ()
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert (finding.kinds, finding.pbx, finding.open) == ((Kind.FOREIGN,), "town-hall", True)
    words = FOUND.partition(": 1 file")[0] + ", out of reach: not in the spool"
    assert finding.words == (words,)
    assert [each["what"] for each in logs if each["event"] == "alarm"] == list(finding.words)


def test_the_recording_tells_of_it(house: House) -> None:
    left(house, "leak.wav", 15)
    destroy()
    archive_it(house)
    assert FOUND in read_entry(house.archive, RECORDING_ID).manifest.remarks
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert Kind.FOREIGN in finding.kinds
    assert finding.archived


def test_one_that_is_archived_already_tells_of_it_by_an_act(house: House) -> None:
    archive_it(house)
    left(house, "leak.wav", 15)
    for _ in range(2):
        destroy()
    entry = read_entry(house.archive, RECORDING_ID)
    assert [act.words for act in entry.acts] == [FOUND]
    assert [act.by for act in entry.acts] == ["hushtape"]
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.FOREIGN,)
    house.redis.flushall()
    house.catalogue.rebuild(house.archive, house.now)
    assert Findings(house.redis).get(RECORDING_ID) is not None
    found = house.catalogue.get(RECORDING_ID)
    assert found is not None
    assert found.fault == "foreign"


def test_a_call_of_which_nothing_was_kept_tells_of_it(house: House) -> None:
    why = Reason(policy="p", version="v", rule="opt_out", words="the caller opted out")
    left(house, "leak.wav", 15)
    destroy()
    archive_it(house, discard=why)
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.FOREIGN, Kind.DISCARDED)
    destroy(msgspec.structs.replace(ORDER, since=UNTIL, until=UNTIL + timedelta(seconds=5)))
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.FOREIGN, Kind.DISCARDED)


def test_more_of_the_same_is_proved_beside_it(house: House) -> None:
    left(house, "leak.wav", 15)
    destroy()
    left(house, "another.wav", 16)
    destroy()
    assert [len(each.keys) for each in proofs_of(house.archive, RECORDING_ID)] == [1, 1]


def test_what_failed_is_carried_out_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = left(house, "leak.wav", 15)

    def broken(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(erase, "fill", broken)
        with pytest.raises(Unreachable, match="Read-only file system"):
            destroy()
    assert path.exists()
    reconcile(context(), "town-hall")
    assert not path.exists()
    assert len(proof().keys) == 1
    assert not list(house.spool.glob(".*"))


def test_while_its_recording_is_being_archived_only_the_proof_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "LOCK_LIMIT_S", 0.3)
    path = left(house, "leak.wav", 15)
    with house.archive.scratch(RECORDING_ID), pytest.raises(Busy):
        destroy()
    assert not path.exists()
    assert proofs_of(house.archive, RECORDING_ID) == ()
    reconcile(context(), "town-hall")
    assert len(proof().keys) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_side_effect_is_made_good(house: House, after: bool) -> None:
    kills = 0
    left(house, "leak.wav", 15)
    for counter in every_kill(lambda _: destroy(), after=after):
        kills += 1
        reconcile(context(), "town-hall")
        if house.archive.exists(layout.foreign_proof(RECORDING_ID, SINCE)):
            assert len(proof().keys) == 1, counter.last
            assert proof().size_bytes == len(SPOKEN), counter.last
            assert not (house.spool / "leak.wav").exists(), counter.last
            finding = Findings(house.redis).get(RECORDING_ID)
            assert finding is not None
        assert not list(house.spool.glob(".*.order.json")), counter.last
        house.archive.delete_prefix(layout.foreign_proofs(RECORDING_ID))
        house.redis.flushall()
        left(house, "leak.wav", 15)
    assert kills > 15


BAD = [
    ("not JSON", Damaged),
    ("[]", Damaged),
    (" " * 20_000, TooBig),
    (json.dumps({"pbx": "town-hall", "call": "../x", "since": "2026-11-21T13:15:10Z"}), Damaged),
    (msgspec.json.encode(msgspec.structs.replace(ORDER, call="../../x")).decode(), Damaged),
    (msgspec.json.encode(msgspec.structs.replace(ORDER, since=UNTIL, until=SINCE)), Damaged),
    (
        msgspec.json.encode(msgspec.structs.replace(ORDER, until=SINCE + timedelta(days=2))),
        Damaged,
    ),
    (
        msgspec.json.encode(msgspec.structs.replace(ORDER, since=SINCE.replace(tzinfo=None))),
        Damaged,
    ),
    (msgspec.json.encode(msgspec.structs.replace(ORDER, version=2)), Damaged),
    (msgspec.json.encode(msgspec.structs.replace(ORDER, pbx="elsewhere")), ConfigError),
    (7, Damaged),
]


@pytest.mark.parametrize(("text", "error"), BAD)
def test_a_hostile_order_destroys_nothing(
    house: House, text: str | bytes, error: type[HushtapeError]
) -> None:
    path = left(house, "leak.wav", 15)
    with pytest.raises(error) as caught:
        tasks.destroy_foreign(text)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert path.exists()


def many_files(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(strangers, "FILES_MAX", 5)
    for number in range(6):
        left(house, f"older-{number}.wav", 5)
    return "more than 5 files"


def unlisted(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = left(house, "private/leak.wav", 15).parent
    original = os.scandir

    def listed(path: Any) -> Any:
        if path == str(folder) or path == folder:
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", listed)
    return "a folder in it can't be listed: Permission denied"


def unread(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    path = left(house, "leak-too.wav", 15)
    original = os.open

    def opened(name: str | Path, flags: int, *more: int, **named: int) -> int:
        if Path(name) == path:
            raise PermissionError(13, "Permission denied")
        return original(name, flags, *more, **named)

    monkeypatch.setattr(os, "open", opened)
    return "a file in it can't be looked at: Permission denied"


@pytest.mark.parametrize("hinder", [many_files, unlisted, unread])
def test_what_was_not_looked_at_leaves_the_order_open(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    hinder: Callable[[House, pytest.MonkeyPatch], str],
) -> None:
    path = left(house, "aaa-leak.wav", 15)
    with monkeypatch.context() as patched:
        words = hinder(house, patched)
        with pytest.raises(Unreachable, match=words):
            destroy()
        assert not path.exists(), "what was found goes at once"
        assert proofs_of(house.archive, RECORDING_ID) == ()
        assert Findings(house.redis).get(RECORDING_ID) is None
        with capture_logs() as logs:
            reconcile(context(), "town-hall")
        alarms = [each for each in logs if each["event"] == "alarm"]
        assert [each["kind"] for each in alarms] == ["foreign recorder"]
        assert words in alarms[0]["what"]
    assert list(house.spool.glob(".*.order.json"))
    reconcile(context(), "town-hall")
    assert not list(house.spool.glob(".*.order.json"))
    assert len(proof().keys) >= 1
    assert proof().verified


def test_files_of_ours_are_never_too_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "FILES_MAX", 5)
    for number in range(1, 7):
        left(house, f"{OTHER_ID}.{number}.outside.wav", 15)
    path = left(house, "zzz.wav", 15)
    destroy()
    assert not path.exists()
    assert len(proof().keys) == 1


def test_nothing_lies_too_deep(house: House) -> None:
    deep = "/".join(f"folder-{number}" for number in range(40))
    (house.spool / deep).mkdir(parents=True)
    path = left(house, f"{deep}/leak.wav", 15)
    destroy()
    assert not path.exists()
    assert len(proof().keys) == 1


def test_what_a_file_system_check_left_is_not_looked_at(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that is a disk of its own: `lost+found` is the system's, and nobody may list it."""
    (house.spool / "lost+found").mkdir()
    original = os.scandir

    def listed(path: Any) -> Any:
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", listed)
    with pytest.raises(Unreachable, match="can't be listed"):
        destroy()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == house.spool)
    destroy()
    assert proof().verified


def test_an_archive_in_the_spool_is_left_alone(house: House) -> None:
    (house.spool / "archive").mkdir()
    (house.spool / "archive" / ".hushtape-archive").write_bytes(b"")
    path = left(house, "archive/audio.opus", 15)
    destroy()
    assert path.exists()


def test_a_real_worker_does_it(house: House) -> None:
    """The bridge's part: a job in the queue of the PBX's spool, by name and JSON text."""
    path = left(house, "leak.wav", 15)
    queue = Queue(names.spool_queue("town-hall"), connection=house.redis, serializer=JSONSerializer)
    queue.enqueue(
        names.DESTROY_FOREIGN_JOB,
        msgspec.json.encode(ORDER).decode(),
        job_id=names.destroy_foreign_job_id(
            RECORDING_ID, ORDER.since.timestamp(), ORDER.until.timestamp()
        ),
        result_ttl=names.RESULT_TTL_S,
    )
    house.start("worker", "--pbx", "town-hall")
    wait_for(lambda: house.archive.exists(layout.foreign_proof(RECORDING_ID, SINCE)))
    assert not path.exists()
