"""What the hand-off says that is made of files alone."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from hushtape.errors import RecordingError
from hushtape.policy import decide, parse
from hushtape.policy.schema import Policy
from hushtape.recordings.ledger import Expectation, State
from hushtape.recordings.manifest import EndedBy, Handoff, StopSeen
from tests.recording_samples import RECORDING_ID, START, tone, wav
from tests.samples import REASON
from workers import adoption, intake, orphans, settle
from workers.adoption import Orphan

NOW = START + timedelta(hours=1)


def policy(
    folder: Path, name: str, keep: str, in_force_from: str = "2024-01-01", more: str = ""
) -> Policy:
    path = folder / f"{name}-{in_force_from}.toml"
    path.write_text(
        f"""
        [policy]
        name = "{name}"
        title = "{name}"
        in_force_from = {in_force_from}
        time_zone = "Europe/London"
        [calls]
        queues = ["help-line"]
        [retention]
        keep = "{keep}"
        {more}
        """
    )
    return parse.load(path)


def write(folder: Path, number: int, side: str, seconds: float, ended_s: float) -> None:
    """A file that was last written ``ended_s`` seconds after the call began."""
    path = folder / adoption.file_name(RECORDING_ID, number, side)
    path.write_bytes(wav(tone(440, seconds)))
    at_ns = round((START.timestamp() + ended_s) * 1000) * 1_000_000
    os.utime(path, ns=(at_ns, at_ns))


def orphan_in(folder: Path) -> Orphan:
    (found,) = orphans.find(folder).orphans
    return found


def made(folder: Path, *policies: Policy) -> Handoff:
    handoff = adoption.handoff_of(folder, orphan_in(folder), "town-hall", policies, None, NOW)
    intake.parse(msgspec.json.encode(handoff))  # a worker takes it
    return handoff


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def test_id_size_and_time_tell_the_story(tmp_path: Path, spool: Path) -> None:
    write(spool, 1, "outside", 2, 3)
    write(spool, 1, "inside", 1.5, 2.9)  # the longer one counts, and the later one
    write(spool, 2, "inside", 4, 10)
    given = made(spool, policy(tmp_path, "short", "2 weeks"))
    assert given.id == RECORDING_ID
    call = given.call
    assert (call.pbx, call.started_at) == ("town-hall", START)
    assert (call.queues, call.answered_at) == ((), None)
    assert given.call.ended_at == START + timedelta(seconds=10)
    assert [
        (each.number, each.started_at - START, each.ended_at and each.ended_at - START)
        for each in given.segments
    ] == [
        (1, timedelta(seconds=1), timedelta(seconds=3)),
        (2, timedelta(seconds=6), timedelta(seconds=10)),
    ]
    assert {(each.stop, each.ended_by) for each in given.segments} == {
        (StopSeen.UNSEEN, EndedBy.LINK_LOST)
    }
    assert given.segments[1].outside_file == f"{RECORDING_ID}.2.outside.wav"
    assert given.keep.until == START + timedelta(days=14)
    assert given.adopted == (
        "no hand-off named these files, so its payments aren't known and no silence is proved;"
        " kept by short of 2024-01-01, which keeps it shortest"
    )
    assert given.discard is None


def test_the_size_is_believed_and_not_the_head(tmp_path: Path, spool: Path) -> None:
    (spool / f"{RECORDING_ID}.1.outside.wav").write_bytes(wav(tone(440, 2), claimed=0))
    os.utime(spool / f"{RECORDING_ID}.1.outside.wav", (START.timestamp() + 2,) * 2)
    (one,) = made(spool, policy(tmp_path, "short", "2 weeks")).segments
    assert one.started_at == START


def test_no_sample_is_lost_at_a_rate_that_microseconds_do_not_divide(
    tmp_path: Path, spool: Path
) -> None:
    for frames in range(40, 60):
        data = bytearray(wav(bytes(2 * frames)))
        data[24:28] = (24_000).to_bytes(4, "little")
        (spool / f"{RECORDING_ID}.{frames}.outside.wav").write_bytes(data)
    given = made(spool, policy(tmp_path, "short", "2 weeks"))
    settled = settle.settle(spool, given, clock=itertools.count().__next__)
    assert [each.frames for each in settled.segments] == list(range(40, 60))


def test_what_is_no_wav_has_no_length(tmp_path: Path, spool: Path) -> None:
    (spool / f"{RECORDING_ID}.1.outside.wav").write_bytes(b"no sound at all, but text")
    os.utime(spool / f"{RECORDING_ID}.1.outside.wav", (START.timestamp() + 2,) * 2)
    (one,) = made(spool, policy(tmp_path, "short", "2 weeks")).segments
    assert one.started_at == one.ended_at == START + timedelta(seconds=2)


@pytest.mark.parametrize("ended_s", [-90_000, -100, 90_000, 10**9])
def test_times_that_can_not_be_are_not_believed(
    tmp_path: Path, spool: Path, ended_s: float
) -> None:
    write(spool, 1, "outside", 2, 3)
    write(spool, 2, "outside", 4, ended_s)
    given = made(spool, policy(tmp_path, "short", "2 weeks"))
    assert [each.started_at - START for each in given.segments] == [
        timedelta(0),
        timedelta(seconds=2),
    ]
    assert given.call.ended_at == START + timedelta(seconds=6)
    assert given.adopted.endswith("their times are wrong, so they stand one after the other")


def expected(name: str, version: str) -> Expectation:
    return Expectation(pbx="town-hall", policy=name, version=version, started_at=START, segments=1)


def test_what_nobody_watched_is_left_out(tmp_path: Path, spool: Path) -> None:
    """The bridge was last seen 8 s after the call's begin; the recorders ran on without it."""
    for number, ended_s in ((1, 3), (2, 10), (3, 20)):
        write(spool, number, "outside", 4 if number > 1 else 2, ended_s)
    one = policy(tmp_path, "short", "2 weeks")
    live = msgspec.structs.replace(
        expected("short", "2024-01-01"), seen_at=START + timedelta(seconds=8)
    )
    orphan = orphan_in(spool)
    given = adoption.handoff_of(spool, orphan, "town-hall", (one,), live, NOW)
    assert [
        ((each.started_at - START).seconds, each.ended_at and (each.ended_at - START).seconds)
        for each in given.segments
    ] == [(1, 3), (6, 8), (16, 16)]
    assert given.adopted.endswith("without what came after 13:15:08 UTC: nobody watched it")
    settled = settle.settle(spool, given, clock=itertools.count().__next__)
    assert [each.frames for each in settled.segments] == [16_000, 16_000, 0]
    # One that ended under the bridge's eyes is whole.
    over = msgspec.structs.replace(live, state=State.HANDED_OFF)
    given = adoption.handoff_of(spool, orphan, "town-hall", (one,), over, NOW)
    assert [each.ended_at and (each.ended_at - START).seconds for each in given.segments] == [
        *(3, 10, 20)
    ]
    assert "nobody watched" not in given.adopted


def terms(
    policies: tuple[Policy, ...], expected: Expectation | None = None, at: datetime = START
) -> tuple[str, str, str]:
    """Which policy and version decide, and why these."""
    found = adoption.terms_of(policies, expected, at)
    return found.keep.reason.policy, found.keep.reason.version, found.why


def test_the_version_that_was_expected_counts_and_no_other(tmp_path: Path) -> None:
    three = (
        policy(tmp_path, "long", "2 years"),
        policy(tmp_path, "long", "1 year", "2025-01-01"),
        policy(tmp_path, "short", "2 weeks"),
    )
    for version in ("2024-01-01", "2025-01-01"):
        under = ("long", version, "under which the call began")
        assert terms(three, expected("long", version)) == under
    # It was taken out of the folder meanwhile: nothing is destroyed, and nothing else decides.
    gone = expected("long", "2020-01-01")
    with pytest.raises(RecordingError, match=r"policy long of 2020-01-01, and no file .* put it"):
        adoption.terms_of(three, gone, START)
    # But of what is discarded nothing is kept by any of them.
    discarded = msgspec.structs.replace(gone, discard=REASON)
    assert terms(three, discarded)[0] == "short"


def test_what_the_bridge_had_settled_needs_no_policy(tmp_path: Path, spool: Path) -> None:
    write(spool, 1, "outside", 2, 3)
    gone = policy(tmp_path, "gone", "62 days", more='[audio]\nformat = "flac"')
    settled = msgspec.structs.replace(
        expected("gone", "2024-01-01"),
        keep=decide.keep(gone, START),
        audio=decide.audio_terms(gone),
        tags=("housing",),
    )
    given = adoption.handoff_of(spool, orphan_in(spool), "town-hall", (), settled, NOW)
    assert (given.keep, given.tags) == (decide.keep(gone, START), ("housing",))
    assert given.audio.format == "flac"
    assert given.adopted.endswith("kept by gone of 2024-01-01, as its bridge had settled")


def test_the_shortest_period_of_those_in_force_counts(tmp_path: Path) -> None:
    year = policy(tmp_path, "year", "1 year")
    months = policy(tmp_path, "months", "3 months")
    later = policy(tmp_path, "later", "1 day", "2027-01-01")
    replaced = policy(tmp_path, "months", "1 week", "2020-01-01")
    rule = '[[retention.rule]]\ncalls_before = 2027-01-01\nkeep = "5 days"'
    ruled = policy(tmp_path, "ruled", "9 years", more=rule)
    three = (year, months, later, replaced)
    assert terms(three)[:2] == ("months", "2024-01-01")
    assert terms((*three, ruled))[0] == "ruled"
    in_2022 = datetime(2022, 1, 1, tzinfo=UTC)
    assert terms(three, at=in_2022)[:2] == ("months", "2020-01-01")
    # None was in force at that time: the shortest of all.
    assert terms((year, later), at=in_2022)[0] == "later"


def test_where_queues_and_tags_are_not_known_the_shortest_rule_that_may_fit_counts(
    tmp_path: Path,
) -> None:
    rules = """
        [[retention.rule]]
        queues = ["help-line"]
        tags = ["hot"]
        keep = "3 weeks"
        [[retention.rule]]
        tags = ["housing"]
        keep = "4 weeks"
        [[retention.rule]]
        calls_before = 2020-01-01
        keep = "1 day"
        [[tag]]
        name = "hot"
        [[tag]]
        name = "housing"
    """
    ruled = policy(tmp_path, "ruled", "1 year", more=rules)
    assert adoption.terms_of((ruled,), None, START).keep.period == "3 weeks"
    assert adoption.terms_of((ruled,), expected("ruled", "2024-01-01"), START).tags == ()


def test_what_nobody_had_agreed_to_is_not_adopted_but_discarded(
    tmp_path: Path, spool: Path
) -> None:
    write(spool, 1, "outside", 2, 3)
    expected = Expectation(
        pbx="town-hall",
        policy="short",
        version="2024-01-01",
        started_at=START,
        segments=1,
        discard=REASON,
    )
    policies = [policy(tmp_path, "short", "2 weeks")]
    given = adoption.handoff_of(spool, orphan_in(spool), "town-hall", policies, expected, NOW)
    assert given.discard == REASON
    assert made(spool, *policies).discard is None


LINE = """
    [[destination]]
    name = "the payment line"
    extensions = ["710"]
    on_transfer = "silent"
    [payment]
    lines = ["the payment line"]
"""


def test_of_a_call_that_nobody_watched_nothing_is_kept_where_a_payment_may_be_in_it(
    tmp_path: Path, spool: Path
) -> None:
    write(spool, 1, "outside", 2, 3)
    paying = policy(tmp_path, "paying", "2 years", more=LINE)
    plain = policy(tmp_path, "plain", "2 weeks")
    given = made(spool, plain, paying)
    assert given.discard is not None, "whichever of them it began under"
    assert (given.discard.policy, given.discard.rule) == ("paying", "payment.lines")
    assert made(spool, plain).discard is None
    later = policy(tmp_path, "later", "2 years", "2027-01-01", more=LINE)
    assert made(spool, plain, later).discard is None, "not in force then"


@pytest.mark.parametrize("state", State)
def test_of_a_call_that_a_bridge_watched_what_it_watched_is_kept(
    tmp_path: Path, spool: Path, state: State
) -> None:
    write(spool, 1, "outside", 2, 3)
    paying = policy(tmp_path, "paying", "2 years", more=LINE)
    known = msgspec.structs.replace(expected("paying", "2024-01-01"), state=state)
    given = adoption.handoff_of(spool, orphan_in(spool), "town-hall", (paying,), known, NOW)
    assert given.discard is None
    assert "no silence is proved" in given.adopted
