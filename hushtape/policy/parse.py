"""Reads policy files, and refuses those that can't be carried out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from hushtape import config
from hushtape.errors import PolicyError
from hushtape.policy import numbers
from hushtape.policy.period import parse_period, parse_wait_s
from hushtape.policy.schema import DestinationKind, OnConsultation, OnTransfer, Policy
from hushtape.recordings.manifest import Direction

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
MOST_FILES = 500


def load(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        PolicyError: the file says something that can't be carried out; ConfigError if it can't be
            read or isn't TOML.
    """
    document = config.read_toml(path)
    if "retention" not in document:
        raise PolicyError(
            f"{path}: retention",
            "a policy must say how long recordings are kept, such as"
            ' keep = "90 days" under [retention]',
        )
    policy = config.convert(document, Policy, str(path), PolicyError)
    for key, what in _problems(policy):
        raise PolicyError(f"{path}: {key}", what)
    return policy


def load_folder(folder: Path) -> tuple[Policy, ...]:
    """Read every ``*.toml`` of a folder.

    Raises:
        PolicyError: one of the files is wrong, two are the same version, or there is none.
    """
    if not folder.is_dir():
        raise PolicyError(str(folder), "there is no such folder")
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise PolicyError(str(folder), "there is no policy (*.toml) in this folder")
    if len(paths) > MOST_FILES:
        raise PolicyError(str(folder), f"more than {MOST_FILES} policy files")
    seen: dict[tuple[str, str], Path] = {}
    policies = []
    for path in paths:
        policy = load(path)
        version = (policy.name, policy.version)
        if version in seen:
            raise PolicyError(
                f"{path}: policy.in_force_from",
                f"{seen[version].name} is already the version of {policy.version} of"
                f' policy "{policy.name}"',
            )
        seen[version] = path
        policies.append(policy)
    return tuple(policies)


def _problems(policy: Policy) -> Iterator[tuple[str, str]]:
    about = policy.policy
    if not NAME.fullmatch(about.name):
        yield "policy.name", "expected small letters, digits and hyphens, up to 64"
    if not about.title.strip():
        yield "policy.title", "expected the policy's name as people say it"
    if not re.fullmatch(r"[1-9]\d{0,3}", about.country_code):
        yield "policy.country_code", 'expected digits without + or 0, such as "44"'
    if not re.fullmatch(r"\d?", about.trunk_prefix):
        yield "policy.trunk_prefix", 'expected one digit, or "" where none is dialled'
    try:
        ZoneInfo(about.time_zone)
    except (KeyError, ValueError, OSError):
        yield "policy.time_zone", f'there is no time zone "{about.time_zone}": "Europe/London"?'
    yield from _scope_problems(policy)
    yield from _destination_problems(policy)
    yield from _payment_problems(policy)
    yield from _outbound_problems(policy)
    yield from _retention_problems(policy)


def _scope_problems(policy: Policy) -> Iterator[tuple[str, str]]:
    calls = policy.calls
    if not calls.directions:
        yield "calls.directions", 'is empty: no call would be recorded; expected ["inbound"]'
    outbound_only = set(calls.directions) == {Direction.OUTBOUND}
    if not (calls.numbers or calls.queues or calls.direct_dial or outbound_only):
        yield "calls", "expected numbers or queues: a policy records only what it names"
    yield from _number_problems(policy, calls.numbers, "calls.numbers")
    for queue in calls.queues:
        if not config.QUEUE.fullmatch(queue):
            yield "calls.queues", f'"{queue}" can\'t be the name of a queue'


def _destination_problems(policy: Policy) -> Iterator[tuple[str, str]]:
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
        for pattern in destination.extensions:
            if not numbers.is_pattern(pattern):
                yield f"{key}.extensions", f'"{pattern}" is neither an extension nor a pattern'
        for queue in destination.queues:
            if not config.QUEUE.fullmatch(queue):
                yield f"{key}.queues", f'"{queue}" can\'t be the name of a queue'
        if DestinationKind.UNKNOWN in destination.every:
            yield f"{key}.every", 'expected "extension", "queue" or "outside", not "unknown"'
        yield from _number_problems(policy, destination.numbers, f"{key}.numbers")


def _payment_problems(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.transfer.otherwise is OnTransfer.SILENT:
        yield "transfer.otherwise", 'expected "stop" or "continue"'
    by_name = {destination.name: destination for destination in policy.destination}
    for line in policy.payment.lines:
        if line not in by_name:
            yield "payment.lines", f'there is no [[destination]] named "{line}"'
        elif by_name[line].on_transfer is OnTransfer.CONTINUE:
            yield "payment.lines", f'"{line}" is a payment line and can\'t be recorded'
        elif by_name[line].on_consultation is OnConsultation.RECORD:
            yield "payment.lines", f'a consultation with "{line}" can\'t be recorded'
        else:
            for queue in set(by_name[line].queues) & set(policy.calls.queues):
                yield "calls.queues", f'"{queue}" is a payment line and can\'t be recorded'


def _outbound_problems(policy: Policy) -> Iterator[tuple[str, str]]:
    outbound = policy.outbound
    if (Direction.OUTBOUND in policy.calls.directions) != bool(outbound.extensions):
        yield (
            "outbound.extensions",
            (
                'expected the extensions whose calls to the outside are recorded, such as ["21X"],'
                ' if and only if calls.directions has "outbound"'
            ),
        )
    for pattern in outbound.extensions:
        if not numbers.is_pattern(pattern):
            yield "outbound.extensions", f'"{pattern}" is neither an extension nor a pattern'
    try:
        parse_wait_s(outbound.permission_within)
    except ValueError as error:
        yield "outbound.permission_within", str(error)


def _retention_problems(policy: Policy) -> Iterator[tuple[str, str]]:
    retention = policy.retention
    keys = [("retention.keep", retention.keep)]
    keys += [(f"retention.rule[{i}].keep", rule.keep) for i, rule in enumerate(retention.rule)]
    for key, text in keys:
        try:
            parse_period(text)
        except ValueError as error:
            yield key, str(error)
    dates = [rule.calls_before for rule in retention.rule]
    if len(set(dates)) != len(dates):
        yield "retention.rule", "two rules have the same date"


def _number_problems(
    policy: Policy, spelled: tuple[str, ...], key: str
) -> Iterator[tuple[str, str]]:
    for number in spelled:
        if not numbers.normal(number, policy.policy.country_code, policy.policy.trunk_prefix):
            yield key, f'"{number}" is not a telephone number'
