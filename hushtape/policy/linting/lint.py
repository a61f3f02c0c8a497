"""Looks at policies before a call does: what can't be carried out, and what was hardly meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from hushtape.config import Config
from hushtape.policy import parse
from hushtape.policy.linting import (
    lint_calls,
    lint_keeping,
    lint_lines,
    lint_payments,
    lint_pbx,
    lint_people,
    lint_places,
    lint_together,
)
from hushtape.policy.linting.findings import Finding, Remark, Severity, error, in_order
from hushtape.policy.reading import source, structure
from hushtape.policy.reading.locate import TOP
from hushtape.policy.reading.source import Source, SourceError
from hushtape.policy.schema import Policy

NO_POLICY = "holds examples, and no policy: passed over; `hushtape policy test` plays them"

# For keys that are needed and broken, so that the rest of the policy can be looked at.
_STAND_INS: Mapping[str, Mapping[str, Any]] = {
    "policy": {
        "name": "a",
        "title": "a",
        "in_force_from": date(2000, 1, 1),
        "time_zone": "UTC",
    },
    "calls": {},
    "retention": {"keep": "1 day"},
}
_NAMED = ("destination", "tag")  # lists of tables that others speak of by their names

# Of a table that isn't whole only this is sure: what a text is, whatever stands beside it.
_BY_ITSELF = re.compile(
    r"\.((outside_)?hours|extensions|(except_)?queues|(except_)?numbers|regions)\[\d+\]$"
    r"|\.(keep|longest|permission_within|reviewed_every)$"
)
_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in how many policies."""

    policies: int
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Tell how many findings are of one severity."""
        return sum(each.severity is severity for each in self.findings)

    @property
    def readable(self) -> bool:
        """Tell whether every file could be read."""
        return all(each.read for each in self.findings)


def lint(paths: Iterable[Path], today: date, configured: tuple[Config, Source] | None) -> Report:
    """Look at files, and at the policies in them together.

    Args:
        today: for what is in force.
        configured: the configuration and its text, to hold the policies against; None: there is
            none.
    """
    findings: list[Finding] = []
    good: list[tuple[Source, Policy]] = []
    count = 0
    for path in paths:
        if path.name.endswith(parse.SCENARIOS):
            findings.append(Finding(Severity.NOTE, path, TOP, "", NO_POLICY))
            continue
        count += 1
        try:
            text = source.read(path)
        except SourceError as wrong:
            place = wrong.position
            findings.append(Finding(Severity.ERROR, path, place, "", wrong.what, read=wrong.read))
            continue
        policy, remarks = look(text)
        if policy is not None:
            good.append((text, policy))
        findings += [_placed(text, remark) for remark in remarks]
    findings += _together(good, today)
    if configured is not None:
        policies = [policy for _, policy in good]
        for text, policy in good:
            others = [each for each in policies if each.name != policy.name]
            found = lint_pbx.remarks(policy, configured[0], others)
            findings += [_placed(text, remark) for remark in found]
        for _, remark in lint_pbx.unnamed_queues(policies, configured[0]):
            findings.append(_placed(configured[1], remark))
    return Report(count, tuple(in_order(findings)))


def look(text: Source) -> tuple[Policy | None, list[Remark]]:
    """Look at one policy by itself; None: it can't be carried out."""
    broken = [error(each.key, each.what) for each in structure.mismatches(text.document)]
    if broken:
        return None, broken + _rest(text.document, {each.key for each in broken})
    policy = msgspec.convert(text.document, Policy)
    broken = [error(key, what) for key, what in parse.problems(policy)]
    if broken:
        first = {key for key, _ in parse.first_problems(policy)}
        return None, broken + (_rest(text.document, first) if first else [])
    rules = (lint_calls, lint_places, lint_payments, lint_keeping, lint_people)
    return policy, [each for rule in rules for each in rule.remarks(policy, text.says)]


def _rest(document: Mapping[str, Any], broken: set[str]) -> list[Remark]:
    """Look at what is left of a policy, its broken keys taken out.

    Of what stands beside them only the texts themselves are looked at, and nothing that speaks of
    what was taken out.
    """
    rest = _without(document, broken)
    try:
        policy = msgspec.convert(rest, Policy)
    except msgspec.ValidationError:
        return []
    first = dict(parse.first_problems(policy))
    if set(first) - broken:
        more = [error(key, what) for key, what in first.items()]
        return more + _rest(document, broken | set(first))
    tables = {_table(key) for key in broken} | (set(_STAND_INS) - set(document))
    return [
        error(key, what)
        for key, what in parse.problems(policy)
        if _is_sure(key, tables) and key not in broken
    ]


def _is_sure(key: str, broken: set[str]) -> bool:
    """Tell whether what is wrong with a key is so, whatever some broken tables were to say."""
    if key.startswith("payment.lines[") and "destination" in broken:
        return False
    if ".tags[" in key and "tag" in broken:
        return False
    if key == "outbound.extensions" and "calls" in broken:
        return False
    return _table(key) not in broken or bool(_BY_ITSELF.search(key))


def _table(key: str) -> str:
    return key.partition(".")[0].partition("[")[0]


def _without(document: Mapping[str, Any], broken: set[str]) -> dict[str, Any]:
    """Copy a document without some keys; what is needed is stood in for."""
    rest = deepcopy(dict(document))
    for key in broken:
        _take_out(rest, key)
    for key, stand_in in _STAND_INS.items():
        given = rest.get(key)
        rest[key] = {**stand_in, **(given if isinstance(given, dict) else {})}
    for key in _NAMED:
        for index, each in enumerate(_tables_of(rest.get(key))):
            each.setdefault("name", f"{key} {index}")
    for rule in _tables_of(rest["retention"].get("rule")):
        rule.setdefault("keep", _STAND_INS["retention"]["keep"])
    return rest


def _take_out(document: dict[str, Any], key: str) -> None:
    """Take out what a key's path names: of a list of texts all of it."""
    inside: Any = document
    *steps, last = _STEP.findall(key) or [("", "")]
    for name, index in steps:
        inside = inside.get(name) if isinstance(inside, dict) else None
        if index:
            tables = _tables_of(inside)
            inside = tables[int(index)] if int(index) < len(tables) else None
    if isinstance(inside, dict):
        inside.pop(last[0], None)


def _tables_of(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return []
    return value


def _together(good: list[tuple[Source, Policy]], today: date) -> Iterator[Finding]:
    of = {id(policy): text for text, policy in good}
    seen: dict[tuple[str, str], Source] = {}
    apart: list[Policy] = []
    for text, policy in good:
        version = (policy.name, policy.version)
        if version in seen:
            what = (
                f"{seen[version].path} is already the version of {policy.version} of policy"
                f' "{policy.name}"; expected another day, or another name'
            )
            yield _placed(text, error("policy.in_force_from", what))
            continue
        seen[version] = text
        apart.append(policy)
    for policy, remark in (
        *lint_together.not_yet(apart, today),
        *(
            each
            for _, current in lint_together.together(apart, today)
            for each in lint_lines.remarks(current)
        ),
    ):
        yield _placed(of[id(policy)], remark)
    for rival in lint_together.rivals(apart, today):
        yield _placed(of[id(rival.other)], rival.remark)


def _placed(text: Source, remark: Remark) -> Finding:
    position = text.at(remark.key, remark.word) if remark.key else TOP
    return Finding(remark.severity, text.path, position, remark.key, remark.what)
