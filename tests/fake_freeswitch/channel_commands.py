"""Api commands about a channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fake_freeswitch import bridging, digits, events, recorders, transferring
from tests.fake_freeswitch.channel import Channel
from tests.fake_freeswitch.registry import command

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

NOBODY = "-ERR No such channel!\n"
NO_SESSION = "-ERR Cannot locate session!\n"
OK = "+OK\n"


@command("uuid_exists")
async def uuid_exists(switch: FakeFreeSwitch, arguments: str) -> str:
    """Whether it lives."""
    return "true" if switch.find(arguments) is not None else "false"


@command("uuid_kill")
async def uuid_kill(switch: FakeFreeSwitch, arguments: str) -> str:
    """Hang up."""
    uuid, _, cause = arguments.partition(" ")
    channel = switch.find(uuid)
    if channel is None:
        return NOBODY
    channel.hangup(cause or "NORMAL_CLEARING")
    return OK


@command("uuid_getvar")
async def uuid_getvar(switch: FakeFreeSwitch, arguments: str) -> str:
    """A variable."""
    words = arguments.split(" ")
    if len(words) < 2:
        return "-USAGE: <uuid> <var>\n"
    channel = switch.find(words[0])
    return NOBODY if channel is None else channel.get(words[1]) or "_undef_"


@command("uuid_setvar")
async def uuid_setvar(switch: FakeFreeSwitch, arguments: str) -> str:
    """Set one; no value takes it away."""
    words = arguments.split(" ", 2)
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    channel = switch.find(words[0])
    if channel is None:
        return NOBODY
    channel.set(words[1], words[2] if len(words) > 2 else "")
    return OK


@command("uuid_setvar_multi")
async def uuid_setvar_multi(switch: FakeFreeSwitch, arguments: str) -> str:
    """Set several: ``NAME=VALUE;NAME=VALUE``."""
    uuid, _, rest = arguments.partition(" ")
    channel = switch.find(uuid)
    if channel is None:
        return f"{NOBODY}-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    for each in rest.split(";"):
        name, _, value = each.partition("=")
        channel.set(name, value)
    return OK


@command("uuid_dump")
async def uuid_dump(switch: FakeFreeSwitch, arguments: str) -> str:
    """All that is known of it."""
    uuid, _, how = arguments.partition(" ")
    channel = switch.find(uuid)
    if channel is None:
        return NOBODY
    head = events.stamp_headers(switch.name, switch.core_uuid, switch.now_us(), 0)
    said: events.Headers = {"Event-Name": "CHANNEL_DATA", **head}
    said |= events.channel_headers(channel, variables=True)
    if how == "json":
        return json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    return events.plain(said).decode()


@command("uuid_transfer")
async def uuid_transfer(switch: FakeFreeSwitch, arguments: str) -> str:
    """Send it elsewhere: ``UUID [-bleg|-both] EXTEN [DIALPLAN [CONTEXT]]``."""
    words = transferring.words(arguments)
    if len(words) < 2:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    channel = switch.find(words.pop(0))
    if channel is None:
        return NOBODY
    which = words.pop(0).lower() if words[0].startswith("-") else ""
    if which:
        partner = channel.peer or switch.find(channel.get("bridge_to"))
        if partner is None:
            pass  # then it goes itself
        elif which == "-both":
            transferring.session_transfer(partner, *words[:3])
        else:
            if channel.true("recording_follow_transfer"):
                recorders.move(channel, partner)
            channel = partner
    return OK if transferring.session_transfer(channel, *words[:3]) else "-ERR\n"


@command("uuid_bridge")
async def uuid_bridge(switch: FakeFreeSwitch, arguments: str) -> str:
    """Let two talk."""
    words = arguments.split(" ")
    both = [switch.find(each) for each in words[:2]]
    if len(both) < 2 or both[0] is None or both[1] is None:
        return "-ERR Invalid uuid\n"
    if not bridging.uuid_bridge(both[0], both[1]):
        return "-ERR Invalid uuid\n"
    return f"+OK {words[1]}\n"


@command("uuid_park")
async def uuid_park(switch: FakeFreeSwitch, arguments: str) -> str:
    """Park it."""
    channel = switch.find(arguments.split(" ")[0])
    if channel is None:
        return NOBODY
    transferring.park(channel)
    return OK


@command("uuid_hold")
async def uuid_hold(switch: FakeFreeSwitch, arguments: str) -> str:
    """Have its telephone hold: ``[off|toggle] UUID``."""
    words = arguments.split(" ")
    off = words[0] == "off"
    toggles = words[0] == "toggle"
    channel = switch.find(words[1] if off or toggles else words[0])
    if channel is not None:
        if off or (toggles and channel.holding):
            switch.unhold(channel, by_switch=True)
        else:
            switch.hold(channel)
    return "+OK Success\n"


@command("uuid_broadcast")
async def uuid_broadcast(switch: FakeFreeSwitch, arguments: str) -> str:
    """Play something, or execute an application: ``UUID SOUND|APP::ARG [aleg|bleg|both]``."""
    words = transferring.words(arguments)
    channel = switch.find(words[0]) if words else None
    if channel is None or len(words) < 2:
        return "-ERR invalid uuid\n"
    name, separator, data = words[1].partition("::")
    if not separator:
        name, data = "playback", words[1]
    where = words[2] if len(words) > 2 else "aleg"
    on: list[Channel | None] = [channel] if where in ("aleg", "both") else []
    if where in ("bleg", "both"):
        on.append(channel.peer)
    for each in on:
        if each is not None:
            switch.broadcast(each, name, data.replace("!", " ") if separator else data)
    return "+OK Message sent\n"


@command("uuid_break")
async def uuid_break(switch: FakeFreeSwitch, arguments: str) -> str:
    """End the sound that is played."""
    channel = switch.find(arguments.split(" ")[0])
    if channel is None:
        return NOBODY
    channel.break_sound = True
    channel.stir()
    return OK


@command("uuid_answer")
async def uuid_answer(switch: FakeFreeSwitch, arguments: str) -> str:
    """Answer it."""
    channel = switch.find(arguments)
    if channel is None:
        return NOBODY
    switch.answer(channel)
    return OK


@command("uuid_recv_dtmf")
async def uuid_recv_dtmf(switch: FakeFreeSwitch, arguments: str) -> str:
    """Keys come in; with a ~ as if its telephone had sent them."""
    uuid, _, keys = arguments.partition(" ")
    channel = switch.find(uuid)
    if channel is None:
        return NO_SESSION
    keys = keys.partition("@")[0]
    digits.received(channel, keys.lstrip("~"), from_phone=keys.startswith("~"))
    return OK


@command("uuid_send_dtmf")
async def uuid_send_dtmf(switch: FakeFreeSwitch, arguments: str) -> str:
    """Send keys to its telephone."""
    uuid, _, keys = arguments.partition(" ")
    channel = switch.find(uuid)
    if channel is None:
        return NO_SESSION
    digits.sent(channel, keys.lstrip("~"))
    return OK
