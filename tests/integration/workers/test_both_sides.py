"""One stereo file for both sides of a segment, from the spool to the archive, with real ffmpeg."""

from __future__ import annotations

import os
from array import array
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from hushtape.errors import Damaged, NotSettled
from hushtape.recordings import layout
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.findings import Findings
from hushtape.recordings.manifest import (
    BOTH,
    AudioFormat,
    AudioTerms,
    EndedBy,
    Handoff,
    Leg,
    Manifest,
    Segment,
    Span,
    SpanKind,
    StopSeen,
)
from hushtape.recordings.proof import Result
from tests.integration.workers.test_archiving import loud, samples
from tests.integration.workers.worker_house import House
from tests.recording_samples import (
    RATE_HZ,
    REASON,
    RECORDING_ID,
    START,
    both,
    handoff,
    segment,
    tone,
    wav,
)
from workers import adoption, intake, settle, tasks
from workers.orphans import look
from workers.reconcile import reconcile
from workers.runtime import context

FLAC = AudioTerms(format=AudioFormat.FLAC)
CARD_HZ = 1500
PEAK = 8000
SECOND = tone(440, 1)
NOTHING = bytes(len(SECOND))


def name_of(number: int) -> str:
    return adoption.file_name(RECORDING_ID, number, BOTH)


def one_file(number: int, offset_s: float, length_s: float, **changes: object) -> Segment:
    names = {"outside_file": name_of(number), "inside_file": name_of(number)}
    return segment(number, offset_s, length_s, **(names | changes))


def write(
    house: House,
    each: Segment,
    left: bytes,
    right: bytes,
    *,
    claimed: int | None = None,
    lasts_s: float | None = None,
) -> None:
    """A segment's file, last changed when it was as long as it is."""
    path = house.write(each.outside_file, wav(both(left, right), claimed=claimed, channels=2))
    seconds = len(left) / 2 / RATE_HZ if lasts_s is None else lasts_s
    os.utime(path, (each.started_at.timestamp() + seconds,) * 2)


def archive(given: Handoff) -> None:
    tasks.archive(tasks.handoff_text(given))


def manifest(house: House, recording_id: str = RECORDING_ID) -> Manifest:
    return read_entry(house.archive, recording_id).manifest


def heard(house: House) -> tuple[array[int], array[int]]:
    return samples(house, AudioFormat.FLAC)


def payment(begin_s: float, end_s: float, *, muted: bool = False) -> Span:
    return Span(
        kind=SpanKind.PAYMENT,
        started_at=START + timedelta(seconds=begin_s),
        ended_at=START + timedelta(seconds=end_s),
        reason=REASON,
        muted=muted,
    )


def paid(*segments: Segment, spans: tuple[Span, ...]) -> Handoff:
    given = handoff(*segments, spans=spans, audio=FLAC)
    facts = msgspec.structs.replace(given.call, ended_at=START + timedelta(seconds=30))
    return msgspec.structs.replace(given, call=facts)


def test_left_is_who_was_recorded_and_right_whom_he_heard(house: House) -> None:
    """Sample by sample: the archive holds what the PBX wrote, each side on its own."""
    one, two = one_file(1, 0, 2), one_file(2, 3, 1)
    write(house, one, 2 * SECOND, tone(600, 2))
    write(house, two, NOTHING, tone(600, 1))
    archive(handoff(one, two, audio=FLAC))
    left, right = heard(house)
    rest = bytes(2 * RATE_HZ)
    assert left.tobytes() == 2 * SECOND + rest + NOTHING
    assert right.tobytes() == tone(600, 2) + rest + tone(600, 1)
    kept = manifest(house)
    assert [(each.offset_s, each.duration_s) for each in kept.segments] == [(0, 2), (3, 1)]
    assert kept.remarks == ()
    assert list(house.spool.iterdir()) == []


def test_it_lies_beside_a_consultation_and_beside_pairs_of_files(house: House) -> None:
    """The consultation comes in place of what the outside party hears, on the right."""
    one = one_file(1, 0, 4)
    beside = one_file(2, 1, 2, leg=Leg.CONSULTATION)
    pair = segment(3, 4, 1)
    write(house, one, 4 * SECOND, 4 * SECOND)
    write(house, beside, tone(600, 2, 3000), tone(1000, 2, 3000))
    house.write_segment(pair, NOTHING, SECOND)
    archive(handoff(one, beside, pair, audio=FLAC))
    left, right = heard(house)
    assert left.tobytes() == 4 * SECOND + NOTHING
    talk = array("h", tone(600, 2, 3000)), array("h", tone(1000, 2, 3000))
    assert right[RATE_HZ : 3 * RATE_HZ] == array("h", (a + b for a, b in zip(*talk, strict=True)))
    assert right[3 * RATE_HZ :].tobytes() == SECOND + SECOND


def test_the_end_of_both_sides_is_cut(house: House) -> None:
    one = one_file(1, 0, 2, cut_s=0.5, stop=StopSeen.CONFIRMED, ended_by=EndedBy.TRANSFER)
    write(house, one, 2 * SECOND + tone(CARD_HZ, 0.5), 2 * SECOND + tone(CARD_HZ, 0.5))
    archive(handoff(one, audio=FLAC))
    assert [len(side) for side in heard(house)] == [2 * RATE_HZ, 2 * RATE_HZ]


def test_a_head_left_at_zero_is_not_believed(house: House) -> None:
    """As after a crash of the PBX: the file's size tells how much there is."""
    one = one_file(1, 0, 2)
    write(house, one, 2 * SECOND, 2 * SECOND, claimed=0)
    archive(handoff(one, audio=FLAC))
    left, right = heard(house)
    assert left.tobytes() == right.tobytes() == 2 * SECOND
    (remark,) = manifest(house).remarks
    assert remark == (
        "header: segment 1, both: the WAV header says 0 bytes of sound, the file holds 64000; the"
        " file was believed"
    )


def test_a_frame_that_is_not_whole_is_left_out(house: House) -> None:
    one = one_file(1, 0, 1)
    house.write(one.outside_file, wav(both(SECOND, SECOND) + b"\1\2\3", claimed=0, channels=2))
    archive(handoff(one, audio=FLAC))
    assert [side.tobytes() for side in heard(house)] == [SECOND, SECOND]


UNREADABLE = (
    (wav(SECOND), "expected 2 channels of 16-bit PCM, not 1 of 16 bits at 8000 Hz"),
    (
        wav(both(SECOND, SECOND), channels=2, rate_hz=11_025),
        "expected 2 channels of 16-bit PCM, not 2 of 16 bits at 11025 Hz",
    ),
    (b"OggS" + bytes(100), "it is not a WAV file"),
)


@pytest.mark.parametrize(("data", "words"), UNREADABLE)
def test_what_holds_no_two_sides_is_refused(house: House, data: bytes, words: str) -> None:
    one = one_file(1, 0, 1)
    house.write(one.outside_file, data)
    with pytest.raises(Damaged, match=words):
        archive(handoff(one, audio=FLAC))
    assert (house.spool / one.outside_file).read_bytes() == data
    assert not house.archive.exists(layout.manifest(RECORDING_ID))


@pytest.mark.parametrize(("data", "words"), UNREADABLE)
def test_beside_others_it_is_named_and_never_guessed(house: House, data: bytes, words: str) -> None:
    bad, good = one_file(1, 0, 1), one_file(2, 1, 1)
    house.write(bad.outside_file, data)
    write(house, good, SECOND, SECOND)
    archive(handoff(bad, good, audio=FLAC))
    (remark,) = manifest(house).remarks
    assert remark.startswith(f"damaged: segment 1, both: {name_of(1)} in the spool: {words}")
    assert remark.endswith(settle.LEFT)
    assert (house.spool / bad.outside_file).read_bytes() == data


def test_a_stereo_file_in_the_place_of_one_side_is_damaged(house: House) -> None:
    pair = segment(1, 0, 1)
    house.write(pair.outside_file, wav(both(SECOND, SECOND), channels=2))
    house.write(pair.inside_file, wav(SECOND))
    archive(handoff(pair, audio=FLAC))
    (remark,) = manifest(house).remarks
    assert remark.startswith("damaged: segment 1, outside: ")
    assert "expected one channel" in remark


def test_a_missing_and_an_empty_one_are_named_once(house: House) -> None:
    missing, empty, good = one_file(1, 0, 1), one_file(2, 1, 1), one_file(3, 2, 1)
    given = handoff(missing, empty, good, audio=FLAC)
    write(house, empty, b"", b"")
    write(house, good, SECOND, SECOND)
    house.now = START + timedelta(seconds=10)
    with pytest.raises(NotSettled, match="is looked for until 120 s after the call"):
        archive(given)
    house.now = START + timedelta(minutes=5)
    archive(given)
    assert manifest(house).remarks == (
        "missing: segment 1, both: the file is missing",
        "empty: segment 2, both: the file holds no sound",
    )
    assert list(house.spool.iterdir()) == []


def test_one_that_is_too_short_is_named(house: House) -> None:
    one = one_file(1, 0, 10)
    write(house, one, 2 * SECOND, 2 * SECOND)
    archive(handoff(one, audio=FLAC))
    (remark,) = manifest(house).remarks
    assert remark == "short: segment 1: 2.0 s of 10.0 s"


def test_a_side_that_is_never_heard_is_named_by_its_party(house: House) -> None:
    one = one_file(1, 3, 8)
    write(house, one, 8 * SECOND, 8 * NOTHING)
    archive(handoff(one, audio=FLAC))
    (remark,) = manifest(house).remarks
    assert remark.startswith("one-sided: segment 1: our side is never heard")


@pytest.mark.parametrize("side", [0, 1])
def test_a_payment_that_was_taken_in_is_destroyed_on_both_sides(house: House, side: int) -> None:
    """A recorder that ran on: whichever side it was heard on, both are overwritten."""
    one, two = (
        one_file(1, 0, 5, stop=StopSeen.CONFIRMED, ended_by=EndedBy.PAYMENT),
        one_file(2, 12, 3),
    )
    sides = [5 * SECOND + 3 * NOTHING, 5 * SECOND + 3 * NOTHING]
    sides[side] = 5 * SECOND + 3 * tone(CARD_HZ, 1)
    write(house, one, sides[0], sides[1])
    write(house, two, 3 * SECOND, 3 * SECOND)
    archive(paid(one, two, spans=(payment(5, 12),)))
    proof = manifest(house).spans[0].proof
    assert proof is not None
    assert (proof.result, proof.samples) == (Result.FAILED, 2 * 3 * RATE_HZ)
    assert proof.largest_sample == PEAK
    left, right = heard(house)
    assert loud(left, 5, 12) == loud(right, 5, 12) == 0
    assert loud(left, 3, 3.9) > 5000 < loud(right, 3, 3.9)
    assert loud(left, 12.1, 14.9) > 5000 < loud(right, 12.1, 14.9)
    assert manifest(house).quarantined


def test_a_payment_is_overwritten_in_the_spool_before_anything_is_made_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = one_file(1, 0, 15)
    talk, card = 5 * SECOND, 4 * tone(CARD_HZ, 1)
    write(house, one, talk + card + 6 * SECOND, talk + card + 6 * SECOND)
    seen: list[bytes] = []

    def encoder(*_: object, **__: object) -> None:
        seen.append((house.spool / one.outside_file).read_bytes()[44:])
        raise Damaged("no encoder today")

    monkeypatch.setattr("workers.encode.encode", encoder)
    with pytest.raises(Damaged, match="no encoder"):
        archive(paid(one, spans=(payment(5, 9),)))
    sound = array("h", seen[0])
    for side in (sound[0::2], sound[1::2]):
        assert len(side) == 15 * RATE_HZ
        assert loud(side, 4.8, 4.94) > 5000
        assert loud(side, 4.95, 9.05) == 0
        assert loud(side, 9.07, 14.9) > 5000


@pytest.mark.parametrize("side", [None, 0, 1])
def test_a_mask_is_proved_by_zeros_on_both_sides(house: House, side: int | None) -> None:
    one = one_file(1, 0, 10, stop=StopSeen.CONFIRMED)
    whole = 3 * SECOND + 4 * NOTHING + 3 * SECOND
    sides = [whole, whole]
    if side is not None:
        sides[side] = 3 * SECOND + 2 * NOTHING + tone(CARD_HZ, 1) + NOTHING + 3 * SECOND
    write(house, one, sides[0], sides[1])
    archive(paid(one, spans=(payment(3, 7, muted=True),)))
    proof = manifest(house).spans[0].proof
    assert proof is not None
    assert proof.result is (Result.PROVED if side is None else Result.FAILED)
    assert proof.largest_sample == (0 if side is None else PEAK)
    left, right = heard(house)
    assert loud(left, 3, 7) == loud(right, 3, 7) == 0


def test_a_payment_in_a_file_that_can_not_be_read_is_not_proved(house: House) -> None:
    bad, good = one_file(1, 0, 5), one_file(2, 12, 3)
    house.write(bad.outside_file, wav(5 * SECOND))
    write(house, good, 3 * SECOND, 3 * SECOND)
    archive(paid(bad, good, spans=(payment(2, 12),)))
    proof = manifest(house).spans[0].proof
    assert proof is not None
    assert proof.result is Result.UNPROVED
    assert proof.words == "segment 1, both, can't be read"


def test_files_without_a_hand_off_are_adopted_by_their_names(house: House) -> None:
    for number, at_s in ((1, 3.0), (2, 7.0)):
        write(house, one_file(number, 0, 1), SECOND, NOTHING, lasts_s=at_s)
    house.now = START + timedelta(hours=25)
    assert look(context(), "town-hall").adopted == [RECORDING_ID]
    assert reconcile(context(), "town-hall") == 1
    text = (house.spool / f"{RECORDING_ID}.handoff.json").read_text()
    given = intake.parse(text)
    assert [each.files for each in given.segments] == [((BOTH, name_of(n)),) for n in (1, 2)]
    tasks.archive(text)
    kept = manifest(house)
    assert [(each.offset_s, each.duration_s) for each in kept.segments] == [(0, 1), (4, 1)]
    finding = Findings(house.redis).get(RECORDING_ID)
    assert finding is not None
    assert finding.open
    assert list(house.spool.iterdir()) == []


def test_what_comes_after_its_recording_was_archived_is_set_aside(house: House) -> None:
    lost, one = one_file(1, 0, 1), one_file(2, 1, 1)
    write(house, one, SECOND, SECOND)
    house.now = START + timedelta(minutes=5)
    archive(handoff(lost, one, audio=FLAC))
    write(house, lost, SECOND, SECOND)
    house.now = START + timedelta(hours=25)
    (rest,) = look(context(), "town-hall").adopted
    assert rest != RECORDING_ID
    tasks.archive((house.spool / f"{rest}.handoff.json").read_text())
    assert manifest(house, rest).audio.duration_s == 1
    assert list(house.spool.iterdir()) == []


def test_of_a_discarded_call_it_is_destroyed(house: House) -> None:
    one = one_file(1, 0, 1)
    write(house, one, SECOND, SECOND)
    with capture_logs():
        archive(handoff(one, discard=REASON))
    assert list(house.spool.iterdir()) == []
    assert house.archive.exists(layout.discard_proof(RECORDING_ID))


def test_one_name_for_both_sides_must_say_so() -> None:
    fine = handoff(one_file(1, 0, 1), segment(2, 1, 1))
    assert intake.parse(msgspec.json.encode(fine)) == fine
    assert intake.file_names(fine) == (
        name_of(1),
        *(name for _, name in fine.segments[1].files),
    )
    same = f"{RECORDING_ID}.1.outside.wav"
    for wrong in (
        handoff(segment(1, 0, 1, outside_file=same, inside_file=same)),
        handoff(
            one_file(1, 0, 1), one_file(2, 1, 1, outside_file=name_of(1), inside_file=name_of(1))
        ),
    ):
        with pytest.raises(Damaged, match="a spool file appears in it twice"):
            intake.parse(msgspec.json.encode(wrong))
