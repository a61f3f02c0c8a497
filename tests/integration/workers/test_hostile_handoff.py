"""Names that are commands, from the outbox on: in the archive, in Redis, in tags, on terminals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from hushtape.errors import HushtapeError
from hushtape.ids import new_call_id
from hushtape.recordings import layout
from hushtape.recordings.manifest import AudioFormat, AudioTerms, Handoff, Happening, Party, Private
from lab import personal, stains
from lab.hostile_names import Hostile, hostile_names
from tests.integration.workers.worker_house import House
from tests.recording_samples import START, handoff, segment, tone
from workers import tasks

MARK = "x5d3f9e21"
NAMES = hostile_names(MARK)
TAG_LIMIT = 200
COMMAND_TIMEOUT_S = 30
NAMING_TAGS = {"agent", "caller"}
OUR_TAGS = {"title", "date", "queue", "call_id", "policy", "keep_until", "encoder"} | NAMING_TAGS


def text_of(each: Hostile) -> str:
    return each.raw.decode("utf-8", "replace")


def recorded(house: House, number: int, text: str, **changes: object) -> Handoff:
    """Archive a call in which everybody is called like that; return its hand-off."""
    recording_id = new_call_id(START, number.to_bytes(5, "big"))
    files = {
        "outside_file": f"{recording_id}.1.outside.wav",
        "inside_file": f"{recording_id}.1.inside.wav",
    }
    one = segment(1, 0, 0.2, **files)
    house.write_segment(one, tone(440, 0.2), tone(600, 0.2))
    party = Party(number=text, name=text, dialled=text, agents=(text, "PJSIP/211"))
    given = handoff(one, recording_id=recording_id, party=party, **changes)
    tasks.archive(tasks.handoff_text(given))
    return given


def every_entry(house: House) -> list[tuple[str, bytes]]:
    return list(personal.in_redis(house.redis))


def test_hostile_names_are_in_private_parts_and_nowhere_else(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    with capture_logs() as logs:
        given = [recorded(house, number, text_of(each)) for number, each in enumerate(NAMES)]
    assert house.catalogue.count() == len(NAMES)
    for each in given:
        private = house.config.archive_path / layout.private(each.id)
        assert msgspec.json.decode(private.read_bytes(), type=Private).party == each.party
        assert not any(byte < 0x20 and byte != 0x0A for byte in private.read_bytes())
    assert stains.in_names(MARK, [house.folder], [Path("/"), Path("/tmp"), Path.cwd()]) == []
    assert stains.in_redis(MARK, every_entry(house)) == []
    assert MARK not in repr(logs)
    assert MARK not in "".join(capfd.readouterr())
    # An agent's name is in the tags, for whoever hears the recording; nothing else is anywhere.
    agents = {f"{MARK} in audio.{given[0].audio.format.value}"}
    assert set(stains.in_files(MARK, house.config.archive_path)) <= agents


@pytest.mark.parametrize("audio_format", [AudioFormat.OPUS, AudioFormat.WAV])
def test_tags_are_ours_and_can_be_printed(house: House, audio_format: AudioFormat) -> None:
    terms = AudioTerms(format=audio_format, number_in_tags=True)
    for number, each in enumerate(NAMES):
        given = recorded(house, number, text_of(each), audio=terms)
        audio = house.config.archive_path / layout.audio(given.id, audio_format)
        tags = personal.tags(audio)
        assert all(value.isprintable() for value in tags.values()), each.kind
        if audio_format is AudioFormat.WAV:
            assert tags.keys() <= {"title", "date", "comment", "encoder"}, each.kind
        else:
            assert tags.keys() <= OUR_TAGS, each.kind
            assert all(len(tags[name]) <= TAG_LIMIT for name in NAMING_TAGS & tags.keys())
        assert tags["title"] == f"Recording {given.id}"


def test_terminals_get_text_only(house: House) -> None:
    """Even where a PBX, or who writes into Redis, gave such names to queues."""
    call = handoff().call
    for number, each in enumerate(NAMES):
        text = text_of(each)
        given = recorded(
            house,
            number,
            text,
            call=msgspec.structs.replace(call, queues=(text,), pbx_call=text),
            story=tuple(Happening(at=START, what=f"queue {text_of(x)} entered") for x in NAMES),
        )
    gone = given.id.replace("202611", "202512")
    proof = {"id": gone, "why": "".join(text_of(each)[:200] for each in NAMES)}
    house.archive.put(
        layout.deletion_proof(gone), json.dumps(proof, ensure_ascii=False, indent=2).encode()
    )
    house.catalogue.rebuild(house.archive, house.now)
    code = "from hushtape.recordings.commands import recordings; recordings()"
    for words in (["list", "--limit", "1000"], ["show", given.id], ["show", gone]):
        for more in ([], ["--json"]):
            options = [*words, *more, "-c", str(house.config_path)]
            command = [sys.executable, "-c", code, *options]
            printed = stains.on_terminal(command, COMMAND_TIMEOUT_S).decode()
            lines = printed.replace("\r\n", "\n").split("\n")
            assert all(line.isprintable() for line in lines), options
            assert printed.count(MARK) >= len(NAMES) - 2  # so it was there to be made harmless


@pytest.mark.parametrize(
    "ill",
    [
        '{"\x1b[2J\x9b' + MARK + '": 1}',
        '{"id": "\\u001b[2J' + MARK + '"}',
        "\x1b[2J" + MARK,
        "\udcff" + MARK,
        '{"id": "../../tmp/' + MARK + '"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_hand_off_is_refused_and_leaves_nothing(house: House, ill: str) -> None:
    with capture_logs() as logs, pytest.raises(HushtapeError):
        tasks.archive(ill)
    assert house.catalogue.count() == 0
    assert list(house.spool.iterdir()) == []
    assert stains.in_names(MARK, [house.folder], [Path("/tmp")]) == []
    assert stains.in_redis(MARK, every_entry(house)) == []
    assert len(repr(logs)) < 2000


def test_a_queues_name_makes_no_key_that_cannot_be_printed(house: House) -> None:
    call = handoff().call
    for number, each in enumerate(NAMES):
        queues = (text_of(each)[:40],)
        recorded(house, number, "", call=msgspec.structs.replace(call, queues=queues))
    assert [key for key, _ in every_entry(house) if not key.isprintable()] == []
