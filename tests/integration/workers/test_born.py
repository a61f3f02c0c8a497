"""When a file was made, as Linux says."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workers import born

TICK = timedelta(seconds=0.1)  # the clock of files is a coarser one


def test_a_files_birth_is_no_matter_of_its_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = datetime.now(UTC)
    path.write_bytes(b"x")
    os.utime(path, (0, 0))
    with path.open("rb") as stream:
        found = born.born_at(stream.fileno())
        assert born.written_at(stream.fileno()) == datetime.fromtimestamp(0, UTC)
    if found is None:
        pytest.skip("this file system doesn't keep it")
    assert before - TICK <= found <= datetime.now(UTC) + TICK


def test_where_it_isnt_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert born.born_at(-1) is None
    monkeypatch.setattr(born.ctypes, "CDLL", lambda *_, **__: object())
    assert born.born_at(0) is None
