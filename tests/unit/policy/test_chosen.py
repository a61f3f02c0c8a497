from __future__ import annotations

from pathlib import Path

import pytest

from hushtape.errors import ConfigError
from hushtape.policy import chosen

TOWN = """
[policy]
name = "town"
title = "Town"
in_force_from = {since}
time_zone = "Europe/London"
[calls]
queues = ["a"]
[retention]
keep = "62 days"
"""
CONFIG = """
data = "data"
[policies]
folder = "policies"
[pbx.hall]
kind = "asterisk"
host = "127.0.0.1"
password_env = "SECRET"
spool = "/spool"
outside_contexts = ["from-trunk"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    for since in ("2020-01-01", "2025-06-01", "2199-01-01"):
        text = TOWN.format(since=since)
        (tmp_path / "policies" / f"town-{since}.toml").write_text(text, encoding="utf-8")
    path = tmp_path / "hushtape.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_a_file_needs_no_configuration(config: Path) -> None:
    path = config.parent / "policies" / "town-2199-01-01.toml"
    assert chosen.find(str(path), Path("nowhere.toml")).version == "2199-01-01"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("town", "2025-06-01"),
        ("town@2025-06-01", "2025-06-01"),
        ("town@2025-05-31", "2020-01-01"),
        ("town@2199-01-01", "2199-01-01"),
    ],
)
def test_a_name_is_its_version_of_the_day(config: Path, text: str, version: str) -> None:
    assert chosen.find(text, config).version == version


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("village", "neither a file nor a policy of .*: expected town"),
        ("town@2019-12-31", "its first version is in force from 1 January 2020 on"),
        ("town@9999-12-31", "expected a year from 1990 to 2200, not 9999"),
        ("town@soon", "expected a date after the @, such as @2026-01-01"),
        ("nowhere/town.toml", "no such file"),
    ],
)
def test_what_isnt_there_is_one_line(config: Path, text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        chosen.find(text, config)
