"""The API over real sockets: a desktop, and those who send too much, too slowly, or nonsense."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from ami_bridge.desktop import server as api_server
from ami_bridge.desktop.server import ApiDoor
from hushtape import config
from hushtape.errors import ConfigError
from tests.integration.conftest import spare_port
from tests.unit.ami_bridge.desktop.test_api import CALL, TOKEN, FakeDesk
from tests.unit.test_config import GOOD, write

TIMEOUT_S = 10
BEARER = f"Authorization: Bearer {TOKEN}\r\n"
LOOK = f"GET /v1/calls?extension=211 HTTP/1.1\r\nHost: h\r\n{BEARER}\r\n".encode()
DOOR = """
[api]
port = {port}
{more}
[api.tokens.crm]
token_file = "crm.token"
"""


def configured(folder: Path, port: int, more: str = "") -> config.Config:
    (folder / "crm.token").write_text(TOKEN)
    return config.load(write(folder, GOOD + DOOR.format(port=port, more=more)))


@pytest.fixture
def port() -> int:
    return spare_port()


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
async def served(tmp_path: Path, port: int, desk: FakeDesk) -> AsyncIterator[None]:
    async with ApiDoor(configured(tmp_path, port), "f").open(desk):
        yield


async def beside(work: Callable[..., Any], *given: Any) -> Any:
    """The loop is the bridge's: whoever asks is elsewhere."""
    return await asyncio.to_thread(work, *given)


def begin(link: HTTPConnection, body: Any = None) -> tuple[int, Any]:
    with closing(link):
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        text = json.dumps(body or {"extension": "211"})
        link.request("POST", "/v1/payments", text, headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())


def raw(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces, and read all that comes until the end."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as link:
        for piece in pieces:
            link.sendall(piece)
            time.sleep(pause_s)
        found = b""
        while piece := link.recv(65536):
            found += piece
        return found


def status(answer: bytes) -> int:
    return int(answer.split()[1])


async def test_a_desktop_begins_a_payment(served: None, port: int, desk: FakeDesk) -> None:
    link = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    found, told = await beside(begin, link)
    assert (found, told["calls"][0]["call"]) == (200, CALL)
    assert [each[0] for each in desk.asked] == ["begin"]


async def test_an_answer_takes_a_few_milliseconds(served: None, port: int) -> None:
    def a_hundred() -> list[float]:
        found = []
        for _ in range(100):
            began_s = time.perf_counter()
            assert status(raw(port, LOOK)) in (200, 429)
            found.append(time.perf_counter() - began_s)
        return sorted(found)

    assert (await beside(a_hundred))[50] < 0.05


async def test_answers_say_that_they_are_the_last_and_not_to_be_kept(
    served: None, port: int
) -> None:
    head, body = (await beside(raw, port, LOOK)).split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {"Connection: close", "Cache-Control: no-store", "Server: hushtape"} <= set(lines)
    assert f"Content-Length: {len(body)}" in lines
    assert "Access-Control" not in head.decode()


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/calls HTTP/9.9\r\n\r\n", 505),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/calls HTTP/1.1\r\nHost: h\r\n\r\n", 401),
        (b"BREW /v1/calls HTTP/1.1\r\nHost: h\r\n\r\n", 401),
        (b"BREW /v1/calls HTTP/1.1\r\n" + BEARER.encode() + b"\r\n", 405),
        (b"GET /v1/calls HTTP/1.1\r\n" + 2 * BEARER.encode() + b"\r\n", 401),
        (b"POST /v1/payments HTTP/1.1\r\n" + BEARER.encode() + b"\r\n", 411),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 431),
    ],
)
async def test_nonsense_is_answered_in_one_line_of_json(
    served: None, port: int, request_text: bytes, expected: int
) -> None:
    answer = await beside(raw, port, request_text)
    assert status(answer) == expected
    told = json.loads(answer.split(b"\r\n\r\n")[1])
    assert (told["answer"], told["calls"]) == ("error", [])
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ("Content-Length: 5000\r\n", 413),
        ("Content-Length: 20\r\nContent-Length: 21\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: +20\r\n", 400),
        ("Content-Length: ²\r\n", 400),
        ("Content-Length: 99999999999999999999\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", 411),
        ("Content-Length: 5000\r\nExpect: 100-continue\r\n", 413),
    ],
)
async def test_a_body_is_bounded_and_its_answer_arrives_all_the_same(
    served: None, port: int, desk: FakeDesk, lengths: str, expected: int
) -> None:
    head = f"POST /v1/payments HTTP/1.1\r\nHost: h\r\n{BEARER}{lengths}\r\n".encode("latin-1")
    # The body comes later, when the answer is written already.
    answer = await beside(lambda: raw(port, head, b"x" * 5000, pause_s=0.05))
    assert status(answer) == expected
    assert desk.asked == []


async def test_an_answer_outlives_what_nobody_has_read(served: None, port: int) -> None:
    head = f"POST /v1/payments HTTP/1.1\r\n{BEARER}Content-Length: 5000000\r\n\r\n".encode()
    assert status(await beside(raw, port, head + b"x" * 5_000_000)) == 413


async def test_a_body_that_is_awaited_is_asked_for(served: None, port: int) -> None:
    body = b'{"extension": "211"}'
    head = f"POST /v1/payments HTTP/1.1\r\n{BEARER}Content-Length: {len(body)}\r\n"
    pieces = (f"{head}Expect: 100-continue\r\n\r\n".encode(), body)
    answer = await beside(lambda: raw(port, *pieces, pause_s=0.05))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_whoever_is_slow_is_cut_off_however_little_he_sends(
    served: None, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "READ_WITHIN_S", 0.2)

    def drip() -> float:
        began_s = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as link:
            link.settimeout(0.02)
            while time.monotonic() - began_s < TIMEOUT_S:
                try:
                    link.sendall(b"G")
                    if not link.recv(100):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        return time.monotonic() - began_s

    assert 0.1 < await beside(drip) < 2


async def test_a_body_that_stops_half_way_asks_the_bridge_nothing(
    served: None, port: int, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "READ_WITHIN_S", 0.2)
    head = f"POST /v1/payments HTTP/1.1\r\n{BEARER}Content-Length: 20\r\n\r\n".encode()
    assert await beside(raw, port, head + b'{"extension"') == b""
    assert desk.asked == []


async def test_many_at_once_leave_room_when_they_are_gone(
    served: None, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowd() -> tuple[int, int]:
        links = [
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
            for _ in range(api_server.CONNECTIONS_MAX)
        ]
        time.sleep(0.2)
        try:
            refused = len(raw(port))
        finally:
            for link in links:
                link.close()
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            try:
                return refused, status(raw(port, LOOK))
            except (ConnectionError, IndexError):
                time.sleep(0.02)
        return refused, 0

    assert await beside(crowd) == (0, 200)


async def test_what_a_desktop_sends_is_in_no_line_of_the_log(served: None, port: int) -> None:
    with structlog.testing.capture_logs() as lines:
        await beside(raw, port, b"GET /01614960001 HTTP/1.1\r\n" + BEARER.encode() + b"\r\n")
        await beside(raw, port, b"\x16\x03\x01garbage\r\n\r\n")
    assert "01614960001" not in str(lines)
    assert "alarm" not in {each["event"] for each in lines}


async def test_the_door_closes_with_the_bridge(tmp_path: Path, port: int, desk: FakeDesk) -> None:
    async with ApiDoor(configured(tmp_path, port), "f").open(desk):
        assert status(await beside(raw, port, LOOK)) == 200
    with pytest.raises(ConnectionRefusedError):
        await beside(raw, port, LOOK)
    async with ApiDoor(configured(tmp_path, port), "f").open(desk):
        assert status(await beside(raw, port, LOOK)) == 200


async def test_a_port_that_is_taken_is_an_alarm_and_no_reason_not_to_record(
    served: None, tmp_path: Path, port: int, desk: FakeDesk
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with ApiDoor(configured(tmp_path, port), "f").open(desk):
            pass
    assert [(each["event"], each["kind"]) for each in lines] == [("alarm", "program")]
    assert f"127.0.0.1:{port}" in lines[0]["what"]


async def test_without_a_port_nothing_is_served(tmp_path: Path, desk: FakeDesk) -> None:
    loaded = config.load(write(tmp_path, GOOD))
    with structlog.testing.capture_logs() as lines:
        async with ApiDoor(loaded, "f").open(desk):
            pass
    assert lines == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=api", "-addext"]
    command += ["subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "pem")]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return folder


def with_tls(folder: Path, port: int, certificate: Path) -> config.Config:
    more = f'tls_cert = "{certificate}/pem"\ntls_key = "{certificate}/key"\nlisten = "0.0.0.0"'
    return configured(folder, port, more)


async def test_a_desktop_on_another_machine_speaks_tls(
    tmp_path: Path, port: int, desk: FakeDesk, certificate: Path
) -> None:
    context = ssl.create_default_context(cafile=str(certificate / "pem"))
    async with ApiDoor(with_tls(tmp_path, port, certificate), "f").open(desk):
        link = HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_S, context=context)
        assert (await beside(begin, link))[0] == 200
        asked = len(desk.asked)
        with structlog.testing.capture_logs() as lines, suppress(ConnectionError):
            assert b"200" not in await beside(raw, port, LOOK)  # without TLS
        assert "alarm" not in {each["event"] for each in lines}
        assert len(desk.asked) == asked


async def test_whoever_never_agrees_on_tls_keeps_nobody_waiting(
    tmp_path: Path,
    port: int,
    desk: FakeDesk,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_server, "READ_WITHIN_S", 0.2)
    context = ssl.create_default_context(cafile=str(certificate / "pem"))
    async with ApiDoor(with_tls(tmp_path, port, certificate), "f").open(desk):
        with socket.create_connection(("127.0.0.1", port), 2) as silent:
            link = HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_S, context=context)
            assert (await beside(begin, link))[0] == 200
            assert await beside(silent.recv, 100) == b""  # it is cut off itself


def test_a_certificate_that_is_none_is_said_before_the_bridge_runs(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("nothing")
    loaded = configured(tmp_path, 9470)
    pem = str(tmp_path / "pem")
    settings = msgspec.structs.replace(loaded.api, tls_cert=pem, tls_key=pem)
    with pytest.raises(ConfigError, match=r"f: api.tls_cert: can't be used"):
        ApiDoor(msgspec.structs.replace(loaded, api=settings), "f")
