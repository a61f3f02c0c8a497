"""The applications and api commands that the fake FreeSWITCH knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

Application = Callable[["FakeFreeSwitch", "Channel", str], Awaitable[None]]
"""Ends when it is done; is cancelled when the channel is sent elsewhere or hangs up."""
Command = Callable[["FakeFreeSwitch", str], Awaitable[str]]
"""Returns what FreeSWITCH answers."""

APPLICATIONS: dict[str, Application] = {}
COMMANDS: dict[str, Command] = {}


def application(*names: str) -> Callable[[Application], Application]:
    """Make an application known to the dialplan."""

    def add(function: Application) -> Application:
        APPLICATIONS.update(dict.fromkeys(names, function))
        return function

    return add


def command(*names: str) -> Callable[[Command], Command]:
    """Make an api command known."""

    def add(function: Command) -> Command:
        COMMANDS.update(dict.fromkeys(names, function))
        return function

    return add
