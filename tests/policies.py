"""A good policy that many tests break."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import ModuleType

import msgspec

from hushtape.policy.reading.source import Source
from hushtape.policy.schema import Policy

GOOD = """[policy]
name = "town"
title = "Town Council, Help Line"
in_force_from = 2024-01-01
time_zone = "Europe/London"

[calls]
directions = ["inbound"]
numbers = ["01799 510510"]
queues = ["help-line"]

[[destination]]
name = "the payment line"
extensions = ["700"]

[[destination]]
name = "colleagues"
every = ["extension"]
on_transfer = "continue"

[transfer]
otherwise = "stop"

[payment]
lines = ["the payment line"]

[retention]
keep = "62 days"
"""


def changed(*changes: tuple[str, str]) -> str:
    """Return the good policy with some of its words replaced; each must be there."""
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def source_of(text: str, name: str = "town.toml") -> Source:
    """Return a policy's text as if it had been read from a file."""
    return Source(Path(name), text, tomllib.loads(text))


def policy_of(text: str) -> Policy:
    """Return a policy that is known to be right in its structure."""
    return msgspec.convert(tomllib.loads(text), Policy)


def remarks_of(rule: ModuleType, text: str) -> list[tuple[str, str]]:
    """Return what one module of rules remarks on a policy: each key, and what is said."""
    found = rule.remarks(policy_of(text), source_of(text).says)
    return [(each.key, each.what) for each in found]
