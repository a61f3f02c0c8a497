"""Where there is no engine that is told at once, and no Debian is built for it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from lab import machine
from lab.compose import bases

NO_SOCKET = "Cannot connect to the Docker daemon at unix:///nope. Is it running?"


def docker(folder: Path, script: str) -> dict[str, str]:
    """The environment of a machine whose `docker` does this."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """What was made of Debian's packages."""
    found = Mock()
    monkeypatch.setattr(bases, "_import", found)
    return found


def test_an_engine_that_does_not_answer_is_told_before_anything_is_made(
    tmp_path: Path, made: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = docker(tmp_path, f"echo 'Client: 1'; echo '{NO_SOCKET}' >&2; exit 1")
    monkeypatch.setenv("PATH", environment["PATH"])
    with pytest.raises(machine.MachineError, match="no Docker engine answers: Cannot connect"):
        bases.make(Mock(), environment)
    made.assert_not_called()


def test_where_there_is_no_docker_at_all_that_is_told(
    tmp_path: Path, made: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(machine.MachineError, match=r"no `docker`: apt-get install docker\.io"):
        bases.make(Mock(), {"PATH": str(tmp_path)})
    made.assert_not_called()


def test_what_is_there_stays_what_a_registry_has_is_taken_and_the_rest_is_made(
    tmp_path: Path, made: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, elsewhere = bases.BASES
    environment = docker(
        tmp_path, f'case "$*" in version|"image inspect {there}") exit 0;; *) exit 1;; esac'
    )
    monkeypatch.setenv("PATH", environment["PATH"])
    said = Mock()
    bases.make(said, environment)
    assert said.call_args_list[0].args == (f"{there} is there.",)
    (call,) = made.call_args_list
    assert call.args[:2] == (elsewhere, bases.BASES[elsewhere])
