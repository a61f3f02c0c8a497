"""What is done on the machine in memory isn't done here, and nothing of it is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import bare, machine


@pytest.fixture(scope="module")
def there() -> Iterator[bare.BareMachine]:
    if why := bare.impossible(machine.ready()):
        pytest.skip(f"NO MACHINE WAS MADE: {why}")
    with bare.BareMachine() as made:
        yield made


def leftovers() -> set[Path]:
    """What a machine could leave behind."""
    groups = (x for root in bare.CGROUPS for x in root.glob("hushtape-bare-*"))
    return {*groups, *Path("/tmp").glob("hushtape-bare-*")}


def test_it_has_a_systemd_and_an_asterisk_that_knows_nobody(there: bare.BareMachine) -> None:
    assert there.run("cat /proc/1/comm") == "systemd\n"
    assert "PJSIP/201" in there.run("asterisk -rx 'queue show help-line'")
    assert there.ask("grep -ri hushtape /etc/asterisk").stdout == ""
    assert there.run("stat -c %U:%G:%a /var/spool/asterisk") == "asterisk:asterisk:750\n"


def test_what_is_written_there_is_not_here(there: bare.BareMachine) -> None:
    mark = Path("/etc/hushtape-was-here")
    there.run(f"touch {mark}; useradd --system hushtape-test")
    assert there.here(str(mark)).exists()
    assert not mark.exists()
    assert "hushtape-test" not in Path("/etc/passwd").read_text(encoding="utf-8")
    assert there.ask(f"touch {bare.ROOT}/x").returncode, "the repository can be written to"


def test_its_network_and_its_processes_are_its_own(there: bare.BareMachine) -> None:
    assert there.run("ip -brief link | grep -c UP") == "1\n"  # loopback
    assert there.ask(f"kill -0 {os.getppid()}").returncode
    assert there.run("readlink /proc/self/ns/net") != there.run(
        "readlink /proc/self/ns/net", outward=True
    )


def test_a_command_that_fails_says_so(there: bare.BareMachine) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)false: exit code 1"):
        there.run("false")


def test_nothing_is_left_of_it() -> None:
    if why := bare.impossible(machine.ready()):
        pytest.skip(f"NO MACHINE WAS MADE: {why}")
    before = leftovers()
    with bare.BareMachine() as made:
        assert leftovers() > before
        first = made.here("/")
        assert first.exists()
    assert leftovers() == before
    assert not first.exists()


def test_why_it_is_impossible_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    home = machine.AsteriskHome(Path("/srv"), "/usr/sbin/asterisk", "/modules", "/data")
    own = machine.AsteriskHome(None, "/usr/sbin/asterisk", "/modules", "/data")
    assert bare.impossible(own)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in bare.impossible(home)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(bare, "SYSTEMD", Path("/bin/sh"))
    assert bare.impossible(home) == ""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "unshare" in bare.impossible(home)
    monkeypatch.setattr(bare, "SYSTEMD", Path("/nowhere/systemd"))
    assert "/nowhere/systemd" in bare.impossible(home)
