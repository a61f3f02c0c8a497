"""The API for agents' desktops: who asks, what is asked, and how it is answered.

No sockets here (api_server.py). Requests come in on threads; the bridge is asked on its own loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog

from ami_bridge.desktop.desk import Answer, CallNow, Desk, Hearing, Outcome, Wanted
from hushtape import metrics
from hushtape.alarms import Kind, raise_alarm
from hushtape.ids import is_call_id

CONFIRM_WITHIN_S = 5.0
LOOP_SLACK_S = 1.0  # what the bridge's loop may take beyond that
BODY_MAX_BYTES = 1024
FIELDS_MAX = 4
PAYMENTS_AT_ONCE, PAYMENTS_PER_S = 32, 50.0
LOOKS_AT_ONCE, LOOKS_PER_S = 8, 100.0
STRANGERS_AGAIN_S = 10.0
BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,512})", re.IGNORECASE)
EXTENSION = re.compile(r"[A-Za-z0-9*#._-]{1,40}")
PBX = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
STATUSES = {
    Answer.DONE: 200,
    Answer.ACKNOWLEDGED: 202,  # not 200: who asks for that alone shows no card
    Answer.UNCONFIRMED: 504,
    Answer.NO_CALL: 404,
    Answer.SEVERAL: 409,
    Answer.REFUSED: 409,
    Answer.AWAY: 503,
}

log = structlog.get_logger()


class Asked(Enum):
    """What is asked of the bridge."""

    BEGIN = "begin payment"
    END = "end payment"
    LOOK = "look"


ROUTES = {
    "/v1/payments": {"POST": Asked.BEGIN, "DELETE": Asked.END},
    "/v1/payments/end": {"POST": Asked.END},
    "/v1/calls": {"GET": Asked.LOOK},
}


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Args:
        authorization: the header of that name; "" without one, or with several.
        length: of the body in bytes; None: it isn't said.
    """

    method: str
    path: str
    query: str
    authorization: str
    length: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request is answered without asking the bridge."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.reply = plain(status, why, headers)


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pbx: str | None = None
    extension: str = ""
    call: str = ""


class Budget:
    """So many at once, and so many in a second, with as many saved up."""

    def __init__(
        self, at_once: int, per_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = at_once
        self._per_s = per_s
        self._saved = per_s
        self._clock = clock
        self._saved_at_s = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one, if there is one; give it back afterwards."""
        with self._lock:
            now_s = self._clock()
            grown = self._saved + (now_s - self._saved_at_s) * self._per_s
            self._saved, self._saved_at_s = min(self._per_s, grown), now_s
            if self._free < 1 or self._saved < 1:
                return False
            self._free -= 1
            self._saved -= 1
            return True

    def give_back(self) -> None:
        """It is over."""
        with self._lock:
            self._free += 1


class Api:
    """Answers desktops.

    Args:
        desk: the bridge.
        loop: the one on which it runs.
        tokens: by who has them.
        within_s: how long silence is waited for.
    """

    def __init__(
        self,
        desk: Desk,
        loop: asyncio.AbstractEventLoop,
        tokens: Mapping[str, str],
        within_s: float = CONFIRM_WITHIN_S,
    ) -> None:
        self._desk = desk
        self._loop = loop
        self._within_s = within_s
        self._tokens = {name: _digest(token) for name, token in tokens.items()}
        payments = Budget(PAYMENTS_AT_ONCE, PAYMENTS_PER_S)
        # Whoever looks every moment takes nothing away from who takes a payment.
        self._budgets = {
            Asked.BEGIN: payments,
            Asked.END: payments,
            Asked.LOOK: Budget(LOOKS_AT_ONCE, LOOKS_PER_S),
        }
        self._strangers = 0
        self._strangers_said_at_s: float | None = None

    def admit(self, request: Request) -> tuple[str, Asked]:
        """Judge a request by its head, before its body is read.

        Returns:
            The name of the token's holder, and what is asked.

        Raises:
            Refused: with the answer.
        """
        who = self._holder(request.authorization)
        if who is None:
            self._tell_of_stranger()
            raise Refused(401, "no valid token", {"WWW-Authenticate": "Bearer"})
        methods = ROUTES.get(request.path)
        if methods is None:
            raise Refused(404, "there is no such address")
        asked = methods.get(request.method)
        if asked is None:
            raise Refused(405, "not by this method", {"Allow": ", ".join(sorted(methods))})
        if request.method == "POST" and request.length is None:
            raise Refused(411, "Content-Length is missing")
        if (request.length or 0) > BODY_MAX_BYTES:
            raise Refused(413, f"the body may have {BODY_MAX_BYTES} bytes")
        return who, asked

    def answer(self, who: str, asked: Asked, request: Request, body: bytes) -> Reply:
        """Ask the bridge, and wait for it. Called on a thread that isn't the loop's."""
        budget = self._budgets[asked]
        if not budget.take():
            metrics.api_request(asked.value, 429)
            return plain(429, "too many requests", {"Retry-After": "1"})
        began_s = time.monotonic()
        try:
            wanted = _of_body(body) if request.method == "POST" else _of_query(request.query)
            reply, outcome = self._ask(who, asked, wanted)
        except Refused as refused:
            reply, outcome = refused.reply, None
        finally:
            budget.give_back()
        metrics.api_request(asked.value, reply.status)
        if asked is not Asked.LOOK:
            log.info(
                "a desktop asked",
                asked=asked.value,
                by=who,
                status=reply.status,
                calls=[call.id for call in outcome.calls] if outcome is not None else [],
                seconds=round(time.monotonic() - began_s, 4),
            )
        return reply

    def _holder(self, authorization: str) -> str | None:
        found = BEARER.fullmatch(authorization)
        given = _digest(found[1] if found else "")
        holder = None
        for name, digest in self._tokens.items():  # all of them: the time tells nothing
            if hmac.compare_digest(digest, given):
                holder = name
        return holder if found else None

    def _tell_of_stranger(self) -> None:
        now_s = time.monotonic()
        self._strangers += 1
        said_at_s = self._strangers_said_at_s
        if said_at_s is None or now_s - said_at_s >= STRANGERS_AGAIN_S:
            log.warning("the API was asked without a valid token", times=self._strangers)
            self._strangers, self._strangers_said_at_s = 0, now_s

    def _ask(self, who: str, asked: Asked, wanted: Wanted) -> tuple[Reply, Outcome | None]:
        match asked:
            case Asked.BEGIN:
                work = self._desk.begin_payment(wanted, who, self._within_s)
            case Asked.END:
                work = self._desk.end_payment(wanted, who, self._within_s)
            case Asked.LOOK:
                work = self._find(wanted)
        try:
            outcome = self._wait(work)
        except NotInTime:
            return plain(504, "the bridge didn't answer in time: nothing is confirmed"), None
        except Exception as error:  # a bug there, or the bridge ends: the desktop has an answer
            raise_alarm(Kind.PROGRAM, "a desktop's request failed in the bridge", exc_info=error)
            return plain(500, "the bridge failed: nothing is confirmed"), None
        if asked is Asked.BEGIN and not _keeps_word(outcome):
            outcome = Outcome(answer=Answer.UNCONFIRMED, calls=outcome.calls)
        return _reply(outcome), outcome

    async def _find(self, wanted: Wanted) -> Outcome:
        return self._desk.find(wanted)

    def _wait(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise
        try:
            return future.result(self._within_s + LOOP_SLACK_S)
        except NotInTime:
            future.cancel()
            raise


def plain(status: int, why: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Make an answer that tells of no call."""
    body = {"answer": "error", "why": why, "calls": []}
    return Reply(status, msgspec.json.encode(body), headers or {})


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _keeps_word(outcome: Outcome) -> bool:
    """Tell whether the calls are as silent as the answer to a beginning says."""
    calls = outcome.calls
    match outcome.answer:
        case Answer.DONE:
            sure = [call.confirmed for call in calls]
        case Answer.ACKNOWLEDGED:
            sure = [call.acknowledged for call in calls]
        case _:
            return True
    # An opted-out call isn't recorded for another reason, and is as silent.
    heard = any(call.hearing is Hearing.RECORDED for call in calls)
    return bool(calls) and all(sure) and not heard


def _reply(outcome: Outcome) -> Reply:
    body = {
        "answer": outcome.answer.value,
        "why": outcome.why,
        "calls": [_shown(call) for call in outcome.calls],
    }
    return Reply(STATUSES[outcome.answer], msgspec.json.encode(body))


def _shown(call: CallNow) -> dict[str, object]:
    return {
        "call": call.id,
        "pbx": call.pbx,
        "state": call.hearing.value,
        "since": _in_utc(call.since),
        "acknowledged": call.acknowledged,
        "confirmed": call.confirmed,
    }


def _in_utc(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_body(body: bytes) -> Wanted:
    try:
        return _wanted(msgspec.json.decode(body, type=_Body))
    except ValueError as error:  # msgspec's, too, whose words hold no values
        raise Refused(400, f"the body is wrong: {error}") from None


def _of_query(query: str) -> Wanted:
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=FIELDS_MAX
        )
        if len(dict(pairs)) != len(pairs):
            raise Refused(400, "the query says something twice")
        return _wanted(msgspec.convert(dict(pairs), _Body))
    except ValueError as error:  # msgspec's, too
        raise Refused(400, f"the query is wrong: {error}") from None


def _wanted(body: _Body) -> Wanted:
    if bool(body.extension) == bool(body.call):
        raise Refused(400, 'expected either "extension" or "call"')
    if body.extension and not EXTENSION.fullmatch(body.extension):
        raise Refused(400, '"extension" is none')
    if body.call and not is_call_id(body.call):
        raise Refused(400, '"call" is no call\'s id')
    if body.pbx is not None and not PBX.fullmatch(body.pbx):
        raise Refused(400, '"pbx" is no PBX\'s name')
    return Wanted(body.pbx, body.extension, body.call)
