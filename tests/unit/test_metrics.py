from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from hushtape import logs, metrics
from hushtape.alarms import Kind


@pytest.fixture
def told() -> Iterator[metrics.Told]:
    made = metrics.Told(metrics.BRIDGE)
    metrics._told = made
    yield made
    metrics._told = None


def values(told: metrics.Told) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in told.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def test_all_that_is_told_is_counted(told: metrics.Told) -> None:
    metrics.alarm(Kind.DISK)
    metrics.alarm(Kind.DISK)
    metrics.api_request("begin payment", 504)
    metrics.not_recorded("no policy")
    metrics.command("StartRecorder", 0.25, "RecorderStarted")
    metrics.link("town-hall", True)
    metrics.live("town-hall", 3, {"running": 2, "stopping all": 1})
    metrics.live("town-hall", 2, {"running": 2, "stopping all": 0})
    metrics.outbox_waiting(4)
    metrics.payment_began("key")
    metrics.payment_ended("hang-up")
    metrics.silence("key", 0.25)
    metrics.silence_unconfirmed("api")
    metrics.foreign_recorder()
    metrics.guard_answered("")
    metrics.guard_answered("late")
    assert values(told) == {
        "hushtape_alarms_total['disk']": 2,
        "hushtape_api_requests_total['504', 'begin payment']": 1,
        "hushtape_calls_not_recorded_total['no policy']": 1,
        "hushtape_commands_total['RecorderStarted', 'StartRecorder']": 1,
        "hushtape_command_seconds_count['StartRecorder']": 1,
        "hushtape_command_seconds_sum['StartRecorder']": 0.25,
        "hushtape_link_up['town-hall']": 1,
        "hushtape_live_calls['town-hall']": 2,
        "hushtape_recorders['running', 'town-hall']": 2,
        "hushtape_recorders['stopping all', 'town-hall']": 0,
        "hushtape_outbox_waiting[]": 4,
        "hushtape_payments_begun_total['key']": 1,
        "hushtape_payments_ended_total['hang-up']": 1,
        "hushtape_silence_seconds_count['key']": 1,
        "hushtape_silence_seconds_sum['key']": 0.25,
        "hushtape_silence_unconfirmed_total['api']": 1,
        "hushtape_foreign_recorders_total[]": 1,
        "hushtape_guard_answers_total['silent', 'yes']": 1,
        "hushtape_guard_answers_total['late', 'no']": 1,
    }


def test_a_label_is_one_of_few_words(told: metrics.Told) -> None:
    for hostile in ("", 'a"b', "a\nb", "+441234", "x" * 100, "Zoë"):
        metrics.not_recorded(hostile)
    assert values(told) == {
        "hushtape_calls_not_recorded_total['other']": 6,
        "hushtape_outbox_waiting[]": 0,
        "hushtape_foreign_recorders_total[]": 0,
    }
    for number in range(2 * metrics.LABELS_MAX):
        metrics.not_recorded(f"rule {number}")
    rules = [each for each in values(told) if "not_recorded" in each]
    assert len(rules) == metrics.LABELS_MAX + 1


def test_while_it_is_off_nothing_is_imported_and_nothing_happens() -> None:
    code = (
        "import sys; from hushtape import metrics as m; assert m.start_bridge('x', 0) is None;"
        "m.alarm(m.Kind.DISK); m.api_request('look', 200);"
        "m.not_recorded('x'); m.command('x', 1, 'y'); m.link('x', True);"
        "m.live('x', 1, {}); m.outbox_waiting(1); m.payment_began('x'); m.payment_ended('x');"
        "m.silence('x', 1); m.silence_unconfirmed('x'); m.foreign_recorder();"
        "m.guard_answered('x'); m.stop(None);"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_every_alarm_in_the_log_is_counted(
    told: metrics.Told, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("bridge", as_json=True)
    try:
        log = structlog.get_logger()
        log.error("alarm", what="x")
        log.info("no alarm", what="alarm")
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        structlog.reset_defaults()
    assert values(told)["hushtape_alarms_total['other']"] == 1
    assert '"event": "alarm"' in capsys.readouterr().err


def test_names_and_labels_are_bounded_from_the_start() -> None:
    for each in metrics.BRIDGE:
        assert each.name.startswith("hushtape_")
        assert each.name.endswith("_total") == (each.kind == "counter")
