"""What one FreeSWITCH answers when it is asked what lives, or to do something."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from ami_bridge.freeswitch import commands, said
from ami_bridge.freeswitch.esl import json_headers
from ami_bridge.station import STATUS_TIMEOUT_S
from hushtape.errors import ActionRefused, UnsafeValue

NO_LIST = "this FreeSWITCH can't say which channels live: start it without -nosql"
UUID = "uuid"  # under which name a row has its channel's id


class Api(Protocol):
    """The link's way to have a command carried out."""

    def __call__(self, command: str, timeout_s: float) -> Awaitable[str]:
        """Return what it said; a refusal is raised."""


async def rows(api: Api) -> list[dict[str, str]]:
    """Ask for every channel.

    Raises:
        ActionRefused: the answer can't be read.
        HushtapeError: there is none.
    """
    try:
        text = await api(commands.channels(), timeout_s=STATUS_TIMEOUT_S)
    except ActionRefused as error:
        if commands.NO_CORE_DATABASE in error.answer:
            raise ActionRefused(NO_LIST, error.answer) from None
        raise
    try:
        return commands.rows_in(text)
    except ValueError:
        raise ActionRefused("the PBX didn't say which channels live") from None


async def whole(api: Api, row: Mapping[str, str]) -> dict[str, str]:
    """Ask for all of a channel that is read of it; {}: it is gone meanwhile."""
    uuid = row.get(UUID, "")
    try:
        answer = await api(commands.dump(uuid), timeout_s=STATUS_TIMEOUT_S)
    except (ActionRefused, UnsafeValue):
        return {}
    return said.kept({**(json_headers(answer) or {}), **row})


async def bugs(
    api: Api, uuid: str, timeout_s: float = STATUS_TIMEOUT_S
) -> tuple[commands.Bug, ...]:
    """Ask what is attached to a channel's sound; nothing, if it is gone."""
    try:
        return commands.bugs_in(await api(commands.bugs_on(uuid), timeout_s=timeout_s))
    except (ActionRefused, UnsafeValue):
        return ()


async def do(api: Api, pbx: str, command: str, timeout_s: float) -> None:
    """Have something done.

    Raises:
        ActionRefused: it didn't say yes.
        HushtapeError: it said nothing.
    """
    answer = await api(command, timeout_s=timeout_s)
    if not answer.startswith("+OK"):
        raise ActionRefused(f"{pbx} didn't say yes to {command.partition(' ')[0]}", answer)
