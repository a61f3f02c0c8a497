"""The workers' commands: ``worker``, ``scheduler`` and ``retention``."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from hushtape import config as configuration
from hushtape import handoff_names, logs
from hushtape.cli import config_option
from hushtape.errors import ConfigError, HushtapeError
from hushtape.printable import say
from hushtape.recordings import number_key
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.change_command import change
from hushtape.recordings.moments import parse_moment
from hushtape.recordings.reading import entries
from hushtape.recordings.retention import Ruling, Verdict, plan

json_logs_option = click.option("--json-logs", is_flag=True, help="Log one JSON object a line.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log more.")


@click.command()
@config_option
@click.option("--pbx", "pbx_names", multiple=True, help="Only this PBX's spool; may be repeated.")
@click.option("--processes", type=click.IntRange(0, 256), help="For each spool; 0: processors.")
@click.option("--upkeep/--no-upkeep", default=True, help="Delete what is due, too.")
@json_logs_option
@verbose_option
def worker(
    config_path: Path,
    pbx_names: tuple[str, ...],
    processes: int | None,
    upkeep: bool,
    json_logs: bool,
    verbose: bool,
) -> None:
    """Turn spool files into archived recordings, and delete recordings whose time is over.

    Runs on the machine that has the PBX's spool, and watches its disks, too. Ends with Ctrl-C or
    SIGTERM, when the recordings in hand are done.

    \b
      hushtape worker -c hushtape.toml --pbx town-hall --processes 4
    """
    # Here, not above: the other commands of this file must not pay for what a task needs.
    from hushtape import alarms, checks, doors
    from hushtape.policy.reading import folder
    from workers import disk, runtime, supervisor
    from workers.alarm_pipe import SEND, AlarmPipe
    from workers.log import log

    logs.configure("worker", json_logs, verbose)
    config = configuration.load(config_path)
    for name in pbx_names:
        if name not in config.pbx:
            raise ConfigError("--pbx", f"{config_path} names no PBX {name}")
    folder.load(config)  # nothing is stored where a policy doesn't allow it
    number_key.load_or_create(config.number_key_path)
    wanted = config.workers.processes if processes is None else processes
    count = wanted or os.cpu_count() or 1
    pbxes = tuple(dict.fromkeys(pbx_names or config.pbx))
    spools = [handoff_names.spool_queue(name) for name in pbxes]
    for words in checks.rights_warnings(config, pbxes):
        log.warning("the folders' rights", why=words)
    queues = [disk.WATCH] + spools * count + [handoff_names.UPKEEP_QUEUE] * upkeep
    webhook = doors.webhook(config, str(config_path))
    pipe = AlarmPipe()
    if webhook is not None:
        alarms.send_to(pipe.put)
        queues.insert(0, SEND)

    def serve(queue: str, parent_pid: int) -> None:
        if queue == disk.WATCH:
            disk.watch(config, pbxes, parent_pid)
        elif queue == SEND and webhook is not None:
            pipe.send(webhook, parent_pid)
        else:
            runtime.serve(queue, runtime.Context(config), parent_pid)

    runtime.preload()
    supervisor.supervise(queues, serve)


@click.command()
@config_option
@json_logs_option
@verbose_option
def scheduler(config_path: Path, json_logs: bool, verbose: bool) -> None:
    """Ring for deletions every minute, and every half minute for what was forgotten or is missing.

    Serves the workers' metrics, too, where a port for them is configured. Any number of schedulers
    may run: together they ring once.

    \b
      hushtape scheduler -c hushtape.toml
    """
    from hushtape import doors, metrics, redis_link, webhook
    from workers import gauges
    from workers import scheduler as scheduling

    logs.configure("scheduler", json_logs, verbose)
    config = configuration.load(config_path)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with webhook.sending(doors.webhook(config, str(config_path))):
        server = gauges.start(config, lambda: redis_link.connect(config))
        try:
            scheduling.run(config, ended)
        finally:
            metrics.stop(server)


@click.group()
def retention() -> None:
    """See what will be deleted when and why, change it, and delete what is due.

    \b
      hushtape retention plan
      hushtape retention plan --at 2027-02-01
      hushtape retention sweep --dry-run
      hushtape retention change --policy town --keep "30 days" --reason "…" --by dpo
    """


retention.add_command(change)


@retention.command("plan")
@config_option
@click.option("--at", "at_text", default="", help="Look at another day: 2027-02-01 or a time.")
@click.option("--due", "only_due", is_flag=True, help="Only what is to be deleted then.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def plan_command(
    config_path: Path, at_text: str, only_due: bool, limit: int, as_json: bool
) -> None:
    """Say for each recording in the archive whether it is due, held or kept, and why.

    Nothing is changed. Oldest calls come first.

    \b
      hushtape retention plan --at 2027-02-01 --due
    """
    config = configuration.load(config_path)
    at = parse_moment(at_text) if at_text else datetime.now(UTC)
    rulings, unread = _rulings(LocalArchive(config.archive_path), at, only_due, limit)
    if as_json:
        for ruling in rulings:
            say(msgspec.json.encode(ruling).decode())
    else:
        _show(rulings)
        if len(rulings) == limit:
            say(f"(the first {limit}; --limit shows more)")
        due = sum(ruling.verdict is Verdict.DELETE for ruling in rulings)
        what = "due" if only_due else f"recording{'s' * (len(rulings) != 1)}, {due} due"
        say(f"{len(rulings)} {what}")
    _show_unread(unread)


@retention.command("sweep")
@config_option
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
def sweep_command(config_path: Path, dry_run: bool, limit: int) -> None:
    """Delete now what is due now; the workers do the same every minute.

    Each deletion is verified, and its proof is kept in the archive. What isn't due or is held is
    never deleted.

    \b
      hushtape retention sweep --dry-run
    """
    config = configuration.load(config_path)
    archive = LocalArchive(config.archive_path)
    if dry_run:
        rulings, unread = _rulings(archive, datetime.now(UTC), True, limit)
        _show(rulings)
        say(f"{len(rulings)} would be deleted; nothing was")
        _show_unread(unread)
        if unread:
            raise HushtapeError(f"{len(unread)} can't be read, so they would not be deleted")
        return
    from hushtape import redis_link
    from hushtape.recordings.catalogue import Catalogue
    from workers import expire

    client = redis_link.connect(config)
    archive.check()
    with redis_link.reaching(config):
        swept = expire.sweep(archive, Catalogue(client), lambda: datetime.now(UTC), limit)
        unlooked = Catalogue(client).unread()
    for recording_id in swept.deleted:
        say(f"deleted {recording_id}")
    for ruling in swept.kept:
        say(f"{ruling.id}: {ruling.why}")
    for recording_id, why in swept.failed:
        say(f"NOT deleted {recording_id}: {why}", err=True)
    for recording_id in unlooked:
        why = f"it can't be read, see `hushtape recordings show {recording_id}`"
        say(f"NOT looked at {recording_id}: {why}", err=True)
    say(f"{len(swept.deleted)} deleted, {len(swept.failed)} failed")
    if swept.failed:
        raise HushtapeError("not everything that is due could be deleted")
    if unlooked:
        raise HushtapeError(f"{len(unlooked)} can't be read, so they are not deleted")


def _rulings(
    archive: LocalArchive, at: datetime, only_due: bool, limit: int
) -> tuple[list[Ruling], list[str]]:
    archive.check()
    unread: list[str] = []
    rulings = (
        ruling
        for ruling in plan(entries(archive, unread), at)
        if not only_due or ruling.verdict is Verdict.DELETE
    )
    return list(itertools.islice(rulings, limit)), unread


def _show_unread(unread: list[str]) -> None:
    for words in unread:
        say(f"hushtape: {words}", err=True)


def _show(rulings: list[Ruling]) -> None:
    for ruling in rulings:
        say(f"{ruling.id}  {ruling.verdict.value:<6}  {ruling.why}")
