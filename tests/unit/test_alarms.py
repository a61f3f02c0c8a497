from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import structlog

from hushtape import alarms, logs, metrics
from hushtape.alarms import Alarm, Kind

AT = datetime(2026, 11, 21, 17, 15, 2, tzinfo=UTC)
CALL = "20261121-171502-k3f5x2m7"


@contextmanager
def sending() -> Iterator[list[Alarm]]:
    """What the log sends out, set up as the programs do."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("bridge", as_json=True)
    found: list[Alarm] = []
    alarms.send_to(found.append)
    try:
        yield found
    finally:
        alarms.send_to(None)
        root.handlers[:], level = before
        root.setLevel(level)
        structlog.reset_defaults()
        alarms.log = structlog.get_logger()  # the other keeps how the log was set up


def test_an_alarm_is_logged_counted_and_sent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Kind] = []
    monkeypatch.setattr(metrics, "alarm", counted.append)
    with sending() as sent:
        alarms.raise_alarm(Kind.SILENCE, "not sure", call=CALL, pbx="town-hall", tries=3)
    (alarm,) = sent
    assert (alarm.kind, alarm.what, alarm.call, alarm.pbx) == (
        "silence",
        "not sure",
        CALL,
        "town-hall",
    )
    assert alarm.at.utcoffset() is not None
    assert counted == [Kind.SILENCE]
    line = capsys.readouterr().err
    assert '"event": "alarm"' in line
    assert '"kind": "silence"' in line
    assert '"tries": 3' in line


def test_every_line_that_is_an_alarm_is_one_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with sending() as sent:
        log = structlog.get_logger()
        log.error("alarm", what="x", recording=CALL)
        log.error("alarm", what="y", kind="no such kind")
        log.error("not an alarm", what="alarm", kind="silence")
    assert [(each.kind, each.what, each.call) for each in sent] == [
        ("other", "x", CALL),
        ("other", "y", ""),
    ]
    assert capsys.readouterr().err.count('"kind": "other"') == 2


def test_while_nobody_is_told_nothing_happens() -> None:
    with sending() as sent:
        alarms.send_to(None)
        alarms.raise_alarm(Kind.DISK, "x")
    assert sent == []


def test_no_long_number_leaves_the_machine_but_in_a_calls_id() -> None:
    words = f"{CALL}: No such channel PJSIP/01614960001-0000002a, port 5038, 12345"
    alarm = alarms.alarm_of({"what": words, "pbx": "4420712345"}, AT)
    assert alarm.what == f"{CALL}: No such channel PJSIP/#-#a, port 5038, #"
    assert alarm.pbx == "#"
    for no_id in (f"1{CALL}", f"{CALL}k", "20261121-171502-K3F5X2M7"):
        assert "171502" not in alarms.alarm_of({"what": no_id}, AT).what


def test_hostile_words_stay_words() -> None:
    hostile = {"what": "a\r\n\x1b[2J\ud800" + "x" * 1000, "call": "y" * 100, "kind": ["silence"]}
    alarm = alarms.alarm_of(hostile, AT)
    assert len(alarm.what) == alarms.WORDS_MAX
    assert alarm.what.startswith("a\\r\\n\\u001b[2J?x")
    assert len(alarm.call) == alarms.NAME_MAX
    assert alarm.kind == "other"
    assert alarms.alarm_of({}, AT) == Alarm(what="", kind="other", call="", pbx="", at=AT)
