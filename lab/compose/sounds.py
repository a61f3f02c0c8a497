"""Sound, to be played where the terminal is: written to standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hushtape import config as configuration
from lab.compose import places

LISTED = "`docker-compose exec worker hushtape recordings list` names those that there are"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("recording_id", default="")
def recording(recording_id: str) -> None:
    """Write a recording to standard output; the newest one, if none is named.

    \b
      docker-compose run --rm -T softphone recording >call.opus
    """
    archive = Path(configuration.load(places.CONFIG).archive_path)
    manifests = [
        each
        for each in archive.glob("[0-9]*/*/*/*/manifest.json")
        if recording_id in ("", each.parent.name)
    ]
    if not manifests:
        what = f'no recording "{recording_id}"' if recording_id else "no recording yet"
        raise click.ClickException(f"there is {what}; {LISTED}")
    newest = max(manifests, key=lambda each: each.parent.name)
    name = json.loads(newest.read_bytes())["audio"]["name"]
    _write(newest.parent / name)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def heard() -> None:
    """Write to standard output what the caller heard in the terminal phone's last call.

    \b
      docker-compose run --rm -T softphone heard >heard.wav
    """
    path = places.HEARD / "heard.wav"
    if not path.exists():
        raise click.ClickException("nobody has made a call yet: docker-compose run --rm softphone")
    _write(path)


def _write(path: Path) -> None:
    if sys.stdout.isatty():
        raise click.ClickException("sound is for a file or a player: add -T after --rm, and > FILE")
    sys.stdout.buffer.write(path.read_bytes())
