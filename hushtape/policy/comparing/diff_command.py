"""``hushtape policy diff``: which calls and recordings two versions treat differently."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hushtape.cli import config_option
from hushtape.errors import HushtapeError
from hushtape.policy import chosen
from hushtape.printable import say

SAME, DIFFERENT, TROUBLE = 0, 1, 2  # exit codes, those of the usual diff


@click.command()
@config_option
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diff(config_path: Path, old: str, new: str, as_json: bool) -> None:
    """Say which calls and which recordings two policies treat differently.

    OLD and NEW are files, or names of the configured policies with the day that is meant. Texts are
    not compared: every kind of call that the two can tell apart is decided under both.
    Exit code: 0 all is treated alike, 1 something isn't, 2 trouble.

    \b
      hushtape policy diff town.toml town-2027.toml
      hushtape policy diff surrey@2026-01-01 surrey@2027-01-01 -c hushtape.toml
    """
    from hushtape.policy.comparing import diff_text
    from hushtape.policy.comparing.diff import compare

    try:
        pair = chosen.find(old, config_path), chosen.find(new, config_path)
        difference = compare(*pair)
    except HushtapeError as error:
        say(f"hushtape: {error}", err=True)
        sys.exit(TROUBLE)
    if as_json:
        say(diff_text.as_json(*pair, difference))
    else:
        for line in diff_text.lines(*pair, difference):
            say(line)
    sys.exit(DIFFERENT if difference.is_any else SAME)
