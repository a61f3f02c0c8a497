"""``hushtape recordings findings``: what a supervisor types, and what they get to read."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner, Result

from hushtape.errors import ConfigError, RecordingError, Unreachable
from hushtape.recordings import acts, layout
from hushtape.recordings.assurance import Finding, Kind
from hushtape.recordings.commands import recordings
from hushtape.recordings.findings import Findings
from hushtape.recordings.ledger import Ledger, of_handoff
from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, START, handoff, segment, tone
from workers import tasks

MISSING_ID = "20261121-131600-k3f7x2m7"
SINCE = ("--since", "2026-11-21T00:00Z", "--before", "2026-11-22T00:00Z")


@pytest.fixture
def filled(house: House) -> House:
    """A good recording, a late one, a missing one, and a call that is live."""
    for recording_id, minutes in ((RECORDING_ID, 1), ("20261121-131700-k3f7x2m7", 12)):
        one = segment(
            1,
            0,
            1,
            outside_file=f"{recording_id}.1.outside.wav",
            inside_file=f"{recording_id}.1.inside.wav",
        )
        house.write_segment(one, tone(440, 1), tone(600, 1))
        house.now = START + timedelta(minutes=minutes)
        tasks.archive(tasks.handoff_text(handoff(one, recording_id=recording_id)))
    missing = handoff(segment(1, 0, 1), recording_id=MISSING_ID)
    Ledger(house.redis).publish({MISSING_ID: of_handoff(missing)}, START)
    tasks.assure()
    house.catalogue.rebuild(house.archive, house.now)
    return house


LATE_ID = "20261121-131700-k3f7x2m7"


def run(house: House, *words: str, dates: tuple[str, ...] = SINCE) -> Result:
    return CliRunner().invoke(
        recordings, ["findings", "-c", str(house.config_path), *dates, *words]
    )


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["id"] for line in result.stdout.splitlines()[:-1]]


def test_a_table_in_words_and_a_summary(filled: House) -> None:
    result = run(filled)
    assert result.exit_code == 0, result.output
    lines = [re.split(r"\s{2,}", line.strip()) for line in result.stdout.splitlines()]
    assert lines[0] == ["start", "PBX", "what", "id", "in words"]
    assert [line[1:4] for line in lines[1:3]] == [
        ["town-hall", "late", LATE_ID],
        ["town-hall", "missing", MISSING_ID],
    ]
    assert lines[1][4] == "archived 11 minutes after the call's end"
    assert lines[2][4].startswith("not archived: waits in the outbox")
    assert lines[3] == [
        (
            "1 of 3 recordings of calls from 2026-11-21 00:00 to 2026-11-22 00:00 are archived"
            " without a remark"
        )
    ]
    assert lines[4:] == [
        ["1", "missing: a recorder ran, and there is no recording"],
        ["1", "late: archived more than five minutes after the call's end"],
        ["nobody has looked at 2 of them yet"],
    ]
    assert "Ann" not in result.output
    assert "7946" not in result.output


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), [LATE_ID, MISSING_ID]),
        (("--kind", "late"), [LATE_ID]),
        (("--kind", "late", "--kind", "missing"), [LATE_ID, MISSING_ID]),
        (("--kind", "silent"), []),
        (("--pbx", "town-hall"), [LATE_ID, MISSING_ID]),
        (("--pbx", "elsewhere"), []),
        (("--limit", "1"), [LATE_ID]),
        (("--since", "2026-11-21T13:15:01Z"), []),
        (("--since", "2026-11-21T13:15Z"), [LATE_ID, MISSING_ID]),
        (("--before", "2026-11-21T13:15Z"), []),
    ],
)
def test_it_can_be_narrowed(filled: House, words: tuple[str, ...], found: list[str]) -> None:
    assert ids(run(filled, "--json", *words)) == found


def test_the_last_line_of_json_is_the_summary_of_all(filled: House) -> None:
    summary = json.loads(run(filled, "--json", "--limit", "1").stdout.splitlines()[-1])
    assert (summary["expected"], summary["good"], summary["not_seen"]) == (3, 1, 2)


def test_by_default_it_is_the_last_seven_days(filled: House) -> None:
    listed = Findings(filled.redis)
    now = datetime.now(UTC)
    for days, recording_id in ((6, "20261121-131801-k3f7x2m7"), (8, "20261121-131802-k3f7x2m7")):
        listed.record(
            Finding(
                id=recording_id,
                pbx="x",
                policy="x",
                started_at=now - timedelta(days=days),
                kinds=(Kind.MISSING,),
                words=("missing: x",),
                found_at=now,
                archived=False,
            )
        )
    Ledger(filled.redis).publish({RECORDING_ID: of_handoff(handoff())}, now)
    found = ids(run(filled, "--json", dates=()))
    assert "20261121-131801-k3f7x2m7" in found
    assert "20261121-131802-k3f7x2m7" not in found
    assert "recordings of the last 7 days are archived" in run(filled, dates=()).stdout


def test_what_is_on_its_way_is_told(filled: House) -> None:
    now = datetime.now(UTC)
    live = of_handoff(handoff())
    Ledger(filled.redis).publish({"20261121-131900-k3f7x2m7": live}, now)
    assert "on their way" not in run(filled).stdout  # it ended long ago
    fresh = msgspec.structs.replace(live, ended_at=now)
    Ledger(filled.redis).publish({"20261121-131900-k3f7x2m7": fresh}, now)
    assert "1 more are on their way" in run(filled).stdout


def test_what_was_seen_is_an_act_beside_the_recording(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "officer")
    result = run(filled, "seen", LATE_ID, MISSING_ID, "--words", "an outage of Redis")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{LATE_ID}: seen\n{MISSING_ID}: seen\n"
    (act,) = acts.read(filled.archive, LATE_ID)
    who = "officer" if os.getuid() == 0 else act.by
    assert (act.kind, act.by, act.words) == ("finding-seen", who, "an outage of Redis")
    assert filled.archive.names(layout.prefix(MISSING_ID)) == ()
    assert ids(run(filled, "--json", "--unseen")) == []
    table = run(filled).stdout
    assert table.count(f"; seen by {who} on ") == 2
    assert ": an outage of Redis" in table
    assert "nobody has looked" not in table
    assert set(Findings(filled.redis).open_counts().values()) == {0}
    tasks.assure()  # what is missing still is, and was seen
    assert ids(run(filled, "--json", "--unseen")) == []
    shown = CliRunner().invoke(recordings, ["show", LATE_ID, "-c", str(filled.config_path)])
    assert "finding-seen: an outage of Redis" in shown.stdout


def test_what_nothing_is_wrong_with_cannot_be_seen(filled: House) -> None:
    error = run(filled, "seen", RECORDING_ID).exception
    assert isinstance(error, RecordingError)
    assert acts.read(filled.archive, RECORDING_ID) == ()
    for words in (["seen", "no-id"], ["seen", LATE_ID, "--words", "x" * 3000]):
        assert isinstance(run(filled, *words).exception, ConfigError)
    assert acts.read(filled.archive, LATE_ID) == ()


def test_without_redis_it_is_one_line(filled: House, redis_server: RedisServer) -> None:
    redis_server.stop()
    assert isinstance(run(filled).exception, Unreachable)


def test_while_the_catalogue_is_rebuilt_the_numbers_are_not_final(filled: House) -> None:
    assert "not final" not in run(filled).stderr
    filled.redis.delete("hushtape:complete")
    assert "the numbers are not final" in run(filled).stderr


def test_nothing_found_is_said(house: House) -> None:
    result = run(house)
    assert result.stdout.splitlines()[0] == "nothing was found"
    assert "0 of 0 recordings" in result.stdout


def test_foreign_findings_are_passed_over(filled: House) -> None:
    filled.redis.set(f"hushtape:finding:{LATE_ID}", b"\xff{")
    filled.redis.zadd("hushtape:findings", {b"\xff": START.timestamp()})
    assert ids(run(filled, "--json")) == [MISSING_ID]
