"""What a real FreeSWITCH said, masked: the same follows from it, and nobody is in it any more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from ami_bridge.freeswitch.esl import JSON, PLAIN, Cutter, Frame, json_headers
from ami_bridge.freeswitch.mask import Masker
from ami_bridge.freeswitch.said import HEADERS
from ami_bridge.freeswitch.trace import Trace
from ami_bridge.told import Told
from tests.integration.ami_bridge.freeswitch.test_sessions import COUNCILS, outcome
from tests.playback_esl import FOREIGN, SESSIONS, pbx_of
from tests.sessions import LONG_AGO, act, council
from tests.sessions_esl import began, said, told, translated

SECRETS = ("07900123001", "7900123001", "Quill", "spoofed", "@127.0.0.1", "lab/caller", "211-0x")
POLICIES = tuple(council(name) for name in COUNCILS)


def plain(frame: Frame) -> Frame:
    """Return an event as the link asks for it."""
    if frame.kind != JSON:
        return frame
    headers = json_headers(frame.body.decode()) or {}
    lines = "".join(f"{name}: {quote(value)}\n" for name, value in headers.items())
    return Frame({"Content-Type": PLAIN}, b"", f"{lines}\n".encode())


@cache
def masked(folder: Path, session: str) -> bytes:
    """Play a session to a trace that is masked, and return what it holds."""
    path = folder / f"{session}.trace"
    trace = Trace(path, HEADERS, mask=Masker(pbx_of(session), POLICIES))
    trace.began(LONG_AGO)
    for frame in Cutter().feed(said(session)):
        if frame.kind in (PLAIN, JSON):
            trace.event(plain(frame), LONG_AGO)
    assert trace.writing
    trace.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traces")


class Renamed:
    """Every text by when it was first told: alike for two sessions that differ in texts only."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, value: object) -> object:
        if isinstance(value, Enum) or value is None:
            return value
        if isinstance(value, str):
            return self._numbers.setdefault(value, len(self._numbers)) if value else ""
        if dataclasses.is_dataclass(value):
            names = [each.name for each in dataclasses.fields(value)]
            return (type(value).__name__, [self._field(value, name) for name in names])
        if isinstance(value, list | tuple):
            return [self.of(each) for each in value]
        return value

    def _field(self, value: object, name: str) -> object:
        found = getattr(value, name)
        return found if name == "context" else self.of(found)  # it stays, and is nobody's name

    def all(self, facts: Sequence[Told]) -> list[object]:
        return [self.of(each) for each in facts]


@pytest.mark.parametrize("session", SESSIONS)
def test_the_same_follows_from_it(folder: Path, session: str) -> None:
    found = translated(masked(folder, session), pbx_of(session))
    assert [type(each.fact) for each in found] == [type(each.fact) for each in told(session)]
    assert Renamed().all(found) == Renamed().all(told(session))


@pytest.mark.parametrize("session", [each for each in SESSIONS if each not in FOREIGN])
@pytest.mark.parametrize("name", COUNCILS)
def test_every_policy_makes_the_same_of_it(folder: Path, session: str, name: str) -> None:
    hidden = act(translated(masked(folder, session)), [council(name)], began(session))
    assert outcome(hidden) == outcome(act(told(session), [council(name)], began(session)))


@pytest.mark.parametrize("session", SESSIONS)
def test_nobody_is_in_it(folder: Path, session: str) -> None:
    hidden = unquote(masked(folder, session).decode("utf-8", "replace"))
    assert [secret for secret in SECRETS if secret in hidden] == []


def test_but_they_were() -> None:
    real = "".join(unquote(said(each).decode("utf-8", "replace")) for each in SESSIONS)
    assert [secret for secret in SECRETS if secret not in real] == []
