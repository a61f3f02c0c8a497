"""What several commands about policies are told on the command line, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from hushtape.config import DEFAULT_CONFIG
from hushtape.errors import ConfigError

if TYPE_CHECKING:
    from hushtape.config import Config, Pbx
    from hushtape.policy.schema import Policy

_Command = TypeVar("_Command", bound=Callable[..., object])


def optional_config(what_for: str) -> Callable[[_Command], _Command]:
    """Make ``-c`` for a command that does without a configuration, too: None where none is named.

    Args:
        what_for: the option's help.
    """
    return click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="HUSHTAPE_CONFIG",
        show_envvar=True,
        help=what_for,
    )


map_option = optional_config(
    f"The configuration file: its PBX says which number is what.  [default: {DEFAULT_CONFIG}]"
)
pbx_option = click.option(
    "--pbx", "pbx_name", default="", metavar="NAME", help="Which PBX of the configuration."
)
policies_option = click.option(
    "--policies",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The policies, or one policy's file. Left out: those of the configuration.",
)


def read(path: Path) -> tuple[Policy, ...]:
    """Read the policies of a folder, or the one of a file.

    Raises:
        PolicyError: one of them is wrong, or there is none.
    """
    from hushtape.policy import parse

    is_one = path.is_file() or (path.suffix == ".toml" and not path.is_dir())
    return (parse.load(path),) if is_one else parse.load_folder(path)


def pbx_of(config: Config, name: str) -> Pbx:
    """Find the PBX that is meant; ``""``: the only one.

    Raises:
        ConfigError: there is none of this name, or there are several to choose from.
    """
    several = ", ".join(config.pbx)
    if not name and len(config.pbx) > 1:
        raise ConfigError("--pbx", f"which one? There are: {several}")
    if name and name not in config.pbx:
        raise ConfigError("--pbx", f'there is no PBX "{name}"; there are: {several}')
    return config.pbx[name] if name else next(iter(config.pbx.values()))
