"""An archive that can't be read, or isn't there, is never taken for an empty one."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hushtape.errors import ConfigError, RecordingError, Unreachable
from hushtape.recordings import acts, layout, number_key
from hushtape.recordings.acts import Act
from hushtape.recordings.archive import MARKER, LocalArchive
from hushtape.recordings.manifest import AudioFormat
from hushtape.recordings.moments import parse_moment

ID = "20261121-171502-k3f7x2m7"
HOLD = Act(kind="hold", at=datetime(2026, 12, 1, tzinfo=UTC), by="dpo", words="x", hold="a")


@pytest.fixture
def archive(tmp_path: Path) -> LocalArchive:
    made = LocalArchive(tmp_path / "archive")
    made.prepare()
    made.put(layout.manifest(ID), b"{}")
    made.put(layout.audio(ID, AudioFormat.OPUS), b"sound")
    return made


def make_unlistable(monkeypatch: pytest.MonkeyPatch, part: str, number: int = errno.EIO) -> None:
    scandir = os.scandir

    def fail(path: object = ".") -> object:
        if str(path).endswith(part):
            raise OSError(number, os.strerror(number))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", fail)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOTDIR, errno.ESTALE])
def test_acts_that_cannot_be_listed_are_not_no_acts(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    acts.append(archive, ID, HOLD, b"0000")
    make_unlistable(monkeypatch, "/acts", number)
    with pytest.raises(Unreachable):
        acts.read(archive, ID)


@pytest.mark.parametrize("part", ["/archive", "/2026", "/11"])
def test_days_that_cannot_be_listed_are_an_error(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    assert archive.days() == ("2026/11/21/",)
    make_unlistable(monkeypatch, part)
    with pytest.raises(Unreachable):
        archive.days()


def test_what_cannot_be_looked_at_is_not_gone(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "lstat", fail)
    with pytest.raises(Unreachable):
        archive.verify_absent(layout.prefix(ID))
    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(Unreachable):
        archive.exists(layout.manifest(ID))


def test_a_disk_that_is_not_mounted_is_not_an_empty_archive(archive: LocalArchive) -> None:
    archive.root.rename(archive.root.with_name("elsewhere"))
    for mounted_at in (False, True):
        if mounted_at:
            archive.root.mkdir()
        for look in (
            archive.check,
            archive.days,
            lambda: archive.verify_absent(layout.prefix(ID)),
            lambda: archive.put("a/b", b""),
            lambda: archive.prepare(lambda: True),
        ):
            with pytest.raises(Unreachable, match="is not mounted, or was never set up"):
                look()
    assert list(archive.root.iterdir()) == []
    (archive.root / "lost+found").mkdir()
    archive.prepare(lambda: False)
    archive.check()


def test_a_folder_of_somebody_else_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with pytest.raises(Unreachable, match="never set up"):
        LocalArchive(tmp_path).prepare()
    (tmp_path / MARKER).touch()
    LocalArchive(tmp_path).prepare(lambda: True)


def test_nothing_is_done_to_what_is_gone(archive: LocalArchive) -> None:
    archive.delete(layout.audio(ID, AudioFormat.OPUS))
    with pytest.raises(RecordingError, match=r"sound of recording .* is gone"):
        acts.append(archive, ID, HOLD, b"0000")
    archive.put(layout.audio(ID, AudioFormat.OPUS), b"back from a backup")
    archive.put(layout.deletion_proof(ID), b"{}")
    with pytest.raises(RecordingError, match="is deleted"):
        acts.append(archive, ID, HOLD, b"0000")
    assert acts.read(archive, ID) == ()


def test_acts_are_in_the_order_of_their_times_not_of_their_names(archive: LocalArchive) -> None:
    later = Act(kind="release", at=datetime(2026, 12, 5, tzinfo=UTC), by="a", words="", hold="a")
    archive.put(f"{layout.acts(ID)}1.json", acts.to_json(later))
    archive.put(f"{layout.acts(ID)}2.json", acts.to_json(HOLD))
    assert acts.read(archive, ID) == (HOLD, later)


def test_looking_for_a_number_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no key"):
        number_key.load(tmp_path / "number.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_a_time_out_of_reach_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="out of reach"):
        parse_moment(text)
