"""Sound, to be played where the terminal is: written to standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hushtape import config as configuration
from lab.compose import places


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("recording_id", default="")
def recording(recording_id: str) -> None:
    """Write a recording to standard output; the newest one, if none is named.

    \b
      docker-compose run --rm -T softphone recording >call.opus
    """
    archive = Path(configuration.load(places.CONFIG).archive_path)
    manifests = sorted(archive.glob(f"[0-9]*/*/*/{recording_id or '*'}/manifest.json"))
    if not manifests:
        raise click.UsageError("there is no such recording: `hushtape recordings list` names them")
    newest = max(manifests, key=lambda each: each.parent.name)
    name = json.loads(newest.read_bytes())["audio"]["name"]
    sys.stdout.buffer.write((newest.parent / name).read_bytes())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def heard() -> None:
    """Write to standard output what the caller heard in the terminal phone's last call.

    \b
      docker-compose run --rm -T softphone heard >heard.wav
    """
    path = places.HEARD / "heard.wav"
    if not path.exists():
        raise click.UsageError("nobody has made a call yet: docker-compose run --rm softphone")
    sys.stdout.buffer.write(path.read_bytes())
