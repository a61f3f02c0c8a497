"""``hushtape policy explain``: what happens to a call, step by step, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hushtape.config import DEFAULT_CONFIG
from hushtape.errors import ConfigError
from hushtape.policy.options import map_option, pbx_of, pbx_option, policies_option, read
from hushtape.printable import say
from hushtape.recordings.manifest import Direction

if TYPE_CHECKING:
    from hushtape.config import Config


@click.command()
@policies_option
@map_option
@pbx_option
@click.option(
    "--direction",
    type=click.Choice([each.value for each in Direction]),
    default=Direction.INBOUND.value,
    show_default=True,
)
@click.option("--dialled", default="", metavar="NUMBER", help="The number that was rung.")
@click.option("--queue", default="", metavar="NAME", help="The queue that it enters.")
@click.option(
    "--extension", default="", metavar="EXTENSION", help="The agent's; outbound: who rings."
)
@click.option("--at", "at_text", default="", metavar="TIME", help="When it begins; left out: now.")
@click.option(
    "--then",
    "then",
    multiple=True,
    metavar="STEP",
    help='What happens, a time in seconds first: "20 blind transfer to 730".',
)
@click.option("--recording", "recording_id", default="", metavar="ID", help="One of the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def explain(
    folder: Path | None,
    config_path: Path | None,
    pbx_name: str,
    direction: str,
    dialled: str,
    queue: str,
    extension: str,
    at_text: str,
    then: tuple[str, ...],
    recording_id: str,
    as_json: bool,
) -> None:
    """Say what happens to a call under the policies, and by which rule.

    Without --then: what each thing that may happen to it would do. With --recording: why a
    recording is as it is, and what the policy's version of today would say of it.

    \b
    Examples:
      hushtape policy explain --policies examples/policies --queue help-line
      hushtape policy explain --queue help-line --then "5 agent answers" --then "20 transfer to 730"
      hushtape policy explain --recording 20261121-171502-k3f9x2m7
    """
    config = _config(config_path, needed=folder is None or bool(recording_id or pbx_name))
    policies = read(_folder(folder, config))
    if recording_id:
        from ami_bridge.rehearsal import explain_recording

        if config is None or then or dialled or queue:
            raise click.UsageError("--recording goes with --config, and with no other call")
        for line in explain_recording.explain(config, policies, recording_id, datetime.now(UTC)):
            say(line)
        return
    import msgspec

    from ami_bridge.rehearsal import explain as words
    from ami_bridge.rehearsal.places import finder
    from ami_bridge.rehearsal.stage import CallWords
    from hushtape.policy.dates import out_of_reach
    from hushtape.policy.trying import script
    from hushtape.recordings.moments import parse_moment

    zone = policies[0].zone if policies else UTC
    at = parse_moment(at_text, zone) if at_text else datetime.now(UTC)
    beyond = out_of_reach(at)
    if beyond:
        raise ConfigError("--at", beyond)
    call = CallWords(at, Direction(direction), dialled, queue, extension)
    place_of = finder(pbx_of(config, pbx_name) if config is not None else None)
    try:
        steps = script.in_order(
            script.parse_step(each, number) for number, each in enumerate(then, start=1)
        )
        if steps:
            lines, came = words.step_by_step(call, steps, policies, place_of)
            things: list[words.Possible] = []
        else:
            lines, came, things = words.everything(call, policies, place_of)
    except script.ScriptError as error:
        raise ConfigError(
            f"--then, number {error.line}" if error.line else "call", error.what
        ) from None
    if as_json:
        found = {"outcome": msgspec.to_builtins(came)}
        if not steps:
            found["may_happen"] = [
                {"what": each.what, "then": each.then, "why": each.why} for each in things
            ]
        say(msgspec.json.encode(found).decode())
        return
    for line in lines:
        say(line)


def _config(path: Path | None, *, needed: bool) -> Config | None:
    if path is None and not needed:
        return None
    from hushtape import config

    return config.load(path or DEFAULT_CONFIG)


def _folder(folder: Path | None, config: Config | None) -> Path:
    if folder is not None:
        return folder
    assert config is not None  # noqa: S101
    return Path(config.policies.folder)
