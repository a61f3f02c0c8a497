"""Which sound is written, and that it is written to no terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from lab.compose import places, sounds

OLDER, NEWER = "20261121-090000-aaaaaaaa", "20261122-090000-bbbbbbbb"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, as the configuration names it."""
    found = Mock(archive_path=str(tmp_path))
    monkeypatch.setattr(sounds.configuration, "load", lambda _path: found)
    return tmp_path


def keep(archive: Path, recording_id: str) -> None:
    """Put a recording there whose sound is its own name."""
    folder = archive / recording_id[:4] / recording_id[4:6] / recording_id[6:8] / recording_id
    folder.mkdir(parents=True)
    manifest = {"audio": {"name": "audio.opus"}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "audio.opus").write_text(recording_id, encoding="ascii")


def said(*arguments: str) -> Result:
    return CliRunner().invoke(sounds.recording, arguments)


def test_the_newest_is_written_or_the_one_that_is_named(archive: Path) -> None:
    for each in (NEWER, OLDER):
        keep(archive, each)
    assert said().output == NEWER
    assert said(OLDER).output == OLDER


@pytest.mark.parametrize("name", ["20261122-090000-cccccccc", "*", "..", f"../{NEWER}", "a\nb"])
def test_a_recording_that_is_not_there_is_told_in_a_line(archive: Path, name: str) -> None:
    keep(archive, NEWER)
    done = said(name)
    assert done.exit_code == 1
    assert done.output.startswith(f'Error: there is no recording "{name}"; `docker-compose exec')


def test_an_empty_archive_is_told_in_a_line(archive: Path) -> None:
    done = said()
    assert done.exit_code == 1
    assert done.output.startswith("Error: there is no recording yet")


def test_nobody_has_heard_anything_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "HEARD", tmp_path)
    done = CliRunner().invoke(sounds.heard)
    assert done.exit_code == 1
    assert done.output == "Error: nobody has made a call yet: docker-compose run --rm softphone\n"


def test_a_terminal_gets_no_sound(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(archive, NEWER)
    screen = Mock(isatty=lambda: True)
    monkeypatch.setattr(sys, "stdout", screen)
    with pytest.raises(sounds.click.ClickException, match="add -T after --rm, and > FILE"):
        sounds.recording.callback(NEWER)  # type: ignore[misc]
    screen.buffer.write.assert_not_called()
