"""``hushtape bridge``: the thin skin around the loop."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import structlog

from ami_bridge.bridge import Bridge
from ami_bridge.desktop.server import ApiDoor
from ami_bridge.expected import Expected
from ami_bridge.handoff import Outbox
from ami_bridge.kinds import make_station, open_trace
from ami_bridge.lease import owner_of
from ami_bridge.live import LiveCalls
from ami_bridge.orders import Orders
from ami_bridge.policies import Policies
from ami_bridge.trace import TRACE_LIMIT_MB, TraceFile
from hushtape import config, doors, logs, metrics, redis_link, webhook
from hushtape.cli import config_option
from hushtape.config import Config
from hushtape.ids import RANDOM_BYTES, new_call_id
from hushtape.policy.schema import Policy
from hushtape.single import only_one

BYTES_PER_MB = 1_000_000
MOST_TRACE_MB = 100_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Wanted:
    """Which traces are wanted."""

    path: Path
    masked: bool
    limit_mb: int


@click.command()
@config_option
@click.option("--json-logs", is_flag=True, help="Log one JSON object a line.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option(
    "--trace",
    "trace_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    envvar="HUSHTAPE_TRACE",
    show_envvar=True,
    help="Keep what the PBX says; with several PBXes in FILE.NAME. Callers' names and numbers are "
    "in it.",
)
@click.option("--trace-mask", is_flag=True, help="With made-up names and numbers in the trace.")
@click.option(
    "--trace-limit",
    "trace_limit_mb",
    type=click.IntRange(1, MOST_TRACE_MB),
    default=TRACE_LIMIT_MB,
    show_default=True,
    metavar="MB",
    help="No more than that in each file.",
)
def bridge(
    config_path: Path,
    json_logs: bool,
    verbose: bool,
    trace_path: Path | None,
    trace_mask: bool,
    trace_limit_mb: int,
) -> None:
    """Listen to the PBXes, and start and stop recording as the policies say.

    One bridge serves every PBX of the configuration. It ends with Ctrl-C or SIGTERM: calls go on,
    their recorders are stopped, because nobody would stop them in time any more. The next bridge
    takes the calls over that are still there, and hands off those that are not.

    With SIGHUP it reads the policies again, for calls that begin from then on. A folder in which
    one of them is wrong is refused as a whole: the old ones stay in force.

    \b
    Examples:
      hushtape bridge -c /etc/hushtape/hushtape.toml
      hushtape bridge --trace /root/call.trace --trace-mask   to send to somebody
    """
    if trace_mask and trace_path is None:
        raise click.UsageError("--trace-mask needs --trace FILE")
    logs.configure("bridge", json_logs, verbose)
    loaded = config.load(config_path)
    passwords = config.passwords(loaded, str(config_path))
    redis_link.check(loaded)
    policies = Policies(loaded)
    wanted = Wanted(trace_path, trace_mask, trace_limit_mb) if trace_path is not None else None
    lock = loaded.data_path / "bridge.lock"
    door = ApiDoor(loaded, str(config_path))
    address = doors.webhook(loaded, str(config_path))
    with (
        only_one(lock, "bridge"),
        webhook.sending(address),
        _traces(wanted, loaded, policies.current) as traces,
    ):
        server = metrics.start_bridge(loaded.metrics.listen, loaded.metrics.bridge_port)
        try:
            asyncio.run(_serve(loaded, policies, passwords, owner_of(lock), traces, door))
        finally:
            metrics.stop(server)


@contextmanager
def _traces(
    wanted: Wanted | None, loaded: Config, policies: tuple[Policy, ...]
) -> Iterator[Mapping[str, TraceFile]]:
    """Open a trace for each PBX, if any are wanted.

    Raises:
        ConfigError: a file can't be used.
    """
    if wanted is None:
        yield {}
        return
    traces: dict[str, TraceFile] = {}
    with ExitStack() as opened:
        for name, pbx in loaded.pbx.items():
            path = wanted.path
            if len(loaded.pbx) > 1:
                path = path.with_name(f"{path.name}.{name}")
            masked_for = policies if wanted.masked else None
            trace = open_trace(pbx, path, wanted.limit_mb * BYTES_PER_MB, masked_for)
            traces[name] = opened.enter_context(closing(trace))
            level = log.info if wanted.masked else log.warning
            level("what the PBX says is kept", pbx=name, file=str(path), masked=wanted.masked)
        yield traces


async def _serve(
    loaded: Config,
    policies: Policies,
    passwords: dict[str, str],
    owner: str,
    traces: Mapping[str, TraceFile],
    door: ApiDoor,
) -> None:
    outbox = Outbox(loaded.outbox_path, lambda: redis_link.connect(loaded))
    the_bridge = Bridge(
        policies.current,
        outbox,
        LiveCalls(loaded.live_path),
        lambda at: new_call_id(at, secrets.token_bytes(RANDOM_BYTES)),
        Expected(lambda: redis_link.connect(loaded), outbox),
        Orders(loaded.orders_path, lambda: redis_link.connect(loaded)),
        loaded.payments.confirmed_within_s,
    )
    stations = [
        make_station(
            name,
            pbx,
            passwords[name],
            the_bridge,
            owner=owner,
            trace=traces.get(name),
            stop_timeout_s=loaded.payments.stop_timeout_s,
        )
        for name, pbx in loaded.pbx.items()
    ]
    the_bridge.adopt(stations)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, policies.again.set)
    watching = asyncio.create_task(policies.watch(the_bridge.use))
    try:
        async with door.open(the_bridge):
            await the_bridge.run(stations, ended)
    finally:
        watching.cancel()
