"""The difference of two policies, as lines for a person or as JSON. Pure: nothing is printed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hushtape.policy.comparing.diff import Change, Difference, Reworded
from hushtape.policy.schema import Policy
from hushtape.policy.showing.wording import day, sentence
from hushtape.printable import printable

EARLIER = (
    "Recordings of earlier calls keep the period of the version under which they were made, unless"
    " `hushtape retention change` gives them another."
)


def lines(old: Policy, new: Policy, difference: Difference) -> Iterator[str]:
    """Write what is treated differently, under a heading for each sort."""
    yield f"{_version(old)} \u2192 {_version(new)}"
    yield f"Compared are calls from {day(difference.since)} on."
    if not difference.is_any:
        yield "No call and no recording is treated differently."
    yield from _changes("Calls", difference.calls)
    yield from _changes("Transfers, consultations and queues", difference.transfers)
    yield from _changes("Recordings", difference.recordings)
    if difference.recordings:
        yield f"  {EARLIER}"
    for section in difference.said:
        yield from _reworded(section.heading, section)
    for section in difference.only_words:
        yield from _reworded(f"Other words for the same: {section.heading}", section)


def as_json(old: Policy, new: Policy, difference: Difference) -> str:
    """Write one JSON object; ``differs`` tells whether anything is treated differently."""
    document = {
        "old": {"policy": old.name, "version": old.version},
        "new": {"policy": new.name, "version": new.version},
        "since": difference.since.isoformat(),
        "differs": difference.is_any,
        "calls": [each._asdict() for each in difference.calls],
        "transfers": [each._asdict() for each in difference.transfers],
        "recordings": [each._asdict() for each in difference.recordings],
        "said": [each._asdict() for each in difference.said],
        "only_words": [each._asdict() for each in difference.only_words],
    }
    return printable(msgspec.json.encode(document).decode())


def _version(policy: Policy) -> str:
    return f"{policy.name} of {day(policy.policy.in_force_from)}"


def _changes(heading: str, changes: tuple[Change, ...]) -> Iterator[str]:
    if changes:
        yield ""
        yield heading
    for change in changes:
        example = f" For example, {change.example}." if change.example else ""
        yield f"  {sentence(f'{change.which}: {change.old}; now {change.new}')}{example}"


def _reworded(heading: str, section: Reworded) -> Iterator[str]:
    yield ""
    yield heading
    yield from (f"  no longer: {each}" for each in section.old)
    yield from (f"  now: {each}" for each in section.new)
