from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.asterisk import trace as traces
from ami_bridge.asterisk.trace import Trace
from hushtape.errors import ConfigError

NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
GREETING = b"Asterisk Call Manager/11.0.0"
NAMED = "Event: Newchannel\r\nCallerIDName: Zoë".encode()
UP = b"Event: HushtapeTrace\r\nReceived: 1795282200.000000\r\nLink: up\r\n\r\n"
DOWN = UP.replace(b"up", b"down")
BEGIN = GREETING + b"\r\n" + UP


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "town-hall.trace"


def test_it_keeps_what_was_said_and_when(path: Path) -> None:
    trace = Trace(path)
    trace.began(GREETING, NOW)
    trace.frame(NAMED, NOW)
    trace.frame(b"Event: A", NOW + timedelta(milliseconds=1500))
    trace.frame(b"Event: B", NOW + timedelta(milliseconds=1500))
    trace.ended(NOW)
    trace.close()
    later = b"Event: HushtapeTrace\r\nReceived: 1795282201.500000\r\n\r\n"
    assert path.read_bytes() == (
        BEGIN + NAMED + b"\r\n\r\n" + later + b"Event: A\r\n\r\nEvent: B\r\n\r\n" + DOWN
    )


def test_only_its_owner_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        Trace(path).close()
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        Trace(path).close()
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_it_is_added_to(path: Path) -> None:
    for _ in range(2):
        trace = Trace(path)
        trace.began(GREETING, NOW)
        trace.ended(NOW)
        trace.close()
    assert path.read_bytes() == (BEGIN + DOWN) * 2


@pytest.mark.parametrize("half", [b"Event: Hang", b"Event: Hangup\r\nUniqueid: 12\r\n"])
def test_half_a_frame_of_a_killed_bridge_is_cut_off(path: Path, half: bytes) -> None:
    path.write_bytes(BEGIN + NAMED + b"\r\n\r\n" + half)
    trace = Trace(path)
    trace.began(GREETING, NOW)
    trace.close()
    assert path.read_bytes() == BEGIN + NAMED + b"\r\n\r\n" + BEGIN


@pytest.mark.parametrize(
    "there", [b"root:x:0:0::/root:/bin/sh\n", b"Asterisk", GREETING, b"x\r\n\r\n"]
)
def test_a_file_that_is_no_trace_stays_as_it_is(path: Path, there: bytes) -> None:
    path.write_bytes(there)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"town-hall\.trace: holds something else"):
        Trace(path)
    assert path.read_bytes() == there
    assert path.stat().st_mode & 0o777 == 0o644


def test_two_bridges_do_not_write_one_file(path: Path) -> None:
    trace = Trace(path)
    with pytest.raises(ConfigError, match="another bridge writes it"):
        Trace(path)
    trace.close()
    Trace(path).close()


def test_not_through_a_link_nor_into_a_pipe(path: Path) -> None:
    target = path.with_name("target")
    path.symlink_to(target)
    with pytest.raises(ConfigError, match="can't be written"):
        Trace(path)
    assert not target.exists()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is no file"):
        Trace(path)


def test_not_into_somebody_elses_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    monkeypatch.setattr(traces.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigError, match="belongs to another account"):
        Trace(path)


@pytest.mark.parametrize("part", ["none/a.trace", "."])
def test_a_path_that_can_not_be_one(tmp_path: Path, part: str) -> None:
    with pytest.raises(ConfigError, match="can't be written"):
        Trace(tmp_path / part)


def test_it_ends_at_its_limit_and_says_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trace = Trace(path, limit_bytes=1000)
    trace.began(GREETING, NOW)
    for _ in range(100):
        trace.frame(NAMED, NOW)
    trace.ended(NOW)
    assert not trace.writing
    kept = path.read_bytes()
    assert len(kept) <= 1000
    assert kept.endswith(NAMED + b"\r\n\r\n" + UP.replace(b"up", b"trace ends"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "is full" in caplog.text
    with pytest.raises(ConfigError, match="is full"):
        Trace(path, limit_bytes=len(kept))


@pytest.mark.parametrize("written", [None, 3])
def test_a_full_disk_ends_the_trace_and_nothing_else(
    path: Path,
    written: int | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trace = Trace(path)
    trace.began(GREETING, NOW)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if written is None:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:written])

    monkeypatch.setattr(traces.os, "write", full)
    trace.frame(NAMED, NOW)
    trace.frame(NAMED, NOW)
    assert not trace.writing
    assert path.read_bytes() == BEGIN  # no half frame
    assert len(caplog.records) == 1
    assert "ends here" in caplog.text


def test_a_mask_that_fails_ends_the_trace_and_nothing_else(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(raw: bytes) -> bytes:
        raise ValueError(raw.decode())

    trace = Trace(path, mask=fail)
    trace.began(GREETING, NOW)
    trace.frame(NAMED, NOW)
    assert not trace.writing
    assert path.read_bytes() == BEGIN
    assert "ValueError" in caplog.text
    assert "Zoë" not in caplog.text


def test_a_mask_sees_whole_frames(path: Path) -> None:
    seen = []

    def mask(raw: bytes) -> bytes:
        seen.append(raw)
        return b"Event: X"

    trace = Trace(path, mask=mask)
    trace.began(GREETING, NOW)
    trace.frame(NAMED, NOW)
    trace.close()
    assert seen == [NAMED]
    assert path.read_bytes() == BEGIN + b"Event: X\r\n\r\n"
