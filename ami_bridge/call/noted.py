"""What stands of a call in a variable of its channel, for a bridge that knows nothing else of it.

A successor on the same machine finds more on the disk (live.py); one on another machine finds this.
One line, no name and no number of a caller, nothing that a dialplan or a manager's line would read
as its own: ``id;stage;policy;version;direction;began;flags;queue;known;segments``, and
``;payment`` where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hushtape.ids import is_call_id
from hushtape.policy.schema import PaymentWay
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, Leg

MOST_SEGMENTS = 12  # the newest; one takes 30 bytes, and a manager's line has room for 1,000
MOST_KNOWN = 4
TEXT_LIMIT = 900  # characters
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_KNOWN = re.compile(r"[A-Za-z0-9._/@-]{1,60}")
_QUEUE = re.compile(r"[A-Za-z0-9_.-]{0,80}")  # as in the configuration; the PBX may have others
_SEGMENT = re.compile(r"(\d{1,4})([oc]):(\d{1,14}):(\d{1,14})?(?::([\w./@~-]{1,130}))?", re.ASCII)
_ON = re.compile(r"[\w.-]{1,50}~[\w./@-]{1,79}", re.ASCII)
_LEGS = {Leg.OUTSIDE: "o", Leg.CONSULTATION: "c"}
_DISCARD, _PERMISSION, _ANSWER = "d", "p", "a"
_FIELDS = (10, 11)  # the payment stands there only if there is one
_PAYMENT = re.compile(r"([tkdeac]{0,6}):([a-z]{1,20}):(\d{1,14}|l)?", re.ASCII)
_LATE = "l"
_CONSULTED = "c"
_WAYS = {
    PaymentWay.TRANSFER: "t",
    PaymentWay.KEY: "k",
    PaymentWay.DIALPLAN: "d",
    PaymentWay.EVENT: "e",
    PaymentWay.API: "a",
}


@dataclass(frozen=True, slots=True)
class NotedSegment:
    """A segment: which files it has, and from when to when they may be kept."""

    number: int
    leg: Leg
    started_at: datetime
    ended_at: datetime | None  # None: its recorder was wanted when this was noted
    on: str = ""  # a consultation's channel, "uniqueid~name", while its recorder may run


@dataclass(frozen=True, slots=True)
class NotedPayment:
    """A payment: where the call would be without it, what has begun it, and since when.

    Args:
        since: from then on it may last for so long; None: there is no such time, or it is over.
        late: it lasts too long already: silent whatever is told, but for a queue.
        consulted: an agent has the payment line on the telephone.
    """

    beneath: Stage
    ways: tuple[PaymentWay, ...] = ()
    since: datetime | None = None
    late: bool = False
    consulted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a bridge needs to go on with a call.

    Args:
        discards: nothing of it may be kept.
        awaits_permission: recording ends unless it is given.
        awaits_answer: recording begins with its first agent's answer.
        queue: the last that was entered; "" for none.
        known: uniqueids and telephones of those with whom the talk is recorded.
        payment: that of a silent call; None there: nothing is known of it.
    """

    id: str
    stage: Stage
    policy: str
    version: str
    direction: Direction
    began_at: datetime
    discards: bool = False
    awaits_permission: bool = False
    awaits_answer: bool = False
    queue: str = ""
    known: tuple[str, ...] = ()
    segments: tuple[NotedSegment, ...] = ()
    payment: NotedPayment | None = None


def write(noted: Noted) -> str:
    """Return the text for the variable; where it grows too long the oldest segments go."""
    segments = noted.segments[-MOST_SEGMENTS:]
    while len(text := _line(noted, segments)) > TEXT_LIMIT and segments:
        segments = segments[1:]
    return text


def _line(noted: Noted, segments: Sequence[NotedSegment]) -> str:
    flags = _DISCARD * noted.discards + _PERMISSION * noted.awaits_permission
    flags += _ANSWER * noted.awaits_answer
    known = [each for each in noted.known if _KNOWN.fullmatch(each)]
    return ";".join(
        (
            noted.id,
            noted.stage.value,
            noted.policy,
            noted.version,
            noted.direction.value,
            _ms(noted.began_at),
            flags,
            noted.queue if _QUEUE.fullmatch(noted.queue) else "",
            ",".join(known[-MOST_KNOWN:]),
            ",".join(_segment(each) for each in segments),
            *([_payment(noted.payment)] if noted.payment is not None else []),
        )
    )


def read(text: str) -> Noted:
    """Read what a bridge noted.

    Raises:
        ValueError: it isn't that, or of a version that this one doesn't know.
    """
    parts = text.split(";")
    if len(text) > TEXT_LIMIT or len(parts) not in _FIELDS or not is_call_id(parts[0]):
        raise ValueError("not the state of a call")
    if parts[1] == Stage.OVER:
        raise ValueError("a call that is over isn't noted")
    known = tuple(each for each in parts[8].split(",") if each)
    return Noted(
        id=parts[0],
        stage=Stage(parts[1]),
        policy=parts[2],
        version=parts[3],
        direction=Direction(parts[4]),
        began_at=_at(parts[5]),
        discards=_DISCARD in parts[6],
        awaits_permission=_PERMISSION in parts[6],
        awaits_answer=_ANSWER in parts[6],
        queue=parts[7],
        known=known,
        segments=tuple(_read_segment(each) for each in parts[9].split(",") if each),
        payment=_read_payment(parts[10]) if len(parts) > 10 else None,
    )


def _payment(payment: NotedPayment) -> str:
    ways = "".join(_WAYS[way] for way in payment.ways) + _CONSULTED * payment.consulted
    since = _ms(payment.since) if payment.since is not None else ""
    since = _LATE if payment.late else since
    return f"{ways}:{payment.beneath}:{since}"


def _read_payment(text: str) -> NotedPayment:
    found = _PAYMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a payment")
    letters, beneath, since = found.groups()
    if beneath in (Stage.SILENT, Stage.OVER):
        raise ValueError("a payment is beneath no other, and not at the end")
    ways = tuple(way for way, letter in _WAYS.items() if letter in letters)
    late, consulted = since == _LATE, _CONSULTED in letters
    began_at = _at(since) if since and not late else None
    return NotedPayment(Stage(beneath), ways, began_at, late=late, consulted=consulted)


def _segment(segment: NotedSegment) -> str:
    ended = _ms(segment.ended_at) if segment.ended_at is not None else ""
    on = f":{segment.on}" if _ON.fullmatch(segment.on) else ""
    return f"{segment.number}{_LEGS[segment.leg]}:{_ms(segment.started_at)}:{ended}{on}"


def _read_segment(text: str) -> NotedSegment:
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a segment")
    number, letter, started, ended, on = found.groups()
    (leg,) = [leg for leg, known in _LEGS.items() if known == letter]
    return NotedSegment(int(number), leg, _at(started), _at(ended) if ended else None, on or "")


def newest(segments: Sequence[NotedSegment]) -> int:
    """Return the highest number of a segment, 0 if there is none."""
    return max((segment.number for segment in segments), default=0)


def _ms(at: datetime) -> str:
    return str((at - EPOCH) // timedelta(milliseconds=1))


def _at(text: str) -> datetime:
    try:
        return EPOCH + timedelta(milliseconds=int(text))
    except OverflowError:
        raise ValueError("not a time") from None
