"""Which recordings a change of period is about, and what it would do to each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hushtape.policy.duties import Retention
from hushtape.policy.duties import RetentionRule as Rule
from hushtape.policy.schema import About, Calls, Policy
from hushtape.recordings.acts import HOLD, PERIOD_CHANGED, RELEASE, Act
from hushtape.recordings.change import Selected, Wish, act_of, change_of, select
from hushtape.recordings.manifest import AudioFile, AudioFormat, Manifest, Reason
from hushtape.recordings.retention import Entry, due_at, period_of, rule
from tests.recording_samples import START, handoff

DAY = timedelta(days=1)
NOW = START + 40 * DAY
DUE = START + 62 * DAY


def entry(
    number: int = 1,
    *acts: Act,
    started_at: datetime = START,
    zone: str = "Europe/London",
    tags: tuple[str, ...] = (),
    policy: str = "town",
    version: str = "2026-01-01",
) -> Entry:
    made = handoff()
    reason = Reason(policy=policy, version=version, rule="retention", words="kept 62 days")
    keep = msgspec.structs.replace(
        made.keep, until=started_at + 62 * DAY, time_zone=zone, reason=reason
    )
    manifest = Manifest(
        id=f"20261121-131500-aaaaaaa{chr(96 + number)}",
        call=msgspec.structs.replace(made.call, started_at=started_at),
        segments=(),
        spans=(),
        story=(),
        audio=AudioFile(
            name="audio.opus", format=AudioFormat.OPUS, size_bytes=10, sha256="0", duration_s=60
        ),
        keep=keep,
        number_hash="",
        dialled_hash="",
        agent_hashes=(),
        archived_at=started_at,
        tags=tags,
    )
    return Entry(manifest, acts)


def act(kind: str, day: float, **facts: Any) -> Act:
    return Act(kind=kind, at=START + day * DAY, by="dpo", words="claim", **facts)


def wish(**facts: Any) -> Wish:
    return Wish(**({"policy": "town", "period": "30 days"} | facts))


def town(keep: str, *rules: Rule, zone: str = "Europe/London") -> Policy:
    about = About(name="town", title="t", in_force_from=date(2027, 1, 1), time_zone=zone)
    return Policy(
        policy=about, calls=Calls(queues=("q",)), retention=Retention(keep=keep, rule=rules)
    )


def selected(*entries: Entry, **facts: Any) -> Selected:
    return select(entries, wish(**facts), NOW)


def test_a_period_is_counted_from_the_call_and_what_is_over_goes() -> None:
    (shorter,) = selected(entry()).changes
    assert (shorter.was, shorter.until) == (DUE, START + 30 * DAY)
    assert (shorter.goes, shorter.held) == (True, False)
    assert (shorter.duration_s, shorter.size_bytes) == (60, 10)
    (longer,) = selected(entry(), period="3 months").changes
    assert (longer.until, longer.goes) == (datetime(2027, 2, 21, 13, 15, tzinfo=UTC), False)
    (edge,) = selected(entry(), period="40 days").changes
    assert (edge.until, edge.goes) == (NOW, True)


def test_what_is_so_already_is_left_alone() -> None:
    changed = entry(1, act(PERIOD_CHANGED, 1, until=START + 30 * DAY, period="30 days"))
    found = selected(changed, entry(2))
    assert [each.id for each in found.changes] == [entry(2).manifest.id]
    assert found.already == (changed.manifest.id,)
    # What counts is the last change, not the manifest.
    assert selected(changed, period="62 days").changes[0].was == START + 30 * DAY


def test_a_hold_stays_and_its_recording_does_too() -> None:
    held = entry(1, act(HOLD, 1, hold="7"))
    (change,) = selected(held).changes
    assert (change.held, change.goes) == (True, False)
    after = Entry(held.manifest, (*held.acts, act_of(change, held, "dpo", "why", NOW)))
    assert rule(after, NOW).verdict == "held"
    released = Entry(after.manifest, (*after.acts, act(RELEASE, 50, hold="7")))
    assert rule(released, NOW).verdict == "delete"
    (change,) = selected(entry(1, act(HOLD, 1, hold="7"), act(RELEASE, 2, hold="7"))).changes
    assert change.goes


@pytest.mark.parametrize(
    ("facts", "meant"),
    [
        ({}, True),
        ({"policy": "towns"}, False),
        ({"version": "2026-01-01"}, True),
        ({"version": "2025-01-01"}, False),
        ({"before": date(2026, 11, 22)}, True),
        ({"before": date(2026, 11, 21)}, False),
    ],
)
def test_only_what_is_meant(facts: dict[str, Any], meant: bool) -> None:
    assert bool(selected(entry(), **facts).changes) == meant


def test_a_day_is_that_of_the_zone_in_which_the_recording_is_counted() -> None:
    late = datetime(2026, 7, 14, 23, 30, tzinfo=UTC)  # the 15th in London, and in Berlin
    for zone, meant in (("UTC", True), ("Europe/London", False), ("America/New_York", True)):
        found = selected(entry(started_at=late, zone=zone), before=date(2026, 7, 15))
        assert bool(found.changes) == meant, zone


def test_a_month_ends_at_the_same_local_time_in_each_zone() -> None:
    started_at = datetime(2026, 3, 15, 12, tzinfo=UTC)  # before the clocks change, but in the US
    until = {
        zone: selected(entry(started_at=started_at, zone=zone), period="1 month").changes[0].until
        for zone in ("UTC", "Europe/London", "America/New_York")
    }
    assert {zone: f"{at:%d %H:%M}" for zone, at in until.items()} == {
        "UTC": "15 12:00",
        "Europe/London": "15 11:00",
        "America/New_York": "15 12:00",
    }


def test_as_the_policy_says_with_its_rules_and_its_zone() -> None:
    """Rules of dates, queues and tags; the recording's own tags count."""
    new = town(
        "1 year",
        Rule(keep="10 days", tags=("hot",)),
        Rule(keep="20 days", calls_before=date(2026, 11, 22), queues=("council-tax",)),
    )
    tagged, other = entry(1, tags=("hot",)), entry(2)
    late = entry(3, started_at=START + 5 * DAY)
    found = selected(tagged, other, late, period="", as_policy=new)
    assert [(each.until - START).days for each in found.changes] == [10, 20, 370]
    assert [each.period for each in found.changes] == ["10 days", "20 days", "1 year"]
    assert found.changes[0].says.startswith("policy town of 2027-01-01: ")
    abroad = town("1 month", zone="America/New_York")
    (change,) = selected(entry(), period="", as_policy=abroad).changes
    assert change.time_zone == "America/New_York"


def test_the_act_comes_after_every_change_before_it_whatever_the_clock_says() -> None:
    """A clock that was set back must not leave the old change in force."""
    before = entry(1, act(PERIOD_CHANGED, 100, until=START + 99 * DAY, period="99 days"))
    (change,) = selected(before).changes
    made = act_of(change, before, "dpo", "decision 4", NOW)
    assert made.at > before.acts[0].at
    after = Entry(before.manifest, (*before.acts, made))
    assert due_at(after) == START + 30 * DAY
    assert period_of(after) == "30 days"
    assert period_of(entry()) == "62 days"
    assert change_of(after, wish(), NOW) is None
    assert "to 30 days (decision 4)" in rule(after, NOW).why


def test_one_in_an_unknown_zone_is_named_and_stops_no_other() -> None:
    found = selected(entry(1, zone="Nowhere/Else"), entry(2))
    assert len(found.changes) == 1
    assert "Nowhere/Else" in found.wrong[0]


def test_the_names_of_all_policies_are_told() -> None:
    found = selected(entry(1), entry(2, policy="revenues"), policy="twon")
    assert (found.changes, found.policies) == ((), ("revenues", "town"))
