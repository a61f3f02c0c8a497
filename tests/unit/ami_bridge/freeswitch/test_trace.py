from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ami_bridge.freeswitch.esl import Cutter, Frame, Message, json_headers, messages
from ami_bridge.freeswitch.trace import GREETING, MARK_EVENT, Trace
from hushtape.errors import ConfigError

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
WANTED = ("Event-Name", "Unique-ID", "Caller-Caller-ID-Name", "uuid")
CARD = "4111111111111111"


def event(lines: str, body: str = "") -> Frame:
    length = f"Content-Length: {len(body)}\n\n{body}" if body else "\n"
    told = (lines + length).encode()
    return Frame({"Content-Type": "text/event-plain"}, b"", told)


def job(answer: object) -> Frame:
    said = answer if isinstance(answer, str) else json.dumps(answer)
    lines = "Event-Name: BACKGROUND_JOB\nCore-UUID: c\nJob-UUID: 7\nJob-Command: x\n"
    return event(lines, said)


def kept(path: Path) -> list[Message]:
    return list(messages(path.read_bytes(), NOON))


def test_it_looks_like_a_session(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED)
    trace.began(NOON)
    trace.event(
        event("Event-Name: CHANNEL_CREATE\nUnique-ID: u\nCaller-Caller-ID-Name: x%0Ay\n"), NOON
    )
    trace.event(event("Event-Name: CHANNEL_DESTROY\n"), LATER)
    trace.ended(LATER)
    trace.close()
    data = (tmp_path / "t").read_bytes()
    assert data.startswith(GREETING)
    up, create, mark, destroy, down = kept(tmp_path / "t")
    assert (up.event, up["Link"], up["Received"]) == (MARK_EVENT, "up", "1795262400.000000")
    assert create["Caller-Caller-ID-Name"] == "x\ny"
    assert (mark["Received"], mark.get("Link")) == ("1795262401.000000", None)
    assert destroy.event == "CHANNEL_DESTROY"
    assert down["Link"] == "down"
    assert sum(frame.size for frame in Cutter().feed(data)) == len(data)


def test_no_digit_of_a_variable_is_kept(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED)
    trace.began(NOON)
    lines = f"Event-Name: CHANNEL_CREATE\nvariable_card: {CARD}\nDTMF-Digit: 4\n"
    trace.event(event(lines, CARD), NOON)
    trace.job(job({"Event-Name": "CHANNEL_DATA", "variable_card": CARD, "Unique-ID": "u"}), NOON)
    trace.job(job({"row_count": 1, "rows": [{"uuid": "u", "application_data": CARD}]}), NOON)
    trace.job(job("x" * 200 + CARD), NOON)
    trace.close()
    assert CARD not in (tmp_path / "t").read_text()
    _, create, dump, rows, long = kept(tmp_path / "t")
    assert dict(create) == {"Event-Name": "CHANNEL_CREATE"}
    assert json_headers(dump["_body"]) == {"Event-Name": "CHANNEL_DATA", "Unique-ID": "u"}
    assert json.loads(rows["_body"]) == {"row_count": 1, "rows": [{"uuid": "u"}]}
    assert (rows["Job-UUID"], rows["Job-Command"]) == ("7", "x")
    assert long["_body"] == "x" * 200


@pytest.mark.parametrize("answer", ["+OK Success\n", "-ERR no\n", "", "[1]", "7", "{", "Zoë"])
def test_short_answers_are_kept(tmp_path: Path, answer: str) -> None:
    trace = Trace(tmp_path / "t", WANTED)
    trace.began(NOON)
    trace.job(job(answer), NOON)
    trace.close()
    assert kept(tmp_path / "t")[1].get("_body", "") == answer


def test_it_is_added_to_and_half_a_frame_is_cut_off(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED)
    trace.began(NOON)
    trace.close()
    whole = (tmp_path / "t").read_bytes()
    for half in (b"Content-Len", b"Content-Length: 9\nContent-Type: x\n\n1234", b""):
        (tmp_path / "t").write_bytes(whole + half)
        trace = Trace(tmp_path / "t", WANTED)
        trace.close()
        assert (tmp_path / "t").read_bytes() == whole


@pytest.mark.parametrize(
    "other", [b"Asterisk Call Manager/11.0.0\r\n\r\n", b"notes", GREETING + b"garbage\n\n"]
)
def test_something_else_is_left_alone(tmp_path: Path, other: bytes) -> None:
    (tmp_path / "t").write_bytes(other)
    with pytest.raises(ConfigError, match="holds something else"):
        Trace(tmp_path / "t", WANTED)
    assert (tmp_path / "t").read_bytes() == other


def test_when_it_is_full_it_says_so_and_stops(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED, limit_bytes=2000)
    trace.began(NOON)
    for _ in range(100):
        trace.event(event("Event-Name: CHANNEL_CREATE\nUnique-ID: u\n"), NOON)
    assert not trace.writing
    assert (tmp_path / "t").stat().st_size <= 2000
    assert kept(tmp_path / "t")[-1]["Link"] == "trace ends"
    with pytest.raises(ConfigError, match="is full"):
        Trace(tmp_path / "t", WANTED, limit_bytes=2000)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED)
    assert os.stat(tmp_path / "t").st_mode & 0o777 == 0o600  # noqa: PTH116
    with pytest.raises(ConfigError, match="another bridge writes it"):
        Trace(tmp_path / "t", WANTED)
    trace.close()


class Shouting:
    """Stands for a mask."""

    def headers(self, event: Mapping[str, str]) -> dict[str, str]:
        return {name: value.upper() for name, value in event.items()}

    def answer(self, job: Mapping[str, str], said: str) -> str:
        return f"{job['Job-Command']}: {said.upper()}"


def test_what_is_kept_is_masked_and_as_long_as_it_says(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t", WANTED, mask=Shouting())
    trace.began(NOON)
    trace.event(
        event("Event-Name: e\nUnique-ID: _undef_\nCaller-Caller-ID-Name: %0A%ffstra%c3%9fe: 1\n"),
        NOON,
    )
    trace.job(job({"Unique-ID": ["u", "v"], "Event-Name": 7}), NOON)
    trace.job(job({"row_count": 1, "rows": [{"uuid": "u"}, "x"]}), NOON)
    trace.job(job("hara"), NOON)
    trace.close()
    assert trace.writing is False
    _, told, dump, rows, answer = kept(tmp_path / "t")
    assert dict(told) == {
        "Event-Name": "E",
        "Caller-Caller-ID-Name": "\n\N{REPLACEMENT CHARACTER}STRASSE: 1",
    }
    assert json.loads(dump["_body"]) == {"Unique-ID": "U", "Event-Name": ""}
    assert json.loads(rows["_body"]) == {"row_count": 1, "rows": [{"uuid": "U"}]}
    assert answer["_body"] == "x: HARA"
    data = (tmp_path / "t").read_bytes()
    assert sum(frame.size for frame in Cutter().feed(data)) == len(data)
