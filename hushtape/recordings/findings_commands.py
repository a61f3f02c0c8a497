"""``hushtape recordings findings``: what should have been recorded and isn't, or isn't whole."""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from click.core import ParameterSource

from hushtape import config as configuration
from hushtape import redis_link
from hushtape.cli import config_option
from hushtape.config import Config
from hushtape.errors import ConfigError, RecordingError
from hushtape.ids import is_call_id
from hushtape.printable import say
from hushtape.recordings import acts, assurance, layout
from hushtape.recordings.acts import Act
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.assurance import MEANINGS, Finding, Kind, Seen, Summary
from hushtape.recordings.catalogue import Catalogue, read_entry
from hushtape.recordings.findings import Findings
from hushtape.recordings.ledger import Expectation, Ledger, State
from hushtape.recordings.moments import local, parse_moment

SINCE_DEFAULT = timedelta(days=7)
_KINDS = click.Choice([kind.value for kind in Kind])


@click.group("findings", invoke_without_command=True)
@config_option
@click.option("--since", default="", help="Calls from this time on; left out: the last 7 days.")
@click.option("--before", default="", help="Only calls before this time.")
@click.option("--kind", "kinds", multiple=True, type=_KINDS, help="Only these; may be repeated.")
@click.option("--pbx", default="", help="Only calls of this PBX.")
@click.option("--unseen", is_flag=True, help="Only those at which nobody has looked.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, the summary last.")
@click.pass_context
def findings(
    ctx: click.Context,
    config_path: Path,
    since: str,
    before: str,
    kinds: tuple[str, ...],
    pbx: str,
    unseen: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List what should have been recorded and isn't there, or isn't whole; newest call first.

    Every recorder that was started is expected. Five minutes after the call's end its recording is
    archived, or it is listed here.

    \b
      hushtape recordings findings --since 2026-11-01 --unseen
      hushtape recordings findings --kind missing --kind silent
      hushtape recordings findings seen 20261121-171502-k3f9x2m7 --words "a wrong number"
    """
    if ctx.invoked_subcommand is not None:
        return
    config = configuration.load(config_path)
    now = datetime.now(UTC)
    first = parse_moment(since) if since else now - SINCE_DEFAULT
    last = parse_moment(before) if before else now
    client = redis_link.connect(config)
    with redis_link.reaching(config):
        listed = Findings(client)
        shown = list(
            itertools.islice(
                (
                    each
                    for each in listed.between(first, last)
                    if (not kinds or {*kinds} & {*each.kinds})
                    and (not pbx or each.pbx == pbx)
                    and (each.open or not unseen)
                ),
                limit,
            )
        )
        summary = assurance.summarize(
            Catalogue(client).count_between(first, last),
            listed.between(first, last),
            len(_on_the_way(Ledger(client).all().values(), now)),
            first,
            last,
        )
        complete = Catalogue(client).is_complete()
    if as_json:
        for each in (*shown, summary):
            say(msgspec.json.encode(each).decode())
        return
    for line in table(shown):
        say(line)
    if len(shown) == limit:
        say(f"(the newest {limit}; --limit shows more)")
    when = f"calls from {local(first)} to {local(last)}"
    if not since and not before:
        when = f"the last {SINCE_DEFAULT.days} days"
    for line in summary_lines(summary, when):
        say(line)
    if not complete:
        say("the catalogue is being rebuilt: the numbers are not final", err=True)


@findings.command("seen")
@config_option
@click.argument("recording_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--words", default="", help="What you found out; kept beside the recording.")
@click.pass_context
def seen_command(
    ctx: click.Context, config_path: Path, recording_ids: tuple[str, ...], words: str
) -> None:
    """Note that you have looked at a finding: it is counted no longer as open.

    The note is kept beside the recording, if there is one, with your account's name.

    \b
      hushtape recordings findings seen 20261121-171502-k3f9x2m7 --words "the caller said nothing"
    """
    given = ctx.get_parameter_source("config_path")
    if ctx.parent is not None and given is not ParameterSource.COMMANDLINE:
        config_path = ctx.parent.params.get("config_path", config_path)  # it may stand before
    config = configuration.load(config_path)
    for each in recording_ids:
        if not is_call_id(each):
            raise ConfigError("ID", f'"{each}": expected the shape 20261121-171502-k3f9x2m7')
    if len(words) > acts.WORDS_LIMIT:
        raise ConfigError("--words", f"at most {acts.WORDS_LIMIT} characters")
    client = redis_link.connect(config)
    with redis_link.reaching(config):
        for each in recording_ids:
            _mark(config, Catalogue(client), Findings(client), each, words)
            say(f"{each}: seen")


def table(found: Iterable[Finding]) -> list[str]:
    """The findings as lines of columns; times are this machine's."""
    rows = [("start", "PBX", "what", "id", "in words")]
    for each in found:
        told = [_plain(words) for words in each.words[:2]]
        told += [f"and {len(each.words) - 2} more"] * (len(each.words) > 2)
        if each.seen is not None:
            note = f": {each.seen.words}" if each.seen.words else ""
            told.append(f"seen by {each.seen.by} on {local(each.seen.at)}{note}")
        kinds = ", ".join(each.kinds)
        rows.append((local(each.started_at), each.pbx or "-", kinds, each.id, "; ".join(told)))
    if len(rows) == 1:
        return ["nothing was found"]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def summary_lines(summary: Summary, when: str) -> list[str]:
    """What became of the recordings of a stretch of time, in sentences.

    Args:
        when: the stretch of time in words: "the last 7 days".
    """
    count = f"{summary.good:,} of {summary.expected:,} recordings"
    lines = [f"{count} of {when} are archived without a remark"]
    lines += [
        f"{summary.kinds[kind]:>6,}  {kind.value}: {MEANINGS[kind]}"
        for kind in Kind
        if kind in summary.kinds
    ]
    if summary.not_seen:
        lines.append(f"nobody has looked at {summary.not_seen:,} of them yet")
    if summary.on_the_way:
        lines.append(f"{summary.on_the_way:,} more are on their way: live, or over a moment ago")
    return lines


def _on_the_way(expected: Iterable[Expectation], now: datetime) -> list[Expectation]:
    """Those of which nobody can say yet what becomes of them."""
    return [
        each
        for each in expected
        if now - ((each.ended_at if each.state is State.HANDED_OFF else each.seen_at) or now)
        <= assurance.PROMISED
    ]


def _mark(
    config: Config, catalogue: Catalogue, listed: Findings, recording_id: str, words: str
) -> None:
    """Write the act first, where there is a recording, and tell Redis afterwards."""
    finding = listed.get(recording_id)
    if finding is None:
        raise RecordingError(f"nothing was found to be wrong with {recording_id}")
    seen = Seen(at=datetime.now(UTC), by=_account(), words=words)
    archive = LocalArchive(config.archive_path)
    archive.check()
    if archive.exists(layout.manifest(recording_id)):
        act = Act(kind=acts.FINDING_SEEN, at=seen.at, by=seen.by, words=words)
        acts.append(archive, recording_id, act, secrets.token_bytes(acts.RANDOM_BYTES))
        catalogue.add(read_entry(archive, recording_id))
    else:
        listed.mark_seen(recording_id, seen)


def _account() -> str:
    """Who runs this: the account, behind sudo the one that called it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return os.environ.get("SUDO_USER", name) if os.getuid() == 0 else name


def _plain(remark: str) -> str:
    """A remark without the word that stands in the table already."""
    word, _, rest = remark.partition(": ")
    return rest if word in {kind.value for kind in Kind} else remark
