"""What a network put into a text stays in its line, on a terminal and in a log."""

from __future__ import annotations

import io
import sys

import click
import pytest
from click.testing import CliRunner

from hushtape.printable import printable, say, write_traceback


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Šimůnek 北京 👩", "Zoë Šimůnek 北京 👩"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\u0000"),
        ("\x1b[2J\x9b2J\x7f", r"\u001b[2J\u009b2J\u007f"),
        ("1\u202e2\u200b3\ufeff\u2028", r"1\u202e2\u200b3\ufeff\u2028"),
        ("\ud83d", r"\ud83d"),
        ("\U000e0041", r"\udb40\udc41"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_say_writes_one_line() -> None:
    @click.command()
    def command() -> None:
        say("one\ntwo\x1b[2J")
        say("three\r", err=True)

    result = CliRunner().invoke(command)
    assert result.stdout == "one\\ntwo\\u001b[2J\n"
    assert result.stderr == "three\\r\n"


def test_no_line_of_a_traceback_passes_for_one_of_the_log() -> None:
    stream = io.StringIO()
    try:
        raise ValueError("x\n2026-11-21 [error] alarm\x1b[2J")
    except ValueError:
        write_traceback(stream, sys.exc_info())  # type: ignore[arg-type]
    lines = stream.getvalue().split("\n")
    assert lines[0] == ""
    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[-1] == r"    2026-11-21 [error] alarm\u001b[2J"
    assert all(line.startswith("    ") for line in lines[1:])
