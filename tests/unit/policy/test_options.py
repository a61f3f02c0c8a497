from __future__ import annotations

from pathlib import Path

import pytest

from hushtape.config import Config, Pbx, Policies
from hushtape.errors import ConfigError, PolicyError
from hushtape.policy import options
from tests.policies import GOOD, changed


def config(*names: str) -> Config:
    pbx = {
        name: Pbx(kind="asterisk", host=name, spool="/s", outside_contexts=("x",)) for name in names
    }
    return Config(data="d", policies=Policies(folder="p"), pbx=pbx)


def test_a_file_is_one_policy_and_a_folder_is_all_in_it(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(GOOD)
    (tmp_path / "other").write_text(changed(('"town"', '"other"')))
    (tmp_path / "village.toml").write_text(changed(('"town"', '"village"')))
    assert [each.name for each in options.read(tmp_path / "town.toml")] == ["town"]
    assert [each.name for each in options.read(tmp_path / "other")] == ["other"]
    assert [each.name for each in options.read(tmp_path)] == ["town", "village"]


@pytest.mark.parametrize(
    ("name", "what"), [("none.toml", "there is no such file"), ("none", "there is no such folder")]
)
def test_what_is_not_there_is_told(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(PolicyError, match=what):
        options.read(tmp_path / name)


def test_the_only_pbx_needs_no_name() -> None:
    assert options.pbx_of(config("one"), "").host == "one"
    assert options.pbx_of(config("one", "two"), "two").host == "two"


@pytest.mark.parametrize(
    ("name", "what"), [("", "which one.*: one, two"), ("three", "no PBX .three.*: one, two")]
)
def test_of_several_one_is_asked_for(name: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        options.pbx_of(config("one", "two"), name)
