from __future__ import annotations

import os
from pathlib import Path

import pytest

from hushtape.config import Archive, Config, Policies
from hushtape.errors import PolicyError
from hushtape.policy.reading import folder

POLICY = """
[policy]
name = "town"
title = "Town"
in_force_from = 2026-01-01
time_zone = "Europe/London"
[calls]
queues = ["help-line"]
[retention]
keep = "62 days"
"""


def config(path: Path, region: str = "") -> Config:
    return Config(
        data="data", policies=Policies(folder=str(path)), pbx={}, archive=Archive(region=region)
    )


def test_a_folder_is_read_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(POLICY)
    (tmp_path / "b.toml").write_text(POLICY.replace("2026-01-01", "2027-01-01"))
    assert [each.version for each in folder.load(config(tmp_path))] == ["2026-01-01", "2027-01-01"]


def test_a_policy_that_this_configuration_breaks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(POLICY + '[storage]\nregions = ["UK"]\n')
    assert len(folder.load(config(tmp_path, "GB"))) == 1
    with pytest.raises(PolicyError, match=r"policy town of 2026-01-01: storage\.regions"):
        folder.load(config(tmp_path, "US"))


def test_every_change_of_a_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(POLICY)
    seen = {folder.fingerprint(config(tmp_path))}
    os.utime(path, (1, 1))
    seen.add(folder.fingerprint(config(tmp_path)))
    path.write_text(POLICY + "\n")
    os.utime(path, (1, 1))
    seen.add(folder.fingerprint(config(tmp_path)))
    path.rename(tmp_path / "b.toml")
    seen.add(folder.fingerprint(config(tmp_path)))
    assert len(seen) == 4
    (tmp_path / "notes.txt").touch()
    assert folder.fingerprint(config(tmp_path)) in seen
    assert folder.fingerprint(config(tmp_path / "gone")) == ()


def test_a_file_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").symlink_to("a.toml")
    with pytest.raises(PolicyError, match="can't be looked at"):
        folder.fingerprint(config(tmp_path))
