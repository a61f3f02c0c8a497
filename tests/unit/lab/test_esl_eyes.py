"""A session on an event socket: the login, and what is told on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.esl_eyes import EslEyes, EslEyesError
from lab.eyes import Event

SESSIONS = Path(__file__).parents[2] / "data" / "esl"
GREETING = b"Content-Type: auth/request\n\n"
YES = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
NO = b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n"
TIMEOUT_S = 5.0


@contextmanager
def pbx(says: bytes, login: bytes = YES) -> Iterator[int]:
    """Somebody on a port who lets one session in, and tells it this."""

    def serve() -> None:
        link, _ = listener.accept()
        with link:
            link.sendall(GREETING)
            link.recv(4096)
            link.sendall(login)
            if login == YES:
                link.recv(4096)
                link.sendall(YES + says)
                link.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(TIMEOUT_S)


def heard(says: bytes) -> list[Event]:
    with pbx(says) as port, EslEyes(port, "secret") as eyes:
        eyes._reader.join(TIMEOUT_S)
        return eyes.events()


def test_a_wrong_password_is_said() -> None:
    with pbx(b"", NO) as port, pytest.raises(EslEyesError, match="refuses the password"):
        EslEyes(port, "wrong")


def test_a_recorded_session_has_what_a_scene_waits_for() -> None:
    told = [each.name for each in heard((SESSIONS / "hold-resume.esl").read_bytes())]
    wanted = ["Newchannel", "QueueCallerJoin", "AgentConnect", "BridgeEnter", "Hold", "Unhold"]
    assert [name for name in dict.fromkeys(told) if name in wanted] == wanted
