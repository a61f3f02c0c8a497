"""From spool files to an archived recording, with real ffmpeg and Redis, in this process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from array import array
from datetime import timedelta

import msgspec
import pytest

from hushtape import handoff_names as names
from hushtape.errors import Damaged, NotSettled, RecordingError, TooBig, Unreachable
from hushtape.recordings import layout, number_key
from hushtape.recordings.archive import Digest, LocalArchive
from hushtape.recordings.catalogue import Wanted, read_entry
from hushtape.recordings.manifest import AudioFormat, AudioTerms, EndedBy, Manifest, StopSeen
from tests.integration.workers.worker_house import House
from tests.recording_samples import RATE_HZ, RECORDING_ID, START, handoff, segment, tone, wav
from workers import settle, spool, tasks
from workers.heard import Heard
from workers.reconcile import reconcile, upkeep
from workers.runtime import context

LOSSLESS = AudioTerms(format=AudioFormat.FLAC)


def archive(given: object) -> None:
    tasks.archive(tasks.handoff_text(given))  # type: ignore[arg-type]


def manifest_of(house: House, recording_id: str = RECORDING_ID) -> Manifest:
    return read_entry(house.archive, recording_id).manifest


def samples(house: House, audio_format: AudioFormat) -> tuple[array[int], array[int]]:
    """What an ordinary decoder hears, left and right, at the spool's rate."""
    path = house.config.archive_path / layout.audio(RECORDING_ID, audio_format)
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-ar", str(RATE_HZ), "-f", "s16le", "pipe:1"],
        capture_output=True,
        check=True,
        timeout=30,
    ).stdout
    both = array("h", raw)
    return both[0::2], both[1::2]


def loud(side: array[int], begin_s: float, end_s: float) -> int:
    return max(abs(each) for each in side[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)])


def probe(house: House, audio_format: AudioFormat) -> dict[str, str]:
    path = house.config.archive_path / layout.audio(RECORDING_ID, audio_format)
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)
    tags = {**found["format"].get("tags", {}), **found["streams"][0].get("tags", {})}
    return {name.lower(): value for name, value in tags.items()} | {
        "codec": found["streams"][0]["codec_name"],
        "channels": str(found["streams"][0]["channels"]),
        "seconds": found["format"]["duration"],
    }


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_two_segments_are_joined_on_the_calls_clock(
    house: House, audio_format: AudioFormat
) -> None:
    first = segment(1, 0, 2, ended_by=EndedBy.PAYMENT, stop=StopSeen.CONFIRMED)
    second = segment(2, 5, 2)
    house.write_segment(first, tone(440, 2), bytes(2 * 2 * RATE_HZ))
    house.write_segment(second, bytes(2 * 2 * RATE_HZ), tone(600, 2))
    archive(handoff(first, second, audio=AudioTerms(format=audio_format)))

    left, right = samples(house, audio_format)
    assert len(left) / RATE_HZ == pytest.approx(7, abs=0.03)
    assert loud(left, 0.1, 1.9) > 5000
    assert loud(right, 0.1, 1.9) < 300  # the encoder may let a little through, no voice
    assert loud(left, 2.1, 4.9) < 20
    assert loud(right, 2.1, 4.9) < 20
    assert loud(right, 5.1, 6.9) > 5000
    assert loud(left, 5.1, 6.9) < 300

    found = probe(house, audio_format)
    assert found["channels"] == "2"
    assert found["codec"] == {"opus": "opus", "wav": "pcm_s16le"}.get(audio_format, audio_format)
    assert found["title"] == f"Recording {RECORDING_ID}"
    told = found["comment"] if audio_format is AudioFormat.WAV else json.dumps(found)
    for words in (
        "council-tax",
        "Ann  Example",
        RECORDING_ID,
        "town-hall 2026-01-01",
        "2027-01-22",
    ):
        assert words in told
    assert "7946" not in json.dumps(found)
    assert "encoded by hushtape" not in told

    manifest = manifest_of(house)
    assert manifest.audio.duration_s == 7
    assert [(each.offset_s, each.duration_s) for each in manifest.segments] == [(0, 2), (5, 2)]
    assert manifest.archived_at == house.now
    assert list(house.spool.iterdir()) == []
    assert house.redis.exists(names.taken_key(RECORDING_ID))
    entry = house.catalogue.get(RECORDING_ID)
    assert entry is not None
    assert entry.sha256 == manifest.audio.sha256
    assert entry.archiving_s == pytest.approx(293)


def test_the_number_is_in_the_tags_only_if_the_policy_says_so(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one, audio=AudioTerms(format=AudioFormat.OPUS, number_in_tags=True)))
    assert probe(house, AudioFormat.OPUS)["caller"] == "+44 20 7946 0123"


def test_nothing_but_the_private_part_names_anybody(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one, audio=LOSSLESS))
    folder = house.config.archive_path / layout.prefix(RECORDING_ID)
    assert sorted(each.name for each in folder.iterdir()) == [
        "audio.flac",
        "manifest.json",
        "private.json",
    ]
    text = (folder / "manifest.json").read_text()
    assert "7946" not in text
    assert "Ann" not in text
    assert "7946" in (folder / "private.json").read_text()
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert modes == {"audio.flac": 0o640, "manifest.json": 0o640, "private.json": 0o600}
    kept = b"".join(
        each + b"".join(b"%b%b" % pair for pair in house.redis.hgetall(each).items())
        for each in house.redis.keys("hushtape:recording:*")
    )
    assert b"7946" not in kept
    assert b"Ann" not in kept


def test_the_cut_is_gone_from_both_sides_before_anything_is_written(house: House) -> None:
    one = segment(1, 0, 3, cut_s=1.0, ended_by=EndedBy.PAYMENT, stop=StopSeen.CONFIRMED)
    two = segment(2, 4, 1)
    card = tone(1000, 1, peak=20000)
    house.write_segment(one, tone(440, 2, 4000) + card, tone(600, 2, 4000) + card)
    house.write_segment(two, tone(440, 1, 4000), tone(600, 1, 4000))
    archive(handoff(one, two, audio=LOSSLESS))
    left, right = samples(house, AudioFormat.FLAC)
    assert max(left) == max(right) == 4000
    assert not any(left[2 * RATE_HZ : 4 * RATE_HZ])
    assert not any(right[2 * RATE_HZ : 4 * RATE_HZ])
    assert any(left[2 * RATE_HZ - 100 : 2 * RATE_HZ])
    assert manifest_of(house).segments[0].duration_s == 2


def test_a_header_of_zero_is_not_believed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "STILL_S", 0.1)
    one = segment(1, 0, 2)
    house.write(one.outside_file, wav(tone(440, 2), claimed=0))
    house.write(one.inside_file, wav(tone(600, 2)))
    archive(handoff(one, audio=LOSSLESS))
    left, _ = samples(house, AudioFormat.FLAC)
    assert left.tobytes() == tone(440, 2)
    words = "the WAV header says 0 bytes of sound, the file holds 32000; the file was believed"
    assert manifest_of(house).remarks == (f"header: segment 1, outside: {words}",)


def test_a_file_that_still_grows_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = segment(1, 0, 2)
    path = house.write(one.outside_file, wav(tone(440, 1), claimed=0))
    house.write(one.inside_file, wav(tone(600, 2)))

    def grow(_seconds: float) -> None:
        with path.open("ab") as stream:
            stream.write(bytes(320))

    given = handoff(one)
    with pytest.raises(NotSettled, match="still being written"):
        settle.settle(house.spool, given, limit_s=0.2, clock=_ticking(), sleep=grow)


def _ticking():  # type: ignore[no-untyped-def]
    now_s = 0.0

    def clock() -> float:
        nonlocal now_s
        now_s += 0.01
        return now_s

    return clock


def test_unequal_missing_and_empty_files_leave_a_remark(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "MISSING_S", 0.05)
    monkeypatch.setattr(settle, "STILL_EMPTY_S", 0.05)
    monkeypatch.setattr(settle, "STILL_S", 0.05)
    unequal, missing, empty, gone = (segment(n, 3 * n, 2) for n in range(1, 5))
    house.write_segment(unequal, tone(440, 2), tone(600, 1.5))
    house.write(missing.outside_file, wav(tone(440, 2)))
    house.write(empty.outside_file, wav(b""))
    house.write(empty.inside_file, b"")
    archive(handoff(unequal, missing, empty, gone, audio=LOSSLESS))
    manifest = manifest_of(house)
    assert manifest.remarks == (
        "unequal: segment 1: the inside file is 0.50 s shorter; silence was added at its end",
        "incomplete: segment 2, inside: the file is missing",
        "empty: segment 3, outside: the file holds no sound",
        "empty: segment 3, inside: the file is empty",
        "missing: segment 4, outside: the file is missing",
        "missing: segment 4, inside: the file is missing",
    )
    left, right = samples(house, AudioFormat.FLAC)
    assert len(left) == len(right) == 5 * RATE_HZ
    assert not any(right[round(1.5 * RATE_HZ) :])
    entry = house.catalogue.get(RECORDING_ID)
    assert entry is not None
    assert entry.fault == "missing"
    assert list(house.spool.iterdir()) == []


def test_a_call_without_any_file_is_named_as_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "MISSING_S", 0.05)
    archive(handoff(segment(1, 0, 2)))
    entry = house.catalogue.get(RECORDING_ID)
    assert entry is not None
    assert entry.fault == "missing"


def test_silent_and_one_sided_segments_are_named(house: House) -> None:
    one, two = segment(1, 0, 9), segment(2, 9, 6)  # answered after 3 s
    house.write_segment(one, tone(440, 9), tone(600, 9, peak=10))
    house.write_segment(two, bytes(2 * 6 * RATE_HZ), bytes(2 * 6 * RATE_HZ))
    archive(handoff(one, two))
    assert manifest_of(house).remarks == (
        "one-sided: segment 1: our side is never heard since the call was answered",
        "silent: segment 2: no sound on either side",
    )


def test_archiving_twice_makes_one_recording(house: House) -> None:
    one = segment(1, 0, 1)
    given = handoff(one)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(given)
    before = manifest_of(house)
    # As if the worker had died before it removed the spool files.
    house.write_segment(one, tone(440, 1), tone(600, 1))
    house.redis.delete(f"hushtape:recording:{RECORDING_ID}")
    archive(given)
    assert manifest_of(house) == before
    assert house.catalogue.count() == 1
    assert house.catalogue.get(RECORDING_ID) is not None
    assert list(house.spool.iterdir()) == []


def test_what_a_dead_run_left_behind_does_no_harm(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    house.archive.put(layout.audio(RECORDING_ID, AudioFormat.FLAC), b"half a file")
    scratch = house.config.archive_path / layout.SCRATCH / RECORDING_ID
    scratch.mkdir()
    (scratch / "audio.flac").write_bytes(b"half a file")
    archive(handoff(one, audio=LOSSLESS))
    assert samples(house, AudioFormat.FLAC)[0].tobytes() == tone(440, 1)
    assert not scratch.exists()


def test_a_damaged_stored_copy_keeps_the_spool_files(house: House) -> None:
    one = segment(1, 0, 1)
    given = handoff(one)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(given)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    (house.config.archive_path / layout.audio(RECORDING_ID, AudioFormat.OPUS)).write_bytes(b"x")
    with pytest.raises(RecordingError, match="not what was stored"):
        archive(given)
    assert len(list(house.spool.iterdir())) == 3
    (trouble,) = house.catalogue.troubles(10)
    assert "not what was stored" in trouble.words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../secret.wav", "name is not of the shape"),
        ("/etc/passwd", "name is not of the shape"),
        (f"{RECORDING_ID}./../../x.wav", "name is not of the shape"),
        (f"{RECORDING_ID}.a\nb.wav", "name is not of the shape"),
        ("20261121-131500-aaaaaaaa.1.wav", "name is not of the shape"),
        (f"{RECORDING_ID}.handoff.json", "name is not of the shape"),
        (f"{RECORDING_ID}." + "a" * 300, "name is not of the shape"),
        ("", "name is not of the shape"),
    ],
)
def test_a_hostile_file_name_is_refused(house: House, name: str, words: str) -> None:
    (house.folder / "secret.wav").write_bytes(wav(tone(440, 1)))
    with pytest.raises(Damaged, match=words):
        archive(handoff(segment(1, 0, 1, outside_file=name)))
    assert (house.folder / "secret.wav").exists()
    assert list(house.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "words"), [("link", "is a link"), ("pipe", "not a plain file"), ("text", "not a WAV")]
)
def test_one_unreadable_file_is_left_and_the_others_are_archived(
    house: House, kind: str, words: str
) -> None:
    one, two = segment(1, 0, 1), segment(2, 1, 1)
    secret = house.folder / "secret.wav"
    secret.write_bytes(wav(tone(440, 1)))
    bad = house.spool / one.outside_file
    if kind == "link":
        bad.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(bad)
    else:
        bad.write_bytes(b"no sound at all, but text")
    house.write(one.inside_file, wav(tone(600, 1)))
    house.write_segment(two, tone(440, 1), tone(600, 1))
    given = handoff(one, two, audio=LOSSLESS)
    archive(given)
    left, right = samples(house, AudioFormat.FLAC)
    assert left.tobytes() == bytes(2 * RATE_HZ) + tone(440, 1)
    assert right.tobytes() == 2 * tone(600, 1)
    (remark,) = manifest_of(house).remarks
    assert remark.startswith("damaged: segment 1, outside: ")
    assert words in remark
    archive(given)  # a second run leaves it, too
    assert list(house.spool.iterdir()) == [bad]


def test_a_file_over_the_limit_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SPOOL_FILE_LIMIT_BYTES", 20_000)
    one, two = segment(1, 0, 2), segment(2, 2, 1)
    house.write_segment(one, tone(440, 2), tone(600, 2))
    house.write_segment(two, tone(440, 1), tone(600, 1))
    archive(handoff(one, two))
    assert "larger than 20000 bytes" in manifest_of(house).remarks[0]
    assert len(list(house.spool.iterdir())) == 2
    house.write_segment(one, tone(440, 2), tone(600, 2))
    with pytest.raises(TooBig):
        settle.settle(house.spool, handoff(one))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", Damaged),
        ("{}", Damaged),
        ("[" * 100_000, Damaged),
        ('"' + "x" * 1_100_000 + '"', TooBig),
        (123, Damaged),
    ],
)
def test_a_hostile_hand_off_is_refused(house: House, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        tasks.archive(text)
    assert list(house.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("id", "../../x", "its id"),
        ("version", 2, "version 2"),
        ("call.pbx", "elsewhere", "PBX"),
        ("segments.0.cut_s", -1, "cut_s"),
        ("segments.0.cut_s", "1", "Expected `float`"),
        ("segments.0.started_at", "2030-01-01T00:00:00Z", "a day away"),
        ("segments.0.started_at", "2026-11-21T13:15:00", "time zone"),
        ("keep.until", "2020-01-01T00:00:00Z", "before the call began"),
        ("keep.time_zone", "../../etc/passwd", "time zone"),
        ("surprise", 1, "unknown field"),
    ],
)
def test_a_hand_off_with_one_thing_wrong_is_refused(
    house: House, key: str, value: object, words: str
) -> None:
    document = json.loads(tasks.handoff_text(handoff(segment(1, 0, 1), segment(2, 2, 1))))
    *path, last = key.split(".")
    place = document
    for each in path:
        place = place[int(each)] if each.isdigit() else place[each]
    place[last] = value
    with pytest.raises(Damaged, match=words):
        tasks.archive(json.dumps(document))
    assert list(house.spool.iterdir()) == []


@pytest.mark.parametrize("data", [b"RIFF" + bytes(60), b"ID3 something else" * 10])
def test_what_is_no_wav_stays_in_the_spool(house: House, data: bytes) -> None:
    one = segment(1, 0, 1)
    house.write(one.outside_file, data)
    house.write(one.inside_file, data)
    with pytest.raises(Damaged, match="WAV"):
        archive(handoff(one))
    assert (house.spool / one.outside_file).exists()
    assert spool.waiting(house.spool, 10) == (RECORDING_ID,)


def test_a_full_disk_says_so_and_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    number_key.load_or_create(house.config.number_key_path)
    with monkeypatch.context() as patched:
        patched.setattr("os.link", no_room)
        with pytest.raises(Unreachable, match="disk is full"):
            archive(handoff(one))
    assert len(list(house.spool.iterdir())) == 3
    (trouble,) = house.catalogue.troubles(10)
    assert "disk is full" in trouble.words
    # Later there is room: nobody rings, and it is found all the same.
    assert reconcile(context(), "town-hall") == 0
    house.now += timedelta(minutes=1)
    assert reconcile(context(), "town-hall") == 1
    job = house.redis.lrange("rq:queue:spool-town-hall", 0, -1)
    assert job == [f"archive-{RECORDING_ID}".encode()]
    assert reconcile(context(), "town-hall") == 0  # it is on its way
    archive(handoff(one))
    assert house.catalogue.troubles(10) == ()


def test_a_clock_that_was_ahead_puts_off_nothing_for_years(house: House) -> None:
    """Not the next try at what failed meanwhile, nor a look at what is to be deleted."""
    one = segment(1, 0, 1)
    house.write(one.outside_file, b"no sound at all, but text")
    house.write(one.inside_file, b"no sound at all, but text")
    right = house.now
    house.now += timedelta(days=1460)
    with pytest.raises(Damaged):
        archive(handoff(one))
    house.now = right
    assert reconcile(context(), "town-hall") == 1
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    upkeep(context())
    house.catalogue.schedule(RECORDING_ID, right + timedelta(days=1460))  # say, it was held then
    house.redis.delete("hushtape:compared")
    upkeep(context())
    due = house.redis.zscore("hushtape:due", RECORDING_ID)
    assert due == (START + timedelta(days=62)).timestamp()


def test_reconcile_enters_what_the_catalogue_lacks(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    before = house.catalogue.get(RECORDING_ID)
    assert not house.catalogue.is_complete()
    upkeep(context())
    assert house.catalogue.is_complete()
    house.redis.delete(f"hushtape:recording:{RECORDING_ID}")
    upkeep(context())
    assert house.catalogue.get(RECORDING_ID) == before
    # All of Redis is lost.
    house.redis.flushall()
    upkeep(context())
    assert house.catalogue.is_complete()
    assert house.catalogue.get(RECORDING_ID) == before
    assert house.catalogue.search(Wanted(since=START), 10) == (before,)


def test_an_hour_streams(house: House) -> None:
    """Small enough for a test: the pieces are what is looked at, not the clock."""
    from workers import mix

    one = segment(1, 0, 60)
    house.write_segment(one, bytes(2 * 60 * RATE_HZ), bytes(2 * 60 * RATE_HZ))
    settled = settle.settle(house.spool, handoff(one))
    timeline = mix.lay_out(RECORDING_ID, settled)
    heard = Heard(timeline, None)
    sizes = [len(each) for each in mix.stereo_blocks(house.spool, timeline, heard)]
    assert sum(sizes) == 4 * 60 * RATE_HZ
    assert max(sizes) == 4 * mix.BLOCK_FRAMES


def test_the_manifest_reads_back(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    text = house.archive.get(layout.manifest(RECORDING_ID))
    assert msgspec.json.decode(text, type=Manifest).audio.channels == (
        "outside party",
        "everybody else",
    )


def test_a_second_hand_off_loses_no_files(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    archive(handoff(one))
    two = segment(2, 5, 1)
    house.write_segment(two, tone(440, 1), tone(600, 1))
    for _ in range(2):
        with pytest.raises(RecordingError, match="without segment 2 of this second hand-off"):
            archive(handoff(two))
    assert len(list(house.spool.iterdir())) == 3
    (trouble,) = house.catalogue.troubles(10)
    assert trouble.tries == 2
    assert "second hand-off" in trouble.words


def test_a_different_hand_off_does_not_replace_the_one_that_waits(house: House) -> None:
    one, two = segment(1, 0, 1), segment(2, 5, 1)
    first = tasks.handoff_text(handoff(one)).encode()
    spool.write_handoff(house.spool, RECORDING_ID, first)
    with pytest.raises(RecordingError, match="second, different hand-off"):
        archive(handoff(two))
    assert spool.read_handoff(house.spool, RECORDING_ID) == first
    assert not house.redis.exists(names.taken_key(RECORDING_ID))  # the bridge keeps its own


def test_a_clock_that_was_set_back_is_a_remark(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    given = handoff(one)
    call = msgspec.structs.replace(given.call, ended_at=START - timedelta(seconds=30))
    archive(msgspec.structs.replace(given, call=call))
    assert manifest_of(house).remarks == ("clock: the call ended 30.0 s before it began",)
    assert manifest_of(house).call.ended_at == START


@pytest.mark.parametrize(
    ("stop", "kept_s"), [(StopSeen.UNSEEN, 0), (StopSeen.HANG_UP, 2), (StopSeen.CONFIRMED, 2)]
)
def test_nothing_after_the_last_sign_of_the_pbx_is_kept(
    house: House, stop: StopSeen, kept_s: float
) -> None:
    """The link was lost before the recorder's start was known: nobody saw what came then."""
    one = segment(1, 0, 2, ended_at=START - timedelta(seconds=0.3), stop=stop)
    house.write_segment(one, tone(440, 2), tone(600, 2))
    archive(handoff(one, audio=LOSSLESS))
    manifest = manifest_of(house)
    assert manifest.segments[0].duration_s == kept_s
    assert "clock: segment 1 ended before it began" in manifest.remarks
    left, right = samples(house, AudioFormat.FLAC)
    assert any(left) == any(right) == bool(kept_s)


def test_what_cannot_be_read_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_id_of_job", lambda: RECORDING_ID)
    with pytest.raises(Damaged):
        tasks.archive("{}")
    (trouble,) = house.catalogue.troubles(10)
    assert trouble.id == RECORDING_ID
    assert "can't be read" in trouble.words


def test_a_full_spool_stops_no_archiving(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    taken: list[bool] = []
    original = tasks._archive

    def look(*given: object) -> None:
        taken.append(bool(house.redis.exists(names.taken_key(RECORDING_ID))))
        original(*given)  # type: ignore[arg-type]

    def no_room(*_: object, **__: object) -> None:
        raise Unreachable("the spool is full")

    monkeypatch.setattr(spool, "write_handoff", no_room)
    monkeypatch.setattr(tasks, "_archive", look)
    archive(handoff(one))
    assert taken == [False]
    assert house.redis.exists(names.taken_key(RECORDING_ID))
    assert list(house.spool.iterdir()) == []
    assert house.catalogue.get(RECORDING_ID) is not None


def test_a_missing_file_is_waited_for(house: House) -> None:
    one = segment(1, 0, 1)
    house.write(one.outside_file, wav(tone(440, 1)))
    house.now = START + timedelta(seconds=5)
    with pytest.raises(NotSettled, match="is looked for until"):
        archive(handoff(one))
    assert spool.waiting(house.spool, 10) == (RECORDING_ID,)
    house.now += timedelta(seconds=31)
    assert reconcile(context(), "town-hall") == 1
    house.write(one.inside_file, wav(tone(600, 1)))
    archive(handoff(one))
    assert manifest_of(house).remarks == ()


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_no_word_in_a_tag_is_taken_for_a_part_of_the_file(
    house: House, audio_format: AudioFormat
) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    given = handoff(one, audio=AudioTerms(format=audio_format))
    agent = "data Xing Info fLaC OggS OpusHead fmt "
    party = msgspec.structs.replace(given.party, agents=(agent * 3,))
    archive(msgspec.structs.replace(given, party=party))
    assert manifest_of(house).audio.duration_s == 1


@pytest.mark.parametrize("bad", ["audio.opus", "private.json", "manifest.json"])
def test_what_is_stored_is_read_back_before_a_file_goes(
    house: House, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    digest = LocalArchive.digest

    def rotten(archive: LocalArchive, name: str) -> Digest:
        found = digest(archive, name)
        return Digest(found.size_bytes, "0" * 64) if name.endswith(bad) else found

    monkeypatch.setattr(LocalArchive, "digest", rotten)
    with pytest.raises(RecordingError, match="not what was stored"):
        archive(handoff(one))
    assert len(list(house.spool.iterdir())) == 3


def test_a_deletion_that_was_begun_is_not_undone_by_a_late_job(house: House) -> None:
    one = segment(1, 0, 1)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    house.archive.put(layout.deletion_begun(RECORDING_ID), b"{}")
    archive(handoff(one))
    assert not house.archive.exists(layout.manifest(RECORDING_ID))
    assert list(house.spool.iterdir()) == []
