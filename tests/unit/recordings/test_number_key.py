"""The key for numbers: made once, for our eyes only."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hushtape.errors import ConfigError
from hushtape.recordings.number_key import agent_hash, load_or_create, number_hash


def test_many_at_once_get_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "data" / "number.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create(path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["number.key"]


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "number.key"
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="is not a key"):
        load_or_create(path)


def test_how_a_number_is_written_makes_no_difference() -> None:
    key = bytes(32)
    assert number_hash("+44 (20) 7946-0123", key) == number_hash("+442079460123", key)
    assert number_hash("+442079460123", key) != number_hash("+442079460124", key)
    assert number_hash("", key) == ""
    assert agent_hash(" Ann ", key) == agent_hash("Ann", key)
