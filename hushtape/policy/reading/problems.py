"""What makes a policy unusable: of its calls, its destinations and its payments.

What it says of recordings that exist is looked at in ``duty_problems``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

import msgspec

from hushtape import config
from hushtape.policy import numbers
from hushtape.policy.deciding.coverage import listed
from hushtape.policy.deciding.transfers import outcomes
from hushtape.policy.hours import parse_hours
from hushtape.policy.period import parse_wait_s
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    PaymentWay,
    Policy,
)
from hushtape.recordings.manifest import Direction

Problem = tuple[str, str]  # the key's path in the file, what is wrong and what was expected

TEXT_LIMIT = 2000  # characters of one text
MANY_LINES = ("announcement.says", "announcement.outbound")  # what is read out may have them


def call_problems(policy: Policy) -> Iterator[Problem]:
    """Name what is wrong with ``[calls]`` and ``[outbound]``."""
    calls = policy.calls
    if not calls.directions:
        yield "calls.directions", 'is empty: no call would be recorded; expected ["inbound"]'
    outbound_only = set(calls.directions) == {Direction.OUTBOUND}
    if not (calls.numbers or calls.queues or calls.direct_dial or outbound_only):
        yield "calls", "expected numbers or queues: a policy records only what it names"
    yield from number_problems(policy, calls.numbers, "calls.numbers")
    yield from number_problems(policy, calls.except_numbers, "calls.except_numbers")
    yield from queue_problems(calls.queues, "calls.queues")
    yield from queue_problems(calls.except_queues, "calls.except_queues")
    yield from hour_problems(calls.hours, "calls.hours")
    yield from _outbound_problems(policy)


def destination_problems(policy: Policy) -> Iterator[Problem]:
    """Name what is wrong with each ``[[destination]]``."""
    names = [destination.name for destination in policy.destination]
    for index, destination in enumerate(policy.destination):
        key = f"destination[{index}]"
        if not destination.name.strip():
            yield f"{key}.name", 'expected a name that people use, such as "another queue"'
        if names.count(destination.name) > 1:
            yield f"{key}.name", f'there are two destinations named "{destination.name}"'
        if not (
            destination.extensions or destination.queues or destination.numbers or destination.every
        ):
            yield (
                key,
                (
                    f'"{destination.name}" names no place: expected extensions, queues, numbers'
                    ' or every = ["extension"]'
                ),
            )
        yield from pattern_problems(destination.extensions, f"{key}.extensions")
        yield from queue_problems(destination.queues, f"{key}.queues")
        if DestinationKind.UNKNOWN in destination.every:
            yield f"{key}.every", 'expected "extension", "queue" or "outside", not "unknown"'
        yield from number_problems(policy, destination.numbers, f"{key}.numbers")


def payment_problems(policy: Policy) -> Iterator[Problem]:
    """Name every payment that could be recorded, and what else is wrong with ``[payment]``."""
    payment = policy.payment
    if policy.transfer.otherwise is OnTransfer.SILENT:
        yield "transfer.otherwise", 'expected "stop" or "continue"'
    known = [destination.name for destination in policy.destination]
    for index, line in enumerate(payment.lines):
        if line in known:
            place = known.index(line)
            yield from _line_problems(policy, policy.destination[place], f"destination[{place}]")
        else:
            what = f'there is no [[destination]] named "{line}"{nearest(line, known)}'
            yield f"payment.lines[{index}]", what
    if payment.lines and PaymentWay.TRANSFER not in payment.by:
        yield (
            "payment.by",
            (
                'expected "transfer" among them, or no payment.lines: a transfer to a payment line'
                " is a payment"
            ),
        )
    try:
        parse_wait_s(payment.longest)
    except ValueError as error:
        yield "payment.longest", str(error)


def _line_problems(policy: Policy, line: Destination, key: str) -> Iterator[Problem]:
    """Name every way in which a payment line would be recorded."""
    for said, outcome in outcomes(line).items():
        if outcome is OnTransfer.CONTINUE:
            what = f'"{line.name}" is a payment line and can\'t be recorded: leave this out'
            yield f"{key}.{said}", what
    if line.on_consultation is OnConsultation.RECORD:
        what = f'a consultation with "{line.name}", a payment line, can\'t be recorded'
        yield f"{key}.on_consultation", what
    if line.every:
        what = (
            f'"{line.name}" is a payment line: expected its own extensions, queues or numbers,'
            " not every place of a kind"
        )
        yield f"{key}.every", what
    for index, queue in enumerate(policy.calls.queues):
        if queue in line.queues:
            what = f'"{queue}" is a queue of {line.name}, a payment line, and can\'t be recorded'
            yield f"calls.queues[{index}]", what
    for index, number in enumerate(policy.calls.numbers):
        plain = number.replace(" ", "")
        if listed(policy, line.numbers, number) or any(
            numbers.is_pattern(pattern) and numbers.matches(pattern, plain)
            for pattern in line.extensions
        ):
            what = f'"{number}" is a number of {line.name}, a payment line, and can\'t be recorded'
            yield f"calls.numbers[{index}]", what


def _outbound_problems(policy: Policy) -> Iterator[Problem]:
    outbound = policy.outbound
    if (Direction.OUTBOUND in policy.calls.directions) != bool(outbound.extensions):
        yield (
            "outbound.extensions",
            (
                'expected the extensions whose calls to the outside are recorded, such as ["21X"],'
                ' if and only if calls.directions has "outbound"'
            ),
        )
    yield from pattern_problems(outbound.extensions, "outbound.extensions")
    try:
        parse_wait_s(outbound.permission_within)
    except ValueError as error:
        yield "outbound.permission_within", str(error)


def text_problems(policy: Policy) -> Iterator[Problem]:
    """Name every text that is too long, or holds what can't be printed on one line."""
    yield from _texts(policy, "")


def _texts(value: object, key: str) -> Iterator[Problem]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name), f"{key}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _texts(each, f"{key}[{index}]")
    elif isinstance(value, str):
        plain = value.replace("\n", " ") if key in MANY_LINES else value
        if not plain.isprintable():
            yield key, "expected one line of text, without control characters"
        elif len(value) > TEXT_LIMIT:
            yield key, f"expected {TEXT_LIMIT} characters at the most, not {len(value)}"


def number_problems(policy: Policy, spelled: Iterable[str], key: str) -> Iterator[Problem]:
    """Name what is no telephone number."""
    for index, number in enumerate(spelled):
        if not numbers.normal(number, policy.policy.country_code, policy.policy.trunk_prefix):
            yield (
                f"{key}[{index}]",
                f'"{number}" is not a telephone number; expected one such as "01799 510510"',
            )


def queue_problems(queues: Iterable[str], key: str) -> Iterator[Problem]:
    """Name what can't be a queue's name."""
    for index, queue in enumerate(queues):
        if not config.QUEUE.fullmatch(queue):
            yield (
                f"{key}[{index}]",
                (
                    f"\"{queue}\" can't be the name of a queue; expected the PBX's own, of letters,"
                    " digits, -, _ and ."
                ),
            )


def pattern_problems(patterns: Iterable[str], key: str) -> Iterator[Problem]:
    """Name what is no extension and no pattern of the dialplan."""
    for index, pattern in enumerate(patterns):
        if not numbers.is_pattern(pattern):
            what = f'"{pattern}" is neither an extension nor a pattern, such as "211" or "21X"'
            yield f"{key}[{index}]", what


def hour_problems(hours: Iterable[str], key: str) -> Iterator[Problem]:
    """Name what are no hours of the week."""
    for index, text in enumerate(hours):
        try:
            parse_hours(text)
        except ValueError as error:
            yield f"{key}[{index}]", str(error)


# Names that mean what each machine takes them for.
_LOCAL_ZONES = {"localtime", "posixrules", "Factory"}


def zone_exists(name: str) -> bool:
    """Tell whether there is a time zone of this name, the same on every machine."""
    if name in _LOCAL_ZONES or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word was perhaps meant; ``""``: none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
