"""``hushtape policy test``: a policy's own examples, or a recorded session, played against it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hushtape.config import DEFAULT_CONFIG, Pbx
from hushtape.policy.options import map_option, pbx_of, pbx_option, policies_option, read
from hushtape.printable import say

DIFFERS = 1  # the exit code


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER]...")
@click.option(
    "--session",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What a PBX said: a file made by `hushtape bridge --trace`.",
)
@policies_option
@map_option
@pbx_option
@click.option("--numbers", is_flag=True, help="Show who called, and the number that was dialled.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def policy_test(
    paths: tuple[Path, ...],
    session: Path | None,
    folder: Path | None,
    config_path: Path | None,
    pbx_name: str,
    numbers: bool,
    as_json: bool,
) -> None:
    """Try policies: on the examples that are kept beside them, or on a recorded session.

    Examples are kept in NAME.scenarios.toml beside NAME.toml. Of a session it is said what would
    be recorded of each call, and why. Exit code 1: something came out otherwise.

    \b
    Examples:
      hushtape policy test examples/policies
      hushtape policy test examples/policies/surrey.toml
      hushtape policy test --session /root/call.trace -c hushtape.toml --policies drafts
    """
    if (session is None) == (not paths):
        raise click.UsageError("expected files or folders of policies, or --session FILE")
    if session is not None:
        _session(session, folder, config_path, pbx_name, numbers=numbers, as_json=as_json)
        return
    if folder is not None or numbers:
        raise click.UsageError("--policies and --numbers go with --session")
    pbx = _pbx(config_path, pbx_name) if config_path is not None or pbx_name else None
    _examples(paths, pbx, as_json=as_json)


def _examples(paths: tuple[Path, ...], pbx: Pbx | None, *, as_json: bool) -> None:
    import msgspec

    from ami_bridge.rehearsal import policy_test as tests
    from hushtape.policy.trying import scenarios

    played, wrong = 0, 0
    documents: list[dict[str, Any]] = []
    for path in (each for given in paths for each in scenarios.find(given)):
        results = list(tests.play(scenarios.load(path), pbx))
        played += len(results)
        wrong += sum(not each.ok for each in results)
        if as_json:
            documents += [
                {
                    "file": str(path),
                    "scenario": each.name,
                    "ok": each.ok,
                    "differs": [
                        {"expected": wanted, "came": came} for wanted, came in each.differs
                    ],
                    "outcome": msgspec.to_builtins(each.came),
                }
                for each in results
            ]
            continue
        say(f"{path.name}: {len(results)} scenario{'s' * (len(results) != 1)}")
        for line in tests.report(results):
            say(line)
    if as_json:
        for document in documents:
            say(msgspec.json.encode(document).decode())
    else:
        say(f"{played} played, {wrong} not as expected" if wrong else f"{played} as expected")
    if wrong:
        sys.exit(DIFFERS)


def _session(
    path: Path,
    folder: Path | None,
    config_path: Path | None,
    pbx_name: str,
    *,
    numbers: bool,
    as_json: bool,
) -> None:
    import msgspec

    from ami_bridge.kinds import player_of
    from ami_bridge.rehearsal import session_report
    from hushtape import config

    loaded = config.load(config_path or DEFAULT_CONFIG)
    policies = read(folder or Path(loaded.policies.folder))
    pbx = pbx_of(loaded, pbx_name)
    played = player_of(pbx)(path, pbx, policies)
    if as_json:
        for document in session_report.documents(played, numbers=numbers):
            say(msgspec.json.encode(document).decode())
        return
    zone = policies[0].zone
    for line in session_report.lines(played, zone, numbers=numbers):
        say(line)


def _pbx(config_path: Path | None, name: str) -> Pbx:
    from hushtape import config

    return pbx_of(config.load(config_path or DEFAULT_CONFIG), name)
