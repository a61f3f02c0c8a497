"""An AMI server that says what an Asterisk 22 says, and misbehaves on request."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from tests.integration.ami_bridge.fake_server import FakeServer, Session

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
Headers = list[tuple[str, str]]


def frame(*headers: tuple[str, str]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    return ("".join(lines) + "\r\n").encode()


def event(name: str, **headers: str) -> bytes:
    return frame(("Event", name), ("Privilege", "call,all"), *headers.items())


class FakeAmi(FakeServer):
    """Serve until ``close``. Every action received is in ``actions``, in order."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(GREETING, b"\r\n\r\n", tls)
        self.answers: dict[str, Callable[[Session, dict[str, str]], bytes]] = {}
        self.actions: list[dict[str, str]] = []

    def names(self) -> list[str]:
        return [action["Action"] for action in self.actions if action["Action"] != "Ping"]

    def take(self, session: Session, raw: bytes) -> None:
        action = _read(raw)
        self.actions.append(action)
        if not self.mute:
            session.push(self._answer(session, action))

    def _answer(self, session: Session, action: dict[str, str]) -> bytes:
        name = action["Action"]
        own = ("ActionID", action["ActionID"])
        success = ("Response", "Success")
        if name in self.silent_on:
            return b""
        if name in self.answers:
            return self.answers[name](session, action)
        if name == "Login":
            if action["Secret"] != self.password:
                return frame(("Response", "Error"), own, ("Message", "Authentication failed"))
            session.ready.set()
            return frame(success, own, ("Message", "Authentication accepted"))
        if name == "Getvar":
            variable = action["Variable"]
            value = self.variables.get(variable, "")
            return frame(success, own, ("Variable", variable), ("Value", value))
        if name == "Setvar" and "Channel" not in action:
            self.variables[action["Variable"]] = action["Value"]
            return frame(success, own, ("Message", "Variable Set"))
        if name == "Ping":
            return frame(success, own, ("Ping", "Pong"), ("Timestamp", "1795282178.699491"))
        if name == "MixMonitor":
            return frame(success, own, ("MixMonitorID", "0x7f3a80022dc0"))
        if name == "Status":
            return listed(action, ["PJSIP/caller1-0000000b", "PJSIP/211-0000000c"])
        return frame(success, own)


def listed(action: dict[str, str], channels: list[str], *, ends: bool = True) -> bytes:
    """The answer to Status."""
    own = ("ActionID", action["ActionID"])
    items = [
        frame(
            ("Event", "Status"),
            ("Privilege", "Call"),
            ("Channel", channel),
            ("Variable", "HUSHTAPE_CALL=(null)"),
            ("Variable", "HUSHTAPE_STATE=recording"),
            own,
        )
        for channel in channels
    ]
    start = frame(
        ("Response", "Success"),
        own,
        ("EventList", "start"),
        ("Message", "Channel status will follow"),
    )
    end = frame(
        ("Event", "StatusComplete"),
        own,
        ("EventList", "Complete"),
        ("ListItems", str(len(channels))),
        ("Items", str(len(channels))),
    )
    return start + b"".join(items) + (end if ends else b"")


def _read(raw: bytes) -> dict[str, str]:
    pairs = [tuple(line.split(": ", 1)) for line in raw.decode().strip().split("\r\n")]
    return dict(pairs)
