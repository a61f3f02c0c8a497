"""What a machine lacks for a kind of PBX, said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import freeswitch, kinds, measure


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(freeswitch.PROGRAM_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_an_asterisk_is_never_lacking(nothing_installed: None) -> None:
    assert kinds.lacking(kinds.ASTERISK) == ""


def test_without_a_freeswitch_it_is_said_how_to_name_one(nothing_installed: None) -> None:
    said = kinds.lacking(kinds.FREESWITCH)
    assert "HUSHTAPE_FREESWITCH=/usr/bin/freeswitch" in said
    assert "\n" not in said


def test_a_program_that_isnt_there_is_named(
    nothing_installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(freeswitch.PROGRAM_VARIABLE, str(tmp_path / "none"))
    assert str(tmp_path / "none") in kinds.lacking(kinds.FREESWITCH)


def test_one_on_the_path_or_named_lacks_nothing(
    nothing_installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "freeswitch"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    assert kinds.lacking(kinds.FREESWITCH) == ""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv(freeswitch.PROGRAM_VARIABLE, str(program))
    assert kinds.lacking(kinds.FREESWITCH) == ""


def test_every_kind_has_a_title_and_a_measure() -> None:
    for kind in kinds.KINDS:
        assert kinds.TITLES[kind]
        assert measure.of(kind).renewed_s > 0
