"""A whole policy as plain English sentences, in sections that a caller understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from hushtape.policy.schema import About, Policy
from hushtape.policy.showing import (
    said_calls,
    said_duties,
    said_keeping,
    said_moves,
    said_payments,
)
from hushtape.policy.showing.wording import day, sentence, tidy

_USUAL = About(name="", title="", in_force_from=date.min, time_zone="")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what the policy says under it."""

    heading: str
    sentences: tuple[str, ...]


# What decides about calls and periods comes first: ``policy diff`` tries those out instead.
CALLS: tuple[tuple[str, Callable[[Policy], Iterator[str]]], ...] = (
    ("Which calls are recorded", said_calls.recorded),
    ("What is not recorded", said_calls.not_recorded),
    ("When recording stops", said_moves.stops),
)
DUTIES: tuple[tuple[str, Callable[[Policy], Iterator[str]]], ...] = (
    ("Payments", said_payments.payments),
    ("How people are told, and how to say no", said_duties.told),
    ("How long recordings are kept", said_keeping.kept),
    ("Where recordings are stored", said_duties.stored),
    ("Who may listen, and why", said_duties.used),
    ("Quality and training", said_duties.quality),
    ("Rights of the people who are recorded", said_duties.rights),
)


def about(policy: Policy) -> tuple[str, ...]:
    """Say whose policy this is, since when, and from where: the lines under its title."""
    said = policy.policy
    lines = [f"This is the policy \u201c{said.name}\u201d, in force from {day(said.in_force_from)}"]
    if said.source:
        lines.append(f"Published in: {tidy(said.source)}")
    usual = (_USUAL.country_code, _USUAL.trunk_prefix)
    if (said.country_code, said.trunk_prefix) != usual:
        prefix = f"with {said.trunk_prefix} before them" if said.trunk_prefix else "as they are"
        lines.append(
            f"Telephone numbers without a country's code are numbers of +{said.country_code},"
            f" dialled there {prefix}"
        )
    return tuple(sentence(line) for line in lines)


def sections(policy: Policy) -> tuple[Section, ...]:
    """Say everything that a policy says. Pure: the same policy is always the same sentences."""
    return tuple(
        Section(heading, tuple(sentence(line) for line in say(policy)))
        for heading, say in (*CALLS, *DUTIES)
    )
