"""A spool that can't be written for sure is one of which nothing is promised."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ami_bridge import trials
from ami_bridge.trials import PROBE, Trials, is_writable

PATIENCE_S = 5.0


def station(spool: Path | None) -> SimpleNamespace:
    return SimpleNamespace(spool=spool)


async def test_a_folder_that_can_be_written_keeps_nothing_of_the_trial(tmp_path: Path) -> None:
    assert await Trials().writable(station(tmp_path))  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_a_machine_without_the_spool_has_nothing_to_try() -> None:
    assert await Trials(lambda _: False).writable(station(None))  # type: ignore[arg-type]


def test_the_workers_pass_the_trial_by() -> None:
    assert PROBE.startswith(".")


def test_a_folder_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "away")
    for name in ("gone", "gone/spool", "file", "file/spool", "link"):
        assert not is_writable(tmp_path / name), name


@pytest.mark.parametrize(
    "number",
    [
        *(errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.ENOTCONN, errno.ESTALE, errno.EROFS),
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ELOOP, errno.EMFILE, errno.ENAMETOOLONG),
    ],
    ids=errno.errorcode.get,
)
def test_whatever_goes_wrong_is_a_no(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(trials.os, "write", fails)
        assert not is_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    # What looks before it tries must not take this for a folder that isn't there.
    for name in ("open", "lstat", "stat"):
        monkeypatch.setattr(trials.os, name, fails)
    assert not is_writable(tmp_path)


async def test_a_trial_that_breaks_is_a_no(tmp_path: Path) -> None:
    def broken(_: Path) -> bool:
        raise ValueError

    assert not await Trials(broken).writable(station(tmp_path))  # type: ignore[arg-type]


async def test_no_thread_to_be_had_is_a_no_and_the_next_one_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tries = Trials()
    with monkeypatch.context() as none:
        none.setattr(threading.Thread, "start", fails)
        assert not await tries.writable(station(tmp_path))  # type: ignore[arg-type]
    assert await tries.writable(station(tmp_path))  # type: ignore[arg-type]


async def test_a_disk_that_hangs_gets_one_thread_and_holds_up_nothing_else(tmp_path: Path) -> None:
    hangs, begun = threading.Event(), []

    def trial(folder: Path) -> bool:
        begun.append(folder)
        hangs.wait(PATIENCE_S)
        return True

    tries, other = Trials(trial), tmp_path / "other"
    for _ in range(50):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0005):
                await tries.writable(station(tmp_path))  # type: ignore[arg-type]
    assert begun == [tmp_path]
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.to_thread(lambda: True), "everybody's threads are free"
    later = asyncio.create_task(tries.writable(station(tmp_path)))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    hangs.set()
    assert await later
    assert await tries.writable(station(other))  # type: ignore[arg-type]
    assert await tries.writable(station(tmp_path))  # type: ignore[arg-type]
    assert begun == [tmp_path, other, tmp_path], "each question that comes later is a trial anew"


def test_the_program_ends_while_a_disk_hangs(tmp_path: Path) -> None:
    hangs = threading.Event()

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Trials(lambda _: hangs.wait(PATIENCE_S)).writable(station(tmp_path))  # type: ignore[arg-type]

    asyncio.run(ask())  # doesn't wait for it
    waiting = [each for each in threading.enumerate() if each.name == "spool"]
    assert all(each.daemon for each in waiting)
    assert waiting
    hangs.set()
    for each in waiting:
        each.join(PATIENCE_S)
