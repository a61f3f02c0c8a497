"""mod_fifo: callers wait in a row, and whoever serves it is rung, or fetches the first of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tests.fake_freeswitch.attended import execute_now
from tests.fake_freeswitch.originate import OriginateError
from tests.fake_freeswitch.registry import application, command
from tests.fake_freeswitch.sound import plays

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

SUBCLASS = "fifo::info"
DIALS_EVERY_S = 1.0  # looks that seldom whether somebody waits
RINGS_S = 30.0
SILENCE = "silence_stream://-1"


@dataclass
class Row:
    """One fifo."""

    name: str
    callers: list[Channel] = field(default_factory=list)
    members: list[str] = field(default_factory=list)  # what is dialled
    ringing: set[str] = field(default_factory=set)


_ROWS: WeakKeyDictionary[FakeFreeSwitch, dict[str, Row]] = WeakKeyDictionary()


def _row(switch: FakeFreeSwitch, name: str) -> Row:
    return _ROWS.setdefault(switch, {}).setdefault(name, Row(name))


@application("fifo")
async def fifo(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Wait in a row (``NAME in``), or take who is first (``NAME out``)."""
    name, way, *more = data.split(" ")
    if way == "in":
        await _wait(switch, channel, _row(switch, name), more)
    else:
        await _take(switch, channel, _row(switch, name), waits="nowait" not in more)


async def _wait(switch: FakeFreeSwitch, channel: Channel, row: Row, more: list[str]) -> None:
    row.callers.append(channel)
    _tell(switch, channel, row.name, "push")
    channel.set("fifo_status", "WAITING")
    music = channel.get("fifo_music") or (more[1] if len(more) > 1 else SILENCE)
    dialling = switch.beside(_dial(switch, channel, row), f"fifo {row.name}")
    try:
        async with plays(switch, channel, music, loops=True):
            await asyncio.get_running_loop().create_future()
    finally:
        if channel in row.callers:  # nobody has taken him
            row.callers.remove(channel)
            dialling.cancel()
            channel.set("fifo_status", "ABORTED")
            _tell(switch, channel, row.name, "abort")


async def _dial(switch: FakeFreeSwitch, channel: Channel, row: Row) -> None:
    """Ring whoever serves the row, again and again, while the caller waits."""
    while channel in row.callers:
        await asyncio.sleep(DIALS_EVERY_S)
        for member in row.members:
            if channel in row.callers and member not in row.ringing:
                await _ring(switch, channel, row, member)


async def _ring(switch: FakeFreeSwitch, channel: Channel, row: Row, member: str) -> None:
    row.ringing.add(member)
    _tell(switch, channel, row.name, "pre-dial")
    try:
        profile = channel.profile
        shown = profile.caller_id_name, profile.caller_id_number
        leg = await switch.originate(member, caller_id=shown, timeout_s=RINGS_S)
    except OriginateError:
        _tell(switch, None, row.name, "post-dial")
    else:
        _tell(switch, leg, row.name, "post-dial")
        execute_now(leg, "fifo", f"{row.name} out nowait")
    finally:
        row.ringing.discard(member)


async def _take(switch: FakeFreeSwitch, channel: Channel, row: Row, *, waits: bool) -> None:
    switch.answer(channel)
    _tell(switch, channel, row.name, "consumer_start")
    while channel.up and (waits or row.callers):
        if row.callers:
            await _serve(switch, channel, row.callers.pop(0), row)
        else:
            await asyncio.sleep(DIALS_EVERY_S)
        if not waits:
            break
    _tell(switch, channel, row.name, "consumer_stop")


async def _serve(switch: FakeFreeSwitch, channel: Channel, caller: Channel, row: Row) -> None:
    _tell(switch, caller, row.name, "caller_pop")
    _tell(switch, channel, row.name, "consumer_pop")
    caller.set("fifo_status", "TALKING")
    both = {
        "FIFO-Consumer-Channel-Name": channel.name,
        "FIFO-Caller-UUID": caller.uuid,
        "FIFO-Consumer-UUID": channel.uuid,
    }
    for about, action in (
        (channel, "channel-consumer-start"),
        (channel, "bridge-consumer-start"),
        (caller, "bridge-caller-start"),
    ):
        _tell(switch, about, row.name, action, both)
    await switch.talk(channel, caller)
    caller.set("fifo_status", "DONE")
    for about, action in (
        (channel, "channel-consumer-stop"),
        (channel, "bridge-consumer-stop"),
        (caller, "bridge-caller-stop"),
    ):
        _tell(switch, about, row.name, action, both)


def _tell(
    switch: FakeFreeSwitch,
    channel: Channel | None,
    name: str,
    action: str,
    more: dict[str, str] | None = None,
) -> None:
    switch.custom(SUBCLASS, channel, {"FIFO-Name": name, "FIFO-Action": action, **(more or {})})


@command("fifo_member")
async def fifo_member(switch: FakeFreeSwitch, arguments: str) -> str:
    """Add or remove somebody who serves a row: ``add NAME DIAL-STRING``."""
    match arguments.split(" "):
        case ["add", name, contact, *_]:
            _row(switch, name).members.append(contact)
            return "+OK\n"
        case ["del", name, contact, *_]:
            row = _row(switch, name)
            row.members = [each for each in row.members if each != contact]
            return "+OK\n"
    return "-ERR Invalid!\n"
