"""What is missing is named, what is there is used, half an installation counts as none."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lab import machine, ports
from lab.workplace import Workplace


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed."""
    monkeypatch.setenv("HUSHTAPE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(machine.shutil, "which", lambda name, path=None: None)
    return tmp_path / "home"


def test_everything_that_is_missing_is_planned(no_programs: Path) -> None:
    keys = [s.key for s in machine.plan()]
    assert keys == ["package:ffmpeg", "package:openssl", "package:debootstrap", "asterisk"]
    assert all(s.size_mb > 0 and s.sentence for s in machine.plan())


def complete_root(home: Path) -> Path:
    root = home / f"asterisk-{machine.ROOT_SUITE}"
    modules = root / "usr/lib/x86_64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    for name in ("res_pjsip.so", "app_mixmonitor.so"):
        (modules / name).touch()
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/baresip").touch()
    (root / machine.STAMP).write_text(f"Asterisk 22\n{' '.join(machine.ROOT_PACKAGES)}\n")
    return root


def test_a_complete_root_is_used_and_needs_no_debootstrap(no_programs: Path) -> None:
    root = complete_root(no_programs)
    assert [s.key for s in machine.plan()] == ["package:ffmpeg", "package:openssl"]
    home, phone = machine.asterisk_home(), machine.phone_home()
    assert home is not None
    assert phone is not None
    assert home.root == phone.root == root
    assert home.modules == "/usr/lib/x86_64-linux-gnu/asterisk/modules"
    assert home.seen_from_here("/lab/x") == root / "lab/x"


@pytest.mark.parametrize("damage", ["no stamp", "older list of packages"])
def test_half_an_installation_counts_as_none(no_programs: Path, damage: str) -> None:
    stamp = complete_root(no_programs) / machine.STAMP
    if damage == "no stamp":
        stamp.unlink()
    else:
        stamp.write_text("Asterisk 22\nasterisk\n")
    assert "asterisk" in [s.key for s in machine.plan()]


def test_without_root_the_error_names_what_is_missing(
    no_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    with pytest.raises(machine.MachineError, match=r"root[\s\S]*ffmpeg"):
        machine.install(machine.plan(), say=lambda line: None)


def test_a_mirror_out_of_reach_is_called_that(tmp_path: Path) -> None:
    script = "echo 'Err: Could not resolve mirror'; exit 100"
    with pytest.raises(machine.MachineError, match="mirror can't be reached"):
        machine._run(["sh", "-c", script], 10, say=lambda line: None)
    with pytest.raises(machine.MachineError, match="ended with code 3"):
        machine._run(["sh", "-c", "echo odd; exit 3"], 10, say=lambda line: None)


def test_a_command_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(machine.MachineError, match="took more than"):
        machine._run(["sleep", "60"], 0.2, say=lambda line: None)
    assert time.monotonic() - started < 10


def test_the_home_needs_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUSHTAPE_LAB_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/somewhere")
    assert machine.lab_home() == Path("/somewhere/.cache/hushtape-lab")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert machine.lab_home() == Path("/cache/hushtape-lab")
    monkeypatch.setenv("HUSHTAPE_LAB_HOME", "/lab")
    assert machine.lab_home() == Path("/lab")


def test_two_claims_never_share_a_port() -> None:
    first, second = ports.claim(45), ports.claim(45)
    try:
        assert len(first) >= 45
        assert not set(first) & set(second)
    finally:
        ports.release(first)
        ports.release(second)


def test_the_folder_of_a_dead_lab_is_swept_away(tmp_path: Path) -> None:
    root = tmp_path / "root"
    mine = Workplace(root, "mine")
    dead = Workplace(root, "dead")
    kept = Workplace(root, "kept")
    kept.keep()
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    (dead.here / "owner.pid").write_text(str(gone))
    Workplace(root, "next")
    assert mine.here.exists()
    assert kept.here.exists()
    assert not dead.here.exists()
