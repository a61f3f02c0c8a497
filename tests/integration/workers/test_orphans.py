"""Files that no hand-off names: adopted, destroyed, or named and left."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from hushtape import handoff_names as names
from hushtape.errors import Damaged, Unreachable
from hushtape.ids import new_call_id
from hushtape.recordings import layout
from hushtape.recordings.archive import Conflict
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.findings import Findings
from hushtape.recordings.ledger import Expectation, Ledger, State
from hushtape.recordings.manifest import Manifest, Private, Reason
from tests.integration.workers.side_effects import every_kill
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone, wav
from workers import assure, encode, orphans, settle, spool, tasks
from workers import reconcile as reconciling
from workers.expire import sweep
from workers.orphans import Looked, look, rest_id
from workers.reconcile import reconcile
from workers.runtime import context

NO_HANDOFF = (
    "no hand-off named these files, so its payments aren't known and no silence is proved;"
    " kept by short of 2024-01-01, which keeps it shortest"
)
SPOKEN = wav(tone(440, 1))
POLICY = """
[policy]
name = "{name}"
title = "{name}"
in_force_from = 2024-01-01
time_zone = "Europe/London"
[calls]
queues = ["help-line"]
[retention]
keep = "{keep}"
"""


@pytest.fixture(autouse=True)
def policies(house: House) -> None:
    folder = house.folder / "policies"
    for name, keep in (("short", "2 weeks"), ("long", "2 years")):
        (folder / f"{name}.toml").write_text(POLICY.format(name=name, keep=keep))
    house.now = START + timedelta(hours=25)


def left(house: House, name: str, data: bytes = SPOKEN, at_s: float = 3) -> str:
    """A file that was last written so many seconds after the call began."""
    path = house.write(name, data)
    os.utime(path, (START.timestamp() + at_s,) * 2)
    return name


def pair(house: House, recording_id: str = RECORDING_ID, number: int = 1, at_s: float = 3) -> None:
    for side in ("outside", "inside"):
        left(house, f"{recording_id}.{number}.{side}.wav", at_s=at_s)


def in_spool(house: House) -> list[str]:
    return sorted(each.name for each in house.spool.iterdir())


def glance() -> Looked:
    return look(context(), "town-hall")


def work(house: House) -> None:
    """Archive what waits in the spool, as if a worker had been rung for."""
    for recording_id in spool.waiting(house.spool, 100):
        tasks.archive(spool.read_handoff(house.spool, recording_id).decode())


def manifest_of(house: House, recording_id: str = RECORDING_ID) -> Manifest:
    return read_entry(house.archive, recording_id).manifest


def test_what_nobody_named_is_archived_and_says_so(house: House) -> None:
    pair(house, number=1, at_s=3)
    pair(house, number=2, at_s=7)
    assert glance().adopted == [RECORDING_ID]
    assert reconcile(context(), "town-hall") == 1  # it is rung for as any other
    work(house)
    manifest = manifest_of(house)
    assert (manifest.keep.reason.policy, manifest.keep.period) == ("short", "2 weeks")
    assert [(each.offset_s, each.duration_s) for each in manifest.segments] == [(0, 1), (4, 1)]
    assert manifest.audio.duration_s == 5
    assert manifest.remarks == (f"adopted: {NO_HANDOFF}",)
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert Kind.ADOPTED in finding.kinds
    assert finding.open  # a person should look at it
    assert in_spool(house) == []
    assert glance() == Looked()


def test_what_was_expected_names_the_policy(house: House) -> None:
    pair(house)
    each = Expectation(
        pbx="town-hall", policy="long", version="2024-01-01", started_at=START, segments=1
    )
    Ledger(house.redis).publish({RECORDING_ID: each}, START + timedelta(minutes=1))
    house.now = START + timedelta(hours=24)
    assert glance().adopted == []
    house.now += timedelta(minutes=2)
    assert glance().adopted == [RECORDING_ID]
    work(house)
    assert manifest_of(house).keep.reason.policy == "long"
    assert Ledger(house.redis).all() == {}


def test_a_version_that_is_gone_is_waited_for_and_nothing_is_lost(house: House) -> None:
    """No other one decides in its place: the files stay, and somebody is told, once."""
    pair(house)
    each = Expectation(
        pbx="town-hall", policy="long", version="2020-01-01", started_at=START, segments=1
    )
    Ledger(house.redis).publish({RECORDING_ID: each}, START)
    before = in_spool(house)
    with capture_logs() as logs:
        assert glance().left == [RECORDING_ID]
        assert glance().left == [RECORDING_ID]
    assert in_spool(house) == before
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("left in the spool", "error")
    assert "policy long of 2020-01-01, and no file in the policies' folder" in line["why"]
    assert "put it back" in line["why"]
    text = POLICY.format(name="long", keep="3 weeks").replace("2024-01-01", "2020-01-01")
    (house.folder / "policies" / "old.toml").write_text(text)
    assert glance().adopted == [RECORDING_ID]
    work(house)
    assert manifest_of(house).keep.period == "3 weeks"


def test_what_the_bridge_settled_is_kept_by_it_without_any_policy(house: House) -> None:
    pair(house)
    keep = handoff().keep
    each = Expectation(
        pbx="town-hall",
        policy="gone",
        version="2020-01-01",
        started_at=START,
        segments=1,
        keep=keep,
        tags=("housing",),
    )
    Ledger(house.redis).publish({RECORDING_ID: each}, START)
    for path in (house.folder / "policies").iterdir():
        path.unlink()
    assert glance().adopted == [RECORDING_ID]
    work(house)
    assert (manifest_of(house).keep, manifest_of(house).tags) == (keep, ("housing",))


@pytest.mark.parametrize("state", list(State))
def test_what_the_bridge_still_tells_of_is_its_matter(house: House, state: State) -> None:
    """A call may be without a recorder for hours, and a hand-off may wait in the outbox."""
    pair(house)
    each = Expectation(
        pbx="town-hall",
        policy="short",
        version="2024-01-01",
        started_at=START,
        segments=1,
        state=state,
    )
    ledger = Ledger(house.redis)
    for hours in (25, 48, 71):
        house.now = START + timedelta(hours=hours)
        ledger.publish({RECORDING_ID: each}, house.now - timedelta(hours=23))
        assert glance() == Looked()
    ledger.settle(RECORDING_ID)
    assert glance().adopted == [RECORDING_ID]


def test_what_was_told_by_a_clock_years_ahead_is_not_waited_for(house: House) -> None:
    pair(house)
    expected = Expectation(
        pbx="town-hall", policy="short", version="2024-01-01", started_at=START, segments=1
    )
    Ledger(house.redis).publish({RECORDING_ID: expected}, house.now + timedelta(days=1460))
    assert glance().adopted == [RECORDING_ID]


@pytest.mark.parametrize(("minutes", "adopted"), [(14.9, []), (15, [RECORDING_ID])])
def test_what_still_moves_is_no_orphan(house: House, minutes: float, adopted: list[str]) -> None:
    pair(house, number=1, at_s=-3600 * 20)
    pair(house, number=2, at_s=3)
    house.now = START + timedelta(seconds=3, minutes=minutes)
    assert glance().adopted == adopted


@pytest.mark.parametrize("folder", ["live_path", "outbox_path"])
def test_the_bridges_papers_on_this_machine_are_looked_at(house: House, folder: str) -> None:
    pair(house)
    papers = getattr(house.config, folder)
    papers.mkdir(parents=True)
    (papers / f"{RECORDING_ID}.json").write_text("{}")
    house.now = START + timedelta(hours=23, minutes=59)
    assert glance() == Looked()
    house.now += timedelta(minutes=1)  # a bridge that is away so long comes back no more
    assert glance().adopted == [RECORDING_ID]


def test_what_waits_in_the_queue_is_no_orphan(house: House) -> None:
    pair(house)
    house.ring(handoff(segment(1, 0, 1)))
    assert glance() == Looked()
    house.redis.flushall()
    assert glance().adopted == [RECORDING_ID]


def test_what_another_process_works_on_is_left_to_it(house: House) -> None:
    pair(house)
    with house.archive.scratch(RECORDING_ID):
        assert glance() == Looked()
    assert glance().adopted == [RECORDING_ID]


def test_a_hand_off_that_comes_at_that_moment_comes_first(house: House) -> None:
    pair(house)
    (orphan,) = orphans.find(house.spool).orphans
    spool.write_handoff(house.spool, RECORDING_ID, b"the bridge's")
    assert orphans.adopt(context(), "town-hall", orphan, None, ()) is None
    assert spool.read_handoff(house.spool, RECORDING_ID) == b"the bridge's"
    assert glance() == Looked()


def test_files_that_went_at_that_moment_are_not_adopted(house: House) -> None:
    pair(house)
    (orphan,) = orphans.find(house.spool).orphans
    (house.spool / orphan.names[0]).unlink()
    assert orphans.adopt(context(), "town-hall", orphan, None, ()) is None
    assert spool.waiting(house.spool, 10) == ()


@pytest.mark.parametrize("side", ["outside", "inside"])
def test_a_file_without_its_partner(house: House, side: str) -> None:
    left(house, f"{RECORDING_ID}.1.{side}.wav")
    glance()
    work(house)
    lacking = "inside" if side == "outside" else "outside"
    assert manifest_of(house).remarks[1:] == (
        f"incomplete: segment 1, {lacking}: the file is missing",
    )
    assert manifest_of(house).audio.duration_s == 1
    assert in_spool(house) == []


def test_a_head_that_a_crash_left_at_zero(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "STILL_S", 0.1)
    left(house, f"{RECORDING_ID}.1.outside.wav", wav(tone(440, 2), claimed=0))
    left(house, f"{RECORDING_ID}.1.inside.wav", wav(tone(440, 2), claimed=0))
    glance()
    work(house)
    manifest = manifest_of(house)
    assert manifest.audio.duration_s == 2
    assert [each.partition(":")[0] for each in manifest.remarks] == ["adopted", "header", "header"]


def test_empty_files_are_archived_as_such(house: House) -> None:
    left(house, f"{RECORDING_ID}.1.outside.wav", wav(b""))
    left(house, f"{RECORDING_ID}.1.inside.wav", b"")
    glance()
    work(house)
    assert [each.partition(":")[0] for each in manifest_of(house).remarks] == [
        "adopted",
        "empty",
        "empty",
        "empty",
    ]
    assert in_spool(house) == []


def test_what_can_not_be_read_is_named_and_left(house: House) -> None:
    name = left(house, f"{RECORDING_ID}.1.outside.wav", b"no sound at all, but text")
    glance()
    with pytest.raises(Damaged, match="not a WAV file"):
        work(house)
    assert name in in_spool(house)
    (trouble,) = house.catalogue.troubles(10)
    assert (trouble.id, "WAV" in trouble.words) == (RECORDING_ID, True)


def test_what_no_call_can_be_is_named_and_left(house: House) -> None:
    for number in range(1, 1002):
        left(house, f"{RECORDING_ID}.{number}.outside.wav", b"")
    with capture_logs() as logs:
        assert glance().left == [RECORDING_ID]
    (line,) = (each for each in logs if each["event"] == "left in the spool")
    assert "more than 1000 segments" in line["why"]
    assert len(in_spool(house)) == 1001


def test_what_has_outlived_its_time_is_deleted_next(house: House) -> None:
    pair(house)
    house.catalogue.rebuild(house.archive, START)
    house.now = START + timedelta(days=30)
    glance()
    work(house)
    assert sweep(house.archive, house.catalogue, lambda: house.now).deleted == (RECORDING_ID,)
    assert house.archive.exists(layout.deletion_proof(RECORDING_ID))


def test_without_a_policy_nothing_is_adopted_and_it_is_said_once(house: House) -> None:
    pair(house)
    (house.folder / "policies" / "short.toml").write_text("no TOML at all")
    with capture_logs() as logs:
        assert glance().left == [RECORDING_ID]
        assert glance().left == [RECORDING_ID]
    (line,) = (each for each in logs if each["event"] == "left in the spool")
    assert (line["recording"], "short.toml" in line["why"]) == (RECORDING_ID, True)
    assert len(in_spool(house)) == 2
    policies.__wrapped__(house)  # type: ignore[attr-defined]
    house.now = START + timedelta(hours=25)
    assert glance().adopted == [RECORDING_ID]


def test_without_the_archive_nobody_knows_what_is_an_orphan(house: House) -> None:
    pair(house)
    root = house.config.archive_path
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Unreachable, match="not mounted"):
        glance()
    assert len(in_spool(house)) == 2


FOREIGN = (
    "07900123003-Smith\x1b[31m.wav",
    f"{RECORDING_ID}.1.outside.mp3",
    f"{RECORDING_ID}.01.outside.wav",
    f"{RECORDING_ID}.1.mixed.wav",
    "20269999-131500-k3f7x2m7.1.outside.wav",  # no day of the calendar
    "２0261121-131500-k3f7x2m7.1.outside.wav",  # a digit, but none of ours
)


def test_what_is_not_ours_is_left_and_named_once(house: House) -> None:
    for name in FOREIGN:
        left(house, name)
    (house.spool / f"{RECORDING_ID}.5.inside.wav").mkdir()
    (house.spool / f"{RECORDING_ID}.6.inside.wav").symlink_to("/etc/passwd")
    for name in (".nfs0001", "lost+found"):
        (house.spool / name).touch()
    before = in_spool(house)
    with capture_logs() as logs:
        for _ in range(3):
            assert glance() == Looked()
    (line,) = (each for each in logs if each["event"] == "not ours: left in the spool")
    assert line["count"] == len(FOREIGN) + 2
    assert "###########-Smith??##m.wav" in line["files"]
    assert not any(each.isdigit() for name in line["files"] for each in name)
    assert in_spool(house) == before
    left(house, "another.wav")
    with capture_logs() as logs:
        glance()
    assert [each["count"] for each in logs] == [1]


def test_files_of_a_hand_off_are_not_foreign(house: House) -> None:
    one = segment(1, 0, 1)  # its files are named in another way
    house.write_segment(one, tone(440, 1), tone(440, 1))
    pair(house)
    spool.write_handoff(house.spool, RECORDING_ID, b"{}")
    assert orphans.find(house.spool) == orphans.Found(orphans=(), foreign=())
    with capture_logs() as logs:
        assert glance() == Looked()
    assert logs == []


def test_a_hand_off_that_comes_after_all_is_named(house: House) -> None:
    pair(house)
    glance()
    work(house)
    before = manifest_of(house)
    with pytest.raises(Conflict, match=r"was adopted.*may be in the recording"):
        tasks.archive(tasks.handoff_text(handoff(segment(1, 0, 1))))
    assert manifest_of(house) == before
    (trouble,) = house.catalogue.troubles(10)
    assert "adopted" in trouble.words


def test_a_call_to_be_discarded_is_so_after_it_was_adopted(house: House) -> None:
    pair(house)
    glance()
    work(house)
    why = Reason(policy="short", version="1", rule="opt_out", words="opted out")
    tasks.archive(tasks.handoff_text(handoff(segment(1, 0, 1), discard=why)))
    assert house.catalogue.get(RECORDING_ID) is None
    assert house.archive.exists(layout.discard_proof(RECORDING_ID))
    assert house.archive.exists(layout.deletion_proof(RECORDING_ID))
    assert not house.archive.exists(layout.manifest(RECORDING_ID))


def test_a_folder_in_a_hand_offs_place_keeps_no_other(house: House) -> None:
    pair(house)
    glance()
    (house.spool / "20261121-131500-aaaaaaaa.handoff.json").mkdir()
    with capture_logs() as logs:
        assert reconcile(context(), "town-hall") == 1
    (line,) = (each for each in logs if each["event"] == "not rung")
    assert line["recording"] == "20261121-131500-aaaaaaaa"
    assert line["why"].endswith("is not a plain file: remove it")
    (trouble,) = house.catalogue.troubles(10)  # so `recordings list` names it, too
    assert (trouble.id, trouble.words) == (line["recording"], line["why"])
    with capture_logs() as logs:
        reconcile(context(), "town-hall")
    assert "not rung" not in [each["event"] for each in logs], "it is tried later and later"
    house.now += timedelta(minutes=10)
    with capture_logs() as logs:
        assure.assure(context())
    (line,) = (each for each in logs if each.get("recording") == trouble.id)
    assert "its hand-off can't be read: 20261121-131500-aaaaaaaa.handoff.json" in line["what"]


def test_what_is_archived_while_we_look_is_no_trouble(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trouble would be named for a month: nobody archives it once more."""
    pair(house)
    glance()

    def expect(*_: object) -> None:
        work(house)

    monkeypatch.setattr(reconciling, "expect", expect)
    with capture_logs() as logs:
        assert reconcile(context(), "town-hall") == 0
    assert "not rung" not in [each["event"] for each in logs]
    assert house.archive.exists(layout.manifest(RECORDING_ID))
    assert house.catalogue.troubles(10) == ()


def test_looking_before_the_next_try_puts_it_off_no_further(house: House) -> None:
    pair(house)
    glance()
    scratch = house.config.archive_path / layout.SCRATCH
    aside = scratch.rename(scratch.with_name(".aside"))
    scratch.write_bytes(b"")
    for _ in range(10):  # a look every second, and the archive can't be looked into
        reconcile(context(), "town-hall")
        house.now += timedelta(seconds=1)
    (trouble,) = house.catalogue.troubles(10)
    assert trouble.tries == 1
    scratch.unlink()
    aside.rename(scratch)
    house.now += timedelta(seconds=30)
    assert reconcile(context(), "town-hall") == 1


def test_an_adopted_call_is_still_taken_from_the_bridge(house: House) -> None:
    """A worker's own making is no reason for the bridge to forget what only it knows."""
    pair(house)
    glance()
    work(house)
    key = names.taken_key(RECORDING_ID)
    assert house.redis.get(key) == names.TAKEN_ADOPTED
    why = Reason(policy="short", version="1", rule="opt_out", words="opted out")
    tasks.archive(tasks.handoff_text(handoff(segment(1, 0, 1), discard=why)))
    assert house.redis.get(key) == names.TAKEN_FROM_BRIDGE


PAYING = """
[[destination]]
name = "the payment line"
extensions = ["710"]
on_transfer = "silent"
[payment]
lines = ["the payment line"]
"""


def test_what_nobody_watched_is_destroyed_after_a_day_where_a_payment_may_be_in_it(
    house: House,
) -> None:
    path = house.folder / "policies" / "long.toml"
    path.write_text(path.read_text() + PAYING)
    pair(house)
    house.now = START + timedelta(hours=23)
    assert glance().adopted == [], "its bridge may come back"
    assert len(in_spool(house)) == 2
    house.now = START + timedelta(hours=25)
    assert glance().adopted == [RECORDING_ID]
    work(house)
    assert in_spool(house) == []
    assert not house.archive.exists(layout.manifest(RECORDING_ID))
    proof = house.archive.get(layout.discard_proof(RECORDING_ID))
    assert b"nobody is known to have watched this call" in proof


# What is left over


def archived(house: House, *numbers: int) -> None:
    """A recording whose segments' files are gone from the spool."""
    segments = [segment(n, n - 1, 1) for n in numbers]
    for each in segments:
        house.write_segment(each, tone(440, 1), tone(440, 1))
    tasks.archive(tasks.handoff_text(handoff(*segments)))
    assert in_spool(house) == []


def test_what_a_discarded_call_left_is_destroyed(house: House) -> None:
    why = Reason(policy="short", version="1", rule="opt_out", words="opted out")
    tasks.archive(tasks.handoff_text(handoff(discard=why)))
    house.write(f"{RECORDING_ID}.1.outside.wav", SPOKEN)
    os.utime(house.spool / f"{RECORDING_ID}.1.outside.wav", (house.now.timestamp(),) * 2)
    assert glance().destroyed == [RECORDING_ID]  # at once: it needn't stand still
    assert in_spool(house) == []
    again = json.loads(house.archive.get(layout.discard_again(RECORDING_ID, house.now)))
    assert again["files"] == 1


def test_what_a_deleted_recording_left_is_destroyed(house: House) -> None:
    archived(house, 1)
    house.catalogue.rebuild(house.archive, START)
    house.now = START + timedelta(days=100)
    sweep(house.archive, house.catalogue, lambda: house.now)
    pair(house, number=2)
    house.now += timedelta(days=1)
    assert glance().destroyed == [RECORDING_ID]
    assert in_spool(house) == []
    again = json.loads(house.archive.get(layout.deletion_again(RECORDING_ID, house.now)))
    assert (again["files"], again["verified"]) == (2, True)


def test_what_a_recording_was_archived_without_becomes_one_of_its_own(house: House) -> None:
    archived(house, 1)
    before = manifest_of(house)
    pair(house, number=2, at_s=5)
    other = rest_id(RECORDING_ID)
    assert glance().adopted == [other]
    work(house)
    rest = manifest_of(house, other)
    assert (rest.call, rest.keep) == (before.call, before.keep)
    assert rest.number_hash == before.number_hash != ""
    assert rest.remarks == (
        f"adopted: left over from recording {RECORDING_ID}, which was archived without these files",
    )
    assert [each.number for each in rest.segments] == [2]
    private = house.archive.get(layout.private(other))
    assert msgspec.json.decode(private, type=Private).party == handoff().party
    assert manifest_of(house) == before
    assert in_spool(house) == []
    assert house.catalogue.count() == 2


def test_what_is_left_over_waits_while_another_process_works_on_it(house: House) -> None:
    archived(house, 1)
    pair(house, number=2)
    before = in_spool(house)
    for recording_id in (RECORDING_ID, rest_id(RECORDING_ID)):
        with house.archive.scratch(recording_id):
            assert glance() == Looked()
        assert in_spool(house) == before


def test_what_comes_even_later_overwrites_nothing(house: House) -> None:
    archived(house, 1)
    pair(house, number=2)
    glance()
    work(house)
    before = manifest_of(house, rest_id(RECORDING_ID))
    pair(house, number=3)
    with capture_logs() as logs:
        assert glance().left == [RECORDING_ID]
        glance()
    (line,) = (each for each in logs if each["event"] == "left in the spool")
    assert rest_id(RECORDING_ID) in line["why"]
    assert len(in_spool(house)) == 2
    assert manifest_of(house, rest_id(RECORDING_ID)) == before


def test_a_name_that_is_taken_is_not_overwritten(house: House) -> None:
    archived(house, 1)
    left(house, f"{RECORDING_ID}.2.outside.wav")
    target = house.spool / f"{rest_id(RECORDING_ID)}.2.outside.wav"
    target.write_bytes(b"something else")
    os.utime(target, (house.now.timestamp(),) * 2)
    assert glance().left == [RECORDING_ID]
    assert target.read_bytes() == b"something else"
    assert (house.spool / f"{RECORDING_ID}.2.outside.wav").read_bytes() == SPOKEN


def test_what_could_not_be_read_stays_where_it_was_left(house: House) -> None:
    one, two = (
        segment(
            n,
            n,
            1,
            outside_file=f"{RECORDING_ID}.{n}.outside.wav",
            inside_file=f"{RECORDING_ID}.{n}.inside.wav",
        )
        for n in (1, 2)
    )
    pair(house, number=1)
    bad = left(house, one.outside_file, b"no sound at all, but text")
    pair(house, number=2)
    tasks.archive(tasks.handoff_text(handoff(one, two)))
    worse = left(house, f"{RECORDING_ID}.3.outside.wav", b"this neither")
    with capture_logs() as logs:
        for _ in range(2):
            assert glance() == Looked()
    (line,) = logs
    assert worse in line["why"]
    assert in_spool(house) == [bad, worse]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("rest", [False, True], ids=["of a call", "of a recording"])
def test_adopting_may_be_killed_at_any_side_effect(
    house: House, monkeypatch: pytest.MonkeyPatch, after: bool, rest: bool
) -> None:
    """Killed anywhere while it finds, adopts and archives: one recording, with all its files."""

    def written_at_once(_blocks: object, *, folder: Path, **_: object) -> Path:
        (folder / "audio.opus").write_bytes(b"sound")
        return folder / "audio.opus"

    monkeypatch.setattr(encode, "encode", written_at_once)  # a hundred real ones take their time
    ids = (new_call_id(START, bytes([0, 0, 0, n // 256, n % 256])) for n in range(9999))
    recording_id = ""

    def prepare() -> None:
        nonlocal recording_id
        recording_id = next(ids)
        if rest:
            tasks.archive(tasks.handoff_text(handoff(recording_id=recording_id)))
        pair(house, recording_id, number=2)

    def run(_counter: object) -> None:
        glance()
        work(house)

    prepare()
    killed = 0
    for counter in every_kill(run, after=after):
        killed += counter.is_dead
        run(counter)
        assert in_spool(house) == [], counter.last
        other = rest_id(recording_id) if rest else recording_id
        manifest = manifest_of(house, other)
        assert [each.number for each in manifest.segments] == [2], counter.last
        assert len(manifest.remarks) == 1, counter.last
        assert manifest.remarks[0].startswith("adopted: left" if rest else "adopted: no hand-off")
        assert house.catalogue.get(other) is not None
        prepare()
    assert killed > 30
