"""What somebody expects of a call, in lines that read like a timeline, and what differs from it.

::

    policy reigate-banstead
    0-20 recorded
    20-40 payment, because the payment line
    20-25 consultation recorded
    kept 14 days
    tags complaints
    discarded

Stretches of time are compared with the whole call: what isn't named must not be. A single
``recorded`` or ``not recorded`` is the whole of it. What else isn't named isn't looked at.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hushtape.policy.period import parse_period
from hushtape.policy.trying.timeline import Outcome, Row, State, by_state, seconds

NEAR_S = 0.5  # so exactly are a call's stretches compared
MOST_LINES = 200
SHOWN = 60  # characters of a line that is repeated in an error

_STATES = {
    "recorded": State.RECORDED,
    "not recorded": State.NOT_RECORDED,
    "unrecorded": State.NOT_RECORDED,
    "payment": State.PAYMENT,
    "payment: silence": State.PAYMENT,
    "silence": State.PAYMENT,
    "waiting": State.WAITING,
    "waiting: parked": State.WAITING,
    "parked": State.WAITING,
}
_BESIDE = "consultation recorded"
_STRETCH = re.compile(
    r"(?P<start>\d{1,6}(?:\.\d{1,3})?)\s*s?\s*(?:-|–|to)\s*(?P<end>\d{1,6}(?:\.\d{1,3})?|)\s*s?\s+"
    r"(?P<words>\S.*)",
    re.ASCII,
)
_UNTIL_FORMATS = ("%d %B %Y %H:%M", "%d %B %Y", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_KINDS = (
    "0-20 recorded",
    "20- not recorded",
    "20-40 payment",
    "20-40 waiting",
    "20-25 consultation recorded",
    "recorded",
    "not recorded",
    "kept 62 days",
    "kept until 22 January 2027 10:00",
    "tags …",
    "no tags",
    "discarded",
    "policy NAME",
    "no policy",
    "somebody is told",
)


class ExpectationError(ValueError):
    """A line can't be understood.

    Args:
        line: where, from 1.
        what: what is wrong, and what was expected.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the call; ``end_s`` is None for the call's end."""

    start_s: float
    end_s: float | None
    state: State
    because: str = ""  # words that the reason must hold


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected; what is None isn't looked at.

    Args:
        policy: "" for none.
        until: the local time in the policy's zone, as precise as it was written.
    """

    stretches: tuple[Stretch, ...] = ()
    consultations: tuple[Stretch, ...] = ()
    policy: str | None = None
    kept: str | None = None
    until: tuple[str, str] | None = None  # the format, and the moment in it
    tags: tuple[str, ...] | None = None
    discarded: bool | None = None
    told: bool = False


def parse(text: str) -> Expected:
    """Read what is expected: a thing on each line.

    Raises:
        ExpectationError: a line can't be understood, or there is none.
    """
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise ExpectationError(MOST_LINES, f"expected {MOST_LINES} lines at the most")
    stretches: list[Stretch] = []
    beside: list[Stretch] = []
    others: dict[str, object] = {}
    for number, raw in enumerate(lines, start=1):
        line = " ".join(re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].split())
        if not line:
            continue
        stretch = _STRETCH.fullmatch(line)
        if stretch is not None or _whole(line):
            words = stretch["words"] if stretch is not None else line
            state, because = _state(words, number)
            end = stretch["end"] if stretch is not None else ""
            start_s = float(stretch["start"]) if stretch is not None else 0.0
            end_s = float(end) if end else None
            if end_s is not None and end_s <= start_s:
                raise ExpectationError(number, f"{seconds(end_s)} s is not after its beginning")
            into = beside if state is None else stretches
            into.append(Stretch(start_s, end_s, state or State.RECORDED, because))
            continue
        key, value = _other(line, number)
        if key in others:
            raise ExpectationError(number, f'"{_shown(line)}": said twice')
        others[key] = value
    if not (stretches or beside or others):
        raise ExpectationError(1, 'nothing is expected: write what is, such as "0-20 recorded"')
    return Expected(tuple(stretches), tuple(beside), **others)  # type: ignore[arg-type]


def differences(expected: Expected, came: Outcome) -> Iterator[tuple[str, str]]:
    """Say what differs: pairs of what was expected and what came."""
    if expected.policy is not None and expected.policy != came.policy:
        wanted = f"policy {expected.policy}" if expected.policy else "no policy"
        yield wanted, _policy(came)
    if expected.stretches:
        yield from _stretches(expected.stretches, by_state(came.rows), came.rows)
    if expected.consultations or (expected.stretches and came.consultations):
        yield from _stretches(
            expected.consultations, came.consultations, came.consultations, "consultation "
        )
    yield from _keeping(expected, came)
    if expected.tags is not None and set(expected.tags) != set(came.tags):
        yield _tags(expected.tags), _tags(came.tags)
    if expected.discarded is not None and expected.discarded != (came.discard is not None):
        words = ("not discarded", "discarded")
        why = f": {came.discard.words}" if came.discard is not None else ""
        yield words[expected.discarded], words[not expected.discarded] + why
    if expected.told and not came.alarms:
        yield "somebody is told", "nobody is told"


def _stretches(
    expected: tuple[Stretch, ...], came: tuple[Row, ...], rows: tuple[Row, ...], what: str = ""
) -> Iterator[tuple[str, str]]:
    """Compare two timelines, stretch by stretch; what is left over differs from nothing."""
    left = list(came)
    end_s = rows[-1].end_s if rows else 0.0
    for stretch in expected:
        words = f"{_span(stretch.start_s, stretch.end_s)} {what}{stretch.state}"
        found = next((row for row in left if _is(stretch, row, end_s)), None)
        if found is None:
            during = [row for row in came if _meets(stretch, row, end_s)]
            told = "; ".join(_row(row, what) for row in during)
            yield words, told or f"nothing{' of the kind' if what else ''}"
            left = [row for row in left if row not in during]
            continue
        left.remove(found)
        reasons = [row.reason for row in rows if _meets(stretch, row, end_s) and row.reason]
        if not any(stretch.because.casefold() in _reason(reason) for reason in reasons):
            told = "; ".join(reason.words for reason in reasons)
            yield f"{words}, because {stretch.because}", f"because {told or 'nothing was told'}"
    for row in left:
        yield "nothing more", _row(row, what)


def _is(stretch: Stretch, row: Row, end_s: float) -> bool:
    wanted_s = end_s if stretch.end_s is None else stretch.end_s
    near = abs(row.start_s - stretch.start_s) <= NEAR_S and abs(row.end_s - wanted_s) <= NEAR_S
    return near and row.state is stretch.state


def _meets(stretch: Stretch, row: Row, end_s: float) -> bool:
    until_s = end_s if stretch.end_s is None else stretch.end_s
    return row.start_s < until_s - NEAR_S and row.end_s > stretch.start_s + NEAR_S


def _keeping(expected: Expected, came: Outcome) -> Iterator[tuple[str, str]]:
    keep = came.keep
    if expected.kept is not None:
        same = keep is not None and parse_period(keep.period) == parse_period(expected.kept)
        if not same:
            yield f"kept {expected.kept}", f"kept {keep.period}" if keep else "nothing is kept"
    if expected.until is not None:
        form, until = expected.until
        if keep is None:
            yield f"kept until {until}", "nothing is kept"
            return
        local = keep.until.astimezone(ZoneInfo(keep.time_zone))
        if local.strftime(form) != until:
            yield f"kept until {until}", f"kept until {local:%-d %B %Y %H:%M}"


def _whole(line: str) -> bool:
    return line.partition(",")[0].casefold() in _STATES


def _state(words: str, number: int) -> tuple[State | None, str]:
    """Read what a stretch is; None for a consultation that is recorded."""
    kind, _, because = words.partition(", because ")
    plain = kind.casefold()
    if plain == _BESIDE:
        return None, because
    state = _STATES.get(plain)
    if state is not None:
        return state, because
    known = [*_STATES, _BESIDE]
    close = difflib.get_close_matches(plain, known, n=1)
    meant = f'; did you mean "{close[0]}"?' if close else f"; expected one of: {'; '.join(known)}"
    raise ExpectationError(number, f'"{_shown(kind)}": no call is that{meant}')


def _other(line: str, number: int) -> tuple[str, object]:
    plain = line.casefold()
    if plain in ("discarded", "not discarded"):
        return "discarded", plain == "discarded"
    if plain == "no tags":
        return "tags", ()
    if plain == "no policy":
        return "policy", ""
    if plain == "somebody is told":
        return "told", True
    word, _, rest = line.partition(" ")
    if word in ("tags", "tag") and rest:
        return "tags", tuple(each.strip() for each in rest.split(",") if each.strip())
    if word == "policy" and rest:
        return "policy", rest
    if plain.startswith("kept until "):
        return "until", _until(rest.removeprefix("until "), number)
    if word == "kept" and rest:
        try:
            parse_period(rest)
        except ValueError as error:
            raise ExpectationError(number, str(error)) from None
        return "kept", rest
    close = difflib.get_close_matches(plain, _KINDS, n=1, cutoff=0.5)
    meant = f'; did you mean "{close[0]}"?' if close else f"; expected such as: {'; '.join(_KINDS)}"
    raise ExpectationError(number, f'"{_shown(line)}": not understood{meant}')


def _until(text: str, number: int) -> tuple[str, str]:
    for form in _UNTIL_FORMATS:
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return form, moment.strftime(form)
    raise ExpectationError(
        number, f'"{_shown(text)}" is no time: expected "22 January 2027 10:00" or "2027-01-22"'
    )


def _reason(reason: object) -> str:
    return f"{getattr(reason, 'words', '')} {getattr(reason, 'rule', '')}".casefold()


def _row(row: Row, what: str) -> str:
    why = f" ({row.reason.words})" if row.reason is not None else ""
    return f"{_span(row.start_s, row.end_s)} {what}{row.state}{why}"


def _span(start_s: float, end_s: float | None) -> str:
    return f"{seconds(start_s)}-{seconds(end_s) if end_s is not None else ''}"


def _policy(came: Outcome) -> str:
    if came.policy:
        return f"policy {came.policy}"
    return f"no policy ({came.choice.words})"


def _tags(tags: tuple[str, ...]) -> str:
    return f"tags {', '.join(sorted(tags))}" if tags else "no tags"


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
