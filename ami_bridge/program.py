"""``hushtape bridge``: the thin skin around the loop."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path

import click

from ami_bridge.asterisk.station import AsteriskStation
from ami_bridge.bridge import Bridge
from ami_bridge.handoff import Outbox
from ami_bridge.live import LiveCalls
from hushtape import config, logs, redis_link
from hushtape.cli import config_option
from hushtape.config import Config
from hushtape.ids import RANDOM_BYTES, new_call_id
from hushtape.policy import parse
from hushtape.policy.schema import Policy
from hushtape.single import only_one


@click.command()
@config_option
@click.option("--json-logs", is_flag=True, help="Log one JSON object a line.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def bridge(config_path: Path, json_logs: bool, verbose: bool) -> None:
    """Listen to the PBXes, and start and stop recording as the policies say.

    One bridge serves every PBX of the configuration. It ends with Ctrl-C or SIGTERM: calls go on,
    their recorders are stopped, because nobody would stop them in time any more. The next bridge
    takes the calls over that are still there, and hands off those that are not.

    \b
    Example:
      hushtape bridge -c /etc/hushtape/hushtape.toml
    """
    logs.configure("bridge", json_logs, verbose)
    loaded = config.load(config_path)
    policies = parse.load_folder(Path(loaded.policies.folder))
    passwords = config.passwords(loaded, str(config_path))
    redis_link.check(loaded)
    with only_one(loaded.data_path / "bridge.lock", "bridge"):
        asyncio.run(_serve(loaded, policies, passwords))


async def _serve(loaded: Config, policies: tuple[Policy, ...], passwords: dict[str, str]) -> None:
    outbox = Outbox(loaded.outbox_path, lambda: redis_link.connect(loaded))
    the_bridge = Bridge(
        policies,
        outbox,
        LiveCalls(loaded.live_path),
        lambda at: new_call_id(at, secrets.token_bytes(RANDOM_BYTES)),
    )
    stations = [
        AsteriskStation(name, pbx, passwords[name], the_bridge) for name, pbx in loaded.pbx.items()
    ]
    the_bridge.adopt(stations)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await the_bridge.run(stations, ended)
