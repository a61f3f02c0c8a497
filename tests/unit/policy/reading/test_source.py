from __future__ import annotations

from pathlib import Path

import pytest

from hushtape.policy.reading import source
from hushtape.policy.reading.locate import Position
from tests.policies import GOOD, source_of


def test_a_word_of_a_list_is_located_by_itself() -> None:
    text = source_of(GOOD.replace('"help-line"', '"a",\n  "help-line"'))
    assert text.at("calls.queues", "help-line") == Position(11, 3)
    assert text.at("calls.queues[1]") == Position(11, 3)
    assert text.at("calls.queues", "missing") == Position(10, 1)
    assert text.at("destination[1].every", "extension") == Position(19, 10)
    assert text.at("destination[9].every", "extension") == Position(13, 1)


def test_a_place_is_named_as_compilers_do() -> None:
    text = source_of(GOOD)
    assert text.where("retention.keep") == "town.toml:28:1: retention.keep"
    assert text.where("") == "town.toml:1:1"


def test_what_the_file_says_itself_is_known() -> None:
    text = source_of(GOOD)
    assert text.says("destination[1].on_transfer")
    assert not text.says("destination[0].on_transfer")


def test_a_file_is_read_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text(GOOD)
    assert source.read(path).document["policy"]["name"] == "town"


def test_an_error_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text("a = 1\nb = ?")
    with pytest.raises(source.SourceError) as caught:
        source.read(path)
    assert caught.value.position == Position(2, 5)
    assert caught.value.read
    assert str(caught.value).startswith(f"{path}:2:5: ")
    with pytest.raises(source.SourceError) as caught:
        source.read(tmp_path / "missing.toml")
    assert not caught.value.read
