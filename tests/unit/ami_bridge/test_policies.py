from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ami_bridge import policies as module
from ami_bridge.policies import Policies
from hushtape.config import Config
from hushtape.config import Policies as Where
from hushtape.errors import ConfigError
from hushtape.policy.schema import Policy

TIMEOUT_S = 5
POLICY = """
[policy]
name = "{name}"
title = "Town"
in_force_from = 2026-01-01
time_zone = "Europe/London"
[calls]
queues = ["help-line"]
[retention]
keep = "62 days"
"""


def write(folder: Path, name: str, text: str = POLICY) -> None:
    (folder / f"{name}.toml").write_text(text.format(name=name))


def policies(folder: Path) -> Policies:
    return Policies(Config(data="data", policies=Where(folder=str(folder)), pbx={}))


def names(of: Policies) -> list[str]:
    return [each.name for each in of.current]


def test_a_folder_that_is_wrong_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no policy"):
        policies(tmp_path)


def test_what_was_added_is_in_force_when_it_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "a")
    current = policies(tmp_path)
    write(tmp_path, "b")
    assert names(current) == ["a"]
    assert current.reload()
    assert names(current) == ["a", "b"]


def test_a_broken_folder_is_refused_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path, "a")
    current = policies(tmp_path)
    write(tmp_path, "b")
    write(tmp_path, "c", "policy = 7")
    with capture_logs() as logs:
        assert not current.reload()
    assert names(current) == ["a"]
    (line,) = logs
    assert line["event"] == "alarm"
    assert line["what"].startswith("the policies stay as they were: ")
    assert "c.toml" in line["what"]


def test_a_change_that_nobody_told_of_is_said_once(tmp_path: Path) -> None:
    write(tmp_path, "a")
    current = policies(tmp_path)
    with capture_logs() as logs:
        current.look()
        assert logs == []
        write(tmp_path, "b")
        current.look()
        current.look()
        assert len(logs) == 1
        assert "reload with SIGHUP" in logs[0]["event"]
        current.reload()
        current.look()
        (tmp_path / "b.toml").unlink()
        current.look()
    assert len(logs) == 2
    assert names(current) == ["a", "b"]


async def test_a_watch_reads_when_told_and_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    write(tmp_path, "a")
    current = policies(tmp_path)
    used: list[list[str]] = []

    def use(given: tuple[Policy, ...]) -> None:
        used.append([each.name for each in given])

    with capture_logs() as logs:
        watching = asyncio.create_task(current.watch(use))  # type: ignore[arg-type]
        write(tmp_path, "b")
        async with asyncio.timeout(TIMEOUT_S):
            while not logs:  # noqa: ASYNC110 - nothing tells of a log line
                await asyncio.sleep(0.001)
            assert used == []
            current.again.set()
            while not used:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            write(tmp_path, "c", "no policy")
            current.again.set()
            while len([each for each in logs if each["event"] == "alarm"]) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        watching.cancel()
    assert used == [["a", "b"]]
    (told,) = [each for each in logs if each["event"] == "policies read again"]
    assert told["versions"] == 2
