"""Alarms: what a person should act on. Each is a line ``alarm`` of the log, and what follows from
such a line follows from every one: it is counted by its kind, and sent where one is configured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from hushtape.ids import CALL_ID
from hushtape.printable import printable

ALARM = "alarm"  # the event of every line that a person should act on
WORDS_MAX = 500  # characters; also keeps an alarm within what a pipe takes in one piece
NAME_MAX = 64
# Ids of ours and short numbers tell something; what is longer may be somebody's.
_ID_OR_DIGITS = re.compile(rf"(?<!\d)({CALL_ID.pattern})(?![a-z0-9])|\d{{5,}}")

log = structlog.get_logger()


class Kind(StrEnum):
    """What an alarm is about."""

    SILENCE = "silence"  # that of a payment isn't sure, or could not be proved
    FOREIGN = "foreign recorder"  # somebody else's, during a payment
    RECORDER = "recorder"  # one can't be started or stopped, or a call can't be followed
    RECORDING = "recording"  # missing, or not whole
    DISK = "disk"  # nearly full, or can't be written
    QUEUE = "queue"  # nobody works on it
    RETENTION = "retention"  # something outlives its time
    POLICY = "policy"
    PROGRAM = "program"  # a port that can't be had, a bug
    OTHER = "other"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, as it is sent. Nothing in it names a person or holds a telephone number.

    Args:
        call: the call's or its recording's id; "": it isn't about one.
        pbx: its name in the configuration; "": it isn't about one.
        at: when it was raised, aware UTC, our clock.
    """

    what: str
    kind: str
    call: str
    pbx: str
    at: datetime


Outlet = Callable[[Alarm], None]
_outlet: Outlet | None = None


def raise_alarm(kind: Kind, what: str, *, call: str = "", pbx: str = "", **more: Any) -> None:
    """Tell somebody.

    Args:
        what: one sentence for people: no name, no telephone number.
        more: what the line of the log says beside it.
    """
    about = {name: value for name, value in (("call", call), ("pbx", pbx)) if value}
    log.error(ALARM, kind=kind.value, what=what, **about, **more)


def send_to(outlet: Outlet | None) -> None:
    """Have this process's alarms sent from now on.

    Args:
        outlet: takes an alarm without waiting for anything, on whatever thread; None: nobody.
    """
    global _outlet  # the log is one for the whole process, and so is this
    _outlet = outlet


def kind_of(line: Mapping[str, Any]) -> Kind:
    """Tell the kind of a log line ``alarm``."""
    try:
        return Kind(line.get("kind", Kind.OTHER))
    except ValueError:
        return Kind.OTHER


def told(line: Mapping[str, Any]) -> None:
    """Pass on a line ``alarm`` that was logged; ``hushtape.logs`` tells of each by itself."""
    if _outlet is not None:
        _outlet(alarm_of(line, datetime.now(UTC)))


def alarm_of(line: Mapping[str, Any], at: datetime) -> Alarm:
    """Take from a log line what may leave the machine.

    Long numbers are left out, ids of calls excepted: a word that a PBX added might hold one.
    """
    return Alarm(
        what=_harmless(str(line.get("what", "")), WORDS_MAX),
        kind=kind_of(line).value,
        call=_harmless(str(line.get("call") or line.get("recording") or ""), NAME_MAX),
        pbx=_harmless(str(line.get("pbx", "")), NAME_MAX),
        at=at,
    )


def _harmless(text: str, length_max: int) -> str:
    shown = printable(text.encode("utf-8", "replace").decode("utf-8"))
    return _ID_OR_DIGITS.sub(lambda found: found[1] or "#", shown)[:length_max]
