"""What starts and stops recorders: an api command, and applications of the dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_freeswitch import recorders
from tests.fake_freeswitch.channel import Channel
from tests.fake_freeswitch.dialstring import assignments
from tests.fake_freeswitch.registry import application, command

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

USAGE = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
OK = "+OK Success\n"


@command("uuid_record")
async def uuid_record(switch: FakeFreeSwitch, arguments: str) -> str:
    """Start, stop, mask or unmask a recorder."""
    words = arguments.split(" ", 4)
    if len(words) < 3:
        return USAGE
    uuid, what, path = words[:3]
    channel = switch.find(uuid)
    if channel is None:
        return "-ERR Cannot locate session!\n"
    match what:
        case "start":
            given = words[4].strip("{}") if len(words) > 4 else ""
            if not recorders.start(switch, channel, path, assignments(given)):
                return "-ERR Cannot record session!\n"
        case "stop":
            every = path.lower() == "all"
            if not (
                recorders.stop_all(switch, channel)
                if every
                else recorders.stop(switch, channel, path)
            ):
                return "-ERR Cannot stop record session!\n"
        case "mask" | "unmask":
            if not recorders.mask(switch, channel, path, masked=what == "mask"):
                return f"-ERR Cannot {what} recording session!\n"
        case _:
            return USAGE
    return OK


@command("uuid_buglist")
async def uuid_buglist(switch: FakeFreeSwitch, arguments: str) -> str:
    """What is attached to a channel's sound."""
    channel = switch.find(arguments.split(" ")[0])
    return recorders.listed(channel) if channel is not None else "-ERR no reply\n"


@application("record_session")
async def record_session(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Record from now on."""
    recorders.start(switch, channel, data.partition("+")[0].strip())


@application("stop_record_session")
async def stop_record_session(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Stop one, or all."""
    if data == "all":
        recorders.stop_all(switch, channel)
    else:
        recorders.stop(switch, channel, data)
