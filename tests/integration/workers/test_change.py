"""``hushtape retention change``: looked at first, then done, and done again after a kill."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hushtape.errors import ConfigError, HushtapeError, Unreachable
from hushtape.recordings import acts, change_command, layout
from hushtape.recordings.acts import HOLD, PERIOD_CHANGED
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.change_command import NotAsPreviewed
from hushtape.recordings.retention import due_at
from tests.integration.conftest import RedisServer
from tests.integration.workers.side_effects import every_kill
from tests.integration.workers.test_expiry import clean, do, is_there, put
from tests.integration.workers.worker_house import House
from tests.recording_samples import START
from workers.program import retention

POLICY = """
[policy]
name = "town-hall"
title = "Town Hall"
in_force_from = 2027-02-01
time_zone = "Europe/London"
[calls]
queues = ["council-tax"]
[retention]
keep = "50 days"
"""
NOW = START + timedelta(days=100)
WHY = ("--reason", "decision 2026/4", "--by", "dpo")
THIRTY = ("change", "--policy", "town-hall", "--keep", "30 days", *WHY)


@pytest.fixture
def filled(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return NOW

    monkeypatch.setattr(change_command, "datetime", Clock)
    (house.folder / "policies" / "town.toml").write_text(POLICY)
    house.catalogue.rebuild(house.archive, START)
    return house


def run(house: House, *words: str) -> Result:
    return CliRunner().invoke(retention, [*words, "-c", str(house.config_path)])


def changes_of(house: House, recording_id: str) -> int:
    return sum(each.kind == PERIOD_CHANGED for each in acts.read(house.archive, recording_id))


def days_kept(house: House, recording_id: str) -> float:
    entry = read_entry(house.archive, recording_id)
    return round((due_at(entry) - START) / timedelta(days=1))


def test_a_preview_says_what_would_be_and_does_nothing(filled: House) -> None:
    goes, held, stays = put(filled, 1, 200), put(filled, 2, 200), put(filled, 3, 62)
    do(filled, held, HOLD, 10, hold="claim-7")
    do(filled, stays, PERIOD_CHANGED, 10, until=START + timedelta(days=30, seconds=3), period="x")
    before = {each: filled.archive.names(layout.prefix(each)) for each in (goes, held, stays)}
    result = run(filled, *THIRTY)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"{goes}  kept until 2026-12-21 13:15 instead of 2027-06-09 14:15: goes at once\n"
        f"{held}  kept until 2026-12-21 13:15 instead of 2027-06-09 14:15: held, and stays\n"
        f"{stays}  kept until 2026-12-21 13:15 instead of 2026-12-21 13:15: goes at once\n"
        "3 would be kept until another time: 0:03 of sound, 0.0 MB\n"
        "2 of them would go at once: 0:02 of sound, 0.0 MB; nobody can bring them back\n"
        "1 of them are held, and stay until they are released\n"
        "nothing was changed; to do it, repeat this with --yes 3\n"
    )
    assert before == {each: filled.archive.names(layout.prefix(each)) for each in before}
    as_json = [json.loads(each) for each in run(filled, *THIRTY, "--json").stdout.splitlines()]
    assert [(each["id"], each["goes"], each["held"]) for each in as_json] == [
        (goes, True, False),
        (held, False, True),
        (stays, True, False),
    ]
    few = run(filled, *THIRTY, "--limit", "1").stdout
    assert "(the first 1; --limit shows more)" in few
    assert "--yes 3" in few


def test_it_is_done_only_to_as_many_as_were_looked_at(filled: House) -> None:
    ids = [put(filled, number, 200) for number in (1, 2, 3)]
    for wrong in ("0", "2", "4"):
        refused = run(filled, *THIRTY, "--yes", wrong)
        assert isinstance(refused.exception, NotAsPreviewed)
        assert "there are 3 to be changed now" in str(refused.exception)
    assert [changes_of(filled, each) for each in ids] == [0, 0, 0]

    done = run(filled, *THIRTY, "--yes", "3")
    assert done.stdout == "3 changed for policy town-hall, 0 failed\n"
    for each in ids:
        (act,) = acts.read(filled.archive, each)
        assert (act.kind, act.by, act.words, act.period, act.at) == (
            *(PERIOD_CHANGED, "dpo", "decision 2026/4", "30 days", NOW),
        )
        assert act.until == START + timedelta(days=30)
        found = filled.catalogue.get(each)
        assert found is not None
        assert (found.keep_until, found.period) == (act.until, "30 days")
    planned = run(filled, "plan", "--at", "2026-12-01").stdout
    assert "period changed on 1 Mar 2027 13:15 to 30 days (decision 2026/4): kept until" in planned
    # Again, nothing is left to be done, and nothing is written twice.
    assert (
        "0 would be kept until another time\n3 more are kept until then"
        in run(filled, *THIRTY).stdout
    )
    assert run(filled, *THIRTY, "--yes", "0").exit_code == 0
    assert [changes_of(filled, each) for each in ids] == [1, 1, 1]
    assert set(clean(filled).deleted) == set(ids)


def test_as_the_version_in_force_says(filled: House) -> None:
    one = put(filled, 1, 62)
    words = ("change", "--policy", "town-hall", "--as-policy", *WHY)
    assert "kept until 2027-01-10 13:15 instead of 2027-01-22" in run(filled, *words).stdout
    assert run(filled, *words, "--yes", "1").exit_code == 0
    (act,) = acts.read(filled.archive, one)
    assert act.words.startswith("decision 2026/4; policy town-hall of 2027-02-01: kept 50 days")
    assert days_kept(filled, one) == 50


def test_what_is_held_is_kept_through_it_and_goes_when_released(filled: House) -> None:
    held = put(filled, 1, 200)
    do(filled, held, HOLD, 10, hold="claim-7")
    assert run(filled, *THIRTY, "--yes", "1").exit_code == 0
    assert clean(filled).deleted == ()
    assert is_there(filled, held)
    do(filled, held, acts.RELEASE, 101, hold="claim-7")
    filled.catalogue.schedule(held, NOW)
    assert clean(filled, NOW + timedelta(days=2)).deleted == (held,)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("period", ["30 days", "300 days"])
def test_a_kill_at_any_point_is_made_up_for_by_a_repetition(
    filled: House, period: str, after: bool
) -> None:
    """Whatever was done stays, once; the rest is done; the catalogue agrees in the end."""
    words = ("change", "--policy", "town-hall", "--keep", period, *WHY)
    count = 0

    def begin(_: object) -> None:
        run_it = run(filled, *words, "--yes", str(len(ids)))
        assert run_it.exit_code == 0, run_it.output

    ids: list[str] = []
    kills = iter(every_kill(begin, after=after))
    while True:
        for each in ids:
            filled.archive.delete_prefix(layout.prefix(each))
            filled.catalogue.remove(each)
        ids[:] = [put(filled, number, 62) for number in (1, 2)]
        killed = next(kills, None)
        if killed is None:
            break
        count += 1
        left = [each for each in ids if changes_of(filled, each) == 0]
        again = run(filled, *words, "--yes", str(len(left)))
        assert again.exit_code == 0, again.output
        for each in ids:
            assert changes_of(filled, each) == 1
            found = filled.catalogue.get(each)
            assert found is not None
            assert found.keep_until == due_at(read_entry(filled.archive, each))
    assert count > 10


def test_one_that_a_kill_left_between_act_and_catalogue_is_deleted_in_time(filled: House) -> None:
    """Shorter, the act written, Redis not told: the sweep looks at it in time all the same."""
    one = put(filled, 1, 62)
    do(filled, one, "incident", 1)  # the folder for acts is there: each run does the same

    def begin(_: object) -> None:
        run(filled, *THIRTY, "--yes", "1")

    for killed in every_kill(begin, after=True):
        if killed.is_dead and changes_of(filled, one):
            break
    found = filled.catalogue.get(one)
    assert found is not None
    assert killed.last == "link"
    assert found.keep_until > START + timedelta(days=61)  # it wasn't told
    assert clean(filled, START + timedelta(days=31)).deleted == (one,)


def test_one_that_is_deleted_meanwhile_stops_no_other(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = put(filled, 1, 62), put(filled, 2, 62)
    real = change_command.select

    def select_and_lose(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        filled.catalogue.schedule(second, NOW)
        filled.catalogue.schedule(first, NOW)
        archived = filled.archive
        archived.put(layout.deletion_proof(first), b"{}")
        archived.delete_prefix(layout.prefix(first))
        return found

    monkeypatch.setattr(change_command, "select", select_and_lose)
    done = run(filled, *THIRTY, "--yes", "2")
    assert done.exit_code == 0, done.output
    assert done.stdout == ("1 changed for policy town-hall, 0 failed\n1 were deleted meanwhile\n")
    assert changes_of(filled, second) == 1


def test_a_worker_that_has_the_recording_is_waited_for(filled: House) -> None:
    one = put(filled, 1, 62)
    locked = threading.Event()

    def hold_it() -> None:
        with filled.archive.scratch(one):
            locked.set()
            time.sleep(0.3)

    worker = threading.Thread(target=hold_it)
    worker.start()
    locked.wait()
    assert run(filled, *THIRTY, "--yes", "1").exit_code == 0
    worker.join()
    assert changes_of(filled, one) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--keep", "30 days", "--as-policy"), "either --keep"),
        ((), "either --keep"),
        (("--keep", "30 fortnights"), '"62 days"'),
        (("--keep", "30 days", "--before", "yesterday"), "2026-07-15"),
        (("--keep", "30 days", "--reason", " "), "--reason: is empty"),
        (("--keep", "30 days", "--by", "x" * 101), "at most 100 characters"),
        (("--as-policy", "--policy", "twon"), 'no version of "twon" is in force'),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    filled: House, words: tuple[str, ...], expected: str
) -> None:
    error = run(filled, "change", "--policy", "town-hall", *WHY, *words).exception
    assert isinstance(error, ConfigError)
    assert expected in str(error)
    assert "\n" not in str(error)


def test_a_name_that_no_recording_has_is_told(filled: House) -> None:
    put(filled, 1, 62)
    words = ("change", "--policy", "twon", "--keep", "30 days", *WHY)
    assert 'nothing was recorded under "twon", but under town-hall' in run(filled, *words).stdout


def test_one_that_cannot_be_read_is_named_and_stops_no_other(filled: House) -> None:
    broken, good = put(filled, 1, 62), put(filled, 2, 62)
    path = filled.config.archive_path / layout.manifest(broken)
    path.write_bytes(path.read_bytes()[:50])
    result = run(filled, *THIRTY, "--yes", "1")
    assert isinstance(result.exception, HushtapeError)
    assert broken in result.stderr
    assert changes_of(filled, good) == 1


def test_without_redis_nothing_is_begun(filled: House, redis_server: RedisServer) -> None:
    one = put(filled, 1, 62)
    redis_server.stop()
    assert run(filled, *THIRTY).exit_code == 0  # to look needs no Redis
    assert isinstance(run(filled, *THIRTY, "--yes", "1").exception, Unreachable)
    assert changes_of(filled, one) == 0


def test_the_policies_are_not_needed_for_a_period(filled: House) -> None:
    Path(filled.folder / "policies" / "town.toml").unlink()
    put(filled, 1, 62)
    assert run(filled, *THIRTY).exit_code == 0
    as_policy = run(filled, "change", "--policy", "town-hall", "--as-policy", *WHY)
    assert isinstance(as_policy.exception, ConfigError)
