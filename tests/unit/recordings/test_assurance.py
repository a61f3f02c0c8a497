from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from hushtape.recordings import assurance
from hushtape.recordings.acts import FINDING_SEEN, Act
from hushtape.recordings.assurance import MEANINGS, Finding, Kind, Seen
from hushtape.recordings.manifest import AudioFile, AudioFormat, Manifest
from hushtape.recordings.retention import Entry
from tests.recording_samples import RECORDING_ID, START, handoff

ENDED = START + timedelta(minutes=3)


def entry(
    *remarks: str, after: timedelta = timedelta(seconds=2), acts: tuple[Act, ...] = ()
) -> Entry:
    given = handoff()
    return Entry(
        Manifest(
            id=given.id,
            call=msgspec.structs.replace(given.call, ended_at=ENDED),
            segments=(),
            spans=(),
            story=(),
            audio=AudioFile(
                name="audio.opus",
                format=AudioFormat.OPUS,
                size_bytes=1,
                sha256="0" * 64,
                duration_s=1,
            ),
            keep=given.keep,
            number_hash="",
            dialled_hash="",
            agent_hashes=(),
            archived_at=ENDED + after,
            remarks=remarks,
        ),
        acts,
    )


def finding(kind: Kind, *, archived: bool = True, seen: bool = False, number: int = 0) -> Finding:
    return Finding(
        id=f"20261121-13150{number}-k3f7x2m7",
        pbx="town-hall",
        policy="town-hall",
        started_at=START,
        kinds=(kind,),
        words=(f"{kind}: x",),
        found_at=ENDED,
        archived=archived,
        seen=Seen(at=ENDED, by="dpo") if seen else None,
    )


def test_nothing_is_wrong_with_a_recording_without_remarks() -> None:
    assert assurance.of_entry(entry()) is None


@pytest.mark.parametrize(
    "remark",
    [
        "header: segment 1, outside: the file was believed",
        "unequal: segment 1: silence was added",
        "clock: the call ended 30 s before it began",
        "late: segment 2 began 0.6 s before the end of the one before it",
        "a word that nobody knows: x",
        "",
    ],
)
def test_a_remark_that_takes_nothing_away_is_no_finding(remark: str) -> None:
    assert assurance.of_entry(entry(remark)) is None


def test_a_finding_says_all_that_is_wrong_the_gravest_first() -> None:
    found = assurance.of_entry(
        entry("incomplete: segment 2: 1 s of 9 s", "header: x", "silent: segment 1: no sound")
    )
    assert found == Finding(
        id=RECORDING_ID,
        pbx="town-hall",
        policy="town-hall",
        started_at=START,
        kinds=(Kind.SILENT, Kind.INCOMPLETE),
        words=("silent: segment 1: no sound", "incomplete: segment 2: 1 s of 9 s"),
        found_at=ENDED + timedelta(seconds=2),
        archived=True,
    )
    assert found.open


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, seconds=1), "5 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(minutes=120), "2 hours"),
        (timedelta(hours=47.9), "47 hours"),
        (timedelta(hours=48), "2 days"),
    ],
)
def test_late_is_what_took_more_than_five_minutes(after: timedelta, words: str | None) -> None:
    found = assurance.of_entry(entry(after=after))
    if words is None:
        assert found is None
        return
    assert found is not None
    assert found.kinds == (Kind.LATE,)
    assert found.words == (f"late: archived {words} after the call's end",)


def test_the_last_look_counts() -> None:
    looks = tuple(
        Act(kind=FINDING_SEEN, at=ENDED + timedelta(days=day), by=by, words=by * 2)
        for day, by in ((1, "a"), (2, "b"))
    )
    other = Act(kind="hold", at=ENDED + timedelta(days=3), by="c", words="x", hold="m")
    found = assurance.of_entry(entry("empty: x", acts=(*looks, other)))
    assert found is not None
    assert found.seen == Seen(at=ENDED + timedelta(days=2), by="b", words="bb")
    assert not found.open


def test_a_call_of_a_thousand_bad_segments_is_told_in_a_few_words() -> None:
    found = assurance.of_entry(entry(*(f"silent: segment {n}: x" for n in range(1000))))
    assert found is not None
    assert len(found.words) == assurance.WORDS_MAX


def test_what_the_policy_wanted_is_open_for_nobody() -> None:
    assert not finding(Kind.DISCARDED, archived=False).open


def test_every_kind_has_its_meaning() -> None:
    assert set(MEANINGS) == set(Kind)


def test_the_summary_counts_every_recording_once() -> None:
    found = [
        finding(Kind.MISSING, archived=False, number=1),
        finding(Kind.SILENT, number=2),
        finding(Kind.LATE, seen=True, number=3),
        finding(Kind.DISCARDED, archived=False, number=4),
    ]
    counted = assurance.summarize(100, found, 3, START, ENDED)
    assert counted.expected == 102
    assert counted.good == 98
    assert counted.kinds == {"missing": 1, "silent": 1, "late": 1, "discarded": 1}
    assert next(iter(counted.kinds)) == "missing"
    assert counted.not_seen == 2
    assert counted.on_the_way == 3


def test_a_finding_survives_redis_as_it_is() -> None:
    given = finding(Kind.ONE_SIDED, seen=True)
    assert msgspec.json.decode(msgspec.json.encode(given), type=Finding) == given
    assert given.started_at == datetime(2026, 11, 21, 13, 15, tzinfo=UTC)
