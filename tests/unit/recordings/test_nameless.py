"""A file appears whole or not at all, also where the disk knows no nameless files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from hushtape.recordings import nameless


@pytest.fixture(params=["nameless", "with a temporary name"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a disk of either kind."""
    if request.param == "nameless":
        return tmp_path
    os_open = os.open

    def refuse(path: Path, flags: int, *rest: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return os_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    return tmp_path


def test_it_has_its_name_mode_and_content_when_it_is_linked(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with nameless.unnamed(folder, 0o640) as (stream, path):
            stream.write(b"whole")
            stream.flush()
            assert not (folder / "a").exists()
            nameless.link(path, folder / "a")
    finally:
        os.umask(before)
    assert (folder / "a").read_bytes() == b"whole"
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640
    assert [each.name for each in folder.iterdir()] == ["a"]


def test_what_was_not_linked_is_gone(folder: Path) -> None:
    def break_off() -> None:
        with nameless.unnamed(folder, 0o640) as (stream, _):
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert list(folder.iterdir()) == []


def test_a_name_that_is_taken_is_not_taken_over(folder: Path) -> None:
    (folder / "a").write_bytes(b"first")
    with nameless.unnamed(folder, 0o640) as (stream, path):
        stream.write(b"second")
        stream.flush()
        with pytest.raises(FileExistsError):
            nameless.link(path, folder / "a")
    assert (folder / "a").read_bytes() == b"first"


def test_another_error_of_the_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), nameless.unnamed(tmp_path / "missing", 0o640):
        pass
