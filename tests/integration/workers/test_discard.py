"""Calls of which nothing may be kept: every file goes, and there is a proof."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from click.testing import CliRunner

from hushtape import handoff_names as names
from hushtape.errors import NotSettled, RecordingError, Unreachable
from hushtape.recordings import acts, layout
from hushtape.recordings.acts import HOLD, RELEASE, Act
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import Wanted
from hushtape.recordings.commands import recordings
from hushtape.recordings.findings import Findings
from hushtape.recordings.ledger import Ledger, of_handoff
from hushtape.recordings.manifest import Handoff, Reason
from tests.integration.workers.side_effects import every_kill
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone, wav
from workers import mix, spool, store, tasks
from workers.discard import Discard
from workers.expire import Deletion
from workers.reconcile import reconcile
from workers.runtime import context
from workers.settle import Settled

WHY = Reason(policy="town-hall", version="2026-01-01", rule="opt_out", words="the caller opted out")


def opted_out(*segments: object, recording_id: str = RECORDING_ID) -> Handoff:
    return handoff(*segments, recording_id=recording_id, discard=WHY)  # type: ignore[arg-type]


def archive(given: Handoff) -> None:
    tasks.archive(tasks.handoff_text(given))


def proof_of(house: House, recording_id: str = RECORDING_ID) -> Discard:
    return msgspec.json.decode(house.archive.get(layout.discard_proof(recording_id)), type=Discard)


def enter(house: House, given: Handoff) -> None:
    """An archived recording, without the time that encoding takes."""
    timeline = mix.lay_out(given.id, Settled(segments=(), rate_hz=8000, remarks=()))
    with house.archive.scratch(given.id) as scratch:
        (scratch / "audio.opus").write_bytes(b"sound")
        entry = store.store(
            house.archive, given, timeline, scratch / "audio.opus", (), b"key", house.now
        )
    house.catalogue.add(entry)


def in_archive(house: House) -> list[str]:
    """Everything in the archive, without its marker."""
    root = house.config.archive_path
    return sorted(
        str(each.relative_to(root))
        for each in root.rglob("*")
        if each.is_file() and not each.name.startswith(".")
    )


def test_nothing_is_kept_but_a_proof(house: House) -> None:
    one, two = segment(1, 0, 1), segment(2, 2, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    house.write_segment(two, tone(440, 1), tone(600, 1))
    unnamed = house.write(f"{RECORDING_ID}.3.outside.wav", wav(tone(440, 2)))
    other = house.write("20261121-131500-aaaaaaaa.1.outside.wav", wav(tone(440, 1)))
    given = opted_out(one, two)
    Ledger(house.redis).publish({RECORDING_ID: of_handoff(given)}, house.now)
    archive(given)

    assert list(house.spool.iterdir()) == [other]
    assert not unnamed.exists()
    assert in_archive(house) == [layout.discard_proof(RECORDING_ID)]
    assert proof_of(house) == Discard(
        id=RECORDING_ID,
        pbx="town-hall",
        pbx_call="1795000000.12",
        call_started_at=START,
        call_ended_at=START + timedelta(seconds=3),
        policy="town-hall",
        policy_version="2026-01-01",
        rule="opt_out",
        why="the caller opted out",
        files=5,
        size_bytes=4 * 16_044 + 32_044,
        method="files removed from the spool",
        discarded_at=house.now,
        verified=True,
    )
    text = house.archive.get(layout.discard_proof(RECORDING_ID)).decode()
    for personal in ("7946", "Ann", "A Caller"):
        assert personal not in text
    assert house.catalogue.get(RECORDING_ID) is None
    assert house.catalogue.search(Wanted(), 10) == ()
    assert house.catalogue.troubles(10) == ()
    assert house.redis.exists(names.taken_key(RECORDING_ID))
    assert Ledger(house.redis).all() == {}
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.DISCARDED,)
    assert finding.words == ("discarded: the caller opted out",)
    assert not finding.archived


def test_what_is_told_of_it(house: House) -> None:
    archive(opted_out())
    words = ["show", "-c", str(house.config_path), RECORDING_ID]
    told = CliRunner().invoke(recordings, words)
    assert told.output.strip() == (
        f"{RECORDING_ID} is gone: discarded, files and all, and verified at 2026-11-21T13:20:00Z."
        " the caller opted out (town-hall)"
    )
    told = CliRunner().invoke(recordings, [*words, "--json"])
    assert json.loads(told.output)["why"] == "the caller opted out"


def test_a_call_that_had_no_recorder_is_discarded_too(house: House) -> None:
    archive(opted_out())
    assert (proof_of(house).files, proof_of(house).size_bytes) == (0, 0)


def test_the_same_again_changes_nothing(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(opted_out(one))
    before = in_archive(house), proof_of(house)
    house.now += timedelta(hours=1)
    archive(opted_out(one))
    assert (in_archive(house), proof_of(house)) == before


def test_a_file_that_comes_late_is_waited_for_and_counted(house: House) -> None:
    one = segment(1, 0, 1)
    given = opted_out(one)
    house.write(one.outside_file, wav(tone(440, 1)))
    house.now = given.call.ended_at + timedelta(seconds=10)
    with pytest.raises(NotSettled, match=r"inside\.wav is to be destroyed and is not in the spool"):
        archive(given)
    assert [each.name for each in house.spool.iterdir()] == [f"{RECORDING_ID}.handoff.json"]
    assert not house.archive.exists(layout.discard_proof(RECORDING_ID))
    house.write(one.inside_file, wav(tone(600, 2)))
    house.now += timedelta(seconds=31)
    assert reconcile(context(), "town-hall") == 1
    archive(given)
    assert (proof_of(house).files, proof_of(house).size_bytes) == (2, 16_044 + 32_044)
    assert in_archive(house) == [layout.discard_proof(RECORDING_ID)]
    assert house.catalogue.troubles(10) == ()


def test_a_file_that_never_comes_is_given_up(house: House) -> None:
    one = segment(1, 0, 1)
    house.write(one.outside_file, wav(tone(440, 1)))
    archive(opted_out(one))
    assert proof_of(house).files == 1


def test_what_comes_after_the_proof_is_destroyed_and_added_to_it(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(opted_out(one))
    first = proof_of(house)
    house.write(one.inside_file, wav(tone(600, 1)))
    house.now += timedelta(minutes=1)
    archive(opted_out(one))
    assert list(house.spool.iterdir()) == []
    assert proof_of(house) == first
    again = json.loads(house.archive.get(layout.discard_again(RECORDING_ID, house.now)))
    assert (again["files"], again["size_bytes"], again["verified"]) == (1, 16_044, True)


def test_a_late_hand_off_to_be_archived_does_not_bring_it_back(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(opted_out(one))
    house.write_segment(one, tone(440, 1), tone(600, 1))
    house.now += timedelta(minutes=1)
    archive(handoff(one))
    assert list(house.spool.iterdir()) == []
    assert house.catalogue.get(RECORDING_ID) is None
    assert not house.archive.exists(layout.manifest(RECORDING_ID))
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.DISCARDED,)


def test_it_comes_before_another_hand_off_that_waits(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    spool.write_handoff(house.spool, RECORDING_ID, tasks.handoff_text(handoff(one)).encode())
    archive(opted_out(one))
    assert list(house.spool.iterdir()) == []
    assert proof_of(house).files == 2


def test_while_another_run_is_at_the_call_nothing_is_touched(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    text = tasks.handoff_text(handoff(one)).encode()
    spool.write_handoff(house.spool, RECORDING_ID, text)
    with house.archive.scratch(RECORDING_ID):
        archive(opted_out(one))
    assert spool.read_handoff(house.spool, RECORDING_ID) == text
    assert len(list(house.spool.iterdir())) == 3
    assert not house.redis.exists(names.taken_key(RECORDING_ID))  # the bridge rings again


def test_a_recording_that_was_made_by_mistake_is_deleted_with_a_proof(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    late = house.write(f"{RECORDING_ID}.2.outside.wav", wav(tone(440, 1)))
    house.now += timedelta(minutes=1)
    archive(opted_out(one))
    assert not late.exists()
    assert in_archive(house) == sorted(
        (layout.deletion_proof(RECORDING_ID), layout.discard_proof(RECORDING_ID))
    )
    deletion = msgspec.json.decode(
        house.archive.get(layout.deletion_proof(RECORDING_ID)), type=Deletion
    )
    assert deletion.why == "discarded: the caller opted out"
    assert (deletion.due, deletion.deleted_at, deletion.verified) == (house.now, house.now, True)
    assert house.catalogue.get(RECORDING_ID) is None
    assert house.redis.zscore("hushtape:due", RECORDING_ID) is None


def test_what_is_held_is_not_deleted_until_it_is_released(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    held = Act(kind=HOLD, at=house.now, by="dpo", words="claim 7", hold="claim-7")
    acts.append(house.archive, RECORDING_ID, held, b"0000")
    late = house.write(f"{RECORDING_ID}.2.outside.wav", wav(tone(440, 1)))
    with pytest.raises(RecordingError, match="is held"):
        archive(opted_out(one))
    assert house.catalogue.get(RECORDING_ID) is not None
    assert late.exists()
    (trouble,) = house.catalogue.troubles(10)
    assert "claim 7" in trouble.words
    released = Act(
        kind=RELEASE, at=house.now + timedelta(1), by="dpo", words="over", hold="claim-7"
    )
    acts.append(house.archive, RECORDING_ID, released, b"0000")
    archive(opted_out(one))
    assert in_archive(house) == sorted(
        (layout.deletion_proof(RECORDING_ID), layout.discard_proof(RECORDING_ID))
    )


def test_half_a_recording_goes_too(house: House) -> None:
    name = f"{layout.prefix(RECORDING_ID)}audio.opus"
    house.archive.put(name, b"what a run left that died")
    archive(opted_out())
    assert in_archive(house) == [layout.discard_proof(RECORDING_ID)]


def test_what_can_not_be_removed_is_no_proof(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    with monkeypatch.context() as patched:
        patched.setattr(spool, "remove", lambda *_: None)
        with pytest.raises(NotSettled, match="was destroyed and is in the spool again"):
            archive(opted_out(one))
    (house.spool / f"{RECORDING_ID}.9.outside.wav").mkdir()
    with pytest.raises(Unreachable, match="can't be removed"):
        archive(opted_out(one))
    assert not house.archive.exists(layout.discard_proof(RECORDING_ID))
    assert spool.waiting(house.spool, 10) == (RECORDING_ID,)


def test_without_an_archive_it_waits(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(opted_out(recording_id="20261121-131500-aaaaaaaa"))
    house.catalogue.rebuild(house.archive, START)
    root = house.config.archive_path
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Unreachable, match="not mounted"):
        archive(opted_out(one))
    root.with_name("unmounted").rename(root)
    assert len(list(house.spool.iterdir())) == 2
    archive(opted_out(one))
    assert proof_of(house).files == 2


def test_a_full_spool_stops_no_discarding(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))

    def no_room(*_: object, **__: object) -> None:
        raise Unreachable("the spool is full")

    monkeypatch.setattr(spool, "write_handoff", no_room)
    archive(opted_out(one))
    assert list(house.spool.iterdir()) == []
    assert house.redis.exists(names.taken_key(RECORDING_ID))


def test_a_link_with_our_name_is_removed_and_not_what_it_leads_to(house: House) -> None:
    target = house.folder / "elsewhere.wav"
    target.write_bytes(b"something else")
    (house.spool / f"{RECORDING_ID}.1.outside.wav").symlink_to(target)
    archive(opted_out())
    assert list(house.spool.iterdir()) == []
    assert target.exists()


def test_nothing_can_be_done_to_it(house: House) -> None:
    archive(opted_out())
    held = Act(kind=HOLD, at=house.now, by="dpo", words="claim 7", hold="claim-7")
    with pytest.raises(RecordingError, match="was discarded"):
        acts.append(house.archive, RECORDING_ID, held, b"0000")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("archived", [False, True], ids=["of the spool", "of the archive"])
def test_it_may_be_killed_at_any_side_effect(house: House, after: bool, archived: bool) -> None:
    """Killed anywhere and run again, it ends in the state of a run that nobody disturbed."""
    ids = (
        f"20261121-1315{n // 26:02}-{'abcdefghijklmnopqrstuvwxyz'[n % 26] * 8}" for n in range(999)
    )
    recording_id = ""

    def run(_counter: object) -> None:
        archive(given)

    def prepare() -> Handoff:
        nonlocal recording_id
        recording_id = next(ids)
        one = segment(
            1,
            0,
            1,
            outside_file=f"{recording_id}.1.outside.wav",
            inside_file=f"{recording_id}.1.inside.wav",
        )
        house.write_segment(one, tone(440, 0.5), tone(600, 0.5))
        if archived:
            enter(house, handoff(one, recording_id=recording_id))
        return opted_out(one, recording_id=recording_id)

    given = prepare()
    killed = 0
    for counter in every_kill(run, after=after):
        killed += counter.is_dead
        archive(given)
        assert list(house.spool.iterdir()) == [], counter.last
        proof = proof_of(house, recording_id)
        assert (proof.files, proof.size_bytes) == (2, 2 * 8044), counter.last
        expected = [layout.discard_proof(recording_id)]
        expected += [layout.deletion_proof(recording_id)] * archived
        left = [each for each in in_archive(house) if recording_id in each]
        assert left == sorted(expected), counter.last
        assert house.catalogue.get(recording_id) is None
        assert house.redis.exists(names.taken_key(recording_id))
        finding = Findings(house.redis).get(recording_id)
        assert finding is not None
        assert finding.kinds == (Kind.DISCARDED,)
        given = prepare()
    assert killed > 30  # else nothing was looked at
