"""A call's script: what happens in it and when, in sentences that anybody can write.

One step on each line, a time first::

    0 s    enters queue help-line
    5 s    agent answers
    20 s   blind transfer to 730
    1:05   hangs up

Times count from the call's beginning. Pure: it reads words and knows no policy.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hushtape.policy.schema import Asker, PaymentWay, Permission

MOST_STEPS = 200
LONGEST_S = 86_400.0  # a day
STEP_LIMIT = 300  # characters
SHOWN = 60  # characters of a step that is repeated in an error


class Verb(StrEnum):
    """What may happen; the value is how a step says it."""

    ENTERS = "enters queue …"
    MOVED = "moved to queue …"
    ANSWERS = "agent answers"
    BLIND = "blind transfer to …"
    ATTENDED = "attended transfer to …"
    REDIRECTED = "redirected to …"
    TRANSFER_FAILS = "transfer fails"
    CONSULTS = "agent consults …"
    COMPLETES = "completes the transfer"
    RETURNS = "agent returns"
    PARKED = "parked"
    FETCHED = "fetched by …"
    HELD = "on hold"
    RESUMES = "resumes"
    CALLER_OPTS_OUT = "caller opts out"
    AGENT_OPTS_OUT = "agent opts out"
    PERMITTED = "permission given"
    PAYMENT_BEGINS = "payment begins by …"
    PAYMENT_ENDS = "payment ends"
    CONFERENCE = "conference with …"
    LEAVES = "agent leaves"
    HANGS_UP = "hangs up"
    LINK_LOST = "link lost"
    LINK_BACK = "link back"
    BRIDGE_KILLED = "bridge killed"
    BRIDGE_BACK = "bridge back"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Args:
        at_s: seconds since the call's beginning.
        verb: what.
        who: where to, or whom, as it was written; "" where a step names nobody. Of an answer, a
            fetch or a leave, "" is the agent.
        way: how a payment begins or ends; None: not said.
        permission: how it was given.
        line: of the script, from 1.
        words: the step as it was written, without its time.
    """

    at_s: float
    verb: Verb
    who: str = ""
    way: PaymentWay | None = None
    permission: Permission = Permission.KEY
    line: int = 0
    words: str = ""


class ScriptError(ValueError):
    """A script can't be understood.

    Args:
        line: where, from 1.
        what: what is wrong, and what was expected.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


_TIME = re.compile(
    r"(?:(?P<clock>\d{1,2}(?::\d{2}){1,2})|(?P<number>\d{1,6}(?:\.\d{1,3})?)"
    r"(?:\s*(?P<unit>s|sec|seconds?|min|minutes?)\b\.?)?)(?=\s|$)\s*",
    re.ASCII,
)
_MINUTE_S = 60

_QUEUE = r"(?:queue )?(?P<who>[A-Za-z0-9_.-]{1,80})"
_PLACE = r"(?P<who>\S.{0,99})"
_NUMBER = r"(?P<who>[0-9*#+]{1,20})"
_AGENT = r"(?:agent )?"
_TO = r"(?:transfers?|transferred)(?: the caller)? to "
_WAYS = "|".join(way.value for way in PaymentWay if way is not PaymentWay.TRANSFER)
_WAY = rf"(?:by (?:an? |the )?(?P<way>{_WAYS}))"

# The first that fits the whole of a step counts.
_PHRASES: tuple[tuple[Verb, str], ...] = (
    (Verb.ENTERS, rf"(?:enters?|back in) {_QUEUE}"),
    (Verb.MOVED, rf"(?:moved|moves|goes on) to {_QUEUE}"),
    (Verb.ANSWERS, r"(?:agent answers|answers|answered|answered by (?:the )?agent)"),
    (Verb.ANSWERS, rf"{_AGENT}{_NUMBER} answers"),
    (Verb.ANSWERS, rf"answered by {_AGENT}{_NUMBER}"),
    (Verb.BLIND, rf"{_AGENT}(?:blind(?:ly)? )?{_TO}{_PLACE}"),
    (Verb.ATTENDED, rf"{_AGENT}attended {_TO}{_PLACE}"),
    (Verb.REDIRECTED, rf"redirect(?:ed)? to {_PLACE}"),
    (Verb.TRANSFER_FAILS, r"(?:the )?transfer fails"),
    (Verb.CONSULTS, rf"{_AGENT}consults {_PLACE}"),
    (Verb.COMPLETES, rf"{_AGENT}completes(?: the)? transfer"),
    (Verb.RETURNS, rf"{_AGENT}returns(?: to the caller)?"),
    (Verb.PARKED, r"(?:parked|agent parks(?: the call)?)"),
    (Verb.FETCHED, r"fetched by (?:the )?(?:same )?agent"),
    (Verb.FETCHED, rf"fetched by {_AGENT}{_PLACE}"),
    (Verb.HELD, r"(?:on )?hold"),
    (Verb.RESUMES, rf"{_AGENT}resumes"),
    (Verb.CALLER_OPTS_OUT, r"caller opts out"),
    (Verb.AGENT_OPTS_OUT, r"agent opts out"),
    (Verb.PERMITTED, r"permission(?: is)? given(?: by (?:an? )?(?P<permission>key|announcement))?"),
    (Verb.PAYMENT_BEGINS, rf"payment (?:begins|starts) {_WAY}"),
    (Verb.PAYMENT_ENDS, rf"payment (?:ends|is over)(?: {_WAY})?"),
    (Verb.CONFERENCE, rf"(?:{_AGENT}|agent starts an? )?conference with {_PLACE}"),
    (Verb.LEAVES, r"agent leaves"),
    (Verb.LEAVES, rf"{_NUMBER} leaves"),
    (Verb.HANGS_UP, rf"(?:{_AGENT}hangs up|caller hangs up|hang[- ]up)"),
    (Verb.LINK_LOST, r"(?:the )?link(?: is)? lost"),
    (Verb.LINK_BACK, r"(?:the )?link(?: is)? back"),
    (Verb.BRIDGE_KILLED, r"(?:the )?bridge(?: is)? killed"),
    (Verb.BRIDGE_BACK, r"(?:the )?bridge(?: is)? back"),
)
_COMPILED = tuple((verb, re.compile(text, re.IGNORECASE)) for verb, text in _PHRASES)

# Whoever writes "the caller is parked" means "parked".
_FILLER = re.compile(r"(?:the )?(?:caller |call )?(?:is )?", re.IGNORECASE)


def parse(text: str) -> tuple[Step, ...]:
    """Read a script: a step on each line, empty lines and what follows a ``#`` passed over.

    Raises:
        ScriptError: a line isn't a step, or comes before the one above it.
    """
    lines = text.splitlines()
    if len(lines) > 2 * MOST_STEPS:
        raise ScriptError(2 * MOST_STEPS, f"too long: expected {MOST_STEPS} steps at the most")
    found: list[Step] = []
    for number, raw in enumerate(lines, start=1):
        # An extension may hold a "#": a comment's stands alone.
        line = re.split(r"(?:^|\s)#(?:\s|$)", raw, maxsplit=1)[0].strip()
        if line:
            found.append(parse_step(line, number))
    return in_order(found)


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Check that each step follows the one before it, and that nothing comes after the end.

    Raises:
        ScriptError: they don't.
    """
    found = tuple(steps)
    if len(found) > MOST_STEPS:
        raise ScriptError(found[MOST_STEPS].line, f"expected {MOST_STEPS} steps at the most")
    for before, step in itertools.pairwise(found):
        if step.at_s < before.at_s:
            raise ScriptError(
                step.line,
                f"{step.at_s:g} s comes after {before.at_s:g} s: expected the steps in their order",
            )
        if before.verb is Verb.HANGS_UP:
            raise ScriptError(step.line, f'"{_shown(step.words)}" after the call was hung up')
    return found


def parse_step(line: str, number: int = 1) -> Step:
    """Read one step, its time first: ``20 s blind transfer to 730``.

    Raises:
        ScriptError: it isn't one; the nearest that there is stands in it.
    """
    if len(line) > STEP_LIMIT:
        raise ScriptError(number, f"a step has {STEP_LIMIT} characters at the most")
    time = _TIME.match(line)
    if time is None:
        raise ScriptError(
            number, f'"{_shown(line)}": expected a time first, such as "20 s" or "1:05"'
        )
    at_s = _seconds(time)
    if at_s > LONGEST_S:
        raise ScriptError(number, f"{at_s:g} s: expected {LONGEST_S:g} s, a day, at the most")
    words = " ".join(line[time.end() :].split())
    if not words:
        raise ScriptError(number, f'expected a step after the time, such as "{Verb.ANSWERS}"')
    for start in (0, *_fillers(words)):
        for verb, pattern in _COMPILED:
            match = pattern.fullmatch(words, start)
            if match is not None:
                return _step(at_s, verb, match.groupdict(), number, words)
    raise ScriptError(number, f'"{_shown(words)}": there is no such step{_nearest(words)}')


def _step(at_s: float, verb: Verb, found: dict[str, str | None], line: int, words: str) -> Step:
    way, permission = found.get("way"), found.get("permission")
    return Step(
        at_s,
        verb,
        who=(found.get("who") or "").strip(),
        way=PaymentWay(way.lower()) if way else None,
        permission=Permission(permission.lower()) if permission else Permission.KEY,
        line=line,
        words=words,
    )


def asker(verb: Verb) -> Asker:
    """Say by whom an opt-out is."""
    return Asker.CALLER if verb is Verb.CALLER_OPTS_OUT else Asker.AGENT


def _fillers(words: str) -> list[int]:
    """Where a step may begin once "the", "the caller is" and the like are passed over."""
    filler = _FILLER.match(words)
    ends = [filler.end()] if filler is not None and filler.end() else []
    return [4, *ends] if words[:4].lower() == "the " else ends


def _seconds(time: re.Match[str]) -> float:
    if time["clock"]:
        total = 0
        for part in time["clock"].split(":"):
            total = total * _MINUTE_S + int(part)
        return float(total)
    unit = _MINUTE_S if (time["unit"] or "").startswith("min") else 1
    return float(time["number"]) * unit


def _nearest(words: str) -> str:
    """The nearest step, or all of them."""
    known = [verb.value for verb in Verb]
    # What a step names is its own: "blnd transfer to 730" is near "blind transfer to …".
    bare = re.sub(r"\b(to queue|queue|to|with|by|consults) \S.*$", r"\1 …", words.lower())
    close = difflib.get_close_matches(bare, known, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; expected one of: {'; '.join(known)}"


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
