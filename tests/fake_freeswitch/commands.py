"""Api commands that are about no channel."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import Channel
from tests.fake_freeswitch.expand import expanded
from tests.fake_freeswitch.registry import command
from tests.fake_freeswitch.server import carried_out
from tests.fake_freeswitch.transferring import words

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

VERSION = "1.10.12-release"

SIP_PORT = 5060


@command("hostname")
async def hostname(switch: FakeFreeSwitch, arguments: str) -> str:
    """The machine's name."""
    return switch.globals["hostname"]


@command("switchname")
async def switchname(switch: FakeFreeSwitch, arguments: str) -> str:
    """The switch's name."""
    return switch.name


@command("version")
async def version(switch: FakeFreeSwitch, arguments: str) -> str:
    """What it says to be."""
    return f"FreeSWITCH Version {VERSION}~64bit ( 64bit)\n"


@command("status")
async def status(switch: FakeFreeSwitch, arguments: str) -> str:
    """How it is."""
    return (
        "UP 0 years, 0 days, 0 hours, 0 minutes, 1 second, 0 milliseconds, 0 microseconds\n"
        f"FreeSWITCH (Version {VERSION}  64bit) is ready\n"
        f"{switch.sessions} session(s) since startup\n"
        f"{len(switch.channels)} session(s) - peak 0, last 5min 0 \n"
    )


@command("msleep")
async def msleep(switch: FakeFreeSwitch, arguments: str) -> str:
    """Wait."""
    await asyncio.sleep(int(arguments) / 1000)
    return "+OK\n"


@command("create_uuid")
async def create_uuid(switch: FakeFreeSwitch, arguments: str) -> str:
    """A new id."""
    return str(uuid.uuid4())


@command("strepoch")
async def strepoch(switch: FakeFreeSwitch, arguments: str) -> str:
    """Seconds since 1970."""
    return str(int(time.time()))


@command("strftime")
async def strftime(switch: FakeFreeSwitch, arguments: str) -> str:
    """The time."""
    return datetime.now(UTC).strftime(arguments or "%Y-%m-%d %T")


@command("global_getvar")
async def global_getvar(switch: FakeFreeSwitch, arguments: str) -> str:
    """A variable of the whole switch."""
    if not arguments:
        return "".join(f"{name}={value}\n" for name, value in switch.globals.items())
    return switch.globals.get(arguments, "")


@command("global_setvar")
async def global_setvar(switch: FakeFreeSwitch, arguments: str) -> str:
    """Set one; an empty value takes it away."""
    name, _, value = arguments.partition("=")
    switch.set_global(name, value)
    return "+OK"


@command("eval")
async def eval_(switch: FakeFreeSwitch, arguments: str) -> str:
    """A text with its variables."""
    return await expanded(switch, switch.asking, arguments)


@command("xml_locate")
async def xml_locate(switch: FakeFreeSwitch, arguments: str) -> str:
    """A part of the configuration."""
    return switch.document.locate(arguments.split(" "))


@command("reloadxml", "reloadacl", "fsctl", "load", "reload")
async def reloadxml(switch: FakeFreeSwitch, arguments: str) -> str:
    """Nothing has changed."""
    return "+OK [Success]\n"


@command("sofia")
async def sofia(switch: FakeFreeSwitch, arguments: str) -> str:
    """What is known of SIP: the profile, and who is registered."""
    match arguments.split(" "):
        case ["status", "profile", name, "reg", *_]:
            rows = "".join(
                f"Call-ID:    \t{user}\nUser:       \t{user}\n\n" for user in switch.phones
            )
            return f"\nRegistrations:\n{rows}Total items returned: {len(switch.phones)}\n"
        case ["status", "profile", name, *_]:
            domain = switch.globals.get("domain", "127.0.0.1")
            return f"Name             \t{name}\nURL              \tsip:mod_sofia@{domain}\n"
        case ["status", *_]:
            return "Name\t   Type\t     Data\tState\n lab\tprofile\t sip:127.0.0.1\tRUNNING (0)\n"
    return "+OK\n"


@command("sofia_contact")
async def sofia_contact(switch: FakeFreeSwitch, arguments: str) -> str:
    """Where a user's telephone is."""
    user = arguments.rpartition("/")[2].partition("@")[0]
    line = switch.phones.get(user)
    if line is None:
        return "error/user_not_registered"
    return f"sofia/lab/sip:{user}@127.0.0.1:{getattr(line, 'sip_port', SIP_PORT)}"


@command("show")
async def show(switch: FakeFreeSwitch, arguments: str) -> str:
    """Every channel, in JSON; or how many there are."""
    asked = arguments.split(" ")
    if asked[0] not in ("channels", "calls"):
        return "-USAGE: channels|calls [as json|count]\n"
    rows = [_row(switch, each) for each in switch.channels.values() if int(each.running) > 0]
    if "count" in asked:
        return f"\n{len(rows)} total.\n"
    if not rows:
        return json.dumps({"row_count": 0})
    return json.dumps({"row_count": len(rows), "rows": rows}, separators=(",", ":"))


def _row(switch: FakeFreeSwitch, channel: Channel) -> dict[str, str]:
    profile, initial = channel.profile, channel.initial
    created = datetime.fromtimestamp(profile.created_us / 1e6, UTC)
    return {
        "uuid": channel.uuid,
        "direction": channel.direction,
        "created": f"{created:%Y-%m-%d %H:%M:%S}",
        "created_epoch": str(profile.created_us // 1_000_000),
        "name": channel.name,
        "state": f"CS_{channel.running.name}",
        "cid_name": profile.caller_id_name,
        "cid_num": profile.caller_id_number,
        "ip_addr": profile.network_addr,
        "dest": profile.destination_number,
        "application": channel.get("current_application"),
        "application_data": channel.get("current_application_data"),
        "dialplan": profile.dialplan,
        "context": profile.context,
        "read_codec": "PCMU",
        "read_rate": "8000",
        "secure": "",
        "hostname": switch.name,
        "presence_id": channel.get("presence_id"),
        "accountcode": "",
        "callstate": channel.callstate,
        "callee_name": profile.callee_id_name,
        "callee_num": profile.callee_id_number,
        "call_uuid": channel.get("call_uuid") or channel.uuid,
        "initial_cid_name": initial.caller_id_name,
        "initial_cid_num": initial.caller_id_number,
        "initial_ip_addr": initial.network_addr,
        "initial_dest": initial.destination_number,
        "initial_dialplan": initial.dialplan,
        "initial_context": initial.context,
    }


@command("originate")
async def originate(switch: FakeFreeSwitch, arguments: str) -> str:
    """Ring somebody, and have him do something: ``URL EXTEN|&APP(ARG) [DIALPLAN [CONTEXT …]]``."""
    from tests.fake_freeswitch.originate import OriginateError
    from tests.fake_freeswitch.transferring import session_transfer

    url, rest = _url(arguments)
    asked = words(rest)
    if not asked:
        return (
            "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>]"
            " [<cid_name>] [<cid_num>] [<timeout_sec>]\n"
        )
    shown = (asked[3], asked[4]) if len(asked) > 4 else None
    try:
        leg = await switch.originate(url, caller_id=shown)
    except OriginateError as error:
        return f"-ERR {error.cause}\n"
    extension = asked[0]
    plan, context = (asked[at] if len(asked) > at else "" for at in (1, 2))
    if extension.startswith("&"):
        name, _, data = extension[1:].partition("(")
        extension, plan = f"{name}:{data.removesuffix(')')}", "inline"
    session_transfer(leg, extension, plan or "XML", context or "default")
    return f"+OK {leg.uuid}\n"


def _url(text: str) -> tuple[str, str]:
    """A dial string may hold spaces, in its brackets."""
    depth, quoted = 0, False
    for at, each in enumerate(text):
        if each == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(each, 0)
        if each == " " and not depth and not quoted:
            return text[:at], text[at + 1 :]
    return text, ""


@command("sched_api")
async def sched_api(switch: FakeFreeSwitch, arguments: str) -> str:
    """``+SECONDS GROUP COMMAND``: have a command carried out later."""
    after, _, line = arguments.split(" ", 2)
    if not after.startswith("+"):
        return "-ERR Invalid time\n"

    async def later() -> None:
        await asyncio.sleep(int(after))
        await carried_out(switch, line)

    switch.beside(later(), f"sched_api {line}")
    return "+OK Added: 1\n"
