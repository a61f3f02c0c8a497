"""Tags, slots, and what a catalogue entry is cut down to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from hushtape.errors import RecordingError
from hushtape.recordings import found
from hushtape.recordings.manifest import AudioFormat, AudioTerms
from tests.recording_samples import RECORDING_ID, handoff
from workers import encode, measure
from workers.scheduler import Task, slot

NOW = datetime(2026, 11, 21, 17, 21, 44, tzinfo=UTC)


def test_tags_say_what_and_hold_no_number() -> None:
    assert encode.tags_of(handoff()) == {
        "title": f"Recording {RECORDING_ID}",
        "date": "2026-11-21T13:15:00+00:00",
        "queue": "council-tax",
        "agent": "Ann  Example",
        "call_id": RECORDING_ID,
        "policy": "town-hall 2026-01-01",
        "keep_until": "2027-01-22T13:15:00+00:00",
    }
    assert encode.tags_of(handoff(tags=("housing", "hot")))["tags"] == "housing, hot"
    with_number = handoff(audio=AudioTerms(number_in_tags=True))
    assert encode.tags_of(with_number)["caller"] == "+44 20 7946 0123"


@given(some.text(max_size=300))
def test_a_name_never_becomes_another_tag(name: str) -> None:
    given_handoff = handoff()
    party = msgspec.structs.replace(given_handoff.party, agents=(name,))
    tags = encode.tags_of(msgspec.structs.replace(given_handoff, party=party))
    assert all(len(each) <= 200 and each.isprintable() for each in tags.values())
    head = encode.caf_head(8000, 10, tags)
    strings = head[head.index(b"info") + 16 : head.rindex(b"data")].split(b"\0")
    assert strings == [each.encode() for pair in tags.items() for each in pair] + [b""]


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_what_is_no_audio_has_no_length(tmp_path, audio_format: AudioFormat) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x"
    with pytest.raises(RecordingError, match="wrote nothing"):
        measure.duration_s(path, audio_format)
    path.write_bytes(b"something else" * 20)
    with pytest.raises(RecordingError, match="something else than"):
        measure.duration_s(path, audio_format)


def test_two_schedulers_name_the_same_slot() -> None:
    task = Task(name="expire", function="f", queue="q", args=(), every_s=60)
    names = {slot(task, NOW + timedelta(seconds=each)) for each in (-44, -20, 0, 15.9)}
    assert names == {"expire-20261121T172100"}
    assert slot(task, NOW + timedelta(seconds=16)) == "expire-20261121T172200"


@given(some.text(max_size=100))
def test_a_catalogue_value_is_never_over_64_bytes(text: str) -> None:
    assert len(found._fit(text).encode()) <= 64
    assert text.startswith(found._fit(text))


def test_the_gravest_remark_names_the_fault() -> None:
    assert found.fault_of(["unequal: x", "one-sided: y", "silent: z"]) == "silent"
    assert found.fault_of(["header: x"]) == ""
    assert found.fault_of([]) == ""
