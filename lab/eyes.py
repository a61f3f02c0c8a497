"""Whoever watches a PBX for the lab: what it has told so far, what is still to come, what it says
when it is asked. The words are Asterisk's: what other PBXes say is put into them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

LINE_END = b"\r\n"


class ObserverError(RuntimeError):
    """The PBX refused, or the link is gone."""


@dataclass(frozen=True)
class Dialog:
    """A SIP dialog as its other end (the PBX) names it: what a `Replaces` needs."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(frozen=True)
class Event:
    """One AMI block. `at_s` is the PBX's own time (epoch, s), `seen_s` when it was read here."""

    headers: Mapping[str, str]
    at_s: float
    seen_s: float
    raw: bytes

    @property
    def name(self) -> str:
        """The event's name, or "" for a response."""
        return self.headers.get("Event", "")

    def get(self, key: str, default: str = "") -> str:
        """One header; the last one counts where a header is repeated."""
        return self.headers.get(key, default)

    def all(self, key: str) -> list[str]:
        """All values of a header that may be repeated (`Output`, `Variable`, `ChanVariable`)."""
        prefix = key.encode() + b": "
        lines = self.raw.split(LINE_END)
        return [x[len(prefix) :].decode("utf-8", "replace") for x in lines if x.startswith(prefix)]


Predicate = Callable[[Event], bool]


def event(name: str, /, **headers: str) -> Predicate:
    """A predicate: an event of this name whose headers have these values."""

    def matches(one: Event) -> bool:
        return one.name == name and all(one.get(k) == v for k, v in headers.items())

    return matches


class Eyes:
    """Keeps every event; a reader thread of its own brings them."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._events: list[Event] = []
        self._gone = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the reader thread ends with the link."""
        raise NotImplementedError

    # ------------------------------------------------------------------ asking

    def action(self, action: str, /, **headers: str | list[str]) -> Event:
        """Do what Asterisk's action of this name does; ObserverError unless that is a success."""
        raise NotImplementedError

    def command(self, line: str) -> str:
        """What the PBX's own console says to a line."""
        raise NotImplementedError

    def agents_are_free(self, queue: str) -> bool:
        """Whether every agent of a queue waits for a call."""
        raise NotImplementedError

    def dialog(self, channel: str) -> Dialog:
        """The SIP dialog of a phone's channel."""
        raise NotImplementedError

    def phone_is_at(self, endpoint: str, sip_port: int) -> bool:
        """Whether the PBX rings an endpoint at this port of 127.0.0.1."""
        raise NotImplementedError

    # ------------------------------------------------------------------ seeing

    @property
    def gone(self) -> bool:
        """Whether the link is lost: nothing more will be seen."""
        with self._news:
            return self._gone

    def mark(self) -> int:
        """A position in the stream of events, for `since`."""
        with self._news:
            return len(self._events)

    def events(self, matches: Predicate | None = None, since: int = 0) -> list[Event]:
        """All events so far, oldest first, from the position `since` on."""
        with self._news:
            found = self._events[since:]
        return [e for e in found if matches is None or matches(e)]

    def wait_for(self, matches: Predicate, timeout_s: float, since: int = 0) -> Event:
        """The first event from `since` on that matches, past or to come."""
        deadline = time.monotonic() + timeout_s
        position = since
        with self._news:
            while True:
                for one in self._events[position:]:
                    if matches(one):
                        return one
                position = len(self._events)
                left = deadline - time.monotonic()
                if left <= 0 or self._gone:
                    names = [e.name for e in self._events[since:]][-12:]
                    raise ObserverError(
                        f"No such event within {timeout_s:g} s. Last seen: {', '.join(names)}"
                    )
                self._news.wait(left)

    def _is_gone(self) -> None:
        with self._news:
            self._gone = True
            self._news.notify_all()
