"""Names in the archive, and an archive that never overwrites."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hushtape.errors import RecordingError, TooBig, Unreachable
from hushtape.recordings import acts, layout
from hushtape.recordings.acts import Act
from hushtape.recordings.archive import Absent, Busy, Conflict, Digest, LocalArchive
from hushtape.recordings.manifest import AudioFormat

ID = "20261121-171502-k3f7x2m7"


@pytest.fixture
def archive(tmp_path: Path) -> LocalArchive:
    made = LocalArchive(tmp_path / "archive")
    made.prepare()
    return made


def test_every_name_follows_from_the_id() -> None:
    prefix = f"2026/11/21/{ID}/"
    assert layout.prefix(ID) == prefix
    assert layout.audio(ID, AudioFormat.OPUS) == f"{prefix}audio.opus"
    assert layout.private(ID) == f"{prefix}private.json"
    assert layout.manifest(ID) == f"{prefix}manifest.json"
    assert layout.deletion_proof(ID) == f"deletions/2026/11/{ID}.json"
    assert layout.deletion_begun(ID) == f"deletions/begun/{ID}.json"
    at = datetime(2026, 12, 1, 9, 30, 0, 7, tzinfo=UTC)
    assert layout.act(ID, at, "hold", "ab") == f"{prefix}acts/20261201T093000000007Z-hold-ab.json"
    assert layout.day_prefix(date(2026, 3, 4)) == "2026/03/04/"


@pytest.mark.parametrize("text", ["", "..", "../x", f"{ID}/..", ID.upper(), f"{ID}\n"])
def test_what_is_no_id_has_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="not a recording's id"):
        layout.prefix(text)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a//b", ".x", "a/.b", "a\n"])
def test_a_name_never_leads_out_of_the_archive(archive: LocalArchive, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        archive.get(name)


def test_the_same_again_does_no_harm_but_nothing_is_overwritten(archive: LocalArchive) -> None:
    archive.put("a/b.json", b"one", 0o600)
    archive.put("a/b.json", b"one")
    with pytest.raises(Conflict, match="other content"):
        archive.put("a/b.json", b"two")
    assert archive.get("a/b.json") == b"one"
    path = archive.root / "a/b.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]


def test_a_file_is_durable_before_its_name_appears(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def record_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_link(*names: Path, **how: object) -> None:
        done.append("link")
        link(*names, **how)  # type: ignore[arg-type]

    archive.put("a/first", b"")
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "link", record_link)
    archive.put("a/b", b"x")
    assert done == ["file", "link", "folder"]


def test_reading_has_a_limit(archive: LocalArchive) -> None:
    archive.put("a", b"12345")
    assert archive.get("a", 5) == b"12345"
    with pytest.raises(TooBig, match="larger than 4 bytes"):
        archive.get("a", 4)
    with pytest.raises(Absent, match="not in the archive"):
        archive.get("b")


def test_what_was_stored_is_read_back(archive: LocalArchive) -> None:
    archive.put("a", b"12345")
    digest = archive.digest("a")
    assert digest.size_bytes == 5
    archive.verify("a", digest)
    (archive.root / "a").write_bytes(b"12346")
    with pytest.raises(RecordingError, match="not what was stored"):
        archive.verify("a", digest)
    with pytest.raises(RecordingError, match="not what was stored"):
        archive.verify("a", Digest(4, digest.sha256))


def test_deletion_takes_all_and_the_last_comes_last(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (f"{layout.prefix(ID)}{name}" for name in ("manifest.json", "x", "acts/y", "z"))
    for name in names:
        archive.put(name, b"")
    (archive.root / layout.prefix(ID) / ".part-left-over").write_bytes(b"")
    gone: list[str] = []
    unlink = Path.unlink

    def record(path: Path, missing_ok: bool = False) -> None:
        gone.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", record)
    with pytest.raises(RecordingError, match="still in the archive"):
        archive.verify_absent(layout.prefix(ID))
    archive.delete_prefix(layout.prefix(ID), last=layout.manifest(ID))
    archive.verify_absent(layout.prefix(ID))
    assert gone[-1] == "manifest.json"
    assert sorted(gone) == [".part-left-over", "manifest.json", "x", "y", "z"]
    archive.delete_prefix(layout.prefix(ID), last=layout.manifest(ID))


def test_one_process_at_a_time_works_on_a_recording(archive: LocalArchive) -> None:
    with archive.scratch(ID) as folder:
        (folder / "half").write_bytes(b"")
        assert archive.is_busy(ID)
        with pytest.raises(Busy), archive.scratch(ID):
            pass
    assert not folder.exists()
    assert not archive.is_busy(ID)
    folder.mkdir()
    (folder / "left over").write_bytes(b"")
    with archive.scratch(ID) as again:
        assert list(again.iterdir()) == []


def test_a_recording_exists_with_its_manifest(archive: LocalArchive) -> None:
    archive.put(layout.audio(ID, AudioFormat.OPUS), b"")
    assert archive.days() == ("2026/11/21/",)
    assert archive.ids("2026/11/21/") == ()
    archive.put(layout.manifest(ID), b"{}")
    assert archive.ids("2026/11/21/") == (ID,)
    assert archive.ids("2026/11/22/") == ()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "needs to own this folder"),
        (errno.EROFS, "can't be written .*ReadWritePaths"),
        (errno.EIO, "can't write"),
    ],
)
def test_a_disk_that_fails_says_what_to_do(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unreachable, match=words):
        archive.put("a/b", b"x")
    assert not list(archive.root.glob("**/b"))
    assert not list(archive.root.glob("**/.part*"))


def test_who_may_not_read_is_not_told_of_writing(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(
        Unreachable, match=r"the archive can't be read .*Permission denied.*account"
    ):
        archive.check()


def test_acts_are_read_in_order_and_only_added(archive: LocalArchive) -> None:
    hold = Act(kind="hold", at=datetime(2026, 12, 1, tzinfo=UTC), by="dpo", words="x", hold="a")
    release = Act(
        kind="release", at=datetime(2026, 12, 2, tzinfo=UTC), by="dpo", words="y", hold="a"
    )
    with pytest.raises(RecordingError, match="no recording"):
        acts.append(archive, ID, hold, b"0000")
    archive.put(layout.manifest(ID), b"{}")
    archive.put(layout.audio(ID, AudioFormat.OPUS), b"sound")
    acts.append(archive, ID, release, b"0000")
    acts.append(archive, ID, hold, b"0001")
    assert acts.read(archive, ID) == (hold, release)
    with pytest.raises(Conflict):
        acts.append(archive, ID, Act(**{**_facts(hold), "words": "other"}), b"0001")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "../x"},
        {"kind": ""},
        {"at": datetime(2026, 12, 1)},  # noqa: DTZ001 -- that is the point
        {"hold": ""},
        {"words": "x" * 3000},
        {"kind": "period-changed"},
    ],
)
def test_an_ill_formed_act_is_refused(archive: LocalArchive, change: dict[str, object]) -> None:
    archive.put(layout.manifest(ID), b"{}")
    good = Act(kind="hold", at=datetime(2026, 12, 1, tzinfo=UTC), by="dpo", words="x", hold="a")
    with pytest.raises(ValueError, match=r"act|matter|period"):
        acts.append(archive, ID, Act(**{**_facts(good), **change}), b"0000")


def _facts(act: Act) -> dict[str, object]:
    return {name: getattr(act, name) for name in act.__struct_fields__}
