"""The retention plan, whatever was done to the recordings, in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some

from hushtape.recordings.acts import HOLD, PERIOD_CHANGED, RELEASE, Act
from hushtape.recordings.retention import Verdict, due_at, open_holds, plan, rule
from tests.unit.recordings.test_retention import DAY, act, entry

ACTS = some.lists(
    some.builds(
        act,
        some.sampled_from([HOLD, RELEASE, PERIOD_CHANGED, "incident"]),
        some.integers(0, 100),
        hold=some.sampled_from(["a", "b"]),
        until=some.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
    ),
    max_size=6,
)


@given(
    some.lists(ACTS, max_size=4),
    some.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
)
def test_every_recording_gets_exactly_one_verdict(lists: list[list[Act]], now: datetime) -> None:
    entries = [entry(*acts) for acts in lists]
    rulings = list(plan(entries, now))
    assert len(rulings) == len(entries)
    for each, ruling in zip(entries, rulings, strict=True):
        is_held = bool(open_holds(each.acts))
        is_due = due_at(each) <= now
        expected = Verdict.HELD if is_held else Verdict.DELETE if is_due else Verdict.KEEP
        assert ruling.verdict is expected
        assert ruling.why
        # Later never makes a recording younger, and nothing held is ever deleted.
        later = rule(each, now + 400 * DAY)
        assert not (ruling.verdict is Verdict.DELETE and later.verdict is not Verdict.DELETE)
