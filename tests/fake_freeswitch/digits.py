"""Keys: the application that waits for them, bound ones, and the other side of a talk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import Channel

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

UNDECIDED_S = 1.5  # how long digits are kept that may become a bound key
PACKETS_S = 0.1  # what isn't asked for at once waits for five packets


@dataclass(frozen=True)
class Binding:
    """What a key does."""

    digits: str
    action: str  # exec, or exec[i]
    data: str
    target: str  # self, peer or both


@dataclass
class DigitMachine:
    """A channel's bound keys."""

    realms: dict[str, list[Binding]] = field(default_factory=dict)
    realm: str = ""
    pressed: str = ""
    timer: asyncio.TimerHandle | None = None


def bind(channel: Channel, text: str) -> None:
    """``REALM,DIGITS,ACTION,DATA,ACTED-ON-FOR,RUNS-ON``; an action is exec:APP,DATA."""
    parts = text.split(",")
    realm, digits, action = parts[0], parts[1], parts[2]
    target = parts[-1] if parts[-1] in ("self", "peer", "both") else "self"
    data = ",".join(parts[3:-2] if parts[-1] in ("self", "peer", "both") else parts[3:])
    kind, _, name = action.partition(":")
    machine = channel.digits = channel.digits or DigitMachine()
    bound = machine.realms.setdefault(realm, [])
    bound[:] = [each for each in bound if each.digits != digits]
    bound.append(Binding(digits, kind, f"{name} {data}".rstrip(), target))
    machine.realm = machine.realm or realm


def set_realm(channel: Channel, realm: str) -> None:
    """Listen to the keys of one realm."""
    if channel.digits is not None:
        channel.digits.realm = realm


def received(channel: Channel, keys: str, *, from_phone: bool) -> None:
    """A channel gets keys; `from_phone`: bound ones hear them."""
    for key in keys:
        if not channel.up:
            return
        if from_phone and channel.digits is not None:
            _feed(channel, key)
        else:
            _pass(channel, key)


def sent(channel: Channel, keys: str) -> None:
    """The switch sends keys to a channel's telephone, or through a loopback channel."""
    if channel.other_half is not None:
        received(channel.other_half, keys, from_phone=True)


def _pass(channel: Channel, key: str) -> None:
    """To whoever waits for a key, else to the other side of the talk."""
    if channel.on_key is not None and channel.on_key(key):
        return
    if channel.reading or channel.peer is None:
        channel.pressed.append(key)
        channel.stir()
    else:
        sent(channel.peer, key)


def _feed(channel: Channel, key: str) -> None:
    machine = channel.digits
    assert machine is not None
    if machine.timer is not None:
        machine.timer.cancel()
        machine.timer = None
    machine.pressed += key
    bound = machine.realms.get(machine.realm, [])
    exact = next((each for each in bound if each.digits == machine.pressed), None)
    longer = any(each.digits.startswith(machine.pressed) and each is not exact for each in bound)
    if exact is not None and not longer:
        _matched(channel, machine, exact)
    elif exact is None and not longer:
        _not_matched(channel, machine)
    else:
        loop = channel.switch.loop
        machine.timer = loop.call_later(UNDECIDED_S, _decide, channel, machine, exact)


def _decide(channel: Channel, machine: DigitMachine, exact: Binding | None) -> None:
    machine.timer = None
    if exact is not None:
        _matched(channel, machine, exact)
    else:
        _not_matched(channel, machine)


def _not_matched(channel: Channel, machine: DigitMachine) -> None:
    keys, machine.pressed = machine.pressed, ""
    channel.set("last_non_matching_digits", keys)
    for key in keys:
        _pass(channel, key)


def _matched(channel: Channel, machine: DigitMachine, binding: Binding) -> None:
    machine.pressed = ""
    channel.set("last_matching_digits", binding.digits)
    switch = channel.switch
    partner = channel.peer or (switch.find(channel.get("bridge_to")) if channel.up else None)
    on = [channel]
    if binding.target == "peer" and partner is not None:
        on = [partner]
    elif binding.target == "both" and partner is not None:
        on = [partner, channel]
    name, _, data = binding.data.partition(" ")
    if binding.action.endswith("[i]"):
        switch.beside(_at_once(switch, on, name, data), f"key {binding.digits} on {channel}")
        return
    for each in on:
        switch.loop.call_later(PACKETS_S, switch.broadcast, each, name, data)


async def _at_once(switch: FakeFreeSwitch, on: list[Channel], name: str, data: str) -> None:
    """Execute in the same moment as the key, whatever the channel does."""
    from tests.fake_freeswitch import session

    for each in on:
        await session.execute(switch, each, name, data)
