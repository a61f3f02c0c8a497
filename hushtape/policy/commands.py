"""``hushtape policy``: check, read, compare and try policies.

Each command is a file of its own, found by its entry point (group ``hushtape.policy_commands``) and
loaded when it is called for: one that needs the call machine lives with it, in ami_bridge.
"""

from __future__ import annotations

import click

from hushtape.cli import Programs


class PolicyCommands(Programs):
    """The group of the commands about policies."""

    entry_group = "hushtape.policy_commands"


@click.group(cls=PolicyCommands)
def policy() -> None:
    """Check, read, compare and try policies. Nothing is changed by any of these.

    \b
      hushtape policy lint examples/policies          what is wrong, and where
    """
