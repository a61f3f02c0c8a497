"""The retention plan: every recording gets one verdict, with reasons."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from hushtape.recordings.acts import HOLD, PERIOD_CHANGED, RELEASE, Act
from hushtape.recordings.manifest import AudioFile, AudioFormat, Manifest
from hushtape.recordings.retention import Entry, Verdict, due_at, open_holds, rule
from tests.recording_samples import RECORDING_ID, START, handoff

DUE = START + timedelta(days=62)
DAY = timedelta(days=1)


def entry(*acts: Act, until: datetime = DUE, zone: str = "Europe/London") -> Entry:
    made = handoff()
    manifest = Manifest(
        id=RECORDING_ID,
        call=made.call,
        segments=(),
        spans=(),
        story=(),
        audio=AudioFile(
            name="audio.opus", format=AudioFormat.OPUS, size_bytes=1, sha256="0", duration_s=1
        ),
        keep=msgspec.structs.replace(made.keep, until=until, time_zone=zone),
        number_hash="",
        dialled_hash="",
        agent_hashes=(),
        archived_at=START,
    )
    return Entry(manifest, acts)


def act(kind: str, day: int, **facts: object) -> Act:
    return Act(
        kind=kind,
        at=START + day * DAY,
        by="dpo",
        **({"words": "claim 2026/118", "hold": "118"} | facts),  # type: ignore[arg-type]
    )


def test_kept_until_the_moment_and_due_from_it_on() -> None:
    before = rule(entry(), DUE - timedelta(microseconds=1))
    assert before.verdict is Verdict.KEEP
    assert before.why == (
        "62 days after 21 Nov 2026 13:15 (Europe/London): kept until 22 Jan 2027 13:15"
    )
    after = rule(entry(), DUE)
    assert after.verdict is Verdict.DELETE
    assert after.why == (
        "62 days after 21 Nov 2026 13:15 (Europe/London): due since 22 Jan 2027 13:15"
    )
    assert after.due == DUE


def test_times_are_told_in_the_policys_zone() -> None:
    assert "14:15 (Europe/Berlin)" in rule(entry(zone="Europe/Berlin"), DUE).why


def test_a_hold_keeps_whatever_the_date() -> None:
    held = rule(entry(act(HOLD, 5)), DUE + 1000 * DAY)
    assert held.verdict is Verdict.HELD
    assert held.why == (
        "kept: held since 26 Nov 2026 13:15 (claim 2026/118); its own time, 62 days after"
        " 21 Nov 2026 13:15 (Europe/London), is over since 22 Jan 2027 13:15"
    )


def test_each_matter_is_released_by_itself() -> None:
    acts = (act(HOLD, 1), act(HOLD, 2, hold="other"), act(RELEASE, 3))
    assert [each.hold for each in open_holds(acts)] == ["other"]
    assert rule(entry(*acts), DUE).verdict is Verdict.HELD
    assert rule(entry(*acts, act(RELEASE, 4, hold="other")), DUE).verdict is Verdict.DELETE


def test_a_release_of_what_was_never_held_changes_nothing() -> None:
    assert rule(entry(act(RELEASE, 1), act(HOLD, 2)), DUE).verdict is Verdict.HELD


def test_the_last_change_of_period_counts() -> None:
    longer = act(PERIOD_CHANGED, 1, until=DUE + 10 * DAY, period="72 days", words="new schedule")
    shorter = act(PERIOD_CHANGED, 2, until=DUE - 10 * DAY)
    assert rule(entry(longer), DUE).verdict is Verdict.KEEP
    assert due_at(entry(longer, shorter)) == DUE - 10 * DAY
    assert rule(entry(longer), DUE + 10 * DAY).why == (
        "period changed on 22 Nov 2026 13:15 to 72 days (new schedule): due since 1 Feb 2027 13:15"
    )


def test_an_unknown_zone_is_said_and_changes_no_verdict() -> None:
    ruling = rule(entry(zone="Nowhere/Else"), DUE)
    assert ruling.verdict is Verdict.DELETE
    assert "UTC; Nowhere/Else is unknown here" in ruling.why


@pytest.mark.parametrize("kind", ["incident", "consent"])
def test_other_acts_change_nothing(kind: str) -> None:
    assert rule(entry(act(kind, 1)), DUE) == rule(entry(), DUE)
