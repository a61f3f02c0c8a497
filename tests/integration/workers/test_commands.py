"""What people type, and what they get to read."""

from __future__ import annotations

import json
import re
import stat

import pytest
from click.testing import CliRunner, Result

from hushtape.cli import main
from hushtape.errors import ConfigError, Damaged, Unreachable
from hushtape.recordings import catalogue, layout
from hushtape.recordings.commands import recordings
from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House
from tests.recording_samples import RECORDING_ID, handoff, segment, tone
from workers import tasks
from workers.program import retention


@pytest.fixture
def filled(house: House) -> House:
    one = segment(1, 0, 1, cut_s=0.25)
    house.write_segment(one, tone(440, 1), tone(600, 1))
    tasks.archive(tasks.handoff_text(handoff(one)))
    house.catalogue.rebuild(house.archive, house.now)
    return house


def run(house: House, command: object, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "-c", str(house.config_path)])  # type: ignore[arg-type]


def test_list(filled: House) -> None:
    result = run(filled, recordings, "list")
    assert result.exit_code == 0, result.output
    head, line = result.stdout.splitlines()
    assert re.split(r"\s{2,}", head) == ["start", "length", "queue", "policy", "kept until", "id"]
    assert re.split(r"\s{2,}", line) == [
        "2026-11-21 13:15",
        "0:01",
        "council-tax",
        "town-hall",
        "2027-01-22 13:15",
        RECORDING_ID,
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--number", "+44 (20) 7946-0123"], True),
        (["--number", "+44 20 7946 0124"], False),
        (["--agent", "Ann\x07 Example"], True),
        (["--agent", "Bob"], False),
        (["--queue", "council-tax", "--pbx", "town-hall", "--policy", "town-hall"], True),
        (["--queue", "council"], False),
        (["--since", "2026-11-21", "--before", "2026-11-23"], True),
        (["--before", "2026-11-20"], False),
    ],
)
def test_list_finds(filled: House, words: list[str], found: bool) -> None:
    result = run(filled, recordings, "list", "--json", *words)
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == (
        [RECORDING_ID] if found else []
    )


def test_list_says_that_there_are_more(filled: House) -> None:
    more = "(the newest 1; --limit shows more, if there are)"
    assert more not in run(filled, recordings, "list", "--limit", "2").stdout
    other = f"{RECORDING_ID[:-1]}3"
    tasks.archive(tasks.handoff_text(handoff(recording_id=other)))
    listed = run(filled, recordings, "list", "--limit", "1")
    assert listed.stdout.splitlines()[2:] == [more]
    as_json = run(filled, recordings, "list", "--limit", "1", "--json")
    assert len(as_json.stdout.splitlines()) == 1
    assert more in as_json.stderr
    assert more not in run(filled, recordings, "list", "--limit", "3").stdout


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_search_that_gave_up_says_so(
    filled: House, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Or "no recording matches" would be a lie."""
    monkeypatch.setattr(catalogue, "EXAMINED_MAX", 1)
    said = "calls before 2026-11-21 13:15 were not looked at"
    assert said in run(filled, recordings, "list", "--policy", "another", *words).stderr
    monkeypatch.setattr(catalogue, "EXAMINED_MAX", 1000)
    assert said not in run(filled, recordings, "list", "--policy", "another", *words).stderr


def test_show_tells_the_story_and_names_nobody(filled: House) -> None:
    result = run(filled, recordings, "show", RECORDING_ID)
    assert result.exit_code == 0, result.output
    for words in (
        "a call from outside at town-hall for council-tax",
        "queue entered: calls are kept for 62 days (town-hall)",
        "its last 250 ms cut away",
        "62 days after 21 Nov 2026 13:15 (Europe/London): ",
        "audio.opus",
        "left: outside party; right: everybody else",
    ):
        assert words in result.output
    assert "Ann" not in result.output
    assert "7946" not in result.output
    as_json = json.loads(run(filled, recordings, "show", RECORDING_ID, "--json").stdout)
    assert as_json["manifest"]["id"] == RECORDING_ID


def test_plan_looks_into_another_day(filled: House) -> None:
    result = run(filled, retention, "plan", "--at", "2027-02-01")
    assert result.stdout == (
        f"{RECORDING_ID}  delete  62 days after 21 Nov 2026 13:15 (Europe/London):"
        " due since 22 Jan 2027 13:15\n1 recording, 1 due\n"
    )
    early = run(filled, retention, "plan", "--at", "2026-12-01", "--json")
    assert json.loads(early.stdout)["verdict"] == "keep"
    assert run(filled, retention, "plan", "--at", "2026-12-01", "--due").stdout == "0 due\n"


def test_sweep_deletes_nothing_early(filled: House) -> None:
    assert "--at" not in CliRunner().invoke(retention, ["sweep", "--help"]).output
    assert "0 would be deleted" in run(filled, retention, "sweep", "--dry-run").output
    assert "0 deleted, 0 failed" in run(filled, retention, "sweep").output
    assert filled.catalogue.count() == 1


def test_sweep_names_what_it_cannot_read(filled: House) -> None:
    """As its dry run does: what can't be read may outlive its time."""
    (filled.config.archive_path / layout.manifest(RECORDING_ID)).write_bytes(b"{")
    filled.redis.flushall()
    filled.catalogue.rebuild(filled.archive, filled.now)
    for words in ((), ("--dry-run",)):
        swept = run(filled, retention, "sweep", *words)
        assert "1 can't be read" in str(swept.exception)
        assert RECORDING_ID in swept.stderr


def test_the_key_is_for_our_eyes_only(filled: House) -> None:
    assert stat.S_IMODE(filled.config.number_key_path.stat().st_mode) == 0o600


def test_errors_are_one_line_that_helps(filled: House, redis_server: RedisServer) -> None:
    filled.redis.config_set("requirepass", "secret")
    words = ["-c", str(filled.config_path)]
    main.add_command(recordings, "recordings-under-test")
    try:
        run_main = CliRunner().invoke
        refused = run_main(main, ["recordings-under-test", "list", *words])
        assert refused.exit_code == 3
        assert "wants a password: set redis.password_file" in refused.stderr
        redis_server.stop()
        away = run_main(main, ["recordings-under-test", "list", *words])
        assert away.exit_code == 3
        assert "doesn't answer" in away.stderr
        assert "Traceback" not in away.output + refused.output
    finally:
        main.commands.pop("recordings-under-test")


def test_plan_counts_and_names_what_it_cannot_read(filled: House) -> None:
    path = filled.config.archive_path / layout.manifest(RECORDING_ID)
    path.write_bytes(path.read_bytes()[:50])
    planned = run(filled, retention, "plan")
    assert planned.stdout == "0 recordings, 0 due\n"
    assert "can't be read" in planned.stderr
    dry = run(filled, retention, "sweep", "--dry-run")
    assert dry.exit_code == 1
    assert "can't be read" in dry.stderr


def test_an_archive_that_is_not_there_is_named(filled: House) -> None:
    root = filled.config.archive_path
    root.rename(root.with_name("elsewhere"))
    for command, *words in (
        (retention, "plan"),
        (retention, "sweep"),
        (retention, "sweep", "--dry-run"),
        (recordings, "show", RECORDING_ID),
    ):
        error = run(filled, command, *words).exception
        assert isinstance(error, Unreachable), (command, words)
        assert str(root) in str(error)
    assert not root.exists()


def test_a_number_needs_the_workers_key(filled: House) -> None:
    filled.config.number_key_path.unlink()
    error = run(filled, recordings, "list", "--number", "1").exception
    assert isinstance(error, ConfigError)
    assert not filled.config.number_key_path.exists()


def test_a_broken_proof_is_said(filled: House) -> None:
    filled.archive.put(layout.deletion_proof(RECORDING_ID), b'{"id": ')
    for words in ([], ["--json"]):
        error = run(filled, recordings, "show", RECORDING_ID, *words).exception
        assert isinstance(error, Damaged)
