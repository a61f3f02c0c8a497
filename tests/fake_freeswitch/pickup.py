"""Fetching somebody else's call: mod_hash remembers who may be fetched, intercept fetches him."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tests.fake_freeswitch.registry import application, command

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

_KEPT: WeakKeyDictionary[FakeFreeSwitch, dict[tuple[str, str], str]] = WeakKeyDictionary()


def _asked(switch: FakeFreeSwitch, text: str) -> str:
    """``insert/REALM/KEY/VALUE``, ``delete/REALM/KEY`` or ``select/REALM/KEY``."""
    kept = _KEPT.setdefault(switch, {})
    match text.split("/", 3):
        case ["insert" | "insert_ifempty" as how, realm, key, value]:
            if how == "insert" or (realm, key) not in kept:
                kept[realm, key] = value
            return "+OK\n"
        case ["delete", realm, key]:
            return "+OK\n" if kept.pop((realm, key), None) is not None else "-ERR Not found\n"
        case ["select", realm, key]:
            return kept.get((realm, key), "")
    return "-USAGE: [insert|insert_ifempty|delete|select]/<realm>/<key>/<value>\n"


@application("hash")
async def remember(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Remember a value, or forget one."""
    _asked(switch, data)


@command("hash")
async def hash_command(switch: FakeFreeSwitch, arguments: str) -> str:
    """Ask for a value that is remembered."""
    return _asked(switch, arguments)


@application("intercept")
async def intercept(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Take a channel from wherever it is; with whom it talks is hung up on."""
    target = switch.find(data.split(" ")[-1])
    if target is None or target is channel:
        return
    switch.answer(channel)
    partner = target.peer
    if switch.bridge(channel, target):
        if partner is not None:
            switch.hangup(partner, "PICKED_OFF")
        await asyncio.get_running_loop().create_future()  # until it is taken from here
