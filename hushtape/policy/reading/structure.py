"""Whether a policy file has the tables and keys of a policy, whatever they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hushtape import schema
from hushtape.policy.schema import Policy
from hushtape.schema import Mismatch

MOST_TABLES = 500  # of one kind in a policy: nobody can read more, and each is held against each
MOST_NAMED = 100  # mismatches of one file
NO_PERIOD = (
    'is missing: a policy must say how long recordings are kept, such as keep = "90 days" under'
    " [retention]"
)


def mismatches(document: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Find all that is missing, unknown or of the wrong kind."""
    for key in ("destination", "tag"):
        tables = document.get(key)
        if isinstance(tables, list) and len(tables) > MOST_TABLES:
            yield Mismatch(key, f"there are {len(tables)}: expected {MOST_TABLES} at the most")
            return
    for count, mismatch in enumerate(schema.mismatches(document, Policy)):
        if count == MOST_NAMED:
            yield Mismatch("", f"more is wrong than can be named: mend the first {MOST_NAMED}")
            return
        if mismatch.key in {"retention", "retention.keep"} and mismatch.what == schema.MISSING:
            yield Mismatch(mismatch.key, NO_PERIOD)
        else:
            yield mismatch
