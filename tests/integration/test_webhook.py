"""Alarms on their way to a real HTTP server: one that is well, slow, away, or says no."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog

from hushtape import alarms, logs, webhook
from hushtape.alarms import Alarm, Kind
from hushtape.webhook import Address, Webhook
from tests.integration.conftest import spare_port

TIMEOUT_S = 10
PAUSE_S = 0.01
AT = datetime(2026, 11, 21, 17, 15, 2, tzinfo=UTC)
SECRET = "Bearer of the secret"


@dataclass
class Receiver:
    """A server that keeps what it is sent, and answers what it is told to."""

    statuses: list[int] = field(default_factory=list)  # then 204
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    location: str = ""
    delay_s: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Receiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.got.append((self.path, dict(self.headers), json.loads(body or b"{}")))
                time.sleep(receiver.delay_s)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def words(self) -> list[str]:
        return [body["what"] for _, _, body in self.got]


@contextmanager
def posting(url: str, **more: Any) -> Iterator[Webhook]:
    hook = Webhook(Address(url, **more), first_pause_s=PAUSE_S)
    hook.start()
    try:
        yield hook
    finally:
        hook.close(1)


def alarm(what: str = "x", **more: Any) -> Alarm:
    given = {"kind": "silence", "call": "", "pbx": "", "at": AT, **more}
    return Alarm(what=what, **given)


def wait_for(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_an_alarm_arrives_as_it_was_raised_with_its_secret() -> None:
    with Receiver().serving() as there:
        with posting(there.url, header="X-Key", secret=SECRET) as hook:
            hook.put(alarm("not sure", call="c", pbx="town-hall"))
            wait_for(lambda: bool(there.got))
        ((path, headers, body),) = there.got
    assert path == "/hook"
    assert body == {
        "what": "not sure",
        "kind": "silence",
        "call": "c",
        "pbx": "town-hall",
        "at": "2026-11-21T17:15:02Z",
    }
    assert headers["X-Key"] == SECRET
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("hushtape/")


def test_whoever_raises_one_waits_for_nothing() -> None:
    with Receiver(delay_s=0.3).serving() as there, posting(there.url) as hook:
        began_s = time.monotonic()
        for number in range(50):
            hook.put(alarm(str(number)))
        assert time.monotonic() - began_s < 0.1
        hook.close(0.1)
        time.sleep(0.5)  # what is being sent is finished, and no more
        assert not hook._thread.is_alive()


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again_in_order(status: int) -> None:
    with (
        Receiver(statuses=[status, status]).serving() as there,
        structlog.testing.capture_logs() as lines,
        posting(there.url) as hook,
    ):
        hook.put(alarm("one"))
        hook.put(alarm("two"))
        wait_for(lambda: len(there.got) == 4)
    assert there.words == ["one", "one", "one", "two"]
    assert [each["event"] for each in lines] == [
        "an alarm can't be sent yet",
        "an alarm was sent after all",
    ]
    assert lines[0]["why"] == f"the webhook answered {status}"


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_no_is_a_no_and_keeps_the_next_one_back(status: int) -> None:
    with (
        Receiver(statuses=[status]).serving() as there,
        structlog.testing.capture_logs() as lines,
        posting(there.url, secret=SECRET) as hook,
    ):
        hook.put(alarm("one"))
        hook.put(alarm("two"))
        wait_for(lambda: len(there.got) == 2)
    assert there.words == ["one", "two"]
    assert [(each["event"], each["why"]) for each in lines] == [
        ("an alarm was not sent", f"the webhook answered {status}")
    ]
    assert SECRET not in str(lines)
    assert there.url not in str(lines)  # it may hold a secret, too


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_secret_goes_nowhere_else(status: int) -> None:
    with Receiver().serving() as elsewhere:
        with (
            Receiver(statuses=[status], location=elsewhere.url).serving() as there,
            posting(there.url, secret=SECRET) as hook,
        ):
            hook.put(alarm("one"))
            hook.put(alarm("two"))
            wait_for(lambda: len(there.got) == 2)
        assert elsewhere.got == []


def test_a_proxy_of_the_environment_sees_nothing_that_stays_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Receiver().serving() as proxy, Receiver().serving() as there:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        with posting(there.url) as hook:
            hook.put(alarm())
            wait_for(lambda: bool(there.got))
        assert proxy.got == []


def test_it_arrives_when_the_server_is_back() -> None:
    port = spare_port()
    with structlog.testing.capture_logs() as lines, posting(f"http://127.0.0.1:{port}/") as hook:
        hook.put(alarm("one"))
        wait_for(lambda: bool(lines))
        assert lines[0]["why"] == "Connection refused"
        with Receiver().serving(port) as there:
            wait_for(lambda: there.words == ["one"])


def test_a_server_that_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(webhook, "GIVE_UP_AFTER_S", 0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        structlog.testing.capture_logs() as lines,
        posting(f"http://127.0.0.1:{silent.getsockname()[1]}/") as hook,
    ):
        hook.put(alarm())
        wait_for(lambda: bool(lines))
    assert [(each["event"], each["tries"]) for each in lines] == [("an alarm was not sent", 1)]


def test_a_server_that_talks_nonsense_is_no_bug() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as odd,
        structlog.testing.capture_logs() as lines,
        posting(f"http://127.0.0.1:{odd.getsockname()[1]}/") as hook,
    ):
        hook.put(alarm())
        link, _ = odd.accept()
        with link:
            link.sendall(b"SSH-2.0-odd\r\n")
        wait_for(lambda: bool(lines))
    assert lines[0]["event"] == "an alarm can't be sent yet"


def test_there_are_never_more_than_so_many() -> None:
    with (
        Receiver(delay_s=0.2).serving() as there,
        structlog.testing.capture_logs() as lines,
        posting(there.url) as hook,
    ):
        for number in range(2 * webhook.WAITING_MAX):
            hook.put(alarm(str(number)))
        assert {each["event"] for each in lines} == {"alarms are not sent"}
        assert hook._waiting.qsize() <= webhook.WAITING_MAX
        assert len(hook._taken_at_s) <= webhook.WAITING_MAX


def test_the_same_is_sent_once_in_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver().serving() as there, posting(there.url) as hook:
        for seconds in range(3):
            hook.put(alarm("same", at=AT + timedelta(seconds=seconds)))
        hook.put(alarm("same", call="another"))
        wait_for(lambda: len(there.got) == 2)
        monkeypatch.setattr(webhook, "SAME_AGAIN_S", 0.0)
        hook.put(alarm("same"))
        wait_for(lambda: len(there.got) == 3)
    assert [body["call"] for _, _, body in there.got] == ["", "another", ""]


def test_what_is_raised_last_is_sent_and_an_end_is_not_kept_waiting() -> None:
    with Receiver().serving() as there:
        with posting(there.url) as hook:
            hook.put(alarm("last"))
        assert there.words == ["last"]
    with posting(f"http://127.0.0.1:{spare_port()}/") as hook:
        hook.put(alarm())
        began_s = time.monotonic()
        hook.close()
        assert time.monotonic() - began_s < 1
        assert not hook._thread.is_alive()
        hook.put(alarm("too late"))
        assert hook._waiting.empty()


def test_from_the_log_to_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("bridge", as_json=True)
    try:
        with Receiver().serving() as there:
            with webhook.sending(Address(there.url)):
                alarms.raise_alarm(Kind.FOREIGN, "a recorder that isn't ours", pbx="town-hall")
                structlog.get_logger().error("not an alarm")
            alarms.raise_alarm(Kind.FOREIGN, "after the end")
        assert [(body["kind"], body["what"]) for _, _, body in there.got] == [
            ("foreign recorder", "a recorder that isn't ours")
        ]
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        structlog.reset_defaults()
        alarms.log = structlog.get_logger()
    assert capsys.readouterr().err.count('"event": "alarm"') == 2


def test_without_an_address_nobody_is_told() -> None:
    with webhook.sending(None):
        assert alarms._outlet is None
