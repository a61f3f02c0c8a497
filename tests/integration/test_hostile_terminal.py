"""What stands in logs and on terminals when somebody's strings are commands: text, in its line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.hostile_names import Hostile, hostile_names
from lab.stains import on_terminal

MARK = "x5d3f9e21"
NAMES = hostile_names(MARK)
TIMEOUT_S = 30
# One line for each, by each way into the log: an event's value, a library's message, an exception.
LOGS = """
import logging, sys
import structlog
from hushtape import logs
logs.configure("bridge", as_json=sys.argv[1] == "json")
log = structlog.get_logger()
for text in sys.argv[2:]:
    text = bytes.fromhex(text).decode("utf-8", "replace")
    log.info("value", why=text, many=[text], error=ValueError(text))
    log.info(text)
    logging.getLogger("redis").warning("message %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("exception")
"""
PER_NAME = 4
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def command(form: str, names: tuple[Hostile, ...]) -> list[str]:
    return [sys.executable, "-c", LOGS, form, *(each.raw.hex() for each in names)]


def logged(form: str, names: tuple[Hostile, ...]) -> str:
    done = subprocess.run(
        command(form, names), capture_output=True, timeout=TIMEOUT_S, check=True, cwd=Path.cwd()
    )
    assert done.stdout == b""
    return done.stderr.decode()


def test_json_logs_hold_an_event_in_each_line() -> None:
    lines = logged("json", NAMES).split("\n")
    assert lines.pop() == ""
    assert len(lines) == PER_NAME * len(NAMES)
    for each, first in zip(NAMES, range(0, len(lines), PER_NAME), strict=True):
        text = each.raw.decode("utf-8", "replace")
        value, event, message, failed = map(json.loads, lines[first : first + PER_NAME])
        assert value["why"] == text
        assert event["event"] == text
        assert message["event"] == f"message {text}"
        assert failed["exception"].endswith(f"ValueError: {text}")
    assert all(line.isascii() and line.isprintable() for line in lines)


@pytest.mark.parametrize("each", NAMES, ids=lambda each: each.kind)
def test_logs_for_people_hold_an_event_in_each_line(each: Hostile) -> None:
    lines = logged("text", (each,)).split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines)
    events = [line for line in lines if not line.startswith("    ")]
    assert len(events) == PER_NAME
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+Z \[\w+", line) for line in events)
    assert sum(MARK in line for line in events) == PER_NAME - 1
    traceback = [line for line in lines if line.startswith("    ")]
    assert traceback[0] == "    Traceback (most recent call last):"
    assert MARK in traceback[-1] or MARK in "".join(traceback)


def test_a_terminal_gets_our_colours_and_no_orders_of_others() -> None:
    printed = on_terminal(command("text", NAMES), TIMEOUT_S).decode().replace("\r\n", "\n")
    assert COLOUR.search(printed)
    plain = COLOUR.sub("", printed)
    assert all(line.isprintable() for line in plain.split("\n"))
    assert len([x for x in plain.split("\n") if x and not x.startswith("    ")]) == PER_NAME * len(
        NAMES
    )
