"""Says what the lab is going to install, asks, and installs it. `python -m lab.install --yes`."""

from __future__ import annotations

import sys

import click

from lab import machine


def offer(yes: bool) -> None:
    """Install what is missing, if the person agrees; end the program if not."""
    steps = machine.plan()
    if not steps:
        return
    click.echo("The lab is going to install:")
    for step in steps:
        click.echo(f"  - {step.sentence} ({step.size_mb} MB)")
    if not yes and not click.confirm("Go ahead?"):
        click.echo("Nothing was installed.")
        sys.exit(1)
    try:
        machine.install(steps, click.echo)
    except machine.MachineError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
def main(yes: bool) -> None:
    """Install what the lab and the tests need: Asterisk, softphones, ffmpeg."""
    offer(yes)


if __name__ == "__main__":
    main()
