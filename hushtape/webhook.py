"""Sends alarms to an address on a thread of its own: whoever raises one never waits for it."""

from __future__ import annotations

import queue
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import msgspec
import structlog

from hushtape import __version__, alarms
from hushtape.alarms import Alarm

TIMEOUT_S = 5.0  # for each step of a try: to connect, to send, to be answered
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
GIVE_UP_AFTER_S = 600.0  # an alarm that is older is tried once and no more
WAITING_MAX = 200  # alarms; those that come then are in the log only
SAME_AGAIN_S = 300.0  # the same alarm isn't sent twice within that
DROPPED_AGAIN_S = 60.0
CLOSE_WITHIN_S = 3.0  # what a program's end waits for what was raised last
TRY_AGAIN_STATUSES = frozenset({408, 425, 429})  # beside 500 and above

log = structlog.get_logger()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The secret goes to the address that was configured, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Don't."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where alarms are sent to.

    Args:
        url: https, or http on this machine.
        header: the name of the header that holds the secret.
        secret: "" for none.
    """

    url: str
    header: str = "Authorization"
    secret: str = field(default="", repr=False)


class Webhook:
    """Posts alarms as JSON, one at a time, oldest first."""

    def __init__(self, address: Address, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._address = address
        self._first_pause_s = first_pause_s
        self._waiting: queue.Queue[tuple[Alarm, float] | None] = queue.Queue(WAITING_MAX)
        self._ending = threading.Event()  # nothing new is taken, and no pause is made
        self._over = threading.Event()  # nothing is sent any more
        self._remembering = threading.Lock()
        self._taken_at_s: dict[tuple[str, str, str, str], float] = {}
        self._dropped_at_s: float | None = None
        # A proxy of the environment is for what leaves the machine.
        plain = urlsplit(address.url).scheme == "http"
        proxies = [urllib.request.ProxyHandler({})] if plain else []
        self._opener = urllib.request.build_opener(_NoRedirects, *proxies)
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, alarm: Alarm) -> None:
        """Take an alarm to send; returns at once."""
        now_s = time.monotonic()
        if self._ending.is_set() or self._is_repeated(alarm, now_s):
            return
        try:
            self._waiting.put_nowait((alarm, now_s))
        except queue.Full:
            said_at_s, self._dropped_at_s = self._dropped_at_s, now_s
            if said_at_s is None or now_s - said_at_s > DROPPED_AGAIN_S:
                log.warning("alarms are not sent", why=f"{WAITING_MAX} wait already")

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Send what waits, but without further pauses, and end."""
        deadline_s = time.monotonic() + within_s
        self._ending.set()
        with suppress(queue.Full):  # more than can be sent in that time
            self._waiting.put(None, timeout=within_s)
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        self._over.set()

    def _is_repeated(self, alarm: Alarm, now_s: float) -> bool:
        """Tell whether the same was taken a moment ago, and remember it if not."""
        same = (alarm.kind, alarm.what, alarm.call, alarm.pbx)
        with self._remembering:
            taken_at_s = self._taken_at_s.get(same)
            if taken_at_s is not None and now_s - taken_at_s < SAME_AGAIN_S:
                return True
            if len(self._taken_at_s) >= WAITING_MAX:
                self._taken_at_s.pop(next(iter(self._taken_at_s)))  # the oldest
            self._taken_at_s.pop(same, None)
            self._taken_at_s[same] = now_s
            return False

    def _run(self) -> None:
        while (found := self._waiting.get()) is not None and not self._over.is_set():
            alarm, raised_at_s = found
            try:
                self._deliver(alarm, raised_at_s)
            except Exception:  # one that can't be sent must not keep the next ones back
                log.exception("an alarm was not sent", why="a bug")

    def _deliver(self, alarm: Alarm, raised_at_s: float) -> None:
        pause_s = self._first_pause_s
        tries = 0
        while True:
            tries += 1
            why, again = self._post(alarm)
            if not why:
                if tries > 1:
                    log.info("an alarm was sent after all", tries=tries)
                return
            too_old = time.monotonic() - raised_at_s > GIVE_UP_AFTER_S
            if not again or too_old or self._ending.is_set():
                log.error("an alarm was not sent", why=why, tries=tries)
                return
            if tries == 1:
                log.warning("an alarm can't be sent yet", why=why)
            self._ending.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _post(self, alarm: Alarm) -> tuple[str, bool]:
        """Try once.

        Returns:
            Why it failed ("": it didn't), and whether another try may help. Never the address:
            some hold a secret.
        """
        headers = {"Content-Type": "application/json", "User-Agent": f"hushtape/{__version__}"}
        if self._address.secret:
            headers[self._address.header] = self._address.secret
        body = msgspec.json.encode(alarm)
        # The configuration allows no other schemes than http and https.
        request = urllib.request.Request(self._address.url, body, headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=TIMEOUT_S):
                return "", False
        except HTTPError as error:
            error.close()
            again = error.code >= 500 or error.code in TRY_AGAIN_STATUSES
            return f"the webhook answered {error.code}", again
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            return str(getattr(reason, "strerror", "") or type(reason).__name__), True


@contextmanager
def sending(address: Address | None) -> Iterator[None]:
    """Send this process's alarms as long as this lasts; None: there is no webhook."""
    if address is None:
        yield
        return
    hook = Webhook(address)
    hook.start()
    alarms.send_to(hook.put)
    try:
        yield
    finally:
        hook.close()
        alarms.send_to(None)
