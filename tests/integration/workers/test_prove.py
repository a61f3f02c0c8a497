"""The proof of a payment's silence, from spool files to the archive, with real ffmpeg and Redis."""

from __future__ import annotations

import os
import struct
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from hushtape import config as configuration
from hushtape.errors import RecordingError, Unreachable
from hushtape.recordings import layout
from hushtape.recordings.assurance import Kind
from hushtape.recordings.catalogue import Wanted, read_entry
from hushtape.recordings.commands import recordings
from hushtape.recordings.findings import Findings
from hushtape.recordings.manifest import (
    AudioFormat,
    AudioTerms,
    CallFacts,
    EndedBy,
    Handoff,
    Leg,
    Manifest,
    Party,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)
from hushtape.recordings.proof import Method, Proof, Result
from tests.integration.workers.test_archiving import loud, samples
from tests.integration.workers.worker_house import House
from tests.recording_samples import (
    RATE_HZ,
    REASON,
    RECORDING_ID,
    START,
    handoff,
    segment,
    tone,
    wav,
)
from workers import adoption, encode, erase, orphans, spool, tasks
from workers.runtime import context
from workers.settle import SpoolAudio

CARD_HZ = 1500
PEAK = 8000
SECOND = tone(440, 1)
CARD = tone(CARD_HZ, 1)
FLAC = AudioTerms(format=AudioFormat.FLAC)


def payment(begin_s: float, end_s: float, *, muted: bool = False) -> Span:
    return Span(
        kind=SpanKind.PAYMENT,
        started_at=START + timedelta(seconds=begin_s),
        ended_at=START + timedelta(seconds=end_s),
        reason=REASON,
        muted=muted,
    )


def stopped(number: int, begin_s: float, end_s: float, **changes: object) -> Segment:
    facts = {"stop": StopSeen.CONFIRMED, "ended_by": EndedBy.PAYMENT, **changes}
    return segment(number, begin_s, end_s - begin_s, **facts)


def written(house: House, each: Segment, outside: bytes, inside: bytes) -> None:
    """Both files of a segment, last changed when they were as long as they are."""
    house.write_segment(each, outside, inside)
    for name, sound in ((each.outside_file, outside), (each.inside_file, inside)):
        at_s = each.started_at.timestamp() + len(sound) / 2 / RATE_HZ
        os.utime(house.spool / name, (at_s, at_s))


def call(*segments: Segment, spans: tuple[Span, ...], **changes: object) -> Handoff:
    given = handoff(*segments, spans=spans, audio=FLAC, **changes)
    facts: CallFacts = msgspec.structs.replace(given.call, ended_at=START + timedelta(seconds=30))
    return msgspec.structs.replace(given, call=facts)


def archive(given: Handoff) -> None:
    tasks.archive(tasks.handoff_text(given))


def manifest(house: House) -> Manifest:
    return read_entry(house.archive, RECORDING_ID).manifest


def proof(house: House, number: int = 0) -> Proof:
    found = manifest(house).spans[number].proof
    assert found is not None
    return found


def heard(house: House) -> tuple[array[int], array[int]]:
    return samples(house, AudioFormat.FLAC)


def show(house: House, *words: str) -> str:
    told = CliRunner().invoke(recordings, [*words, "-c", str(house.config_path)])
    assert told.exit_code == 0, told.output
    return told.output


def spool_sound(house: House) -> dict[str, list[int]]:
    """The samples of every file in the spool, by the file's name."""
    return {
        path.name: list(array("h", path.read_bytes()[44:])) for path in house.spool.glob("*.wav")
    }


def ran_on(house: House) -> Handoff:
    """The recorder was said to be stopped at 5 s, and wrote for another 3."""
    one, two = stopped(1, 0, 5), segment(2, 12, 3)
    written(house, one, 5 * SECOND + 3 * CARD, 8 * SECOND)
    written(house, two, 3 * SECOND, 3 * SECOND)
    return call(one, two, spans=(payment(5, 12),))


def test_a_payment_without_samples_is_proved(house: House) -> None:
    one, two = stopped(1, 0, 5, cut_s=0.04), segment(2, 12, 3)
    written(house, one, 5 * SECOND + tone(CARD_HZ, 0.04), 5 * SECOND + bytes(640))
    written(house, two, 3 * SECOND, 3 * SECOND)
    consultation = Span(
        kind=SpanKind.CONSULTATION,
        started_at=START,
        ended_at=START + timedelta(seconds=1),
        reason=REASON,
    )
    archive(call(one, two, spans=(consultation, payment(5, 12))))
    assert proof(house, 1) == Proof(result=Result.PROVED, method=Method.NO_SAMPLES, margin_s=0.06)
    kept = manifest(house)
    assert kept.spans[0].proof is None
    assert (kept.quarantined, kept.remarks) == (False, ())
    left, right = heard(house)
    assert loud(left, 4.9, 5) > 5000
    assert loud(left, 5, 12) == loud(right, 5, 12) == 0
    assert loud(left, 12, 12.1) > 5000
    assert "its silence is proved: no samples" in show(house, "show", RECORDING_ID)
    assert not house.archive.exists(layout.proof_begun(RECORDING_ID))
    assert Findings(house.redis).get(RECORDING_ID) is None


def test_where_it_fails_its_sound_is_destroyed_and_the_rest_set_aside(house: House) -> None:
    with capture_logs() as logs:
        archive(ran_on(house))
    found = proof(house)
    assert found == Proof(
        result=Result.FAILED,
        method=Method.NO_SAMPLES,
        margin_s=0.06,
        samples=2 * 3 * RATE_HZ,
        largest_sample=PEAK,
        destroyed_s=4.0,
        words="a recorder was not stopped when it began, and what it wrote from there on is"
        " destroyed",
    )
    left, right = heard(house)
    assert loud(left, 3.8, 4) > 5000  # a second more goes: the file's clock may be another
    assert loud(left, 4, 12) == loud(right, 4, 12) == 0
    assert loud(left, 12.1, 14.9) > 5000
    kept = manifest(house)
    assert kept.quarantined
    assert kept.remarks == (f"quarantined: payment 1: {found.words}",)
    assert list(house.spool.iterdir()) == []

    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.kinds == (Kind.QUARANTINED,)
    assert finding.open
    alarms = [each for each in logs if each["event"] == "alarm"]
    assert [each["what"] for each in alarms] == list(kept.remarks)
    assert Findings(house.redis).open_counts()["quarantined"] == 1  # the metric

    assert house.catalogue.search(Wanted(), 10) == ()
    (listed,) = house.catalogue.search(Wanted(quarantined=True), 10)
    assert (listed.id, listed.fault) == (RECORDING_ID, "quarantined")
    assert RECORDING_ID not in show(house, "list")
    assert RECORDING_ID in show(house, "list", "--quarantined")
    told = show(house, "show", RECORDING_ID)
    assert "QUARANTINED: a payment was not silent" in told
    assert "48000 samples, the largest 8000 of 32768, are destroyed" in told


def test_it_is_destroyed_before_anything_is_made_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder fails: what was heard is noted, and in the spool there are zeros already."""
    given = ran_on(house)
    seen: dict[str, list[int]] = {}

    def encoder(*_: object, **__: object) -> Path:
        seen.update(spool_sound(house))
        raise RecordingError("no encoder today")

    with monkeypatch.context() as patched:
        patched.setattr(encode, "encode", encoder)
        with pytest.raises(RecordingError, match="no encoder"):
            archive(given)
    for side in ("outside", "inside"):
        sound = seen[f"{RECORDING_ID}.1-{side}.wav"]
        assert len(sound) == 8 * RATE_HZ
        assert not any(sound[4 * RATE_HZ :])
        assert any(sound[3 * RATE_HZ : 4 * RATE_HZ])
    assert any(seen[f"{RECORDING_ID}.2-outside.wav"])
    assert house.archive.exists(layout.proof_begun(RECORDING_ID))

    archive(given)  # nothing of it could be found any more: the note tells
    assert proof(house).samples == 2 * 3 * RATE_HZ
    assert proof(house).largest_sample == PEAK
    assert manifest(house).quarantined
    assert not house.archive.exists(layout.proof_begun(RECORDING_ID))


def test_nothing_is_destroyed_unless_it_was_noted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ran_on(house)
    before = spool_sound(house)

    def full(*_: object) -> None:
        raise Unreachable("the archive's disk is full")

    monkeypatch.setattr(type(house.archive), "put", full)
    with pytest.raises(Unreachable):
        archive(given)
    assert spool_sound(house) == before
    assert not house.archive.exists(layout.manifest(RECORDING_ID))


def test_a_recorder_that_ran_through_loses_the_payment_only(house: House) -> None:
    one = segment(1, 0, 15)
    written(house, one, 5 * SECOND + 4 * CARD + 6 * SECOND, 15 * SECOND)
    archive(call(one, spans=(payment(5, 9),)))
    assert proof(house).result is Result.FAILED
    left, right = heard(house)
    for side in (left, right):
        assert loud(side, 4.8, 4.94) > 5000
        assert loud(side, 4.95, 9.05) == 0
        assert loud(side, 9.07, 14.9) > 5000


def test_a_consultation_is_examined_too(house: House) -> None:
    one = stopped(1, 0, 5)
    beside = stopped(2, 3, 5, leg=Leg.CONSULTATION)
    written(house, one, 5 * SECOND, 5 * SECOND)
    written(house, beside, 2 * SECOND + 2 * CARD, 4 * SECOND)
    archive(call(one, beside, spans=(payment(5, 12),)))
    found = proof(house)
    assert (found.result, found.samples) == (Result.FAILED, 2 * 2 * RATE_HZ)
    _, right = heard(house)
    assert len(right) == 5 * RATE_HZ
    assert manifest(house).quarantined


def test_an_end_that_nobody_saw_and_that_came_too_late(house: House) -> None:
    one = stopped(1, 0, 4, stop=StopSeen.UNSEEN, ended_by=EndedBy.LINK_LOST)
    written(house, one, 5 * SECOND + 5 * CARD, 10 * SECOND)
    archive(call(one, spans=(payment(5, 12),)))
    assert proof(house).result is Result.FAILED
    left, _ = heard(house)
    assert len(left) == 4 * RATE_HZ


def test_zeros_are_a_proof_where_it_was_muted(house: House) -> None:
    one = segment(1, 0, 15)
    mute = bytes(2 * round(3.96 * RATE_HZ))  # it came 20 ms late, and went 20 ms early
    edge = tone(CARD_HZ, 0.02)
    written(house, one, 5 * SECOND + edge + mute + edge + 6 * SECOND, 15 * SECOND)
    house.write(one.inside_file, wav(5 * SECOND + bytes(8 * RATE_HZ) + 6 * SECOND))
    archive(call(one, spans=(payment(5, 9, muted=True),)))
    found = proof(house)
    assert (found.result, found.method) == (Result.PROVED, Method.ZEROS)
    assert (found.samples, found.largest_sample) == (0, 0)
    left, right = heard(house)
    assert loud(left, 4.9, 5) > 5000
    assert loud(left, 5, 9) == loud(right, 5, 9) == 0
    assert loud(left, 9.01, 9.1) > 5000
    assert not manifest(house).quarantined


def test_one_loud_sample_is_no_mute(house: House) -> None:
    one = segment(1, 0, 15)
    mute = bytearray(8 * RATE_HZ)
    mute[1000:1002] = struct.pack("<h", -32768)
    written(house, one, 5 * SECOND + mute + 6 * SECOND, 5 * SECOND + bytes(8 * RATE_HZ))
    archive(call(one, spans=(payment(5, 9, muted=True),)))
    found = proof(house)
    assert (found.result, found.samples, found.largest_sample) == (Result.FAILED, 1, 32768)
    assert manifest(house).quarantined
    left, _ = heard(house)
    assert loud(left, 4.95, 9.05) == 0
    assert loud(left, 9.1, 14) > 5000


def test_what_cant_be_read_proves_nothing(house: House) -> None:
    one, two = stopped(1, 0, 5, cut_s=0.5), stopped(2, 12, 13)
    written(house, one, 5 * SECOND + tone(440, 0.5), b"")
    house.write(one.inside_file, b"no sound at all, but text")
    written(house, two, SECOND, SECOND)
    archive(call(one, two, spans=(payment(5, 12),)))
    assert proof(house).result is Result.UNPROVED
    assert proof(house).words == "segment 1, inside, can't be read"
    assert not manifest(house).quarantined
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert Kind.UNPROVED in finding.kinds


def test_a_late_stop_is_overwritten_though_nothing_of_it_would_be_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stopped(1, 0, 5, cut_s=1.0)
    written(house, one, 5 * SECOND + CARD, 6 * SECOND)
    monkeypatch.setattr(spool, "remove", lambda *_: None)
    archive(call(one, spans=(payment(5, 12),)))
    for sound in spool_sound(house).values():
        assert not any(sound[5 * RATE_HZ :])
        assert any(sound[: 5 * RATE_HZ])
    found = proof(house)
    assert (found.result, found.destroyed_s) == (Result.UNPROVED, 1.0)
    assert found.words == (
        "a recorder was stopped 1.00 s after the payment began: so much of it is destroyed"
    )
    assert manifest(house).remarks == (f"unproved: payment 1: {found.words}",)
    assert not manifest(house).quarantined


def test_the_margin_is_configured(house: House) -> None:
    text = house.config_path.read_text()
    house.config_path.write_text(text.replace("[pbx", "proof.margin_ms = 200\n[pbx"))
    context().config = configuration.load(house.config_path)
    one = stopped(1, 0, 5)
    written(house, one, tone(440, 5.15), tone(440, 5.15))
    archive(call(one, spans=(payment(5, 12),)))
    assert proof(house).result is Result.PROVED
    assert proof(house).margin_s == 0.2
    assert len(heard(house)[0]) == 5 * RATE_HZ


def test_a_proof_that_a_hand_off_brings_is_not_believed(house: House) -> None:
    given = ran_on(house)
    claimed = Proof(result=Result.PROVED, method=Method.NO_SAMPLES, margin_s=0.06)
    spans = tuple(msgspec.structs.replace(span, proof=claimed) for span in given.spans)
    archive(msgspec.structs.replace(given, spans=spans))
    assert proof(house).result is Result.FAILED


def test_a_clock_that_was_set_in_a_payment_proves_nothing(house: House) -> None:
    one = stopped(1, 0, 5)
    written(house, one, 5 * SECOND, 5 * SECOND)
    archive(call(one, spans=(payment(5, 2),)))
    assert proof(house).result is Result.UNPROVED


def test_a_call_that_was_last_heard_when_its_payment_began_is_looked_at_to_its_end(
    house: House,
) -> None:
    """It ended while nobody listened: neither the payment's end nor the call's is known."""
    one = stopped(1, 0, 5)
    written(house, one, 5 * SECOND, 5 * SECOND)
    given = call(one, spans=(payment(5, 5),))
    ended = msgspec.structs.replace(given.call, ended_at=START + timedelta(seconds=5))
    archive(msgspec.structs.replace(given, call=ended))
    assert proof(house).result is Result.PROVED
    assert not manifest(house).quarantined


def test_one_whose_recorder_ran_on_all_the_same_is_destroyed(house: House) -> None:
    one = stopped(1, 0, 5, stop=StopSeen.UNSEEN)
    written(house, one, 5 * SECOND + 3 * CARD, 8 * SECOND)
    given = call(one, spans=(payment(5, 5),))
    ended = msgspec.structs.replace(given.call, ended_at=START + timedelta(seconds=5))
    archive(msgspec.structs.replace(given, call=ended))
    assert proof(house).result is Result.FAILED
    assert manifest(house).quarantined
    assert len(heard(house)[0]) <= 5 * RATE_HZ


@pytest.mark.parametrize(("answered_s", "result"), [(0.02, Result.PROVED), (0.3, Result.UNPROVED)])
def test_a_recorder_that_the_dialplan_stopped_is_proved_by_its_files_age(
    house: House, answered_s: float, result: Result
) -> None:
    """With the bridge dead: nobody saw the stop, and the start may have been answered late."""
    made_at = datetime.now(UTC)
    one = msgspec.structs.replace(
        stopped(1, 0, 5, stop=StopSeen.UNSEEN),
        started_at=made_at + timedelta(seconds=answered_s),
        ended_at=made_at + timedelta(seconds=5),
    )
    span = msgspec.structs.replace(
        payment(5, 12),
        started_at=made_at + timedelta(seconds=5),
        ended_at=made_at + timedelta(seconds=12),
    )
    house.write_segment(one, 5 * SECOND, 5 * SECOND)
    for name in (one.outside_file, one.inside_file):
        os.utime(house.spool / name, (made_at.timestamp() + 5,) * 2)
    given = call(one, spans=(span,))
    times = msgspec.structs.replace(
        given.call, started_at=made_at, ended_at=made_at + timedelta(seconds=20)
    )
    archive(msgspec.structs.replace(given, call=times))
    assert proof(house).result is result
    length_s = 5 - answered_s
    assert (length_s - 0.2) * RATE_HZ < len(heard(house)[0]) <= length_s * RATE_HZ + 160


def test_a_file_that_may_not_be_written_to_is_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ran_on(house)
    original = os.open
    inode = (house.spool / f"{RECORDING_ID}.1-outside.wav").stat().st_ino

    def guarded(path: object, flags: int, *rest: int, **more: int) -> int:
        if str(path).endswith(".wav") and flags & os.O_WRONLY:
            raise PermissionError(13, "Permission denied")
        return original(path, flags, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", guarded)
    monkeypatch.setattr(spool, "remove", lambda *_: None)
    archive(given)
    monkeypatch.undo()
    assert proof(house).replaced
    (remark,) = manifest(house).remarks
    freed = (
        "the worker may not write to the PBX's files: their old blocks are free, not overwritten"
    )
    assert remark.endswith(f"; {freed}")
    assert freed in show(house, "show", RECORDING_ID)
    sound = spool_sound(house)[f"{RECORDING_ID}.1-outside.wav"]
    assert sound[: 4 * RATE_HZ] == list(array("h", 4 * SECOND))
    assert not any(sound[4 * RATE_HZ :])
    assert (house.spool / f"{RECORDING_ID}.1-outside.wav").stat().st_ino != inode
    assert not list(house.spool.glob("*.part"))


def test_a_link_in_a_files_place_is_not_followed(house: House, tmp_path: Path) -> None:
    given = ran_on(house)
    other = tmp_path / "elsewhere.wav"
    (house.spool / f"{RECORDING_ID}.1-outside.wav").rename(other)
    before = other.read_bytes()
    (house.spool / f"{RECORDING_ID}.1-outside.wav").symlink_to(other)
    archive(given)
    assert other.read_bytes() == before
    assert manifest(house).quarantined  # the other direction was heard


def test_a_link_that_came_after_a_look_is_not_followed(house: House, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.wav"
    other.write_bytes(wav(SECOND))
    name = f"{RECORDING_ID}.1.outside.wav"
    (house.spool / name).symlink_to(other)
    audio = SpoolAudio(name=name, data_offset_bytes=44, frames=RATE_HZ, rate_hz=RATE_HZ)
    with pytest.raises(Unreachable, match="can't be overwritten"):
        erase.overwrite(house.spool, RECORDING_ID, audio, [(0, 100)])
    assert other.read_bytes() == wav(SECOND)


def test_what_was_left_over_from_a_recording_is_examined_by_its_payments(house: House) -> None:
    """A file that came late: its end was never cut, for its hand-off is done with."""
    one = stopped(1, 0, 5)
    written(house, one, 5 * SECOND, 5 * SECOND)
    archive(call(one, spans=(payment(5, 12),)))
    other = orphans.rest_id(RECORDING_ID)
    late = segment(2, 3, 6, outside_file=f"{other}.2.outside.wav")
    written(house, late, 2 * SECOND + 4 * CARD, b"")
    (found,) = (each for each in orphans.find(house.spool).orphans if each.id == other)
    entry = read_entry(house.archive, RECORDING_ID)
    archive(adoption.handoff_of_rest(house.spool, found, entry, Party(), house.now))
    rest = read_entry(house.archive, other).manifest
    assert rest.quarantined
    assert rest.audio.duration_s <= 2
