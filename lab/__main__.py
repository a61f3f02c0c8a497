"""`./run-lab`: install what is missing, make the tour, say what came of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lab import crowd, install, keep, kinds, table
from lab.payments import PAYMENTS
from lab.scenarios import MADE_UP, SCENARIOS
from lab.tour import Selection, Stages, run
from lab.town import COUNCILS
from lab.troubles import FAULTS

CROWD = "crowd"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes", is_flag=True, help="Install what is missing without asking.")
@click.option("--list", "list_only", is_flag=True, help="List scenarios and policies, and end.")
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Only this one.")
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="Only this policy.")
@click.option(
    "--pbx",
    type=click.Choice(kinds.KINDS),
    default=kinds.ASTERISK,
    show_default=True,
    help="What the calls are made through.",
)
@click.option(
    "--keep", "keep_running", is_flag=True, help="Leave it running afterwards, to ring it yourself."
)
@click.option(
    "--table",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the results as a Markdown page, too.",
)
@click.pass_obj
def main(
    stages: Stages | None,
    yes: bool,
    list_only: bool,
    names: tuple[str, ...],
    policies: tuple[str, ...],
    pbx: str,
    keep_running: bool,
    page: Path | None,
) -> None:
    """Hear real calls recorded as five councils' policies say.

    Starts PBXes of its own, SIP phones that each sing their own tone, and Hushtape beside
    them; makes a tour of calls; and measures in every recording who can be heard when. Ends with
    exit code 1 if anything is not as the policy says. Whatever it started is ended.

    \b
      ./run-lab --yes
      ./run-lab --policy surrey --scenario blind-to-payment
      ./run-lab --policy surrey --scenario hang-up-by-caller --keep
      ./run-lab --pbx freeswitch
    """
    if list_only:
        _list()
        return
    selection = _select(names, policies, pbx)
    if lacking := kinds.lacking(pbx):
        if stages is None:
            raise click.UsageError(lacking)
        click.echo(
            f"Only what is played on the PBX that runs; the rest isn't, for there is {lacking}"
        )
        selection = replace(selection, faults=(), made_up=(), payments=())
    install.offer(yes)
    afterwards = partial(keep.stay, councils=list(selection.councils), say=click.echo)
    report = run(selection, click.echo, afterwards if keep_running else None, stages)
    if page is not None:
        page.write_text(table.markdown(report.takes, selection.pbx), encoding="utf-8")
    click.echo(report.summary())
    sys.exit(0 if report.ok else 1)


def _select(names: tuple[str, ...], policies: tuple[str, ...], pbx: str) -> Selection:
    known = [*(s.name for s in (*SCENARIOS, *MADE_UP, *PAYMENTS)), CROWD, *(f.name for f in FAULTS)]
    for name in names:
        if name not in known:
            raise click.BadParameter(f'no scenario "{name}"; there are: {", ".join(known)}')
    for policy in policies:
        if policy not in [council.policy for council in COUNCILS]:
            raise click.BadParameter(f'no policy "{policy}" in the lab; --list names them')
    # A policy that is named leaves out what belongs to none.
    everything = not names and not policies
    return Selection(
        scenarios=[s for s in SCENARIOS if not names or s.name in names],
        councils=[c for c in COUNCILS if not policies or c.policy in policies],
        crowd=crowd.SIZE if everything or CROWD in names else 0,
        faults=[f for f in FAULTS if everything or f.name in names],
        made_up=[s for s in MADE_UP if everything or s.name in names],
        payments=[s for s in PAYMENTS if everything or s.name in names],
        pbx=pbx,
    )


def _list() -> None:
    click.echo("scenarios:")
    for name, title in [
        *((s.name, s.title) for s in (*SCENARIOS, *MADE_UP, *PAYMENTS)),
        (CROWD, f"{crowd.SIZE} calls at once"),
        *((f.name, f.title) for f in FAULTS),
    ]:
        click.echo(f"  {name:20} {title}")
    click.echo("policies:")
    for council in COUNCILS:
        click.echo(f"  {council.policy:20} {council.did}")


if __name__ == "__main__":
    main()
