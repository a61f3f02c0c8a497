"""A PBX that passes on whatever callers claim: a real bridge, from the bytes to the outbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from ami_bridge.asterisk.party import unescaped
from lab import stains
from lab.hostile_names import PBX_LIMIT_BYTES, Hostile, hostile_names
from tests.integration.ami_bridge.fake_ami import FakeAmi, Session, frame, listed
from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import wait_for

MARK = "x5d3f9e21"
NAMES = hostile_names(MARK)
BREAKING = tuple(each for each in NAMES if b"\r\n" in each.raw)
OTHERS = tuple(each for each in NAMES if each not in BREAKING)
KEPT_LIMIT = 200
TIMEOUT_S = 20.0
INNOCENT = "1.1"  # the Uniqueid that forged events name
POLICY = """
[policy]
name = "town"
title = "Town"
in_force_from = 2024-01-01
time_zone = "Europe/London"
[calls]
directions = ["inbound"]
queues = ["help-line"]
[retention]
keep = "2 days"
"""


@dataclass
class Result:
    """What came of a session."""

    folder: Path
    actions: list[dict[str, str]]
    log: bytes = b""
    keys: list[str] = field(default_factory=list)

    @property
    def handoffs(self) -> dict[str, dict[str, Any]]:
        """By the call's Uniqueid."""
        found = [json.loads(x.read_bytes()) for x in (self.folder / "data/outbox").glob("*.json")]
        return {each["call"]["pbx_call"]: each for each in found}


@dataclass
class Caller:
    """One call: what stands in its events, as bytes."""

    uniqueid: str
    name: bytes = b"A Caller"
    number: bytes = b"07900123001"
    dialled: bytes = b"500"

    def event(self, kind: str, *more: tuple[str, str]) -> bytes:
        lines = (
            ("Event", kind.encode()),
            ("Privilege", b"call,all"),
            ("Timestamp", f"{time.time():.6f}".encode()),
            ("Channel", f"PJSIP/trunk-{self.uniqueid}".encode()),
            ("ChannelState", b"6"),
            ("ChannelStateDesc", b"Up"),
            ("CallerIDNum", self.number),
            ("CallerIDName", self.name),
            ("ConnectedLineNum", b"<unknown>"),
            ("ConnectedLineName", b"<unknown>"),
            ("Language", b"en"),
            ("AccountCode", b""),
            ("Context", b"from-trunk"),
            ("Exten", self.dialled),
            ("Priority", b"2"),
            ("Uniqueid", self.uniqueid.encode()),
            ("Linkedid", self.uniqueid.encode()),
            *((key, value.encode()) for key, value in more),
        )
        return b"".join(key.encode() + b": " + value + b"\r\n" for key, value in lines) + b"\r\n"

    def rings(self) -> bytes:
        join = (("Queue", "help-line"), ("Position", "1"), ("Count", "1"))
        agent = (("Queue", "help-line"), ("Interface", "PJSIP/211"), ("MemberName", "PJSIP/211"))
        return b"".join(
            (
                self.event("Newchannel"),
                self.event("QueueCallerJoin", *join),
                self.event("AgentConnect", *agent),
            )
        )

    def hangs_up(self) -> bytes:
        return self.event("Hangup", ("Cause", "16"))


@asynccontextmanager
async def a_bridge(
    folder: Path, redis_url: str, form: str, result: Result
) -> AsyncIterator[tuple[FakeAmi, Session]]:
    """A bridge of its own process beside a fake PBX; its log is in the result afterwards."""
    ami = await FakeAmi().start()
    variables: dict[str, str] = {}

    def get(_: Session, action: dict[str, str]) -> bytes:
        name = action["Variable"]
        own = (("ActionID", action["ActionID"]), ("Variable", name))
        return frame(("Response", "Success"), *own, ("Value", variables.get(name, "")))

    def put(_: Session, action: dict[str, str]) -> bytes:
        if not action.get("Channel"):
            variables[action["Variable"]] = action["Value"]
        return frame(("Response", "Success"), ("ActionID", action["ActionID"]))

    ami.answers = {"Getvar": get, "Setvar": put, "Status": lambda _, each: listed(each, [])}
    (folder / "policies").mkdir()
    (folder / "policies" / "town.toml").write_text(POLICY)
    (folder / "hushtape.toml").write_text(
        f'data = "data"\npolicies.folder = "policies"\nredis.url = "{redis_url}"\n'
        f'[pbx.pbx1]\nkind = "asterisk"\nhost = "127.0.0.1"\nport = {ami.port}\n'
        f'password_env = "PASSWORD"\nspool = "{folder}/spool"\noutside_contexts = ["from-trunk"]\n'
    )
    (folder / "spool").mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hushtape", "bridge", "-c", str(folder / "hushtape.toml")),
        *(["--json-logs"] if form == "json" else []),
        env={**os.environ, "PASSWORD": "correct"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        session = await ami.session()
        await ami.until(lambda: "Status" in ami.names())  # it holds the lease, and takes calls over
        yield ami, session
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(TIMEOUT_S):
            _, result.log = await process.communicate()
        result.actions = ami.actions
        await ami.close()


async def push_bytewise(session: Session, data: bytes) -> None:
    """Each byte is a read of its own on the other side; what is answered meanwhile comes after."""
    answers: list[bytes] = []
    session.push = answers.append  # type: ignore[method-assign]
    await session.push_bytewise(data)
    del session.push
    for each in answers:
        session.push(each)


async def serve(
    folder: Path,
    redis_url: str,
    callers: list[Caller],
    form: str = "json",
    *,
    bytewise: bool = False,
) -> Result:
    """Let everybody ring at once, beside somebody innocent, and hang up."""
    result = Result(folder, [])
    innocent = Caller(INNOCENT)
    async with a_bridge(folder, redis_url, form, result) as (ami, session):
        for caller in (innocent, *callers):
            if bytewise:
                await push_bytewise(session, caller.rings())
            else:
                session.push(caller.rings())
        async with asyncio.timeout(TIMEOUT_S):
            await ami.until(lambda: ami.names().count("MixMonitor") > len(callers))
            for caller in (*callers, innocent):
                session.push(caller.hangs_up())
            everybody = len(callers) + 1
            await asyncio.to_thread(wait_for, lambda: len(result.handoffs) == everybody, TIMEOUT_S)
        with redis.Redis.from_url(redis_url) as client:
            result.keys = [key.decode("utf-8", "replace") for key in client.scan_iter()]
    return result


def called(each: Hostile, number: int, *, dialled: bool = False) -> Caller:
    """A caller who claims that, as far as an Asterisk takes it in where it breaks lines."""
    raw = each.raw[:PBX_LIMIT_BYTES] if each in BREAKING else each.raw
    return Caller(f"2.{number}", raw, raw, raw if dialled else b"500")


def said(raw: bytes) -> str:
    """What may be kept of it. Spaces are left out: a line break may have become one."""
    return kept(raw.decode("utf-8", "replace")[:KEPT_LIMIT])


def kept(text: str) -> str:
    return "".join(each for each in text if each.isprintable() and each != " ")


def check_text(text: str, raw: bytes) -> None:
    assert text.isprintable()
    assert len(text) <= KEPT_LIMIT
    assert kept(text) == said(raw)


def check(result: Result, callers: list[Caller], form: str) -> None:
    """Everybody is recorded under the name that they claim, and nothing else happens."""
    handoffs = result.handoffs
    assert set(handoffs) == {INNOCENT, *(each.uniqueid for each in callers)}
    for each in callers:
        party = handoffs[each.uniqueid]["party"]
        # An Asterisk writes names as C does strings, and the bridge undoes that.
        name = unescaped(each.name.decode("utf-8", "replace"))
        check_text(party["name"], name.encode())
        check_text(party["number"], each.number)
        assert len(handoffs[each.uniqueid]["segments"]) == 1
        assert handoffs[each.uniqueid]["call"]["queues"] == ["help-line"]
        assert handoffs[each.uniqueid]["call"]["direction"] == "inbound"
    ends = [each["call"]["ended_at"] for each in handoffs.values()]
    assert handoffs[INNOCENT]["call"]["ended_at"] == max(ends)  # nobody else ended it
    sent = "".join(
        "".join(f"{key}: {value}\r\n" for key, value in action.items()) + "\r\n"
        for action in result.actions
    )
    assert stains.in_actions(MARK, sent.encode()) == []
    assert [each["Action"] for each in result.actions].count("MixMonitor") == len(handoffs)
    assert stains.in_names(MARK, [result.folder], [Path("/tmp"), Path.cwd()]) == []
    assert stains.in_redis(MARK, [(key, key.encode()) for key in result.keys]) == []
    assert MARK not in result.log.decode()
    if form == "json":
        assert stains.in_log(MARK, result.log) == []
    else:
        for line in result.log.decode().removesuffix("\n").split("\n"):
            assert line.isprintable()
            assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \[\w+", line)


@pytest.mark.parametrize("form", ["json", "text"])
async def test_names_that_break_no_line(
    tmp_path: Path, redis_server: RedisServer, form: str
) -> None:
    callers = [called(each, number) for number, each in enumerate(OTHERS)]
    check(await serve(tmp_path, redis_server.url, callers, form), callers, form)


@pytest.mark.parametrize("form", ["json", "text"])
async def test_names_that_break_lines(tmp_path: Path, redis_server: RedisServer, form: str) -> None:
    callers = [called(each, number) for number, each in enumerate(BREAKING)]
    check(await serve(tmp_path, redis_server.url, callers, form), callers, form)


async def test_characters_that_are_split_between_reads(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    kinds = ("many bytes to a character", "half of a character", "overlong characters")
    named = [each for each in NAMES if each.kind in kinds]
    callers = [called(each, number) for number, each in enumerate(named)]
    result = await serve(tmp_path, redis_server.url, callers, bytewise=True)
    check(result, callers, "json")
    assert "Zoë Šimůnek 北京" in result.handoffs["2.0"]["party"]["name"]


async def test_what_was_dialled_is_kept_as_text(tmp_path: Path, redis_server: RedisServer) -> None:
    callers = [called(each, number, dialled=True) for number, each in enumerate(OTHERS)]
    result = await serve(tmp_path, redis_server.url, callers)
    check(result, callers, "json")
    for each in callers:
        check_text(result.handoffs[each.uniqueid]["party"]["dialled"], each.dialled)
