"""Whom the fake FreeSWITCH can ring: null, user, gateway and loopback channels."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_freeswitch import loopback, session
from tests.fake_freeswitch.channel import Channel, Line, Profile, State, Steps

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

NOBODY = "0000000000"
OUTBOUND = "Outbound Call"


class OriginateError(Exception):
    """Nobody has answered."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def dial(
    switch: FakeFreeSwitch,
    address: str,
    by: Channel | None,
    variables: Mapping[str, str],
    caller_id: tuple[str, str] | None,
) -> Channel:
    kind, _, rest = address.partition("/")
    match kind:
        case "null":
            return _null(switch, rest, by, variables, caller_id)
        case "loopback":
            return _loopback(switch, rest, by, variables, caller_id)
        case "user":
            return _user(switch, rest, by, variables, caller_id)
        case "error":
            raise OriginateError(rest.upper())
        case "sofia":
            return _gateway(switch, rest, by, variables, caller_id)
    raise OriginateError("CHAN_NOT_IMPLEMENTED")


def _profile(
    by: Channel | None, number: str, caller_id: tuple[str, str] | None, given: Mapping[str, str]
) -> Profile:
    """Who calls whom, as the leg that is dialled shows it."""
    name, shown = caller_id or ("", "")
    context = "default"
    profile = Profile(destination_number=number, callee_id_number=number, context=context)
    profile.callee_id_name = OUTBOUND
    if by is not None:
        own = by.profile
        profile.context, profile.dialplan = own.context, own.dialplan
        profile.username, profile.network_addr = own.username, own.network_addr
        profile.rdnis = own.destination_number if by.name.startswith("loopback/") else ""
        name = by.get("effective_caller_id_name") or own.caller_id_name
        shown = by.get("effective_caller_id_number") or own.caller_id_number
        profile.orig_caller_id_name = own.orig_caller_id_name
        profile.orig_caller_id_number = own.orig_caller_id_number
        profile.originator = own.copy()
    profile.rdnis = ""
    profile.caller_id_name = given.get("origination_caller_id_name", name)
    profile.caller_id_number = given.get("origination_caller_id_number", shown)
    if by is None and not caller_id and not profile.caller_id_number:
        profile.caller_id_number = NOBODY
    return profile


def _leg(
    switch: FakeFreeSwitch,
    name: str,
    profile: Profile,
    variables: Mapping[str, str],
    line: Line | None = None,
) -> Channel:
    kept = {key: value for key, value in variables.items() if key != "origination_uuid"}
    name = variables.get("origination_channel_name", name)
    channel = switch.new_channel(
        name, "outbound", profile, line, kept, variables.get("origination_uuid", "")
    )
    if profile.originator is not None:
        channel.other_type = "originator"
    channel.set("originate_early_media", "true")
    switch.fire("CHANNEL_OUTGOING", channel)
    return channel


def _null(
    switch: FakeFreeSwitch,
    rest: str,
    by: Channel | None,
    variables: Mapping[str, str],
    caller_id: tuple[str, str] | None,
) -> Channel:
    """A telephone that answers at once and hears nothing."""
    profile = _profile(by, rest, caller_id, variables)
    profile.source = "mod_loopback"
    channel = _leg(switch, f"null/{rest}", profile, variables)
    channel.set("originate_endpoint", "null")
    switch.live(channel)

    async def answers() -> None:
        await channel.until(lambda: channel.running is State.CONSUME_MEDIA or not channel.up)
        session.answer(channel)

    switch.beside(answers(), f"{channel} answers")
    return channel


def _user(
    switch: FakeFreeSwitch,
    rest: str,
    by: Channel | None,
    variables: Mapping[str, str],
    caller_id: tuple[str, str] | None,
) -> Channel:
    """A telephone of the directory."""
    user, _, domain = rest.partition("@")
    domain = domain or switch.globals.get("domain", "")
    directory = switch.document.user(user, domain)
    if directory is None:
        raise OriginateError("SUBSCRIBER_ABSENT")
    if by is not None:
        by.set("dialed_user", user)
        by.set("dialed_domain", domain)
    line = switch.phones.get(user)
    if line is None:
        raise OriginateError("USER_NOT_REGISTERED")
    contact = getattr(line, "contact", "") or f"{user}-0x{id(line):x}"
    port = getattr(line, "sip_port", 5060)
    profile = _profile(by, contact, caller_id, variables)
    more = {
        "dialed_user": user,
        "dialed_domain": domain,
        "presence_id": f"{user}@{domain}",
        "sip_call_id": str(uuid.uuid4()),
    }
    name = f"sofia/lab/{contact}@127.0.0.1:{port}"
    channel = _leg(switch, name, profile, {**variables, **more}, line)
    channel.directory = {key: value for key, value in directory.items() if key != "user_context"}
    switch.live(channel)
    switch.beside(_rings(channel, line), f"{channel} rings")
    return channel


def _gateway(
    switch: FakeFreeSwitch,
    rest: str,
    by: Channel | None,
    variables: Mapping[str, str],
    caller_id: tuple[str, str] | None,
) -> Channel:
    """A line to the outside: ``gateway/NAME/NUMBER``."""
    kind, _, more = rest.partition("/")
    gateway, _, number = more.partition("/")
    line = switch.phones.get(f"gateway/{gateway}")
    if kind != "gateway" or line is None:
        raise OriginateError("INVALID_GATEWAY")
    profile = _profile(by, number, caller_id, variables)
    more_variables = {"sip_gateway_name": gateway, "sip_call_id": str(uuid.uuid4())}
    name = f"sofia/{gateway}/{number}"
    channel = _leg(switch, name, profile, {**variables, **more_variables}, line)
    switch.live(channel)
    switch.beside(_rings(channel, line), f"{channel} rings")
    return channel


async def _rings(channel: Channel, line: Line) -> None:
    await channel.until(lambda: channel.running is State.CONSUME_MEDIA or not channel.up)
    if channel.up:
        line.ring(channel)


def _loopback(
    switch: FakeFreeSwitch,
    rest: str,
    by: Channel | None,
    variables: Mapping[str, str],
    caller_id: tuple[str, str] | None,
) -> Channel:
    """A channel whose other end goes through the dialplan."""
    number, _, more = rest.partition("/")
    context, _, plan = more.partition("/")
    profile = _profile(by, number, caller_id, variables)
    profile.context = context or profile.context or "default"
    profile.callee_id_number = plan or "XML"
    steps = None
    if number.startswith("app="):
        profile.callee_id_number = number
        number, _, data = number.removeprefix("app=").partition(":")
        profile.destination_number = number
        steps = Steps("loopback", number, deque([("pre_answer", ""), (number, data)]))
    outer = _leg(switch, f"loopback/{number}-a", profile, variables)
    within = profile.copy()
    within.dialplan = plan or "XML"
    inner = switch.new_channel(f"loopback/{number}-b", "inbound", within, None, variables)
    inner.state = State.INIT
    outer.other_half, inner.other_half = inner, outer
    outer.set("other_loopback_leg_uuid", inner.uuid)
    inner.set("other_loopback_leg_uuid", outer.uuid)
    outer.set("loopback_leg", "A")
    inner.set("loopback_leg", "B")
    inner.steps = steps
    switch.live(outer)
    switch.live(inner)
    switch.beside(loopback.steps_out(switch, outer), f"{outer} steps out")
    return outer
