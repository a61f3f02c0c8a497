"""What ``hushtape check`` says of the machine: its disks, and how Redis is set up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hushtape.cli import main
from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House, make_house

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies" / "surrey.toml"


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> House:
    made = make_house(tmp_path, redis_server.url)
    (tmp_path / "policies" / "town.toml").symlink_to(EXAMPLE)
    monkeypatch.setenv("UNUSED", "secret")
    return made


def check(house: House, *words: str) -> Result:
    return CliRunner().invoke(main, ["check", "-c", str(house.config_path), *words])


def set_limits(house: House, low_gigabytes: float) -> None:
    text = house.config_path.read_text()
    house.config_path.write_text(
        f"disk.low_percent = 0\ndisk.low_gigabytes = {low_gigabytes}\n{text}"
    )


def test_disks_with_room_are_said(house: House) -> None:
    set_limits(house, 0)
    done = check(house)
    assert done.exit_code == 0, done.output
    assert "the disk of spool-town-hall: " in done.stdout
    archive = house.config.archive_path
    assert f"archive: {archive} is made at the first start\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "all is well"
    assert done.stderr == ""


def test_a_disk_without_room_is_a_warning(house: House) -> None:
    set_limits(house, 10_000_000)
    done = check(house)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: the disk of spool-town-hall is nearly full: ")
    assert done.stdout.splitlines()[-1] == "the configuration is right, see the warnings"


def test_files_of_the_pbx_that_can_t_be_overwritten_are_a_warning(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limits(house, 0)
    (house.spool / "of-the-pbx.wav").write_bytes(b"sound")
    assert check(house).stderr == ""
    original = os.access

    def may(path: Path, mode: int, **more: bool) -> bool:
        return original(path, mode, **more) and Path(path).name != "of-the-pbx.wav"

    monkeypatch.setattr(os, "access", may)
    done = check(house)
    assert done.exit_code == 0
    assert done.stderr == (
        "warning: spool-town-hall: this account may not write to the PBX's files: what was recorded"
        " of a payment could be removed, and not overwritten (docs/asterisk.md, The folder)\n"
    )
    (house.spool / "of-the-pbx.wav").unlink()
    assert check(house).stderr == ""


def test_a_spool_that_is_not_there_is_a_warning(house: House) -> None:
    set_limits(house, 0)
    house.spool.rename(house.spool.with_name("away"))
    assert check(house).stderr == (
        f"warning: spool-town-hall: there is no folder {house.spool}: nothing can be recorded"
        " (docs/asterisk.md, The folder)\n"
    )
    text = house.config_path.read_text()
    house.config_path.write_text(text.replace("spool =", "spool_elsewhere = true\nspool ="))
    assert check(house).stderr == "", "this machine has none, by the configuration"


@pytest.mark.parametrize("name", ["archive", "archive that isn't there yet", "spool-town-hall"])
def test_a_folder_that_the_unit_shuts_is_a_warning(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    set_limits(house, 0)
    folder = house.spool if name.startswith("spool") else house.config.archive_path
    if name == "archive":
        folder.mkdir(parents=True)
    shut = folder if folder.exists() else next(p for p in folder.parents if p.exists())
    look = os.statvfs

    def read_only(path: Path) -> object:
        found = look(path)
        more = os.ST_RDONLY if path == shut else 0
        return os.statvfs_result((*found[:8], found.f_flag | more, found.f_namemax))

    monkeypatch.setattr(os, "statvfs", read_only)
    done = check(house)
    assert done.stderr.startswith(f"warning: {name.split()[0]}: {folder}: it is read-only")
    assert "ReadWritePaths" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", ["can't be read", "can't be changed"])
def test_a_spool_that_this_account_may_not_use_is_a_warning(
    house: House, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    set_limits(house, 0)
    look, access = os.scandir, os.access

    def scandir(path: Path) -> object:
        if wrong == "can't be read" and path == house.spool:
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path)

    def may(path: Path, mode: int, **more: bool) -> bool:
        return access(path, mode, **more) and path != house.spool

    monkeypatch.setattr(os, "scandir", scandir)
    if wrong == "can't be changed":
        monkeypatch.setattr(os, "access", may)
    done = check(house)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: spool-town-hall: ")
    assert str(house.spool) in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout.splitlines()[-1] == "the configuration is right, see the warnings"


def test_redis_is_asked_only_if_one_says_so(house: House, redis_server: RedisServer) -> None:
    set_limits(house, 0)
    assert check(house, "--ask-redis").stderr == ""
    client = house.redis
    client.config_set("appendonly", "no")
    client.config_set("maxmemory-policy", "allkeys-lru")
    done = check(house, "--ask-redis")
    assert done.exit_code == 0
    persistence, eviction = done.stderr.splitlines()
    assert "Redis keeps nothing on disk" in persistence
    assert "maxmemory-policy allkeys-lru" in eviction
    client.config_set("save", "60 1")
    client.config_set("maxmemory-policy", "noeviction")
    assert check(house, "--ask-redis").stderr == ""
    redis_server.stop()
    assert check(house).exit_code == 0
    away = check(house, "--ask-redis")
    assert away.exit_code == 3
    assert "doesn't answer" in away.stderr


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("REPLICAOF 127.0.0.1 1", "is a replica, which takes no writes: name the primary"),
        ("CONFIG SET maxmemory 1mb", "is full, and takes nothing more: raise its maxmemory"),
        ("ACL SETUSER default -set", "doesn't allow our account to do this"),
    ],
)
def test_a_redis_that_takes_nothing_is_a_warning(house: House, command: str, expected: str) -> None:
    set_limits(house, 0)
    house.redis.execute_command(*command.split())
    done = check(house, "--ask-redis")
    assert done.exit_code == 0
    assert expected in done.stderr
    assert done.stdout.splitlines()[-1] == "the configuration is right, see the warnings"
