"""`hushtape policy explain`, as it is called: quickly, and without what it doesn't need."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from hushtape.cli import main
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.manifest import (
    AudioFile,
    AudioFormat,
    EndedBy,
    Happening,
    Keep,
    Manifest,
    Reason,
    Span,
    SpanKind,
    StopSeen,
    StoredSegment,
    to_json,
)
from tests.recording_samples import RECORDING_ID, START, handoff

ROOT = Path(__file__).parents[4]
EXAMPLES = ROOT / "examples" / "policies"
TIMEOUT_S = 30
HEAVY = ("redis", "rq", "panoramisk", "asyncio", "structlog", "prometheus_client", "pydub")


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, ["policy", "explain", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def one_line(done: Result, words: str, code: int = 2) -> None:
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


CALL = ("--policies", str(EXAMPLES), "--dialled", "01737 276000", "--queue", "help-line")


def test_a_call_step_by_step() -> None:
    done = run(*CALL, "--then", "5 agent answers", "--then", "20 transfer to 730")
    assert done.exit_code == 0, done.output
    assert "recorded 0-20 s; payment: silence 20-30 s" in done.output
    assert "[destination: the payment line]" in done.output
    assert "01737 276000" in done.output


def test_everything_that_may_happen() -> None:
    done = run(*CALL)
    assert done.exit_code == 0, done.output
    assert "transfer to another queue: not recorded" in done.output


def test_as_json() -> None:
    found = json.loads(run(*CALL, "--then", "5 agent answers", "--json").output)
    assert found["outcome"]["policy"] == "reigate-banstead"
    assert "may_happen" not in found
    found = json.loads(run(*CALL, "--json").output)
    assert found["may_happen"][0]["what"] == "transfer to the payment line"


def test_the_moment_decides_which_version_is_in_force() -> None:
    done = run(*CALL, "--at", "2018-05-24T12:00", "--then", "5 agent answers")
    assert "not recorded: " in done.output
    assert run(*CALL, "--at", "2018-05-25", "--then", "5 agent answers").output.count("recorded")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*CALL, "--then", "5 agnet answers"), '--then, number 1: "agnet answers"'),
        ((*CALL, "--then", "5 hold", "--then", "2 hold"), "--then, number 2: 2 s comes after"),
        ((*CALL, "--at", "yesterday"), "is not a time"),
        (("--policies", "/nonexistent"), "there is no such folder"),
        (("-c", "/nonexistent"), "there is no such file"),
        ((*CALL, "-c", "/nonexistent", "--pbx", "x"), "there is no such file"),
    ],
)
def test_what_can_t_be_explained_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    one_line(run(*arguments), words)


def test_nothing_heavy_is_loaded_for_it() -> None:
    """It answers within 0.3 s from a cold start: see docs/policy-tools.md."""
    code = (
        "import sys; from click.testing import CliRunner; from hushtape.cli import main\n"
        f"done = CliRunner().invoke(main, ['policy', 'explain', *{list(CALL)!r}])\n"
        "assert done.exit_code == 0, done.output\n"
        f"print([each for each in {HEAVY!r} if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    assert done.stdout == "[]\n"


def reason(words: str, rule: str) -> Reason:
    return Reason(policy="reigate-banstead", version="2018-05-25", rule=rule, words=words)


LEFT = reason("transfer to another queue: recording stops", "destination: another queue")


def manifest() -> Manifest:
    given = handoff()
    call = msgspec.structs.replace(
        given.call, queues=("help-line",), ended_at=START + timedelta(seconds=40)
    )
    return Manifest(
        id=RECORDING_ID,
        call=call,
        segments=(
            StoredSegment(
                number=1,
                started_at=START,
                offset_s=0.0,
                duration_s=20.0,
                ended_by=EndedBy.TRANSFER,
                stop=StopSeen.CONFIRMED,
                cut_s=0.0,
            ),
        ),
        spans=(
            Span(
                kind=SpanKind.NOT_RECORDED,
                started_at=START + timedelta(seconds=20),
                ended_at=call.ended_at,
                reason=LEFT,
            ),
        ),
        story=(
            Happening(at=START, what="queue help-line entered", reason=reason("recorded", "calls")),
            Happening(at=START + timedelta(seconds=20), what="blind transfer", reason=LEFT),
        ),
        audio=AudioFile(
            name="audio.opus", format=AudioFormat.OPUS, size_bytes=1, sha256="0" * 64, duration_s=20
        ),
        keep=Keep(
            until=START + timedelta(days=14),
            period="14 days",
            time_zone="Europe/London",
            reason=reason("kept 14 days", "retention.keep"),
        ),
        number_hash="",
        dialled_hash="",
        agent_hashes=(),
        archived_at=START + timedelta(seconds=41),
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    archive = LocalArchive(tmp_path / "data" / "archive")
    archive.prepare()
    archive.put(layout.manifest(RECORDING_ID), to_json(manifest()))
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "one.toml").symlink_to(EXAMPLES / "reigate-banstead.toml")
    path = tmp_path / "hushtape.toml"
    path.write_text(
        'data = "data"\n[policies]\nfolder = "policies"\n[pbx.one]\nkind = "asterisk"\n'
        'host = "127.0.0.1"\npassword_env = "X"\nspool = "/s"\noutside_contexts = ["o"]\n',
        encoding="utf-8",
    )
    return path


def test_a_recording_of_the_catalogue(config: Path) -> None:
    done = run("--recording", RECORDING_ID, "-c", str(config))
    assert done.exit_code == 0, done.output
    assert "queue help-line entered" in done.output
    assert "transfer to another queue: recording stops [destination: another queue]" in done.output
    assert "recorded 0-20 s" in done.output
    assert "not recorded 20-40 s" in done.output
    assert done.output.rstrip().endswith("Today the same version of reigate-banstead is in force.")
    assert "+44" not in done.output


def test_what_the_version_of_today_would_say(config: Path) -> None:
    text = (EXAMPLES / "reigate-banstead.toml").read_text(encoding="utf-8")
    newer = text.replace("in_force_from = 2018-05-25", "in_force_from = 2020-01-01")
    path = config.parent / "policies" / "two.toml"
    path.write_text(newer, encoding="utf-8")
    done = run("--recording", RECORDING_ID, "-c", str(config))
    assert "Today the version of 2020-01-01 is in force" in done.output
    newer = newer.replace('keep = "14 days"', 'keep = "30 days"')
    newer = newer.replace(
        'name = "another queue"\n', 'name = "another queue"\non_blind_transfer = "continue"\n'
    )
    path.write_text(newer, encoding="utf-8")
    lines = run("--recording", RECORDING_ID, "-c", str(config)).output.splitlines()
    at = next(i for i, line in enumerate(lines) if "For such a call it says" in line)
    assert "recording goes on" in lines[at + 1]
    assert "kept 30 days" in lines[at + 2]
    path.write_text(newer.replace('queues = ["help-line"]', 'queues = ["other"]'), encoding="utf-8")
    assert "queue help-line is not in the policy" in (
        run("--recording", RECORDING_ID, "-c", str(config)).output
    )


def test_a_transfer_to_another_policy_s_payment_line(config: Path) -> None:
    """It was that policy's rule, so it is looked up there."""
    line = Reason(
        policy="surrey",
        version="2018-05-25",
        rule="destination: the payment line",
        words="transfer to the payment line of policy surrey: a payment: silence",
    )
    told = Happening(at=START + timedelta(seconds=20), what="blind transfer", reason=line)
    other = "20261121-131500-surreys2"
    paid = msgspec.structs.replace(manifest(), id=other, story=(told,))
    archive = LocalArchive(config.parent / "data" / "archive")
    archive.put(layout.manifest(other), to_json(paid))
    policies = config.parent / "policies"
    text = (EXAMPLES / "reigate-banstead.toml").read_text(encoding="utf-8")
    (policies / "two.toml").write_text(text.replace("2018-05-25", "2020-01-01"), encoding="utf-8")
    done = run("--recording", other, "-c", str(config))
    assert "policy surrey names no payment line the payment line" in done.output, done.output
    (policies / "surrey.toml").symlink_to(EXAMPLES / "surrey.toml")
    done = run("--recording", other, "-c", str(config))
    assert "it says the same of this call" in done.output, done.output


def test_a_policy_that_is_no_more(config: Path) -> None:
    (config.parent / "policies" / "one.toml").unlink()
    (config.parent / "policies" / "s.toml").symlink_to(EXAMPLES / "surrey.toml")
    done = run("--recording", RECORDING_ID, "-c", str(config))
    assert "Today no policy reigate-banstead is in force" in done.output


def test_a_recording_that_can_t_be_told_is_one_line(config: Path) -> None:
    one_line(run("--recording", "../../etc", "-c", str(config)), "expected the shape")
    other = "20261121-131500-aaaaaaaa"
    done = run("--recording", other, "-c", str(config))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    archive = LocalArchive(config.parent / "data" / "archive")
    archive.put(layout.deletion_proof(RECORDING_ID), b"{}")
    one_line(run("--recording", RECORDING_ID, "-c", str(config)), "is gone", code=1)


def test_a_recording_goes_with_no_other_call(config: Path) -> None:
    done = run("--recording", RECORDING_ID, "-c", str(config), "--then", "5 hold")
    assert done.exit_code == 2
    assert "with no other call" in done.output


@pytest.mark.parametrize("at", ["0001-01-02", "1989-12-31", "9999-12-30", "2201-01-02"])
def test_a_year_of_which_no_policy_speaks_is_one_line(at: str) -> None:
    one_line(run(*CALL, "--at", at), f"--at: expected a year from 1990 to 2200, not {int(at[:4])}")


def test_the_first_and_the_last_day_can_be_played(tmp_path: Path) -> None:
    text = (EXAMPLES / "reigate-banstead.toml").read_text(encoding="utf-8")
    keep = 'keep = "14 days"'
    rules = '[[retention.rule]]\ncalls_before = 2200-12-31\nkeep = "100 years"'
    assert keep in text
    path = tmp_path / "town.toml"
    path.write_text(text.replace(keep, f"{keep}\n{rules}"), encoding="utf-8")
    for day, code in (("1990-01-01", 0), ("2200-12-31", 0)):
        path.write_text(path.read_text().replace("2018-05-25", day), encoding="utf-8")
        done = run("--policies", str(path), "--queue", "help-line", "--at", day)
        assert done.exit_code == code, done.output
        for command in (["show", str(path)], ["diff", str(path), str(path)], ["lint", str(path)]):
            shown = CliRunner().invoke(main, ["policy", *command])
            assert shown.exit_code == 0, shown.output
