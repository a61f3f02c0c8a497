"""The words that a policy gives a recording: from the hand-off to the search, and back again."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from click.testing import CliRunner

from hushtape.errors import Damaged
from hushtape.ids import new_call_id
from hushtape.recordings import catalogue, layout
from hushtape.recordings.catalogue import Wanted, read_entry
from hushtape.recordings.commands import recordings
from hushtape.recordings.manifest import AudioFormat, AudioTerms, Manifest
from lab import personal
from tests.integration.workers.worker_house import House
from tests.recording_samples import START, handoff, segment, tone
from workers import intake, tasks
from workers.expire import sweep


def archived(
    house: House, number: int, tags: tuple[str, ...], form: AudioFormat = AudioFormat.OPUS
) -> str:
    recording_id = new_call_id(START, number.to_bytes(5, "big"))
    files = {f"{side}_file": f"{recording_id}.1.{side}.wav" for side in ("outside", "inside")}
    one = segment(1, 0, 0.2, **files)
    house.write_segment(one, tone(440, 0.2), tone(600, 0.2))
    given = handoff(one, recording_id=recording_id, tags=tags, audio=AudioTerms(format=form))
    tasks.archive(tasks.handoff_text(given))
    return recording_id


def tagged(house: House, tag: str, queue: str = "") -> list[str]:
    return [each.id for each in house.catalogue.search(Wanted(tag=tag, queue=queue), 10)]


def by_tag(house: House) -> set[str]:
    return {each.decode() for each in house.redis.keys("hushtape:by-tag:*")}


def test_a_recording_is_found_by_each_of_its_tags(house: House) -> None:
    long = "äöü" * 40
    one = archived(house, 1, ("housing", "out of hours"))
    other = archived(house, 2, ("housing", long))
    none = archived(house, 3, ())
    house.catalogue.rebuild(house.archive, START)
    for _ in range(2):
        assert tagged(house, "housing") == [other, one]
        assert tagged(house, "out of hours", "council-tax") == [one]
        assert tagged(house, "out of hours", "another") == []
        assert tagged(house, long) == [other]
        assert tagged(house, "hous") == tagged(house, "out") == []
        assert none in tagged(house, "")
        house.redis.flushall()  # all of it comes back from the archive
        house.catalogue.rebuild(house.archive, START)
    found = house.catalogue.get(one)
    assert found is not None
    assert found.tags == "housing out of hours"
    # They go with their recordings.
    house.now = START + timedelta(days=63)
    sweep(house.archive, house.catalogue, lambda: house.now)
    assert by_tag(house) == set()


def test_a_rare_tag_is_found_without_a_look_at_all_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = archived(house, 1, ("rare",))
    for number in range(2, 5):
        archived(house, number, ())
    monkeypatch.setattr(catalogue, "PAGE", 1)
    monkeypatch.setattr(catalogue, "EXAMINED_MAX", 1)
    assert tagged(house, "rare") == [rare]


@pytest.mark.parametrize("form", list(AudioFormat))
def test_the_audio_file_carries_them(house: House, form: AudioFormat) -> None:
    recording_id = archived(house, 1, ("housing", "out of hours"), form)
    path = house.config.archive_path / layout.audio(recording_id, form)
    found = personal.tags(path)
    assert "housing, out of hours" in (found.get("tags") or found["comment"])


def test_people_see_and_look_for_them(house: House) -> None:
    one = archived(house, 1, ("housing",))
    archived(house, 2, ())
    house.catalogue.rebuild(house.archive, START)
    config = ["-c", str(house.config_path)]
    listed = CliRunner().invoke(recordings, ["list", "--tag", "housing", "--json", *config])
    assert [json.loads(each)["id"] for each in listed.stdout.splitlines()] == [one]
    shown = CliRunner().invoke(recordings, ["show", one, *config])
    assert "  tagged housing\n" in shown.stdout


def test_a_manifest_from_before_there_were_tags_is_read(house: House) -> None:
    recording_id = archived(house, 1, ())
    path = house.config.archive_path / layout.manifest(recording_id)
    old = json.loads(path.read_bytes())
    del old["tags"]
    path.write_text(json.dumps(old))
    assert read_entry(house.archive, recording_id).manifest.tags == ()
    assert msgspec.json.decode(path.read_bytes(), type=Manifest).tags == ()


@pytest.mark.parametrize("tags", [("x",) * 101, ("x" * 201,)])
def test_a_hand_off_with_too_many_or_too_long_ones_is_refused(tags: tuple[str, ...]) -> None:
    with pytest.raises(Damaged, match="more than 100 tags"):
        intake.parse(tasks.handoff_text(handoff(tags=tags)))
    intake.parse(tasks.handoff_text(handoff(tags=("x" * 200,) * 100)))
