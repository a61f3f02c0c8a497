"""The service `softphone`: a phone in the terminal, or the tour, beside services that run."""

from __future__ import annotations

import click

from lab.__main__ import main as tour
from lab.compose import kills, places, sounds, terminal
from lab.compose.stage import open_stages


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """A phone in the terminal; or, with a command, something else.

    \b
      docker-compose run --rm softphone               ring, transfer, pay, hang up
      docker-compose run --rm softphone phone --policy uttlesford
      docker-compose run --rm softphone tour          every scenario, as ./run-lab
      docker-compose run --rm softphone tour --list
    """
    context.obj = open_stages
    context.default_map = {"tour": {"pbx": places.KIND}}
    if context.invoked_subcommand is None:
        context.invoke(terminal.phone)


main.add_command(tour, "tour")
main.add_command(terminal.phone)
main.add_command(kills.calls)
main.add_command(sounds.recording)
main.add_command(sounds.heard)

if __name__ == "__main__":
    main(prog_name="softphone")
