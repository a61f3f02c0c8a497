"""The command line. Each program is found by its name, so that none is imported here."""

from __future__ import annotations

import os
import select
import signal
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from hushtape import __version__
from hushtape.config import DEFAULT_CONFIG
from hushtape.errors import ConfigError, HushtapeError
from hushtape.printable import say

PROGRAMS = "hushtape.programs"
NOBODY_READS = 128 + signal.SIGPIPE  # the exit code that shells give to what a closed pipe ended

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
    envvar="HUSHTAPE_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


class Programs(click.Group):
    """A group that also offers the commands that the installed programs bring along."""

    entry_group = PROGRAMS  # the group of entry points that name them

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, our own and the programs'."""
        return sorted({*super().list_commands(ctx), *(e.name for e in self._entries())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command when it is called for."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for entry in self._entries():
            if entry.name == cmd_name:
                command = entry.load()
                return command if isinstance(command, click.Command) else None
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what a person can act on is one line, not a traceback."""
        try:
            return super().invoke(ctx)
        except HushtapeError as error:
            say(f"hushtape: {error}", err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _nobody_reads():
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left
                sys.exit(NOBODY_READS)
            # A folder that can't be made, a disk that is full: for a person, not for a traceback.
            say(f"hushtape: {error.filename or 'system'}: {error.strerror}", err=True)
            sys.exit(ConfigError.exit_code)

    def _entries(self) -> list[Any]:
        return list(entry_points(group=self.entry_group))


def _nobody_reads() -> bool:
    """Tell whether standard output is a pipe whose reader is gone, as after ``| head``."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), select.POLLOUT)
    except (OSError, ValueError):
        return False  # it is no file of the system's
    return any(event & select.POLLERR for _, event in poll.poll(0))


@click.group(cls=Programs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hushtape")
def main() -> None:
    """Record a contact centre's calls exactly as far as a written policy allows.

    \b
    A first look:
      hushtape check -c hushtape.toml          is the configuration right?
      hushtape run -c hushtape.toml            bridge, worker and scheduler in one
      hushtape recordings list                 what was recorded
      hushtape retention plan                  what will be deleted when, and why
    """


@main.command()
@config_option
@click.option("--json-logs", is_flag=True, help="Log one JSON object a line.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(config_path: Path, json_logs: bool, verbose: bool) -> None:
    """Run bridge, worker and scheduler in one, with a Redis of its own if none is configured.

    Ends with Ctrl-C or SIGTERM, after the recordings in work are done.
    """
    from hushtape import config, doors, logs, redis_link
    from hushtape.policy.reading import folder
    from hushtape.run import run as run_parts

    logs.configure("run", json_logs, verbose)
    loaded = config.load(config_path)
    config.passwords(loaded, str(config_path))
    doors.check(loaded, str(config_path))
    redis_link.check(loaded)
    folder.load(loaded)
    loaded.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = ["--json-logs"] * json_logs + ["--verbose"] * verbose
    run_parts(loaded, config_path.resolve(), options)


@main.command()
@config_option
@click.option("--ask-redis", is_flag=True, help="Ask Redis, too, how it is set up.")
def check(config_path: Path, ask_redis: bool) -> None:
    """Check the configuration and the policies that it names, and say what they mean.

    Says how much room there is on this machine's disks. Nothing is changed, and nothing is
    contacted, but for Redis if that is asked for: whether it takes anything is tried by a key
    that lives for a second.
    """
    from hushtape import checks, config, doors, redis_link
    from hushtape.policy.reading import folder

    loaded = config.load(config_path)
    config.passwords(loaded, str(config_path))
    doors.check(loaded, str(config_path))
    redis_link.check(loaded)
    policies = folder.load(loaded)
    for name, pbx in loaded.pbx.items():
        tls = "TLS" if pbx.tls else "without TLS"
        say(f"PBX {name}: {pbx.kind} at {pbx.host}:{pbx.port}, {tls}")
        say(f"  spool {pbx.spool_path}")
    say(f"archive {loaded.archive_path}")
    say(f"Redis {'of our own' if not loaded.redis.url else 'as configured'}")
    for line in doors.lines(loaded):
        say(line)
    for policy in sorted(policies, key=lambda each: (each.name, each.version)):
        say(
            f"policy {policy.name}, in force from {policy.version}:"
            f" {policy.policy.title}, kept {policy.retention.keep}"
        )
    rooms, warnings = checks.disk_lines(loaded)
    warnings += checks.rights_warnings(loaded, loaded.pbx)
    if ask_redis:
        with redis_link.reaching(loaded):
            warnings += checks.redis_warnings(redis_link.connect(loaded))
    for line in rooms:
        say(line)
    for line in warnings:
        say(f"warning: {line}", err=True)
    say("all is well" if not warnings else "the configuration is right, see the warnings")
