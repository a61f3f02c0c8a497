"""How a policy's values are said in English: lists, dates, numbers of people, hours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

from hushtape.policy.hours import DAY_MIN, DAYS, parse_hours

_NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_WITH_ARTICLE = ("the ", "a ", "an ", "any ", "every ", "each ", "whoever ", "our ", "their ")
# A role that ends like this is somebody, or several of a kind: "the complaints handler". Any other
# may be a name, as "Compliance" is: it stays as it is written.
_SOMEBODY = re.compile(
    r"\w+(er|or|ist|ian|ant|agent|president|superintendent)s?|\w*(man|men|woman|women|person)"
    r"|(aide|board|card|chair|chief|clerk|committee|council|department|deputy|desk|executive|form"
    r"|group|head|judge|lead|nurse|office|panel|partner|record|secretary|sheet|steward|team|trustee"
    r"|unit|warden)s?",
    re.IGNORECASE,
)
_ADDITION = re.compile(r"\s+(?:of|for|in|at|on)\s+.*", re.IGNORECASE)  # "head of finance"


def tidy(text: str) -> str:
    """Bring a text of the file onto one line: its line breaks are only its author's."""
    return " ".join(text.split())


def listing(items: Iterable[str], last: str = "and") -> str:
    """Join as people do: ``a``, ``a and b``, ``a, b and c``. What has commas itself gets ``;``."""
    said = [tidy(item) for item in items]
    if len(said) < 2:
        return "".join(said)
    comma = "; " if any("," in item or ";" in item for item in said) else ", "
    return f"{comma.join(said[:-1])}{';' if comma == '; ' else ''} {last} {said[-1]}"


def named(one: str, many: str, items: Iterable[str], last: str = "and") -> str:
    """Say what is listed, too: ``the queue a``, ``the queues a and b``."""
    several = list(items)
    return f"{one if len(several) == 1 else many} {listing(several, last)}"


def the(role: str) -> str:
    """Give a role its article where one fits: ``the team leader``, ``Compliance``."""
    said = tidy(role)
    last = _ADDITION.sub("", said).rpartition(" ")[2]
    if said.lower().startswith(_WITH_ARTICLE) or not _SOMEBODY.fullmatch(last):
        return said
    return f"the {said}"


def quoted(text: str) -> str:
    """Put a text of the file into quotation marks."""
    return f"\u201c{tidy(text)}\u201d"


def counted(number: int, one: str, many: str) -> str:
    """Say how many: ``one call``, ``three calls``, ``15 calls``."""
    figure = _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)
    return f"{figure} {one if number == 1 else many}"


def day(when: date) -> str:
    """Write ``25 May 2018``."""
    return f"{when.day} {when:%B %Y}"


def moment(when: datetime) -> str:
    """Write ``25 May 2018 at 10:00``; the time zone is the caller's to have chosen, and to say."""
    return f"{day(when.date())} at {when:%H:%M}"


def hours(text: str) -> str:
    """Write ``Mon-Fri 08:30-17:00`` out: ``Monday to Friday 08:30 to 17:00``."""
    window = parse_hours(text)
    next_day = " on the next day" if window.ends_min > DAY_MIN else ""
    ends = clock(window.ends_min - DAY_MIN if next_day else window.ends_min)
    return f"{weekdays(window.days)} {clock(window.begins_min)} to {ends}{next_day}"


def clock(minutes: int) -> str:
    """Write minutes after midnight as ``08:30``; the end of a day is ``24:00``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def weekdays(days: Iterable[int]) -> str:
    """Write days of the week, Monday is 0: ``Monday to Friday``, ``Saturday and Sunday``."""
    wanted = sorted(set(days))
    if len(wanted) == len(DAYS):
        return "every day"
    runs: list[list[int]] = []
    for each in wanted:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    said = []
    for run in runs:
        names = [DAYS[each].capitalize() for each in run]
        said += [f"{names[0]} to {names[-1]}"] if len(run) > 2 else names
    return listing(said)


def sentence(text: str) -> str:
    """Begin with a capital letter, end with a full stop."""
    ended = text if text.endswith((".", "!", "?", ".\u201d", "!\u201d", "?\u201d")) else f"{text}."
    return ended[:1].upper() + ended[1:]
