"""``hushtape bridge`` as a process of its own beside a fake PBX: its traces, and its turn."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ami_bridge.lease import TAKE_OVER_S, VARIABLE
from tests import playback, virtual_time
from tests.integration.ami_bridge.fake_ami import FakeAmi, event, listed
from tests.playback import ROOT, SESSIONS, Player

TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 30
SECRET = "correct"
SESSION = SESSIONS["blind-to-back-office"].read_bytes()


def configure(folder: Path, **ports: int) -> Path:
    lines = ['data = "data"', f'policies.folder = "{ROOT}/examples/policies"']
    lines += [f'redis.url = "unix://{folder}/no-redis"']
    for table in ("archive", "redis"):  # as the published policies ask for it
        lines += [f'{table}.region = "GB"', f'{table}.owner = "South Hams District Council"']
    for name, port in ports.items():
        lines += [
            f"[pbx.{name}]",
            'kind = "asterisk"',
            'host = "127.0.0.1"',
            f"port = {port}",
            'password_env = "PASSWORD"',
            'spool = "/spool"',
            'outside_contexts = ["from-outside"]',
            'extensions = ["2XX", "710"]',
            f"[pbx.{name}.queues]",
            '631 = "help-line"',
        ]
    path = folder / "hushtape.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "hushtape", "bridge", "-c", str(config), "--json-logs", *options]


@asynccontextmanager
async def running(config: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bridge, which is ended with SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *command(config, *options),
        env={**os.environ, "PASSWORD": SECRET},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(TIMEOUT_S):
            await process.communicate()


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    server = await a_pbx()
    yield server
    await server.close()


async def a_pbx() -> FakeAmi:
    server = await FakeAmi().start()
    server.answers["Status"] = lambda _, action: listed(action, [])
    return server


async def until_served(ami: FakeAmi, times: int = 1) -> None:
    """After its resync a bridge hears every event."""
    await ami.until(lambda: ami.names().count("Status") >= times)


def looks(ami: FakeAmi) -> int:
    return sum(action["Action"] == "Getvar" for action in ami.actions)


async def say(ami: FakeAmi, data: bytes) -> None:
    """Say it to whoever serves, and wait until it has been heard."""
    session = await ami.session()
    for part in playback.frames(data):
        session.push(part.removeprefix(ami.greeting))
    asked = looks(ami)
    if b"QueueCallerJoin" in data:
        await ami.until(lambda: "MixMonitor" in ami.names())  # it was heard, and acted upon
    else:
        await ami.until(lambda: looks(ami) > asked)


async def say_unheard(ami: FakeAmi, data: bytes) -> None:
    session = await ami.session()
    for part in playback.frames(data):
        session.push(part.removeprefix(ami.greeting))


def facts(data: bytes) -> list[tuple[str, str]]:
    return virtual_time.run(Player().play(data)).facts


async def read(path: Path) -> bytes:
    return await asyncio.to_thread(path.read_bytes)


async def test_a_trace_of_one_pbx(tmp_path: Path, ami: FakeAmi) -> None:
    config, trace = configure(tmp_path, pbx1=ami.port), tmp_path / "a.trace"
    async with running(config, "--trace", str(trace)):
        await until_served(ami)
        await say(ami, SESSION)
    kept = await read(trace)
    assert trace.stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in kept
    for part in playback.frames(SESSION)[1:]:
        assert part in kept
    assert kept.endswith(b"Link: down\r\n\r\n")
    again = await asyncio.to_thread(facts, kept)
    original = await asyncio.to_thread(facts, SESSION)
    assert [fact.partition("(")[0] for _, fact in again] == [
        fact.partition("(")[0] for _, fact in original
    ]


async def test_it_reads_the_policies_again_when_told_and_refuses_broken_ones(
    tmp_path: Path, ami: FakeAmi
) -> None:
    config, policies = configure(tmp_path, pbx1=ami.port), tmp_path / "policies"
    policies.mkdir()
    text = (ROOT / "examples" / "policies" / "reigate-banstead.toml").read_text(encoding="utf-8")
    (policies / "a.toml").write_text(text)
    text = text.replace('"help-line"', '"surrey-contact-centre"')
    config.write_text(config.read_text().replace(f"{ROOT}/examples/policies", str(policies)))
    process = await asyncio.create_subprocess_exec(
        *command(config),
        env={**os.environ, "PASSWORD": SECRET},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None

    async def until_said(words: bytes) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while words not in await process.stderr.readline():  # type: ignore[union-attr]
                pass

    try:
        await until_served(ami)
        await say_unheard(ami, SESSION.replace(b"pbx1-1795", b"pbx1-1794"))  # another call
        await until_said(b"call not recorded")
        (policies / "b.toml").write_text("broken")
        process.send_signal(signal.SIGHUP)
        await until_said(b"the policies stay as they were")
        assert "MixMonitor" not in ami.names()
        (policies / "b.toml").unlink()
        (policies / "a.toml").write_text(text)
        process.send_signal(signal.SIGHUP)
        await until_said(b"policies read again")
        await say(ami, SESSION)
    finally:
        process.terminate()
        async with asyncio.timeout(TIMEOUT_S):
            await process.communicate()


async def test_masked_traces_of_two_pbxes(tmp_path: Path, ami: FakeAmi) -> None:
    other = await a_pbx()
    try:
        config, trace = configure(tmp_path, one=ami.port, two=other.port), tmp_path / "a.trace"
        async with running(config, "--trace", str(trace), "--trace-mask"):
            await until_served(ami)
            await until_served(other)
            await say(ami, SESSION)
            await say(other, event("Alone"))
        first, second = await read(tmp_path / "a.trace.one"), await read(tmp_path / "a.trace.two")
    finally:
        await other.close()
    assert not trace.exists()
    assert b"07900123001" in SESSION
    assert b"07900123001" not in first
    assert first.count(b"Event: QueueCallerJoin") == 1
    assert b"Event: Alone" in second
    assert b"QueueCallerJoin" not in second


async def test_a_trace_that_is_full_is_told_and_ends_nothing(tmp_path: Path, ami: FakeAmi) -> None:
    config, trace = configure(tmp_path, pbx1=ami.port), tmp_path / "a.trace"
    big = event("Big", Name="x" * 60_000)
    async with running(config, "--trace", str(trace), "--trace-limit", "1") as process:
        await until_served(ami)
        await say(ami, big * 20)
        assert process.returncode is None
        process.terminate()
        async with asyncio.timeout(TIMEOUT_S):
            _, log = await process.communicate()
    assert b"the trace is full and ends here" in log
    assert b"what the PBX says is kept" in log
    assert 900_000 < trace.stat().st_size <= 1_000_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--trace-mask",), "--trace-mask needs --trace FILE"),
        (("--trace", "{folder}/hushtape.toml"), "hushtape.toml: holds something else"),
        (("--trace", "{folder}/none/a"), "none/a: can't be written: No such file or directory"),
        (("--trace", "x", "--trace-limit", "0"), "0 is not in the range"),
    ],
)
def test_a_trace_that_can_not_be_kept_is_one_line(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    config = configure(tmp_path, pbx1=9)
    done = subprocess.run(
        command(config, *(option.format(folder=tmp_path) for option in options)),
        env={**os.environ, "PASSWORD": SECRET},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stderr.splitlines()[-1]


async def test_of_two_bridges_on_one_pbx_the_second_waits(tmp_path: Path, ami: FakeAmi) -> None:
    configs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        configs.append(configure(tmp_path / name, pbx1=ami.port))
    async with running(configs[0]) as first:
        await until_served(ami)
        async with running(configs[1]):
            await ami.session(1)
            before = looks(ami)
            await ami.until(lambda: looks(ami) >= before + 3)
            assert ami.names().count("Status") == 1
            first.terminate()
            await until_served(ami, 2)  # at once: the first has said that it leaves
            assert sum(";left;" in action.get("Value", "") for action in ami.actions) == 1
        assert ami.variables[VARIABLE].split(";")[2] == "left"


async def test_the_next_bridge_on_the_same_data_goes_on_at_once(
    tmp_path: Path, ami: FakeAmi
) -> None:
    config = configure(tmp_path, pbx1=ami.port)
    async with running(config) as first:
        await until_served(ami)
        await ami.until(lambda: ami.variables[VARIABLE].split(";")[2] == "serves")
        first.send_signal(signal.SIGKILL)
        await first.wait()
    killed_s = asyncio.get_running_loop().time()
    async with running(config):
        await until_served(ami, 2)
    assert asyncio.get_running_loop().time() - killed_s < TAKE_OVER_S / 2
