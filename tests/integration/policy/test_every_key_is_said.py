"""Every key of the language is said: no policy can hold something that its reader isn't told."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from hushtape.policy.schema import Policy
from hushtape.policy.showing import sentences
from hushtape.policy.showing.sentences import DUTIES
from tests.policy_changes import EVERYTHING, NEW_WORD, OF_A_KIND, changed, keys, others, structures

PAYMENT_LINE = ("destination", 0)
SAID = {
    "Wed 03:00-04:00": "Wednesday 03:00 to 04:00",
    "the back office": "a transfer to the back office on",
}


def page(policy: Policy) -> str:
    said = [policy.policy.title, *sentences.about(policy)]
    for section in sentences.sections(policy):
        said += [section.heading, *section.sentences]
    return "\n".join(said)


def silent_keys(tables: str = "") -> Iterator[str]:
    """Every key (of some tables) and other value that would change nothing on the page."""
    known = page(EVERYTHING)
    for path, kind, value in keys(EVERYTHING):
        if path[:2] == PAYMENT_LINE and str(path[-1]).startswith("on_"):
            continue  # it is silent, whatever it says of transfers
        if tables and path[0] not in tables.split():
            continue
        for other in others(kind, str(path[-1]), value):
            said = page(changed(path, other))
            if said == known:
                yield f"{path} = {other!r}"
            new = other[-1] if isinstance(other, tuple) and other else other
            if new in {NEW_WORD, *OF_A_KIND.values()} and SAID.get(new, new) not in said:
                yield f"{path} = {other!r}: {new} isn't said"


def test_every_key_of_the_language_is_said() -> None:
    assert len(list(keys(EVERYTHING))) > 100, "the walk would prove nothing"
    assert list(silent_keys()) == []


def test_the_policy_that_is_tried_leaves_nothing_to_its_default() -> None:
    left = [
        f"{type(structure).__name__}.{field.name}"
        for structure in structures(EVERYTHING)
        for field in msgspec.structs.fields(structure)
        if not field.required and getattr(structure, field.name) == field.default
    ]
    # The line for payments and the second rule say less: another of their kind says the key.
    assert set(left) <= {
        *(f"Destination.{key}" for key in ("every", "on_transfer", "on_consultation")),
        *(f"Destination.on_{how}_transfer" for how in ("blind", "attended")),
        *(f"RetentionRule.{key}" for key in ("calls_before", "calls_from", "queues", "tags")),
    }


def test_a_key_that_nobody_says_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = tuple(each for each in DUTIES if each[0] != "Quality and training")
    monkeypatch.setattr(sentences, "DUTIES", fewer)
    silent = {key.partition(" = ")[0] for key in silent_keys("monitoring training")}
    assert "('monitoring', 'calls_a_week')" in silent
    assert "('training', 'use')" in silent
