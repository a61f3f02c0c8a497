"""``hushtape policy show``: a policy as sentences for a web page, or as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from hushtape.cli import config_option
from hushtape.errors import ConfigError
from hushtape.policy import chosen

FORMS = ("text", "markdown", "html", "svg", "json")


@click.command()
@config_option
@click.argument("what", metavar="FILE|NAME")
@click.option(
    "--as", "form", type=click.Choice(FORMS), default=FORMS[0], show_default=True, help="The form."
)
@click.option("--at", default="", metavar="DATE", help="With a NAME: its version of that day.")
def show(config_path: Path, what: str, form: str, at: str) -> None:
    """Say a policy in plain English sentences, as they can stand on a web page.

    With a FILE no configuration is needed. A NAME is looked up in the folder that the configuration
    names: the version that is in force today, or on a date. --as svg draws the states of a call.

    \b
      hushtape policy show examples/policies/surrey.toml
      hushtape policy show surrey --at 2026-01-01 --as html > surrey.html
    """
    if at:
        if "@" in what or what.endswith(".toml") or "/" in what:
            raise ConfigError("--at", "is for the NAME of a policy: a file is one version")
        what = f"{what}@{at}"
    policy = chosen.find(what, config_path)
    if form == "svg":
        from hushtape.policy.showing import picture

        click.echo(picture.svg(policy))
        return
    from hushtape.policy.showing import show as pages

    click.echo(pages.FORMS[form](policy))
