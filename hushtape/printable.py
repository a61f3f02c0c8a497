"""Text for terminals and logs: whatever a network put into it, it stays in its line."""

from __future__ import annotations

import json
import traceback
from types import TracebackType
from typing import TextIO

import click

INDENT = "    "


def printable(text: str) -> str:
    r"""Write what can't be seen as JSON does, ``\u001b``: so JSON with it remains the same JSON.

    That is every control character (line breaks and terminals' escapes), every mark that turns the
    direction of writing or takes no room, and half characters.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def say(line: str, *, err: bool = False) -> None:
    """Write one line for a person, to standard output or standard error."""
    click.echo(printable(line), err=err)


def write_traceback(
    stream: TextIO,
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None],
) -> None:
    """Write a traceback of which no line can pass for a line of the log: indented, printable."""
    lines = "".join(traceback.format_exception(*exc_info)).rstrip("\n").split("\n")
    stream.writelines(f"\n{INDENT}{printable(line)}" for line in lines)
