"""mod_conference: everybody in a room hears everybody else."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tests.fake_freeswitch.registry import application

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

SUBCLASS = "conference::maintenance"


@dataclass
class Room:
    """One conference."""

    name: str
    members: list[Channel] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))


_ROOMS: WeakKeyDictionary[FakeFreeSwitch, dict[str, Room]] = WeakKeyDictionary()


@application("conference")
async def conference(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Be in a room until the channel hangs up, or is sent elsewhere."""
    rooms = _ROOMS.setdefault(switch, {})
    name = data.partition("@")[0]
    if name not in rooms:
        rooms[name] = Room(name)
        _tell(switch, None, "conference-create", name)
    room = rooms[name]
    number = str(next(room.ids))
    switch.answer(channel)
    switch.advance()
    room.members.append(channel)
    channel.room = room.members
    channel.set("conference_name", name)
    channel.set("conference_member_id", number)
    _tell(switch, channel, "add-member", name, number)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        switch.advance()
        room.members.remove(channel)
        channel.room = None
        _tell(switch, channel, "del-member", name, number)
        if not room.members:
            del rooms[name]
            _tell(switch, None, "conference-destroy", name)


def _tell(
    switch: FakeFreeSwitch, channel: Channel | None, action: str, name: str, member: str = ""
) -> None:
    headers = {"Conference-Name": name, "Action": action}
    if member:
        headers["Member-ID"] = member
    switch.custom(SUBCLASS, channel, headers)
